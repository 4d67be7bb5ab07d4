"""HTTP for active discovery."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from cloud.audit import service as audit
from cloud.care.access import CareReader, CareWriter
from cloud.care.discovery import present, service
from cloud.care.discovery.schemas import (
    DiscoveryAnswerIn,
    DiscoveryAskIn,
    DiscoveryCaseOut,
    DiscoveryListOut,
    ElderDiscoveryOut,
)
from cloud.errors import Problem
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/discovery")
async def list_discovery(principal: CareReader, state: State) -> DiscoveryListOut:
    """Whom to look at today, the greatest need first, each with reasons in words."""
    return await present.list_out(principal, state.clock.now())


@router.get("/elders/{elder_id}/discovery")
async def get_elder_discovery(
    elder_id: UUID, principal: CareReader, state: State
) -> ElderDiscoveryOut:
    """Ten weeks of an elder's days as curves, their points, and all their cases."""
    now = state.clock.now()
    audit.record_read(principal.scope, principal.actor, elder_id, "get_elder_discovery", now)
    return await present.elder_out(principal.scope, elder_id, now)


@router.post("/discovery/cases/{case_id}/answer", dependencies=[ChangeHeader])
async def answer_discovery_case(
    *, case_id: UUID, body: DiscoveryAnswerIn, principal: CareWriter, state: State
) -> DiscoveryCaseOut:
    """A person looked: it is so, or it is not, and why."""
    now = state.clock.now()
    case = await service.answer(principal, case_id, body, now)
    (told,) = await present.cases_out(principal.scope, [case], now)
    return told


@router.post("/discovery/cases/{case_id}/tasks", dependencies=[ChangeHeader])
async def ask_from_discovery_case(
    *, case_id: UUID, body: DiscoveryAskIn, principal: CareWriter, state: State
) -> DiscoveryCaseOut:
    """Ask for a visit, an assessment or an application; the case stays until it is answered."""
    now = state.clock.now()
    case = await service.ask_from(principal, case_id, body, now)
    (told,) = await present.cases_out(principal.scope, [case], now)
    return told
