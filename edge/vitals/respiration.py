"""Breathing rate from a slow bed or belt signal, for many windows at once.

Two ways that fail differently, the highest spectral line and the median time between breaths, must
agree; the height of the autocorrelation says how regular the breathing is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import FloatArray

WINDOW_S: Final = 60.0
# Breathing and its first harmonics are below 2 Hz; 10 Hz shows them with a lag step of 0.1 s.
RATE_HZ: Final = 10.0
SAMPLES: Final = round(WINDOW_S * RATE_HZ)
# 5 to 42 breaths a minute. Slower than 5 fits fewer than five times into a window; faster than 42
# meets the heart.
LOW_HZ: Final = 0.08
HIGH_HZ: Final = 0.7
_EDGE_LOW_HZ: Final = 0.1
_EDGE_ORDER: Final = 8
_FFT: Final = 4096
_FINE_FFT: Final = 8192
_ACF_FFT: Final = 2048
_MIN_LAG: Final = 13
_MAX_LAG: Final = 120
# The first autocorrelation peak this close to the highest is the period; the highest may be two.
_FIRST_SHARE: Final = 0.85
# A breath must swing through this much of the signal's standard deviation on both sides.
_HYSTERESIS_SD: Final = 0.2
_MIN_BREATHS: Final = 3
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Breathing:
    """Per window (n,): both rates in 1/min (NaN: none), regularity 0..1, spread of intervals."""

    spectral: FloatArray
    interval: FloatArray
    regularity: FloatArray
    spread: FloatArray

    @property
    def rate(self) -> FloatArray:
        """The mean of the two ways."""
        mean: FloatArray = (self.spectral + self.interval) / 2
        return mean

    @property
    def disagreement(self) -> FloatArray:
        """How far the two ways are apart, 1/min; infinite where one has no answer."""
        apart = np.abs(self.spectral - self.interval)
        result: FloatArray = np.where(np.isfinite(apart), apart, np.inf)
        return result


def resample(windows: FloatArray, samples: int) -> FloatArray:
    """Windows (n, m) without trend as (n, samples) over the same time, free of aliasing."""
    m = windows.shape[1]
    # Row by row the same sums whatever stands beside it, which a least-squares solver is not.
    time = np.arange(m) - (m - 1) / 2
    slope = (windows * time).sum(axis=1) / (time * time).sum()
    flat = windows - windows.mean(axis=1, keepdims=True) - slope[:, None] * time
    if m == samples:
        return np.asarray(flat, dtype=np.float64)
    keep = min(m, samples) // 2 + 1
    spectrum = np.fft.rfft(flat, axis=1)[:, :keep]
    result: FloatArray = np.fft.irfft(spectrum, samples, axis=1) * (samples / m)
    return result


def breathing(windows: FloatArray) -> Breathing:
    """Judge windows (n, SAMPLES) at RATE_HZ."""
    band = _band(windows)
    interval, spread = _intervals(band)
    return Breathing(_spectral(band), interval, _regularity(band), spread)


def _band(windows: FloatArray) -> FloatArray:
    """Only the breathing band, without phase shift."""
    frequency = np.fft.rfftfreq(_FFT, 1 / RATE_HZ)
    low = 1 / (1 + (_EDGE_LOW_HZ / np.maximum(frequency, _TINY)) ** _EDGE_ORDER)
    high = 1 / (1 + (frequency / HIGH_HZ) ** _EDGE_ORDER)
    spectrum = np.fft.rfft(windows, _FFT, axis=1) * (low * high)
    result: FloatArray = np.fft.irfft(spectrum, _FFT, axis=1)[:, : windows.shape[1]]
    return result


def _spectral(band: FloatArray) -> FloatArray:
    """Rate of the highest spectral line, 1/min."""
    power = np.abs(np.fft.rfft(band * np.hanning(band.shape[1]), _FINE_FFT, axis=1))
    frequency = np.fft.rfftfreq(_FINE_FFT, 1 / RATE_HZ)
    allowed = (frequency >= LOW_HZ) & (frequency <= HIGH_HZ)
    result: FloatArray = 60 * frequency[allowed][power[:, allowed].argmax(axis=1)]
    return result


def _regularity(band: FloatArray) -> FloatArray:
    """Height of the autocorrelation at the breathing period, 0..1."""
    spectrum = np.fft.rfft(band, _ACF_FFT, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    acf = np.fft.irfft(power, _ACF_FFT, axis=1)[:, : _MAX_LAG + 1]
    length = band.shape[1]
    acf = acf / (acf[:, :1] + _TINY) * length / (length - np.arange(_MAX_LAG + 1))
    middle = acf[:, _MIN_LAG:_MAX_LAG]
    peak = (middle > acf[:, _MIN_LAG - 1 : _MAX_LAG - 1]) & (middle >= acf[:, _MIN_LAG + 1 :])
    height = np.where(peak, middle, 0.0)
    first = np.argmax(height >= _FIRST_SHARE * height.max(axis=1, keepdims=True), axis=1)
    result: FloatArray = np.clip(height[np.arange(len(band)), first], 0.0, 1.0)
    return result


def _intervals(band: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rate from the median time between breaths, and the spread of those times over their mean."""
    count, length = band.shape
    level = _HYSTERESIS_SD * band.std(axis=1, keepdims=True)
    side = np.where(band > level, 1, np.where(band < -level, -1, 0))
    last = np.maximum.accumulate(np.where(side != 0, np.arange(length), 0), axis=1)
    side = np.take_along_axis(side, last, axis=1)
    rows, at = np.nonzero((side[:, 1:] > 0) & (side[:, :-1] < 0))
    peak_s = _breath_tops(band, rows, at) / RATE_HZ
    same = rows[1:] == rows[:-1]
    interval_rows, interval_s = rows[1:][same], np.diff(peak_s)[same]
    rate, spread = np.full(count, np.nan), np.full(count, np.inf)
    for row in np.unique(interval_rows):
        own = interval_s[interval_rows == row]
        if len(own) + 1 >= _MIN_BREATHS:
            rate[row] = 60 / np.median(own)
            spread[row] = own.std() / own.mean()
    return rate, spread


def _breath_tops(
    band: FloatArray, rows: npt.NDArray[np.intp], at: npt.NDArray[np.intp]
) -> FloatArray:
    """Where the highest sample after each upward crossing is, before the next one, in samples."""
    length = band.shape[1]
    flat = band.ravel()
    starts = rows * length + at
    if len(starts) == 0:
        return np.zeros(0)
    ends = np.minimum(np.append(starts[1:], flat.size), (rows + 1) * length)
    reach = np.arange(int((ends - starts).max()))
    index = starts[:, None] + reach
    inside = index < ends[:, None]
    values = np.where(inside, flat[np.minimum(index, flat.size - 1)], -np.inf)
    result: FloatArray = (at + values.argmax(axis=1)).astype(np.float64)
    return result
