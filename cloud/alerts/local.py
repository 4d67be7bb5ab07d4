"""What people did about an event at the gateway while the cloud was away, told afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.dialects.postgresql import insert

from cloud.alerts import store
from cloud.alerts.elsewhere import MoveElsewhere, add_move_elsewhere
from cloud.alerts.machine import MoveKind
from cloud.alerts.models import AlertEvent, AlertLedger
from cloud.clock import datetime_from_ns
from cloud.database import TenantScope
from edge.gateway_wire import LocalAction, LocalActionKind

# Hops of the ledger, beside those that the cloud saw itself.
HOPS: Final = {
    LocalActionKind.RAISED: "local_raised",
    LocalActionKind.SHOWN: "local_shown",
    LocalActionKind.ACKNOWLEDGED: "local_acknowledged",
    LocalActionKind.SENT: "local_sent",
    LocalActionKind.SEND_FAILED: "local_send_failed",
}


async def take_local_action(
    scope: TenantScope, action: LocalAction, gateway_name: str, now: datetime
) -> list[MoveKind] | None:
    """A row of the ledger with the gateway's own time; an acknowledgement is a move as well, or a
    note where somebody here was first. None: no such event. A repeated action changes nothing.
    """
    await store.lock_decisions(scope)
    statement = scope.select(AlertEvent).where(AlertEvent.event_id == action.event_id)
    event = (await scope.session.scalars(statement)).one_or_none()
    if event is None:
        return None
    if event.alert_id is None:
        return []  # a log entry: it raised nothing
    by = f"{action.by} @ {gateway_name}"
    inserted = await scope.session.execute(
        insert(AlertLedger)
        .values(
            institution_id=scope.institution_id,
            alert_id=event.alert_id,
            hop=HOPS[action.kind],
            at=datetime_from_ns(action.time_ns),
            by=by,
            source=action.action_id,
        )
        .on_conflict_do_nothing()
        .returning(AlertLedger.id)
    )
    if inserted.one_or_none() is None or action.kind is not LocalActionKind.ACKNOWLEDGED:
        return []
    made = MoveElsewhere(
        MoveKind.ACKNOWLEDGE,
        action.event_id,
        datetime_from_ns(action.time_ns),
        by,
        action.action_id,
        action.note or None,
    )
    kind = await add_move_elsewhere(scope, made, now)
    return [] if kind is None else [kind]
