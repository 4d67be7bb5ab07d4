"""HTTP for clues of active discovery."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from fastapi import APIRouter

from cloud.audit.service import record_read
from cloud.care.access import CareReader, CareWriter
from cloud.care.clues import service
from cloud.care.clues.models import DiscoveryClue
from cloud.care.clues.schemas import ClueEndIn, ClueOut, CluesOut
from cloud.care.clues.service import ClueKind
from cloud.errors import BadFieldError, Problem
from cloud.people.reach import reach_of
from cloud.people.service import elders_by_id
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/discovery-clues")
async def list_discovery_clues(principal: CareReader, state: State) -> CluesOut:
    """What rules and lists have opened, of elders one may see."""
    scope = principal.scope
    clues = await service.open_clues(scope, await reach_of(principal))
    ids = {clue.elder_id for clue in clues if clue.elder_id is not None}
    names = {elder_id: elder.name for elder_id, elder in (await elders_by_id(scope, ids)).items()}
    for elder_id in sorted(ids):
        record_read(scope, principal.actor, elder_id, "list_discovery_clues", state.clock.now())
    return CluesOut(clues=[_out(clue, names.get(clue.elder_id or clue.id, "")) for clue in clues])


@router.post("/discovery-clues/{clue_id}/end", dependencies=[ChangeHeader])
async def end_discovery_clue(
    clue_id: UUID, body: ClueEndIn, principal: CareWriter, state: State
) -> ClueOut:
    """Say what came of it."""
    if body.outcome == "dismissed" and not body.note:
        raise BadFieldError("note", "不处理的，请写明原因")
    now = state.clock.now()
    clue = await service.close_clue(principal, clue_id, body.outcome, body.note, now)
    ids = [] if clue.elder_id is None else [clue.elder_id]
    elders = await elders_by_id(principal.scope, ids)
    return _out(clue, elders[clue.elder_id].name if clue.elder_id else "")


def _out(clue: DiscoveryClue, elder_name: str) -> ClueOut:
    return ClueOut(
        id=clue.id,
        kind=cast(ClueKind, clue.kind),
        elder_id=clue.elder_id,
        elder_name=elder_name,
        detail=clue.detail,
        opened_at=clue.opened_at,
        opened_by=clue.opened_by,
    )
