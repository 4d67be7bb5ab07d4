"""HTTP for the register of leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from cloud.care.access import CareReader, CareWriter
from cloud.care.leave import service
from cloud.care.leave.models import ElderLeave
from cloud.database import TenantScope
from cloud.errors import Problem
from cloud.people.reach import reach_of
from cloud.people.service import elders_by_id
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import ChangeHeader, State

_Text = Annotated[str, Field(max_length=200)]

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


class AbsenceIn(ApiModel):
    """Out from one time to another."""

    out_at: AwareDatetime
    due_back_at: AwareDatetime
    companion: _Text = ""
    destination: _Text = ""


class ReturnDueIn(ApiModel):
    """They will be later than said."""

    due_back_at: AwareDatetime


class AbsenceOut(ApiModel):
    """One leave. `overdue`: they should be back and are not."""

    id: UUID
    elder_id: UUID
    elder_name: str
    out_at: UtcMs
    due_back_at: UtcMs
    companion: str
    destination: str
    registered_by: str
    back_at: UtcMs | None
    back_by: str | None
    overdue: bool


class AbsencesOut(ApiModel):
    """The earliest due first."""

    leaves: list[AbsenceOut]


@router.get("/leaves")
async def list_open_leaves(principal: CareReader, state: State) -> AbsencesOut:
    """Who is out, or going, and not back; of one's own units."""
    scope, now = principal.scope, state.clock.now()
    found = await service.open_leaves(scope)
    hidden = await (await reach_of(principal)).hidden()
    found = [leave for leave in found if leave.elder_id not in hidden]
    return AbsencesOut(leaves=await _out(scope, found, now))


@router.get("/elders/{elder_id}/leaves")
async def list_leaves(elder_id: UUID, principal: CareReader, state: State) -> AbsencesOut:
    """All of an elder, newest first."""
    found = await service.leaves_of(principal.scope, elder_id)
    return AbsencesOut(leaves=await _out(principal.scope, found, state.clock.now()))


@router.post("/elders/{elder_id}/leaves", dependencies=[ChangeHeader])
async def register_leave(
    elder_id: UUID, body: AbsenceIn, principal: CareWriter, state: State
) -> AbsenceOut:
    """They go out: routine alarms and rounds rest until they are due back."""
    now = state.clock.now()
    leave = await service.register(principal, elder_id, service.Absence(**body.model_dump()), now)
    return (await _out(principal.scope, [leave], now))[0]


@router.put("/elders/{elder_id}/leaves/{leave_id}", dependencies=[ChangeHeader])
async def extend_leave(
    *, elder_id: UUID, leave_id: UUID, body: ReturnDueIn, principal: CareWriter, state: State
) -> AbsenceOut:
    """They will be later."""
    now = state.clock.now()
    leave = await service.extend(principal, elder_id, leave_id, body.due_back_at, now)
    return (await _out(principal.scope, [leave], now))[0]


@router.post("/elders/{elder_id}/leaves/{leave_id}/return", dependencies=[ChangeHeader])
async def return_from_leave(
    *, elder_id: UUID, leave_id: UUID, principal: CareWriter, state: State
) -> AbsenceOut:
    """They are back: watched and looked in on again from now on."""
    now = state.clock.now()
    leave = await service.take_back(principal, elder_id, leave_id, now)
    return (await _out(principal.scope, [leave], now))[0]


async def _out(scope: TenantScope, leaves: Sequence[ElderLeave], now: datetime) -> list[AbsenceOut]:
    elders = await elders_by_id(scope, {leave.elder_id for leave in leaves})
    return [
        AbsenceOut(
            id=leave.id,
            elder_id=leave.elder_id,
            elder_name=elders[leave.elder_id].name,
            out_at=leave.out_at,
            due_back_at=leave.due_back_at,
            companion=leave.companion,
            destination=leave.destination,
            registered_by=leave.registered_by,
            back_at=leave.back_at,
            back_by=leave.back_by,
            overdue=leave.back_at is None and now > leave.due_back_at,
        )
        for leave in leaves
    ]
