"""Moves made where the cloud was not, taken in at their own times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cloud.alerts import lifecycle, machine, store
from cloud.alerts.conditions import condition_of
from cloud.alerts.findings import Verdict
from cloud.alerts.machine import IllegalMove, Move, MoveKind
from cloud.alerts.models import AlertEvent, AlertMove
from cloud.database import TenantScope


@dataclass(frozen=True, slots=True)
class MoveElsewhere:
    """A move made where the cloud was not: at a gateway's own desk while the cloud was away."""

    kind: MoveKind
    event_id: str  # of any event of the alert
    at: datetime  # its own time
    actor: str
    source: str  # makes it count once: who sent it, and its number there
    note: str | None = None
    verdict: Verdict | None = None


async def add_move_elsewhere(
    scope: TenantScope, made: MoveElsewhere, now: datetime
) -> MoveKind | None:
    """Take in a move at its own time. None: held already, or of no alert that we know.

    What the alert no longer allows (somebody here was first) is kept as a note: nothing is lost.
    """
    event = (
        await scope.session.scalars(
            scope.select(AlertEvent).where(AlertEvent.event_id == made.event_id)
        )
    ).one_or_none()
    if event is None or event.alert_id is None:
        return None
    alert = await store.lock_alert(scope, event.alert_id)
    if alert is None:
        return None
    held = scope.select(AlertMove).where(
        AlertMove.alert_id == alert.id, AlertMove.source == made.source
    )
    if (await scope.session.scalars(held)).first() is not None:
        return None
    move = Move(
        made.kind, now, actor=made.actor, client_time=made.at, note=made.note,
        verdict=made.verdict, source=made.source,
    )  # fmt: skip
    before = condition_of(alert)
    try:
        after = machine.apply(before, move)
    except IllegalMove:
        said = f"{made.kind}: {made.note}" if made.note else str(made.kind)
        move = Move(
            MoveKind.NOTE, now, actor=made.actor, client_time=made.at, note=said,
            source=made.source,
        )  # fmt: skip
        after = before
    await lifecycle.make_move(scope, alert, before, move)
    if move.kind is MoveKind.RESOLVE and lifecycle.closes_at_once(after):
        close = Move(MoveKind.CLOSE, now, actor=made.actor, client_time=made.at)
        await lifecycle.make_move(scope, alert, after, close)
    return move.kind
