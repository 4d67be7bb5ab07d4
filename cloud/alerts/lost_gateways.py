"""A gateway that fell silent is an alert: nobody behind it can be seen, and it cannot say so."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from typing import Final

from cloud.alerts import store
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert
from cloud.alerts.reports import Report, raise_alert, recover_raised
from cloud.coverage.models import GatewayArea
from cloud.database import TenantScope
from cloud.devices.models import Gateway
from cloud.devices.service import gateway_state

CODE: Final = "gateway_offline"


async def follow_lost_gateways(scope: TenantScope, now: datetime) -> int:
    """Raise for those that fell silent, recover for those that are back or given up; how many.

    One that was never heard is being set up: its people are blind, and shown so, without an alert.
    """
    lost = [
        gateway
        for gateway in await scope.session.scalars(scope.select(Gateway).order_by(Gateway.id))
        if gateway.revoked_at is None and gateway_state(gateway, now) == "offline"
    ]
    if {str(gateway.id) for gateway in lost} == await _standing(scope):
        return 0
    # Several workers look at once: what stands is asked again where only one decides.
    await store.lock_decisions(scope)
    standing = await _standing(scope)
    units = await _units(scope)
    changed = 0
    for gateway in lost:
        key = str(gateway.id)
        if key in standing:
            standing.remove(key)
            continue
        report = Report(
            CODE, key, unit_id=units.get(gateway.id), happened_at=gateway.last_heartbeat_at,
            note=gateway.name,
        )  # fmt: skip
        await raise_alert(scope, report, now)
        changed += 1
    for key in standing:
        changed += await recover_raised(scope, CODE, key, now)
    return changed


async def _standing(scope: TenantScope) -> set[str]:
    held = scope.select(Alert).where(
        Alert.code == CODE, Alert.recovered.is_(False), Alert.state.not_in(ENDED)
    )
    return {str(alert.key) for alert in await scope.session.scalars(held)}


async def _units(scope: TenantScope) -> dict[uuid.UUID, uuid.UUID]:
    """The unit of each gateway that watches over one alone; others concern the whole house."""
    areas: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for area in await scope.session.scalars(scope.select(GatewayArea)):
        areas[area.gateway_id].append(area.unit_id)
    return {gateway_id: units[0] for gateway_id, units in areas.items() if len(units) == 1}
