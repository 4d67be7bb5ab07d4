"""What people and timers do to alerts."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, or_, text
from sqlalchemy.dialects.postgresql import insert

from cloud.alerts import machine, store
from cloud.alerts.codes import Priority
from cloud.alerts.intake import ESCALATE_TIMER
from cloud.alerts.machine import IllegalMove, Move, MoveKind, State, Verdict
from cloud.alerts.models import Alert, AlertLedger, AlertTimer
from cloud.alerts.schemas import MoveIn
from cloud.database import Database, TenantScope
from cloud.errors import IllegalMoveError, NotFoundError, ProblemError
from cloud.identity.service import Principal

# `recent` is for a handover: what was resolved within a day, and no more than a desk can show.
RECENT: Final = timedelta(days=1)
MAX_RECENT: Final = 200
# More than this at a time is worked in the next round.
_TIMERS_PER_ROUND: Final = 100


async def open_alerts(scope: TenantScope) -> list[Alert]:
    """All that are not resolved, newest first. Never cut: an alert left out is an alert missed."""
    statement = scope.select(Alert).where(Alert.state != State.RESOLVED)
    return list((await scope.session.scalars(_newest_first(statement))).all())


async def recent_alerts(scope: TenantScope, now: datetime) -> list[Alert]:
    """Open ones and those resolved within RECENT, newest first."""
    statement = scope.select(Alert).where(
        or_(Alert.state != State.RESOLVED, Alert.resolved_at >= now - RECENT)
    )
    return list((await scope.session.scalars(_newest_first(statement).limit(MAX_RECENT))).all())


def _newest_first(statement: Select[Alert]) -> Select[Alert]:
    return statement.order_by(Alert.happened_ns.desc(), Alert.id)


async def find_alert(scope: TenantScope, alert_id: uuid.UUID) -> Alert:
    """One alert. Raises NotFoundError."""
    alert = (
        await scope.session.scalars(scope.select(Alert).where(Alert.id == alert_id))
    ).one_or_none()
    if alert is None:
        raise NotFoundError("alert")
    return alert


async def move_alert(
    principal: Principal, alert_id: uuid.UUID, wanted: MoveIn, now: datetime
) -> tuple[Alert, bool]:
    """A person's move, and whether it changed anything. Raises IllegalMoveError, NotFoundError."""
    scope = principal.scope
    if wanted.move == "resolve" and wanted.verdict is None:
        raise ProblemError(422, "bad_request", "verdict: needed to resolve")
    if wanted.move == "acknowledge" and wanted.verdict is not None:
        raise ProblemError(422, "bad_request", "verdict: only with resolve")
    alert = await store.lock_alert(scope, alert_id)
    if alert is None:
        raise NotFoundError("alert")
    move = Move(
        MoveKind(wanted.move),
        now,
        actor_id=principal.user.id,
        actor=principal.user.display_name,
        client_time=wanted.client_time,
        note=wanted.note or None,
        verdict=None if wanted.verdict is None else Verdict(wanted.verdict),
    )
    before = store.condition_of(alert)
    if machine.already_done(before, move):
        return alert, False
    try:
        await store.make_move(scope, alert, before, move)
    except IllegalMove as error:
        by = before.resolved_by or before.acknowledged_by
        raise IllegalMoveError(wanted.move, before.state.value, by) from error
    await store.cancel_timers(scope, alert.id, now)
    hop = "acknowledged" if move.kind is MoveKind.ACKNOWLEDGE else "resolved"
    actor = principal.user
    store.note_hop(scope, alert.id, hop, now, by=actor.display_name, source=str(actor.id))
    await scope.session.flush()
    return alert, True


async def note_shown(principal: Principal, alert_id: uuid.UUID, now: datetime) -> datetime:
    """This login has the alert on its screen; when it first had. Raises NotFoundError."""
    scope = principal.scope
    await find_alert(scope, alert_id)
    source = f"session {principal.login.id}"
    await _note_once(scope, alert_id, "shown", now, by=principal.user.display_name, source=source)
    statement = scope.select(AlertLedger).where(
        AlertLedger.alert_id == alert_id, AlertLedger.hop == "shown", AlertLedger.source == source
    )
    return (await scope.session.scalars(statement)).one().at


async def note_pushed(scope: TenantScope, alert_id: uuid.UUID, now: datetime) -> None:
    """The alert has reached the connection of a first screen."""
    await _note_once(scope, alert_id, "pushed", now, by="live", source="live")


async def _note_once(
    scope: TenantScope, alert_id: uuid.UUID, hop: str, at: datetime, *, by: str, source: str
) -> None:
    await scope.session.execute(
        insert(AlertLedger)
        .values(
            institution_id=scope.institution_id, alert_id=alert_id, hop=hop, at=at, by=by,
            source=source,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip


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
        timer.ended_at = now
        if timer.kind == ESCALATE_TIMER and _still_waiting(alert):
            timer.outcome = "fired"
            move = Move(MoveKind.ESCALATE, now, priority=Priority.HIGH)
            await store.make_move(scope, alert, store.condition_of(alert), move)
            fired += 1
        else:
            timer.outcome = "cancelled"
    return fired


def _still_waiting(alert: Alert) -> bool:
    return alert.state == State.RAISED and not alert.recovered and alert.priority != Priority.HIGH
