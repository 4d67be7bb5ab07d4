"""A made-up nursing home to look at: 渝悦示范养老院. Nobody in it exists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from cloud.clock import Clock
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope, enter_tenant
from cloud.devices.service import (
    Subject,
    add_device,
    add_gateway,
    assign,
    described_devices,
    find_gateway,
    issue_gateway_token,
)
from cloud.devices.simulation_key import simulation_key
from cloud.identity.permissions import Role
from cloud.identity.secrets import new_password, password_matches, token_hash
from cloud.identity.service import (
    add_institution,
    add_user,
    find_user,
    institution_name,
    set_password,
)
from cloud.identity.shifts import LONGEST_DUTY, DutyAs, add_duty, duties_between
from cloud.people.family import add_consent, elders_of_user, put_family_member
from cloud.people.models import Elder
from cloud.people.schemas import ConsentIn, FamilyIn, Purpose
from cloud.people.service import add_elder, add_stay
from cloud.places.homes import add_photo
from cloud.places.models import Bed
from cloud.places.pictures import FACE_PX
from cloud.places.service import PlaceName, add_bed, add_room, add_unit
from cloud.seed_care_map import DEMO, put_on_map
from cloud.seed_faces import portrait
from edge.signals import Position

INSTITUTION: Final = "渝悦示范养老院"
GATEWAY: Final = "示范网关-1"
WEARABLE_MODEL: Final = "yuyue-wearable-1"


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A login of the demo."""

    username: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class DemoElder:
    """An elder, their bed as (room, bed), and the wearable they wear."""

    name: str
    sex: str
    birth_date: date
    care_note: str
    bed: tuple[str, str]
    wearable: tuple[str, Position] | None = None


USERS: Final = (
    DemoUser("zhiban1", "周敏", Role.DUTY),
    DemoUser("zhiban2", "吴倩", Role.DUTY),
    DemoUser("admin", "郑海", Role.ADMIN),
    DemoUser("hushizhang", "何静", Role.HEAD_NURSE),
    DemoUser("yuanzhang", "罗建华", Role.MANAGER),
    DemoUser("pinggu", "唐丽", Role.ASSESSOR),
    DemoUser("yunying", "蒋涛", Role.OPERATOR),
    DemoUser("jiashu", "王芳", Role.FAMILY),
    DemoUser("minzheng", "冉强", Role.DISTRICT_VIEWER),
)
RELATIVE: Final = "jiashu"
# Unit name, its rooms; two beds each.
UNITS: Final = (("2 楼 护理一区", ("201", "202", "203")), ("3 楼 护理二区", ("301", "302", "303")))
BEDS_PER_ROOM: Final = ("1", "2")
# What the gateways measure is what was agreed to.
PURPOSES: Final[tuple[Purpose, ...]] = ("safety", "vitals", "location")
_W: Final = "wearable-000"
ELDERS: Final = (
    DemoElder("王秀兰", "female", date(1941, 3, 12), "右髋置换术后，搀扶时走左侧", ("201", "1"),
              (_W + "1", Position.WAIST)),
    DemoElder("李国强", "male", date(1938, 9, 5), "帕金森病，起步慢，勿催促", ("201", "2"),
              (_W + "2", Position.WRIST)),
    DemoElder("张桂芳", "female", date(1935, 6, 21), "骨质疏松，跌倒后先不搬动", ("202", "1"),
              (_W + "3", Position.WAIST)),
    DemoElder("刘德明", "male", date(1944, 1, 30), "夜间起夜 2 次，听力差，靠近说话", ("203", "1"),
              (_W + "4", Position.WRIST)),
    DemoElder("陈淑珍", "female", date(1932, 11, 8), "服用抗凝药，碰伤须查出血", ("301", "1"),
              (_W + "5", Position.CHEST)),
    DemoElder("杨永福", "male", date(1947, 4, 17), "糖尿病，留意低血糖", ("301", "2"),
              (_W + "6", Position.WAIST)),
    DemoElder("赵玉华", "female", date(1940, 8, 2), "轻度失智，晚间易找门", ("302", "2")),
    DemoElder("黄建平", "male", date(1950, 2, 25), "左侧偏瘫，用四脚拐杖", ("303", "1")),
)  # fmt: skip


_DUTY_OF: Final = {
    Role.DUTY: DutyAs.DUTY, Role.HEAD_NURSE: DutyAs.HEAD_NURSE, Role.MANAGER: DutyAs.MANAGER
}  # fmt: skip


async def seed_demo(
    database: Database, clock: Clock, earlier: dict[str, Any] | None, keyring: Keyring
) -> tuple[dict[str, Any], bool]:
    """Make the home where it is missing; what to log in with, and whether that is new.

    `earlier` is what a seed gave before: while its secrets still work, they stay.
    """
    now = clock.now()
    found = await _find_institution(database)
    async with database.transaction() as session:
        if found is None:
            scope = await add_institution(session, INSTITUTION, now, demo=True)
            await _build(scope, keyring, now)
        else:
            scope = await enter_tenant(session, found.institution_id)
        await put_on_map(scope, DEMO, now)
        if earlier is not None and await _still_valid(scope, earlier, now):
            await _link_relative(scope, keyring, now)
            document, is_new = {**earlier, "devices": await _devices(scope, now)}, False
        else:
            document, is_new = await _issue_secrets(scope, now), True
            await _link_relative(scope, keyring, now)
        return document | {"simulation_key": await simulation_key(scope, keyring, now)}, is_new


async def _find_institution(database: Database) -> TenantScope | None:
    for institution_id in await database.institutions():
        async with database.tenant(institution_id) as scope:
            if await institution_name(scope) == INSTITUTION:
                return scope
    return None


async def _build(scope: TenantScope, keyring: Keyring, now: datetime) -> None:
    """Places, people, devices, and who wears what; wearables worn since now."""
    beds: dict[tuple[str, str], Bed] = {}
    for order, (unit_name, rooms) in enumerate(UNITS, start=1):
        unit = await add_unit(scope, unit_name, order)
        for room_name in rooms:
            room = await add_room(scope, unit.id, room_name)
            for bed_name in BEDS_PER_ROOM:
                beds[room_name, bed_name] = await add_bed(scope, room.id, bed_name)
    # Recordings are replayed with times a little in the past: they belong to the elder too.
    since = now - timedelta(days=1)
    for number, person in enumerate(ELDERS):
        elder = await add_elder(
            scope,
            person.name,
            sex=person.sex,
            birth_date=person.birth_date,
            care_note=person.care_note,
            now=now,
        )
        face = portrait(number, person.sex)
        photo = await add_photo(scope, face, FACE_PX, keyring=keyring, now=now)
        elder.photo_id = photo.id
        await add_stay(scope, elder.id, beds[person.bed].id, since)
        for purpose in PURPOSES:
            consent = ConsentIn(
                purpose=purpose, text_version="示范 1", signer="self", signer_name=person.name,
                valid_from=since,
            )  # fmt: skip
            await add_consent(scope, elder.id, consent, None, now)
        if person.wearable is not None:
            device_id, position = person.wearable
            await add_device(scope, device_id, WEARABLE_MODEL, position, now)
            await assign(scope, device_id, Subject(elder.id, None, None), since)


async def _issue_secrets(scope: TenantScope, now: datetime) -> dict[str, Any]:
    """New passwords and a new gateway token; the old ones end."""
    logins = []
    for user in USERS:
        password = new_password()
        existing = await find_user(scope, user.username)
        if existing is None:
            await add_user(
                scope, user.username, user.name, role=user.role, password=password, now=now
            )
        else:
            await set_password(existing, password)
        logins.append(
            {
                "username": user.username,
                "password": password,
                "name": user.name,
                "role": user.role,
            }
        )
    await _fill_roster(scope, now)
    gateway = await find_gateway(scope, GATEWAY) or await add_gateway(scope, GATEWAY, now)
    token = await issue_gateway_token(scope, gateway, now)
    return {
        "institution": INSTITUTION,
        "gateway": {"id": str(gateway.id), "name": gateway.name, "token": token},
        "logins": logins,
        "devices": await _devices(scope, now),
    }


async def _link_relative(scope: TenantScope, keyring: Keyring, now: datetime) -> None:
    """The demo's relative is the first elder's daughter, and the elder agrees to what she sees."""
    user = await find_user(scope, RELATIVE)
    if user is None or await elders_of_user(scope, user.id):
        return
    elders = await scope.session.scalars(scope.select(Elder).where(Elder.name == ELDERS[0].name))
    elder = elders.one()
    wanted = FamilyIn(
        name=user.display_name, relationship="女儿", username=RELATIVE,
        may_see=["presence", "night", "alerts", "coverage", "visits", "entitlements"],
    )  # fmt: skip
    member = await put_family_member(scope, elder.id, None, wanted, keyring=keyring, now=now)
    sharing = ConsentIn(
        purpose="family_sharing", family_member_id=member.id, kinds=wanted.may_see,
        text_version="示范 1", signer="self", signer_name=elder.name, valid_from=now,
    )  # fmt: skip
    await add_consent(scope, elder.id, sharing, None, now)


async def _fill_roster(scope: TenantScope, now: datetime) -> None:
    """Everybody of the demo is on duty for a month from the last seed on."""
    if await duties_between(scope, now + timedelta(days=7), now + timedelta(days=8)):
        return
    for demo_user in USERS:
        duty_as = _DUTY_OF.get(demo_user.role)
        user = await find_user(scope, demo_user.username)
        if duty_as is not None and user is not None:
            end = now + LONGEST_DUTY
            await add_duty(scope, user.id, duty_as, now, end, now=now, by="demo")


async def _devices(scope: TenantScope, now: datetime) -> list[dict[str, Any]]:
    unit_by_room = {room: unit for unit, rooms in UNITS for room in rooms}
    places = {person.name: PlaceName(unit_by_room[person.bed[0]], *person.bed) for person in ELDERS}
    devices = []
    for item in await described_devices(scope, now):
        place = places.get(item.elder_name or "")
        devices.append(
            {
                "device_id": item.device.device_id,
                "position": item.device.position,
                "elder": item.elder_name,
                "place": None
                if place is None
                else {
                    "unit": place.unit,
                    "room": place.room,
                    "bed": place.bed,
                    "label": place.label,
                },
            }
        )
    return devices


async def _still_valid(scope: TenantScope, earlier: dict[str, Any], now: datetime) -> bool:
    """Whether the secrets of an earlier seed still open this home."""
    try:
        token = earlier["gateway"]["token"]
        passwords = {login["username"]: login["password"] for login in earlier["logins"]}
    except (KeyError, TypeError):
        return False
    found = await scope.session.execute(
        text("SELECT gateway_id FROM auth_gateway(:hash, :at)"),
        {"hash": token_hash(str(token)), "at": now},
    )
    gateway = await find_gateway(scope, GATEWAY)
    if gateway is None or found.scalar() != gateway.id:
        return False
    for demo_user in USERS:
        user = await find_user(scope, demo_user.username)
        password = str(passwords.get(demo_user.username, ""))
        if user is None or not await password_matches(password, user.password_hash):
            return False
    return True
