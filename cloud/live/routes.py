"""HTTP for the live stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from sse_starlette.sse import EventSourceResponse

from cloud.errors import Problem, ProblemError
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.identity.standing import key_of
from cloud.live.hub import LiveHub
from cloud.live.stream import ScreenStream
from cloud.state import State

# A screen that takes nothing for this long is let go; it comes back and gets a replay.
SEND_TIMEOUT_S = 10.0

LiveReader = Annotated[Principal, requires(Permission.ALERTS_READ)]

router = APIRouter(prefix="/api/v1", tags=["live"])


@router.get(
    "/live",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "event: alert (data: AlertSummary, id: position), status (Status), "
            "coverage ({}: ask for coverage again), "
            "ping ({server_time}), reset ({position}: reload everything), end (log in again)",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        401: {"model": Problem},
        403: {"model": Problem},
        422: {"model": Problem},
    },
)
async def live(
    request: Request,
    state: State,
    principal: LiveReader,
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Server-sent events; `Last-Event-ID` wins over `after`; without either: from now on."""
    if last_event_id:
        if not last_event_id.isascii() or not last_event_id.isdigit():
            raise ProblemError(422, "bad_request", "Last-Event-ID: must be a position")
        after = int(last_event_id)
    hub: LiveHub = request.app.state.live_hub
    scope = principal.scope
    stream = ScreenStream(hub, state.clock, scope.institution_id, key_of(principal), after)
    return EventSourceResponse(stream.events(), ping=0, sep="\n", send_timeout=SEND_TIMEOUT_S)
