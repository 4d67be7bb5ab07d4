"""A device on which a life hangs is out of order, its two hours are over, and nothing stands in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cloud.alerts import store
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert
from cloud.alerts.reports import Report, raise_alert, recover_raised
from cloud.database import TenantScope
from cloud.devices.models import DeviceFault
from cloud.devices.service import Subject

CODE: Final = "stopgap_overdue"


async def follow_late_stopgaps(scope: TenantScope, now: datetime) -> int:
    """Raise for faults whose stopgap is late, recover where something stands in; how many."""
    late = {str(fault.id): fault for fault in await _late(scope, now)}
    if late.keys() == {alert.key for alert in await _standing(scope)}:
        return 0
    # Several workers look at once: what stands is asked again where only one decides.
    await store.lock_decisions(scope)
    standing = {str(alert.key) for alert in await _standing(scope)}
    changed = 0
    for key in sorted(late.keys() - standing):
        fault = late[key]
        subject = Subject(fault.elder_id, fault.bed_id, fault.room_id)
        report = Report(
            CODE, key, subject=subject, device_id=fault.device_id,
            happened_at=fault.stopgap_due_at, note=fault.description,
        )  # fmt: skip
        await raise_alert(scope, report, now)
        changed += 1
    for key in sorted(standing - late.keys()):
        changed += await recover_raised(scope, CODE, key, now)
    return changed


async def _late(scope: TenantScope, now: datetime) -> Sequence[DeviceFault]:
    statement = scope.select(DeviceFault).where(
        DeviceFault.ended_at.is_(None), DeviceFault.stopgap_at.is_(None),
        DeviceFault.stopgap_due_at <= now,
    )  # fmt: skip
    return (await scope.session.scalars(statement)).all()


async def _standing(scope: TenantScope) -> Sequence[Alert]:
    statement = scope.select(Alert).where(
        Alert.code == CODE, Alert.recovered.is_(False), Alert.state.not_in(ENDED)
    )
    return (await scope.session.scalars(statement)).all()
