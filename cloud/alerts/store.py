"""Alerts in the database: loading them for the rules, and making moves that stay."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import or_, text, update

from cloud.alerts import machine
from cloud.alerts.codes import Priority
from cloud.alerts.machine import Condition, Move, MoveKind, State, Verdict
from cloud.alerts.models import Alert, AlertEvent, AlertLedger, AlertMove, AlertTimer
from cloud.alerts.present import summary_json
from cloud.alerts.rules import Happening, Known
from cloud.database import TenantScope
from cloud.devices.service import Subject
from cloud.live.service import publish_at_commit
from edge.events import EventKind


async def lock_decisions(scope: TenantScope) -> None:
    """One decision at a time in an institution, so that one fall is raised once."""
    await scope.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"alert decisions {scope.institution_id}"},
    )


async def load_known(
    scope: TenantScope, event: AlertEvent, subject: Subject
) -> tuple[list[Known], dict[uuid.UUID, Alert]]:
    """Alerts the event may belong to, locked: open ones of the person, any of its episode."""
    if subject.elder_id is not None:
        same_subject = Alert.elder_id == subject.elder_id
    else:
        same_subject = Alert.elder_id.is_(None) & (Alert.device_id == event.device_id)
    of_episode = (
        scope.select(AlertEvent)
        .where(AlertEvent.episode_id == event.episode_id, AlertEvent.alert_id.is_not(None))
        .with_only_columns(AlertEvent.alert_id)
    )
    statement = (
        scope.select(Alert)
        .where(
            Alert.origin == event.origin,
            or_(same_subject & (Alert.state != State.RESOLVED), Alert.id.in_(of_episode)),
        )
        .order_by(Alert.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    alerts = {alert.id: alert for alert in await scope.session.scalars(statement)}
    happenings: dict[uuid.UUID, list[Happening]] = defaultdict(list)
    for row in await scope.session.scalars(
        scope.select(AlertEvent).where(AlertEvent.alert_id.in_(alerts))
    ):
        if row.alert_id is not None and row.event_id != event.event_id:
            happenings[row.alert_id].append(happening_of(row))
    known = [_known(alert, happenings[alert.id]) for alert in alerts.values()]
    return known, alerts


def happening_of(row: AlertEvent) -> Happening:
    """What the rules look at."""
    return Happening(
        row.event_id, row.episode_id, EventKind(row.kind), row.happened_ns, row.decided_ns
    )


def _known(alert: Alert, happenings: list[Happening]) -> Known:
    return Known(
        alert_id=alert.id,
        state=State(alert.state),
        code=alert.code,
        priority=Priority(alert.priority),
        recovered=alert.recovered,
        verdict=None if alert.verdict is None else Verdict(alert.verdict),
        raised_at=alert.raised_at,
        happenings=tuple(happenings),
    )


async def lock_alert(scope: TenantScope, alert_id: uuid.UUID) -> Alert | None:
    """An alert, locked until the end of the transaction."""
    statement = (
        scope.select(Alert)
        .where(Alert.id == alert_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await scope.session.scalars(statement)).one_or_none()


def condition_of(alert: Alert) -> Condition:
    """The cached condition of an alert."""
    return Condition(
        state=State(alert.state),
        code=alert.code,
        priority=Priority(alert.priority),
        recovered=alert.recovered,
        count=alert.count,
        updated_at=alert.updated_at,
        verdict=None if alert.verdict is None else Verdict(alert.verdict),
        acknowledged_at=alert.acknowledged_at,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_by_id=alert.acknowledged_by_id,
        resolved_at=alert.resolved_at,
        resolved_by=alert.resolved_by,
        resolved_by_id=alert.resolved_by_id,
    )


def move_of(row: AlertMove) -> Move:
    """A stored move, for the machine."""
    return Move(
        kind=MoveKind(row.move),
        at=row.at,
        actor_id=row.actor_id,
        actor=row.actor,
        client_time=row.client_time,
        note=row.note,
        verdict=None if row.verdict is None else Verdict(row.verdict),
        code=row.code,
        priority=None if row.priority is None else Priority(row.priority),
        recovered=row.recovered,
        event_id=row.event_id,
        is_local=row.actor is not None and row.actor_id is None,
    )


async def moves_of(scope: TenantScope, alert_id: uuid.UUID) -> list[AlertMove]:
    """All moves of an alert, in order."""
    statement = scope.select(AlertMove).where(AlertMove.alert_id == alert_id)
    return list((await scope.session.scalars(statement.order_by(AlertMove.id))).all())


async def make_move(scope: TenantScope, alert: Alert, before: Condition | None, move: Move) -> None:
    """Append the move, renew the cache, tell the screens at commit. Raises IllegalMove."""
    after = machine.apply(before, move)
    for name, value in asdict(after).items():
        setattr(alert, name, value)
    values = asdict(move)
    values["move"] = values.pop("kind")
    del values["is_local"]  # seen in the row: an actor without an account
    if before is None:
        scope.session.add(alert)
        await scope.session.flush()
    scope.session.add(AlertMove(institution_id=scope.institution_id, alert_id=alert.id, **values))
    await scope.session.flush()
    announce(scope, alert, move.at)


def announce(scope: TenantScope, alert: Alert, now: datetime) -> None:
    """Tell the screens at commit how the alert is then."""
    publish_at_commit(
        scope,
        alert.id,
        "alert",
        now,
        payload=lambda: summary_json(scope, alert, now),
        subject_id=alert.id,
    )


def note_hop(
    scope: TenantScope, alert_id: uuid.UUID, hop: str, at: datetime, *, by: str, source: str
) -> None:
    """Add a row to the ledger."""
    scope.session.add(
        AlertLedger(
            institution_id=scope.institution_id, alert_id=alert_id, hop=hop, at=at, by=by,
            source=source,
        )
    )  # fmt: skip


def start_timer(scope: TenantScope, alert_id: uuid.UUID, kind: str, due_at: datetime) -> None:
    """Something is due for the alert."""
    scope.session.add(
        AlertTimer(
            id=uuid.uuid4(),
            institution_id=scope.institution_id,
            alert_id=alert_id,
            kind=kind,
            due_at=due_at,
        )
    )


async def cancel_timers(scope: TenantScope, alert_id: uuid.UUID, now: datetime) -> None:
    """Nothing is due for the alert any more."""
    await scope.session.execute(
        update(AlertTimer)
        .where(
            AlertTimer.institution_id == scope.institution_id,
            AlertTimer.alert_id == alert_id,
            AlertTimer.ended_at.is_(None),
        )
        .values(ended_at=now, outcome="cancelled")
    )


async def waiting_events(scope: TenantScope, episode_id: str) -> Sequence[AlertEvent]:
    """Events of an episode that came before any alert of it."""
    statement = scope.select(AlertEvent).where(
        AlertEvent.episode_id == episode_id, AlertEvent.alert_id.is_(None)
    )
    return (await scope.session.scalars(statement.order_by(AlertEvent.decided_ns))).all()
