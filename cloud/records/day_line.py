"""A stretch of somebody's life as their devices saw it: bed, rooms, vital signs, and the holes.

Pure. Nothing is ever made up between two words of a device that may have been dead meanwhile:
what nobody could see is `unseen`, and stays so whatever was said before and after.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from cloud.clock import NS_PER_S
from cloud.series.slots import Interval, Slots, Track, Unit, merged
from edge.signals import Origin
from edge.subject import SensorRole

BedState = Literal["in_bed", "up", "out", "unseen"]
MINUTE_NS: Final = 60 * NS_PER_S
HOUR_NS: Final = 60 * MINUTE_NS
# How far back the word is looked for that held when the stretch began (as records/floor.py).
CARRY_NS: Final = 12 * HOUR_NS
# One and a half intervals without a report: none is missing.
_COMPLETE: Final = 1.5
# Three missed reports make a silence (alarms.md, device_offline) ...
_MISSED: Final = 3.0
# ... of a device that reports so often that all but one in twenty intervals are shorter. The most
# patient devices that we know tell their battery once an hour (home-bed-and-smart-home.md).
_HABIT: Final = 0.95
_FEWEST: Final = 8
_SHORTEST_SILENCE_NS: Final = 10 * MINUTE_NS
_LONGEST_SILENCE_NS: Final = round(_MISSED * HOUR_NS)
# A motion sensor tells that somebody moved, not until when: a minute, and what is nearer than five
# minutes belongs together.
_MOVED_NS: Final = MINUTE_NS
_TOGETHER_NS: Final = 5 * MINUTE_NS
# Shorter than a minute out of bed is turning over, or a mat that slipped.
_UP_AT_LEAST_NS: Final = MINUTE_NS

BED_QUANTITIES: Final = ("in_bed", "presence")
ROOM_QUANTITIES: Final = ("motion", "motion_count", "presence", "door_open", "appliance_on")
CONTINUOUS: Final = ("heart_rate", "respiration_rate")
SPOT: Final = (
    "spo2", "body_temperature", "systolic_pressure", "diastolic_pressure", "blood_glucose",
    "body_weight",
)  # fmt: skip
# Only to know that a device lives, and whether it is worn.
LIFE: Final = ("battery_level", "worn", "steps", "sos", "bed_edge", "body_movement", "mains_power")
QUANTITIES_READ: Final = tuple(
    dict.fromkeys((*BED_QUANTITIES, *ROOM_QUANTITIES, *CONTINUOUS, *SPOT, *LIFE))
)


@dataclass(frozen=True, slots=True)
class SensorSpan:
    """A device was this elder's, their bed's or their room's over [from_ns, until_ns)."""

    device_id: str
    from_ns: int
    until_ns: int
    role: SensorRole | None
    room: str
    shared: bool
    report_interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of [from_ns, until_ns), `now_ns` being the last that can be known.

    `silences`: by device, times in which it or its gateway is known to have been deaf or dead.
    `away`: known to be out of the house.
    """

    from_ns: int
    until_ns: int
    now_ns: int
    spans: Sequence[SensorSpan]
    tracks: Mapping[str, Sequence[Track]]
    silences: Mapping[str, Sequence[Interval]]
    away: Sequence[Interval] = ()

    @property
    def whole(self) -> Interval:
        """What of it has happened."""
        return self.from_ns, max(self.from_ns, min(self.until_ns, self.now_ns))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A state over [from_ns, until_ns)."""

    from_ns: int
    until_ns: int
    state: BedState


@dataclass(frozen=True, slots=True)
class RoomLane:
    """When somebody was active in a room, and when nobody could have known."""

    room: str
    shared: bool
    active: list[Interval]
    unseen: list[Interval]


@dataclass(frozen=True, slots=True)
class VitalLane:
    """A vital sign by the minute: lowest, mean and highest; `unseen` where a line must break."""

    quantity: str
    at_ns: list[int]
    low: list[float]
    mean: list[float]
    high: list[float]
    unseen: list[Interval]


@dataclass(frozen=True, slots=True)
class DayLine:
    """All lanes. `bed` None: nothing watches the bed. `blind`: no device at all could tell."""

    bed: list[Stretch] | None
    rooms: list[RoomLane]
    vitals: list[VitalLane]
    not_worn: list[Interval]
    blind: list[Interval]
    simulated: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """The bed lane in numbers. Minutes are whole, rounded down."""

    in_bed_min: int
    up_min: int
    out_min: int
    unseen_min: int
    up_times: int


def draw(seen: Seen) -> DayLine:
    """The lanes of what was seen."""
    by_device: dict[str, list[Track]] = defaultdict(list)
    for tracks in seen.tracks.values():
        for track in tracks:
            by_device[track.device_id].append(track)
    alive = {
        device_id: _alive(device_id, seen, by_device.get(device_id, ()))
        for device_id in sorted({span.device_id for span in seen.spans})
    }
    bed = _bed(seen, alive)
    own = [x for s in seen.spans if not s.shared for x in alive[s.device_id]]
    return DayLine(
        bed=bed,
        rooms=_rooms(seen, alive),
        vitals=[lane for quantity in (*CONTINUOUS, *SPOT) if (lane := _vital(seen, quantity, bed))],
        not_worn=_not_worn(seen, alive),
        blind=outside(seen.whole, [*own, *seen.away]),
        simulated=any(t.origin is Origin.SIMULATED for ts in by_device.values() for t in ts),
    )  # fmt: skip


def totals(bed: Iterable[Stretch] | None) -> Totals:
    """How long each state lasted, and how often they got up from the bed."""
    held: dict[str, int] = defaultdict(int)
    up_times, before = 0, ""
    for stretch in bed or ():
        length = stretch.until_ns - stretch.from_ns
        held[stretch.state] += length
        up_times += before == "in_bed" and stretch.state == "up" and length >= _UP_AT_LEAST_NS
        before = stretch.state
    minutes = {state: length // MINUTE_NS for state, length in held.items()}
    return Totals(
        minutes.get("in_bed", 0), minutes.get("up", 0), minutes.get("out", 0),
        minutes.get("unseen", 0), up_times,
    )  # fmt: skip


def outside(whole: Interval, known: Iterable[Interval]) -> list[Interval]:
    """The parts of `whole` that no interval covers."""
    begin, end = whole
    holes, at = [], begin
    for a, b in merged(known):
        if a > at and at < end:
            holes.append((at, min(a, end)))
        at = max(at, b)
    if at < end:
        holes.append((at, end))
    return holes


def inside(whole: Interval, parts: Iterable[Interval]) -> list[Interval]:
    """The parts as far as they lie in `whole`, without overlap."""
    return merged((max(a, whole[0]), min(b, whole[1])) for a, b in parts)


def _alive(device_id: str, seen: Seen, tracks: Sequence[Track]) -> list[Interval]:
    """When a device was the elder's and known to live."""
    spans = [s for s in seen.spans if s.device_id == device_id]
    times = _times(tracks)
    if not len(times):
        return []
    patience_ns = _patience_ns(times, next((s.report_interval_s for s in spans), None))
    heard = merged((int(t), int(t) + patience_ns) for t in _sparse(times, patience_ns))
    deaf = merged(seen.silences.get(device_id, ()))
    believed = merged([
        *(x for part in heard for x in outside(part, deaf)),
        *_came_late(times, deaf, patience_ns),
    ])  # fmt: skip
    return merged(
        part
        for span in spans
        for part in inside((span.from_ns, min(span.until_ns, seen.now_ns)), believed)
    )


def _came_late(
    times: npt.NDArray[np.int64], deaf: Sequence[Interval], patience_ns: int
) -> Iterable[Interval]:
    """Holes that words came of afterwards, out of an outbox or a broker: known where none of
    them is missing, with at least one of every two within the hole.
    """
    silent: list[Interval] = []
    late: list[Interval] = []
    for hole in deaf:
        first, end = np.searchsorted(times, hole)
        if first == end:
            silent.append(hole)
            continue
        around = times[max(0, first - 1) : end + 1].tolist()
        near_ns = _COMPLETE * patience_ns / _MISSED
        late += [(a, b) for a, b in pairwise(around) if b - a <= near_ns]
    return (known for part in late for known in outside(part, silent))


def _times(tracks: Sequence[Track]) -> npt.NDArray[np.int64]:
    parts = [track.slots[name] for track in tracks for name in ("first_ns", "last_ns")]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _sparse(times: npt.NDArray[np.int64], patience_ns: int) -> list[int]:
    """As few of the times as give the same union of [t, t + patience): ends of runs."""
    far = np.diff(times) > patience_ns
    ends, begins = times[np.r_[far, True]], times[np.r_[True, far]]
    filled: list[int] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        filled += [*range(begin, end, patience_ns), end]
    return filled


def _patience_ns(times: npt.NDArray[np.int64], told_s: float | None) -> int:
    """How long a device may say nothing until nobody can know whether it lives."""
    if told_s is not None:
        usual = told_s * NS_PER_S
    elif len(times) <= _FEWEST:
        return _LONGEST_SILENCE_NS
    else:
        usual = float(np.quantile(np.diff(times), _HABIT))
    return int(min(max(_MISSED * usual, _SHORTEST_SILENCE_NS), _LONGEST_SILENCE_NS))


@dataclass(frozen=True, slots=True)
class _Words:
    """What one device said, its changes only: state from each time on."""

    times: list[int]
    values: list[bool]

    def at(self, time_ns: int) -> tuple[int, bool] | None:
        """The newest word and when it was said."""
        place = bisect_right(self.times, time_ns) - 1
        return None if place < 0 else (self.times[place], self.values[place])


def _words(tracks: Iterable[Track], alive: Sequence[Interval]) -> _Words:
    """Changes of a yes-or-no quantity, and the first word of each time that the device lived.

    Of a summarised minute its first and its last word.
    """
    said: dict[int, bool] = {}
    for track in tracks:
        for ends in ("first", "last"):
            at, value = track.slots[f"{ends}_ns"].tolist(), track.slots[f"{ends}_value"].tolist()
            said.update((time, known > 0) for time, known in zip(at, value, strict=True))
    begins = [begin for begin, _ in alive]
    times: list[int] = []
    values: list[bool] = []
    for time in sorted(said):
        again = bool(times) and bisect_right(begins, times[-1]) == bisect_right(begins, time)
        if not again or values[-1] != said[time]:
            times.append(time)
            values.append(said[time])
    return _Words(times, values)


def _bed(seen: Seen, alive: Mapping[str, list[Interval]]) -> list[Stretch] | None:
    """In bed, up, out or unseen, over all that has happened; the newest word of a living sensor."""
    devices = {s.device_id for s in seen.spans if s.role is SensorRole.BED}
    if not devices:
        return None
    words = {
        device_id: _words(
            (
                track
                for quantity in BED_QUANTITIES
                for track in seen.tracks.get(quantity, ())
                if track.device_id == device_id
            ),
            alive[device_id],
        )
        for device_id in devices
    }
    begin, end = seen.whole
    edges = {begin, end}
    for device_id in devices:
        edges.update(words[device_id].times)
        edges.update(x for interval in alive[device_id] for x in interval)
    edges.update(x for interval in seen.away for x in interval)
    times = sorted(edge for edge in edges if begin <= edge <= end)
    stretches: list[Stretch] = []
    for a, b in pairwise(times):
        state = _bed_state(a, words, alive, seen.away)
        if stretches and stretches[-1].state == state:
            stretches[-1] = Stretch(stretches[-1].from_ns, b, state)
        else:
            stretches.append(Stretch(a, b, state))
    return stretches


def _bed_state(
    at_ns: int, words: Mapping[str, _Words], alive: Mapping[str, list[Interval]],
    away: Sequence[Interval],
) -> BedState:  # fmt: skip
    heard = [
        word
        for device_id, of in words.items()
        if (known := _holding(alive[device_id], at_ns)) is not None
        and (word := of.at(at_ns)) is not None
        # What was said before a silence says nothing of what is after it.
        and word[0] >= known[0]
    ]
    lies = bool(heard) and max(heard)[1]
    if not lies and _holding(away, at_ns) is not None:
        return "out"
    if not heard:
        return "unseen"
    return "in_bed" if lies else "up"


def _holding(intervals: Sequence[Interval], at_ns: int) -> Interval | None:
    return next((i for i in intervals if i[0] <= at_ns < i[1]), None)


def _rooms(seen: Seen, alive: Mapping[str, list[Interval]]) -> list[RoomLane]:
    """By room, in the order of their names."""
    devices: dict[str, dict[str, bool]] = defaultdict(dict)
    for span in seen.spans:
        worn = span.role in (None, SensorRole.WEARABLE, SensorRole.BUTTON, SensorRole.BED)
        if span.room and not worn and span.role is not SensorRole.SPOT_VITALS:
            devices[span.room][span.device_id] = span.shared
    lanes = []
    for room, held in sorted(devices.items()):
        active = [x for device_id in held for x in _activity(device_id, seen, alive[device_id])]
        known = [x for device_id in held for x in alive[device_id]]
        own = [s for s in seen.spans if s.device_id in held]
        theirs = inside(seen.whole, [(s.from_ns, s.until_ns) for s in own])
        unseen = [x for part in theirs for x in outside(part, known)]
        lanes.append(
            RoomLane(room, any(held.values()), inside(seen.whole, _joined(active)), unseen)
        )
    return lanes


def _activity(device_id: str, seen: Seen, alive: list[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for quantity in ROOM_QUANTITIES:
        tracks = [t for t in seen.tracks.get(quantity, ()) if t.device_id == device_id]
        if quantity == "presence":
            found += _held(_words(tracks, alive), alive)
            continue
        for track in tracks:
            moved = track.slots[track.slots["max_value"] > 0]
            found += [(int(t), int(t) + _MOVED_NS) for t in moved["max_ns"]]
    return found


def _held(words: _Words, alive: list[Interval]) -> list[Interval]:
    """While a yes was not taken back, and the device lived."""
    ends = [*words.times[1:], 2**62]
    yes = [(a, b) for a, b, v in zip(words.times, ends, words.values, strict=False) if v]
    return [
        (max(a, begin), min(b, end))
        for a, b in yes
        for begin, end in alive
        if begin <= a < end
    ]  # fmt: skip


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    joined: list[Interval] = []
    for a, b in merged(intervals):
        if joined and a - joined[-1][1] < _TOGETHER_NS:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return joined


def _vital(seen: Seen, quantity: str, bed: list[Stretch] | None) -> VitalLane | None:
    slots = [t.slots for t in seen.tracks.get(quantity, ())]
    if not slots:
        return None
    every: Slots = np.concatenate(slots)
    begin, end = seen.whole
    every = every[(every["first_ns"] >= begin) & (every["first_ns"] < end)]
    every = every[np.argsort(every["first_ns"], kind="stable")]
    if not len(every):
        return None
    lane = _by_minute(quantity, every)
    if quantity in SPOT:
        return lane
    limit_ns = _vital_patience_ns(every)
    heard = [(int(a), int(b) + limit_ns) for a, b in zip(every["first_ns"], every["last_ns"],
                                                        strict=True)]  # fmt: skip
    # Out of bed a bed sensor measures nobody: that is not a hole in what is seen.
    elsewhere = [(s.from_ns, s.until_ns) for s in bed or () if s.state in ("up", "out")]
    return VitalLane(
        lane.quantity, lane.at_ns, lane.low, lane.mean, lane.high,
        outside((begin, end), [*_until_last(heard, limit_ns), *elsewhere]),
    )  # fmt: skip


def _until_last(heard: Iterable[Interval], limit_ns: int) -> list[Interval]:
    """Joined where the next word came in time; ended at the last word where it did not."""
    return [(a, b - limit_ns + MINUTE_NS) for a, b in merged(heard)]


def _vital_patience_ns(slots: Slots) -> int:
    if len(slots) <= _FEWEST:
        return _SHORTEST_SILENCE_NS
    usual = float(np.quantile(np.diff(slots["first_ns"]), _HABIT))
    return int(min(max(_MISSED * usual, 3 * MINUTE_NS), _LONGEST_SILENCE_NS))


def _by_minute(quantity: str, slots: Slots) -> VitalLane:
    minute: Any = slots["first_ns"] // Unit.MINUTE
    begins = np.flatnonzero(np.r_[True, minute[1:] != minute[:-1]])
    count = np.add.reduceat(slots["count"], begins)
    mean = np.add.reduceat(slots["sum_value"], begins) / count
    return VitalLane(
        quantity,
        slots["first_ns"][begins].tolist(),
        np.round(np.minimum.reduceat(slots["min_value"], begins), 1).tolist(),
        np.round(mean, 1).tolist(),
        np.round(np.maximum.reduceat(slots["max_value"], begins), 1).tolist(),
        [],
    )


def _not_worn(seen: Seen, alive: Mapping[str, list[Interval]]) -> list[Interval]:
    """A wearable that lies on the table: alive, and blind."""
    found: list[Interval] = []
    for device_id, lived in alive.items():
        said = _words((t for t in seen.tracks.get("worn", ()) if t.device_id == device_id), lived)
        ends = [*said.times[1:], 2**62]
        off = [(a, b) for a, b, v in zip(said.times, ends, said.values, strict=False) if not v]
        found += [x for part in lived for x in inside(part, off)]
    return inside(seen.whole, found)
