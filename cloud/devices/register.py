"""Devices over their life: accepted, assigned or spare, tested every week, faulty, retired."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, or_, update

from cloud.conflicts import refusals_named
from cloud.database import TenantScope
from cloud.devices.models import Assignment, Device, DeviceActivity, DeviceFault, DeviceTest
from cloud.devices.schemas import FaultIn, StopgapIn, TestIn
from cloud.devices.service import (
    Subject,
    assignment_at,
    assignments_of,
    covers,
    subject_of,
    subjects_of,
)
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.etag import require_version

# Wearables and alarm buttons are checked weekly; a life-relevant fault gets a stopgap within 2 h
# (technical standard for smart elderly-care systems, home-bed-and-smart-home.md).
TEST_EVERY: Final = timedelta(days=7)
STOPGAP_WITHIN: Final = timedelta(hours=2)
TESTED_KINDS: Final = ("button", "wearable")
# What only measures the room or now and then does not start the clock.
_NOT_VITAL: Final = frozenset({"climate", "meter", "other"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of devices."""

    query: str = ""
    kind: str | None = None
    state: str | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A device with whose it is now and when it was last heard."""

    device: Device
    assignment: Assignment | None
    subject: Subject | None
    activity: DeviceActivity | None
    fault: DeviceFault | None


async def find_device(scope: TenantScope, device_id: str) -> Device:
    """Raises NotFoundError."""
    statement = scope.select(Device).where(Device.device_id == device_id)
    device = (await scope.session.scalars(statement)).one_or_none()
    if device is None:
        raise NotFoundError("device")
    return device


async def lock_device(scope: TenantScope, device_id: str, if_match: str | None = None) -> Device:
    """The device, locked; with `if_match` in the version the caller read. Raises NotFoundError."""
    statement = (
        scope.select(Device)
        .where(Device.device_id == device_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    device = (await scope.session.scalars(statement)).one_or_none()
    if device is None:
        raise NotFoundError("device")
    if if_match is not None:
        require_version(if_match, device.version)
    return device


async def change_device(scope: TenantScope, device: Device, changes: Mapping[str, Any]) -> None:
    """Raises ConflictError where it is retired."""
    if device.condition == "retired":
        raise ConflictError("device_id", "the device is retired")
    for name, value in changes.items():
        setattr(device, name, value)
    device.version += 1
    async with refusals_named(scope):
        pass


async def list_devices(
    scope: TenantScope, wanted: Wanted, now: datetime
) -> tuple[list[Listed], str | None]:
    """By id, and where the next page begins. A query finds beginnings of ids, and serials."""
    statement = scope.select(Device)
    if wanted.query:
        statement = statement.where(
            or_(
                Device.device_id.startswith(wanted.query, autoescape=True),
                Device.serial == wanted.query,
            )
        )
    if wanted.kind is not None:
        statement = statement.where(Device.kind == wanted.kind)
    assigned_now = (
        scope.select(Assignment)
        .where(Assignment.device_id == Device.device_id, *covers(now))
        .with_only_columns(Assignment.id)
        .exists()
    )
    if wanted.state in ("faulty", "retired"):
        statement = statement.where(Device.condition == wanted.state)
    elif wanted.state == "assigned":
        statement = statement.where(Device.condition != "retired", assigned_now)
    elif wanted.state == "spare":
        # A gateway belongs to nobody, and is in use all the same.
        spare = (Device.condition == "ok", Device.kind != "gateway", ~assigned_now)
        statement = statement.where(*spare)
    if wanted.after is not None:
        statement = statement.where(Device.device_id > wanted.after)
    statement = statement.order_by(Device.device_id).limit(wanted.limit + 1)
    found = list(await scope.session.scalars(statement))
    page = found[: wanted.limit]
    after = page[-1].device_id if len(found) > len(page) else None
    return await with_present(scope, page, now), after


async def with_present(
    scope: TenantScope, devices: Sequence[Device], now: datetime
) -> list[Listed]:
    """Devices with all that is true of them now, in a few queries however many they are."""
    ids = [device.device_id for device in devices]
    intervals = await assignments_of(scope, ids)
    activity = {
        row.device_id: row
        for row in await scope.session.scalars(
            scope.select(DeviceActivity).where(DeviceActivity.device_id.in_(ids))
        )
    }
    faults = {
        row.device_id: row
        for row in await scope.session.scalars(
            scope.select(DeviceFault).where(
                DeviceFault.device_id.in_(ids), DeviceFault.ended_at.is_(None)
            )
        )
    }
    current = {held: assignment_at(rows, now) for held, rows in intervals.items()}
    subjects = await subjects_of(scope, [row for row in current.values() if row is not None], now)
    listed = []
    for device in devices:
        held = device.device_id
        row = current.get(held)
        subject = None if row is None else subjects[row.id]
        listed.append(Listed(device, row, subject, activity.get(held), faults.get(held)))
    return listed


async def record_test(
    scope: TenantScope, device: Device, wanted: TestIn, *, tester_id: uuid.UUID | None, tester: str,
    now: datetime,
) -> DeviceTest:  # fmt: skip
    """A line of the register; a failed test makes the device faulty. Raises ConflictError."""
    if device.condition == "retired":
        raise ConflictError("device_id", "the device is retired")
    test = DeviceTest(
        id=uuid.uuid4(), institution_id=scope.institution_id, device_id=device.device_id,
        tested_at=now, passed=wanted.passed, tester_id=tester_id, tester=tester, note=wanted.note,
    )  # fmt: skip
    scope.session.add(test)
    device.tested_at = now
    device.version += 1
    await scope.session.flush()
    if not wanted.passed and device.condition == "ok":
        description = wanted.note or "周检未通过 / failed its weekly test"
        await report_fault(scope, device, FaultIn(description=description), tester, now)
    return test


async def register_of(scope: TenantScope, device_id: str, limit: int = 50) -> list[DeviceTest]:
    """The register of one device, newest first."""
    rows = await scope.session.scalars(
        scope.select(DeviceTest)
        .where(DeviceTest.device_id == device_id)
        .order_by(DeviceTest.tested_at.desc(), DeviceTest.id)
        .limit(limit)
    )
    return list(rows)


async def due_for_test(scope: TenantScope, now: datetime, limit: int) -> list[Device]:
    """Buttons and wearables in use whose week is over; the longest overdue first."""
    in_use = (
        scope.select(Assignment)
        .where(Assignment.device_id == Device.device_id, *covers(now))
        .with_only_columns(Assignment.id)
        .exists()
    )
    last = func.coalesce(Device.tested_at, Device.created_at - TEST_EVERY)
    statement = (
        scope.select(Device)
        .where(
            Device.kind.in_(TESTED_KINDS), Device.condition == "ok", in_use,
            last <= now - TEST_EVERY,
        )
        .order_by(last, Device.device_id)
        .limit(limit)
    )  # fmt: skip
    return list(await scope.session.scalars(statement))


def next_test_at(device: Device) -> datetime:
    """A week after the last test; never tested: since it came."""
    return device.created_at if device.tested_at is None else device.tested_at + TEST_EVERY


async def report_fault(
    scope: TenantScope, device: Device, wanted: FaultIn, by: str, now: datetime
) -> DeviceFault:
    """It does not work. If a life hangs on it, a stopgap is due in 2 h. Raises ConflictError."""
    if device.condition != "ok":
        raise ConflictError("device_id", f"the device is {device.condition} already")
    at = assignment_at((await assignments_of(scope, [device.device_id]))[device.device_id], now)
    subject = Subject(None, None, None) if at is None else await subject_of(scope, at, now)
    vital = at is not None and device.kind not in _NOT_VITAL
    fault = DeviceFault(
        id=uuid.uuid4(), institution_id=scope.institution_id, device_id=device.device_id,
        reported_at=now, reported_by=by, description=wanted.description,
        elder_id=subject.elder_id, bed_id=subject.bed_id, room_id=subject.room_id,
        stopgap_due_at=now + STOPGAP_WITHIN if vital else None,
    )  # fmt: skip
    device.condition = "faulty"
    device.version += 1
    async with refusals_named(scope):
        scope.session.add(fault)
    return fault


async def open_faults(scope: TenantScope) -> list[DeviceFault]:
    """Stopgap tasks first, the most urgent on top; then faults that only wait for repair."""
    waiting = (DeviceFault.stopgap_due_at.is_not(None) & DeviceFault.stopgap_at.is_(None)).desc()
    statement = (
        scope.select(DeviceFault)
        .where(DeviceFault.ended_at.is_(None))
        .order_by(waiting, DeviceFault.stopgap_due_at, DeviceFault.reported_at)
    )
    return list(await scope.session.scalars(statement))


async def lock_fault(scope: TenantScope, fault_id: uuid.UUID) -> DeviceFault:
    """A fault that is not over. Raises NotFoundError, ConflictError."""
    statement = (
        scope.select(DeviceFault)
        .where(DeviceFault.id == fault_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    fault = (await scope.session.scalars(statement)).one_or_none()
    if fault is None:
        raise NotFoundError("fault")
    if fault.ended_at is not None:
        raise ConflictError("fault_id", "the fault is over already")
    return fault


async def set_stopgap(
    scope: TenantScope, fault: DeviceFault, wanted: StopgapIn, by: str, now: datetime
) -> None:
    """What stands in: another device, or staff on the spot. Raises BadFieldError."""
    if wanted.way == "substitute":
        if wanted.substitute_device_id in (None, fault.device_id):
            raise BadFieldError("substitute_device_id", "name the device that stands in")
    elif wanted.substitute_device_id is not None:
        raise BadFieldError("substitute_device_id", "only for way: substitute")
    fault.stopgap_at, fault.stopgap_by, fault.stopgap_way = now, by, wanted.way
    fault.stopgap_note = wanted.note
    fault.version += 1
    async with refusals_named(scope):
        fault.substitute_device_id = wanted.substitute_device_id


async def end_fault(
    scope: TenantScope, fault: DeviceFault, outcome: str, *, by: str, now: datetime
) -> Device:
    """Repaired or given up."""
    device = await lock_device(scope, fault.device_id)
    fault.ended_at, fault.ended_by, fault.outcome = now, by, outcome
    fault.version += 1
    if outcome == "repaired":
        device.condition = "ok"
        device.version += 1
        # What was repaired is tested before it is trusted: due at once.
        device.tested_at = None
    await scope.session.flush()
    return device


async def retire_device(
    scope: TenantScope, device: Device, reason: str, *, by: str, now: datetime
) -> None:
    """Out of use for good: its assignment and its faults end now. Raises ConflictError."""
    if device.condition == "retired":
        raise ConflictError("device_id", "the device is retired already")
    intervals = (await assignments_of(scope, [device.device_id]))[device.device_id]
    for row in intervals:
        if row.valid_from > now:
            await scope.session.delete(row)
        elif row.valid_until is None or row.valid_until > now:
            if row.valid_from == now:
                await scope.session.delete(row)
            else:
                row.valid_until = now
    await scope.session.execute(
        update(DeviceFault)
        .where(
            DeviceFault.institution_id == scope.institution_id,
            DeviceFault.device_id == device.device_id,
            DeviceFault.ended_at.is_(None),
        )
        .values(ended_at=now, ended_by=by, outcome="retired")
    )
    device.condition, device.retired_at, device.retired_reason = "retired", now, reason
    device.version += 1
    await scope.session.flush()
