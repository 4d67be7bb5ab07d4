"""The status of the way of the data, for the screens."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func

from cloud.database import TenantScope
from cloud.devices.service import devices_status, gateways_status
from cloud.ingest.models import Quarantine
from cloud.ingest.schemas import QuarantineCount, Status

QUARANTINE_SHOWN: Final = timedelta(hours=24)


async def status_of(
    scope: TenantScope, now: datetime, hidden: frozenset[uuid.UUID] = frozenset()
) -> Status:
    """Gateways, devices, and what could not be used lately; `hidden` elders are not named."""
    counts = await scope.session.execute(
        scope.select(Quarantine)
        .where(Quarantine.stored_at >= now - QUARANTINE_SHOWN)
        .group_by(Quarantine.reason)
        .with_only_columns(Quarantine.reason, func.count().label("rows"))
        .order_by(func.count().desc(), Quarantine.reason)
    )
    return Status(
        server_time=now,
        gateways=await gateways_status(scope, now),
        devices=await devices_status(scope, now, hidden),
        quarantine=[QuarantineCount(reason=reason, count=rows) for reason, rows in counts],
    )
