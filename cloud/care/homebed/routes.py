"""HTTP for home beds."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from cloud.audit.service import record_read
from cloud.care.access import CareReader, CareWriter
from cloud.care.homebed import present, service
from cloud.care.homebed.schemas import ApplicationIn, HomeBedMoveIn, HomeBedOut, HomeBedsOut
from cloud.errors import Problem
from cloud.people.reach import reach_of
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["home-beds"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/home-beds")
async def list_home_beds(principal: CareReader, state: State) -> HomeBedsOut:
    """Home beds and applications by step, with what is due."""
    reach = await reach_of(principal)
    return await present.list_out(principal.scope, reach, state.clock.now())


@router.post("/elders/{elder_id}/home-beds", dependencies=[ChangeHeader])
async def apply_for_home_bed(
    elder_id: UUID, body: ApplicationIn, principal: CareWriter, state: State
) -> HomeBedOut:
    """An application."""
    now = state.clock.now()
    bed = await service.apply(principal, elder_id, body, now)
    return await present.bed_out(principal.scope, bed, now)


@router.get("/home-beds/{home_bed_id}")
async def get_home_bed(home_bed_id: UUID, principal: CareReader, state: State) -> HomeBedOut:
    """One home bed: its step, what is next and what that lacks, every move."""
    now = state.clock.now()
    bed = await service.find(principal.scope, home_bed_id)
    await (await reach_of(principal)).require_elder(bed.elder_id)
    record_read(principal.scope, principal.actor, bed.elder_id, "get_home_bed", now)
    return await present.bed_out(principal.scope, bed, now)


@router.post("/home-beds/{home_bed_id}/moves", dependencies=[ChangeHeader])
async def move_home_bed(
    home_bed_id: UUID, body: HomeBedMoveIn, principal: CareWriter, state: State
) -> HomeBedOut:
    """The next step, one back, a review, or the end. A refused move names every reason."""
    now = state.clock.now()
    bed = await service.make_move(principal, home_bed_id, body, state.keyring, now)
    return await present.bed_out(principal.scope, bed, now)
