"""The events behind an alert, taken out again exactly as they came."""

from __future__ import annotations

import uuid

import msgspec

from cloud.alerts.models import AlertEvent
from cloud.database import TenantScope
from edge.events import Event


async def events_of(scope: TenantScope, alert_id: uuid.UUID) -> list[Event]:
    """All events of an alert in the order they were decided; empty where it is not ours."""
    statement = (
        scope.select(AlertEvent)
        .where(AlertEvent.alert_id == alert_id)
        .order_by(AlertEvent.decided_ns, AlertEvent.event_id)
    )
    rows = (await scope.session.scalars(statement)).all()
    return [msgspec.json.decode(row.body, type=Event) for row in rows]
