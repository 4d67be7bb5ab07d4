"""One of everything that records hold, in a home of the test world."""

from __future__ import annotations

import io
from datetime import date, timedelta

from PIL import Image
from sqlalchemy import text

from cloud.database import TenantScope
from cloud.devices import register
from cloud.devices.register import report_fault
from cloud.devices.schemas import FaultIn, TestIn
from cloud.devices.service import Subject, add_device, assign
from cloud.identity.service import add_user, find_user
from cloud.people import family, record, risks
from cloud.people.record import RecordRules
from cloud.people.schemas import (
    ConsentIn,
    ContactIn,
    FactIn,
    FamilyIn,
    RiskIn,
)
from cloud.people.service import find_elder
from cloud.places.homes import add_check_photo, add_home, add_photo
from cloud.places.models import HomeCheck
from cloud.places.schemas import HomeIn
from cloud.places.service import add_building, add_room
from cloud.settings import Settings
from tests.cloud.world import PASSWORD, Home, World

KEYRING = Settings().keyring
RULES = RecordRules(KEYRING, impossible_numbers=True)


def picture(color: str = "teal", size: tuple[int, int] = (40, 30), kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


async def fill_records(world: World, home: Home) -> None:
    """A row in every table of records."""
    now = world.clock.now()
    async with world.database.tenant(home.institution_id) as scope:
        await add_building(scope, "主楼")
        private = await add_home(
            scope, HomeIn(name="张家", address="某路 1 号", entry="钥匙在邻居处"), KEYRING, now
        )
        await add_room(scope, None, "卧室", private.id)
        checks = scope.select(HomeCheck).where(HomeCheck.home_id == private.id)
        check = (await scope.session.scalars(checks)).first()
        assert check is not None
        await add_check_photo(scope, private, check.id, picture(), keyring=KEYRING, now=now)
        elder = await find_elder(scope, home.elders[0])
        elder.photo_id = (await add_photo(scope, picture(), 100, keyring=KEYRING, now=now)).id
        await fill_people(scope, home, world)
        await fill_devices(scope, home, world)


async def fill_people(scope: TenantScope, home: Home, world: World) -> None:
    now, elder_id = world.clock.now(), home.elders[0]
    fact = FactIn(field="lives_alone", value=True, source="社区", as_of=date(2026, 2, 1))
    await record.add_fact(scope, elder_id, fact, by=None, now=now)
    contact = ContactIn(name="王芳", relationship="女儿", phone="13800000000")
    await family.replace_contacts(scope, elder_id, [contact], KEYRING)
    wanted = FamilyIn(name="王芳", relationship="女儿", may_see=["presence"])
    member = await family.put_family_member(scope, elder_id, None, wanted, keyring=KEYRING, now=now)
    consent = ConsentIn(
        purpose="family_sharing", family_member_id=member.id, kinds=["presence"],
        text_version="2026-1", signer="self", signer_name="王秀兰", valid_from=now,
    )  # fmt: skip
    await family.add_consent(scope, elder_id, consent, None, now)
    risk = RiskIn(risk="fall", level="none", version=0)
    await risks.assess_risk(scope, elder_id, risk, by="周敏", now=now)


async def fill_devices(scope: TenantScope, home: Home, world: World) -> None:
    """A button whose id says whose it is, with a test and a fault."""
    now = world.clock.now()
    device_id = f"button-{home.institution_id.hex[:8]}"
    device = await add_device(scope, device_id, "button-1", None, now, kind="button")
    await assign(scope, device_id, Subject(None, home.beds[0], None), now - timedelta(days=1))
    await register.record_test(
        scope, device, TestIn(passed=True), tester_id=None, tester="周敏", now=now
    )
    await report_fault(scope, device, FaultIn(description="没有反应"), "周敏", now)


async def record_ids(world: World, home: Home) -> dict[str, str]:
    """By the name of a path parameter."""
    wanted = {
        "building_id": "SELECT id FROM building",
        "unit_id": "SELECT id FROM unit",
        "room_id": "SELECT id FROM room WHERE unit_id IS NOT NULL",
        "bed_id": "SELECT id FROM bed ORDER BY name",
        "home_id": "SELECT id FROM home",
        "kit_item_id": "SELECT id FROM home_kit_item ORDER BY kind",
        "home_check_id": "SELECT c.id FROM home_check c JOIN photo p ON p.home_check_id = c.id",
        "home_photo_id": "SELECT id FROM photo WHERE home_check_id IS NOT NULL",
        "stay_id": "SELECT id FROM stay ORDER BY valid_from",
        "family_member_id": "SELECT family_member_id FROM consent WHERE purpose = 'family_sharing'",
        "consent_id": "SELECT id FROM consent",
        "device_id": "SELECT device_id FROM device WHERE kind = 'button'",
        "fault_id": "SELECT id FROM device_fault WHERE ended_at IS NULL",
        "assignment_id": "SELECT id FROM assignment WHERE bed_id IS NOT NULL",
    }
    found = {}
    async with world.database.tenant(home.institution_id) as scope:
        for name, query in wanted.items():
            found[name] = str(await scope.session.scalar(text(query + " LIMIT 1")))
    return found


async def family_login(world: World, home: Home, username: str) -> None:
    """A login with the role family."""
    now = world.clock.now()
    async with world.database.tenant(home.institution_id) as scope:
        if await find_user(scope, username) is None:
            await add_user(scope, username, "王芳", role="family", password=PASSWORD, now=now)
