"""Readings by column: whole batches as arrays, from the wire to the store. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import Origin, Reading

# Device, quantity, origin: what makes a series within an institution.
Key = tuple[str, str, str]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# A point as it lies in a segment: big-endian, so that SQL can make one too.
POINT: Final = np.dtype([("time_ns", ">i8"), ("value", ">f8")])


@dataclass(frozen=True, slots=True)
class ReadingColumns:
    """n readings: `keys[key[i]]` said `value[i]` at `time_ns[i]`; uncertainty NaN: not known."""

    keys: list[Key]
    key: IntArray
    time_ns: IntArray
    value: FloatArray
    uncertainty_s: FloatArray

    def __len__(self) -> int:
        return len(self.key)

    def where(self, mask: BoolArray) -> ReadingColumns:
        """Those that `mask` keeps; `keys` stay as they are."""
        return ReadingColumns(
            self.keys, self.key[mask], self.time_ns[mask], self.value[mask],
            self.uncertainty_s[mask],
        )  # fmt: skip

    def newest_ns(self) -> dict[str, int]:
        """The newest time of each device."""
        newest = np.full(len(self.keys), -1, np.int64)
        np.maximum.at(newest, self.key, self.time_ns)
        by_device: dict[str, int] = {}
        for (device_id, _, _), time_ns in zip(self.keys, newest.tolist(), strict=True):
            if time_ns >= 0:
                by_device[device_id] = max(time_ns, by_device.get(device_id, 0))
        return by_device


def columns_of(readings: Sequence[Reading] | ReadingColumns) -> ReadingColumns:
    """The same readings by column."""
    if isinstance(readings, ReadingColumns):
        return readings
    numbers: dict[Key, int] = {}
    key = [
        numbers.setdefault((r.device_id, r.quantity, r.origin.value), len(numbers))
        for r in readings
    ]
    return ReadingColumns(
        list(numbers),
        np.array(key, np.int64),
        np.array([r.time_ns for r in readings], np.int64),
        np.array([r.value for r in readings], np.float64),
        np.array([r.clock_uncertainty_s for r in readings], np.float64),
    )


@dataclass(frozen=True, slots=True)
class Points:
    """Points of several series, by series and time; each (series, time) once."""

    series: IntArray
    time_ns: IntArray
    value: FloatArray
    uncertainty_s: FloatArray

    def __len__(self) -> int:
        return len(self.series)

    def where(self, mask: BoolArray) -> Points:
        """Those that `mask` keeps."""
        return Points(
            self.series[mask], self.time_ns[mask], self.value[mask], self.uncertainty_s[mask]
        )

    def readings(self, key: Key) -> list[Reading]:
        """All of them as readings of one key."""
        device_id, quantity, origin = key
        return [
            Reading(device_id, quantity, t, v, Origin(origin), None if u != u else u)  # noqa: PLR0124 - NaN
            for t, v, u in zip(
                self.time_ns.tolist(), self.value.tolist(), self.uncertainty_s.tolist(),
                strict=True,
            )
        ]  # fmt: skip


def no_points() -> Points:
    """None at all."""
    return Points(
        np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0)
    )  # fmt: skip


def in_order(points: Points) -> Points:
    """By series and time; of several of one (series, time) the first given is kept."""
    series, time_ns = points.series, points.time_ns
    if len(points) > 1:
        step = np.diff(time_ns)
        if not bool(
            ((series[1:] > series[:-1]) | ((series[1:] == series[:-1]) & (step > 0))).all()
        ):
            order = np.lexsort((time_ns, series))
            points = points.where(order)  # type: ignore[arg-type]  # an index selects as well
            series, time_ns = points.series, points.time_ns
            first = np.r_[True, (series[1:] != series[:-1]) | (time_ns[1:] != time_ns[:-1])]
            if not first.all():
                points = points.where(first)
    return points


def joined(parts: Sequence[Points]) -> Points:
    """All parts as one, by series and time; of two of one (series, time) the earlier part's."""
    if not parts:
        return no_points()
    if len(parts) == 1:
        return in_order(parts[0])
    return in_order(
        Points(
            np.concatenate([p.series for p in parts]),
            np.concatenate([p.time_ns for p in parts]),
            np.concatenate([p.value for p in parts]),
            np.concatenate([p.uncertainty_s for p in parts]),
        )
    )


def held_in(points: Points, held: Points) -> BoolArray:
    """Which of `points` have their (series, time) in `held`. Both by series and time."""
    found = np.zeros(len(points), np.bool_)
    for series in np.unique(points.series).tolist():
        mine = slice(*np.searchsorted(points.series, [series, series + 1]))
        theirs = slice(*np.searchsorted(held.series, [series, series + 1]))
        found[mine] = np.isin(points.time_ns[mine], held.time_ns[theirs])
    return found
