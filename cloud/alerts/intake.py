"""Events become alerts, in the transaction that takes them in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from cloud.alerts import away, flood, lifecycle, rules, store
from cloud.alerts.books import book_of
from cloud.alerts.codes import CODES
from cloud.alerts.conditions import condition_of
from cloud.alerts.drills.service import take_proof
from cloud.alerts.grading import priority_of
from cloud.alerts.lifecycle import ESCALATE_TIMER, HOLD_TIMER, SETTLE_TIMER
from cloud.alerts.machine import Move, MoveKind
from cloud.alerts.models import Alert, AlertEvent
from cloud.alerts.relink import Correction, tie_to
from cloud.alerts.reports import raise_line
from cloud.alerts.rulebook import RuleBook
from cloud.alerts.rules import Decision, PlannedMove, Timer
from cloud.clock import datetime_from_ns
from cloud.database import TenantScope
from cloud.devices.service import Subject
from edge.events import Event

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event with what its way here adds."""

    event: Event
    gateway_id: uuid.UUID
    gateway_name: str
    stored_ns: int
    subject: Subject
    # Episodes whose end came in the same batch: what was under way when the network was cut.
    over: frozenset[str] = frozenset()


async def take_event(scope: TenantScope, arrival: Arrival, now: datetime) -> list[MoveKind]:
    """Store the event and do what the rules say; the moves made. A known event id does nothing."""
    await store.lock_decisions(scope)
    row, others_wait = await _insert_event(scope, arrival, now)
    if row is None or await take_proof(scope, arrival.event, now):
        return []
    made = await _decide(scope, row, arrival, now)
    if row.alert_id is not None and others_wait:
        for waiting in await store.waiting_events(scope, row.episode_id):
            event = msgspec.json.decode(waiting.body, type=Event)
            stored_ns = waiting.stored_ns
            earlier = Arrival(
                event, waiting.gateway_id, arrival.gateway_name, stored_ns, arrival.subject,
                arrival.over,
            )  # fmt: skip
            made += await _decide(scope, waiting, earlier, now)
    return made


async def _insert_event(
    scope: TenantScope, arrival: Arrival, now: datetime
) -> tuple[AlertEvent | None, bool]:
    """Its row, None where it is there already; and whether others of its episode wait."""
    event, other = arrival.event, aliased(AlertEvent)
    # As the statement finds the table: without the row it puts in.
    others_wait = (
        select(other)
        .where(
            other.institution_id == scope.institution_id, other.episode_id == event.episode_id,
            other.alert_id.is_(None),
        )
        .exists()
    )  # fmt: skip
    statement = (
        insert(AlertEvent)
        .values(
            institution_id=scope.institution_id,
            event_id=event.event_id,
            episode_id=event.episode_id,
            kind=event.kind.value,
            device_id=event.device_id,
            gateway_id=arrival.gateway_id,
            happened_ns=event.time_ns,
            decided_ns=event.decided_ns,
            stored_ns=arrival.stored_ns,
            received_at=now,
            confidence=event.confidence,
            origin=event.origin.value,
            body=_encoder.encode(event),
        )
        .on_conflict_do_nothing()
        .returning(AlertEvent, others_wait)
    )
    found = (await scope.session.execute(statement)).one_or_none()
    return (None, False) if found is None else (found[0], bool(found[1]))


async def _decide(
    scope: TenantScope, row: AlertEvent, arrival: Arrival, now: datetime
) -> list[MoveKind]:
    book = await book_of(scope)
    known, alerts = await store.load_known(scope, row, arrival.subject)
    late_s = max(0.0, (now - datetime_from_ns(row.happened_ns)).total_seconds())
    happening = replace(
        store.happening_of(row),
        priority=priority_of(arrival.event),
        late_s=late_s,
        over=row.episode_id in arrival.over,
    )
    decision = rules.decide(happening, known, book)
    if decision.move is None:
        return []
    held = None if decision.alert_id is None else alerts[decision.alert_id]
    decision = await away.quieted(
        scope, decision, decision.move.code or ("" if held is None else held.code),
        arrival.subject.elder_id, suppressed=held is not None and condition_of(held).suppressed,
        happened_at=datetime_from_ns(row.happened_ns), now=now,
    )  # fmt: skip
    assert decision.move is not None  # noqa: S101 - it had one
    move = _move(decision.move, row.event_id, now, f"{book.version} {decision.rule}")
    if decision.alert_id is None:
        alert = await _new_alert(scope, arrival, move, book.version, now)
        alert.rule = decision.rule
        alert.follows_id = decision.follows_id
        await _raise(scope, alert, move, decision, book)
    else:
        alert = alerts[decision.alert_id]
        alert.confidence = max(alert.confidence, row.confidence)
        await _name_person(scope, alert, arrival, now)
        await lifecycle.make_move(scope, alert, condition_of(alert), move)
    row.alert_id = alert.id
    await _set_timers(scope, alert, decision, book, now)
    _note_way(scope, alert.id, arrival, now)
    await scope.session.flush()
    return [move.kind]


def _move(planned: PlannedMove, event_id: str, now: datetime, rule: str) -> Move:
    return Move(
        planned.kind,
        now,
        code=planned.code,
        priority=planned.priority,
        recovered=planned.recovered,
        event_id=event_id,
        rule=rule,
    )


async def _raise(
    scope: TenantScope, alert: Alert, move: Move, decision: Decision, book: RuleBook
) -> None:
    """For people at once; or quietly, where its on-delay or a flood holds it back."""
    if await flood.fold(scope, book, alert, move, raise_line):
        return
    if decision.hold_s:
        await lifecycle.raise_quietly(scope, alert, move, f"on-delay {decision.hold_s:.0f} s")
        return
    await lifecycle.make_move(scope, alert, None, move)


async def _name_person(scope: TenantScope, alert: Alert, arrival: Arrival, now: datetime) -> None:
    """A fall that was only of a room is, by what a wearable says of it, somebody's."""
    subject = arrival.subject
    if alert.elder_id is not None or subject.elder_id is None:
        return
    by = Correction(None, "rule", "same_fall", now)
    await tie_to(scope, alert, subject, by)


async def _new_alert(
    scope: TenantScope, arrival: Arrival, move: Move, version: str, now: datetime
) -> Alert:
    """The facts that no move changes; the machine adds the rest."""
    event = arrival.event
    happened_at = datetime_from_ns(event.time_ns)
    return Alert(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        category=CODES[str(move.code)].category.value,
        # For whoever asks what an alert is before its first move is made.
        code=str(move.code),
        origin=event.origin.value,
        elder_id=arrival.subject.elder_id,
        bed_id=arrival.subject.bed_id,
        room_id=arrival.subject.room_id,
        unit_id=await store.unit_of(scope, arrival.subject),
        device_id=None if event.device_id == event.subject_id else event.device_id,
        happened_ns=event.time_ns,
        raised_at=now,
        late_s=max(0.0, (now - happened_at).total_seconds()),
        confidence=event.confidence,
        rules_version=version,
    )


async def _set_timers(
    scope: TenantScope, alert: Alert, decision: Decision, book: RuleBook, now: datetime
) -> None:
    happened_at = min(datetime_from_ns(alert.happened_ns), now)
    if decision.timer is Timer.CANCEL:
        await store.cancel_timers(scope, alert.id, now, ESCALATE_TIMER)
    elif decision.timer is Timer.START:
        # down again after a recovery: from now on
        began_at = happened_at if decision.alert_id is None else now
        due_at = rules.escalation_due(began_at, now, book)
        store.start_timer(scope, alert.id, ESCALATE_TIMER, due_at)
    if decision.hold_s and alert.flood_id is None:
        due_at = happened_at + timedelta(seconds=decision.hold_s)
        store.start_timer(scope, alert.id, HOLD_TIMER, due_at)
    if decision.settle_s is not None:
        await store.cancel_timers(scope, alert.id, now, SETTLE_TIMER)
        if decision.settle_s:
            due_at = now + timedelta(seconds=decision.settle_s)
            store.start_timer(scope, alert.id, SETTLE_TIMER, due_at)


def _note_way(scope: TenantScope, alert_id: uuid.UUID, arrival: Arrival, now: datetime) -> None:
    event = arrival.event
    detector = f"{event.detector.name} {event.detector.version}"
    for hop, at, by in (
        ("sensed", datetime_from_ns(event.time_ns), event.device_id),
        ("decided", datetime_from_ns(event.decided_ns), detector),
        ("stored", datetime_from_ns(arrival.stored_ns), arrival.gateway_name),
        ("committed", now, "cloud"),
    ):
        store.note_hop(scope, alert_id, hop, at, by=by, source=event.event_id)
