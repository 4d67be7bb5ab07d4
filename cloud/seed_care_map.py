"""Houses on the care map for the made-up institutions, and made-up neighbours of theirs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cloud.bureau.caremap.count import find_profile, follow_counts
from cloud.bureau.caremap.models import CareMapProfile, Responder
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope
from cloud.identity.service import add_institution
from cloud.people.family import HELPER, put_family_member
from cloud.people.models import FamilyMember
from cloud.people.schemas import FamilyIn
from cloud.people.service import add_elder, add_stay
from cloud.places.service import add_bed, add_room, add_unit

BY: Final = "示范数据"
# Their beds: kind, how many there are, how many somebody has.
Beds = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What a made-up house says of itself. Somewhere in Chongqing; nobody can call there."""

    address: str
    phone: str
    lat: float
    lon: float
    services: tuple[str, ...]
    home_bed_capacity: int | None
    note: str = ""
    published: bool = True


HOUSE: Final = Said(
    "示范路 1 号", "023-00000001", 29.5340, 106.4930,
    ("medical_nursing", "dementia_care", "rehabilitation", "bedridden_care", "respite", "meals",
     "bathing", "home_visits"),
    20, "参观请提前一天电话预约。",
)  # fmt: skip
DEMO: Final = Said(
    "示范支路 8 号", "023-00000002", 29.5610, 106.5380,
    ("rehabilitation", "respite", "meals"), None,
)  # fmt: skip
NEIGHBOURS: Final[tuple[tuple[str, Said, Beds], ...]] = (
    (
        "青桥街道养老服务中心（示范）",
        Said("示范三路 20 号", "023-00000003", 29.5480, 106.4600,
             ("day_care", "respite", "meals", "bathing", "medical_escort", "home_visits"), 12,
             "短期托养最长 30 天。"),
        (("short_stay", 6, 4), ("general", 10, 7)),
    ),
    (
        "山茶护理院（示范）",
        Said("示范五路 3 号", "023-00000004", 29.6020, 106.5110,
             ("medical_nursing", "tube_feeding", "bedridden_care", "rehabilitation", "palliative"),
             None, "接收管路护理，入住前须评估。"),
        (("nursing", 16, 13), ("dementia", 6, 6)),
    ),
    (
        "两江颐年公寓（示范）",
        Said("示范大道 99 号", "023-00000005", 29.7200, 106.6300,
             ("dementia_care", "rehabilitation", "meals", "home_visits"), 40),
        (("general", 14, 6), ("dementia", 8, 5), ("nursing", 6, 2)),
    ),
    (
        "石桥敬老院（示范）",
        Said("", "", 0, 0, ("meals",), None, published=False),
        (("general", 8, 3),),
    ),
)  # fmt: skip
_SKILLS: Final = (
    ("bathing", "lifting", "night"), ("medical_escort", "home_visits"),
    ("dementia_care", "lifting"), ("bedridden_care", "tube_feeding", "night"),
)  # fmt: skip


async def put_on_map(scope: TenantScope, said: Said, now: datetime) -> None:
    """Where it is not yet; counted, so that the page shows it before the worker's next round."""
    if await find_profile(scope) is None:
        scope.session.add(
            CareMapProfile(
                institution_id=scope.institution_id, address=said.address, phone=said.phone,
                lat=said.lat if said.published else None, lon=said.lon if said.published else None,
                services=list(said.services), home_bed_capacity=said.home_bed_capacity,
                note=said.note, published=said.published, version=1, updated_at=now, updated_by=BY,
            )
        )  # fmt: skip
        await scope.session.flush()
    await follow_counts(scope, now)


async def give_skills(
    scope: TenantScope, carers: Sequence[uuid.UUID], elders: Sequence[uuid.UUID], keyring: Keyring,
    now: datetime,
) -> None:  # fmt: skip
    """What carers can do; a neighbour for each of these elders, the first for others too."""
    rows = [
        Responder(id=uuid.uuid4(), institution_id=scope.institution_id, user_id=user_id,
                  skills=list(_SKILLS[number % len(_SKILLS)]), capacity=None, version=1,
                  updated_at=now, updated_by=BY)
        for number, user_id in enumerate(carers)
    ]  # fmt: skip
    names = ("何邻居", "邓阿姨", "曹师傅")
    helpers: list[FamilyMember] = []
    for name, elder_id in zip(names, elders, strict=False):
        wanted = FamilyIn(name=name, relationship="邻居", role=HELPER, may_see=["alerts"])
        helpers.append(
            await put_family_member(scope, elder_id, None, wanted, keyring=keyring, now=now)
        )
    rows += [
        Responder(id=uuid.uuid4(), institution_id=scope.institution_id, family_member_id=one.id,
                  skills=["meals", "home_visits"], capacity=2, version=1, updated_at=now,
                  updated_by=BY)
        for one in helpers[:1]
    ]  # fmt: skip
    scope.session.add_all(rows)
    await scope.session.flush()


async def add_neighbours(database: Database, now: datetime) -> list[uuid.UUID]:
    """More made-up houses of the district, marked as such: a map of one house is none."""
    made = []
    for name, said, beds in NEIGHBOURS:
        async with database.transaction() as session:
            scope = await add_institution(session, name, now, demo=True)
            await _fill(scope, beds, now)
            await put_on_map(scope, said, now)
            made.append(scope.institution_id)
    return made


async def _fill(scope: TenantScope, beds: Beds, now: datetime) -> None:
    unit = await add_unit(scope, "护理区", 1)
    since, number = now - timedelta(days=30), 0
    for kind, total, taken in beds:
        for each in range(total):
            number += 1
            room = await add_room(scope, unit.id, f"{100 + number}")
            bed = await add_bed(scope, room.id, "1", kind=kind)
            if each < taken:
                elder = await add_elder(
                    scope, f"示范老人{number:03}", sex="female", birth_date=date(1940, 1, 1),
                    care_note="", now=since,
                )  # fmt: skip
                await add_stay(scope, elder.id, bed.id, since)
