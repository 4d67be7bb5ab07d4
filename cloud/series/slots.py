"""Slots: readings summarised over a stretch of time, and what a chart makes of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from cloud.clock import NS_PER_S
from edge.signals import Origin

# One row per slot. A single reading is a slot of its own whose times and values are all the same.
SLOT: Final = np.dtype(
    [
        ("series", "<i8"), ("slot", "<i8"), ("count", "<i8"),
        ("first_ns", "<i8"), ("last_ns", "<i8"), ("min_ns", "<i8"), ("max_ns", "<i8"),
        ("first_value", "<f8"), ("last_value", "<f8"), ("min_value", "<f8"), ("max_value", "<f8"),
        ("sum_value", "<f8"),
    ]
)  # fmt: skip
Slots = npt.NDArray[np.void]
# Three missed reports make a silence (alarms.md, device_offline).
GAP_FACTOR: Final = 3.0
# Denser data than one reading a minute may miss a few without a hole in the chart.
SHORTEST_GAP_NS: Final = 60 * NS_PER_S


class Unit(IntEnum):
    """How long a slot is, ns; 0: single readings."""

    RAW = 0
    MINUTE = 60 * NS_PER_S
    HOUR = 3600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Track:
    """What one device said of one quantity, in slots by time."""

    device_id: str
    origin: Origin
    slots: Slots


@dataclass(frozen=True, slots=True)
class Gap:
    """Time without data: the device was silent, or nobody's device was there."""

    from_ns: int
    until_ns: int
    reason: Literal["no_data", "unassigned"]


Interval = tuple[int, int]


def slots_of_readings(series: npt.NDArray[np.int64], times: Any, values: Any) -> Slots:
    """Each reading as a slot of its own."""
    slots = np.empty(len(series), SLOT)
    slots["series"], slots["slot"], slots["count"] = series, times, 1
    for name in ("first", "last", "min", "max"):
        slots[f"{name}_ns"], slots[f"{name}_value"] = times, values
    slots["sum_value"] = values
    return slots


def summarise(readings: Slots, unit: Unit) -> Slots:
    """Single readings, sorted by series and time, in slots of `unit`."""
    numbers = readings["first_ns"] // unit
    series = readings["series"]
    begins = np.flatnonzero(
        np.r_[True, (series[1:] != series[:-1]) | (numbers[1:] != numbers[:-1])]
    )
    ends = np.r_[begins[1:], len(readings)] - 1
    if len(begins) == len(readings):
        slots = readings.copy()
        slots["slot"] = numbers
        return slots
    values, times = readings["first_value"], readings["first_ns"]
    group = np.repeat(np.arange(len(begins)), ends - begins + 1)
    lowest = np.lexsort((times, values, group))[begins]
    highest = np.lexsort((times, -values, group))[begins]
    slots = np.empty(len(begins), SLOT)
    slots["series"], slots["slot"] = series[begins], numbers[begins]
    slots["count"] = ends - begins + 1
    for name, rows in (("first", begins), ("last", ends), ("min", lowest), ("max", highest)):
        slots[f"{name}_ns"], slots[f"{name}_value"] = times[rows], values[rows]
    slots["sum_value"] = np.add.reduceat(values, begins)
    return slots


def unit_for(span_ns: int, points: int) -> Unit:
    """The widest slots that still fill `points`."""
    width_ns = bucket_width_ns(span_ns, points, Unit.RAW)
    return next(unit for unit in (Unit.HOUR, Unit.MINUTE, Unit.RAW) if width_ns >= unit)


def bucket_width_ns(span_ns: int, points: int, unit: Unit) -> int:
    """Buckets of two points each, of whole units, so that `points` are never exceeded."""
    # One bucket is lost where the first begins before the span, aligned to a unit.
    width_ns = -(-span_ns // max(1, points // 2 - 1))
    step_ns = max(1, int(unit))
    return max(step_ns, -(-width_ns // step_ns) * step_ns)


def thin(slots: Slots, from_ns: int, width_ns: int, points: int) -> list[tuple[int, float]]:
    """At most `points` (time_ns, value) by time: all, or lowest and highest of each bucket."""
    if not len(slots):
        return []
    if len(slots) <= points and bool((slots["count"] == 1).all()):
        return list(zip(slots["first_ns"].tolist(), slots["first_value"].tolist(), strict=True))
    bucket = (slots["first_ns"] - from_ns) // width_ns
    begins = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    lowest = slots[np.lexsort((slots["min_ns"], slots["min_value"], bucket))[begins]]
    highest = slots[np.lexsort((slots["max_ns"], -slots["max_value"], bucket))[begins]]
    kept = set(zip(lowest["min_ns"].tolist(), lowest["min_value"].tolist(), strict=True))
    kept.update(zip(highest["max_ns"].tolist(), highest["max_value"].tolist(), strict=True))
    return sorted(kept)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time without overlaps, by time."""
    union: list[Interval] = []
    for begin, end in sorted(intervals):
        if union and begin <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        elif begin < end:
            union.append((begin, end))
    return union


def gaps(
    tracks: Sequence[Track], assigned: Iterable[Interval], whole: Interval, unit: Unit
) -> list[Gap]:
    """Where in `whole` nothing is known, and why. Never shorter than a slot of `unit`."""
    held = merged((max(a, whole[0]), min(b, whole[1])) for a, b in assigned)
    heard_from, heard_until = _heard(tracks)
    limit_ns = max(
        min((_typical_ns(t.slots) for t in tracks if len(t.slots) > 1), default=0) * GAP_FACTOR,
        SHORTEST_GAP_NS, unit,
    )  # fmt: skip
    found = [Gap(a, b, "unassigned") for a, b in _between(held, whole) if a < b]
    for begin, end in held:
        inside = slice(
            int(np.searchsorted(heard_until, begin, "right")),
            int(np.searchsorted(heard_from, end, "left")),
        )
        silent_from = np.r_[begin, np.minimum(heard_until[inside], end)]
        silent_until = np.r_[np.maximum(heard_from[inside], begin), end]
        found += [
            Gap(int(silent_from[index]), int(silent_until[index]), "no_data")
            for index in np.flatnonzero(silent_until - silent_from > limit_ns).tolist()
        ]
    return sorted(found, key=lambda gap: gap.from_ns)


def _heard(tracks: Sequence[Track]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """When anything was heard: beginnings and ends of stretches without overlap, by time."""
    first = np.concatenate([track.slots["first_ns"] for track in tracks] or [np.empty(0, np.int64)])
    end = (
        np.concatenate([track.slots["last_ns"] for track in tracks] or [np.empty(0, np.int64)]) + 1
    )
    order = np.argsort(first, kind="stable")
    first, reach = first[order], np.maximum.accumulate(end[order])
    opens = np.r_[True, first[1:] > reach[:-1]] if len(first) else np.empty(0, np.bool_)
    closes = np.r_[opens[1:], True] if len(first) else opens
    return first[opens], reach[closes]


def _between(intervals: list[Interval], whole: Interval) -> list[Interval]:
    edges = [(whole[0], whole[0]), *intervals, (whole[1], whole[1])]
    return [(before[1], after[0]) for before, after in pairwise(edges)]


def _typical_ns(slots: Slots) -> float:
    """The usual time between two readings."""
    many = slots[slots["count"] > 1]
    inside = (many["last_ns"] - many["first_ns"]) / (many["count"] - 1)
    across = slots["first_ns"][1:] - slots["last_ns"][:-1]
    return float(np.median(np.r_[inside, across]))
