"""Giving devices to people and places, taking them back, and putting the past right."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from cloud.conflicts import refusals_named
from cloud.database import TenantScope
from cloud.devices.models import Assignment, Device
from cloud.devices.schemas import AssignmentCorrectionIn, AssignmentIn
from cloud.devices.service import Subject, covers
from cloud.errors import BadFieldError, ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class AssignmentChange:
    """What a change touched: this device, from `since` on."""

    device_id: str
    since: datetime
    elder_id: uuid.UUID | None


async def give(
    scope: TenantScope, device: Device, wanted: AssignmentIn, now: datetime
) -> tuple[Assignment, AssignmentChange]:
    """From `at` on. Raises BadFieldError, ConflictError."""
    if device.condition == "retired":
        raise ConflictError("device_id", "the device is retired")
    if device.condition == "faulty":
        raise ConflictError("device_id", "the device is faulty")
    if wanted.at > now:
        raise BadFieldError("at", "must not be in the future")
    subject = wanted_subject(wanted.elder_id, wanted.bed_id, wanted.room_id)
    before = await _held_at(scope, device.device_id, wanted.at)
    if before is not None:
        if not wanted.take_over:
            raise ConflictError("at", "the device is assigned then; take_over ends that")
        if before.valid_from == wanted.at:
            raise ConflictError("at", "an assignment begins at this moment; correct that one")
        before.valid_until = wanted.at
        await scope.session.flush()
    assignment = Assignment(
        id=uuid.uuid4(), institution_id=scope.institution_id, device_id=device.device_id,
        elder_id=subject.elder_id, bed_id=subject.bed_id, room_id=subject.room_id,
        valid_from=wanted.at,
    )  # fmt: skip
    async with refusals_named(scope):
        scope.session.add(assignment)
    return assignment, AssignmentChange(device.device_id, wanted.at, subject.elder_id)


async def take_back(
    scope: TenantScope, device: Device, at: datetime, now: datetime
) -> tuple[Assignment, AssignmentChange]:
    """From `at` on it is spare. Raises BadFieldError, ConflictError."""
    if at > now:
        raise BadFieldError("at", "must not be in the future")
    held = await _held_at(scope, device.device_id, at)
    if held is None or held.valid_from == at:
        raise ConflictError("at", "the device is not assigned at this time")
    held.valid_until = at
    await scope.session.flush()
    return held, AssignmentChange(device.device_id, at, held.elder_id)


async def correct(
    scope: TenantScope, assignment_id: uuid.UUID, wanted: AssignmentCorrectionIn, now: datetime
) -> tuple[Assignment, AssignmentChange]:
    """As it really was. Raises NotFoundError, BadFieldError, ConflictError."""
    row = await find_assignment(scope, assignment_id)
    if wanted.valid_from > now:
        raise BadFieldError("valid_from", "must not be in the future")
    if wanted.valid_until is not None and wanted.valid_until <= wanted.valid_from:
        raise BadFieldError("valid_until", "must be later than valid_from")
    subject = wanted_subject(wanted.elder_id, wanted.bed_id, wanted.room_id)
    since = min(row.valid_from, wanted.valid_from)
    async with refusals_named(scope):
        row.elder_id, row.bed_id = subject.elder_id, subject.bed_id
        row.room_id = subject.room_id
        row.valid_from, row.valid_until = wanted.valid_from, wanted.valid_until
    return row, AssignmentChange(row.device_id, since, row.elder_id)


async def delete_assignment(scope: TenantScope, assignment_id: uuid.UUID) -> AssignmentChange:
    """It never was. Raises NotFoundError."""
    row = await find_assignment(scope, assignment_id)
    change = AssignmentChange(row.device_id, row.valid_from, row.elder_id)
    await scope.session.delete(row)
    await scope.session.flush()
    return change


async def find_assignment(scope: TenantScope, assignment_id: uuid.UUID) -> Assignment:
    """Locked until the end of the transaction. Raises NotFoundError."""
    statement = scope.select(Assignment).where(Assignment.id == assignment_id).with_for_update()
    row = (await scope.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFoundError("assignment")
    return row


async def assignment_history(scope: TenantScope, device_id: str) -> list[Assignment]:
    """Whose a device was, newest first."""
    rows = await scope.session.scalars(
        scope.select(Assignment)
        .where(Assignment.device_id == device_id)
        .order_by(Assignment.valid_from.desc())
    )
    return list(rows)


def wanted_subject(
    elder_id: uuid.UUID | None, bed_id: uuid.UUID | None, room_id: uuid.UUID | None
) -> Subject:
    """Exactly one of the three. Raises BadFieldError."""
    if sum(value is not None for value in (elder_id, bed_id, room_id)) != 1:
        raise BadFieldError("elder_id", "name one of elder_id, bed_id, room_id")
    return Subject(elder_id, bed_id, room_id)


async def _held_at(scope: TenantScope, device_id: str, at: datetime) -> Assignment | None:
    statement = (
        scope.select(Assignment)
        .where(Assignment.device_id == device_id, *covers(at))
        .with_for_update()
    )
    return (await scope.session.scalars(statement)).one_or_none()
