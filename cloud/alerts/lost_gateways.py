"""A gateway that fell silent is an alert: nobody behind it can be seen, and it cannot say so."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from functools import partial
from typing import Final

from cloud.alerts.reports import Report, follow
from cloud.coverage.models import GatewayArea
from cloud.database import TenantScope
from cloud.devices.models import Gateway
from cloud.devices.service import gateway_state

CODE: Final = "gateway_offline"


async def follow_lost_gateways(scope: TenantScope, now: datetime) -> int:
    """Raise for those that fell silent, recover for those that are back or given up; how many.

    One that was never heard is being set up: its people are blind, and shown so, without an alert.
    """
    lost = {
        str(gateway.id): gateway
        for gateway in await scope.session.scalars(scope.select(Gateway))
        if gateway.revoked_at is None and gateway_state(gateway, now) == "offline"
    }
    units = await _units(scope) if lost else {}

    async def report(key: str) -> Report:
        gateway = lost[key]
        return Report(
            CODE, key, unit_id=units.get(gateway.id), happened_at=gateway.last_heartbeat_at,
            note=gateway.name,
        )  # fmt: skip

    return await follow(scope, CODE, {key: partial(report, key) for key in lost}, now)


async def _units(scope: TenantScope) -> dict[uuid.UUID, uuid.UUID]:
    """The unit of each gateway that watches over one alone; others concern the whole house."""
    areas: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for area in await scope.session.scalars(scope.select(GatewayArea)):
        areas[area.gateway_id].append(area.unit_id)
    return {gateway_id: units[0] for gateway_id, units in areas.items() if len(units) == 1}
