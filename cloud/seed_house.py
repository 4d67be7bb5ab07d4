"""`yuyue cloud seed`: a believable institution of 60 beds with 12 home beds, all made up."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, cycle
from typing import Any, Final

from cloud.care.handover.facts import residents_of
from cloud.care.visits.service import at_home
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope
from cloud.devices.service import Subject, add_device, add_gateway, assign
from cloud.identity.permissions import Role
from cloud.identity.secrets import new_password
from cloud.identity.service import add_institution, add_user
from cloud.identity.shifts import DutyAs
from cloud.people import family, record, risks
from cloud.people.models import Elder
from cloud.people.record import RecordRules
from cloud.people.schemas import ConsentIn, ContactIn, FamilyIn, Purpose
from cloud.people.service import add_stay
from cloud.places.homes import add_home
from cloud.places.models import Bed, Room
from cloud.places.schemas import HomeIn
from cloud.places.service import add_bed, add_building, add_room, add_unit
from cloud.seed_care_map import HOUSE, give_skills, put_on_map
from cloud.seed_discovery import fill_discovery, silent_devices
from cloud.seed_history import fill_roster, give_area, measure, plan_watch, tell_of_devices
from cloud.seed_home_beds import WAITING_AT, tell_of_visits, wait_at
from cloud.seed_lists import give_lists
from cloud.seed_people import Person, people
from cloud.seed_shift import seed_shift
from cloud.series.service import SeriesStore
from edge.signals import Position

INSTITUTION: Final = "渝悦康养中心（示范）"
HOME_BEDS: Final = 12
# Eight rooms, the last with one bed: 15 beds a unit, 60 in all.
UNITS: Final = (
    ("2 楼 护理一区", "2", "nursing"), ("3 楼 护理二区", "3", "nursing"),
    ("4 楼 普惠区", "4", "general"), ("5 楼 认知照护区", "5", "dementia"),
)  # fmt: skip
ROOMS_PER_UNIT: Final = 8
# One bed in ten is free: somebody can be admitted in front of an audience.
FREE_EVERY: Final = 10
WEARABLE_SHARE: Final = 3  # two of three wear something
FAMILY_LOGINS: Final = 8
STAFF: Final = (
    ("yuanzhang", "郑海", Role.MANAGER), ("huzhang1", "何静", Role.HEAD_NURSE),
    ("huzhang2", "罗敏", Role.HEAD_NURSE), ("pinggu", "许文", Role.ASSESSOR),
    ("yunwei", "唐勇", Role.OPERATOR), ("guanli", "谢伟", Role.ADMIN),
    ("minzheng", "田丽", Role.DISTRICT_VIEWER),
    *((f"hugong{n}", name, Role.DUTY) for n, name in enumerate(
        ("周敏", "吴倩", "冯涛", "邓芳", "曹丽", "彭勇", "肖静", "董霞"), start=1)),
)  # fmt: skip
_LEADS: Final = {Role.HEAD_NURSE: DutyAs.HEAD_NURSE, Role.MANAGER: DutyAs.MANAGER}
HOME_ROOMS: Final = ("卧室", "客厅", "厨房", "卫生间")
HOME_DEVICES: Final = (
    ("motion", "客厅"), ("door", "客厅"), ("smoke", "厨房"), ("gas", "厨房"), ("water", "卫生间"),
)  # fmt: skip
MODELS: Final = {"wearable": "yuyue-wearable-1", "button": "call-button-1", "bed": "bed-strip-1"}
TEXT_VERSION: Final = "示范文本 2026-1"


@dataclass
class _House:
    """What is being built."""

    scope: TenantScope
    rules: RecordRules
    now: datetime
    logins: list[dict[str, str]] = field(default_factory=list)
    residents: list[Person] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    # Ability levels as they come in a house where most need some help.
    levels: Iterator[int] = field(default_factory=lambda: cycle((2, 1, 3, 2, 0, 4, 1, 2)))

    @property
    def since(self) -> datetime:
        """Everybody has been here for a month."""
        return self.now - timedelta(days=30)

    async def device(
        self, kind: str, subject: Subject, label: str, position: Position | None = None
    ) -> str:
        device_id = f"{kind}-{next(self.numbers):04}"
        await add_device(
            self.scope, device_id, MODELS.get(kind, f"{kind}-1"), position, self.since, kind=kind,
            label=label, accepted_by="唐勇",
        )  # fmt: skip
        await assign(self.scope, device_id, subject, self.since)
        return device_id

    async def login(self, short: str, name: str, role: Role) -> uuid.UUID:
        # User names are unique over all institutions; the small demo may be there too.
        username, password = f"ky-{short}", new_password()
        user = await add_user(
            self.scope, username, name, role=role, password=password, now=self.now
        )
        self.logins.append(
            {"username": username, "password": password, "name": name, "role": role.value}
        )
        return user.id


async def seed_house(
    database: Database,
    keyring: Keyring,
    seed: int,
    now: datetime,
    store: SeriesStore | None = None,
) -> dict[str, Any]:
    """Make it; who can log in. IntegrityError where these logins are there already.

    `store`: where three days of readings and four weeks of days go; None: nothing was measured.
    """
    async with database.transaction() as session:
        scope = await add_institution(session, INSTITUTION, now)
        house = _House(scope, RecordRules(keyring, impossible_numbers=True), now)
        staff = [(await house.login(short, name, role), role) for short, name, role in STAFF]
        unit_ids = await _build_units(house, seed)
        await _build_homes(house, seed, unit_ids)
        visitor_id = next(user_id for user_id, role in staff if role is Role.ASSESSOR)
        await tell_of_visits(scope, house.rules.keyring, visitor_id, now)
        await _applicants(house, seed)
        carers = [user_id for user_id, role in staff if role is Role.DUTY]
        leads = [(user_id, _LEADS[role]) for user_id, role in staff if role in _LEADS]
        fill_roster(scope, carers, leads, unit_ids, now)
        await tell_of_devices(scope, now)
        await _leave_a_shift(scope, unit_ids[0], staff, now)
        give_lists(scope, keyring, house.residents, now)
        await give_skills(scope, carers, list(await at_home(scope, now))[:3], keyring, now)
        await put_on_map(scope, HOUSE, now)
    if store is not None:
        silent = await silent_devices(database, scope.institution_id)
        await measure(database, store, scope.institution_id, now, silent)
        await fill_discovery(database, store, scope.institution_id, now)
    return {"institution": INSTITUTION, "seed": seed, "logins": house.logins}


async def _leave_a_shift(
    scope: TenantScope, unit_id: Any, staff: list[tuple[uuid.UUID, Role]], now: datetime
) -> None:
    """Of the first unit: what its carers noted, what happened there, the last handover."""
    by_role: dict[Role, list[tuple[uuid.UUID, str]]] = defaultdict(list)
    for (user_id, role), (_, name, _role) in zip(staff, STAFF, strict=True):
        by_role[role].append((user_id, name))
    carers, heads = by_role[Role.DUTY], by_role[Role.HEAD_NURSE]
    residents = await residents_of(scope, unit_id, now)
    elders = sorted(residents, key=lambda elder_id: residents[elder_id].place)
    await seed_shift(scope, unit_id, elders, carers=carers[:2], head=heads[0], now=now)


async def _build_units(house: _House, seed: int) -> list[Any]:
    scope, residents = house.scope, people(seed, house.now.date(), at_home=False)
    building = await add_building(scope, "主楼", address="示范路 1 号")
    beds, unit_ids = 0, []
    for order, (name, floor, kind) in enumerate(UNITS, start=1):
        unit = await add_unit(scope, name, order, building.id)
        unit_ids.append(unit.id)
        gateway = await add_gateway(scope, f"{name} 网关", house.now)
        give_area(scope, gateway.id, unit.id)
        for number in range(1, ROOMS_PER_UNIT + 1):
            room = await add_room(scope, unit.id, f"{floor}{number:02}")
            await house.device("smoke", Subject(None, None, room.id), "烟感")
            for bed_name in ("1",) if number == ROOMS_PER_UNIT else ("1", "2"):
                bed = await add_bed(scope, room.id, bed_name, kind=kind)
                beds += 1
                if beds % FREE_EVERY:
                    await _move_in(house, next(residents), bed)
    return unit_ids


async def _build_homes(house: _House, seed: int, unit_ids: list[Any]) -> None:
    scope, owners = house.scope, people(seed, house.now.date(), at_home=True)
    for number in range(1, HOME_BEDS + 1):
        person = next(owners)
        name = f"{person.record.name}家"
        wanted = HomeIn(
            name=f"{number:02} {name}", operator_unit_id=unit_ids[0], district_code="500109",
            address=f"示范街 {number} 号", entry=f"备用钥匙在服务站，标签 {number:02}",
            state="in_service", warranty_until=house.now.date() + timedelta(days=365),
        )  # fmt: skip
        home = await add_home(scope, wanted, house.rules.keyring, house.now)
        rooms: dict[str, Room] = {
            room: await add_room(scope, None, room, home.id) for room in HOME_ROOMS
        }
        bed = await add_bed(scope, rooms["卧室"].id, "1", kind="home")
        await add_gateway(scope, f"{name} 网关 {number:02}", house.now)
        for kind, room in HOME_DEVICES:
            await house.device(kind, Subject(None, None, rooms[room].id), room)
        await _move_in(house, person, bed)


async def _applicants(house: _House, seed: int) -> None:
    """People who wait for their home bed, one at each step before the service."""
    waiting = people(seed + 1, house.now.date(), at_home=True)
    for number, step in enumerate(WAITING_AT):
        person = next(waiting)
        elder = await record.make_elder(house.scope, person.record, house.rules, house.since)
        for fact in person.facts:
            await record.add_fact(house.scope, elder.id, fact, by=None, now=house.now)
        await family.add_consent(
            house.scope, elder.id, _signed(elder, "safety", house.since), None, house.now
        )
        home = HomeIn(
            name=f"{HOME_BEDS + 1 + number} {elder.name}家", address=f"示范街 {40 + number} 号"
        )
        await wait_at(house.scope, house.rules.keyring, elder, home=home, step=step, now=house.now)


async def _move_in(house: _House, person: Person, bed: Bed) -> None:
    scope = house.scope
    house.residents.append(person)
    elder = await record.make_elder(scope, person.record, house.rules, house.since)
    await add_stay(scope, elder.id, bed.id, house.since)
    for fact in person.facts:
        await record.add_fact(scope, elder.id, fact, by=None, now=house.now)
    for risk in person.risks:
        await risks.assess_risk(scope, elder.id, risk, by="许文", now=house.now)
    contact = ContactIn(name=person.child, relationship=person.child_is, phone=person.phone)
    await family.replace_contacts(scope, elder.id, [contact], house.rules.keyring)
    await _consents(house, elder, person)
    level = next(house.levels)
    plan_watch(scope, elder.id, at_home=bed.kind == "home", level=level, now=house.now)
    await house.device("bed", Subject(None, bed.id, None), "床垫")
    await house.device("button", Subject(None, bed.id, None), "床头按钮")
    if next(house.numbers) % WEARABLE_SHARE or bed.kind == "home":
        await house.device("wearable", Subject(elder.id, None, None), "手环", Position.WRIST)


async def _consents(house: _House, elder: Elder, person: Person) -> None:
    scope, now = house.scope, house.now
    purposes: list[Purpose] = ["safety", "vitals"] if person.shares_vitals else ["safety"]
    for purpose in purposes:
        await family.add_consent(scope, elder.id, _signed(elder, purpose, house.since), None, now)
    username = None
    have = sum(login["role"] == Role.FAMILY for login in house.logins)
    if have < FAMILY_LOGINS:
        short = f"jiashu{have + 1}"
        await house.login(short, person.child, Role.FAMILY)
        username = house.logins[-1]["username"]
    wanted = FamilyIn(
        name=person.child, relationship=person.child_is, phone=person.phone, username=username,
        may_see=["presence", "night", "alerts", "coverage", "visits", "entitlements"],
    )  # fmt: skip
    member = await family.put_family_member(
        scope, elder.id, None, wanted, keyring=house.rules.keyring, now=now
    )
    sharing = _signed(elder, "family_sharing", house.since).model_copy(
        update={"family_member_id": member.id, "kinds": wanted.may_see}
    )
    await family.add_consent(scope, elder.id, sharing, None, now)


def _signed(elder: Elder, purpose: Purpose, since: datetime) -> ConsentIn:
    return ConsentIn(
        purpose=purpose, text_version=TEXT_VERSION, signer="self", signer_name=elder.name,
        valid_from=since,
    )  # fmt: skip
