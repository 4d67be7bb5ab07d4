"""Making a move, with everything that follows from it: timers, hops of the ledger, screens."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Final

from cloud.alerts import store
from cloud.alerts.codes import Priority
from cloud.alerts.machine import ENDED, Condition, Move, MoveKind
from cloud.alerts.models import Alert
from cloud.database import TenantScope

# A suspected fall that nobody answers becomes high (cloud/alerts/rules.py).
ESCALATE_TIMER: Final = "escalate_suspected_fall"
# The end of a shelf.
SHELF_TIMER: Final = "shelf"

# Which hop of the ledger a person's move is.
_HOPS: Final = MappingProxyType(
    {
        MoveKind.ACKNOWLEDGE: "acknowledged",
        MoveKind.TAKE_OVER: "attending",
        MoveKind.ARRIVE: "arrived",
        MoveKind.RESOLVE: "resolved",
        MoveKind.CLOSE: "closed",
    }
)


async def make_move(
    scope: TenantScope, alert: Alert, before: Condition | None, move: Move
) -> Condition:
    """Append the move and do what follows from it. Raises IllegalMove."""
    after = await store.append_move(scope, alert, before, move)
    if before is not None:
        await _follow(scope, alert, before, after, move.at)
    if move.actor and (hop := _HOPS.get(move.kind)) is not None:
        source = str(move.actor_id or move.actor)
        # An alert that was reopened is acknowledged anew: each ring has its own hops.
        source = source if after.rings == 1 else f"{source}/{after.rings}"
        await store.note_hop_once(scope, alert.id, hop, _when(move), by=move.actor, source=source)
    return after


def _when(move: Move) -> datetime:
    """A move made elsewhere counts at its own time; one made here when the server has it."""
    if move.source is not None and move.client_time is not None:
        return move.client_time
    return move.at


async def _follow(
    scope: TenantScope, alert: Alert, before: Condition, after: Condition, now: datetime
) -> None:
    if after.state in ENDED:
        if before.state not in ENDED:
            await store.cancel_timers(scope, alert.id, now)
        return
    if after.answered and not before.answered:
        await store.cancel_timers(scope, alert.id, now, ESCALATE_TIMER)
    if after.shelved_until != before.shelved_until:
        await store.cancel_timers(scope, alert.id, now, SHELF_TIMER)
        if after.shelved_until is not None:
            store.start_timer(scope, alert.id, SHELF_TIMER, after.shelved_until)


def closes_at_once(after: Condition) -> bool:
    """What is not high needs no report beyond its finding; who resolved it has closed it."""
    return after.priority is not Priority.HIGH
