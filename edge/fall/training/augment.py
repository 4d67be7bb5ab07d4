"""Copies of a recording as other devices, straps and floors would have given it."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d

from edge.fall.training.perturb import BURST_S, bridge, burst_mask
from edge.fall.window import IndexArray
from edge.signals import FloatArray

# Rates and ranges of wearables on sale; a copy only ever gets a lower one than its source.
RATES_HZ: Final = (20.0, 25.0, 30.0, 32.0, 34.0, 40.0, 50.0)
RANGES_G: Final = (2.0, 4.0, 8.0, 16.0)
# How often each change is made; together most copies get two of them.
_SLOWER: Final = 0.7
_DAMPED: Final = 0.25
_SLACK: Final = 0.2
_CLIPPED: Final = 0.5
_LOSSY: Final = 0.25
_LOST_SHARE: Final = 0.05
# Of the candidates of a copy that loses impacts, so many do, to a burst this near to them.
_IMPACT_LOST: Final = 0.4
_IMPACT_NEAR_S: Final = 0.25
_FILTERED: Final = 0.5  # of the slower ones: some devices filter before, some do not
# Soft floors and clothes widen an impact by up to 20 ms; a loose strap rings at 4 to 9 Hz and
# dies within 80 ms; sensor gains differ by 5 %; noise is up to 15 mg.
_DAMPING_MAX_S: Final = 0.02
_RING_HZ: Final = (4.0, 9.0)
_RING_DECAY_S: Final = 0.08
_RING_GAIN: Final = (0.05, 0.25)
_GAIN: Final = 0.05
_NOISE_MAX_G: Final = 0.015


def lose_impacts(
    values_g: FloatArray, rate_hz: float, peaks: IndexArray, rng: np.random.Generator
) -> FloatArray:
    """Samples (n, 3) in g with a burst lost at or near some of `peaks`, bridged as the stream does.

    Bursts at random hardly ever take an impact, and that is the loss that hurts.
    """
    kept = np.ones(len(values_g), dtype=bool)
    for peak in peaks:
        if rng.random() < _IMPACT_LOST:
            size = max(1, round(rng.exponential(BURST_S * rate_hz)))
            centre = peak + round(rng.uniform(-_IMPACT_NEAR_S, _IMPACT_NEAR_S) * rate_hz)
            first = max(1, centre - size // 2)
            kept[first : first + size] = False
    kept[-1] = True
    return bridge(values_g, kept)


def augment(
    values_g: FloatArray, rate_hz: float, full_scale_g: float, rng: np.random.Generator
) -> tuple[FloatArray, float, float]:
    """Samples (n, 3) in g -> changed samples, their rate, and the time of the first one in s."""
    start_s = 0.0
    if rng.random() < _SLOWER:
        values_g, rate_hz, start_s = _slower(values_g, rate_hz, rng)
    if rng.random() < _DAMPED:
        width = rng.uniform(0.3, 1.0) * _DAMPING_MAX_S * rate_hz
        values_g = gaussian_filter1d(values_g, width, axis=0, mode="nearest")
    if rng.random() < _SLACK:
        values_g = _slack(values_g, rate_hz, rng)
    values_g = values_g * rng.uniform(1.0 - _GAIN, 1.0 + _GAIN)
    if rng.random() < _CLIPPED:
        # Turned first: features do not see the turn, but clipping cuts other axes then.
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        limit_g = rng.choice([g for g in RANGES_G if g <= max(full_scale_g, RANGES_G[0])])
        values_g = np.clip(values_g @ turn, -limit_g, limit_g)
    values_g = values_g + rng.normal(0.0, rng.uniform(0.0, _NOISE_MAX_G), values_g.shape)
    if rng.random() < _LOSSY:
        kept = burst_mask(len(values_g), rate_hz, _LOST_SHARE, rng)
        values_g = bridge(values_g, kept)
    return values_g, rate_hz, start_s


def _slower(
    values_g: FloatArray, rate_hz: float, rng: np.random.Generator
) -> tuple[FloatArray, float, float]:
    """Sampled again at a lower or equal rate with a random phase; half of them filtered first."""
    slower_hz = float(rng.choice([r for r in RATES_HZ if r <= max(rate_hz, RATES_HZ[0])]))
    if rng.random() < _FILTERED and slower_hz < 0.7 * rate_hz:
        values_g = gaussian_filter1d(values_g, 0.4 * rate_hz / slower_hz, axis=0, mode="nearest")
    time_s = np.arange(len(values_g)) / rate_hz
    slower_s = np.arange(rng.random() / slower_hz, time_s[-1], 1.0 / slower_hz)
    columns = [np.interp(slower_s, time_s, values_g[:, k]) for k in range(3)]
    return np.stack(columns, axis=1), slower_hz, float(slower_s[0])


def _slack(values_g: FloatArray, rate_hz: float, rng: np.random.Generator) -> FloatArray:
    """A loose strap rings after each jerk."""
    time_s = np.arange(0.0, 4 * _RING_DECAY_S, 1.0 / rate_hz)
    ring = np.exp(-time_s / _RING_DECAY_S) * np.sin(2 * np.pi * rng.uniform(*_RING_HZ) * time_s)
    jerk = np.gradient(values_g, axis=0)
    shaken = [np.convolve(jerk[:, k], ring)[: len(values_g)] for k in range(3)]
    result: FloatArray = values_g + rng.uniform(*_RING_GAIN) * np.stack(shaken, axis=1)
    return result
