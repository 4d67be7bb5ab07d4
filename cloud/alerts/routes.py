"""HTTP for alerts."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from cloud.alerts import present, service
from cloud.alerts.consoles.shown import note_shown
from cloud.alerts.reach import sees
from cloud.alerts.schemas import AlertDetail, AlertList, MoveIn, ShownIn, ShownOut
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.live.service import read_head
from cloud.people.reach import reach_of
from cloud.state import ChangeHeader, State

AlertReader = Annotated[Principal, requires(Permission.ALERTS_READ)]
AlertActor = Annotated[Principal, requires(Permission.ALERTS_ACT)]

router = APIRouter(
    prefix="/api/v1/alerts",
    tags=["alerts"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}},
)


@router.get("")
async def list_alerts(
    principal: AlertReader,
    state: State,
    view: Annotated[Literal["open", "recent", "unclosed"], Query()] = "open",
) -> AlertList:
    """Newest first: all open ones; also those resolved within a day; or those not yet closed."""
    scope, now = principal.scope, state.clock.now()
    # The position first: what commits in between is then told twice, never not at all.
    head = await read_head(scope)
    seen = sees(await reach_of(principal))
    if view == "open":
        alerts = await service.open_alerts(scope, seen)
    elif view == "recent":
        alerts = await service.recent_alerts(scope, now, seen)
    else:
        alerts = await service.unclosed_alerts(scope, seen)
    lines = await present.summaries(scope, alerts, now)
    return AlertList(position=head.position, server_time=now, alerts=lines)


@router.get("/{alert_id}")
async def get_alert(alert_id: UUID, principal: AlertReader, state: State) -> AlertDetail:
    """One alert with its events, moves and ledger."""
    alert = await service.find_alert(principal.scope, alert_id)
    return await present.detail(principal.scope, alert, state.clock.now())


@router.post("/{alert_id}/moves", dependencies=[ChangeHeader], responses={409: {"model": Problem}})
async def move_alert(
    alert_id: UUID, move: MoveIn, principal: AlertActor, state: State
) -> AlertDetail:
    """Acknowledge, go, arrive, resolve, close; shelve and reopen for head nurses.

    Saying again what one has done oneself changes nothing.
    """
    now = state.clock.now()
    alert, changed = await service.move_alert(principal, alert_id, move, now)
    if changed:
        state.metrics.moves.labels(move.move).inc()
    return await present.detail(principal.scope, alert, now)


@router.post("/{alert_id}/shown", dependencies=[ChangeHeader])
async def alert_shown(
    alert_id: UUID, principal: AlertActor, state: State, said: ShownIn | None = None
) -> ShownOut:
    """This desk has drawn the alert: someone who can act has it before them."""
    audible = said is not None and said.sound == "running"
    now = state.clock.now()
    return ShownOut(shown_at=await note_shown(principal, alert_id, now, audible=audible))
