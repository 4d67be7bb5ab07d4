"""The plan of emergency drills (应急演练计划): what is due in which quarter, and what was done."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from cloud.alerts.drills.models import Drill, DrillPlan
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.clock import local_date
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ChangedMeanwhileError, NotFoundError, ProblemError
from cloud.identity.service import Principal
from cloud.places.service import unit_names

_MONTHS: Final = 3


class PlanStanding(StrEnum):
    """How a planned drill stands today."""

    LATER = "later"
    DUE = "due"
    OVERDUE = "overdue"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Done:
    """How it went. `drill_id`: the drill at a bed that it was."""

    done_on: date
    participants: Sequence[str]
    remarks: str
    drill_id: uuid.UUID | None


def quarter_of(day: date) -> tuple[int, int]:
    """Year and quarter, 1 to 4."""
    return day.year, (day.month - 1) // _MONTHS + 1


def standing_of(plan: DrillPlan, today: date) -> PlanStanding:
    """In its quarter it is due, after it overdue."""
    if plan.cancelled_at is not None:
        return PlanStanding.CANCELLED
    if plan.done_on is not None:
        return PlanStanding.DONE
    present, own = quarter_of(today), (plan.year, plan.quarter)
    if own == present:
        return PlanStanding.DUE
    return PlanStanding.OVERDUE if own < present else PlanStanding.LATER


def halves_done(plans: Sequence[DrillPlan], year: int) -> tuple[int, int]:
    """Drills done in each half of a year: rules ask for one at least (V)."""
    days = [plan.done_on for plan in plans if plan.done_on is not None]
    own = [day for day in days if day.year == year]
    first = sum(day.month <= 2 * _MONTHS for day in own)
    return first, len(own) - first


async def plans_of(scope: TenantScope, year: int) -> list[DrillPlan]:
    """Of a year, and what is left over of years before."""
    statement = (
        scope.select(DrillPlan)
        .where(
            (DrillPlan.year == year)
            | (
                (DrillPlan.year < year)
                & DrillPlan.done_on.is_(None) & DrillPlan.cancelled_at.is_(None)
            )
        )
        .order_by(DrillPlan.year, DrillPlan.quarter, DrillPlan.planned_at)
    )  # fmt: skip
    return list(await scope.session.scalars(statement))


async def add_plan(
    principal: Principal, *, kind: str, year: int, quarter: int, unit_id: uuid.UUID | None,
    note: str, now: datetime,
) -> DrillPlan:  # fmt: skip
    """Raises BadFieldError."""
    scope = principal.scope
    if (year, quarter) < quarter_of(local_date(now)):
        raise BadFieldError("quarter", "这个季度已经过了")
    if unit_id is not None and not await unit_names(scope, [unit_id]):
        raise BadFieldError("unit_id", "没有这个单元")
    plan = DrillPlan(
        id=uuid.uuid4(), institution_id=scope.institution_id, kind=kind, year=year,
        quarter=quarter, unit_id=unit_id, note=note.strip(), planned_at=now,
        planned_by=principal.user.display_name, participants=[], version=1,
    )  # fmt: skip
    scope.session.add(plan)
    _note(principal, plan, "planned", now)
    await scope.session.flush()
    return plan


async def finish(
    principal: Principal, plan_id: uuid.UUID, done: Done, version: int, now: datetime
) -> DrillPlan:
    """It was done. Raises NotFoundError, BadFieldError, ProblemError (409)."""
    plan = await _open(principal.scope, plan_id, version)
    people = [name.strip() for name in done.participants if name.strip()]
    if not people:
        raise BadFieldError("participants", "请写明谁参加了演练")
    if done.done_on > local_date(now):
        raise BadFieldError("done_on", "演练日期还没有到")
    if done.drill_id is not None:
        statement = principal.scope.select(Drill).where(Drill.id == done.drill_id)
        if (await principal.scope.session.scalars(statement)).one_or_none() is None:
            raise BadFieldError("drill_id", "没有这次演练的记录")
    plan.done_on, plan.done_by = done.done_on, principal.user.display_name
    plan.participants, plan.remarks, plan.drill_id = people, done.remarks.strip(), done.drill_id
    plan.version += 1
    _note(principal, plan, "done", now)
    await principal.scope.session.flush()
    return plan


async def cancel(
    principal: Principal, plan_id: uuid.UUID, reason: str, version: int, now: datetime
) -> DrillPlan:
    """It will not be. Raises NotFoundError, BadFieldError, ProblemError (409)."""
    plan = await _open(principal.scope, plan_id, version)
    if not reason.strip():
        raise BadFieldError("reason", "请写明为什么取消")
    plan.cancelled_at, plan.cancelled_by = now, principal.user.display_name
    plan.cancel_reason = reason.strip()
    plan.version += 1
    _note(principal, plan, "cancelled", now)
    await principal.scope.session.flush()
    return plan


async def _open(scope: TenantScope, plan_id: uuid.UUID, version: int) -> DrillPlan:
    statement = scope.select(DrillPlan).where(DrillPlan.id == plan_id).with_for_update()
    plan = (
        await scope.session.scalars(statement.execution_options(populate_existing=True))
    ).one_or_none()
    if plan is None:
        raise NotFoundError("drill plan")
    if plan.version != version:
        raise ChangedMeanwhileError("这次演练")
    if plan.done_on is not None or plan.cancelled_at is not None:
        raise ProblemError(409, "illegal_step", "这次演练已经完成或取消。")
    return plan


def _note(principal: Principal, plan: DrillPlan, step: str, now: datetime) -> None:
    audit.record(
        principal.scope, principal.actor, Action.RULES_CHANGED, now,
        subject=("drill_plan", plan.id), detail={"step": step, "kind": plan.kind},
    )  # fmt: skip
