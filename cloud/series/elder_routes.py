"""HTTP for everything that was measured of one elder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.service import find_elder
from cloud.series.elder_data import Format, erase_elder, export_rows, head_of, text_of
from cloud.series.schemas import ErasedOut, EraseIn
from cloud.series.service import SeriesStore
from cloud.state import ChangeHeader, State

_MEDIA_TYPES: Final[dict[Format, str]] = {
    "json": "application/x-ndjson", "csv": "text/csv; charset=utf-8",
}  # fmt: skip

SeriesExporter = Annotated[Principal, requires(Permission.RECORDS_EXPORT)]
SeriesEraser = Annotated[Principal, requires(Permission.SERIES_ERASE)]

router = APIRouter(
    prefix="/api/v1/elders",
    tags=["series"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)


@router.get(
    "/{elder_id}/series/export",
    response_class=StreamingResponse,
    responses={200: {"content": {kind: {} for kind in _MEDIA_TYPES.values()}}},
)
async def export_elder_series(
    *,
    request: Request,
    elder_id: UUID,
    principal: SeriesExporter,
    state: State,
    kind: Annotated[Format, Query(alias="format")] = "json",
) -> StreamingResponse:
    """Everything that was measured of an elder: a JSON object a line, or CSV."""
    store: SeriesStore = request.app.state.series
    await find_elder(principal.scope, elder_id)
    now = state.clock.now()
    record(
        principal.scope, principal.actor, Action.RECORD_EXPORTED, now, elder_id=elder_id,
        subject=("series", elder_id), detail={"format": kind},
    )  # fmt: skip
    institution_id, now_ns = principal.scope.institution_id, state.clock.now_ns()

    async def lines() -> AsyncIterator[str]:
        yield head_of(kind)
        # The request's transaction is over by now: its audit entry is committed.
        async with state.database.tenant(institution_id) as scope:
            async for rows in export_rows(scope, store, elder_id, now_ns):
                yield text_of(rows, kind)

    name = f"elder-{elder_id}-series.{'csv' if kind == 'csv' else 'ndjson'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(), media_type=_MEDIA_TYPES[kind], headers=headers)


@router.post("/{elder_id}/series/erase", dependencies=[ChangeHeader])
async def erase_elder_series(
    request: Request, elder_id: UUID, body: EraseIn, principal: SeriesEraser, state: State
) -> ErasedOut:
    """Take away all that was measured of an elder, for good. What it was is not kept, that is."""
    store: SeriesStore = request.app.state.series
    await find_elder(principal.scope, elder_id)
    now = state.clock.now()
    erased = await erase_elder(
        principal.scope, store, elder_id, actor=principal.actor, reason=body.reason, now=now
    )
    return ErasedOut(**asdict(erased))
