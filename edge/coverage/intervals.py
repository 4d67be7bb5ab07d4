"""How often devices report: a histogram of intervals each, learned as they come."""

from __future__ import annotations

from math import log2
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import FloatArray

# Fewer intervals than this say nothing about a device's habit.
MIN_INTERVALS: Final = 16
# Four buckets an octave: an interval is known to 19 %, finer than any rule here needs.
BUCKETS_PER_OCTAVE: Final = 4
# 2**(72/4) = 262,144 s, three days: a device that reports more seldom is not watched by interval.
BUCKETS: Final = 72
# The interval of a habit: all but one in twenty are shorter.
HABIT_QUANTILE: Final = 0.95
# A device whose longest usual interval is within this factor of its median keeps a beat by itself;
# one that reports only when somebody passes it varies far more (recorded homes: 20 to 1,000).
REGULAR_FACTOR: Final = 3.0
# Twice a day is a habit of the person (to bed, up again), not a beat: check-ins of battery devices
# come every 10 minutes to a few hours.
LONGEST_BEAT_S: Final = 6 * 3600.0

IndexArray = npt.NDArray[np.int64]


def bucket_of(interval: float) -> int:
    """The bucket of an interval (in s, or in bouts); anything under 1 is in the first."""
    if interval <= 1.0:
        return 0
    return min(int(BUCKETS_PER_OCTAVE * log2(interval)), BUCKETS - 1)


def buckets_of(intervals: FloatArray) -> IndexArray:
    """`bucket_of` for many."""
    octaves = np.log2(np.maximum(intervals, 1.0))
    return np.minimum((BUCKETS_PER_OCTAVE * octaves).astype(np.int64), BUCKETS - 1)


def quantile(counts: FloatArray, share: float) -> float | None:
    """Upper edge of the bucket in which `share` of the intervals is reached; None if too few."""
    cumulated = counts.cumsum()
    total = float(cumulated[-1])
    if total < MIN_INTERVALS:
        return None
    return _upper_edge(int(cumulated.searchsorted(share * total)))


def _upper_edge(bucket: int) -> float:
    return float(2.0 ** ((min(bucket, BUCKETS - 1) + 1) / BUCKETS_PER_OCTAVE))


def habit(counts: FloatArray) -> float | None:
    """The learned interval: what HABIT_QUANTILE of the intervals stay under. None if too few."""
    return quantile(counts, HABIT_QUANTILE)


def beat(counts: FloatArray) -> float | None:
    """The learned interval of a device that reports by its own clock, not because of people.

    None where it is not regular, or too few are known. Asked with every report: in one go.
    """
    cumulated = counts.cumsum()
    total = float(cumulated[-1])
    if total < MIN_INTERVALS:
        return None
    middle, long = (
        _upper_edge(int(bucket))
        for bucket in cumulated.searchsorted((0.5 * total, HABIT_QUANTILE * total))
    )
    return long if long <= LONGEST_BEAT_S and long <= REGULAR_FACTOR * middle else None


def longest(counts: FloatArray) -> float | None:
    """Upper edge of the longest interval that is remembered; None if too few are."""
    if float(counts.sum()) < MIN_INTERVALS:
        return None
    bucket = int(np.flatnonzero(counts >= _FORGOTTEN)[-1])
    return float(2.0 ** ((bucket + 1) / BUCKETS_PER_OCTAVE))


def observed_s(counts: FloatArray) -> float:
    """About how long these intervals (s) last together, by the lower edges of their buckets."""
    return float(counts @ _LOWER_EDGES_S)


_LOWER_EDGES_S: Final = 2.0 ** (np.arange(BUCKETS) / BUCKETS_PER_OCTAVE)
# Counts are halved when they are many; one that was halved four times is a matter of the past.
_FORGOTTEN: Final = 0.06
