"""HTTP for the plan of emergency drills."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from cloud.alerts.drills import plans
from cloud.alerts.drills.models import DrillPlan
from cloud.alerts.drills.routes import CheckReader, DrillRunner
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.errors import Problem
from cloud.places.service import unit_names
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import ChangeHeader, State

# What a home's emergency plans are about (D): sudden ones of the nine risks, and what hits a house.
DrillKind = Literal[
    "fall", "choking", "wandering", "fire", "evacuation", "power_cut", "water", "gas",
    "infection", "food_poisoning", "sudden_illness", "alarm_path", "other",
]  # fmt: skip
StandingName = Literal["later", "due", "overdue", "done", "cancelled"]
_Version = Annotated[int, Field(ge=1)]

router = APIRouter(
    prefix="/api/v1/duty",
    tags=["duty"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


class DrillPlanIn(ApiModel):
    """A drill for a quarter; without a unit: of the whole house."""

    kind: DrillKind
    year: Annotated[int, Field(ge=2020, le=2100)]
    quarter: Annotated[int, Field(ge=1, le=4)]
    unit_id: UUID | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class DrillDoneIn(ApiModel):
    """How it went. `drill_id`: the drill at a bed whose times belong to it."""

    done_on: date
    participants: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=200)]
    remarks: Annotated[str, Field(max_length=2000)] = ""
    drill_id: UUID | None = None
    version: _Version


class DrillCancelIn(ApiModel):
    """Why it will not be."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]
    version: _Version


class DrillPlanOut(ApiModel):
    """A planned drill and how it stands today."""

    id: UUID
    kind: DrillKind
    year: int
    quarter: int
    unit_id: UUID | None
    unit: str | None
    note: str
    planned_at: UtcMs
    planned_by: str
    standing: StandingName
    done_on: date | None
    done_by: str | None
    participants: list[str]
    remarks: str
    drill_id: UUID | None
    cancelled_by: str | None
    cancel_reason: str
    version: int


class DrillPlansOut(ApiModel):
    """A year's plan. `halves_done`: drills done in each half; rules ask for one at least (V)."""

    year: int
    quarter: int
    halves_done: tuple[int, int]
    plans: list[DrillPlanOut]


@router.get("/drill-plans")
async def list_drill_plans(
    principal: CheckReader, state: State,
    year: Annotated[int | None, Query(ge=2020, le=2100)] = None,
) -> DrillPlansOut:  # fmt: skip
    """A year's drills by quarter, with what is left over of years before."""
    today = local_date(state.clock.now())
    found = await plans.plans_of(principal.scope, year or today.year)
    return DrillPlansOut(
        year=year or today.year, quarter=plans.quarter_of(today)[1],
        halves_done=plans.halves_done(found, year or today.year),
        plans=await _out(principal.scope, found, today),
    )  # fmt: skip


@router.post("/drill-plans", dependencies=[ChangeHeader])
async def add_drill_plan(body: DrillPlanIn, principal: DrillRunner, state: State) -> DrillPlanOut:
    """Plan one."""
    now = state.clock.now()
    plan = await plans.add_plan(principal, **body.model_dump(), now=now)
    return await _one(principal.scope, plan, now)


@router.post("/drill-plans/{drill_plan_id}/done", dependencies=[ChangeHeader])
async def finish_drill_plan(
    drill_plan_id: UUID, body: DrillDoneIn, principal: DrillRunner, state: State
) -> DrillPlanOut:
    """It was done, with whom, and what was learned."""
    now = state.clock.now()
    done = plans.Done(body.done_on, body.participants, body.remarks, body.drill_id)
    plan = await plans.finish(principal, drill_plan_id, done, body.version, now)
    return await _one(principal.scope, plan, now)


@router.post("/drill-plans/{drill_plan_id}/cancel", dependencies=[ChangeHeader])
async def cancel_drill_plan(
    drill_plan_id: UUID, body: DrillCancelIn, principal: DrillRunner, state: State
) -> DrillPlanOut:
    """It will not be; the reason stays."""
    now = state.clock.now()
    plan = await plans.cancel(principal, drill_plan_id, body.reason, body.version, now)
    return await _one(principal.scope, plan, now)


async def _one(scope: TenantScope, plan: DrillPlan, now: datetime) -> DrillPlanOut:
    return (await _out(scope, [plan], local_date(now)))[0]


async def _out(scope: TenantScope, found: Sequence[DrillPlan], today: date) -> list[DrillPlanOut]:
    names = await unit_names(scope, [plan.unit_id for plan in found if plan.unit_id])
    return [
        DrillPlanOut(
            id=plan.id, kind=cast(DrillKind, plan.kind), year=plan.year, quarter=plan.quarter,
            unit_id=plan.unit_id, unit=names.get(plan.unit_id) if plan.unit_id else None,
            note=plan.note, planned_at=plan.planned_at, planned_by=plan.planned_by,
            standing=plans.standing_of(plan, today).value, done_on=plan.done_on,
            done_by=plan.done_by, participants=plan.participants, remarks=plan.remarks,
            drill_id=plan.drill_id, cancelled_by=plan.cancelled_by,
            cancel_reason=plan.cancel_reason, version=plan.version,
        )
        for plan in found
    ]  # fmt: skip
