"""An elder at one look: record, newest values, open alerts, devices, whom to call.

Three questions to the database in all, however much there is: who asks, the tables, the series.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import or_

from cloud.alerts.present import summaries_said
from cloud.clock import NS_PER_S, datetime_from_ns
from cloud.coverage.schemas import ElderCoverage
from cloud.coverage.service import coverage_said
from cloud.coverage.subjects import sensor_of, watched_alone
from cloud.database import TenantScope
from cloud.devices.models import Assignment, Device
from cloud.devices.register import Listed, with_present
from cloud.devices.register_routes import devices_out, devices_said, faults_said
from cloud.devices.schemas import DeviceOut
from cloud.devices.service import Subject, covers
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people import family, present
from cloud.people.record import newest_facts
from cloud.people.routes import record_rules
from cloud.people.schemas import ElderPlace
from cloud.people.service import bed_of
from cloud.places.models import Bed
from cloud.records.look import Look, look_at
from cloud.records.schemas import ElderPage, LatestValue
from cloud.series.service import Latest, SeriesStore
from cloud.state import AppState
from edge.signals import QUANTITIES


async def elder_page(
    who: Principal, elder_id: uuid.UUID, store: SeriesStore, state: AppState
) -> ElderPage:
    """Raises NotFoundError."""
    scope, now = who.scope, state.clock.now()
    until_ns = state.clock.now_ns() + NS_PER_S
    look = await look_at(scope, elder_id, now, until_ns)
    full = who.may(Permission.RECORDS_WRITE)
    latest: list[Latest] = []
    if who.may(Permission.SERIES_READ):
        latest = await store.latest(scope, look.spans)
    alerts = look.alerts if who.may(Permission.ALERTS_READ) else []
    agreed = {row.purpose for row in look.consents if family.in_force(row, now)}
    return ElderPage(
        record=present.record_said(
            look.elder, newest_facts(look.facts), _place(look), record_rules(state), now,
            full_number=full,
        ),
        contacts=present.contacts_said(look.contacts, state.keyring),
        latest=[_latest_out(item) for item in latest],
        open_alerts=summaries_said(alerts, look.elders, look.beds, look.rooms, now),
        coverage=_coverage(look, now) if who.may(Permission.COVERAGE_READ) else None,
        devices=_devices(look, now),
        consents_missing=[purpose for purpose in family.PURPOSES if purpose not in agreed],
        server_time=now,
    )  # fmt: skip


def _place(look: Look) -> ElderPlace | None:
    if look.bed_id is None:
        return None
    return present.place_said(look.bed_id, look.beds[look.bed_id])


def _coverage(look: Look, now: datetime) -> ElderCoverage:
    here = None if look.room_id is None else look.rooms[look.room_id].room
    sensors = []
    for row in look.assignments:
        device, room = look.devices[row.device_id], here or ""
        if row.room_id is not None:
            room = look.rooms[row.room_id].room
        sensor = sensor_of(device, look.placements.get(row.device_id), room)
        if sensor is not None:
            sensors.append((sensor, row.room_id is not None))
    watched = watched_alone(
        look.elder.id, sensors, look.plan, mates=look.mates, unit_id=look.unit_id,
        gateways=look.gateways,
    )  # fmt: skip
    place = None if look.bed_id is None else look.beds[look.bed_id]
    return coverage_said(look.elder, place, watched, look.state, gaps=look.gaps, now=now)


def _devices(look: Look, now: datetime) -> list[DeviceOut]:
    faults = faults_said(look.faults, look.elders, look.beds, look.rooms, now)
    by_device = {row.device_id: row for row in look.faults}
    listed = []
    for row in look.assignments:
        subject = Subject(None, None, row.room_id)
        if row.room_id is None:
            subject = Subject(look.elder.id, look.bed_id, None)
        held = row.device_id
        listed.append(
            Listed(
                look.devices[held], row, subject, look.activity.get(held), by_device.get(held)
            )
        )  # fmt: skip
    return devices_said(listed, faults, look.elders, look.beds, look.rooms, now=now)


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
