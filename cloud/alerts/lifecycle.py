"""Making a move, with everything that follows from it: timers, hops of the ledger, screens."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cloud.alerts import store
from cloud.alerts.codes import Priority
from cloud.alerts.escalation import engine
from cloud.alerts.incidents import keep_incidents
from cloud.alerts.machine import ENDED, Condition, Move, MoveKind
from cloud.alerts.models import Alert
from cloud.alerts.notify.family import tell_family
from cloud.database import TenantScope

# A suspected fall that nobody answers becomes high (cloud/alerts/rules.py).
ESCALATE_TIMER: Final = "escalate_suspected_fall"
# The end of a shelf.
SHELF_TIMER: Final = "shelf"
# The on-delay: until then nobody is told. The off-delay: then the recovery counts.
HOLD_TIMER: Final = "hold"
SETTLE_TIMER: Final = "settle"

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
    if before is None and move.kind is MoveKind.RAISE and move.priority is not None:
        alert.code = move.code or ""
        second = await engine.needs_second(scope, alert, move.priority, move.at)
        move = replace(move, second_due=second or None)
    after = await store.append_move(scope, alert, before, move)
    await _follow(scope, alert, before, after, move.at)
    if move.actor and (hop := _HOPS.get(move.kind)) is not None:
        source = str(move.actor_id or move.actor)
        # An alert that was reopened is acknowledged anew: each ring has its own hops.
        source = source if after.rings == 1 else f"{source}/{after.rings}"
        await store.note_hop_once(scope, alert.id, hop, _when(move), by=move.actor, source=source)
    return after


async def raise_quietly(scope: TenantScope, alert: Alert, move: Move, why: str) -> Condition:
    """Raise it without telling anybody: held by its on-delay, or folded into a flood's line."""
    quiet = Move(MoveKind.SUPPRESS, move.at, note=why, rule=move.rule)
    return await store.append_move(scope, alert, None, move, quiet)


def _when(move: Move) -> datetime:
    """A move made elsewhere counts at its own time; one made here when the server has it."""
    if move.source is not None and move.client_time is not None:
        return move.client_time
    return move.at


async def _follow(
    scope: TenantScope, alert: Alert, before: Condition | None, after: Condition, now: datetime
) -> None:
    if before is not None:
        await keep_incidents(scope, alert, before, after, now)
        await tell_family(scope, alert, before, after, now)
    if after.state in ENDED:
        if before is not None and before.state not in ENDED:
            await store.cancel_timers(scope, alert.id, now)
            await engine.stop(scope, alert, now)
        return
    released = before is not None and before.suppressed and not after.suppressed
    if before is None or after.rings > before.rings or released:
        await engine.start(scope, alert, after, now)
    if before is None:
        return
    if after.suppressed and not before.suppressed:
        await engine.stop(scope, alert, now)
    if after.answered and not before.answered:
        await store.cancel_timers(scope, alert.id, now, ESCALATE_TIMER)
        await engine.answered(scope, alert, after, now)
    if after.arrived_at is not None and before.arrived_at is None:
        await engine.stop(scope, alert, now)
    if after.shelved_until != before.shelved_until:
        await store.cancel_timers(scope, alert.id, now, SHELF_TIMER)
        if after.shelved_until is not None:
            store.start_timer(scope, alert.id, SHELF_TIMER, after.shelved_until)


def closes_at_once(after: Condition) -> bool:
    """What is not high needs no report beyond its finding; who resolved it has closed it."""
    return after.priority is not Priority.HIGH
