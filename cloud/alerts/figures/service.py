"""The figures of an interval, from what the database holds (cloud/alerts/figures/compute.py)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import func

from cloud.alerts.figures.compute import STALE_AFTER, Around, Figures, compute, duty_hours
from cloud.alerts.findings import Verdict
from cloud.alerts.ledger import first_hops
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert
from cloud.database import TenantScope
from cloud.devices.models import Device
from cloud.identity.shifts import duties_between
from cloud.people.service import stays_at
from cloud.places.models import Bed, Room


async def figures_of(
    scope: TenantScope,
    begin: datetime,
    end: datetime,
    now: datetime,
    unit_id: uuid.UUID | None = None,
) -> Figures:
    """The figures of [begin, end), of one unit or the house."""
    live = scope.select(Alert).where(Alert.origin == "live")
    if unit_id is not None:
        live = live.where(Alert.unit_id == unit_id)
    statement = live.where(Alert.raised_at >= begin, Alert.raised_at < end)
    alerts = [
        alert
        for alert in await scope.session.scalars(statement.order_by(Alert.raised_at))
        if alert.verdict != Verdict.TEST
    ]
    open_now = list(await scope.session.scalars(live.where(Alert.state.not_in(ENDED))))
    duties = await duties_between(scope, begin, end)
    if unit_id is not None:
        duties = [duty for duty in duties if duty.unit_id in (None, unit_id)]
    around = Around(
        hours=duty_hours(duties, begin, end),
        beds=await _beds(scope, min(now, end), unit_id),
        devices=await _devices(scope),
        at_home=await _at_home(scope, alerts),
        shelved_now=sum(alert.shelved_until is not None for alert in open_now),
        stale=sum(now - alert.raised_at > STALE_AFTER for alert in open_now),
        hops=await first_hops(scope, [alert.id for alert in alerts]),
    )
    return compute(alerts, around, begin, end, now=now)


async def _beds(scope: TenantScope, at: datetime, unit_id: uuid.UUID | None) -> int:
    """Beds that somebody is in."""
    stays = await stays_at(scope, at)
    if unit_id is None:
        return len(stays)
    statement = (
        scope.select(Bed)
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .where(Room.unit_id == unit_id)
        .with_only_columns(Bed.id)
    )
    of_unit = set(await scope.session.scalars(statement))
    return sum(stay.bed_id in of_unit for stay in stays)


async def _devices(scope: TenantScope) -> int:
    statement = scope.select(Device).with_only_columns(func.count())
    return int((await scope.session.execute(statement)).scalar_one())


async def _at_home(scope: TenantScope, alerts: list[Alert]) -> frozenset[uuid.UUID]:
    """Those in people's own homes."""
    rooms = scope.select(Room).where(Room.home_id.is_not(None)).with_only_columns(Room.id)
    homes = set(await scope.session.scalars(rooms))
    statement = scope.select(Bed).where(Bed.room_id.in_(homes)).with_only_columns(Bed.id)
    beds = set(await scope.session.scalars(statement))
    return frozenset(a.id for a in alerts if a.bed_id in beds or a.room_id in homes)
