"""An institution of the diary is founded, and its people move in."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from cloud.bureau.rehearsal.diary import House, Line
from cloud.clock import ns_from_datetime
from cloud.coverage.models import GatewayArea
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope
from cloud.devices.service import Subject, add_device, add_gateway, assign, note_activity
from cloud.identity.permissions import Role
from cloud.identity.secrets import new_password
from cloud.identity.service import add_institution, add_user
from cloud.people.service import add_elder, add_stay
from cloud.places.homes import add_home
from cloud.places.schemas import HomeIn
from cloud.places.service import add_bed, add_room, add_unit
from edge.signals import Position


async def settle(database: Database, keyring: Keyring, told: Line, since: datetime) -> House:
    """The institution with its people, their beds, gateways and devices."""
    async with database.transaction() as session:
        scope = await add_institution(session, told["name"], since)
        user = await add_user(
            scope, f"rehearsal-{scope.institution_id}", "演练员", role=Role.MANAGER,
            password=new_password(), now=since,
        )  # fmt: skip
        house = House(scope.institution_id, told["name"], tuple(told["district"]), user.id)
        unit = await add_unit(scope, "护理区", 1)
        for which in ("unit", "homes"):
            gateway = await add_gateway(scope, which, since)
            gateway.last_heartbeat_at = since
            house.gateways[which] = gateway.id
        scope.session.add(
            GatewayArea(
                institution_id=scope.institution_id, gateway_id=house.gateways["unit"],
                unit_id=unit.id,
            )
        )  # fmt: skip
        for number, person in enumerate(told["people"]):
            await _move_in(scope, keyring, house, unit.id, person, number=number, since=since)
        heard = {p["key"]: ns_from_datetime(since) for p in told["people"] if p["heard"]}
        await note_activity(scope, heard, since)
    return house


async def _move_in(
    scope: TenantScope, keyring: Keyring, house: House, unit_id: uuid.UUID, person: Line,
    *, number: int, since: datetime,
) -> None:  # fmt: skip
    if person["at_home"]:
        home = await add_home(scope, HomeIn(name=f"家 {number}"), keyring, since)
        room = await add_room(scope, None, "卧室", home_id=home.id)
    else:
        room = await add_room(scope, unit_id, f"{number + 1}")
    bed = await add_bed(scope, room.id, "1")
    elder = await add_elder(
        scope, f"老人 {number}", sex="female", birth_date=date(1941, 1, 1), care_note="",
        now=since,
    )  # fmt: skip
    await add_stay(scope, elder.id, bed.id, since)
    device_id = person["key"]
    await add_device(
        scope, device_id, "yuyue-wearable-1", Position.WAIST, since, kind="wearable"
    )  # fmt: skip
    await assign(scope, device_id, Subject(elder.id, None, None), since)
    house.elders[person["key"]] = elder.id
