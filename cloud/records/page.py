"""An elder at one look: record, newest values, open alerts, devices, whom to call."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import or_

from cloud.alerts.present import summaries
from cloud.alerts.service import open_alerts_of
from cloud.clock import NS_PER_S, datetime_from_ns
from cloud.database import TenantScope
from cloud.devices.models import Assignment, Device
from cloud.devices.register import with_present
from cloud.devices.register_routes import devices_out
from cloud.devices.schemas import DeviceOut
from cloud.devices.service import covers
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people import family, present
from cloud.people.routes import record_rules
from cloud.people.service import bed_of, find_elder
from cloud.places.models import Bed
from cloud.records.schemas import ElderPage, LatestValue
from cloud.series.service import Latest, SeriesStore, elder_latest
from cloud.state import AppState
from edge.signals import QUANTITIES


async def elder_page(
    who: Principal, elder_id: uuid.UUID, store: SeriesStore, state: AppState
) -> ElderPage:
    """Raises NotFoundError."""
    scope, now = who.scope, state.clock.now()
    elder = await find_elder(scope, elder_id)
    full = who.may(Permission.RECORDS_WRITE)
    record = await present.record_out(scope, elder, record_rules(state), now, full_number=full)
    contacts = await present.contacts_out(scope, elder, state.keyring)
    latest: list[Latest] = []
    if who.may(Permission.SERIES_READ):
        latest = await elder_latest(scope, store, elder_id, state.clock.now_ns() + NS_PER_S)
    alerts = []
    if who.may(Permission.ALERTS_READ):
        alerts = await summaries(scope, await open_alerts_of(scope, elder_id), now)
    agreed = (await family.purposes_in_force(scope, [elder_id], now))[elder_id]
    return ElderPage(
        record=record,
        contacts=contacts.contacts,
        latest=[_latest_out(item) for item in latest],
        open_alerts=alerts,
        devices=await devices_of_elder(scope, elder_id, now),
        consents_missing=[purpose for purpose in family.PURPOSES if purpose not in agreed],
        server_time=now,
    )


def _latest_out(item: Latest) -> LatestValue:
    known = QUANTITIES[item.quantity]
    return LatestValue(
        quantity=item.quantity, unit=known.unit, label_zh=known.name_zh, value=item.value,
        at=datetime_from_ns(item.time_ns), device_id=item.device_id, origin=item.origin.value,
    )  # fmt: skip


async def devices_of_elder(
    scope: TenantScope, elder_id: uuid.UUID, now: datetime
) -> list[DeviceOut]:
    """Their own, those of their bed, those of the room it stands in."""
    bed_id = await bed_of(scope, elder_id, now)
    ways = [Assignment.elder_id == elder_id]
    if bed_id is not None:
        room = scope.select(Bed).where(Bed.id == bed_id).with_only_columns(Bed.room_id)
        ways += [Assignment.bed_id == bed_id, Assignment.room_id.in_(room)]
    statement = (
        scope.select(Device)
        .join(
            Assignment,
            (Assignment.institution_id == Device.institution_id)
            & (Assignment.device_id == Device.device_id),
        )
        .where(*covers(now), or_(*ways))
        .order_by(Device.device_id)
    )
    devices = list(await scope.session.scalars(statement))
    return await devices_out(scope, await with_present(scope, devices, now), now)
