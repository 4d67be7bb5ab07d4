"""Local days, and what is counted on each. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from cloud.clock import day_begins, local_date

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, as far as they are over at `until`."""

    first: date
    last: date
    until: datetime

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return day_begins(self.first)

    @property
    def end(self) -> datetime:
        """The moment after the last that counts."""
        return min(day_begins(self.last + timedelta(days=1)), self.until)

    def days(self) -> Iterator[date]:
        """Each day that has begun."""
        day = self.first
        while day <= self.last and day_begins(day) < self.until:
            yield day
            day += timedelta(days=1)

    def end_of(self, day: date) -> datetime:
        """When the day ends; now, for today."""
        return min(day_begins(day + timedelta(days=1)), self.until)

    def clip(self, begin: datetime, end: datetime | None) -> Interval | None:
        """What of an interval lies in the span; None: nothing. No end: it still goes on."""
        low = max(begin, self.begin)
        high = self.end if end is None else min(end, self.end)
        return (low, high) if low < high else None

    def by_day(self, begin: datetime, end: datetime) -> Iterator[tuple[date, float]]:
        """Seconds of an interval within the span, for each day it touches."""
        held = self.clip(begin, end)
        if held is None:
            return
        low, high = held
        day = local_date(low)
        while low < high:
            until = min(day_begins(day + timedelta(days=1)), high)
            yield day, (until - low).total_seconds()
            low, day = until, day + timedelta(days=1)


@dataclass(slots=True)
class Count:
    """Of one day, indicator and kind."""

    part: float = 0
    whole: float = 0
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something counted that one may look at, without who and where."""

    indicator: str
    ref: uuid.UUID
    at: datetime
    code: str
    priority: str
    answer_s: float | None = None
    arrival_s: float | None = None
    outcome: str | None = None


@dataclass(slots=True)
class Tally:
    """What was counted of a span."""

    span: Span
    counts: dict[tuple[date, str, str], Count] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)

    def begin(self, indicator: str, kinds: Iterable[str] = ("",)) -> None:
        """Nothing so far on any day: a zero that was counted, unlike a day that was not."""
        for day in self.span.days():
            for kind in kinds or ("",):
                self.counts.setdefault((day, indicator, kind), Count())

    def add(
        self, day: date, indicator: str, kind: str = "", *, part: float = 0, whole: float = 0,
        seconds: float | None = None,
    ) -> None:  # fmt: skip
        """On a day of the span; other days are left out."""
        if not self.span.first <= day <= self.span.last:
            return
        count = self.counts.setdefault((day, indicator, kind), Count())
        count.part += part
        count.whole += whole
        if seconds is not None:
            count.seconds.append(seconds)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time without overlaps, in order."""
    found: list[Interval] = []
    for begin, end in sorted(each for each in intervals if each[0] < each[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def without(intervals: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """What of the intervals lies in none of the holes."""
    left = merged(intervals)
    for low, high in merged(holes):
        parts: list[Interval] = []
        for begin, end in left:
            parts += [(begin, min(end, low)), (max(begin, high), end)]
        left = [each for each in parts if each[0] < each[1]]
    return left


def within(intervals: Iterable[Interval], bounds: Iterable[Interval]) -> list[Interval]:
    """What of the intervals lies in one of the bounds."""
    limits = merged(bounds)
    return [
        (max(begin, low), min(end, high))
        for begin, end in merged(intervals)
        for low, high in limits
        if max(begin, low) < min(end, high)
    ]
