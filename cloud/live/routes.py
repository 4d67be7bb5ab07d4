"""HTTP for the live stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from sse_starlette.sse import EventSourceResponse

from cloud.errors import NotLoggedInError, Problem, ProblemError
from cloud.identity.auth import cookie_name, requires, rules_of
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal, principal_of
from cloud.live.hub import LiveHub
from cloud.live.stream import ScreenStream
from cloud.state import State

# A screen that takes nothing for this long is let go; it comes back and gets a replay.
SEND_TIMEOUT_S = 10.0

Answer = TypeVar("Answer")
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
    token = request.cookies.get(cookie_name(state.settings))

    # Only who serves certain units is asked about at each alert: a house has many screens.
    sees_all: deque[bool] = deque([await request.app.state.sees_every_alert(principal)], maxlen=1)

    async def still_allowed() -> bool:
        try:
            async with state.database.transaction() as session:
                now = state.clock.now()
                who = await principal_of(session, token, now, rules_of(state.settings))
                sees_all.append(await request.app.state.sees_every_alert(who))
        except NotLoggedInError:
            return False
        return who.may(Permission.ALERTS_READ)  # a role may have been taken away

    async def asked(ask: Callable[[Principal], Awaitable[Answer]]) -> Answer:
        async with state.database.transaction() as session:
            now = state.clock.now()
            return await ask(await principal_of(session, token, now, rules_of(state.settings)))

    async def may_see(alert_id: UUID) -> bool:
        if sees_all[-1]:
            return True
        try:
            return await asked(lambda who: request.app.state.may_see_alert(who, alert_id))
        except NotLoggedInError:
            return False

    async def status() -> str:
        if sees_all[-1]:
            return await hub.status(principal.scope.institution_id)
        try:
            return await asked(request.app.state.status_for)
        except NotLoggedInError:
            return "{}"  # the stream ends at its next look

    hub: LiveHub = request.app.state.live_hub
    stream = ScreenStream(
        hub,
        state.clock,
        principal.scope.institution_id,
        after,
        still_allowed=still_allowed,
        may_see=may_see,
        status=status,
    )
    return EventSourceResponse(stream.events(), ping=0, sep="\n", send_timeout=SEND_TIMEOUT_S)
