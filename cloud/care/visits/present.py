"""Visits as the API shows them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, cast

from cloud.care.assessment.around import DEMENTIA
from cloud.care.visits import catalogue, history, service
from cloud.care.visits.models import Visit, VisitCorrection, VisitFollowup, VisitPlan
from cloud.care.visits.places import is_far
from cloud.care.visits.plan import end_of
from cloud.care.visits.route import order
from cloud.care.visits.schemas import (
    CorrectionOut,
    ElderVisitsOut,
    FollowupOut,
    FollowupsOut,
    GroupOut,
    Mark,
    PlaceIO,
    PullOut,
    PullReason,
    RouteOut,
    RouteStop,
    StationIO,
    SuggestionOut,
    UnplannedOut,
    VisitCodeOut,
    VisitDueOut,
    VisitDueRow,
    VisitOut,
    VisitOutcome,
    VisitPlanOut,
    VisitSettingsOut,
    VisitStaffOut,
    WayOfVisit,
)
from cloud.care.visits.suggest import suggest
from cloud.clock import local_date
from cloud.coverage.models import AssessedLevel
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.geo import Point, distance_m
from cloud.people.age import age_on
from cloud.people.reach import Reach
from cloud.people.record import facts_of
from cloud.people.service import elders_by_id, find_elder
from cloud.places.homes import ADDRESS
from cloud.places.sealing import unseal

# Of an elder's page: more than two years of weekly visits are in the statements.
SHOWN_VISITS: Final = 120


async def settings_out(scope: TenantScope, map_tiles: str) -> VisitSettingsOut:
    """The figures in force, and the words of the forms."""
    known = await service.figures(scope)
    row, names = known.row, await service.staff(scope)
    return VisitSettingsOut(
        groups=[
            GroupOut(
                key=key, zh=group.zh, en=group.en, who_zh=group.who_zh, who_en=group.who_en,
                interval_days=known.interval_days[key], default_days=group.interval_days,
                mark=cast(Mark, group.mark), source=group.source,
            )
            for key, group in catalogue.groups().items()
        ],
        ways=[_code(word) for word in catalogue.ways().values()],
        findings=[_code(word) for word in catalogue.findings().values()],
        staff=[VisitStaffOut(id=key, name=name) for key, name in names.items()],
        pull_forward_h=round(known.pull_forward / timedelta(hours=1)),
        remote_in_a_row=known.remote_in_a_row,
        marks={name: cast(Mark, mark) for name, mark in catalogue.marks().items()},
        station=_station(known),
        map_tiles=map_tiles,
        version=0 if row is None else row.version,
        updated_at=None if row is None else row.updated_at,
        updated_by=None if row is None else row.updated_by,
    )  # fmt: skip


def _code(word: catalogue.Word) -> VisitCodeOut:
    return VisitCodeOut(key=word.key, zh=word.zh, en=word.en, remote=word.remote)


def _station(known: service.Figures) -> StationIO | None:
    held = None if known.row is None else known.row.station
    return None if held is None else StationIO.model_validate(held)


async def due_out(scope: TenantScope, reach: Reach, now: datetime) -> VisitDueOut:
    """Whom the caller reaches, the longest overdue first; and who lives at home without a plan."""
    rows = await _reached(scope, reach, now)
    planned = {row.elder.id for row in rows}
    hidden = await reach.hidden()
    unplanned = [
        UnplannedOut(elder_id=key, elder_name=one.elder.name, where=one.home.name)
        for key, one in (await service.at_home(scope, now)).items()
        if key not in planned and key not in hidden
    ]
    return VisitDueOut(
        server_time=now,
        today=local_date(now),
        rows=await rows_out(scope, rows),
        unplanned=sorted(unplanned, key=lambda one: one.where),
    )


async def _reached(scope: TenantScope, reach: Reach, now: datetime) -> list[service.Row]:
    hidden = await reach.hidden()
    return [row for row in await service.due_rows(scope, now) if row.elder.id not in hidden]


async def rows_out(scope: TenantScope, rows: Sequence[service.Row]) -> list[VisitDueRow]:
    """Rows of the due list."""
    names = await service.staff(scope)
    still_open = Counter(row.elder_id for row in await history.followups(scope, is_open=True))
    return [_row_out(row, names, still_open[row.elder.id]) for row in rows]


def _row_out(row: service.Row, names: dict[uuid.UUID, str], open_followups: int) -> VisitDueRow:
    last = row.past.done[-1] if row.past.done else None
    attempt, visitor_id = row.past.attempt, row.plan.visitor_id
    return VisitDueRow(
        elder_id=row.elder.id,
        elder_name=row.elder.name,
        where="" if row.home is None else row.home.name,
        group=row.plan.group_key,
        interval_days=row.interval_days,
        visitor_id=visitor_id,
        visitor=None if visitor_id is None else names.get(visitor_id),
        due_at=row.due.due_at,
        regular_at=row.due.regular_at,
        standing=row.due.standing.value,
        pulls=[
            PullOut(
                at=one.at, due_at=one.due_at, reason=cast(PullReason, one.reason), note=one.note
            )
            for one in row.due.pulls
        ],
        last_done_at=None if last is None else last.started_at,
        last_done_by=None if last is None else last.by,
        last_attempt_at=None if attempt is None else attempt.started_at,
        last_attempt=None if attempt is None else cast(VisitOutcome, attempt.outcome),
        open_followups=open_followups,
    )


async def route_out(
    scope: TenantScope,
    reach: Reach,
    keyring: Keyring,
    *,
    day: date,
    visitor_id: uuid.UUID | None,
    now: datetime,
) -> RouteOut:
    """Who is due by the end of the day, in the order to walk: what is overdue by hours first."""
    rows = [
        row
        for row in await _reached(scope, reach, now)
        if row.due.due_at <= end_of(day) and visitor_id in (None, row.plan.visitor_id)
    ]
    station = _station(await service.figures(scope))
    start = None if station is None else Point(station.lat, station.lon)
    doors = [(row, service.place_of(row.plan, keyring)) for row in rows]
    known = [(row, place) for row, place in doors if place is not None]
    # Pulled forward means within hours: those doors are not left for the afternoon.
    known.sort(key=lambda one: not one[0].due.pulls)
    points = [Point(place.lat, place.lon) for _, place in known]
    way = order(points, start, fixed=sum(bool(row.due.pulls) for row, _ in known))
    legs: list[float | None] = []
    here = start
    for index in way:
        legs.append(None if here is None else round(distance_m(here, points[index]), 1))
        here = points[index]
    placed: list[tuple[service.Row, PlaceIO | None, float | None]] = [
        (*known[index], leg) for index, leg in zip(way, legs, strict=True)
    ]
    unplaced = [(row, None, None) for row, place in doors if place is None]
    stops = [*placed, *unplaced]
    told = await rows_out(scope, [row for row, _, _ in stops])
    return RouteOut(
        day=day,
        station=station,
        stops=[
            RouteStop(row=said, address=_address(row, keyring), place=place, leg_m=leg)
            for said, (row, place, leg) in zip(told, stops, strict=True)
        ],
        length_m=round(sum(leg for leg in legs if leg is not None), 1),
    )


def _address(row: service.Row, keyring: Keyring) -> str:
    home = row.home
    return "" if home is None else unseal(keyring, home.address_sealed, ADDRESS, home.id)


async def elder_out(
    scope: TenantScope, keyring: Keyring, elder_id: uuid.UUID, now: datetime
) -> ElderVisitsOut:
    """Everything about an elder's visits."""
    elder = await find_elder(scope, elder_id)
    plan = await service.find_plan(scope, elder_id)
    level = scope.select(AssessedLevel).where(AssessedLevel.elder_id == elder_id)
    assessed = (await scope.session.scalars(level)).one_or_none()
    facts = {field: fact.value for field, fact in (await facts_of(scope, elder_id)).items()}
    said = suggest(
        age_on(elder.birth_date, local_date(now)), None if assessed is None else assessed.level,
        facts, dementia=any(one["code"] == DEMENTIA for one in elder.diagnoses),
    )  # fmt: skip
    rows = await rows_out(scope, await service.due_rows(scope, now, elder_ids=[elder_id]))
    visits = await history.visits_of(scope, elder_id, SHOWN_VISITS)
    return ElderVisitsOut(
        elder_id=elder_id,
        elder_name=elder.name,
        plan=None if plan is None else await plan_out(scope, keyring, plan),
        suggestion=SuggestionOut(
            group=said.group, reasons=list(said.reasons), unknown=list(said.unknown)
        ),
        due=rows[0] if rows else None,
        visits=await visits_out(scope, visits),
        followups=await _followups_out(
            scope, await history.followups(scope, elder_id=elder_id), now
        ),
    )


async def plan_out(scope: TenantScope, keyring: Keyring, plan: VisitPlan) -> VisitPlanOut:
    """A plan with its place opened."""
    known = await service.figures(scope)
    visitor = None if plan.visitor_id is None else (await service.staff(scope)).get(plan.visitor_id)
    return VisitPlanOut(
        elder_id=plan.elder_id,
        group=plan.group_key,
        interval_days=plan.interval_days or known.interval_days[plan.group_key],
        own_interval_days=plan.interval_days,
        visitor_id=plan.visitor_id,
        visitor=visitor,
        purchaser=plan.purchaser,
        place=service.place_of(plan, keyring),
        starts_on=plan.starts_on,
        ended_at=plan.ended_at,
        note=plan.note,
        version=plan.version,
        updated_at=plan.updated_at,
        updated_by=plan.updated_by,
    )


async def visits_out(scope: TenantScope, visits: Sequence[Visit]) -> list[VisitOut]:
    """Visits with their corrections."""
    elders = await elders_by_id(scope, {one.elder_id for one in visits})
    corrections = await history.corrections_of(scope, [one.id for one in visits])
    return [
        _visit_out(one, elders[one.elder_id].name, corrections.get(one.id, [])) for one in visits
    ]


def _visit_out(one: Visit, name: str, corrections: Sequence[VisitCorrection]) -> VisitOut:
    return VisitOut(
        id=one.id,
        elder_id=one.elder_id,
        elder_name=name,
        by=one.by,
        way=cast(WayOfVisit, one.way),
        outcome=cast(VisitOutcome, one.outcome),
        started_at=one.started_at,
        ended_at=one.ended_at,
        recorded_at=one.recorded_at,
        due_at=one.due_at,
        accuracy_m=one.accuracy_m,
        distance_m=one.distance_m,
        far_away=is_far(one.distance_m, one.accuracy_m),
        no_place_reason=one.no_place_reason,
        findings=list(one.findings),
        note=one.note,
        void=bool(corrections) and corrections[-1].void,
        corrections=[
            CorrectionOut(
                at=row.at, by=row.by, reason=row.reason, void=row.void,
                started_at=row.started_at, ended_at=row.ended_at,
            )
            for row in corrections
        ],
    )  # fmt: skip


async def followups_out(scope: TenantScope, reach: Reach, now: datetime) -> FollowupsOut:
    """What is still to be done, of whom the caller reaches."""
    hidden = await reach.hidden()
    found = await history.followups(scope, is_open=True)
    found = [row for row in found if row.elder_id not in hidden]
    return FollowupsOut(followups=await _followups_out(scope, found, now))


async def _followups_out(
    scope: TenantScope, found: Sequence[VisitFollowup], now: datetime
) -> list[FollowupOut]:
    elders = await elders_by_id(scope, {row.elder_id for row in found})
    return [followup_out(row, elders[row.elder_id].name, now) for row in found]


def followup_out(row: VisitFollowup, elder_name: str, now: datetime) -> FollowupOut:
    """One follow-up."""
    return FollowupOut(
        id=row.id,
        elder_id=row.elder_id,
        elder_name=elder_name,
        visit_id=row.visit_id,
        what=row.what,
        owner_id=row.owner_id,
        owner=row.owner,
        due_on=row.due_on,
        overdue=row.done_at is None and row.due_on < local_date(now),
        created_at=row.created_at,
        created_by=row.created_by,
        done_at=row.done_at,
        done_by=row.done_by,
        result=row.result,
    )
