"""Who has which bed and which device when; whoever changes that brings along what follows from it.

Charts and statistics ask the assignments each time. Alerts hold a link, which is set right here,
in the same transaction.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from cloud.alerts.relink import Correction, devices_of, relink_devices
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.devices.assignments import AssignmentChange
from cloud.identity.service import Principal
from cloud.people.stays import StayChange


async def follow_stay(
    who: Principal, stay_id: uuid.UUID, change: StayChange, reason: str, now: datetime
) -> int:
    """Alerts of all devices of these elders and beds; how many moved."""
    devices = await devices_of(who.scope, change.elder_ids, change.bed_ids)
    moved = await relink_devices(who.scope, devices, change.since, _why(who, reason, now))
    for elder_id in change.elder_ids:
        audit.record(
            who.scope, who.actor, Action.RECORD_CHANGED, now, elder_id=elder_id, reason=reason,
            subject=("stay", stay_id), detail={"since": change.since, "alerts_moved": moved},
        )  # fmt: skip
    return moved


async def follow_assignment(
    who: Principal, row_id: uuid.UUID, change: AssignmentChange, reason: str, now: datetime
) -> int:
    """Alerts of this device; how many moved."""
    devices = [change.device_id]
    moved = await relink_devices(who.scope, devices, change.since, _why(who, reason, now))
    audit.record(
        who.scope, who.actor, Action.ASSIGNMENT_CHANGED, now, reason=reason,
        elder_id=change.elder_id, subject=("assignment", row_id),
        detail={"device": change.device_id, "since": change.since, "alerts_moved": moved},
    )  # fmt: skip
    return moved


def _why(who: Principal, reason: str, now: datetime) -> Correction:
    return Correction(who.user.id, who.user.display_name, reason, now)
