"""When a round or a turning is due, by level, shift and the last time somebody was seen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cloud.identity.shifts import Shift, shift_at

# A shift that begins at or after this minute of the day, or before the other, is a night.
_NIGHT_BEGINS_MIN: Final = 20 * 60
_NIGHT_BEGAN_MIN: Final = 5 * 60
# From here on a list shows it as due, so that a round of a whole unit is in time.
SOON: Final = timedelta(minutes=15)
# Design default (D): a nurse who is held up at a bed is not at once an alarm.
DEFAULT_GRACE_MIN: Final = 15
# Design default (D): after one look by sensor somebody goes in person.
DEFAULT_SENSOR_IN_A_ROW: Final = 1


class Standing(StrEnum):
    """How a round stands now."""

    OK = "ok"
    DUE = "due"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Frequency:
    """So many times in a shift, or every so many minutes: one of the two."""

    per_shift: int | None = None
    every_min: int | None = None

    def interval(self, shift: Shift) -> timedelta:
        """The longest time between two."""
        if self.every_min is not None:
            return timedelta(minutes=self.every_min)
        return (shift.ends_at - shift.starts_at) / (self.per_shift or 1)


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """How often people of one ability level are looked in on, and turned."""

    night: Frequency
    day: Frequency
    turning_min: int | None = None


# Patrol defaults of the domain page (mark D; turning every two hours is mark U).
DEFAULT_LEVELS: Final = MappingProxyType(
    {
        0: LevelPlan(Frequency(per_shift=2), Frequency(per_shift=1)),
        1: LevelPlan(Frequency(per_shift=2), Frequency(per_shift=2)),
        2: LevelPlan(Frequency(every_min=120), Frequency(every_min=240)),
        3: LevelPlan(Frequency(every_min=120), Frequency(every_min=120), 120),
        4: LevelPlan(Frequency(every_min=60), Frequency(every_min=60), 120),
    }
)


@dataclass(frozen=True, slots=True)
class Due:
    """When the next one is due, and how it stands now."""

    due_at: datetime
    standing: Standing
    interval: timedelta

    def last_miss(self, now: datetime, grace: timedelta) -> datetime | None:
        """When a round was last missed: each interval that passes unseen is a further miss."""
        first = self.due_at + grace
        if now <= first:
            return None
        return first + (now - first) // self.interval * self.interval


def is_night(shift: Shift) -> bool:
    """By the local hour in which the shift begins."""
    minute = shift.starts_at.hour * 60 + shift.starts_at.minute
    return minute >= _NIGHT_BEGINS_MIN or minute < _NIGHT_BEGAN_MIN


def round_due(
    level: LevelPlan,
    pattern: Sequence[tuple[str, int, int]],
    seen_at: datetime,
    now: datetime,
    grace: timedelta,
) -> Due:
    """`seen_at`: the last time in person or as the rule allows; else since when the plan runs.

    Where a shift asks for more than the one before, its own time counts from its start: nobody
    is overdue the minute a night begins.
    """
    shift = shift_at(pattern, now)
    interval = _of(level, shift).interval(shift)
    if seen_at >= shift.starts_at:
        return _stand(seen_at + interval, interval, now, grace)
    earlier = shift_at(pattern, shift.starts_at - timedelta(minutes=1))
    by_earlier = seen_at + _of(level, earlier).interval(earlier)
    due_at = max(seen_at + interval, min(by_earlier, shift.starts_at + interval))
    return _stand(due_at, interval, now, grace)


def not_before(due: Due, since: datetime, now: datetime, grace: timedelta) -> Due:
    """A need that began at `since` makes nobody late for the time before: it is due from then."""
    return due if due.due_at >= since else _stand(since, due.interval, now, grace)


def turning_due(turning_min: int, turned_at: datetime, now: datetime, grace: timedelta) -> Due:
    """Turning runs by day and night alike."""
    interval = timedelta(minutes=turning_min)
    return _stand(turned_at + interval, interval, now, grace)


def planned_times(level: LevelPlan, shift: Shift) -> int:
    """How many rounds a shift asks for: what the night sheet counts against."""
    interval = _of(level, shift).interval(shift)
    return max(1, round((shift.ends_at - shift.starts_at) / interval))


def _of(level: LevelPlan, shift: Shift) -> Frequency:
    return level.night if is_night(shift) else level.day


def rate_per_h(level: LevelPlan, shift: Shift) -> float:
    """Rounds an hour that one person of this level asks for."""
    return timedelta(hours=1) / _of(level, shift).interval(shift)


def _stand(due_at: datetime, interval: timedelta, now: datetime, grace: timedelta) -> Due:
    if now > due_at + grace:
        return Due(due_at, Standing.MISSED, interval)
    return Due(due_at, Standing.DUE if now >= due_at - SOON else Standing.OK, interval)
