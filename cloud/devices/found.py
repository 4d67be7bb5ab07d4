"""Found devices: what gateways report of strangers, and taking one in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, get_args

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from cloud.clock import datetime_from_ns
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.devices.found_schemas import AcceptIn, DeviceLinkIn
from cloud.devices.gateways import GatewayPrincipal
from cloud.devices.links import link_of, set_link
from cloud.devices.models import Assignment, Device, FoundDevice, FoundIgnored, Gateway
from cloud.devices.schemas import DeviceKind
from cloud.devices.service import Subject, add_device, assign, assignment_at, assignments_of
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.people.service import find_elder
from cloud.places.service import bed_names, room_names
from edge.found_wire import MAX_FOUND, FoundReport
from edge.found_wire import FoundDevice as Heard
from edge.signals import QUANTITIES
from edge.subject import SensorRole

# What was not heard for this long is not there any more.
SHOWN_FOR: Final = timedelta(days=1)
KEPT_FOR: Final = timedelta(days=7)
_MAX_LINK_KEYS: Final = 8
_MAX_SIGNAL: Final = 255
_MAX_NS: Final = 2**63 - 1
_DEVICE_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
# What the register of devices calls it.
_KINDS: Final = {
    role: role.value if role.value in get_args(DeviceKind) else "other" for role in SensorRole
} | {SensorRole.OUTER_DOOR: "door", SensorRole.SPOT_VITALS: "meter", SensorRole.SEAT: "bed"}
_OCCUPANCY: Final = {SensorRole.RADAR: "presence", SensorRole.MOTION: "motion"}


@dataclass(frozen=True, slots=True)
class Found:
    """One device with all gateways that hear it, the nearest first."""

    rows: Sequence[FoundDevice]
    ignored: FoundIgnored | None
    is_known: bool

    @property
    def nearest(self) -> FoundDevice:
        """The row of the gateway that hears it best."""
        return self.rows[0]


async def take_report(principal: GatewayPrincipal, report: FoundReport, now: datetime) -> int:
    """Keep what a gateway says of strangers; how many of them are usable rows."""
    scope, gateway = principal.scope, principal.gateway
    _check(report)
    assigned = await _assigned_now(scope, [heard.device_id for heard in report.devices], now)
    rows = [
        _row(heard, now) for heard in report.devices[:MAX_FOUND] if heard.device_id not in assigned
    ]
    # A gateway says all it knows each time: what it does not name any more is not there.
    await scope.session.execute(
        delete(FoundDevice).where(
            FoundDevice.institution_id == scope.institution_id,
            FoundDevice.gateway_id == gateway.id,
            FoundDevice.device_id.not_in([str(row["device_id"]) for row in rows]),
        )
    )
    if not rows:
        return 0
    keys = {"institution_id": scope.institution_id, "gateway_id": gateway.id}
    statement = insert(FoundDevice).values([{**keys, **row} for row in rows])
    changed = {name: statement.excluded[name] for name in rows[0] if name != "device_id"}
    await scope.session.execute(
        statement.on_conflict_do_update(
            index_elements=["institution_id", "gateway_id", "device_id"], set_=changed
        )
    )
    return len(rows)


def _check(report: FoundReport) -> None:
    """Raises BadFieldError."""
    names: set[str] = set()
    for index, heard in enumerate(report.devices):
        where = f"devices.{index}"
        if not _DEVICE_ID.fullmatch(heard.device_id) or heard.device_id in names:
            raise BadFieldError(f"{where}.device_id", "must be an id, each once")
        names.add(heard.device_id)
        if heard.transport not in ("ble", "mqtt"):
            raise BadFieldError(f"{where}.transport", "must be ble or mqtt")
        if not all(0 <= ns <= _MAX_NS for ns in (heard.first_heard_ns, heard.last_heard_ns)):
            raise BadFieldError(f"{where}.last_heard_ns", "must be nanoseconds since 1970")
        if not 0 <= heard.messages <= _MAX_NS:
            raise BadFieldError(f"{where}.messages", "must be a count")
        for field in ("rssi_dbm", "link_quality"):
            value = getattr(heard, field)
            if value is not None and not -_MAX_SIGNAL <= value <= _MAX_SIGNAL:
                raise BadFieldError(f"{where}.{field}", f"must be -{_MAX_SIGNAL}..{_MAX_SIGNAL}")


async def _assigned_now(scope: TenantScope, device_ids: list[str], now: datetime) -> set[str]:
    """A report that was on its way when somebody accepted the device must not bring it back."""
    intervals = await assignments_of(scope, device_ids)
    return {name for name, rows in intervals.items() if assignment_at(rows, now) is not None}


def _row(heard: Heard, now: datetime) -> dict[str, object]:
    return {
        "device_id": heard.device_id,
        "transport": heard.transport,
        "format": _text(heard.format, 40),
        "name": _text(heard.name, 100),
        "vendor": _text(heard.vendor, 100),
        "model": _text(heard.model, 100),
        "description": _text(heard.description, 200),
        "suggested_role": heard.suggested_role.value if heard.suggested_role else None,
        "quantities": {q: v for q, v in heard.quantities.items() if q in QUANTITIES},
        "link": {
            _text(key, 40): _text(value, 300)
            for key, value in list(heard.link.items())[:_MAX_LINK_KEYS]
        },
        "problem": _text(heard.problem, 200) if heard.problem else None,
        "rssi_dbm": heard.rssi_dbm,
        "link_quality": heard.link_quality,
        "messages": heard.messages,
        # A gateway whose clock is wrong has heard nothing tomorrow.
        "first_heard_at": min(now, datetime_from_ns(heard.first_heard_ns)),
        "last_heard_at": min(now, datetime_from_ns(heard.last_heard_ns)),
        "reported_at": now,
    }


def _text(text: str, most: int) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:most]


async def list_found(
    scope: TenantScope, now: datetime, *, ignored: bool
) -> tuple[list[Found], int, dict[uuid.UUID, str]]:
    """Devices, how many are ignored, and the names of the gateways that hear them."""
    statement = scope.select(FoundDevice).where(FoundDevice.reported_at >= now - SHOWN_FOR)
    by_device: dict[str, list[FoundDevice]] = {}
    for row in await scope.session.scalars(statement):
        by_device.setdefault(row.device_id, []).append(row)
    marks = {row.device_id: row for row in await scope.session.scalars(scope.select(FoundIgnored))}
    known = set(await assignments_of(scope, by_device))
    names = {g.id: g.name for g in await scope.session.scalars(scope.select(Gateway))}
    found = [
        Found(sorted(rows, key=_nearness), marks.get(device_id), device_id in known)
        for device_id, rows in by_device.items()
    ]
    shown = [one for one in found if (one.ignored is not None) is ignored]
    shown.sort(key=lambda one: (one.nearest.last_heard_at, one.nearest.device_id), reverse=True)
    return shown, sum(one.ignored is not None for one in found), names


def _nearness(row: FoundDevice) -> tuple[int, float]:
    return -(row.rssi_dbm if row.rssi_dbm is not None else -200), -row.last_heard_at.timestamp()


async def find_found(scope: TenantScope, device_id: str) -> FoundDevice:
    """As the gateway that hears it best says. Raises NotFoundError.

    Locked: of two people who accept it, the second finds it gone.
    """
    rows = await scope.session.scalars(
        scope.select(FoundDevice)
        .where(FoundDevice.device_id == device_id)
        .order_by(FoundDevice.gateway_id)
        .with_for_update()
    )
    found = sorted(rows, key=_nearness)
    if not found:
        raise NotFoundError("found device")
    return found[0]


async def ignore(scope: TenantScope, device_id: str, by: str, now: datetime) -> None:
    """The neighbours' devices: out of the list until somebody wants them back."""
    await find_found(scope, device_id)
    await scope.session.execute(
        insert(FoundIgnored)
        .values(
            institution_id=scope.institution_id, device_id=device_id, ignored_at=now, ignored_by=by
        )
        .on_conflict_do_nothing()
    )


async def stop_ignoring(scope: TenantScope, device_id: str) -> None:
    """Back into the list."""
    await find_found(scope, device_id)
    await scope.session.execute(
        delete(FoundIgnored).where(
            FoundIgnored.institution_id == scope.institution_id,
            FoundIgnored.device_id == device_id,
        )
    )


async def accept(
    scope: TenantScope,
    device_id: str,
    wanted: AcceptIn,
    *,
    keyring: Keyring,
    by: str,
    now: datetime,
) -> tuple[Device, Assignment]:
    """Make it a device of somebody or somewhere, from now on.

    Raises NotFoundError for what is not here, ConflictError for a device that is taken.
    """
    found = await find_found(scope, device_id)
    subject = await _subject(scope, wanted)
    device = await _device(scope, device_id)
    if device is None:
        model = wanted.model or found.model or found.format
        device = await add_device(
            scope, device_id, model, wanted.position, now, kind=_KINDS[wanted.role],
            label=wanted.label, accepted_by=by,
        )  # fmt: skip
    elif device.condition != "ok":
        raise ConflictError("found_id", f"the device is {device.condition}")
    else:
        rows = (await assignments_of(scope, [device_id]))[device_id]
        if any(row.valid_until is None or row.valid_until > now for row in rows):
            raise ConflictError("found_id", "the device is assigned already")
        if wanted.model:
            device.model = wanted.model
        device.position = None if wanted.position is None else wanted.position.value
        device.kind, device.label = _KINDS[wanted.role], wanted.label or device.label
        device.accepted_by = by
        device.version += 1
    device.role = wanted.role.value
    link = {**link_of(device, keyring), **_reach(found), **_given(wanted.link)}
    if found.format == "zigbee2mqtt" and wanted.role in _OCCUPANCY:
        link.setdefault("mqtt_occupancy", _OCCUPANCY[wanted.role])
    if found.problem == "no_bind_key" and not link.get("ble_key"):
        raise BadFieldError("link.ble_key", "the device is encrypted: enter its bind key")
    set_link(device, link, keyring)
    assignment = await assign(scope, device_id, subject, now)
    await scope.session.execute(
        delete(FoundDevice).where(
            FoundDevice.institution_id == scope.institution_id, FoundDevice.device_id == device_id
        )
    )
    return device, assignment


def _reach(found: FoundDevice) -> dict[str, str]:
    """What the gateway says of reaching it; a topic is not among it: that is announced anew."""
    return {k: str(found.link[k]) for k in ("ble_address", "ble_profiles") if k in found.link}


def _given(link: DeviceLinkIn) -> dict[str, str]:
    return {key: value for key, value in link.model_dump().items() if value is not None}


async def change_link(
    scope: TenantScope, device_id: str, wanted: DeviceLinkIn, keyring: Keyring
) -> tuple[Device, list[str]]:
    """What is given replaces, what is left out stays; the device and the names that changed."""
    device = await find_device(scope, device_id)
    before = link_of(device, keyring)
    after = {k: v for k, v in {**before, **_given(wanted)}.items() if v}
    changed = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
    if changed:
        set_link(device, after, keyring)
        await scope.session.flush()
    return device, changed


async def find_device(scope: TenantScope, device_id: str) -> Device:
    """Raises NotFoundError."""
    device = await _device(scope, device_id)
    if device is None:
        raise NotFoundError("device")
    return device


async def _device(scope: TenantScope, device_id: str) -> Device | None:
    statement = scope.select(Device).where(Device.device_id == device_id).with_for_update()
    return (await scope.session.scalars(statement)).one_or_none()


async def _subject(scope: TenantScope, wanted: AcceptIn) -> Subject:
    named = [wanted.elder_id, wanted.bed_id, wanted.room_id]
    if sum(one is not None for one in named) != 1:
        raise BadFieldError("elder_id", "name one of elder_id, bed_id, room_id")
    if wanted.elder_id is not None:
        await find_elder(scope, wanted.elder_id)
    if wanted.bed_id is not None and not await bed_names(scope, [wanted.bed_id]):
        raise NotFoundError("bed")
    if wanted.room_id is not None and not await room_names(scope, [wanted.room_id]):
        raise NotFoundError("room")
    return Subject(wanted.elder_id, wanted.bed_id, wanted.room_id)


async def forget_found(scope: TenantScope, now: datetime) -> int:
    """Of gateways that are gone themselves; how many rows."""
    before = now - KEPT_FOR
    old = scope.select(FoundDevice).where(FoundDevice.reported_at < before)
    count = await scope.session.scalar(old.with_only_columns(func.count()))
    await scope.session.execute(
        delete(FoundDevice).where(
            FoundDevice.institution_id == scope.institution_id, FoundDevice.reported_at < before
        )
    )
    return int(count or 0)
