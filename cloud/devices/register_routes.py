"""HTTP for devices over their life: list, tests, faults with their stopgap, retirement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.conflicts import refusals_named
from cloud.database import TenantScope
from cloud.devices import register, service
from cloud.devices.models import Device, DeviceFault, DeviceTest
from cloud.devices.register import Listed
from cloud.devices.schemas import (
    Condition,
    DeviceChangeIn,
    DeviceIn,
    DeviceKind,
    DeviceListOut,
    DeviceOut,
    DeviceTasksOut,
    FaultEndIn,
    FaultIn,
    FaultOut,
    ListState,
    RetireIn,
    StopgapIn,
    StopgapWay,
    TestIn,
    TestOut,
)
from cloud.errors import Problem
from cloud.etag import IfMatch, require_version, show_version
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.models import Elder
from cloud.people.reach import reach_of
from cloud.people.service import elders_by_id
from cloud.places.service import PlaceName, bed_names, room_names
from cloud.state import ChangeHeader, State
from edge.signals import Position

DeviceReader = Annotated[Principal, requires(Permission.DEVICES_READ)]
DeviceManager = Annotated[Principal, requires(Permission.DEVICES_MANAGE)]
# Carers press the buttons every week, and are the first to see what does not work.
DeviceTester = Annotated[Principal, requires(Permission.DEVICES_MANAGE, Permission.CARE_WRITE)]
MAX_PAGE: Final = 200
MAX_DUE: Final = 500

router = APIRouter(
    prefix="/api/v1",
    tags=["devices"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 412, 422, 428)},
)


@router.get("/devices")
async def list_devices(
    *,
    who: DeviceReader,
    state: State,
    q: Annotated[str, Query(max_length=64, description="beginning of an id, or a serial")] = "",
    kind: DeviceKind | None = None,
    in_state: Annotated[ListState | None, Query(alias="state")] = None,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> DeviceListOut:
    """Devices by id, with whose each is now."""
    now = state.clock.now()
    wanted = register.Wanted(q, kind, in_state, after, limit)
    listed, following = await register.list_devices(who.scope, wanted, now)
    hidden = await (await reach_of(who)).hidden()
    return DeviceListOut(devices=await devices_out(who.scope, listed, now, hidden), next=following)


@router.post("/devices", dependencies=[ChangeHeader])
async def add_device(
    body: DeviceIn, who: DeviceManager, state: State, response: Response
) -> DeviceOut:
    """Take a device in by hand; found ones are accepted from their list."""
    now = state.clock.now()
    async with refusals_named(who.scope):
        device = await service.add_device(
            who.scope, body.id, body.model, body.position, now, kind=body.kind,
            label=body.label, serial=body.serial, warranty_until=body.warranty_until,
            accepted_by=who.user.display_name,
        )  # fmt: skip
    note_device(who, device.device_id, "taken in")
    return await _device_out(who, device, now, response)


@router.get("/device-tasks")
async def get_device_tasks(who: DeviceReader, state: State) -> DeviceTasksOut:
    """Weekly tests that are due, and open faults: stopgaps that are due come first."""
    now = state.clock.now()
    due = await register.due_for_test(who.scope, now, MAX_DUE)
    faults = await register.open_faults(who.scope)
    hidden = await (await reach_of(who)).hidden()
    out = await faults_out(who.scope, faults, now, hidden)
    return DeviceTasksOut(
        tests_due=await devices_out(
            who.scope, await register.with_present(who.scope, due, now), now, hidden
        ),
        faults=out,
        stopgaps_overdue=sum(fault.is_overdue for fault in out),
    )


@router.get("/devices/{device_id}")
async def get_device(
    device_id: str, who: DeviceReader, state: State, response: Response
) -> DeviceOut:
    """One device."""
    device = await register.find_device(who.scope, device_id)
    return await _device_out(who, device, state.clock.now(), response)


@router.put("/devices/{device_id}", dependencies=[ChangeHeader])
async def change_device(
    *, device_id: str, body: DeviceChangeIn, who: DeviceManager, state: State, response: Response,
    if_match: IfMatch = None,
) -> DeviceOut:  # fmt: skip
    """Change what is written down of a device."""
    device = await register.lock_device(who.scope, device_id)
    require_version(if_match, device.version)
    await register.change_device(who.scope, device, body.model_dump())
    note_device(who, device.device_id, "changed")
    return await _device_out(who, device, state.clock.now(), response)


@router.post("/devices/{device_id}/tests", dependencies=[ChangeHeader])
async def record_device_test(
    device_id: str, body: TestIn, who: DeviceTester, state: State, response: Response
) -> DeviceOut:
    """A line of the weekly register. Failed: the device is faulty from now on."""
    device = await register.lock_device(who.scope, device_id)
    now, tester = state.clock.now(), who.user
    await register.record_test(
        who.scope, device, body, tester_id=tester.id, tester=tester.display_name, now=now
    )
    note_device(who, device.device_id, "tested")
    return await _device_out(who, device, now, response)


@router.post("/devices/{device_id}/faults", dependencies=[ChangeHeader])
async def report_device_fault(
    device_id: str, body: FaultIn, who: DeviceTester, state: State, response: Response
) -> DeviceOut:
    """It does not work. Where a life hangs on it, a stopgap is due within 2 hours."""
    device = await register.lock_device(who.scope, device_id)
    now = state.clock.now()
    await register.report_fault(who.scope, device, body, who.user.display_name, now)
    note_device(who, device.device_id, "faulty")
    return await _device_out(who, device, now, response)


@router.put("/device-faults/{fault_id}/stopgap", dependencies=[ChangeHeader])
async def set_stopgap(fault_id: UUID, body: StopgapIn, who: DeviceTester, state: State) -> FaultOut:
    """What stands in until it is repaired: another device, or staff on the spot."""
    fault = await register.lock_fault(who.scope, fault_id)
    now = state.clock.now()
    await register.set_stopgap(who.scope, fault, body, who.user.display_name, now)
    note_device(who, fault.device_id, f"stopgap: {body.way}")
    hidden = await (await reach_of(who)).hidden()
    return (await faults_out(who.scope, [fault], now, hidden))[0]


@router.put("/device-faults/{fault_id}/end", dependencies=[ChangeHeader])
async def end_fault(
    *, fault_id: UUID, body: FaultEndIn, who: DeviceManager, state: State, response: Response
) -> DeviceOut:
    """It works again. It is to be tested at once."""
    fault = await register.lock_fault(who.scope, fault_id)
    now = state.clock.now()
    by = who.user.display_name
    device = await register.end_fault(who.scope, fault, body.outcome, by=by, now=now)
    note_device(who, device.device_id, "repaired")
    return await _device_out(who, device, now, response)


@router.post("/devices/{device_id}/retirement", dependencies=[ChangeHeader])
async def retire_device(
    device_id: str, body: RetireIn, who: DeviceManager, state: State, response: Response
) -> DeviceOut:
    """Out of use for good: its assignment and its faults end now."""
    device = await register.lock_device(who.scope, device_id)
    now = state.clock.now()
    await register.retire_device(who.scope, device, body.reason, by=who.user.display_name, now=now)
    note_device(who, device.device_id, "retired")
    return await _device_out(who, device, now, response)


def note_device(who: Principal, device_id: str, what: str) -> None:
    """For the audit."""
    audit.record(
        who.scope, who.actor, Action.DEVICE_CHANGED, who.at, subject=("device", device_id),
        detail={"what": what},
    )  # fmt: skip


async def _device_out(
    who: Principal, device: Device, now: datetime, response: Response
) -> DeviceOut:
    show_version(response, device.version)
    listed = await register.with_present(who.scope, [device], now)
    hidden = await (await reach_of(who)).hidden()
    return (await devices_out(who.scope, listed, now, hidden))[0]


async def devices_out(
    scope: TenantScope,
    listed: Sequence[Listed],
    now: datetime,
    hidden: frozenset[UUID] = frozenset(),
) -> list[DeviceOut]:
    """Devices in words; whose they are is not told of `hidden` elders."""
    subjects = [item.subject for item in listed if item.subject is not None]
    shown = {s.elder_id for s in subjects if s.elder_id} - hidden
    elders = await elders_by_id(scope, shown)
    beds = await bed_names(scope, {s.bed_id for s in subjects if s.bed_id})
    rooms = await room_names(scope, {s.room_id for s in subjects if s.room_id})
    faults = await faults_out(scope, [item.fault for item in listed if item.fault], now, hidden)
    return devices_said(listed, faults, elders, beds, rooms, now=now)


def devices_said(
    listed: Sequence[Listed], faults: Sequence[FaultOut], elders: Mapping[UUID, Elder],
    beds: Mapping[UUID, PlaceName], rooms: Mapping[UUID, PlaceName], *, now: datetime,
) -> list[DeviceOut]:  # fmt: skip
    """Devices in words, of what was read already."""
    fault_by_device = {fault.device_id: fault for fault in faults}
    out = []
    for item in listed:
        device, subject = item.device, item.subject
        elder = elders.get(subject.elder_id) if subject and subject.elder_id else None
        place = beds.get(subject.bed_id) if subject and subject.bed_id else None
        if place is None and subject is not None and subject.room_id:
            place = rooms.get(subject.room_id)
        heard = item.activity
        silent = item.assignment is not None and (
            heard is None or now - heard.last_received_at >= service.SILENT_AFTER
        )
        tested = device.kind in register.TESTED_KINDS
        out.append(
            DeviceOut(
                device_id=device.device_id, model=device.model,
                kind=cast(DeviceKind, device.kind), label=device.label, serial=device.serial,
                position=None if device.position is None else Position(device.position),
                condition=cast(Condition, device.condition),
                elder_id=None if elder is None else elder.id,
                elder_name=None if elder is None else elder.name,
                bed_id=None if subject is None else subject.bed_id,
                room_id=None if subject is None else subject.room_id,
                place=None if place is None else place.label,
                assigned_from=None if item.assignment is None else item.assignment.valid_from,
                last_data_at=None if heard is None else heard.last_data_at,
                silent=silent,
                tested_at=device.tested_at,
                test_due_at=register.next_test_at(device) if tested else None,
                warranty_until=device.warranty_until,
                retired_at=device.retired_at, retired_reason=device.retired_reason,
                fault=fault_by_device.get(device.device_id),
                version=device.version,
            )
        )  # fmt: skip
    return out


async def faults_out(
    scope: TenantScope,
    faults: Sequence[DeviceFault],
    now: datetime,
    hidden: frozenset[UUID] = frozenset(),
) -> list[FaultOut]:
    """Faults in words, with where the device was when it failed."""
    elders = await elders_by_id(scope, {f.elder_id for f in faults if f.elder_id} - hidden)
    beds = await bed_names(scope, {f.bed_id for f in faults if f.bed_id})
    rooms = await room_names(scope, {f.room_id for f in faults if f.room_id})
    return faults_said(faults, elders, beds, rooms, now)


def faults_said(
    faults: Sequence[DeviceFault], elders: Mapping[UUID, Elder],
    beds: Mapping[UUID, PlaceName], rooms: Mapping[UUID, PlaceName], now: datetime,
) -> list[FaultOut]:  # fmt: skip
    """Faults in words, of what was read already."""
    out = []
    for fault in faults:
        elder = elders.get(fault.elder_id) if fault.elder_id else None
        place = beds.get(fault.bed_id) if fault.bed_id else None
        if place is None and fault.room_id:
            place = rooms.get(fault.room_id)
        due = fault.stopgap_due_at
        out.append(
            FaultOut(
                id=fault.id, device_id=fault.device_id, reported_at=fault.reported_at,
                reported_by=fault.reported_by, description=fault.description,
                elder_name=None if elder is None else elder.name,
                place=None if place is None else place.label,
                stopgap_due_at=due,
                is_overdue=due is not None and fault.stopgap_at is None and due <= now,
                stopgap_at=fault.stopgap_at, stopgap_by=fault.stopgap_by,
                stopgap_way=cast(StopgapWay | None, fault.stopgap_way),
                stopgap_note=fault.stopgap_note,
                substitute_device_id=fault.substitute_device_id,
            )
        )  # fmt: skip
    return out


def register_line(test: DeviceTest) -> TestOut:
    """A line of the register."""
    return TestOut(
        id=test.id, device_id=test.device_id, tested_at=test.tested_at, passed=test.passed,
        tester=test.tester, note=test.note,
    )  # fmt: skip
