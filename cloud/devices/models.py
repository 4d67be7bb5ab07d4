"""Tables of devices: gateways, devices, and to whom a device belongs when."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class Gateway(TenantBase):
    """The machine near the sensors, as its last heartbeat told. `announced_state`: last shown."""

    __tablename__ = "gateway"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    last_heartbeat_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    software_version: Mapped[str | None]
    outbox_id: Mapped[str | None]
    urgent_pending: Mapped[int] = mapped_column(server_default="0", default=0)
    bulk_pending: Mapped[int] = mapped_column(server_default="0", default=0)
    oldest_pending_at: Mapped[datetime | None]
    rejected_total: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    sources: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    clock_offset_s: Mapped[float | None]
    announced_state: Mapped[str] = mapped_column(server_default="never", default="never")
    enrolled_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    settings_version: Mapped[int] = mapped_column(BigInteger, server_default="1", default=1)
    # What it says of itself in its heartbeat.
    settings_applied: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    settings_error: Mapped[str | None]
    outbox_bytes: Mapped[int | None] = mapped_column(BigInteger)
    disk_free_bytes: Mapped[int | None] = mapped_column(BigInteger)
    mains: Mapped[bool | None]
    battery_percent: Mapped[float | None]
    local_alarm: Mapped[str] = mapped_column(server_default="off", default="off")
    devices_heard: Mapped[int | None]
    source_details: Mapped[dict[str, Any]] = mapped_column(server_default="{}", default=dict)
    rotation_wanted_at: Mapped[datetime | None]


class GatewayToken(TenantBase):
    """What a gateway shows to be let in; only a hash is kept. `revoked_at` may lie ahead: while
    two tokens overlap, both are valid. `first_used_at` begins that overlap.
    """

    __tablename__ = "gateway_token"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID]
    token_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    first_used_at: Mapped[datetime | None]


class GatewayCode(TenantBase):
    """A one-time code that lets a new machine become this gateway; only a hash is kept."""

    __tablename__ = "gateway_code"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID]
    code_hash: Mapped[bytes]
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class GatewayGap(TenantBase):
    """Signals that a gateway missed over [from_at, until_at), or may have missed.

    `device_ids` empty: of all its devices, or all of the source's. Told by the gateway itself, so
    that a hole in a line is never taken for a quiet night.
    """

    __tablename__ = "gateway_gap"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gap_id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str]
    source: Mapped[str | None]
    device_ids: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    records: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime]


class Device(TenantBase):
    """A sensor with a stable id, unique within the institution."""

    __tablename__ = "device"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str]
    position: Mapped[str | None]
    created_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(default="other")
    label: Mapped[str] = mapped_column(default="")
    serial: Mapped[str] = mapped_column(default="")
    condition: Mapped[str] = mapped_column(default="ok")
    accepted_by: Mapped[str | None]
    warranty_until: Mapped[date | None] = mapped_column(Date)
    retired_at: Mapped[datetime | None]
    retired_reason: Mapped[str] = mapped_column(default="")
    tested_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    role: Mapped[str | None]
    link_sealed: Mapped[bytes | None]


class DeviceTest(TenantBase):
    """A line of the test register: buttons and wearables, weekly."""

    __tablename__ = "device_test"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str]
    tested_at: Mapped[datetime]
    passed: Mapped[bool]
    tester_id: Mapped[uuid.UUID | None]
    tester: Mapped[str]
    note: Mapped[str] = mapped_column(default="")


class DeviceFault(TenantBase):
    """A device that does not work, and what stands in for it meanwhile."""

    __tablename__ = "device_fault"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str]
    reported_at: Mapped[datetime]
    reported_by: Mapped[str]
    description: Mapped[str]
    elder_id: Mapped[uuid.UUID | None]
    bed_id: Mapped[uuid.UUID | None]
    room_id: Mapped[uuid.UUID | None]
    stopgap_due_at: Mapped[datetime | None]
    stopgap_at: Mapped[datetime | None]
    stopgap_by: Mapped[str | None]
    stopgap_way: Mapped[str | None]
    stopgap_note: Mapped[str] = mapped_column(default="")
    substitute_device_id: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    outcome: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)


class FoundDevice(TenantBase):
    """A device that a gateway hears and nobody has accepted, as last reported."""

    __tablename__ = "found_device"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    transport: Mapped[str]
    format: Mapped[str]
    name: Mapped[str]
    vendor: Mapped[str]
    model: Mapped[str]
    description: Mapped[str]
    suggested_role: Mapped[str | None]
    quantities: Mapped[dict[str, Any]]
    link: Mapped[dict[str, Any]]
    problem: Mapped[str | None]
    rssi_dbm: Mapped[int | None]
    link_quality: Mapped[int | None]
    messages: Mapped[int] = mapped_column(BigInteger)
    first_heard_at: Mapped[datetime]
    last_heard_at: Mapped[datetime]
    reported_at: Mapped[datetime]


class FoundIgnored(TenantBase):
    """A found device that somebody does not want to see: the neighbours', say."""

    __tablename__ = "found_ignored"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    ignored_at: Mapped[datetime]
    ignored_by: Mapped[str]


class Assignment(TenantBase):
    """A device to one elder, bed or room over [valid_from, valid_until), never two at a time."""

    __tablename__ = "assignment"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str]
    elder_id: Mapped[uuid.UUID | None]
    bed_id: Mapped[uuid.UUID | None]
    room_id: Mapped[uuid.UUID | None]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]


class DeviceActivity(TenantBase):
    """The newest data of a device, by its own time and by ours."""

    __tablename__ = "device_activity"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    last_data_at: Mapped[datetime]
    last_received_at: Mapped[datetime]


class RegistryState(TenantBase):
    """The version of what gateways are told; triggers raise it (migration 0002)."""

    __tablename__ = "registry_state"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    intervals_seen_until: Mapped[datetime]
    simulation_key_sealed: Mapped[bytes | None]
