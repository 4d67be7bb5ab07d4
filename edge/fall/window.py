"""Candidate moments, and the window around each on one common time grid.

A candidate is a local maximum of the acceleration's magnitude. Whether a sample is one depends
only on the samples within `PEAK_GUARD_S` of it, so chunking, restarts and where a replay begins
cannot change it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import FloatArray, Int16Array

# Magnitude, in g, below which no sample is a candidate. The softest labelled falls of the
# development data that show an impact at all peak at 1.5 to 1.8 g (2 g hip sensor, wrist on a
# mat); below that because lost samples take peaks away. Scripted daily life has a candidate
# every 4 s then, and the first look is made for that.
CANDIDATE_G: Final = 1.3
# A candidate is the largest sample within this many seconds on either side: half the time in
# which a fall goes from loss of support to rest (about 2 s), so a fall has one or two of them.
PEAK_GUARD_S: Final = 1.0
# The decision window around a candidate. Before: loss of support starts up to 1 s before the
# impact, and a second of ordinary posture before that is the reference. After: rebound ends
# within 1 s, the second after it shows posture and stillness. `fall_suspected` comes this late.
WINDOW_BEFORE_S: Final = 3.0
WINDOW_AFTER_S: Final = 2.0
# Common grid: 25 Hz keeps body motion (below 10 Hz) and lies inside what a 20 Hz device can
# still be interpolated to; every rate from 20 to 200 Hz is averaged onto it.
GRID_HZ: Final = 25.0
GRID_BEFORE: Final = round(WINDOW_BEFORE_S * GRID_HZ)
GRID_AFTER: Final = round(WINDOW_AFTER_S * GRID_HZ)
GRID_LENGTH: Final = GRID_BEFORE + GRID_AFTER + 1

IndexArray = npt.NDArray[np.int64]


def samples(duration_s: float, rate_hz: float) -> int:
    """Number of sample steps that cover `duration_s`."""
    return int(np.ceil(duration_s * rate_hz - 1e-9))


def squared_g2(counts: Int16Array, scale_g: float | FloatArray) -> FloatArray:
    """Squared magnitude in g^2 of counts (..., 3). The sum of squares is a whole number: exact."""
    squares = counts.astype(np.int32)
    squares *= squares  # at most 2^30
    whole = squares.view(np.uint32)  # three of them: below 2^32
    total = whole[..., 0] + whole[..., 1] + whole[..., 2]
    result: FloatArray = total * np.square(np.float64(scale_g))
    return result


def candidate_peaks(
    squared_g2: FloatArray, guard: int, threshold_g: float
) -> tuple[IndexArray, IndexArray]:
    """Rows and columns of candidates in `squared_g2` (r, n), the squared magnitude in g^2.

    The first and last `guard` columns are context only. Of equal samples (a clipped peak) the
    first one counts.
    """
    width = squared_g2.shape[1] - 2 * guard
    if width <= guard:
        return _only_peak(squared_g2, guard, threshold_g)
    inner = squared_g2[:, guard : guard + width]
    # Of the `guard` samples before and after each inner sample.
    highest = _running_maximum(squared_g2, guard)
    peak = inner >= threshold_g * threshold_g
    peak &= inner > highest[:, :width]
    peak &= inner >= highest[:, guard + 1 :]
    rows, columns = np.nonzero(peak)
    return rows, columns + guard


def _only_peak(
    squared_g2: FloatArray, guard: int, threshold_g: float
) -> tuple[IndexArray, IndexArray]:
    """The same where inner samples are at most `guard`: only their first maximum can be one."""
    inner = squared_g2[:, guard : squared_g2.shape[1] - guard]
    best = inner.argmax(axis=1) if inner.shape[1] else np.zeros(len(inner), dtype=np.int64)
    top = inner[np.arange(len(inner)), best] if inner.shape[1] else np.zeros(len(inner))
    rows = np.flatnonzero(top >= threshold_g * threshold_g)
    columns = best[rows] + guard
    around = squared_g2[rows[:, None], columns[:, None] + np.arange(-guard, guard + 1)]
    peak = (around[:, :guard] < top[rows, None]).all(axis=1)
    peak &= (around[:, guard + 1 :] <= top[rows, None]).all(axis=1)
    return rows[peak], columns[peak]


def _running_maximum(values: FloatArray, size: int) -> FloatArray:
    """Maxima of `size` neighbours each: (r, n) -> (r, n - size + 1).

    By doubling, a handful of passes; scipy's filter takes longer, and 30 MB of a gateway's memory.
    """
    have, highest = 1, values
    while have < size:
        step = min(have, size - have)
        highest = np.maximum(highest[:, :-step], highest[:, step:])
        have += step
    return highest


@lru_cache(maxsize=64)
def _grid_taps(rate_hz: float) -> tuple[IndexArray, FloatArray]:
    """Sample offsets (GRID_LENGTH, taps) from the peak and their weights, for one device rate.

    Each grid point is the mean of the linearly interpolated signal over one grid step, which is
    also the anti-alias filter for fast devices.
    """
    fine = 16  # points per grid step: the error of the mean against the exact integral is < 0.1 %
    first = -samples(WINDOW_BEFORE_S, rate_hz)
    count = samples(WINDOW_AFTER_S, rate_hz) - first + 1
    weights = np.zeros((GRID_LENGTH, count))
    for j in range(GRID_LENGTH):
        centre_s = (j - GRID_BEFORE) / GRID_HZ
        points_s = centre_s + ((np.arange(fine) + 0.5) / fine - 0.5) / GRID_HZ
        position = np.clip(points_s * rate_hz - first, 0.0, count - 1.0)
        low = np.minimum(position.astype(np.int64), count - 2)
        np.add.at(weights[j], low, (low + 1 - position) / fine)
        np.add.at(weights[j], low + 1, (position - low) / fine)
    taps = int((weights > 0).sum(axis=1).max())
    start = np.minimum((weights > 0).argmax(axis=1), count - taps)
    index = start[:, None] + np.arange(taps)
    return index + first, np.take_along_axis(weights, index, axis=1)


def window_span(rate_hz: float) -> tuple[int, int]:
    """How many samples a window needs before and after its peak."""
    return samples(WINDOW_BEFORE_S, rate_hz), samples(WINDOW_AFTER_S, rate_hz)


def to_grid(windows_g: FloatArray, rate_hz: float) -> FloatArray:
    """Windows (n, before + 1 + after, 3) at the device's rate -> (n, GRID_LENGTH, 3) at GRID_HZ.

    Adds tap by tap instead of multiplying matrices: the result of one window then never depends
    on how many are computed together.
    """
    offsets, weights = _grid_taps(rate_hz)
    index = offsets + samples(WINDOW_BEFORE_S, rate_hz)
    grid = np.zeros((len(windows_g), GRID_LENGTH, windows_g.shape[2]))
    for k in range(index.shape[1]):
        tap = windows_g.take(index[:, k], axis=1)
        tap *= weights[:, k, None]
        grid += tap
    return grid
