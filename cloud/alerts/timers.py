"""What is due is done, by whichever worker comes first, once: timers are rows."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import text

from cloud.alerts import lifecycle
from cloud.alerts.codes import Priority
from cloud.alerts.conditions import condition_of
from cloud.alerts.escalation import engine
from cloud.alerts.lifecycle import ESCALATE_TIMER, SHELF_TIMER
from cloud.alerts.machine import ENDED, Move, MoveKind
from cloud.alerts.models import Alert, AlertTimer
from cloud.alerts.reports import Report, raise_alert
from cloud.database import Database, TenantScope
from cloud.devices.service import Subject

# More than this at a time is worked in the next transaction.
_TIMERS_PER_ROUND: Final = 100


async def work_timers(database: Database, now: datetime) -> int:
    """Do what is due, for all institutions; how many timers fired."""
    async with database.transaction() as session:
        due = await session.scalars(text("SELECT due_timer_institutions(:now)"), {"now": now})
        institutions = list(due)
    fired = 0
    for institution_id in institutions:
        async with database.tenant(institution_id) as scope:
            fired += await _work_gaps_of(scope, now)
        worked = _TIMERS_PER_ROUND
        while worked >= _TIMERS_PER_ROUND:
            async with database.tenant(institution_id) as scope:
                worked, did = await _work_timers_of(scope, now)
                fired += did
    return fired


async def _work_gaps_of(scope: TenantScope, now: datetime) -> int:
    """Alerts for which nobody was on duty, each an alert of its unit.

    In a transaction of its own: raising takes the lock of decisions before any alert's row.
    """
    statement = (
        scope.select(AlertTimer)
        .where(
            AlertTimer.ended_at.is_(None), AlertTimer.due_at <= now,
            AlertTimer.kind == engine.NOBODY_TIMER,
        )
        .limit(_TIMERS_PER_ROUND)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    timers = list(await scope.session.scalars(statement))
    for timer in timers:
        timer.ended_at, timer.outcome = now, "fired"
        alert = await scope.session.get_one(Alert, timer.alert_id)
        report = Report(
            "nobody_on_duty",
            str(alert.unit_id or "house"),
            subject=Subject(None, None, None),
            unit_id=alert.unit_id,
            origin=alert.origin,
            note=f"alert {alert.id}",
        )
        await raise_alert(scope, report, now)
    return len(timers)


async def _work_timers_of(scope: TenantScope, now: datetime) -> tuple[int, int]:
    """Timers taken, and how many of them fired."""
    # Timer and alert are locked together or left alone: a person's move and another worker
    # never wait for us, nor we for them.
    statement = (
        scope.select(AlertTimer)
        .join(
            Alert,
            (Alert.institution_id == AlertTimer.institution_id) & (Alert.id == AlertTimer.alert_id),
        )
        .where(
            AlertTimer.ended_at.is_(None),
            AlertTimer.due_at <= now,
            AlertTimer.kind != engine.NOBODY_TIMER,
        )
        .order_by(AlertTimer.due_at, AlertTimer.step)
        .limit(_TIMERS_PER_ROUND)
        .add_columns(Alert)
        .with_for_update(skip_locked=True, key_share=True)
    )
    fired = 0
    rows = (await scope.session.execute(statement)).all()
    for timer, alert in rows:
        await scope.session.refresh(timer)
        if timer.ended_at is not None:  # an earlier one of this round took it back
            continue
        timer.ended_at = now
        timer.outcome = "cancelled"
        await scope.session.flush()
        move = await _move_of(scope, timer, alert, now)
        if move is not None:
            timer.outcome = "fired"
            await lifecycle.make_move(scope, alert, condition_of(alert), move)
            fired += 1
    return len(rows), fired


async def _move_of(
    scope: TenantScope, timer: AlertTimer, alert: Alert, now: datetime
) -> Move | None:
    condition = condition_of(alert)
    if condition.state in ENDED:
        return None
    if timer.kind == SHELF_TIMER:
        return None if condition.shelved_until is None else Move(MoveKind.UNSHELVE, now)
    if timer.kind == ESCALATE_TIMER:
        waiting = not condition.answered and not condition.recovered
        if waiting and condition.priority is not Priority.HIGH:
            return Move(MoveKind.ESCALATE, now, priority=Priority.HIGH)
        return None
    if timer.kind == engine.STEP_TIMER and timer.step is not None:
        result = await engine.run_step(scope, alert, condition, timer.step, now)
    elif timer.kind == engine.SPOT_TIMER:
        result = await engine.run_not_on_spot(scope, alert, condition, now)
    else:
        result = None
    return None if result is None else result.move
