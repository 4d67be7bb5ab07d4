"""The devices of one home: what each reading means, when each was heard, how often it sees life."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.coverage.intervals import (
    BUCKETS,
    beat,
    bucket_of,
    buckets_of,
    habit,
    longest,
    observed_s,
)
from edge.inactivity.limits import DEAD_INTERVALS, Context
from edge.inactivity.profile import ROOM_KINDS
from edge.signals import NS_PER_S, FloatArray
from edge.subject import RoomKind, Sensor, SensorRole

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

ACTIVITY_QUANTITIES: Final = (
    "motion", "motion_count", "presence", "door_open", "in_bed", "steps", "appliance_on",
)  # fmt: skip
QUANTITY_INDEX: Final = MappingProxyType({name: k for k, name in enumerate(ACTIVITY_QUANTITIES)})
MOTION_COUNT: Final = QUANTITY_INDEX["motion_count"]
# Each positive report is an activity, not only the first of a row.
MOMENTARY: Final = np.array([name in ("motion", "motion_count") for name in ACTIVITY_QUANTITIES])
_IS_MOMENTARY: Final = tuple(MOMENTARY.tolist())
# The end of it is an activity too: somebody closes a door, gets up. The end of `motion` or of a
# radar's `presence` is only a timer running out, for radars minutes late.
BOTH_WAYS: Final = np.array([name in ("door_open", "in_bed") for name in ACTIVITY_QUANTITIES])

# Sightings this near are one visit to the room; habits are intervals between visits.
VISIT_BOUTS: Final = 2

# A device that only people make report is known when they have slept once: before, an hour in
# which somebody was about looks like the beat of a clock.
SEEN_ENOUGH_S: Final = 20 * 3600.0

NEVER_NS: Final = -(2**62)


class Kind(IntEnum):
    """What an activity tells about where the person is."""

    NONE = 0
    INSIDE = 1
    DOOR = 2
    BED = 3
    SEAT = 4


_SILENT_ROLES: Final = frozenset(
    {
        SensorRole.BUTTON, SensorRole.LOCATOR, SensorRole.SPOT_VITALS, SensorRole.CLIMATE,
        SensorRole.SMOKE, SensorRole.GAS, SensorRole.WATER,
    }
)  # fmt: skip
_CONTEXT_OF_ROOM: Final = MappingProxyType(
    {RoomKind.BEDROOM: Context.BEDROOM, RoomKind.BATHROOM: Context.BATHROOM}
)


def kind_of(role: SensorRole, quantity: str) -> Kind:
    """What a reading of that quantity from a device in that role is."""
    if role in _SILENT_ROLES:
        return Kind.NONE
    if quantity == "in_bed" or (role is SensorRole.BED and quantity == "presence"):
        return Kind.BED
    if role is SensorRole.SEAT and quantity == "presence":
        return Kind.SEAT
    if role is SensorRole.OUTER_DOOR and quantity in ("door_open", "motion", "motion_count"):
        return Kind.DOOR
    return Kind.INSIDE


class Devices:
    """Arrays over the devices of one home, in the order of its settings.

    `report_counts` holds wall intervals (s) between reports, `beat_counts` those between reports
    that a device makes of its own accord: what people cause tells of people, not of the device.
    `life_counts` holds intervals between sightings counted in bouts of life in the home: a dead
    motion sensor shows while others see somebody, a quiet person shows nothing.
    """

    __slots__ = (
        "beat_counts", "beat_ns", "both_ways", "context", "heard_ns", "ids", "is_none", "kinds",
        "last_value", "life_counts", "period_ns", "report_counts", "room", "seen_bout", "sightings",
        "watching",
    )  # fmt: skip

    def __init__(self, sensors: tuple[Sensor, ...]) -> None:
        n = len(sensors)
        self.ids = {sensor.device_id: k for k, sensor in enumerate(sensors)}
        self.kinds = np.array(
            [[kind_of(s.role, name) for name in ACTIVITY_QUANTITIES] for s in sensors],
            dtype=np.int64,
        ).reshape(n, len(ACTIVITY_QUANTITIES))
        # Asked with every report: plain values answer several times sooner than an array's.
        self.is_none = tuple(tuple(kind == 0 for kind in row) for row in self.kinds.tolist())
        self.both_ways = np.tile(BOTH_WAYS, (n, 1))
        self.both_ways |= (self.kinds == Kind.SEAT) | (self.kinds == Kind.BED)
        self.watching = np.array([s.role not in _SILENT_ROLES for s in sensors], dtype=np.bool_)
        self.context = np.array(
            [_CONTEXT_OF_ROOM.get(s.room_kind, Context.ROOM) for s in sensors], dtype=np.int64
        )
        self.room = np.array([ROOM_KINDS.index(s.room_kind) for s in sensors], dtype=np.int64)
        self.period_ns = [round((s.report_interval_s or 0.0) * NS_PER_S) for s in sensors]
        self.heard_ns = np.full(n, NEVER_NS, dtype=np.int64)
        self.beat_ns = np.full(n, NEVER_NS, dtype=np.int64)
        self.seen_bout = np.full(n, -1, dtype=np.int64)
        self.sightings = np.zeros(n)
        self.last_value = np.full((n, len(ACTIVITY_QUANTITIES)), np.nan)
        self.report_counts = np.zeros((n, BUCKETS))
        self.beat_counts = np.zeros((n, BUCKETS))
        self.life_counts = np.zeros((n, BUCKETS))

    def learned_arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        """Everything that changes; first axis is the device."""
        return (
            self.heard_ns, self.beat_ns, self.seen_bout, self.sightings,
            self.last_value, self.report_counts, self.beat_counts, self.life_counts,
        )  # fmt: skip

    def take_over(self, other: Devices) -> None:
        """What `other` knew of the devices that are in both."""
        for device_id, k in self.ids.items():
            j = other.ids.get(device_id)
            if j is None:
                continue
            for mine, theirs in zip(self.learned_arrays(), other.learned_arrays(), strict=True):
                mine[k] = theirs[j]

    def heard(self, k: int, time_ns: int, quantity: int, value: float) -> None:
        """A report of device `k`, whatever it says. `last_value` is still that before it."""
        _note(self.heard_ns, self.report_counts, k, time_ns)
        if self._is_own(k, quantity, value):
            _note(self.beat_ns, self.beat_counts, k, time_ns)

    def _is_own(self, k: int, quantity: int, value: float) -> bool:
        """Whether a device reports because its time has come, not because of a person."""
        if quantity < 0 or self.is_none[k][quantity]:
            return True
        if quantity == MOTION_COUNT and self.period_ns[k]:
            return True
        again = value == self.last_value.item(k, quantity)
        return again and not (value > 0 and _IS_MOMENTARY[quantity])

    def saw(self, k: int, bout: int) -> None:
        """Device `k` saw life in that bout."""
        before = int(self.seen_bout[k])
        if bout != before:
            if before >= 0 and bout - before > VISIT_BOUTS:
                self.life_counts[k, bucket_of(float(bout - before))] += 1
            self.sightings[k] += 1
            self.seen_bout[k] = bout

    def heard_many(self, device: IntArray, time_ns: IntArray, own: BoolArray) -> None:
        """`heard` for sorted times, all at once. `own`: of the device's own accord."""
        _note_many(self.heard_ns, self.report_counts, device, time_ns)
        if own.any():
            _note_many(self.beat_ns, self.beat_counts, device[own], time_ns[own])

    def saw_many(self, device: IntArray, bout: IntArray) -> None:
        """`saw` for bouts in order, all at once."""
        order, before, _ = _previous(device, bout, self.seen_bout)
        interval = bout[order] - before
        new = interval != 0
        np.add.at(self.sightings, device[order][new], 1.0)
        new &= (before >= 0) & (interval > VISIT_BOUTS)
        np.add.at(
            self.life_counts,
            (device[order][new], buckets_of(interval[new].astype(np.float64))),
            1.0,
        )
        self.seen_bout[device] = bout

    def end_day(self) -> None:
        """Halve what is full, so that habits can change."""
        for counts in (self.report_counts, self.beat_counts, self.life_counts):
            counts[counts.sum(axis=1) > _FULL] *= 0.5
        if self.sightings.sum() > _FULL * len(self.sightings):
            self.sightings *= 0.5

    def beat_s(self, k: int) -> float | None:
        """The interval of a device that reports by its own clock; None while none is known."""
        return beat(self.beat_counts[k])

    def longest_s(self, k: int) -> float | None:
        """The longest interval between reports, of any cause; None before most of a day of them."""
        counts = self.report_counts[k]
        return longest(counts) if observed_s(counts) >= SEEN_ENOUGH_S else None

    def counting_ns(self, k: int) -> int:
        """The period that device `k` sums its counts over; 0 when it tells of each thing at once.

        A promised interval alone is a heartbeat: nothing is summed.
        """
        period_ns = self.period_ns[k] if k >= 0 else 0
        return period_ns if period_ns and not np.isnan(self.last_value[k, MOTION_COUNT]) else 0

    def missing(self, bout: int) -> list[int]:
        """Devices that should have seen life by now, going by that of the home."""
        return [
            k
            for k in self._sighted()
            if _overdue(self.life_counts[k], float(bout - self.seen_bout[k]), DEAD_INTERVALS)
        ]

    def dead(self, now_ns: int) -> list[int]:
        """Devices that keep a beat and have missed three."""
        return [
            k
            for k in self._sighted()
            if self.beat_s(k) is not None
            and _overdue(
                self.beat_counts[k], (now_ns - int(self.heard_ns[k])) / NS_PER_S, DEAD_INTERVALS
            )
        ]

    def share(self, devices: list[int]) -> float:
        """Share of all sightings that these devices usually have."""
        total = float(self.sightings.sum())
        return float(self.sightings[devices].sum()) / total if total else 0.0

    def tells_rest(self, devices: list[int]) -> bool:
        """Whether one of them is a bed or seat: without it, rest looks like silence."""
        rest = (self.kinds[devices] == Kind.BED) | (self.kinds[devices] == Kind.SEAT)
        return bool(rest.any())

    def _sighted(self) -> list[int]:
        return [int(k) for k in np.flatnonzero(self.watching & (self.sightings > 0))]


_FULL: Final = 512.0


def _note(last_ns: IntArray, counts: FloatArray, k: int, time_ns: int) -> None:
    """One more interval."""
    before = last_ns.item(k)
    if before != NEVER_NS and time_ns > before:
        counts[k, bucket_of((time_ns - before) / NS_PER_S)] += 1
    if time_ns > before:
        last_ns[k] = time_ns


def _note_many(last_ns: IntArray, counts: FloatArray, device: IntArray, time_ns: IntArray) -> None:
    """`_note` for sorted times, all at once."""
    order, before, first = _previous(device, time_ns, last_ns)
    interval = np.where(first & (before == NEVER_NS), 0, time_ns[order] - before)
    known = interval > 0
    np.add.at(counts, (device[order][known], buckets_of(interval[known] / NS_PER_S)), 1.0)
    last_ns[device] = time_ns  # sorted: the last of each device stays


def _overdue(counts: FloatArray, elapsed: float, times: float) -> bool:
    interval = habit(counts)
    return interval is not None and elapsed > times * interval


def _previous(
    device: IntArray, value: IntArray, last: IntArray
) -> tuple[IntArray, IntArray, BoolArray]:
    """Order by device; in that order the value before each, from `last` where it is the first."""
    order = np.argsort(device, kind="stable")
    sorted_device, sorted_value = device[order], value[order]
    first = np.empty(len(order), dtype=np.bool_)
    first[0] = True
    first[1:] = sorted_device[1:] != sorted_device[:-1]
    before = np.empty_like(sorted_value)
    before[1:] = sorted_value[:-1]
    before[first] = last[sorted_device[first]]
    return order, before, first
