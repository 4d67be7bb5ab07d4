"""What a day of an elder looked like to their sensors, from hours of summaries. Pure.

A day runs from 06:00 local time to 06:00 of the next morning, so that a night belongs to the day
before it. What no device could tell is None: never nought, never "as usual".
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from cloud.clock import LOCAL_ZONE

HOUR_NS: Final = 3_600_000_000_000
DAY_BEGINS_H: Final = 6
_HOURS: Final = 24
# Hours since the day began: waking is 06 to 22, night 22 to 06, rest 00 to 05 local time.
_WAKING: Final = range(16)
_NIGHT: Final = range(16, 24)
_REST: Final = range(18, 23)
# A sensor in a living room says nothing from nine in the evening to seven in the morning; one that
# says nothing for longer than this may be dead, and its day is unknown.
MAX_SILENCE_H: Final = 12
# Known blind hours (a device offline, a gateway gone) take at most this share of a window; what is
# left is scaled up. More would be a guess.
MAX_BLIND_SHARE: Final = 0.25
# In bed or not must be known for most of a day before the hours in bed mean anything.
_MIN_BED_HOURS: Final = 20
_MIN_REST_HOURS: Final = 2
_MIN_WORN_HOURS: Final = 8
# In bed at night for less than this, movements an hour say nothing.
_MIN_LYING_H: Final = 2.0


class Feature(StrEnum):
    """One number of one day."""

    ACTIVITY = "activity"
    OUTINGS = "outings"
    STEPS = "steps"
    PEAK_STEPS = "peak_steps"
    TIME_IN_BED = "time_in_bed"
    NIGHT_UP = "night_up"
    NIGHT_STIRS = "night_stirs"
    BATHROOM_DAY = "bathroom_day"
    BATHROOM_NIGHT = "bathroom_night"
    HEART_RATE = "heart_rate"
    RESPIRATION_RATE = "respiration_rate"
    SPO2 = "spo2"
    SYSTOLIC = "systolic"
    WEIGHT = "weight"


class Group(StrEnum):
    """Features that tell of one thing: within a group the strongest counts in full."""

    MOVEMENT = "movement"
    NIGHT = "night"
    BED = "bed"
    BATHROOM = "bathroom"
    VITALS = "vitals"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True)
class Spec:
    """How a feature is judged. `worse`: +1 more is worse, -1 less is.

    `floor`: the least day-to-day spread ever assumed, in the feature's unit (sensor resolution:
    one hour slot, 0.5 h of bed, 3 beats, one breath, 1 % SpO2, 6 mmHg, 0.5 kg). `counts`: a count,
    whose own chance spread is its square root (Poisson).
    """

    group: Group
    worse: int
    floor: float
    counts: bool
    weight: float


FEATURES: Final[Mapping[Feature, Spec]] = MappingProxyType(
    {
        Feature.ACTIVITY: Spec(Group.MOVEMENT, -1, 3.0, counts=True, weight=4.0),
        Feature.OUTINGS: Spec(Group.MOVEMENT, -1, 1.0, counts=True, weight=2.0),
        Feature.STEPS: Spec(Group.MOVEMENT, -1, 100.0, counts=False, weight=4.0),
        Feature.PEAK_STEPS: Spec(Group.MOVEMENT, -1, 40.0, counts=False, weight=4.0),
        Feature.TIME_IN_BED: Spec(Group.BED, 1, 0.5, counts=False, weight=4.0),
        Feature.NIGHT_UP: Spec(Group.NIGHT, 1, 0.7, counts=False, weight=4.0),
        Feature.NIGHT_STIRS: Spec(Group.NIGHT, 1, 1.0, counts=False, weight=3.0),
        Feature.BATHROOM_DAY: Spec(Group.BATHROOM, 1, 1.0, counts=False, weight=3.0),
        Feature.BATHROOM_NIGHT: Spec(Group.BATHROOM, 1, 0.7, counts=False, weight=4.0),
        Feature.HEART_RATE: Spec(Group.VITALS, 1, 3.0, counts=False, weight=4.0),
        Feature.RESPIRATION_RATE: Spec(Group.VITALS, 1, 1.0, counts=False, weight=4.0),
        Feature.SPO2: Spec(Group.VITALS, -1, 1.0, counts=False, weight=4.0),
        Feature.SYSTOLIC: Spec(Group.VITALS, 1, 6.0, counts=False, weight=3.0),
        Feature.WEIGHT: Spec(Group.WEIGHT, -1, 0.5, counts=False, weight=4.0),
    }
)
FeatureDay = Mapping[Feature, float | None]


class Slot(NamedTuple):
    """An hour of one quantity of one device; `hour` counts hours since 1970 (UTC)."""

    device_id: str
    quantity: str
    hour: int
    readings: int
    first_ns: int
    last_ns: int
    first: float
    last: float
    low: float
    high: float
    total: float


class Placed(NamedTuple):
    """What a device is for, and in what kind of room."""

    role: str
    room_kind: str


# The quantities that features are made of; the rest only shows that a device lives.
QUANTITIES: Final = (
    "motion", "motion_count", "presence", "door_open", "in_bed", "body_movement", "steps", "worn",
    "heart_rate", "respiration_rate", "spo2", "systolic_pressure", "body_weight", "battery_level",
)  # fmt: skip
_ABOUT: Final = frozenset({"motion", "radar"})
_DOORS: Final = frozenset({"outer_door"})


def first_hour(day: date) -> int:
    """The hour since 1970 in which the elder's day begins."""
    begin = datetime.combine(day, time(DAY_BEGINS_H), LOCAL_ZONE)
    return round(begin.timestamp()) // 3600


def day_of(moment: datetime) -> date:
    """The day that a moment belongs to."""
    return (moment.astimezone(LOCAL_ZONE) - timedelta(hours=DAY_BEGINS_H)).date()


def day_features(
    devices: Mapping[str, Placed],
    slots: Iterable[Slot],
    day: date,
    blind: Mapping[str, Set[int]] = MappingProxyType({}),
) -> dict[Feature, float]:
    """What is known of a day; a feature that is not is left out.

    `devices`: all that belonged to the elder that day, silent ones too. `blind`: hours (since
    1970) in which a device is known to have told nothing.
    """
    return _Day(devices, slots, first_hour(day), blind).features()


class _Day:
    def __init__(
        self, devices: Mapping[str, Placed], slots: Iterable[Slot], first: int,
        blind: Mapping[str, Set[int]],
    ) -> None:  # fmt: skip
        self._devices = devices
        self._first = first
        self._by: dict[tuple[str, str], dict[int, Slot]] = defaultdict(dict)
        self._spoke: dict[str, set[int]] = defaultdict(set)
        for slot in slots:
            number = slot.hour - first
            if 0 <= number < _HOURS and slot.device_id in devices:
                self._by[slot.device_id, slot.quantity][number] = slot
                self._spoke[slot.device_id].add(number)
        self._blind = {
            device: {hour - first for hour in hours if 0 <= hour - first < _HOURS}
            for device, hours in blind.items()
        }

    def features(self) -> dict[Feature, float]:
        found = {
            Feature.ACTIVITY: self._activity(),
            Feature.OUTINGS: self._outings(),
            Feature.TIME_IN_BED: self._time_in_bed(),
            Feature.NIGHT_UP: self._night_up(),
            Feature.NIGHT_STIRS: self._night_stirs(),
            Feature.BATHROOM_DAY: self._bathroom(_WAKING),
            Feature.BATHROOM_NIGHT: self._bathroom(_NIGHT),
            Feature.HEART_RATE: self._mean("heart_rate", _REST, _MIN_REST_HOURS),
            Feature.RESPIRATION_RATE: self._mean("respiration_rate", _REST, _MIN_REST_HOURS),
            Feature.SPO2: self._mean("spo2", range(_HOURS), 1),
            Feature.SYSTOLIC: self._mean("systolic_pressure", range(_HOURS), 1),
            Feature.WEIGHT: self._mean("body_weight", range(_HOURS), 1),
            **self._walking(),
        }
        return {feature: value for feature, value in found.items() if value is not None}

    def _of(self, roles: Set[str], room_kind: str | None = None) -> list[str]:
        return [
            device
            for device, placed in self._devices.items()
            if placed.role in roles and room_kind in (None, placed.room_kind)
        ]

    def _seeing_share(self, devices: list[str], window: range) -> float | None:
        """How much of a window all of them could see; None: too little, or one may be dead."""
        if not devices:
            return None
        worst = 1.0
        for device in devices:
            hours = sorted(self._spoke[device])
            edges = [-1, *hours, _HOURS]
            silence = max(b - a - 1 for a, b in itertools.pairwise(edges))
            if silence > MAX_SILENCE_H:
                return None
            blind = sum(number in window for number in self._blind.get(device, ()))
            worst = min(worst, 1.0 - blind / len(window))
        return worst if worst >= 1.0 - MAX_BLIND_SHARE else None

    def _slots(self, devices: list[str], quantity: str, window: range) -> list[Slot]:
        return [
            slot
            for device in devices
            for number, slot in self._by.get((device, quantity), {}).items()
            if number in window
        ]

    def _activity(self) -> float | None:
        """Movements seen by day; where only presence is told, comings and goings by the hour."""
        devices = self._of(_ABOUT)
        share = self._seeing_share(devices, _WAKING)
        if share is None:
            return None
        moved = [
            slot.total
            for name in ("motion", "motion_count")
            for slot in self._slots(devices, name, _WAKING)
        ]
        if not moved:
            moved = [
                float(slot.low < slot.high) for slot in self._slots(devices, "presence", _WAKING)
            ]
        return sum(moved) / share

    def _outings(self) -> float | None:
        devices = self._of(_DOORS)
        share = self._seeing_share(devices, _WAKING)
        if share is None:
            return None
        return sum(slot.total for slot in self._slots(devices, "door_open", _WAKING)) / share

    def _bathroom(self, window: range) -> float | None:
        """In how many hours of the window the bathroom was used."""
        devices = self._of(_ABOUT, "bathroom")
        share = self._seeing_share(devices, window)
        if share is None:
            return None
        used = {
            slot.hour
            for name in ("motion", "motion_count", "presence")
            for slot in self._slots(devices, name, window)
            if slot.high > 0
        }
        return len(used) / share

    def _beds(self, window: range) -> list[str] | None:
        devices = self._of({"bed"})
        return devices if self._seeing_share(devices, window) is not None else None

    def _lying(self) -> dict[int, float]:
        """Share of each hour in bed, by any of the beds; hours nobody knows are left out."""
        shares: dict[int, float] = {}
        for device in self._of({"bed"}):
            held: float | None = None
            for number in range(_HOURS):
                slot = self._by.get((device, "in_bed"), {}).get(number)
                if slot is not None:
                    share: float | None = _share_of(slot, held)
                    held = slot.last
                else:
                    share = held
                if number in self._blind.get(device, ()):
                    continue
                if share is not None:
                    shares[number] = max(shares.get(number, 0.0), share)
        return shares

    def _time_in_bed(self) -> float | None:
        if self._beds(range(_HOURS)) is None:
            return None
        lying = self._lying()
        if len(lying) < _MIN_BED_HOURS:
            return None
        return sum(lying.values()) * _HOURS / len(lying)

    def _night_up(self) -> float | None:
        """In how many hours of the night (00 to 05, when all sleep) the bed was left."""
        devices = self._beds(_NIGHT)
        if devices is None:
            return None
        told = self._slots(devices, "in_bed", _REST)
        if not self._lying():
            return None
        return float(len({slot.hour for slot in told if slot.low < slot.high}))

    def _night_stirs(self) -> float | None:
        """Movements an hour of lying in bed at night."""
        devices = self._beds(_NIGHT)
        if devices is None:
            return None
        lying_h = sum(share for number, share in self._lying().items() if number in _NIGHT)
        stirs = [slot.total for slot in self._slots(devices, "body_movement", range(_HOURS))]
        if lying_h < _MIN_LYING_H or not stirs:
            return None
        at_night = self._slots(devices, "body_movement", _NIGHT)
        return sum(slot.total for slot in at_night) / lying_h

    def _walking(self) -> dict[Feature, float | None]:
        """Steps by day as worn all day, and those of the best hour (how briskly they walk)."""
        devices = self._of({"wearable"})
        worn = {
            number
            for device in devices
            for name in ("steps", "worn")
            for number, slot in self._by.get((device, name), {}).items()
            if slot.high > 0 and number in _WAKING
        }
        slots = self._slots(devices, "steps", _WAKING)
        if len(worn) < _MIN_WORN_HOURS or not any(
            (device, "steps") in self._by for device in devices
        ):
            return {}
        steps = sum(slot.total for slot in slots)
        return {
            Feature.STEPS: steps * len(_WAKING) / len(worn),
            Feature.PEAK_STEPS: max((slot.total for slot in slots), default=0.0),
        }

    def _mean(self, quantity: str, window: range, at_least: int) -> float | None:
        """The mean of the hours' means. A bed sensor before a band: it measures at rest."""
        for devices in (self._of({"bed"}), [d for d in self._devices if d]):
            means: dict[int, list[float]] = defaultdict(list)
            for slot in self._slots(devices, quantity, window):
                if slot.readings and slot.total > 0:
                    means[slot.hour].append(slot.total / slot.readings)
            if len(means) >= at_least:
                return sum(sum(told) / len(told) for told in means.values()) / len(means)
        return None


def _share_of(slot: Slot, held: float | None) -> float:
    """How much of the hour a state that is told at changes (and now and then) was 1."""
    if slot.low == slot.high and (held is None or held == slot.low):
        return slot.low
    begin_ns = slot.hour * HOUR_NS
    before = slot.first if held is None else held
    told = (
        before * (slot.first_ns - begin_ns)
        + slot.total / slot.readings * (slot.last_ns - slot.first_ns)
        + slot.last * (begin_ns + HOUR_NS - slot.last_ns)
    )
    return told / HOUR_NS
