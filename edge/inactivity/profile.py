"""One person's learned day: how likely a silence is, where and when, and when it usually ends.

Model. A silence is a time of at least SILENCE_S without activity. After five minutes of activity in
a context (room, bed, ...) and half-hour slot one follows with probability p; once begun it ends
with the hazard h of its context, slot and weekday. Both are counts, held towards wider pools and a
general prior by pseudo-counts. The probability of a silence as long as this is exp(-surprise); the
limit is where the surprise reaches a level that this person's own past silences, each judged before
it was learned, exceed only as often as false alarms are allowed (exponential tail beyond the past).
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.inactivity.limits import (
    IN_ROOMS,
    S_PER_DAY,
    S_PER_HOUR,
    S_PER_WEEK,
    SILENCE_S,
    SLOT_S,
    SLOTS,
    Context,
)
from edge.signals import FloatArray
from edge.subject import RoomKind

IntArray = npt.NDArray[np.int64]

_CONTEXTS: Final = len(Context)
_WEEK_SLOTS: Final = 7 * SLOTS
_DAY_PARTS: Final = 6  # four hours each: weekdays differ in when one gets up, not by the minute
_ROOM_BLOCKS: Final = 12
ROOM_KINDS: Final = tuple(RoomKind)
# Monday 1970-01-05 was day 4 of the epoch.
_MONDAY_S: Final = 4 * S_PER_DAY

# Prior hazard of a silence ending, per hour: someone awake and still for half an hour stirs within
# about an hour; at night older people are seen every two to three hours (toilet, turning).
_PRIOR_DAY_PER_H: Final = 1.0
_PRIOR_NIGHT_PER_H: Final = 0.4
_NIGHT_HOURS: Final = (23, 6)
# Hours of silence (exposure) that the prior, and the pool of all rooms, weigh.
_PRIOR_WEIGHT_H: Final = 4.0
_POOL_WEIGHT_H: Final = 4.0
# p: one silence in ten bins of activity, weighing 20 bins; bed and seat mean rest: 0.7, weighing 5.
_PRIOR_SILENCE: Final = 0.1
_PRIOR_SILENCE_WEIGHT: Final = 20.0
_PRIOR_REST: Final = 0.7
_PRIOR_REST_WEIGHT: Final = 5.0
# Neighbouring half hours are alike: counts are shared over two hours, half at the ends.
_KERNEL: Final = (0.5, 1.0, 1.0, 1.0, 0.5)
# Weekday: ratio of observed to expected ends per weekday and four hours, within a factor of two.
_WEEKDAY_WEIGHT: Final = 6.0
_WEEKDAY_RANGE: Final = (0.5, 2.0)

# Past surprises kept, of silences at home and of outings. Their upper quarter (at least ten) shapes
# the tail, its slope held towards 1 (what a true model has) by 20 pseudo-excesses.
_TAIL_HOME: Final = 128
_TAIL_OUT: Final = 64
_TAIL_SHARE: Final = 4
_TAIL_MIN: Final = 10
_TAIL_PRIOR_SLOPE: Final = 1.0
_TAIL_PRIOR_WEIGHT: Final = 20.0
# How much sooner than in a room to ask, as a ratio of probabilities (D): a bathroom is where falls
# are worst; a bed or seat that says "occupied" holds somebody who is not on the floor, and who may
# have gone out may well not be there. It shares the allowed false alarms out, it adds none.
_ACCOUNTED_FOR: Final = 0.2
_URGENCY: Final = MappingProxyType(
    {
        Context.BATHROOM: 2.0,
        Context.BED: _ACCOUNTED_FOR,
        Context.SEAT: _ACCOUNTED_FOR,
        Context.MAYBE_OUT: _ACCOUNTED_FOR,
    }
)
_LOG_URGENCY: Final = tuple(math.log(_URGENCY.get(context, 1.0)) for context in Context)

# Before there is a tail: 50 silences a week at home, 10 outings.
_FIRST_RATE_PER_WEEK: Final = (50.0, 10.0)

# Old days lose half their weight in four weeks of being lived in.
_DAY_DECAY: Final = 0.5 ** (1 / 28)

_LAYOUT: Final = (
    ("ends", (_CONTEXTS, SLOTS)),
    ("exposure_h", (_CONTEXTS, SLOTS)),
    ("starts", (_CONTEXTS, SLOTS)),
    ("silences", (_CONTEXTS, SLOTS)),
    ("week_ends", (7, _DAY_PARTS)),
    ("week_expected", (7, _DAY_PARTS)),
    ("room_use", (_ROOM_BLOCKS, len(ROOM_KINDS))),
    ("home_tail", (_TAIL_HOME, 2)),
    ("out_tail", (_TAIL_OUT, 2)),
    ("scalars", (3,)),
)
SIZE: Final = sum(math.prod(shape) for _, shape in _LAYOUT)
_ACTIVE_DAYS, _HOME_N, _OUT_N = range(3)


def _prior_hazard() -> FloatArray:
    hours = np.arange(SLOTS) * SLOT_S / S_PER_HOUR
    night = (hours >= _NIGHT_HOURS[0]) | (hours < _NIGHT_HOURS[1])
    return np.where(night, _PRIOR_NIGHT_PER_H, _PRIOR_DAY_PER_H)


_PRIOR_HAZARD: Final = _prior_hazard()


# Row k: how much slot k takes from each slot.
def _smoothing() -> FloatArray:
    matrix = np.zeros((SLOTS, SLOTS))
    for step, weight in enumerate(_KERNEL):
        shift = step - len(_KERNEL) // 2
        matrix[np.arange(SLOTS), (np.arange(SLOTS) + shift) % SLOTS] += weight
    return matrix


_SMOOTHING: Final = _smoothing()
_PART_OF_SLOT: Final = np.arange(SLOTS) // (SLOTS // _DAY_PARTS)


def week_second(local_s: float) -> float:
    """Seconds since Monday 00:00 on the wall clock."""
    return (local_s - _MONDAY_S) % S_PER_WEEK


class Profile:
    """Counts and the tables made of them. All counts live in one array, `data` (shape (SIZE,))."""

    __slots__ = (
        "_cumulated", "_log_silence", "built_from", "data", "ends", "exposure_h", "home_tail",
        "out_tail", "room_use", "scalars", "silences", "starts", "week_ends", "week_expected",
    )  # fmt: skip

    def __init__(self) -> None:
        self.load(np.zeros(SIZE), np.zeros(SIZE))

    def load(self, data: FloatArray, built_from: FloatArray) -> None:
        """Take counts, and those the tables of the day were made of, each of shape (SIZE,)."""
        self._view(built_from)
        self.build()
        self._view(data)

    def _view(self, data: FloatArray) -> None:
        self.data = data
        views, start = {}, 0
        for name, shape in _LAYOUT:
            stop = start + math.prod(shape)
            views[name] = data[start:stop].reshape(shape)
            start = stop
        self.ends, self.exposure_h = views["ends"], views["exposure_h"]
        self.starts, self.silences = views["starts"], views["silences"]
        self.week_ends, self.week_expected = views["week_ends"], views["week_expected"]
        self.room_use, self.scalars = views["room_use"], views["scalars"]
        self.home_tail, self.out_tail = views["home_tail"], views["out_tail"]

    @property
    def outings(self) -> int:
        """Outings learned so far."""
        return int(self.scalars[_OUT_N])

    @property
    def active_days(self) -> float:
        """Days with life in them that were learned (not faded)."""
        return float(self.scalars[_ACTIVE_DAYS])

    def end_day(self, *, lived_in: bool) -> None:
        """Fade by one day if it was lived in, and make the tables anew."""
        if lived_in:
            self.scalars[_ACTIVE_DAYS] += 1
            for counts in (
                self.ends, self.exposure_h, self.starts, self.silences,
                self.week_ends, self.week_expected, self.room_use,
            ):  # fmt: skip
                np.multiply(counts, _DAY_DECAY, out=counts)
        self.build()

    def build(self) -> None:
        """Make hazards and probabilities from the counts."""
        self.built_from = self.data.copy()
        smooth = np.stack((self.ends, self.exposure_h, self.starts, self.silences)) @ _SMOOTHING.T
        ends, exposure, starts, silences = smooth
        rooms = list(IN_ROOMS)
        hazard = np.empty((_CONTEXTS, SLOTS))
        # This person's pace beside the prior's, then the rooms together by slot, then each room.
        pace = (self.ends[rooms].sum() + _PRIOR_WEIGHT_H) / (
            float((self.exposure_h[rooms].sum(axis=0) * _PRIOR_HAZARD).sum()) + _PRIOR_WEIGHT_H
        )
        pool = (ends[rooms].sum(axis=0) + _PRIOR_WEIGHT_H * pace * _PRIOR_HAZARD) / (
            exposure[rooms].sum(axis=0) + _PRIOR_WEIGHT_H
        )
        # Bed and seat at an hour never seen: their own pace, on the prior's day and night.
        rest = [Context.BED, Context.SEAT]
        own = (self.ends[rest].sum(axis=1) + 1.0) / (self.exposure_h[rest] @ _PRIOR_HAZARD + 2.0)
        hazard[rest] = own[:, None] * _PRIOR_HAZARD
        hazard[Context.OUT] = (self.ends[Context.OUT].sum() + 1.0) / (
            self.exposure_h[Context.OUT].sum() + 2.0
        )
        hazard[rooms] = pool
        hazard = (ends + _POOL_WEIGHT_H * hazard) / (exposure + _POOL_WEIGHT_H)
        any_p = (self.silences[rooms].sum() + _PRIOR_SILENCE_WEIGHT * _PRIOR_SILENCE) / (
            self.starts[rooms].sum() + _PRIOR_SILENCE_WEIGHT
        )
        all_p = (silences[rooms].sum(axis=0) + _PRIOR_SILENCE_WEIGHT * any_p) / (
            starts[rooms].sum(axis=0) + _PRIOR_SILENCE_WEIGHT
        )
        probability = (silences + _PRIOR_REST_WEIGHT * _PRIOR_REST) / (starts + _PRIOR_REST_WEIGHT)
        probability[rooms] = (silences[rooms] + _PRIOR_SILENCE_WEIGHT * all_p) / (
            starts[rooms] + _PRIOR_SILENCE_WEIGHT
        )
        probability[Context.OUT] = 1.0
        ratio = (self.week_ends + _WEEKDAY_WEIGHT) / (self.week_expected + _WEEKDAY_WEIGHT)
        ratio = np.clip(ratio, *_WEEKDAY_RANGE)[:, _PART_OF_SLOT]
        week = (hazard[:, None, :] * ratio[None]).reshape(_CONTEXTS, _WEEK_SLOTS)
        cumulated = np.zeros((_CONTEXTS, 2 * _WEEK_SLOTS + 1))
        np.cumsum(
            np.concatenate((week, week), axis=1) * (SLOT_S / S_PER_HOUR),
            axis=1,
            out=cumulated[:, 1:],
        )
        self._cumulated = cumulated
        self._log_silence = -np.log(np.minimum(probability, 1.0))

    def _hazard_until(self, context: int, week_s: float) -> float:
        row = self._cumulated[context]
        slot, part = divmod(week_s / SLOT_S, 1.0)
        index = int(slot)
        low = float(row[index])
        return low + part * (float(row[index + 1]) - low)

    def _when(self, context: int, from_local_s: float, hazard: float) -> float:
        """Local second at which the hazard gathered since `from_local_s` reaches `hazard`."""
        start = week_second(from_local_s)
        target = self._hazard_until(context, start) + hazard
        row = self._cumulated[context]
        index = int(row.searchsorted(target))
        if index >= len(row):
            return from_local_s + S_PER_WEEK
        low, high = float(row[index - 1]), float(row[index])
        slots = index - 1 + (target - low) / (high - low)
        return from_local_s + max(slots * SLOT_S - start, 0.0)

    def surprise(self, context: int, start_local_s: float, end_local_s: float) -> float:
        """How unlikely a silence this long is: minus the log of its probability, plus its urgency.

        Urgency shares the allowed false alarms out: the sum over all contexts stays the same.
        """
        begin = start_local_s + SILENCE_S
        first = self._first(context, start_local_s)
        if end_local_s <= begin:
            return first
        start = week_second(begin)
        end = start + min(end_local_s - begin, float(S_PER_WEEK))
        return first + self._hazard_until(context, end) - self._hazard_until(context, start)

    def _first(self, context: int, start_local_s: float) -> float:
        """Surprise of there being a silence at all, urgency included."""
        slot = int(start_local_s % S_PER_DAY) // SLOT_S
        return float(self._log_silence[context, slot]) + _LOG_URGENCY[context]

    def level(self, *, out: bool, lived_s: float, false_alarms_per_week: float) -> float:
        """The surprise exceeded only so often. Falls as more false alarms are allowed."""
        tail, number = self._tail(out=out)
        used = tail[: min(number, len(tail))]
        k = min(len(used), max(_TAIL_MIN, len(used) // _TAIL_SHARE))
        if k < _TAIL_MIN:
            return math.log(max(_FIRST_RATE_PER_WEEK[out] / false_alarms_per_week, 1.0))
        since_s = float(tail[number % len(tail), 1]) if number > len(tail) else 0.0
        weeks = max(lived_s - since_s, S_PER_DAY) / S_PER_WEEK
        highest = np.sort(used[:, 0])[-k:]
        base = float(highest[0])
        excess = float((highest - base).sum())
        slope = (excess + _TAIL_PRIOR_WEIGHT * _TAIL_PRIOR_SLOPE) / (k + _TAIL_PRIOR_WEIGHT)
        return base + slope * math.log(max(k / weeks / false_alarms_per_week, 1.0))

    def limit_at(
        self, context: int, start_local_s: float, lived_s: float, false_alarms_per_week: float
    ) -> float:
        """Local second at which a silence since `start_local_s` becomes an alarm.

        `lived_s` is the time under watch so far; rates of past silences are per this.
        """
        level = self.level(
            out=context == Context.OUT,
            lived_s=lived_s,
            false_alarms_per_week=false_alarms_per_week,
        )
        hazard = level - self._first(context, start_local_s)
        return self._when(context, start_local_s + SILENCE_S, max(hazard, 0.0))

    def usual_end(self, context: int, start_local_s: float, share: float) -> float:
        """Local second by which, `share` of the time, something has happened again."""
        slot = int(start_local_s % S_PER_DAY) // SLOT_S
        hazard = -math.log(1.0 - share) - float(self._log_silence[context, slot])
        return self._when(context, start_local_s + SILENCE_S, max(hazard, 0.0))

    def usual_room(self, local_s: float) -> RoomKind | None:
        """The room that sees most activity around that time of day; None when none is known."""
        use = self.room_use[_block(local_s)]
        return ROOM_KINDS[int(np.argmax(use))] if use.any() else None

    def saw_activity(self, context: int, slot: int, room: int) -> None:
        """One more five-minute bin in which something happened, in that context and room."""
        self.starts[context, slot] += 1
        self.room_use[slot * _ROOM_BLOCKS // SLOTS, room] += 1

    def saw_many(self, context: IntArray, slot: IntArray, room: IntArray) -> None:
        """`saw_activity` for many bins."""
        np.add.at(self.starts, (context, slot), 1.0)
        np.add.at(self.room_use, (slot * _ROOM_BLOCKS // SLOTS, room), 1.0)

    def learn(self, context: int, start_local_s: float, end_local_s: float, lived_s: float) -> None:
        """A silence of at least SILENCE_S that ended by itself."""
        surprise = self.surprise(context, start_local_s, end_local_s)
        self._remember(surprise, lived_s, out=context == Context.OUT)
        self.silences[context, int(start_local_s % S_PER_DAY) // SLOT_S] += 1
        at = start_local_s + SILENCE_S
        week_s = week_second(at)
        before = self._hazard_until(context, week_s)
        while at < end_local_s:
            step = min((at // SLOT_S + 1) * SLOT_S, end_local_s) - at
            self.exposure_h[context, int(at % S_PER_DAY) // SLOT_S] += step / S_PER_HOUR
            after = self._hazard_until(context, week_s + step)
            self.week_expected[_week_cell(week_s)] += after - before
            at, week_s, before = at + step, week_s + step, after
        slot = int(end_local_s % S_PER_DAY) // SLOT_S
        self.ends[context, slot] += 1
        self.week_ends[_week_cell(week_second(end_local_s))] += 1

    def _tail(self, *, out: bool) -> tuple[FloatArray, int]:
        if out:
            return self.out_tail, int(self.scalars[_OUT_N])
        return self.home_tail, int(self.scalars[_HOME_N])

    def _remember(self, surprise: float, lived_s: float, *, out: bool) -> None:
        tail, number = self._tail(out=out)
        tail[number % len(tail)] = (surprise, lived_s)
        self.scalars[_OUT_N if out else _HOME_N] += 1


def _block(local_s: float) -> int:
    return int(local_s % S_PER_DAY) * _ROOM_BLOCKS // S_PER_DAY


def _week_cell(week_s: float) -> tuple[int, int]:
    day, second = divmod(int(week_s), S_PER_DAY)
    return day % 7, second * _DAY_PARTS // S_PER_DAY
