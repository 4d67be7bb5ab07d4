"""Rules of devices: whose it is when, and how gateways and devices are."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import numpy as np
from sqlalchemy import ColumnElement, or_

from cloud.arrays import Int8Array
from cloud.clock import NS_PER_US
from cloud.database import TenantScope
from cloud.devices.models import Assignment, Device, DeviceActivity, Gateway, GatewayToken
from cloud.devices.schemas import DevicesStatus, DeviceStatus, GatewayState, GatewayStatus
from cloud.identity.secrets import new_gateway_token, token_hash
from cloud.people.service import bed_of, elder_in, elders_by_id, stays_at, stays_of_any
from cloud.places.service import bed_names, room_names
from edge.gateway_wire import gateway_device_id
from edge.signals import Position
from edge.wire import HEARTBEAT_INTERVAL_S

# Three missed beats (alarms.md: 90 s); a device that streams gets the same.
OFFLINE_AFTER: Final = timedelta(seconds=3 * HEARTBEAT_INTERVAL_S)
SILENT_AFTER: Final = OFFLINE_AFTER
# What a gateway is among the devices: it belongs to nobody.
GATEWAY_MODEL: Final = "yuyue-gateway"
# Whole arrays: one statement text however many devices, prepared once.
_NOTE_ACTIVITY: Final = """
    INSERT INTO device_activity AS held
        (institution_id, device_id, last_data_at, last_received_at)
    SELECT %(institution)s, device_id, 'epoch'::timestamptz + at_us * interval '1 us', %(now)s
    FROM unnest(%(device_ids)b::text[], %(times_us)b) AS new (device_id, at_us)
    ON CONFLICT (institution_id, device_id) DO UPDATE SET
        last_data_at = greatest(held.last_data_at, excluded.last_data_at),
        last_received_at = excluded.last_received_at
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data it is: an elder and their bed, as far as they are known; or a room."""

    elder_id: uuid.UUID | None
    bed_id: uuid.UUID | None
    room_id: uuid.UUID | None


async def add_gateway(scope: TenantScope, name: str, now: datetime) -> Gateway:
    """A new gateway; it needs a token to speak."""
    gateway = Gateway(
        id=uuid.uuid4(), institution_id=scope.institution_id, name=name, created_at=now
    )
    scope.session.add(gateway)
    await scope.session.flush()
    # Its machine's mains and battery are signals too.
    machine_id = gateway_device_id(str(gateway.id))
    await add_device(scope, machine_id, GATEWAY_MODEL, None, now, kind="gateway", label=name)
    return gateway


async def find_gateway(scope: TenantScope, name: str) -> Gateway | None:
    """A gateway by name."""
    return (await scope.session.scalars(scope.select(Gateway).where(Gateway.name == name))).first()


async def issue_gateway_token(scope: TenantScope, gateway: Gateway, now: datetime) -> str:
    """A new token, shown once; older ones of this gateway end."""
    old = scope.select(GatewayToken).where(
        GatewayToken.gateway_id == gateway.id, GatewayToken.revoked_at.is_(None)
    )
    for token in await scope.session.scalars(old):
        token.revoked_at = now
    secret = new_gateway_token()
    scope.session.add(
        GatewayToken(
            id=uuid.uuid4(),
            institution_id=scope.institution_id,
            gateway_id=gateway.id,
            token_hash=token_hash(secret),
            created_at=now,
            first_used_at=now,
        )
    )
    await scope.session.flush()
    return secret


async def add_device(
    scope: TenantScope, device_id: str, model: str, position: Position | None, now: datetime,
    **more: Any,
) -> Device:  # fmt: skip
    """A new device; `more`: kind, label, serial and the like. What is worn is a wearable."""
    more.setdefault("kind", "other" if position is None else "wearable")
    device = Device(
        institution_id=scope.institution_id,
        device_id=device_id,
        model=model,
        position=None if position is None else position.value,
        created_at=now,
        **more,
    )
    scope.session.add(device)
    await scope.session.flush()
    return device


async def assign(
    scope: TenantScope,
    device_id: str,
    subject: Subject,
    valid_from: datetime,
    valid_until: datetime | None = None,
) -> Assignment:
    """Give a device to an elder, a bed or a room. IntegrityError where it is given then already."""
    assignment = Assignment(
        id=uuid.uuid4(),
        institution_id=scope.institution_id,
        device_id=device_id,
        elder_id=subject.elder_id,
        bed_id=subject.bed_id,
        room_id=subject.room_id,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    scope.session.add(assignment)
    await scope.session.flush()
    return assignment


def covers(at: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Assignments at a time; half-open: the moment it ends it is over."""
    return (
        Assignment.valid_from <= at,
        or_(Assignment.valid_until.is_(None), Assignment.valid_until > at),
    )


async def assignments_of(
    scope: TenantScope, device_ids: Iterable[str]
) -> dict[str, list[Assignment]]:
    """All intervals of the devices that this institution has; unknown devices are left out."""
    wanted = list(device_ids)
    known = await scope.session.scalars(
        scope.select(Device).where(Device.device_id.in_(wanted)).with_only_columns(Device.device_id)
    )
    intervals: dict[str, list[Assignment]] = {device_id: [] for device_id in known}
    for row in await scope.session.scalars(
        scope.select(Assignment).where(Assignment.device_id.in_(wanted))
    ):
        intervals[row.device_id].append(row)
    return intervals


def assignment_at(intervals: Iterable[Assignment], at: datetime) -> Assignment | None:
    """The interval that holds `at`, of one device's intervals."""
    for row in intervals:
        if row.valid_from <= at and (row.valid_until is None or at < row.valid_until):
            return row
    return None


async def subject_of(scope: TenantScope, assignment: Assignment, at: datetime) -> Subject:
    """Elder and place behind an assignment at a time."""
    if assignment.elder_id is not None:
        bed_id = await bed_of(scope, assignment.elder_id, at)
        return Subject(assignment.elder_id, bed_id, None)
    if assignment.bed_id is not None:
        elder_id = await elder_in(scope, assignment.bed_id, at)
        return Subject(elder_id, assignment.bed_id, None)
    return Subject(None, None, assignment.room_id)


async def subjects_of(
    scope: TenantScope, assignments: Sequence[Assignment], at: datetime
) -> dict[uuid.UUID, Subject]:
    """Elder and place behind many assignments at one time, by assignment."""
    stays = await stays_of_any(
        scope, {row.elder_id for row in assignments if row.elder_id},
        {row.bed_id for row in assignments if row.bed_id}, at,
    )  # fmt: skip
    bed_by_elder = {stay.elder_id: stay.bed_id for stay in stays}
    elder_by_bed = {stay.bed_id: stay.elder_id for stay in stays}
    return {
        row.id: Subject(
            row.elder_id or (elder_by_bed.get(row.bed_id) if row.bed_id else None),
            row.bed_id or (bed_by_elder.get(row.elder_id) if row.elder_id else None),
            row.room_id,
        )
        for row in assignments
    }


async def note_activity(scope: TenantScope, newest_ns: Mapping[str, int], now: datetime) -> None:
    """Remember the newest data of each device. Sorted: two batches cannot lock each other."""
    if not newest_ns:
        return
    newest = sorted(newest_ns.items())
    times = np.array([time_ns for _, time_ns in newest], np.int64)
    async with scope.driver_cursor() as cursor:
        await cursor.execute(
            _NOTE_ACTIVITY,
            {
                "institution": scope.institution_id,
                "device_ids": [device_id for device_id, _ in newest],
                "times_us": Int8Array(times // NS_PER_US),
                "now": now,
            },
        )


def gateway_state(gateway: Gateway, now: datetime) -> GatewayState:
    """Online, offline or never heard."""
    if gateway.last_heartbeat_at is None:
        return "never"
    return "online" if now - gateway.last_heartbeat_at < OFFLINE_AFTER else "offline"


async def gateways_status(scope: TenantScope, now: datetime) -> list[GatewayStatus]:
    """All gateways of the institution."""
    rows = await scope.session.scalars(scope.select(Gateway).order_by(Gateway.name))
    return [
        GatewayStatus(
            id=row.id,
            name=row.name,
            state=gateway_state(row, now),
            last_heartbeat_at=row.last_heartbeat_at,
            urgent_pending=row.urgent_pending,
            bulk_pending=row.bulk_pending,
            oldest_pending_at=row.oldest_pending_at,
            rejected_total=row.rejected_total,
            software_version=row.software_version,
            clock_offset_s=row.clock_offset_s,
            sources=cast(dict[str, bool], row.sources),
            source_details=cast(dict[str, dict[str, float]], row.source_details),
        )
        for row in rows
    ]


async def devices_status(
    scope: TenantScope, now: datetime, hidden: frozenset[uuid.UUID] = frozenset()
) -> DevicesStatus:
    """The devices assigned now, and which are silent; `hidden` elders are not named."""
    assigned = await described_devices(scope, now)
    activity = {
        row.device_id: row for row in await scope.session.scalars(scope.select(DeviceActivity))
    }
    devices = []
    for item in assigned:
        row = activity.get(item.device.device_id)
        devices.append(
            DeviceStatus(
                device_id=item.device.device_id,
                silent=row is None or now - row.last_received_at >= SILENT_AFTER,
                last_data_at=None if row is None else row.last_data_at,
                elder_name=None if item.elder_id in hidden else item.elder_name,
                place=item.place,
            )
        )
    silent = sum(device.silent for device in devices)
    return DevicesStatus(assigned=len(devices), silent=silent, devices=devices)


@dataclass(frozen=True, slots=True)
class DescribedDevice:
    """A device as assigned now, in words."""

    device: Device
    elder_id: uuid.UUID | None
    elder_name: str | None
    place: str | None
    assigned_from: datetime
    room_id: uuid.UUID | None = None


async def described_devices(scope: TenantScope, now: datetime) -> list[DescribedDevice]:
    """All devices assigned now, by id."""
    statement = (
        scope.select(Assignment)
        .join(
            Device,
            (Device.institution_id == Assignment.institution_id)
            & (Device.device_id == Assignment.device_id),
        )
        .where(*covers(now))
        .order_by(Assignment.device_id)
        .add_columns(Device)
    )
    rows = (await scope.session.execute(statement)).all()
    stays = await stays_at(scope, now)
    bed_by_elder = {stay.elder_id: stay.bed_id for stay in stays}
    elder_by_bed = {stay.bed_id: stay.elder_id for stay in stays}
    subjects = []
    for assignment, _ in rows:
        elder_id = assignment.elder_id or elder_by_bed.get(assignment.bed_id)
        bed_id = assignment.bed_id or bed_by_elder.get(assignment.elder_id)
        subjects.append(Subject(elder_id, bed_id, assignment.room_id))
    elders = await elders_by_id(scope, {s.elder_id for s in subjects if s.elder_id})
    beds = await bed_names(scope, {s.bed_id for s in subjects if s.bed_id})
    rooms = await room_names(scope, {s.room_id for s in subjects if s.room_id})
    described = []
    for (assignment, device), subject in zip(rows, subjects, strict=True):
        place = beds.get(subject.bed_id) if subject.bed_id else None
        if place is None and subject.room_id:
            place = rooms.get(subject.room_id)
        elder = elders.get(subject.elder_id) if subject.elder_id else None
        described.append(
            DescribedDevice(
                device,
                subject.elder_id,
                None if elder is None else elder.name,
                None if place is None else place.label,
                assignment.valid_from,
                subject.room_id,
            )
        )
    return described
