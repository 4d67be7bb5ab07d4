"""Home beds as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, cast

from cloud.care.homebed import service
from cloud.care.homebed.models import HomeBed
from cloud.care.homebed.schemas import (
    AgreementIO,
    HomeBedMoveOut,
    HomeBedOut,
    HomeBedRow,
    HomeBedsOut,
    MissingNeedOut,
    ServicePlanIO,
    StepOut,
)
from cloud.care.homebed.steps import BedMove, BedStep, RefusedError, after, allowed, due_on, steps
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.people.reach import Reach
from cloud.people.service import elders_by_id
from cloud.places.models import Home


async def list_out(scope: TenantScope, reach: Reach, now: datetime) -> HomeBedsOut:
    """All that the caller reaches: by step, and within it the earliest due first."""
    rows = await rows_out(scope, await service.all_beds(scope, await reach.hidden()), now)
    order = list(BedStep)
    rows.sort(
        key=lambda row: (order.index(row.step), row.due_on or local_date(now), row.elder_name)
    )
    return HomeBedsOut(steps=steps_out(), rows=rows)


def steps_out() -> list[StepOut]:
    """Every step in words."""
    return [
        StepOut(
            key=one.key, zh=one.zh, en=one.en, within_days=one.within_days,
            mark=cast(Literal["V", "U", "D"], one.mark),
        )
        for one in steps().values()
    ]  # fmt: skip


async def rows_out(scope: TenantScope, beds: Sequence[HomeBed], now: datetime) -> list[HomeBedRow]:
    """Rows of the list."""
    elders = await elders_by_id(scope, {bed.elder_id for bed in beds})
    home_ids = {bed.home_id for bed in beds if bed.home_id is not None}
    homes = scope.select(Home).where(Home.id.in_(home_ids))
    names = {home.id: home.name for home in await scope.session.scalars(homes)}
    return [
        _row_out(
            bed, elders[bed.elder_id].name, names.get(bed.home_id) if bed.home_id else None, now
        )
        for bed in beds
    ]


def _row_out(bed: HomeBed, elder_name: str, home_name: str | None, now: datetime) -> HomeBedRow:
    step = BedStep(bed.step)
    since = max(bed.step_since, bed.reviewed_at or bed.step_since)
    due = due_on(step, local_date(since))
    return HomeBedRow(
        id=bed.id,
        elder_id=bed.elder_id,
        elder_name=elder_name,
        home_id=bed.home_id,
        home_name=home_name,
        step=step,
        step_since=bed.step_since,
        next=steps()[step].move,
        due_on=due,
        overdue=due is not None and due < local_date(now),
        purchaser=bed.purchaser,
    )


async def bed_out(scope: TenantScope, bed: HomeBed, now: datetime) -> HomeBedOut:
    """One with all its moves, and what the next one still lacks."""
    (row,) = await rows_out(scope, [bed], now)
    home = None
    if bed.home_id is not None:
        homes = scope.select(Home).where(Home.id == bed.home_id)
        home = (await scope.session.scalars(homes)).one_or_none()
    unfitted, unchecked = await service.still_to_fit(scope, bed.home_id)
    newest = await service.newest_assessment(scope, bed.elder_id)
    return HomeBedOut(
        row=row,
        steps=steps_out(),
        allowed=list(allowed(row.step)),
        lacking=await _lacking(scope, bed, row.next, now),
        assessment_id=bed.assessment_id,
        level=None if newest is None else newest.final_level,
        plan=None if bed.plan is None else ServicePlanIO.model_validate(bed.plan),
        agreement=None if bed.agreement is None else AgreementIO.model_validate(bed.agreement),
        warranty_until=None if home is None else home.warranty_until,
        unfitted=unfitted,
        unchecked=unchecked,
        moves=[
            HomeBedMoveOut(
                move=BedMove(one.move),
                step_before=None if one.step_before is None else BedStep(one.step_before),
                step_after=BedStep(one.step_after), at=one.at, by=one.by, reason=one.reason,
                detail=one.detail,
            )
            for one in await service.moves_of(scope, bed.id)
        ],
    )  # fmt: skip


async def _lacking(
    scope: TenantScope, bed: HomeBed, move: BedMove | None, now: datetime
) -> list[MissingNeedOut]:
    if move is None:
        return []
    try:
        after(BedStep(bed.step), move, await service.known_for(scope, bed, None, now))
    except RefusedError as refused:
        return [MissingNeedOut(code=one.code, zh=one.zh) for one in refused.refusals]
    return []
