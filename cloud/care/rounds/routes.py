"""HTTP for rounds and turning."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from cloud.care.access import CareReader, CareWriter, RuleKeeper
from cloud.care.rounds import present, service, tags
from cloud.care.rounds.schemas import (
    LabelsOut,
    PlanLoadOut,
    RoundCheckIn,
    RoundCheckOut,
    RoundListOut,
    RoundPlanIn,
    RoundPlanOut,
    RoundPlansOut,
    SheetOut,
    TagBedIn,
    TagIn,
    TagUnitIn,
)
from cloud.errors import NotFoundError, Problem
from cloud.identity.service import Principal
from cloud.identity.shifts import pattern_of, shift_at
from cloud.places.service import unit_names
from cloud.series.service import SeriesStore
from cloud.state import AppState, ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/rounds")
async def list_rounds(
    principal: CareReader, state: State, unit_id: Annotated[UUID | None, Query()] = None
) -> RoundListOut:
    """Who is to be looked in on and turned, the longest overdue first; one's own units only."""
    units = await _units(principal, unit_id)
    return await present.list_out(principal.scope, state.clock.now(), units)


@router.post("/rounds/checks", dependencies=[ChangeHeader])
async def add_round_check(
    *, request: Request, body: RoundCheckIn, principal: CareWriter, state: State
) -> RoundCheckOut:
    """Somebody was seen or turned: by the bed list, the tag at the bed, or by sensor."""
    store: SeriesStore = request.app.state.series
    check = await service.take_check(principal, store, body, state.clock.now())
    (told,) = await present.checks_out(principal.scope, [check])
    return told


@router.get("/rounds/sheet")
async def get_round_sheet(
    *, principal: CareReader, state: State, unit_id: UUID, at: AwareDatetime | None = None
) -> SheetOut:
    """The sheet of a unit for the shift that holds `at` (now, where it is left out)."""
    await _units(principal, unit_id)
    now = state.clock.now()
    shift = shift_at(await pattern_of(principal.scope), at or now)
    return await present.sheet_out(principal.scope, shift, unit_id, min(now, shift.ends_at))


@router.get("/round-plans")
async def list_round_plans(principal: CareReader) -> RoundPlansOut:
    """How often people of each level are looked in on: the house's plan, and those of units."""
    return await present.plans_out(principal.scope)


@router.put("/round-plans", dependencies=[ChangeHeader])
async def put_round_plan(body: RoundPlanIn, principal: RuleKeeper, state: State) -> RoundPlanOut:
    """Set the plan of the house or of a unit. Rounds are due, and missed, from then on."""
    plan = await service.set_plan(principal, body, state.clock.now())
    names = {} if plan.unit_id is None else await unit_names(principal.scope, [plan.unit_id])
    return present.plan_out(plan, None if plan.unit_id is None else names[plan.unit_id])


@router.post("/round-plans/load", dependencies=[ChangeHeader])
async def preview_round_plan(body: RoundPlanIn, principal: RuleKeeper, state: State) -> PlanLoadOut:
    """What a plan would ask of each shift, in rounds an hour; nothing is changed."""
    return await present.load_out(principal.scope, body, state.clock.now())


@router.get("/round-tags")
async def list_round_tags(
    request: Request, principal: CareReader, state: State, unit_id: Annotated[UUID, Query()]
) -> LabelsOut:
    """The beds of a unit with the tags that hang there, to be printed."""
    await _units(principal, unit_id)
    return await present.labels_out(principal.scope, unit_id, _base_url(request, state))


@router.post("/round-tags", dependencies=[ChangeHeader], status_code=204)
async def set_round_tag(body: TagIn, principal: RuleKeeper, state: State) -> None:
    """Say at which bed a tag hangs."""
    await tags.set_tag(principal, body.bed_id, body.tag, state.clock.now())


@router.post("/round-tags/fill", dependencies=[ChangeHeader])
async def fill_round_tags(
    body: TagUnitIn, request: Request, principal: RuleKeeper, state: State
) -> LabelsOut:
    """A tag for each bed of a unit that has none."""
    await _units(principal, body.unit_id)
    await tags.fill_tags(principal, body.unit_id, state.clock.now())
    return await present.labels_out(principal.scope, body.unit_id, _base_url(request, state))


@router.post("/round-tags/renew", dependencies=[ChangeHeader], status_code=204)
async def renew_round_tag(body: TagBedIn, principal: RuleKeeper, state: State) -> None:
    """A new tag for a bed; the one that hung there checks nobody in any more."""
    await tags.renew_tag(principal, body.bed_id, state.clock.now())


async def _units(principal: Principal, unit_id: UUID | None) -> list[UUID] | None:
    """One unit or one's own. Raises NotFoundError for another's."""
    own = await service.own_units(principal)
    if unit_id is None:
        return own
    named = await unit_names(principal.scope, [unit_id])
    if unit_id not in named or (own is not None and unit_id not in own):
        raise NotFoundError("unit")
    return [unit_id]


def _base_url(request: Request, state: AppState) -> str:
    """What stands on a label must open from every phone: the address that is set counts first."""
    return state.settings.public_url or str(request.base_url)
