"""HTTP for found devices: gateways report them, people accept or ignore them."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.devices import found
from cloud.devices.auth import CurrentGateway
from cloud.devices.found import Found
from cloud.devices.found_schemas import (
    AcceptedOut,
    AcceptIn,
    DeviceLinkIn,
    DeviceLinkOut,
    FoundDeviceList,
    FoundDeviceOut,
    FoundTakenOut,
    HeardBy,
)
from cloud.devices.gateways import registry_version
from cloud.devices.links import link_of, masked
from cloud.devices.models import Device
from cloud.devices.service import described_devices
from cloud.errors import Problem, ProblemError
from cloud.identity.auth import GATEWAY, requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.state import ChangeHeader, State
from edge.found_wire import FoundReport
from edge.subject import SensorRole

# 256 devices with the longest texts there are.
_MAX_REPORT_BYTES: Final = 1024 * 1024

DeviceReader = Annotated[Principal, requires(Permission.DEVICES_READ)]
DeviceManager = Annotated[Principal, requires(Permission.DEVICES_MANAGE)]
FoundId = Annotated[str, Path(max_length=64)]

router = APIRouter(
    prefix="/api/v1",
    tags=["devices"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 422)},
)
machine_router = APIRouter(
    prefix="/api/v1/gateway", tags=["gateway"], responses={401: {"model": Problem}}
)
_REPORT_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "edge/found_wire.py FoundReport",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@machine_router.post(
    "/found", dependencies=[GATEWAY], openapi_extra=_REPORT_BODY,
    responses={code: {"model": Problem} for code in (413, 422)},
)  # fmt: skip
async def report_found(request: Request, principal: CurrentGateway, state: State) -> FoundTakenOut:
    """A gateway says which devices it hears that nobody has accepted."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_REPORT_BYTES:
            raise ProblemError(413, "too_large", f"A report has at most {_MAX_REPORT_BYTES} bytes.")
    try:
        report = msgspec.json.decode(bytes(body), type=FoundReport)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(422, "bad_request", str(error)) from error
    kept = await found.take_report(principal, report, state.clock.now())
    return FoundTakenOut(kept=kept)


@router.get("/found-devices")
async def list_found_devices(
    principal: DeviceReader,
    state: State,
    ignored: Annotated[bool, Query(description="those that were ignored")] = False,
) -> FoundDeviceList:
    """Devices that gateways hear and nobody has accepted, the last heard first."""
    now = state.clock.now()
    devices, n_ignored, names = await found.list_found(principal.scope, now, ignored=ignored)
    return FoundDeviceList(
        server_time=now, devices=[_out(one, names) for one in devices], ignored=n_ignored
    )


@router.post(
    "/found-devices/{found_id}/accept",
    dependencies=[ChangeHeader],
    responses={409: {"model": Problem}},
)
async def accept_found_device(
    found_id: FoundId, wanted: AcceptIn, principal: DeviceManager, state: State
) -> AcceptedOut:
    """Take it in: from now on its data is the elder's, the bed's or the room's."""
    scope, now = principal.scope, state.clock.now()
    device, assignment = await found.accept(
        scope, found_id, wanted, keyring=state.keyring, by=principal.user.display_name, now=now
    )
    link = link_of(device, state.keyring)
    audit.record(
        scope, principal.actor, Action.DEVICE_CHANGED, now, elder_id=wanted.elder_id,
        subject=("device", found_id),
        detail={"accepted": True, "model": device.model, "role": wanted.role.value,
                "label": wanted.label, "link": sorted(link)},
    )  # fmt: skip
    (described,) = [
        item
        for item in await described_devices(scope, now)
        if item.device.device_id == device.device_id
    ]
    return AcceptedOut(
        device_id=device.device_id,
        model=device.model,
        role=wanted.role,
        place=described.place,
        elder_name=described.elder_name,
        assigned_from=assignment.valid_from,
        registry_version=await registry_version(scope, now),
    )


@router.post("/found-devices/{found_id}/ignore", dependencies=[ChangeHeader])
async def ignore_found_device(
    found_id: FoundId, principal: DeviceManager, state: State
) -> FoundDeviceList:
    """Out of the list, until somebody wants it back; the list as it is then."""
    now = state.clock.now()
    await found.ignore(principal.scope, found_id, principal.user.display_name, now)
    return await list_found_devices(principal, state, ignored=False)


@router.delete("/found-devices/{found_id}/ignore", dependencies=[ChangeHeader])
async def stop_ignoring_found_device(
    found_id: FoundId, principal: DeviceManager, state: State
) -> FoundDeviceList:
    """Back into the list; the ignored ones that are left."""
    await found.stop_ignoring(principal.scope, found_id)
    return await list_found_devices(principal, state, ignored=True)


@router.get("/devices/{device_id}/link")
async def get_device_link(
    device_id: FoundId, principal: DeviceManager, state: State
) -> DeviceLinkOut:
    """How a device is reached, and what it is for."""
    return _link_out(await found.find_device(principal.scope, device_id), state)


@router.put("/devices/{device_id}/link", dependencies=[ChangeHeader])
async def put_device_link(
    device_id: FoundId, wanted: DeviceLinkIn, principal: DeviceManager, state: State
) -> DeviceLinkOut:
    """Change how it is reached: a new bind key, other profiles. Gateways follow within seconds."""
    scope, now = principal.scope, state.clock.now()
    device, changed = await found.change_link(scope, device_id, wanted, state.keyring)
    if changed:
        audit.record(
            scope, principal.actor, Action.DEVICE_CHANGED, now, subject=("device", device_id),
            detail={"link": changed},
        )  # fmt: skip
    return _link_out(device, state)


def _link_out(device: Device, state: State) -> DeviceLinkOut:
    return DeviceLinkOut(
        device_id=device.device_id,
        role=SensorRole(device.role) if device.role else None,
        link=masked(link_of(device, state.keyring)),
    )


def _out(one: Found, names: dict[UUID, str]) -> FoundDeviceOut:
    row = one.nearest
    return FoundDeviceOut(
        id=row.device_id,
        transport="ble" if row.transport == "ble" else "mqtt",
        format=row.format,
        name=row.name,
        vendor=row.vendor,
        model=row.model,
        description=row.description,
        suggested_role=SensorRole(row.suggested_role) if row.suggested_role else None,
        quantities=dict(row.quantities),
        link=dict(row.link),
        problem=row.problem,
        first_heard_at=min(other.first_heard_at for other in one.rows),
        last_heard_at=max(other.last_heard_at for other in one.rows),
        heard_by=[
            HeardBy(
                gateway_id=other.gateway_id,
                gateway=names.get(other.gateway_id, ""),
                rssi_dbm=other.rssi_dbm,
                link_quality=other.link_quality,
                last_heard_at=other.last_heard_at,
                messages=other.messages,
            )
            for other in one.rows
        ],
        is_known=one.is_known,
        ignored_at=None if one.ignored is None else one.ignored.ignored_at,
        ignored_by=None if one.ignored is None else one.ignored.ignored_by,
    )
