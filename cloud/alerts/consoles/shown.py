"""A desk has drawn an alert; with its sound on, that is a person reached."""

from __future__ import annotations

import uuid
from datetime import datetime

from cloud.alerts import store
from cloud.alerts.models import AlertLedger
from cloud.alerts.notify.deliver import note_notified
from cloud.alerts.service import find_alert
from cloud.identity.service import Principal


async def note_shown(
    principal: Principal, alert_id: uuid.UUID, now: datetime, *, audible: bool
) -> datetime:
    """This login has the alert on its screen; when it first had. Raises NotFoundError.

    Only what was rendered with the sound unlocked counts as `shown`; else it was `drawn`.
    """
    scope, name = principal.scope, principal.user.display_name
    alert = await find_alert(scope, alert_id)
    source = principal.source
    ring = source if alert.rings == 1 else f"{source}/{alert.rings}"
    hop = "shown" if audible else "drawn"
    await store.note_hop_once(scope, alert_id, hop, now, by=name, source=ring)
    if audible:
        await note_notified(scope, alert_id, now, by=name, source=ring)
    statement = scope.select(AlertLedger).where(
        AlertLedger.alert_id == alert_id, AlertLedger.hop == hop, AlertLedger.source == ring
    )
    return (await scope.session.scalars(statement)).one().at
