"""Heart rate from a ballistocardiogram, for many windows at once.

Each beat shakes the bed with a burst whose shape differs between people and postures, so the shape
is not used: the bursts' envelope repeats with the heart, and its autocorrelation says how often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.signals import FloatArray

WINDOW_S: Final = 30.0
RATE_HZ: Final = 50.0
SAMPLES: Final = round(WINDOW_S * RATE_HZ)
# Slower than 50 Hz loses the upper half of the band below.
MIN_RATE_HZ: Final = 50.0
# 10 s hold 7 beats even at 40 /min, and the rate changes little meanwhile; half-overlapping.
_PART: Final = round(10 * RATE_HZ)
_STEP: Final = round(5 * RATE_HZ)
# Breathing and its harmonics are below 2 Hz, the heart's bursts within 2..12 Hz.
_BURST_LOW_HZ: Final = 2.0
_BURST_HIGH_HZ: Final = 12.0
# The envelope repeats between 0.6 and 5 Hz.
_ENVELOPE_LOW_HZ: Final = 0.6
_ENVELOPE_HIGH_HZ: Final = 5.0
_CLIP_SD: Final = 5.0
_MAD_TO_SD: Final = 1.4826
_FFT: Final = 1024
# 35 to 200 beats a minute.
_MIN_LAG: Final = round(0.3 * RATE_HZ)
_MAX_LAG: Final = round(1.7 * RATE_HZ)
# The first peak this close to the highest is one beat; the highest may be two. At 0.8 a fast heart
# (95 /min and more) in noise was halved in 15 of 100 answers, at 0.6 in 0 to 4 (the card).
_FIRST_SHARE: Final = 0.6
# A part with this many times the others' energy holds a movement.
_DISTURBED: Final = 3.0
_MIN_PARTS: Final = 3
# Parts whose own rate is this close to the common one agree with it.
_AGREE_SHARE: Final = 0.12
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Heart:
    """Per window (n,): rate in 1/min (NaN: none) and quality 0..1."""

    rate: FloatArray
    quality: FloatArray


def heart(windows: FloatArray) -> Heart:
    """Judge windows (n, SAMPLES) at RATE_HZ."""
    starts = range(0, SAMPLES - _PART + 1, _STEP)
    parts = np.stack([windows[:, start : start + _PART] for start in starts], axis=1)
    count, pieces = parts.shape[:2]
    bursts = _filtered(parts.reshape(-1, _PART), _BURST_LOW_HZ, _BURST_HIGH_HZ)
    scale = _MAD_TO_SD * np.median(np.abs(bursts), axis=1, keepdims=True)
    envelope = np.abs(np.clip(bursts, -_CLIP_SD * scale, _CLIP_SD * scale))
    acf = _autocorrelation(_filtered(envelope, _ENVELOPE_LOW_HZ, _ENVELOPE_HIGH_HZ))
    acf = acf.reshape(count, pieces, -1)
    energy = bursts.std(axis=1).reshape(count, pieces)
    quiet = energy <= _DISTURBED * np.median(energy, axis=1, keepdims=True)
    quiet &= energy > _TINY
    used = quiet.sum(axis=1)
    common = (acf * quiet[:, :, None]).sum(axis=1) / np.maximum(used, 1)[:, None]
    lag, height = _period(common)
    part_lag, _ = _period(acf.reshape(count * pieces, -1))
    part_lag = part_lag.reshape(count, pieces)
    near = quiet & (np.abs(part_lag / lag[:, None] - 1) <= _AGREE_SHARE)
    agree = near.sum(axis=1)
    part_rate = np.where(near, 60 * RATE_HZ / np.where(near, part_lag, 1.0), 0.0)
    rate = part_rate.sum(axis=1) / np.maximum(agree, 1)
    usable = (agree >= _MIN_PARTS) & (height > 0)
    quality = np.clip(height, 0, 1) * agree / pieces
    return Heart(np.where(usable, rate, np.nan), np.where(usable, quality, 0.0))


def _filtered(signals: FloatArray, low_hz: float, high_hz: float) -> FloatArray:
    """Only a band, without phase shift and without the mean."""
    frequency = np.fft.rfftfreq(_FFT, 1 / RATE_HZ)
    gain = 1 / (1 + (low_hz / np.maximum(frequency, _TINY)) ** 8) / (1 + (frequency / high_hz) ** 8)
    flat = signals - signals.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(flat, _FFT, axis=1) * gain
    result: FloatArray = np.fft.irfft(spectrum, _FFT, axis=1)[:, : signals.shape[1]]
    return result


def _autocorrelation(signals: FloatArray) -> FloatArray:
    """Unbiased and normalised, lags 0 .. _MAX_LAG."""
    length = signals.shape[1]
    spectrum = np.fft.rfft(signals, _FFT, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    acf = np.fft.irfft(power, _FFT, axis=1)[:, : _MAX_LAG + 1]
    result: FloatArray = acf / (acf[:, :1] + _TINY) * length / (length - np.arange(_MAX_LAG + 1))
    return result


def _period(acf: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lag of the first strong peak, between samples, and its height (0: none)."""
    middle = acf[:, _MIN_LAG:_MAX_LAG]
    peak = (middle > acf[:, _MIN_LAG - 1 : _MAX_LAG - 1]) & (middle >= acf[:, _MIN_LAG + 1 :])
    height = np.where(peak, middle, 0.0)
    first = np.argmax(height >= _FIRST_SHARE * height.max(axis=1, keepdims=True), axis=1)
    rows, at = np.arange(len(acf)), first + _MIN_LAG
    before, top, after = acf[rows, at - 1], acf[rows, at], acf[rows, at + 1]
    bend = before - 2 * top + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1.0), 0.0)
    lag: FloatArray = at + np.clip(shift, -0.5, 0.5)
    return lag, height[rows, first]
