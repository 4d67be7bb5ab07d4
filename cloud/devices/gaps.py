"""What gateways missed: kept as they told it, and read by device and time."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, or_
from sqlalchemy.dialects.postgresql import insert

from cloud.clock import datetime_from_ns
from cloud.database import TenantScope
from cloud.devices.models import GatewayGap
from edge.gateway_wire import Gap


async def take_gap(
    scope: TenantScope, gateway_id: uuid.UUID, gap: Gap, received_at: datetime
) -> None:
    """Keep a gap; one that is known already changes nothing."""
    await scope.session.execute(
        insert(GatewayGap)
        .values(
            institution_id=scope.institution_id,
            gateway_id=gateway_id,
            gap_id=gap.gap_id,
            cause=gap.cause.value,
            source=gap.source,
            device_ids=list(gap.device_ids),
            from_at=datetime_from_ns(gap.from_ns),
            until_at=datetime_from_ns(gap.until_ns),
            records=gap.records,
            received_at=received_at,
        )
        .on_conflict_do_nothing()
    )


async def gaps_between(
    scope: TenantScope,
    from_at: datetime,
    until_at: datetime,
    *,
    device_ids: Iterable[str] | None = None,
    gateway_id: uuid.UUID | None = None,
    limit: int = 1_000,
) -> list[GatewayGap]:
    """Gaps that touch [from_at, until_at), newest first; of these devices, or of this gateway.

    A gap without devices is of all of them.
    """
    statement = scope.select(GatewayGap).where(
        GatewayGap.from_at < until_at, GatewayGap.until_at > from_at
    )
    if device_ids is not None:
        statement = statement.where(
            or_(
                func.cardinality(GatewayGap.device_ids) == 0,
                GatewayGap.device_ids.overlap(list(device_ids)),
            )
        )
    if gateway_id is not None:
        statement = statement.where(GatewayGap.gateway_id == gateway_id)
    ordered = statement.order_by(GatewayGap.from_at.desc(), GatewayGap.gap_id).limit(limit)
    return list((await scope.session.scalars(ordered)).all())
