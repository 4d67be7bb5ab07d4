"""A simulated bed motion signal with a real heart's beat-to-beat intervals.

Only the times of the beats are real. Shape, breathing and noise are invented, so what is measured
on it is unproven on people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.signal

from edge.signals import FloatArray, Int16Array

# Per beat: three damped oscillations of 3 to 9 Hz that begin within 0.18 s. Shapes of real beds
# vary that much between people and postures; a fixed shape would flatter any estimator.
_MODES: Final = 3
_BEAT_S: Final = 0.7
# Breathing moves the bed about eight times as much as the heart does.
_BREATHING_TIMES: Final = 8.0
_BAND_HZ: Final = (1.0, 20.0)
_PINK_SHARE: Final = 0.3
# Counts per unit of beat energy: well above rounding, well below full scale.
_COUNTS: Final = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """`counts` (n,) at the rate asked for; `beats_s` when the heart beat."""

    counts: Int16Array
    beats_s: FloatArray


def simulate(rr_s: FloatArray, rate_hz: float, snr_db: float, seed: int) -> Simulated:
    """Bed motion of one sleeper. `snr_db`: power of the beats over the noise within 1..20 Hz."""
    rng = np.random.default_rng(seed)
    beats_s = np.cumsum(rr_s)
    n, m = int(beats_s[-1] * rate_hz), int(_BEAT_S * rate_hz)
    shape = _shape(rng, m, rate_hz)
    breathing_hz = rng.uniform(0.18, 0.35)
    phase = 2 * np.pi * breathing_hz * beats_s + 0.3 * np.cumsum(rng.normal(0, 0.2, len(beats_s)))
    size = (1 + 0.3 * np.sin(phase)) * rng.lognormal(0, 0.15, len(beats_s))
    beats = np.zeros(n + m)
    for start, height in zip((beats_s * rate_hz).astype(int), size, strict=True):
        if start < n:
            beats[start : start + m] += height * shape
    beats = beats[:n]
    band = scipy.signal.butter(4, _BAND_HZ, "band", fs=rate_hz, output="sos")
    power = scipy.signal.sosfiltfilt(band, beats).var()
    noise = rng.normal(0, 1, n) + _PINK_SHARE * _pink(rng, n, rate_hz)
    noise *= np.sqrt(power / scipy.signal.sosfiltfilt(band, noise).var() / 10 ** (snr_db / 10))
    time_s = np.arange(n) / rate_hz
    breathing = np.sin(2 * np.pi * breathing_hz * time_s + 0.5 * np.sin(0.05 * time_s))
    signal = (beats + noise) / np.sqrt(power) + _BREATHING_TIMES * breathing
    return Simulated(np.clip(np.round(_COUNTS * signal), -32768, 32767).astype(np.int16), beats_s)


def _shape(rng: np.random.Generator, samples: int, rate_hz: float) -> FloatArray:
    time_s = np.arange(samples) / rate_hz
    shape = np.zeros(samples)
    for _ in range(_MODES):
        since = np.maximum(time_s - rng.uniform(0, 0.18), 0)
        ring = np.exp(-since / rng.uniform(0.06, 0.2))
        wave = np.sin(2 * np.pi * rng.uniform(3, 9) * since + rng.uniform(0, 2 * np.pi))
        shape += rng.uniform(0.4, 1) * (since / 0.05) * ring * wave
    return shape


def _pink(rng: np.random.Generator, samples: int, rate_hz: float) -> FloatArray:
    walk = np.cumsum(rng.normal(0, 1, samples))
    high = scipy.signal.butter(1, 0.5, "high", fs=rate_hz, output="sos")
    pink: FloatArray = scipy.signal.sosfilt(high, walk)
    pink /= pink.std()
    return pink


def mean_rate(beats_s: FloatArray, from_s: float, until_s: float) -> float:
    """Beats a minute over an interval; NaN with fewer than two beats."""
    inside = beats_s[(beats_s >= from_s) & (beats_s < until_s)]
    if len(inside) < 2:  # noqa: PLR2004  two beats make one interval
        return float("nan")
    return float(60 * (len(inside) - 1) / (inside[-1] - inside[0]))
