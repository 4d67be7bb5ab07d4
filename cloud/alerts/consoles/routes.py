"""HTTP for desks: their self-test, and which of them stand guard."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter

from cloud.alerts.consoles import service
from cloud.alerts.consoles.health import BEAT_S, is_healthy
from cloud.alerts.consoles.models import Console
from cloud.errors import NotFoundError, Problem
from cloud.identity.auth import requires
from cloud.identity.models import User
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.places.models import Unit
from cloud.schema_types import ApiModel, UtcMs
from cloud.state import ChangeHeader, State

DeskOwner = Annotated[Principal, requires(Permission.ALERTS_ACT)]
DeskReader = Annotated[Principal, requires(Permission.ALERTS_READ)]
AudioName = Literal["running", "off", "stopped", "unsupported"]
WakeName = Literal["held", "refused", "unsupported"]

router = APIRouter(
    prefix="/api/v1/consoles",
    tags=["duty"],
    responses={401: {"model": Problem}, 403: {"model": Problem}, 404: {"model": Problem}},
)


class BeatIn(ApiModel):
    """What a desk says of itself, every `beat_s` seconds and whenever something changes."""

    console_id: UUID
    unit_id: UUID | None = None
    audio: AudioName
    live: bool
    wake_lock: WakeName
    visible: bool
    closing: bool = False


class BeatOut(ApiModel):
    """Whether it counts as standing guard."""

    healthy: bool
    beat_s: float
    server_time: UtcMs


class ConsoleOut(ApiModel):
    """One desk."""

    id: UUID
    name: str
    unit_id: UUID | None
    healthy: bool
    audio: AudioName
    live: bool
    wake_lock: WakeName
    visible: bool
    last_seen_at: UtcMs
    lost_at: UtcMs | None


class ConsoleList(ApiModel):
    """Desks heard of today that were not closed."""

    consoles: list[ConsoleOut]


@router.post("/beat", dependencies=[ChangeHeader], responses={409: {"model": Problem}})
async def beat_console(said: BeatIn, principal: DeskOwner, state: State) -> BeatOut:
    """A desk's self-test."""
    scope, now = principal.scope, state.clock.now()
    if said.unit_id is not None:
        unit = scope.select(Unit).where(Unit.id == said.unit_id)
        if (await scope.session.scalars(unit)).first() is None:
            raise NotFoundError("unit")
    test = service.SelfTest(
        said.console_id, said.unit_id, said.audio, said.live, said.wake_lock, said.visible,
        said.closing,
    )  # fmt: skip
    console = await service.beat(principal, test, now)
    return BeatOut(healthy=is_healthy(console, now), beat_s=BEAT_S, server_time=now)


@router.get("")
async def list_consoles(principal: DeskReader, state: State) -> ConsoleList:
    """Which desks stand guard, and which were lost."""
    scope, now = principal.scope, state.clock.now()
    statement = (
        scope.select(Console)
        .join(User, (User.institution_id == Console.institution_id) & (User.id == Console.user_id))
        .where(
            Console.closed_at.is_(None),
            Console.last_seen_at > now - service.KEPT,
        )
        .add_columns(User.display_name)
        .order_by(Console.first_seen_at)
    )
    return ConsoleList(
        consoles=[
            ConsoleOut(
                id=console.id,
                name=name,
                unit_id=console.unit_id,
                healthy=is_healthy(console, now),
                audio=console.audio,
                live=console.live,
                wake_lock=console.wake_lock,
                visible=console.visible,
                last_seen_at=console.last_seen_at,
                lost_at=console.lost_at,
            )
            for console, name in (await scope.session.execute(statement)).all()
        ]
    )
