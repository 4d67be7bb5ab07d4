"""Alerts in the database: loading them for the rules, and making moves that stay."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import defer

from cloud.alerts import machine
from cloud.alerts.codes import RANK, Priority
from cloud.alerts.findings import Verdict
from cloud.alerts.machine import ENDED, Condition, Move, State
from cloud.alerts.models import Alert, AlertEvent, AlertLedger, AlertMove, AlertTimer
from cloud.alerts.present import summaries_json
from cloud.alerts.rules import FALL_CODES, FALLS, Happening, Known
from cloud.database import TenantScope
from cloud.devices.service import Subject
from cloud.live.service import publish_at_commit
from cloud.places.models import Bed, Home, Room
from edge.events import EventKind

_LOCKED: Final = "alert decisions locked"


async def lock_decisions(scope: TenantScope, *, to_the_end: bool = False) -> None:
    """One decision at a time in an institution, so that one fall is raised once.

    `to_the_end`: asked for outside of any savepoint, whose undoing would give the lock back; then
    the rest of the transaction need not ask again.
    """
    if scope.session.info.get(_LOCKED):
        return
    if to_the_end:
        scope.session.info[_LOCKED] = True
    await scope.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"alert decisions {scope.institution_id}"},
    )


async def load_known(
    scope: TenantScope, event: AlertEvent, subject: Subject
) -> tuple[list[Known], dict[uuid.UUID, Alert]]:
    """Alerts the event may belong to, locked: open ones of the person or place, any of its episode;
    for a fall also those of the same room where one of the two names nobody.
    """
    if subject.elder_id is not None:
        same_subject = Alert.elder_id == subject.elder_id
    else:
        same_subject = Alert.elder_id.is_(None) & _of_place(event, subject)
    of_episode = (
        scope.select(AlertEvent)
        .where(AlertEvent.episode_id == event.episode_id, AlertEvent.alert_id.is_not(None))
        .with_only_columns(AlertEvent.alert_id)
    )
    beside = await _beside(scope, event, subject)
    statement = (
        scope.select(Alert)
        .where(
            Alert.origin == event.origin,
            or_(
                (or_(same_subject, beside) if beside is not None else same_subject)
                & Alert.state.not_in(ENDED),
                Alert.id.in_(of_episode),
            ),
        )
        .order_by(Alert.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    alerts = {alert.id: alert for alert in await scope.session.scalars(statement)}
    happenings: dict[uuid.UUID, list[Happening]] = defaultdict(list)
    if alerts:
        # Without their bodies: evidence is long, and no rule looks at it.
        rows = await scope.session.scalars(
            scope.select(AlertEvent)
            .where(AlertEvent.alert_id.in_(alerts), AlertEvent.event_id != event.event_id)
            .options(defer(AlertEvent.body, raiseload=True))
        )
        for row in rows:
            if row.alert_id is not None:
                happenings[row.alert_id].append(happening_of(row))
    known = [_known(alert, happenings[alert.id], event, subject) for alert in alerts.values()]
    return known, alerts


def _of_place(event: AlertEvent, subject: Subject) -> ColumnElement[bool]:
    """One open alert for each place and code, where no person is meant."""
    if subject.room_id is None:
        return Alert.device_id == event.device_id
    return or_(Alert.room_id == subject.room_id, Alert.device_id == event.device_id)


async def _beside(
    scope: TenantScope, event: AlertEvent, subject: Subject
) -> ColumnElement[bool] | None:
    """Falls of the same room: of nobody in particular, if ours is of a person; else of anybody."""
    if event.kind not in FALLS:
        return None
    of_fall = Alert.code.in_(FALL_CODES)
    if subject.elder_id is not None and subject.bed_id is not None:
        room_id = scope.select(Bed).where(Bed.id == subject.bed_id).with_only_columns(Bed.room_id)
        in_room = Alert.room_id == room_id.scalar_subquery()
        return of_fall & Alert.elder_id.is_(None) & in_room
    if subject.elder_id is None and subject.room_id is not None:
        beds = scope.select(Bed).where(Bed.room_id == subject.room_id).with_only_columns(Bed.id)
        return of_fall & Alert.elder_id.is_not(None) & Alert.bed_id.in_(beds)
    return None


def happening_of(row: AlertEvent) -> Happening:
    """What the rules look at."""
    return Happening(
        row.event_id, row.episode_id, EventKind(row.kind), row.happened_ns, row.decided_ns
    )


def _known(alert: Alert, happenings: list[Happening], event: AlertEvent, subject: Subject) -> Known:
    own_episode = any(item.episode_id == event.episode_id for item in happenings)
    return Known(
        alert_id=alert.id,
        state=State(alert.state),
        code=alert.code,
        priority=Priority(alert.priority),
        recovered=alert.recovered,
        verdict=None if alert.verdict is None else Verdict(alert.verdict),
        raised_at=alert.raised_at,
        happenings=tuple(happenings),
        of_room=not own_episode and alert.elder_id != subject.elder_id,
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


async def open_of(scope: TenantScope, code: str, key: str, origin: str) -> Alert | None:
    """The open alert of a code and key, locked."""
    statement = (
        scope.select(Alert)
        .where(
            Alert.code == code, Alert.key == key, Alert.origin == origin,
            Alert.state.not_in(ENDED),
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    return (await scope.session.scalars(statement)).first()


async def moves_of(scope: TenantScope, alert_id: uuid.UUID) -> list[AlertMove]:
    """All moves of an alert, in order."""
    statement = scope.select(AlertMove).where(AlertMove.alert_id == alert_id)
    return list((await scope.session.scalars(statement.order_by(AlertMove.id))).all())


async def append_move(
    scope: TenantScope, alert: Alert, before: Condition | None, *moves: Move
) -> Condition:
    """Append the moves, renew the cache, tell the screens at commit. Raises IllegalMove.

    For cloud/alerts/lifecycle.py, which does what follows from it.
    """
    after, rows = before, []
    for move in moves:
        after = machine.apply(after, move)
        values = asdict(move)
        values["move"] = values.pop("kind")
        rows.append(AlertMove(institution_id=scope.institution_id, alert_id=alert.id, **values))
    if after is None:
        raise ValueError("append_move: no move")
    for name, value in asdict(after).items():
        setattr(alert, name, value)
    if before is None:
        scope.session.add(alert)
        await scope.session.flush()
    scope.session.add_all(rows)
    await scope.session.flush()
    announce(scope, alert, moves[-1].at)
    return after


def announce(scope: TenantScope, alert: Alert, now: datetime) -> None:
    """Tell the screens at commit how the alert is then."""
    publish_at_commit(
        scope, alert.id, "alert", now, subject_id=alert.id, what=alert, write=summaries_json
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


async def note_hop_once(
    scope: TenantScope, alert_id: uuid.UUID, hop: str, at: datetime, *, by: str, source: str
) -> None:
    """Add a row to the ledger unless this source has that hop already."""
    await scope.session.execute(
        insert(AlertLedger)
        .values(
            institution_id=scope.institution_id, alert_id=alert_id, hop=hop, at=at, by=by,
            source=source,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip


def start_timer(
    scope: TenantScope, alert_id: uuid.UUID, kind: str, due_at: datetime, step: int | None = None
) -> None:
    """Something is due for the alert."""
    scope.session.add(
        AlertTimer(
            id=uuid.uuid4(),
            institution_id=scope.institution_id,
            alert_id=alert_id,
            kind=kind,
            step=step,
            due_at=due_at,
        )
    )


async def timer_of(scope: TenantScope, alert_id: uuid.UUID, kind: str) -> AlertTimer | None:
    """What is due for the alert of this kind, if anything."""
    statement = scope.select(AlertTimer).where(
        AlertTimer.alert_id == alert_id, AlertTimer.kind == kind, AlertTimer.ended_at.is_(None)
    )
    return (await scope.session.scalars(statement.order_by(AlertTimer.due_at))).first()


async def cancel_timers(
    scope: TenantScope, alert_id: uuid.UUID, now: datetime, *kinds: str
) -> None:
    """Nothing is due for the alert any more; or nothing of these kinds."""
    which = [AlertTimer.kind.in_(kinds)] if kinds else []
    await scope.session.execute(
        update(AlertTimer)
        .where(
            AlertTimer.institution_id == scope.institution_id,
            AlertTimer.alert_id == alert_id,
            AlertTimer.ended_at.is_(None),
            *which,
        )
        .values(ended_at=now, outcome="cancelled")
    )


def higher_priority(wanted: Priority, held: Priority) -> Priority | None:
    """`wanted` where it is higher than what is held."""
    return wanted if RANK[wanted] > RANK[held] else None


async def unit_of(scope: TenantScope, subject: Subject) -> uuid.UUID | None:
    """The unit of a bed or a room, or that watches over a home: whose duty staff is told."""
    if subject.bed_id is None and subject.room_id is None:
        return None
    statement = (
        scope.select(Room)
        .outerjoin(Home, Home.id == Room.home_id)
        .with_only_columns(func.coalesce(Room.unit_id, Home.operator_unit_id))
    )
    if subject.bed_id is not None:
        statement = statement.join(
            Bed, (Bed.institution_id == Room.institution_id) & (Bed.room_id == Room.id)
        ).where(Bed.id == subject.bed_id)
    else:
        statement = statement.where(Room.id == subject.room_id)
    return (await scope.session.execute(statement)).scalar_one_or_none()


async def is_at_home(scope: TenantScope, alert: Alert) -> bool:
    """Whether it is in somebody's own home and not in the house."""
    if alert.bed_id is None and alert.room_id is None:
        return False
    statement = scope.select(Room).where(Room.home_id.is_not(None)).with_only_columns(Room.id)
    if alert.bed_id is not None:
        statement = statement.join(
            Bed, (Bed.institution_id == Room.institution_id) & (Bed.room_id == Room.id)
        ).where(Bed.id == alert.bed_id)
    else:
        statement = statement.where(Room.id == alert.room_id)
    return (await scope.session.execute(statement)).first() is not None


async def waiting_events(scope: TenantScope, episode_id: str) -> Sequence[AlertEvent]:
    """Events of an episode that came before any alert of it."""
    statement = scope.select(AlertEvent).where(
        AlertEvent.episode_id == episode_id, AlertEvent.alert_id.is_(None)
    )
    return (await scope.session.scalars(statement.order_by(AlertEvent.decided_ns))).all()
