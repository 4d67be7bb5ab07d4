"""Alerts as the API tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import msgspec
import numpy as np

from cloud.alerts.conditions import condition_of
from cloud.alerts.machine import State, missing_to_close
from cloud.alerts.models import Alert, AlertEvent, AlertLedger, AlertMove
from cloud.alerts.schemas import (
    AlertDetail,
    AlertSummary,
    CategoryName,
    DetectorOut,
    ElderBrief,
    EventOut,
    EvidenceOut,
    FamilyName,
    FiledName,
    FindingName,
    HopName,
    InjuryName,
    LedgerOut,
    MoveName,
    MoveOut,
    OriginName,
    PlaceBrief,
    PriorityName,
    ReasonOut,
    StateName,
    VerdictName,
)
from cloud.clock import datetime_from_ns
from cloud.database import TenantScope
from cloud.people.age import age_on
from cloud.people.models import Elder
from cloud.people.service import elders_by_id
from cloud.places.service import PlaceName, bed_names, room_names, unit_names
from edge.events import Event, Evidence
from edge.wire import counts_from_bytes
from edge.words import explain

# A count of a 16 g sensor is 0.0005 g; more digits would only be noise on the wire.
_SAMPLE_DECIMALS = 5


async def summaries(
    scope: TenantScope, alerts: Sequence[Alert], now: datetime
) -> list[AlertSummary]:
    """One line each, in the order given."""
    elders = await elders_by_id(scope, {a.elder_id for a in alerts if a.elder_id})
    beds = await bed_names(scope, {a.bed_id for a in alerts if a.bed_id})
    rooms = await room_names(scope, {a.room_id for a in alerts if a.room_id})
    # Nobody on duty in a unit: no bed and no room, but a place to run to.
    whole = {a.unit_id for a in alerts if a.unit_id and not a.bed_id and not a.room_id}
    if whole:
        named = await unit_names(scope, whole)
        rooms = rooms | {unit_id: PlaceName(name, "", None) for unit_id, name in named.items()}
    return summaries_said(alerts, elders, beds, rooms, now)


def summaries_said(
    alerts: Sequence[Alert], elders: Mapping[UUID, Elder], beds: Mapping[UUID, PlaceName],
    rooms: Mapping[UUID, PlaceName], now: datetime,
) -> list[AlertSummary]:  # fmt: skip
    """One line each, of what was read already."""
    lines = []
    for alert in alerts:
        elder = elders.get(alert.elder_id) if alert.elder_id else None
        place = beds.get(alert.bed_id) if alert.bed_id else None
        if place is None and alert.room_id:
            place = rooms.get(alert.room_id)
        if place is None and alert.unit_id:
            place = rooms.get(alert.unit_id)
        lines.append(_summary(alert, elder, place, now))
    return lines


async def summaries_json(scope: TenantScope, alerts: Sequence[Alert], now: datetime) -> list[str]:
    """One line each, as the live stream sends them."""
    return [summary.model_dump_json() for summary in await summaries(scope, alerts, now)]


def _summary(
    alert: Alert, elder: Elder | None, place: PlaceName | None, now: datetime
) -> AlertSummary:
    return AlertSummary(
        id=alert.id,
        code=alert.code,
        category=cast(CategoryName, alert.category),
        priority=cast(PriorityName, alert.priority),
        state=cast(StateName, alert.state),
        recovered=alert.recovered,
        origin=cast(OriginName, alert.origin),
        elder=None if elder is None else _elder(elder, now),
        place=None if place is None else _place(place),
        device_id=alert.device_id,
        happened_at=datetime_from_ns(alert.happened_ns),
        raised_at=alert.raised_at,
        late_s=round(alert.late_s, 3),
        rings=alert.rings,
        step=alert.step,
        second_due=alert.second_due,
        suppressed=alert.suppressed,
        filed=cast(FiledName | None, alert.filed),
        flood_id=alert.flood_id,
        shelved_until=alert.shelved_until,
        shelved_by=alert.shelved_by,
        acknowledged_at=alert.acknowledged_at,
        acknowledged_by=alert.acknowledged_by,
        attending_at=alert.attending_at,
        attending_by=alert.attending_by,
        arrived_at=alert.arrived_at,
        arrived_by=alert.arrived_by,
        resolved_at=alert.resolved_at,
        resolved_by=alert.resolved_by,
        closed_at=alert.closed_at,
        closed_by=alert.closed_by,
        verdict=cast(VerdictName | None, alert.verdict),
        finding=cast(FindingName | None, alert.finding),
        injury=cast(InjuryName | None, alert.injury),
        to_close=missing_to_close(condition_of(alert)) if alert.state == State.RESOLVED else [],
        confidence=round(alert.confidence, 3),
        count=alert.count,
        updated_at=alert.updated_at,
        follows_id=alert.follows_id,
    )


def _elder(elder: Elder, now: datetime) -> ElderBrief:
    return ElderBrief(
        id=elder.id,
        name=elder.name,
        age=age_on(elder.birth_date, now.date()),
        sex="female" if elder.sex == "female" else "male",
        care_note=elder.care_note,
        photo_id=elder.photo_id,
    )


def _place(place: PlaceName) -> PlaceBrief:
    return PlaceBrief(unit=place.unit, room=place.room, bed=place.bed, label=place.label)


async def detail(scope: TenantScope, alert: Alert, now: datetime) -> AlertDetail:
    """Everything about an alert."""
    session = scope.session
    events = await session.scalars(
        scope.select(AlertEvent)
        .where(AlertEvent.alert_id == alert.id)
        .order_by(AlertEvent.decided_ns, AlertEvent.event_id)
    )
    moves = await session.scalars(
        scope.select(AlertMove).where(AlertMove.alert_id == alert.id).order_by(AlertMove.id)
    )
    ledger = await session.scalars(
        scope.select(AlertLedger)
        .where(AlertLedger.alert_id == alert.id)
        .order_by(AlertLedger.at, AlertLedger.id)
    )
    (summary,) = await summaries(scope, [alert], now)
    return AlertDetail(
        **dict(summary),
        cause=alert.cause,
        measure=alert.measure,
        family=cast(FamilyName | None, alert.family),
        rules_version=alert.rules_version,
        rule=alert.rule,
        events=[event_out(msgspec.json.decode(row.body, type=Event)) for row in events],
        moves=[_move_out(row) for row in moves],
        ledger=[LedgerOut(hop=cast(HopName, row.hop), at=row.at, by=row.by) for row in ledger],
    )


def event_out(event: Event) -> EventOut:
    """An event with its reasons in words and its evidence in its unit."""
    return EventOut(
        id=event.event_id,
        kind=event.kind.value,
        device_id=event.device_id,
        happened_at=datetime_from_ns(event.time_ns),
        decided_at=datetime_from_ns(event.decided_ns),
        confidence=round(event.confidence, 3),
        reasons=[
            ReasonOut(
                code=reason.code,
                values=reason.values,
                text_zh=explain(event.detector.name, reason, "zh"),
                text_en=explain(event.detector.name, reason, "en"),
            )
            for reason in event.reasons
        ],
        detector=DetectorOut(
            name=event.detector.name,
            version=event.detector.version,
            settings=event.detector.settings,
        ),
        evidence=None if event.evidence is None else _evidence_out(event.evidence),
    )


def _evidence_out(evidence: Evidence) -> EvidenceOut:
    counts = counts_from_bytes(evidence.counts, evidence.channels)
    values = np.round(counts.astype(np.float64) * evidence.scale, _SAMPLE_DECIMALS)
    return EvidenceOut(
        quantity=evidence.quantity,
        unit=evidence.unit,
        start_at=datetime_from_ns(evidence.start_ns),
        moment_at=datetime_from_ns(evidence.moment_ns),
        rate_hz=evidence.rate_hz,
        samples=values.T.tolist(),
    )


def _move_out(row: AlertMove) -> MoveOut:
    return MoveOut(
        move=cast(MoveName, row.move),
        at=row.at,
        client_time=row.client_time,
        actor=row.actor,
        note=row.note,
        verdict=cast(VerdictName | None, row.verdict),
        priority=cast(PriorityName | None, row.priority),
        finding=cast(FindingName | None, row.finding),
        injury=cast(InjuryName | None, row.injury),
        step=row.step,
        until=row.until,
        source=row.source,
        rule=row.rule,
    )
