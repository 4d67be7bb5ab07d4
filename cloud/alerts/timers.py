"""What is due is done, by whichever worker comes first, once: timers are rows."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import text

from cloud.alerts import lifecycle
from cloud.alerts.codes import Priority
from cloud.alerts.conditions import condition_of
from cloud.alerts.lifecycle import ESCALATE_TIMER, SHELF_TIMER
from cloud.alerts.machine import ENDED, Move, MoveKind
from cloud.alerts.models import Alert, AlertTimer
from cloud.database import Database, TenantScope

# More than this at a time is worked in the next round.
_TIMERS_PER_ROUND: Final = 100


async def work_timers(database: Database, now: datetime) -> int:
    """Do what is due, for all institutions; how many timers fired."""
    async with database.transaction() as session:
        due = await session.scalars(text("SELECT due_timer_institutions(:now)"), {"now": now})
        institutions = list(due)
    fired = 0
    for institution_id in institutions:
        async with database.tenant(institution_id) as scope:
            fired += await _work_timers_of(scope, now)
    return fired


async def _work_timers_of(scope: TenantScope, now: datetime) -> int:
    # Timer and alert are locked together or left alone: a person's move and another worker
    # never wait for us, nor we for them.
    statement = (
        scope.select(AlertTimer)
        .join(
            Alert,
            (Alert.institution_id == AlertTimer.institution_id) & (Alert.id == AlertTimer.alert_id),
        )
        .where(AlertTimer.ended_at.is_(None), AlertTimer.due_at <= now)
        .order_by(AlertTimer.due_at)
        .limit(_TIMERS_PER_ROUND)
        .add_columns(Alert)
        .with_for_update(skip_locked=True, key_share=True)
    )
    fired = 0
    for timer, alert in (await scope.session.execute(statement)).all():
        move = _move_of(timer, alert, now)
        timer.ended_at = now
        timer.outcome = "cancelled" if move is None else "fired"
        if move is not None:
            await lifecycle.make_move(scope, alert, condition_of(alert), move)
            fired += 1
    return fired


def _move_of(timer: AlertTimer, alert: Alert, now: datetime) -> Move | None:
    condition = condition_of(alert)
    if condition.state in ENDED:
        return None
    if timer.kind == SHELF_TIMER and condition.shelved_until is not None:
        return Move(MoveKind.UNSHELVE, now)
    if timer.kind == ESCALATE_TIMER:
        waiting = not condition.answered and not condition.recovered
        if waiting and condition.priority is not Priority.HIGH:
            return Move(MoveKind.ESCALATE, now, priority=Priority.HIGH)
    return None
