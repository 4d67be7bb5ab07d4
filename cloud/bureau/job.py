"""Indicators are counted by day and kept; late truth counts its day again.

Counting a day twice changes nothing. Which days are to be counted again is asked of the times at
which things were written down; corrections that leave no time (a stay moved, an assignment) are
found by a sweep over this month and the last, once a night.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from cloud.alerts.models import Alert, Incident
from cloud.bureau import of_alerts, of_care, of_rounds, of_visits, of_watch
from cloud.bureau.catalogue import CATALOGUE
from cloud.bureau.models import CoverageChange, IndicatorDay, IndicatorEvent, IndicatorRun
from cloud.bureau.of_people import people_of
from cloud.bureau.tally import Span, Tally
from cloud.care.assessment.models import Assessment
from cloud.care.leave.models import ElderLeave
from cloud.care.rounds.models import RoundCheck
from cloud.care.visits.models import Visit, VisitCorrection
from cloud.clock import local_date
from cloud.coverage.models import CoverageGap
from cloud.database import TenantScope
from cloud.devices.models import DeviceFault, DeviceTest
from cloud.people.models import Stay

# A transaction may be committed this long after the time it wrote down.
MARGIN: Final = timedelta(minutes=10)
# Late truth from further back than this waits for the sweep, or for `yuyue cloud indicators`.
LONGEST_LOOK: Final = timedelta(days=62)
_DAY: Final = timedelta(days=1)
_LOCK: Final = 0x7975_0036
# Days counted in one go: a month of a large house, in bounded memory.
_STRETCH: Final = 31


async def recount(scope: TenantScope, first: date, last: date, now: datetime) -> int:
    """Count the days anew, in this transaction; how many rows there are now."""
    await scope.session.execute(
        text("SELECT pg_advisory_xact_lock(:lock, hashtext(:here))"),
        {"lock": _LOCK, "here": str(scope.institution_id)},
    )
    rows = 0
    while first <= last:
        until = min(first + (_STRETCH - 1) * _DAY, last)
        rows += await _recount(scope, Span(first, until, now))
        first = until + _DAY
    return rows


async def _recount(scope: TenantScope, span: Span) -> int:
    tally = Tally(span)
    people = await people_of(scope, span)
    await of_alerts.count_alerts(scope, span, tally)
    await of_alerts.count_falls(scope, span, tally, people.occupied(span))
    await of_alerts.count_drills(scope, span, tally)
    filed = await of_rounds.filed_assessments(scope)
    levels = await of_rounds.levels_of(scope, filed)
    await of_rounds.count_rounds(scope, span, tally, people, levels)
    await of_care.count_assessments(scope, span, tally, people, filed)
    await of_watch.count_coverage(scope, span, tally, people)
    await of_watch.count_devices(scope, span, tally, people)
    await of_visits.count_visits(scope, span, tally)
    return await _keep(scope, tally)


async def _keep(scope: TenantScope, tally: Tally) -> int:
    span, here = tally.span, {"institution_id": scope.institution_id}
    for model in (IndicatorDay, IndicatorEvent):
        await scope.session.execute(
            delete(model).where(
                model.institution_id == scope.institution_id,
                model.day.between(span.first, span.last),
            )
        )
    days = [
        here | {
            "day": day, "indicator": indicator, "kind": kind, "part": round(count.part),
            "whole": round(count.whole), "seconds": sorted(count.seconds),
            "computed_at": span.until,
        }
        for (day, indicator, kind), count in sorted(tally.counts.items())
        if indicator in CATALOGUE
    ]  # fmt: skip
    happenings: list[dict[str, Any]] = [
        here | {
            "day": local_date(one.at), "indicator": one.indicator, "ref": one.ref, "at": one.at,
            "code": one.code, "priority": one.priority, "answer_s": one.answer_s,
            "arrival_s": one.arrival_s, "outcome": one.outcome,
        }
        for one in tally.happenings
    ]  # fmt: skip
    if days:
        await scope.session.execute(insert(IndicatorDay), days)
    if happenings:
        await scope.session.execute(insert(IndicatorEvent), happenings)
    return len(days)


async def follow(scope: TenantScope, now: datetime) -> list[date]:
    """Count today, what changed since the last look, and once a day two months; which days."""
    today = local_date(now)
    statement = scope.select(IndicatorRun)
    run = (await scope.session.scalars(statement)).one_or_none()
    since = now - LONGEST_LOOK if run is None else run.looked_at - MARGIN
    sweep = run is None or run.swept_on < today
    oldest = max(await _began(scope, now), today - LONGEST_LOOK)
    days = {today}
    if sweep:
        first = max(oldest, (today.replace(day=1) - _DAY).replace(day=1))
        days |= set(_days(first, today))
    days |= {day for day in await changed_days(scope, since, now) if oldest <= day <= today}
    for first, last in _stretches(sorted(days)):
        await recount(scope, first, last, now)
    values = {"looked_at": now, "swept_on": today}
    await scope.session.execute(
        upsert(IndicatorRun)
        .values(institution_id=scope.institution_id, **values)
        .on_conflict_do_update(index_elements=[IndicatorRun.institution_id], set_=values)
    )
    return sorted(days)


async def changed_days(scope: TenantScope, since: datetime, now: datetime) -> set[date]:
    """Days of which something was written down since. A silence that is still on is of each."""

    async def times(statement: Any) -> list[Any]:
        return list((await scope.session.execute(statement)).all())

    def of(model: Any, at: Any, *when: Any) -> Any:
        return scope.select(model).where(or_(*when)).with_only_columns(at).distinct()

    corrected = (
        scope.select(VisitCorrection)
        .where(VisitCorrection.visit_id == Visit.id, VisitCorrection.at >= since)
        .with_only_columns(VisitCorrection.id)
        .exists()
    )
    days = {
        local_date(at)
        for statement in (
            of(Alert, Alert.raised_at, Alert.updated_at >= since),
            of(Incident, Incident.happened_at, Incident.recorded_at >= since,
               Incident.voided_at >= since),
            of(RoundCheck, RoundCheck.at, RoundCheck.recorded_at >= since),
            of(DeviceTest, DeviceTest.tested_at, DeviceTest.tested_at >= since),
            of(Assessment, Assessment.filed_at, Assessment.filed_at >= since),
            of(Visit, Visit.due_at, Visit.recorded_at >= since),
            of(Visit, Visit.due_at, corrected),
            of(Incident, Incident.recorded_at, Incident.recorded_at >= since,
               Incident.voided_at >= since),
        )
        for (at,) in await times(statement)
        if at is not None
    }  # fmt: skip
    # A night belongs to the day before.
    days |= {day - _DAY for day in days}
    lasting = [
        scope.select(CoverageGap)
        .where(or_(CoverageGap.until_at.is_(None), CoverageGap.until_at >= since,
                   CoverageGap.from_at >= since))
        .with_only_columns(CoverageGap.from_at, CoverageGap.until_at),
        scope.select(DeviceFault)
        .where(or_(DeviceFault.reported_at >= since, DeviceFault.ended_at >= since))
        .with_only_columns(DeviceFault.reported_at, DeviceFault.ended_at),
        scope.select(ElderLeave)
        .where(or_(ElderLeave.back_at >= since, ElderLeave.registered_at >= since))
        .with_only_columns(ElderLeave.out_at, ElderLeave.back_at),
        scope.select(CoverageChange)
        .where(CoverageChange.told_at >= since)
        .with_only_columns(CoverageChange.since, CoverageChange.told_at),
    ]  # fmt: skip
    for statement in lasting:
        for begin, end in await times(statement):
            first = max(local_date(begin), local_date(now - LONGEST_LOOK))
            days |= set(_days(first, local_date(end or now)))
    return days


async def _began(scope: TenantScope, now: datetime) -> date:
    """Before an institution had anybody there is nothing to count."""
    first = await scope.session.scalar(
        select(func.min(Stay.valid_from)).where(Stay.institution_id == scope.institution_id)
    )
    return local_date(first or now)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _stretches(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Days that follow each other, counted together."""
    begin = end = None
    for day in days:
        if begin is None or end is None:
            begin = end = day
        elif day == end + _DAY:
            end = day
        else:
            yield begin, end
            begin = end = day
    if begin is not None and end is not None:
        yield begin, end
