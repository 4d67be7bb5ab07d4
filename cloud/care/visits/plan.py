"""When the next visit is due, and why. Pure.

The interval runs from the last visit that counts. Alerts, a drop in activity and people may pull
the next visit forward; nothing pushes it back. What sensors say when all is well is no argument
here, so a quiet week can never stand for a visit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """A visit that took place."""

    at: datetime
    remote: bool


@dataclass(frozen=True, slots=True)
class Pull:
    """Something that asks for an earlier visit. It ends with a visit after `at`."""

    at: datetime
    due_at: datetime
    reason: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """`pulls`: what still asks for an earlier visit; the one that sets the time comes first."""

    due_at: datetime
    regular_at: datetime
    standing: Standing
    pulls: tuple[Pull, ...]


def end_of(day: date) -> datetime:
    """The moment a local day is over."""
    return day_begins(day + timedelta(days=1))


def last_that_counts(visits: Iterable[Done], remote_in_a_row: int) -> Done | None:
    """The newest that counts: after `remote_in_a_row` calls somebody has to go.

    `visits` in any order.
    """
    counting: Done | None = None
    calls = 0
    for visit in sorted(visits, key=lambda one: one.at):
        calls = calls + 1 if visit.remote else 0
        if calls <= remote_in_a_row:
            counting = visit
    return counting


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
