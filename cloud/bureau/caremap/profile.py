"""What a house says of itself on the map: read by everybody in it, changed by its manager."""

from __future__ import annotations

from datetime import datetime

from cloud.audit.actions import Action
from cloud.audit.service import record
from cloud.bureau.caremap.catalogue import known_services, services
from cloud.bureau.caremap.count import Beds, count_beds, find_profile, follow_counts
from cloud.bureau.caremap.models import CareMapProfile
from cloud.bureau.caremap.schemas import (
    CareMapProfileIn,
    CareMapProfileOut,
    CareServiceOut,
    KindOfBedsOut,
    MapPoint,
)
from cloud.errors import BadFieldError, ChangedMeanwhileError
from cloud.geo import Point
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal

_NEEDED: dict[str, str] = {
    "address": "公布前请填写地址",
    "phone": "公布前请填写联系电话",
    "place": "公布前请填写经纬度，否则不能按距离匹配",
}


async def set_profile(who: Principal, wanted: CareMapProfileIn, now: datetime) -> CareMapProfile:
    """Raises BadFieldError, ChangedMeanwhileError; nothing is changed then."""
    offered = known_services(wanted.services, "house", "services")
    if wanted.published:
        for field, why in _NEEDED.items():
            if not getattr(wanted, field):
                raise BadFieldError(field, why)
    held = await find_profile(who.scope, lock=True)
    if wanted.version != (0 if held is None else held.version):
        raise ChangedMeanwhileError("养老地图登记")
    before = None if held is None else _told(held)
    if held is None:
        held = CareMapProfile(institution_id=who.scope.institution_id, version=0)
        who.scope.session.add(held)
    held.address, held.phone, held.note = wanted.address, wanted.phone, wanted.note
    held.lat = None if wanted.place is None else wanted.place.lat
    held.lon = None if wanted.place is None else wanted.place.lon
    held.services, held.home_bed_capacity = offered, wanted.home_bed_capacity
    held.published = wanted.published
    held.version += 1
    held.updated_at, held.updated_by = now, who.user.display_name
    record(
        who.scope, who.actor, Action.PLACE_CHANGED, now,
        subject=("care_map_profile", who.scope.institution_id),
        changes={"care_map": (before, _told(held))},
    )  # fmt: skip
    await who.scope.session.flush()
    await follow_counts(who.scope, now)
    return held


def _told(held: CareMapProfile) -> str:
    said = "公布" if held.published else "未公布"
    place = "" if held.lat is None else f"{held.lat},{held.lon}"
    parts = (said, held.address, held.phone, place, "、".join(held.services), held.note)
    return " | ".join((*parts, str(held.home_bed_capacity)))


async def profile_out(who: Principal, now: datetime) -> CareMapProfileOut:
    """With the beds as they stand now; a house that said nothing yet has version 0."""
    held, beds = await find_profile(who.scope), await count_beds(who.scope, now)
    return CareMapProfileOut(
        address="" if held is None else held.address,
        phone="" if held is None else held.phone,
        place=None if held is None else place_out(held.point),
        services=[] if held is None else held.services,
        home_bed_capacity=None if held is None else held.home_bed_capacity,
        note="" if held is None else held.note,
        published=held is not None and held.published,
        version=0 if held is None else held.version,
        updated_at=None if held is None else held.updated_at,
        updated_by=None if held is None else held.updated_by,
        beds=beds_out(beds),
        catalogue=services_out(),
        may_change=who.may(Permission.CARE_MAP_MANAGE),
    )


def place_out(point: Point | None) -> MapPoint | None:
    """Where it is known."""
    return None if point is None else MapPoint(lat=point.lat, lon=point.lon)


def beds_out(beds: dict[str, Beds], *, own: bool = True) -> list[KindOfBedsOut]:
    """In the order of the kinds. Who has one of no stated number is told to the house alone."""
    return [
        KindOfBedsOut.model_validate(
            {"kind": kind, "total": one.total, "reserved": one.reserved, "free": one.free,
             "taken": one.taken if own or one.total is not None else None}
        )
        for kind, one in beds.items()
    ]  # fmt: skip


def services_out() -> list[CareServiceOut]:
    """The catalogue."""
    return [
        CareServiceOut(key=one.key, zh=one.zh, en=one.en, of=list(one.of))
        for one in services().values()
    ]
