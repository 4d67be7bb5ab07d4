"""Active discovery as the API shows it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, cast

from cloud.care.discovery import service
from cloud.care.discovery.change import HISTORY_DAYS, Change, change_of
from cloud.care.discovery.features import Feature, FeatureDay, day_of
from cloud.care.discovery.models import DiscoveryCase
from cloud.care.discovery.schemas import (
    CaseMoveOut,
    CaseState,
    CurveOut,
    DiscoveryCaseOut,
    DiscoveryListOut,
    Dismissal,
    ElderDiscoveryOut,
    NeedReasonOut,
)
from cloud.care.discovery.words import FEATURE_NAMES
from cloud.care.tasks.routes import tasks_out
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.identity.service import Principal
from cloud.people.age import age_on
from cloud.people.service import elders_by_id, find_elder, stays_at
from cloud.places.service import bed_names


async def list_out(principal: Principal, now: datetime) -> DiscoveryListOut:
    """Today's list."""
    scope = principal.scope
    run = await service.last_run(scope)
    return DiscoveryListOut(
        day=None if run is None else run.day,
        scored_at=None if run is None else run.scored_at,
        elders=0 if run is None else run.elders,
        stale=run is not None and run.day < day_of(now) - timedelta(days=1),
        cases=await cases_out(scope, await service.waiting(principal), now),
        stats=await service.stats(scope, now),
    )


async def cases_out(
    scope: TenantScope, cases: Sequence[DiscoveryCase], now: datetime
) -> list[DiscoveryCaseOut]:
    """With names, places, tasks and steps."""
    elders = await elders_by_id(scope, {case.elder_id for case in cases})
    beds = {stay.elder_id: stay.bed_id for stay in await stays_at(scope, now)}
    places = await bed_names(scope, [beds[one] for one in elders if one in beds])
    moves = await service.moves_of(scope, cases)
    tasks = await service.tasks_by_case(scope, cases)
    told = {
        task.id: task for task in await tasks_out(scope, [t for own in tasks.values() for t in own])
    }
    today = local_date(now)
    return [
        DiscoveryCaseOut(
            id=case.id, elder_id=case.elder_id, elder_name=elders[case.elder_id].name,
            place=places[beds[case.elder_id]].label if case.elder_id in beds else None,
            age=age_on(elders[case.elder_id].birth_date, today), opened_on=case.opened_on,
            day=case.day, score=case.score, listed=case.listed, simulated=case.origin != "live",
            reasons=[_reason(one) for one in case.reasons], unknown=case.unknown,
            state=cast(CaseState, case.state),
            reason_code=cast(Dismissal | None, case.reason_code), note=case.note,
            ask_again_on=case.ask_again_on, ended_at=case.ended_at, ended_by=case.ended_by,
            version=case.version, tasks=[told[task.id] for task in tasks.get(case.id, ())],
            moves=[
                CaseMoveOut(at=move.at, by=move.by, move=move.move, note=move.note)
                for move in moves.get(case.id, ())
            ],
        )
        for case in cases
    ]  # fmt: skip


def _reason(held: Mapping[str, Any]) -> NeedReasonOut:
    kind = str(held["kind"])
    return NeedReasonOut(
        kind=kind, group=held["group"], points=held["points"], hard=held["hard"],
        factor=held["factor"], text_zh=held["text_zh"], text_en=held["text_en"],
        curve=kind if kind in FEATURE_NAMES else None,
    )  # fmt: skip


async def elder_out(scope: TenantScope, elder_id: uuid.UUID, now: datetime) -> ElderDiscoveryOut:
    """The curves of ten weeks, with what is usual; every day there is a place, known or not."""
    elder = await find_elder(scope, elder_id)
    run = await service.last_run(scope)
    last = day_of(now) - timedelta(days=1) if run is None else run.day
    days = [last - timedelta(days=back) for back in range(HISTORY_DAYS - 1, -1, -1)]
    held = {row.day: row for row in await service.days_of(scope, elder_id, days[0])}
    newest = next((held[day] for day in reversed(days) if day in held and held[day].features), None)
    told: dict[date, FeatureDay] = {
        day: {Feature(name): value for name, value in row.features.items()}
        for day, row in held.items()
        if newest is not None and row.origin == newest.origin
    }
    scores = await service.scores_of(scope, elder_id, days[0])
    return ElderDiscoveryOut(
        elder_id=elder.id, elder_name=elder.name, days=days,
        away=[day for day in days if day in held and held[day].away],
        scores=[scores.get(day) for day in days],
        curves=[
            _curve(feature, told, days, change_of(told, feature, last))
            for feature in Feature
            if any(feature in row for row in told.values())
        ],
        cases=await cases_out(scope, await service.of_elder(scope, elder_id), now),
    )  # fmt: skip


def _curve(
    feature: Feature, told: Mapping[date, FeatureDay], days: Sequence[date], change: Change | None
) -> CurveOut:  # fmt: skip
    name = FEATURE_NAMES[feature]
    return CurveOut(
        feature=feature.value, name_zh=name.zh, name_en=name.en, unit_zh=name.unit_zh,
        unit_en=name.unit_en, values=[told.get(day, {}).get(feature) for day in days],
        usual=None if change is None else change.usual,
        low=None if change is None else change.low, high=None if change is None else change.high,
    )  # fmt: skip
