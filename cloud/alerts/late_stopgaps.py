"""A device on which a life hangs is out of order, its two hours are over, and nothing stands in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from cloud.alerts.reports import Report, follow
from cloud.database import TenantScope
from cloud.devices.models import DeviceFault
from cloud.devices.service import Subject

CODE: Final = "stopgap_overdue"


async def follow_late_stopgaps(scope: TenantScope, now: datetime) -> int:
    """Raise for faults whose stopgap is late, recover where something stands in; how many."""
    late = {str(fault.id): fault for fault in await _late(scope, now)}

    async def report(key: str) -> Report:
        fault = late[key]
        return Report(
            CODE, key, subject=Subject(fault.elder_id, fault.bed_id, fault.room_id),
            device_id=fault.device_id, happened_at=fault.stopgap_due_at, note=fault.description,
        )  # fmt: skip

    return await follow(scope, CODE, {key: partial(report, key) for key in late}, now)


async def _late(scope: TenantScope, now: datetime) -> Sequence[DeviceFault]:
    statement = scope.select(DeviceFault).where(
        DeviceFault.ended_at.is_(None), DeviceFault.stopgap_at.is_(None),
        DeviceFault.stopgap_due_at <= now,
    )  # fmt: skip
    return (await scope.session.scalars(statement)).all()
