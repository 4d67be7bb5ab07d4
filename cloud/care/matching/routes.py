"""HTTP for list matching: who keeps records may bring a list and decide what is taken from it."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.matching import decisions, present, service
from cloud.care.matching.matcher import Difference
from cloud.care.matching.models import MatchingList, MatchingRow
from cloud.care.matching.schemas import (
    BulkIn,
    BulkOut,
    ListIn,
    ListOut,
    ListsOut,
    MeaningsIn,
    RowDecisionIn,
    RowOut,
    RowsOut,
)
from cloud.errors import Problem, ProblemError
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.limits import MAX_BYTES
from cloud.people.reach import reach_of
from cloud.people.vocabulary import fact_fields
from cloud.state import ChangeHeader, State

RecordKeeper = Annotated[Principal, requires(Permission.RECORDS_WRITE)]
_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(
    prefix="/api/v1/matching-lists",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 413, 422)},
)


@router.get("")
async def list_matching_lists(principal: RecordKeeper) -> ListsOut:
    """Lists of other departments, the newest first."""
    rows = await service.newest(principal.scope)
    return ListsOut(
        lists=await present.lists_out(principal.scope, rows),
        fields={name: service.values_of(name) for name in fact_fields()},
        keep_days=service.KEEP.days,
    )


@router.post("", dependencies=[ChangeHeader])
async def add_matching_list(body: ListIn, principal: RecordKeeper, state: State) -> ListOut:
    """Say whose list it is and why it may be used; its file follows."""
    return await _out(principal, await service.announce(principal, body, state.clock.now()))


@router.put("/{matching_list_id}/file", dependencies=[ChangeHeader], openapi_extra=_FILE)
async def put_matching_file(
    matching_list_id: UUID, request: Request, principal: RecordKeeper, state: State
) -> ListOut:
    """The file itself, CSV or Excel; it is read in the background."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_BYTES:
            raise ProblemError(413, "too_large", "文件超过 16 MB，请分成几个文件")
    row = await service.take_file(
        principal, matching_list_id, bytes(content), state.keyring, state.clock.now()
    )
    return await _out(principal, row)


@router.get("/{matching_list_id}")
async def get_matching_list(matching_list_id: UUID, principal: RecordKeeper) -> ListOut:
    """One list and how far it is."""
    return await _out(principal, await service.find_list(principal.scope, matching_list_id))


@router.put("/{matching_list_id}/meanings", dependencies=[ChangeHeader])
async def set_matching_meanings(
    matching_list_id: UUID, body: MeaningsIn, principal: RecordKeeper, state: State
) -> ListOut:
    """What its categories mean; undecided rows are compared again."""
    row = await service.set_meanings(principal, matching_list_id, body, state.clock.now())
    return await _out(principal, row)


@router.get("/{matching_list_id}/rows")
async def list_matching_rows(
    *,
    matching_list_id: UUID,
    principal: RecordKeeper,
    state: State,
    difference: Difference = Difference.CHANGED,
    undecided: Annotated[bool, Query(description="only what nobody has decided")] = False,
    after: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
) -> RowsOut:
    """Rows of one kind, page by page, of elders one may see."""
    scope, reach = principal.scope, await reach_of(principal)
    await service.find_list(scope, matching_list_id)
    rows, following = await service.rows_of(
        scope, matching_list_id, difference, reach, after=after, open_only=undecided
    )
    audit.record(
        scope, principal.actor, Action.RECORDS_SEARCHED, state.clock.now(),
        subject=("matching_list", matching_list_id), once_within=audit.READ_AGAIN_AFTER,
    )  # fmt: skip
    return RowsOut(rows=await present.rows_out(scope, rows, state.keyring, reach), next=following)


@router.post("/{matching_list_id}/rows/{matching_row_id}/decision", dependencies=[ChangeHeader])
async def decide_matching_row(
    *, matching_list_id: UUID, matching_row_id: UUID, body: RowDecisionIn, principal: RecordKeeper,
    state: State,
) -> RowOut:  # fmt: skip
    """Take one row over, refuse it, or have somebody look into it."""
    now = state.clock.now()
    row = await decisions.decide(principal, matching_list_id, matching_row_id, body, now)
    return await _row(principal, row, state)


@router.post("/{matching_list_id}/rows/{matching_row_id}/undo", dependencies=[ChangeHeader])
async def undo_matching_row(
    matching_list_id: UUID, matching_row_id: UUID, principal: RecordKeeper, state: State
) -> RowOut:
    """Take a decision back: the former value, unless somebody has written since."""
    now = state.clock.now()
    row = await decisions.undo(principal, matching_list_id, matching_row_id, now)
    return await _row(principal, row, state)


@router.post("/{matching_list_id}/decisions", dependencies=[ChangeHeader])
async def decide_matching_rows(
    matching_list_id: UUID, body: BulkIn, principal: RecordKeeper, state: State
) -> BulkOut:
    """The same for many rows that are certain; call again while `left` is not 0."""
    done = await decisions.decide_many(principal, matching_list_id, body, state.clock.now())
    return BulkOut(decided=done.decided, left=done.left, passed=done.passed)


@router.post("/{matching_list_id}/erase", dependencies=[ChangeHeader])
async def erase_matching_list(
    matching_list_id: UUID, principal: RecordKeeper, state: State
) -> ListOut:
    """Forget the list's people before the time; what was decided stays."""
    row = await service.erase(principal, matching_list_id, state.clock.now())
    return await _out(principal, row)


async def _out(principal: Principal, row: MatchingList) -> ListOut:
    (out,) = await present.lists_out(principal.scope, [row])
    return out


async def _row(principal: Principal, row: MatchingRow, state: State) -> RowOut:
    reach = await reach_of(principal)
    (out,) = await present.rows_out(principal.scope, [row], state.keyring, reach)
    return out
