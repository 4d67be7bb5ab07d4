"""HTTP for visits."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from cloud.care.access import CareReader, CareWriter, Relative, RuleKeeper
from cloud.care.visits import checkin, present, service
from cloud.care.visits.for_family import visits_for_relative
from cloud.care.visits.schemas import (
    ElderVisitsOut,
    FamilyVisitsOut,
    FollowupDoneIn,
    FollowupOut,
    FollowupsOut,
    RouteOut,
    VisitCorrectionIn,
    VisitDueOut,
    VisitIn,
    VisitOut,
    VisitPlanIn,
    VisitPlanOut,
    VisitRequestIn,
    VisitSettingsIn,
    VisitSettingsOut,
)
from cloud.clock import local_date
from cloud.errors import Problem
from cloud.people.reach import reach_of
from cloud.people.service import find_elder
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["visits"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/visits/due")
async def list_due_visits(principal: CareReader, state: State) -> VisitDueOut:
    """Everybody with a plan, the longest overdue first; and who lives at home without one."""
    reach = await reach_of(principal)
    return await present.due_out(principal.scope, reach, state.clock.now())


@router.get("/visits/route")
async def get_visit_route(
    *,
    principal: CareReader,
    state: State,
    day: date | None = None,
    visitor_id: Annotated[UUID | None, Query()] = None,
) -> RouteOut:
    """Who is due by the end of a day (today), in the order to walk; of one visitor or of all."""
    reach, now = await reach_of(principal), state.clock.now()
    on = day or local_date(now)
    return await present.route_out(
        principal.scope, reach, state.keyring, day=on, visitor_id=visitor_id, now=now
    )


@router.post("/visits", dependencies=[ChangeHeader])
async def add_visit(body: VisitIn, principal: CareWriter, state: State) -> VisitOut:
    """A visit with place, findings and follow-ups. Sent twice it is one."""
    visit = await checkin.take_visit(principal, body, state.keyring, state.clock.now())
    return (await present.visits_out(principal.scope, [visit]))[0]


@router.post("/visits/{visit_id}/corrections", dependencies=[ChangeHeader])
async def correct_visit(
    visit_id: UUID, body: VisitCorrectionIn, principal: CareWriter, state: State
) -> VisitOut:
    """It did not take place, or its times were wrong. What was written down stays beside it."""
    visit = await checkin.correct_visit(principal, visit_id, body, state.clock.now())
    return (await present.visits_out(principal.scope, [visit]))[0]


@router.get("/visit-followups")
async def list_visit_followups(principal: CareReader, state: State) -> FollowupsOut:
    """What is still to be done after visits, the earliest due first."""
    reach = await reach_of(principal)
    return await present.followups_out(principal.scope, reach, state.clock.now())


@router.post("/visit-followups/{followup_id}/done", dependencies=[ChangeHeader])
async def end_visit_followup(
    followup_id: UUID, body: FollowupDoneIn, principal: CareWriter, state: State
) -> FollowupOut:
    """Done, and what came of it."""
    now = state.clock.now()
    row = await checkin.end_followup(principal, followup_id, body, now)
    elder = await find_elder(principal.scope, row.elder_id)
    return present.followup_out(row, elder.name, now)


@router.get("/visit-settings")
async def get_visit_settings(principal: CareReader, state: State) -> VisitSettingsOut:
    """Groups with intervals and marks, the words of the forms, who may visit."""
    return await present.settings_out(principal.scope, state.settings.map_tiles)


@router.put("/visit-settings", dependencies=[ChangeHeader])
async def put_visit_settings(
    body: VisitSettingsIn, principal: RuleKeeper, state: State
) -> VisitSettingsOut:
    """The house's own figures, from now on."""
    await service.set_figures(principal, body, state.clock.now())
    return await present.settings_out(principal.scope, state.settings.map_tiles)


@router.get("/elders/{elder_id}/visits")
async def list_visits(elder_id: UUID, principal: CareReader, state: State) -> ElderVisitsOut:
    """An elder's plan, what is due, what was found, what is to be done."""
    return await present.elder_out(principal.scope, state.keyring, elder_id, state.clock.now())


@router.put("/elders/{elder_id}/visit-plan", dependencies=[ChangeHeader])
async def put_visit_plan(
    elder_id: UUID, body: VisitPlanIn, principal: CareWriter, state: State
) -> VisitPlanOut:
    """How often this elder is visited, by whom, and where the door is."""
    now = state.clock.now()
    plan = await service.set_plan(principal, elder_id, body, state.keyring, now)
    return await present.plan_out(principal.scope, state.keyring, plan)


@router.post("/elders/{elder_id}/visit-requests", dependencies=[ChangeHeader], status_code=204)
async def request_visit(
    elder_id: UUID, body: VisitRequestIn, principal: CareWriter, state: State
) -> None:
    """Ask for an earlier visit, with the reason."""
    await service.request_visit(principal, elder_id, body, state.clock.now())


@router.get("/family/visits")
async def list_family_visits(principal: Relative, state: State) -> FamilyVisitsOut:
    """Visits done and planned of the elders this login is a relative of, where they agreed."""
    found = await visits_for_relative(principal.scope, principal.user.id, state.clock.now())
    return FamilyVisitsOut(elders=found)
