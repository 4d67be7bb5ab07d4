"""Counted of rounds: planned by the plan and level in force then, done as checked."""

from __future__ import annotations

import uuid
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud.bureau.models import RoundPlanVersion, WatchLevelChange
from cloud.bureau.of_people import People
from cloud.bureau.tally import Span, Tally
from cloud.care.assessment.models import Assessment
from cloud.care.rounds.models import RoundCheck
from cloud.care.rounds.plan import DEFAULT_LEVELS, Frequency, LevelPlan, planned_times
from cloud.clock import day_begins, local_date
from cloud.database import TenantScope
from cloud.identity.shifts import Shift, pattern_of

_A_MOMENT = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Levels:
    """Which ability level steered somebody's care when: the watch plan's own, else assessed."""

    own: Mapping[uuid.UUID, list[tuple[datetime, int | None]]]
    assessed: Mapping[uuid.UUID, list[Assessment]]

    def at(self, elder_id: uuid.UUID, at: datetime) -> int:
        """Never assessed is level 0, as the rounds themselves take it."""
        own = None
        for since, level in self.own.get(elder_id, ()):
            if since <= at:
                own = level
        if own is not None:
            return own
        newest = newest_at(self.assessed.get(elder_id, ()), at)
        return 0 if newest is None or newest.final_level is None else newest.final_level


def newest_at(filed: Sequence[Assessment], at: datetime) -> Assessment | None:
    """Which assessment held at a time, by what was filed by then."""
    known = [one for one in filed if one.filed_at is not None and one.filed_at <= at]
    return max(known, key=lambda one: (one.reference_date, one.filed_at), default=None)


async def filed_assessments(scope: TenantScope) -> dict[uuid.UUID, list[Assessment]]:
    """All that was ever filed, by elder."""
    found: dict[uuid.UUID, list[Assessment]] = defaultdict(list)
    statement = scope.select(Assessment).where(Assessment.filed_at.is_not(None))
    for row in await scope.session.scalars(statement):
        found[row.elder_id].append(row)
    return found


async def levels_of(scope: TenantScope, assessed: Mapping[uuid.UUID, list[Assessment]]) -> Levels:
    """Of everybody."""
    own: dict[uuid.UUID, list[tuple[datetime, int | None]]] = defaultdict(list)
    statement = scope.select(WatchLevelChange).order_by(WatchLevelChange.at, WatchLevelChange.id)
    for row in await scope.session.scalars(statement):
        own[row.elder_id].append((row.at, row.level))
    return Levels(own, assessed)


class Plans:
    """Plans of rounds as they stood."""

    def __init__(self, versions: Sequence[RoundPlanVersion]) -> None:
        self._of: dict[uuid.UUID | None, list[RoundPlanVersion]] = defaultdict(list)
        for version in sorted(versions, key=lambda one: (one.valid_from, one.version)):
            self._of[version.unit_id].append(version)

    def at(self, unit_id: uuid.UUID, at: datetime) -> dict[int, LevelPlan] | None:
        """What a unit was to do; None: no plan in force."""
        version = self._version(unit_id, at) or self._version(None, at)
        if version is None or not version.active:
            return None
        return dict(DEFAULT_LEVELS) | {
            int(level): LevelPlan(
                Frequency(**said["night"]), Frequency(**said["day"]), said["turning_min"]
            )
            for level, said in version.levels.items()
        }

    def _version(self, unit_id: uuid.UUID | None, at: datetime) -> RoundPlanVersion | None:
        held = self._of.get(unit_id, [])
        number = bisect_right(held, at, key=lambda one: one.valid_from)
        return held[number - 1] if number else None


def shifts_over(pattern: Sequence[tuple[str, int, int]], span: Span) -> Iterator[Shift]:
    """Shifts that began on a day of the span and are over."""
    for day in span.days():
        for name, starts, ends in pattern:
            begin = day_begins(day) + timedelta(minutes=starts)
            length = timedelta(minutes=(ends - starts) % _DAY_MIN or _DAY_MIN)
            if begin + length <= span.until:
                yield Shift(name, begin, begin + length)


async def count_rounds(
    scope: TenantScope, span: Span, tally: Tally, people: People, levels: Levels
) -> None:
    """For each shift and person with a bed in a unit all through it: planned, and done."""
    tally.begin("rounds")
    plans = Plans(list(await scope.session.scalars(scope.select(RoundPlanVersion))))
    checks = await _checks(scope, span)
    for shift in shifts_over(await pattern_of(scope), span):
        day = local_date(shift.starts_at)
        for stay in people.stays:
            if stay.unit_id is None or not (
                stay.covers(shift.starts_at) and stay.covers(shift.ends_at - _A_MOMENT)
            ):
                continue
            away = people.away.get(stay.elder_id, ())
            if any(begin < shift.ends_at and end > shift.starts_at for begin, end in away):
                continue
            plan = plans.at(stay.unit_id, shift.starts_at)
            if plan is None:
                continue
            planned = planned_times(plan[levels.at(stay.elder_id, shift.starts_at)], shift)
            times = checks.get(stay.elder_id, [])
            seen = bisect_right(times, shift.ends_at - _A_MOMENT) - bisect_right(
                times, shift.starts_at - _A_MOMENT
            )
            tally.add(day, "rounds", part=min(seen, planned), whole=planned)


async def _checks(scope: TenantScope, span: Span) -> dict[uuid.UUID, list[datetime]]:
    """When each was seen; a night of the last day goes on into the next."""
    statement = (
        scope.select(RoundCheck)
        .where(
            RoundCheck.finding != "not_there", RoundCheck.at >= span.begin,
            RoundCheck.at < span.end + _DAY,
        )
        .order_by(RoundCheck.at)
        .with_only_columns(RoundCheck.elder_id, RoundCheck.at)
    )  # fmt: skip
    found: dict[uuid.UUID, list[datetime]] = defaultdict(list)
    for elder_id, at in (await scope.session.execute(statement)).all():
        found[elder_id].append(at)
    return found
