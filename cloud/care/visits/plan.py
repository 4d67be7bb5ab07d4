"""When the next visit is due, and why. Pure.

The interval runs from the last visit that counts. Alerts, a drop in activity and people may pull
the next visit forward; nothing pushes it back. What sensors say when all is well is no argument
here, so a quiet week can never stand for a visit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from cloud.clock import day_begins, local_date

# Design default (D): from so many days before on it is in the list, so that routes can be planned.
SOON: Final = timedelta(days=3)


class Standing(StrEnum):
    """How a visit stands now."""

    OK = "ok"
    SOON = "soon"
    TODAY = "today"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Done:
    """A visit that took place. `interval_days`: the plan's when it was written down, if known."""

    at: datetime
    remote: bool
    interval_days: int | None = None
    planned: bool = True


@dataclass(frozen=True, slots=True)
class Pull:
    """Something that asks for an earlier visit. It ends with a visit after `at`, or is taken back
    at `ended_at`.
    """

    at: datetime
    due_at: datetime
    reason: str
    note: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """`pulls`: what still asks for an earlier visit; the one that sets the time comes first."""

    due_at: datetime
    regular_at: datetime
    standing: Standing
    pulls: tuple[Pull, ...]


@dataclass(frozen=True, slots=True)
class FellDue:
    """A due date, and the visit that answered it, in time or late. None: it is open."""

    due_at: datetime
    visit: Done | None

    @property
    def met(self) -> bool:
        """In time."""
        return self.visit is not None and self.visit.at <= self.due_at


def end_of(day: date) -> datetime:
    """The moment a local day is over."""
    return day_begins(day + timedelta(days=1))


def those_that_count(visits: Iterable[Done], remote_in_a_row: int) -> list[Done]:
    """By time. After `remote_in_a_row` calls somebody has to go; further calls do not count."""
    counting = []
    calls = 0
    for visit in sorted(visits, key=lambda one: one.at):
        calls = calls + 1 if visit.remote else 0
        if calls <= remote_in_a_row:
            counting.append(visit)
    return counting


def last_that_counts(visits: Iterable[Done], remote_in_a_row: int) -> Done | None:
    """The newest that counts. `visits` in any order."""
    return next(reversed(those_that_count(visits, remote_in_a_row)), None)


def fell_due(
    visits: Iterable[Done], starts_on: date, interval_days: int, pulls: Sequence[Pull],
    remote_in_a_row: int,
) -> Iterator[FellDue]:  # fmt: skip
    """Each due date there has been, and the one to come: one from each visit to the next.

    A try at a closed door is none, nor is a call too many. A pull counts towards the visit that
    came after it; one that was taken back before it was due, and before that visit, never was.
    """
    last: Done | None = None
    for visit in (*those_that_count(visits, remote_in_a_row), None):
        until = None if visit is None else visit.at
        interval = interval_days if visit is None else visit.interval_days or interval_days
        asking = [
            pull for pull in pulls
            if (until is None or pull.at <= until)
            and (pull.ended_at is None or pull.ended_at >= pull.due_at
                 or (until is not None and pull.ended_at >= until))
        ]  # fmt: skip
        due = next_due(last, starts_on, interval, asking, until or day_begins(starts_on))
        yield FellDue(due.due_at, visit)
        last = visit


def next_due(
    last: Done | None, starts_on: date, interval_days: int, pulls: Sequence[Pull], now: datetime
) -> Due:
    """`starts_on`: when the first is due, where there has been none since the plan began."""
    regular_on = starts_on
    if last is not None:
        regular_on = local_date(last.at) + timedelta(days=interval_days)
    regular_at = end_of(regular_on)
    asking = sorted(
        (pull for pull in pulls if last is None or pull.at > last.at), key=lambda one: one.due_at
    )
    due_at = min([regular_at, *(pull.due_at for pull in asking)])
    return Due(due_at, regular_at, standing_of(due_at, now), tuple(asking))


def standing_of(due_at: datetime, now: datetime) -> Standing:
    """Overdue once the time is over; today while it ends before the day does."""
    tonight = end_of(local_date(now))
    if now >= due_at:
        return Standing.OVERDUE
    if due_at <= tonight:
        return Standing.TODAY
    return Standing.SOON if due_at <= tonight + SOON else Standing.OK
