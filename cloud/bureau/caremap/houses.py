"""Houses that somebody may see on the map: the bureau's members, one's own, the neighbours."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from cloud.bureau.caremap.catalogue import BED_KINDS, COUNTS_HOLD
from cloud.bureau.caremap.count import Beds, beds_of, count_beds, count_waiting, find_profile
from cloud.bureau.caremap.profile import beds_out, place_out, services_out
from cloud.bureau.caremap.schemas import (
    CareMapOut,
    MapHouseOut,
    UnpublishedHouse,
    WaitingOut,
)
from cloud.bureau.caremap.waiting import Waiting, waiting_of
from cloud.bureau.masking import SMALL
from cloud.bureau.matching import Candidate, Reason
from cloud.bureau.service import is_bureau, members_of
from cloud.bureau.sheet import Member
from cloud.database import TenantScope
from cloud.geo import Point, point_of
from cloud.identity.models import Institution
from cloud.identity.service import Principal

# A house that has no beds of a kind could have any number free: only the kind speaks against it.
_ANY: tuple[int, int] = (0, 1)


@dataclass(frozen=True, slots=True)
class House:
    """A house with its beds, and when they were counted (None: never)."""

    id: uuid.UUID
    name: str
    own: bool
    published: bool
    district_code: str | None
    district_name: str
    address: str
    phone: str
    point: Point | None
    services: tuple[str, ...]
    note: str
    beds: dict[str, Beds]
    counted_at: datetime | None

    def is_stale(self, now: datetime) -> bool:
        """Whether its counts are too old to be believed."""
        return self.counted_at is None or now - self.counted_at > COUNTS_HOLD


async def houses_of(scope: TenantScope, now: datetime) -> list[House]:
    """By name. One's own house is counted now and seen before it is published."""
    own = await _own(scope, now)
    rows = await scope.session.execute(text("SELECT * FROM care_map_published()"))
    found = [] if own is None else [own]
    found += [
        House(
            row.house_id, row.name, False, True, row.district_code, row.district_name,
            row.address, row.phone, point_of(row.lat, row.lon), tuple(row.services), row.note,
            beds_of(row.beds), row.counted_at,
        )
        for row in rows
        if row.house_id != scope.institution_id
    ]  # fmt: skip
    return sorted(found, key=lambda house: (house.name, str(house.id)))


async def _own(scope: TenantScope, now: datetime) -> House | None:
    """None: a bureau, or a house that has said nothing yet."""
    profile = await find_profile(scope)
    if profile is None:
        return None
    institution = await scope.session.get_one(Institution, scope.institution_id)
    return House(
        institution.id, institution.name, True, profile.published, None, "", profile.address,
        profile.phone, profile.point, tuple(profile.services), profile.note,
        await count_beds(scope, now), now,
    )  # fmt: skip


def candidate_of(house: House, kind: str, now: datetime) -> Candidate:
    """A house as the matcher weighs it for a kind of bed."""
    beds = house.beds.get(kind)
    load, capacity = _ANY if beds is None else (beds.taken + beds.reserved, beds.total or 0)
    against: list[Reason] = []
    if house.is_stale(now):
        against.append(Reason("counts_old"))
    if beds is None:
        against.append(Reason("no_such_beds", names=tuple(house.beds)))
    elif beds.total is None:
        against.append(Reason("capacity_unknown"))
        load, capacity = _ANY
    return Candidate(
        str(house.id), kind, house.point, frozenset(house.services), load, capacity, tuple(against)
    )


async def map_out(who: Principal, map_tiles: str, now: datetime) -> CareMapOut:
    """The map, with the open needs of a bureau's members or of one's own house."""
    bureau = is_bureau(who)
    houses = await houses_of(who.scope, now)
    members = await members_of(who.scope) if bureau else []
    shown = {house.id for house in houses}
    return CareMapOut(
        whose="bureau" if bureau else "house",
        kinds=list(BED_KINDS),
        services=services_out(),
        houses=[house_out(house, now) for house in houses],
        unpublished=[
            UnpublishedHouse(id=one.id, name=one.name, district_name=one.district_name)
            for one in members
            if one.id not in shown
        ],
        waiting=[_waiting_out(one) for one in await _waiting(who, members, bureau=bureau)],
        masked_below=SMALL,
        map_tiles=map_tiles,
        server_time=now,
    )


async def _waiting(who: Principal, members: list[Member], *, bureau: bool) -> list[Waiting]:
    scope = who.scope
    institution = await scope.session.get_one(Institution, scope.institution_id)
    if bureau:
        rows = await scope.session.execute(text("SELECT * FROM bureau_waiting()"))
        said = {row.member_id: row.waiting for row in rows}
        return waiting_of(members, said, title=institution.name)
    own = Member(institution.id, institution.name, None, "", shows_events=True)
    said = {own.id: await count_waiting(scope)}
    found = waiting_of([own], said, title=institution.name, masking=False)
    return [one for one in found if one.level == "institution"]


def _waiting_out(one: Waiting) -> WaitingOut:
    return WaitingOut.model_validate(
        {"node": one.node, "level": one.level, "name": one.name, "kind": one.kind,
         "count": one.count, "masked": one.masked, "known": one.known}
    )  # fmt: skip


def house_out(house: House, now: datetime) -> MapHouseOut:
    """As the API tells it."""
    return MapHouseOut(
        id=house.id,
        name=house.name,
        own=house.own,
        published=house.published,
        district_code=house.district_code,
        district_name=house.district_name,
        address=house.address,
        phone=house.phone,
        place=place_out(house.point),
        services=list(house.services),
        note=house.note,
        beds=beds_out(house.beds, own=house.own),
        counted_at=house.counted_at,
        stale=house.is_stale(now),
    )
