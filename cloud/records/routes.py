"""HTTP for stays and assignments, now and in the past; and an elder at one look."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from cloud.database import TenantScope
from cloud.devices import assignments, register
from cloud.devices.models import Assignment
from cloud.devices.register_routes import DeviceManager, DeviceReader, register_line
from cloud.devices.schemas import (
    AssignmentCorrectionIn,
    AssignmentIn,
    AssignmentOut,
    DeviceHistoryOut,
    TakeBackIn,
)
from cloud.errors import Problem
from cloud.etag import show_version
from cloud.people import stays
from cloud.people.models import Stay
from cloud.people.present import stay_out
from cloud.people.routes import RecordReader, RecordWriter
from cloud.people.schemas import LeaveIn, MoveInIn, StayCorrectionIn, StaysOut
from cloud.people.service import elders_by_id, find_elder
from cloud.places.service import bed_names, room_names
from cloud.records import corrections, page
from cloud.records.schemas import AssignmentChangeOut, ElderDevices, ElderPage, StayChangeOut
from cloud.state import ChangeHeader, State

Reason = Annotated[str, Query(min_length=1, max_length=100)]
_MOVED: Final = "stay changed"
_GIVEN: Final = "assignment changed"

router = APIRouter(
    prefix="/api/v1",
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 412, 422, 428)},
)


@router.get("/elders/{elder_id}/page", tags=["elders"])
async def get_elder_page(
    elder_id: UUID, request: Request, who: RecordReader, state: State, response: Response
) -> ElderPage:
    """The record, the newest values, open alerts, devices and who to call, in one answer."""
    found = await page.elder_page(who, elder_id, request.app.state.series, state)
    show_version(response, found.record.version)
    return found


@router.get("/elders/{elder_id}/devices", tags=["elders"])
async def get_elder_devices(elder_id: UUID, who: RecordReader, state: State) -> ElderDevices:
    """The devices of an elder now: their own, those of their bed and of their room."""
    elder = await find_elder(who.scope, elder_id)
    return ElderDevices(devices=await page.devices_of_elder(who.scope, elder.id, state.clock.now()))


@router.get("/elders/{elder_id}/stays", tags=["elders"])
async def get_elder_stays(elder_id: UUID, who: RecordReader) -> StaysOut:
    """Where an elder has stayed, newest first."""
    elder = await find_elder(who.scope, elder_id)
    history = await stays.stay_history(who.scope, elder.id)
    return StaysOut(stays=[stay_out(stay, place) for stay, place in history])


@router.post("/elders/{elder_id}/stays", tags=["elders"], dependencies=[ChangeHeader])
async def move_elder_in(
    elder_id: UUID, body: MoveInIn, who: RecordWriter, state: State
) -> StayChangeOut:
    """Admit an elder to a bed, or move them to another one, from `at` on."""
    now = state.clock.now()
    stay, change = await stays.move_in(who.scope, elder_id, body, now)
    why = body.note or _MOVED
    moved = await corrections.follow_stay(who, stay.id, change, why, now)
    return await _stay_changed(who.scope, stay, moved)


@router.post("/elders/{elder_id}/leave", tags=["elders"], dependencies=[ChangeHeader])
async def let_elder_leave(
    elder_id: UUID, body: LeaveIn, who: RecordWriter, state: State
) -> StayChangeOut:
    """The stay ends."""
    now = state.clock.now()
    elder = await find_elder(who.scope, elder_id)
    stay, change = await stays.leave(who.scope, elder.id, body, now)
    why = body.note or body.reason
    moved = await corrections.follow_stay(who, stay.id, change, why, now)
    return await _stay_changed(who.scope, stay, moved)


@router.put("/stays/{stay_id}", tags=["elders"], dependencies=[ChangeHeader])
async def correct_stay(
    stay_id: UUID, body: StayCorrectionIn, who: RecordWriter, state: State
) -> StayChangeOut:
    """The past as it was: bed and interval. Charts, statistics and alerts follow."""
    now = state.clock.now()
    stay, change = await stays.correct_stay(who.scope, stay_id, body, now)
    why = body.reason
    moved = await corrections.follow_stay(who, stay.id, change, why, now)
    return await _stay_changed(who.scope, stay, moved)


@router.delete("/stays/{stay_id}", tags=["elders"], dependencies=[ChangeHeader])
async def delete_stay(
    stay_id: UUID, who: RecordWriter, state: State, reason: Reason
) -> StayChangeOut:
    """A stay that never was."""
    now = state.clock.now()
    change = await stays.delete_stay(who.scope, stay_id)
    why = reason
    moved = await corrections.follow_stay(who, stay_id, change, why, now)
    return StayChangeOut(stay=None, alerts_moved=moved)


@router.get("/devices/{device_id}/history", tags=["devices"])
async def get_device_history(device_id: str, who: DeviceReader) -> DeviceHistoryOut:
    """Whose a device was, and its tests, newest first."""
    device = await register.find_device(who.scope, device_id)
    rows = await assignments.assignment_history(who.scope, device.device_id)
    tests = await register.register_of(who.scope, device.device_id)
    return DeviceHistoryOut(
        assignments=await _assignments_out(who.scope, rows),
        tests=[register_line(test) for test in tests],
    )


@router.post("/devices/{device_id}/assignments", tags=["devices"], dependencies=[ChangeHeader])
async def assign_device(
    device_id: str, body: AssignmentIn, who: DeviceManager, state: State
) -> AssignmentChangeOut:
    """Give a device to an elder, a bed or a room, from `at` on."""
    now = state.clock.now()
    device = await register.lock_device(who.scope, device_id)
    row, change = await assignments.give(who.scope, device, body, now)
    why = _GIVEN
    moved = await corrections.follow_assignment(who, row.id, change, why, now)
    return await _assignment_changed(who.scope, row, moved)


@router.post("/devices/{device_id}/take-back", tags=["devices"], dependencies=[ChangeHeader])
async def take_device_back(
    device_id: str, body: TakeBackIn, who: DeviceManager, state: State
) -> AssignmentChangeOut:
    """From `at` on the device is spare."""
    now = state.clock.now()
    device = await register.lock_device(who.scope, device_id)
    row, change = await assignments.take_back(who.scope, device, body.at, now)
    why = _GIVEN
    moved = await corrections.follow_assignment(who, row.id, change, why, now)
    return await _assignment_changed(who.scope, row, moved)


@router.put("/assignments/{assignment_id}", tags=["devices"], dependencies=[ChangeHeader])
async def correct_assignment(
    assignment_id: UUID, body: AssignmentCorrectionIn, who: DeviceManager, state: State
) -> AssignmentChangeOut:
    """The past as it was: whose, and when. Charts, statistics and alerts follow."""
    now = state.clock.now()
    row, change = await assignments.correct(who.scope, assignment_id, body, now)
    why = body.reason
    moved = await corrections.follow_assignment(who, row.id, change, why, now)
    return await _assignment_changed(who.scope, row, moved)


@router.delete("/assignments/{assignment_id}", tags=["devices"], dependencies=[ChangeHeader])
async def delete_assignment(
    assignment_id: UUID, who: DeviceManager, state: State, reason: Reason
) -> AssignmentChangeOut:
    """An assignment that never was."""
    now = state.clock.now()
    change = await assignments.delete_assignment(who.scope, assignment_id)
    why = reason
    moved = await corrections.follow_assignment(who, assignment_id, change, why, now)
    return AssignmentChangeOut(assignment=None, alerts_moved=moved)


async def _stay_changed(scope: TenantScope, stay: Stay, moved: int) -> StayChangeOut:
    names = await bed_names(scope, [stay.bed_id])
    return StayChangeOut(stay=stay_out(stay, names[stay.bed_id].label), alerts_moved=moved)


async def _assignment_changed(
    scope: TenantScope, row: Assignment, moved: int
) -> AssignmentChangeOut:
    (out,) = await _assignments_out(scope, [row])
    return AssignmentChangeOut(assignment=out, alerts_moved=moved)


async def _assignments_out(scope: TenantScope, rows: list[Assignment]) -> list[AssignmentOut]:
    elders = await elders_by_id(scope, {row.elder_id for row in rows if row.elder_id})
    beds = await bed_names(scope, {row.bed_id for row in rows if row.bed_id})
    rooms = await room_names(scope, {row.room_id for row in rows if row.room_id})
    out = []
    for row in rows:
        elder = elders.get(row.elder_id) if row.elder_id else None
        place = beds.get(row.bed_id) if row.bed_id else None
        if place is None and row.room_id:
            place = rooms.get(row.room_id)
        out.append(
            AssignmentOut(
                id=row.id, device_id=row.device_id, elder_id=row.elder_id, bed_id=row.bed_id,
                room_id=row.room_id, elder_name=None if elder is None else elder.name,
                place=None if place is None else place.label, valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
        )  # fmt: skip
    return out
