"""HTTP for a copy of everything of one elder, and for taking it away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.service import find_elder
from cloud.rights.catalogue import DOCUMENTS, HELD, Fate
from cloud.rights.copy import copy_lines
from cloud.rights.erase import erase_all
from cloud.rights.schemas import ElderEraseIn, ElderEraseOut, KeptOut
from cloud.series.service import SeriesStore
from cloud.state import ChangeHeader, State

_LINES = "application/x-ndjson"
_OF_THE_FILE = "入住人员档案，服务协议终止后至少保存五年"

RecordExporter = Annotated[Principal, requires(Permission.RECORDS_EXPORT)]
RecordEraser = Annotated[Principal, requires(Permission.SERIES_ERASE)]

router = APIRouter(
    prefix="/api/v1/elders",
    tags=["records"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)


@router.get(
    "/{elder_id}/record/export",
    response_class=StreamingResponse,
    responses={200: {"content": {_LINES: {}}}},
)
async def export_elder_record(
    elder_id: UUID, principal: RecordExporter, state: State
) -> StreamingResponse:
    """Everything that is kept of an elder but measurements: a JSON object a line."""
    await find_elder(principal.scope, elder_id)
    now = state.clock.now()
    record(
        principal.scope, principal.actor, Action.RECORD_EXPORTED, now, elder_id=elder_id,
        subject=("record", elder_id),
    )  # fmt: skip
    institution_id = principal.scope.institution_id

    async def lines() -> AsyncIterator[str]:
        # The request's transaction is over by now: its audit entry is committed.
        async with state.database.tenant(institution_id) as scope:
            async for line in copy_lines(scope, state.keyring, elder_id, now):
                yield line

    name = f"elder-{elder_id}-record.ndjson"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(), media_type=_LINES, headers=headers)


@router.post("/{elder_id}/erase", dependencies=[ChangeHeader])
async def erase_elder_record(
    request: Request, elder_id: UUID, body: ElderEraseIn, principal: RecordEraser, state: State
) -> ElderEraseOut:
    """Take away, for good, all that nothing asks us to keep of an elder; what stays is named."""
    store: SeriesStore = request.app.state.series
    done = await erase_all(
        principal.scope, store, elder_id, actor=principal.actor, reason=body.reason,
        now=state.clock.now(),
    )  # fmt: skip
    kept = [
        KeptOut(
            table=held.table, title=held.zh, title_en=held.en, why=held.why or _OF_THE_FILE
        )
        for held in HELD
        if held.fate in (Fate.CUT, Fate.KEPT) or (held.fate is Fate.FILE and not done.whole)
    ]  # fmt: skip
    kept += [
        KeptOut(table=table, title=zh, title_en=en, why=why)
        for table, (zh, en, _, why) in DOCUMENTS.items()
    ]
    return ElderEraseOut(
        whole=done.whole, in_care=done.standing.lasts, file_until=done.standing.until,
        counts=done.counts, kept=kept,
    )  # fmt: skip
