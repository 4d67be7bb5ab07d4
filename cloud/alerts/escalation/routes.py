"""HTTP for rosters and policies."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from cloud.alerts.codes import Priority
from cloud.alerts.consoles.health import healthy_users
from cloud.alerts.escalation.models import EscalationPolicy
from cloud.alerts.escalation.policies import PolicyBody, add_policy, default_policy
from cloud.alerts.escalation.schemas import (
    DutyAsName,
    DutyIn,
    DutyOut,
    PersonOut,
    PolicyIn,
    PolicyList,
    PolicyOut,
    RosterOut,
    UnitOut,
)
from cloud.alerts.notify.points import users_with_a_way
from cloud.alerts.schemas import PriorityName
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.errors import NotFoundError, Problem
from cloud.identity import shifts
from cloud.identity.auth import requires
from cloud.identity.models import User
from cloud.identity.permissions import GRANTS, Permission, Role
from cloud.identity.service import Principal
from cloud.identity.shifts import DutyAs
from cloud.people.service import find_elder
from cloud.places.models import Unit
from cloud.state import ChangeHeader, State

RosterReader = Annotated[Principal, requires(Permission.ROSTER_READ)]
RosterManager = Annotated[Principal, requires(Permission.ROSTER_MANAGE)]
PolicyReader = Annotated[Principal, requires(Permission.ALERTS_READ)]
PolicyManager = Annotated[Principal, requires(Permission.ALERT_RULES_MANAGE)]

router = APIRouter(
    prefix="/api/v1/duty",
    tags=["duty"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}},
)


@router.get("/roster")
async def get_roster(
    principal: RosterReader,
    state: State,
    begin: Annotated[AwareDatetime | None, Query()] = None,
    end: Annotated[AwareDatetime | None, Query()] = None,
) -> RosterOut:
    """Who is on duty over an interval; without one: now. With who of them can be reached."""
    scope, now = principal.scope, state.clock.now()
    begin = begin or now
    end = end or begin + timedelta(microseconds=1)
    duties = await shifts.duties_between(scope, begin, end)
    users = {user.id: user for user in await scope.session.scalars(scope.select(User))}
    units = {unit.id: unit for unit in await scope.session.scalars(scope.select(Unit))}
    at_desk = await healthy_users(scope, now)
    with_way = await users_with_a_way(scope, {duty.user_id for duty in duties}, "live")
    shift = shifts.shift_at(await shifts.pattern_of(scope), begin)
    return RosterOut(
        server_time=now,
        shift=shift.name,
        shift_starts_at=shift.starts_at,
        shift_ends_at=shift.ends_at,
        duties=[
            DutyOut(
                id=duty.id,
                user_id=duty.user_id,
                name=users[duty.user_id].display_name,
                unit_id=duty.unit_id,
                unit=None if duty.unit_id is None else units[duty.unit_id].name,
                duty_as=cast(DutyAsName, duty.duty_as),
                starts_at=duty.starts_at,
                ends_at=duty.ends_at,
                at_desk=duty.user_id in at_desk,
                has_way=duty.user_id in with_way,
            )
            for duty in duties
        ],
        units=[
            UnitOut(id=unit.id, name=unit.name)
            for unit in sorted(units.values(), key=lambda unit: unit.sort_order)
        ],
        people=[
            PersonOut(id=user.id, name=user.display_name, role=user.role)
            for user in sorted(users.values(), key=lambda user: user.display_name)
            if user.disabled_at is None and Permission.ALERTS_ACT in GRANTS[Role(user.role)]
        ],
    )


@router.post("/roster", dependencies=[ChangeHeader])
async def add_duty(wanted: DutyIn, principal: RosterManager, state: State) -> RosterOut:
    """Put somebody on the roster; answers the roster of that time."""
    scope, now = principal.scope, state.clock.now()
    if wanted.unit_id is not None:
        await _check_unit(principal, wanted.unit_id)
    duty = await shifts.add_duty(
        scope, wanted.user_id, DutyAs(wanted.duty_as), wanted.starts_at, wanted.ends_at, now=now,
        by=principal.user.display_name, unit_id=wanted.unit_id,
    )  # fmt: skip
    detail = wanted.model_dump(mode="json")
    audit.record(
        scope, principal.actor, Action.ROSTER_CHANGED, now, subject=("duty", duty.id), detail=detail
    )
    return await get_roster(principal, state, wanted.starts_at, wanted.ends_at)


async def _check_unit(principal: Principal, unit_id: UUID) -> None:
    scope = principal.scope
    if (await scope.session.scalars(scope.select(Unit).where(Unit.id == unit_id))).first() is None:
        raise NotFoundError("unit")


@router.delete("/roster/{duty_id}", status_code=204, dependencies=[ChangeHeader])
async def remove_duty(duty_id: UUID, principal: RosterManager, state: State) -> None:
    """Take a duty off the roster."""
    scope, now = principal.scope, state.clock.now()
    duty = await shifts.remove_duty(scope, duty_id, now, principal.user.display_name)
    audit.record(
        scope, principal.actor, Action.ROSTER_CHANGED, now, subject=("duty", duty.id),
        changes={"removed": (False, True)},
    )  # fmt: skip


@router.get("/policies")
async def list_policies(principal: PolicyReader) -> PolicyList:
    """The house's own policies, and the design defaults behind them."""
    scope = principal.scope
    rows = await scope.session.scalars(
        scope.select(EscalationPolicy)
        .where(EscalationPolicy.retired_at.is_(None))
        .order_by(EscalationPolicy.created_at)
    )
    own = [_policy_out(row) for row in rows]
    defaults = [
        PolicyOut(
            id=None, name="default", priority=priority.value, created_at=None, created_by=None,
            body=default_policy(priority, "").body,
        )
        for priority in Priority
    ]  # fmt: skip
    return PolicyList(policies=own + defaults)


def _policy_out(row: EscalationPolicy) -> PolicyOut:
    return PolicyOut(
        id=row.id,
        name=row.name,
        priority=cast(PriorityName, row.priority),
        unit_id=row.unit_id,
        elder_id=row.elder_id,
        shift=row.shift,
        body=PolicyBody.model_validate(row.body),
        created_at=row.created_at,
        created_by=row.created_by,
    )


@router.post("/policies", dependencies=[ChangeHeader])
async def create_policy(wanted: PolicyIn, principal: PolicyManager, state: State) -> PolicyOut:
    """A new policy; the one before it for the very same place, person and shift retires."""
    scope, now = principal.scope, state.clock.now()
    if wanted.unit_id is not None:
        await _check_unit(principal, wanted.unit_id)
    if wanted.elder_id is not None:
        await find_elder(scope, wanted.elder_id)
    row = await add_policy(
        scope, wanted.name, Priority(wanted.priority), wanted.body, now=now,
        by=principal.user.display_name, unit_id=wanted.unit_id, elder_id=wanted.elder_id,
        shift=wanted.shift,
    )  # fmt: skip
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("escalation_policy", row.id),
        detail=wanted.model_dump(mode="json"),
    )  # fmt: skip
    return _policy_out(row)


@router.delete("/policies/{policy_id}", status_code=204, dependencies=[ChangeHeader])
async def retire_policy(policy_id: UUID, principal: PolicyManager, state: State) -> None:
    """Back to what is less specific, in the end the default."""
    scope, now = principal.scope, state.clock.now()
    statement = scope.select(EscalationPolicy).where(
        EscalationPolicy.id == policy_id, EscalationPolicy.retired_at.is_(None)
    )
    row = (await scope.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFoundError("policy")
    row.retired_at = now
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, subject=("escalation_policy", row.id),
        changes={"retired": (False, True)},
    )  # fmt: skip
