"""What is due is done, by whichever worker comes first, once: timers are rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from cloud.alerts import away, flood, lifecycle, store
from cloud.alerts.books import book_of
from cloud.alerts.codes import Priority
from cloud.alerts.conditions import condition_of
from cloud.alerts.escalation import engine
from cloud.alerts.lifecycle import ESCALATE_TIMER, HOLD_TIMER, SETTLE_TIMER, SHELF_TIMER
from cloud.alerts.machine import ENDED, Condition, Move, MoveKind
from cloud.alerts.models import Alert, AlertTimer
from cloud.alerts.reports import Report, raise_alert, raise_line
from cloud.database import Database, TenantScope
from cloud.devices.service import Subject

# An escalation fires within 1 s of its time; a round that finds nothing is one look at an index.
TIMER_INTERVAL_S: Final = 0.25
# More than this at a time is worked in the next transaction.
_TIMERS_PER_ROUND: Final = 100
_AFTER: Final = timedelta(milliseconds=1)
_RAISING: Final = (engine.NOBODY_TIMER, flood.MEMBERS_TIMER)


async def work_timers(database: Database, now: datetime) -> int:
    """Do what is due, for all institutions; how many timers fired."""
    async with database.transaction() as session:
        due = await session.scalars(text("SELECT due_timer_institutions(:now)"), {"now": now})
        institutions = list(due)
    fired = 0
    for institution_id in institutions:
        async with database.tenant(institution_id) as scope:
            fired += await _work_raising_of(scope, now)
        worked = _TIMERS_PER_ROUND
        while worked >= _TIMERS_PER_ROUND:
            async with database.tenant(institution_id) as scope:
                worked, did = await _work_timers_of(scope, now)
                fired += did
    return fired


async def _work_raising_of(scope: TenantScope, now: datetime) -> int:
    """What raises alerts itself: alerts for which nobody was on duty, floods that were resolved.

    In a transaction of its own: raising takes the lock of decisions before any alert's row.
    """
    statement = (
        scope.select(AlertTimer)
        .where(
            AlertTimer.ended_at.is_(None), AlertTimer.due_at <= now,
            AlertTimer.kind.in_(_RAISING),
        )
        .limit(_TIMERS_PER_ROUND)
    )  # fmt: skip
    if (await scope.session.scalars(statement.limit(1))).first() is None:
        return 0
    await store.lock_decisions(scope)
    statement = statement.with_for_update(skip_locked=True)
    timers = list(await scope.session.scalars(statement))
    for timer in timers:
        timer.ended_at, timer.outcome = now, "fired"
        alert = await scope.session.get_one(Alert, timer.alert_id)
        if timer.kind == flood.MEMBERS_TIMER:
            await flood.settle_members(scope, await book_of(scope), alert, now, raise_line)
            continue
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
            AlertTimer.kind.not_in(_RAISING),
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
    if timer.kind in (HOLD_TIMER, SETTLE_TIMER, flood.FLOOD_TIMER):
        return await _delayed(scope, timer, alert, condition, now)
    if timer.kind == engine.STEP_TIMER and timer.step is not None:
        result = await engine.run_step(scope, alert, condition, timer.step, now)
    elif timer.kind == engine.SPOT_TIMER:
        result = await engine.run_not_on_spot(scope, alert, condition, now)
    else:
        result = None
    return None if result is None else result.move


async def _delayed(
    scope: TenantScope, timer: AlertTimer, alert: Alert, condition: Condition, now: datetime
) -> Move | None:
    """The end of a delay: of holding back, of waiting whether it stays away, of a flood."""
    book = await book_of(scope)
    if timer.kind == HOLD_TIMER:
        if not condition.suppressed or alert.flood_id is not None:
            return None
        if condition.recovered:
            return Move(MoveKind.CLOSE, now, rule=f"{book.version} delay.on")
        settling = await store.timer_of(scope, alert.id, SETTLE_TIMER)
        if settling is not None:  # it has passed already, if it stays away
            store.start_timer(scope, alert.id, HOLD_TIMER, settling.due_at + _AFTER)
            return None
        if alert.code in away.QUIET and await away.is_away(scope, alert.elder_id, now):
            store.start_timer(scope, alert.id, HOLD_TIMER, now + away.LOOK_AGAIN)
            return None
        if (due := await away.due_when_back(scope, alert)) is not None:
            code, priority = due
            rule = f"{book.version} back"
            return Move(MoveKind.UPGRADE, now, code=code, priority=priority, rule=rule)
        return Move(MoveKind.RELEASE, now, rule=f"{book.version} delay.on")
    if condition.recovered:
        return None
    if timer.kind == SETTLE_TIMER:
        return Move(MoveKind.RECOVER, now, recovered=True, rule=f"{book.version} delay.off")
    if await flood.is_over(scope, book, alert, now):
        return Move(MoveKind.RECOVER, now, recovered=True, rule=f"{book.version} flood.over")
    return None
