"""Open needs, and what meets them: a free bed anywhere in the district, or somebody of the house.

An open need is not filed a second time: who waits for a home bed has an application, who waits for
a bed has a record and no stay, and what a person is to do is a task that is open already.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from cloud.audit.actions import Action
from cloud.audit.service import record, record_read
from cloud.bureau.caremap.catalogue import BED_KINDS, HOME_BED, RESPONDER, known_services
from cloud.bureau.caremap.count import find_profile, waiting_for_bed, waiting_for_home_bed
from cloud.bureau.caremap.houses import House, candidate_of, houses_of
from cloud.bureau.caremap.profile import place_out, services_out
from cloud.bureau.caremap.responders import Person, candidates_of, persons
from cloud.bureau.caremap.schemas import (
    BedNeedIn,
    CareNeedIn,
    MapPoint,
    MatchesOut,
    MatchReasonOut,
    OfferOut,
    OpenNeedOut,
    OpenNeedsOut,
)
from cloud.bureau.matching import Matched, Need, match
from cloud.care.tasks.models import CareTask
from cloud.care.tasks.service import open_tasks
from cloud.care.visits.models import VisitPlan
from cloud.care.visits.service import find_plan, place_of
from cloud.crypto import Keyring
from cloud.database import TenantScope
from cloud.geo import Point
from cloud.identity.service import Principal
from cloud.people.models import Elder, Stay
from cloud.people.reach import Reach
from cloud.people.service import covers, elders_by_id, find_elder
from cloud.places.models import Bed, Room
from cloud.places.schemas import BedKind

PlaceFrom = Literal["given", "door", "house"]
# An application asked for is an application: the need is the home bed, not somebody to send.
_OF_TASK: Final[Mapping[str, BedKind | Literal["responder"]]] = {"home_bed_application": "home"}


async def open_needs(
    scope: TenantScope, reach: Reach, map_tiles: str, now: datetime
) -> OpenNeedsOut:
    """Of whom the caller reaches, the longest waiting first."""
    applied = await waiting_for_home_bed(scope)
    unplaced, tasks = await waiting_for_bed(scope), await open_tasks(scope)
    hidden = await reach.hidden()
    ids = {bed.elder_id for bed in applied} | {task.elder_id for task in tasks}
    ids |= {elder.id for elder in unplaced}
    elders = await elders_by_id(scope, ids - hidden)
    placed = await _with_place(scope, set(elders), now)
    found = [
        OpenNeedOut(
            id=bed.id, elder_id=bed.elder_id, elder_name=elders[bed.elder_id].name,
            source="home_bed", kind=HOME_BED, task=None, why=bed.step, since=bed.created_at,
            due_on=None, has_place=bed.elder_id in placed,
        )
        for bed in applied
        if bed.elder_id in elders
    ]  # fmt: skip
    found += [
        OpenNeedOut(
            id=elder.id, elder_id=elder.id, elder_name=elder.name, source="no_bed", kind=None,
            task=None, why="", since=elder.created_at, due_on=None,
            has_place=elder.id in placed,
        )
        for elder in unplaced
        if elder.id in elders
    ]  # fmt: skip
    found += [
        _of_task(task, elders[task.elder_id], placed) for task in tasks if task.elder_id in elders
    ]
    return OpenNeedsOut(
        needs=sorted(found, key=lambda one: (one.since, str(one.id))), services=services_out(),
        kinds=list(BED_KINDS), map_tiles=map_tiles,
    )  # fmt: skip


def _of_task(task: CareTask, elder: Elder, placed: set[uuid.UUID]) -> OpenNeedOut:
    return OpenNeedOut(
        id=task.id, elder_id=elder.id, elder_name=elder.name, source="task",
        kind=_OF_TASK.get(task.kind, RESPONDER), task=task.kind, why=task.why,
        since=task.asked_at, due_on=task.due_on, has_place=elder.id in placed,
    )  # fmt: skip


async def _with_place(
    scope: TenantScope, elder_ids: set[uuid.UUID], now: datetime
) -> set[uuid.UUID]:
    """Elders of whom it is known where they are: a door on the map, or the house itself."""
    doors = (
        scope.select(VisitPlan)
        .where(VisitPlan.elder_id.in_(elder_ids), VisitPlan.place_sealed.is_not(None))
        .with_only_columns(VisitPlan.elder_id)
    )
    found = set(await scope.session.scalars(doors))
    profile = await find_profile(scope)
    if profile is not None and profile.point is not None:
        found |= await _inside(scope, elder_ids, now)
    return found


async def _inside(scope: TenantScope, elder_ids: set[uuid.UUID], now: datetime) -> set[uuid.UUID]:
    """Who stays in a bed of the house itself."""
    statement = (
        scope.select(Stay)
        .join(Bed, (Bed.institution_id == Stay.institution_id) & (Bed.id == Stay.bed_id))
        .join(Room, (Room.institution_id == Bed.institution_id) & (Room.id == Bed.room_id))
        .where(*covers(now), Stay.elder_id.in_(elder_ids), Room.unit_id.is_not(None))
        .with_only_columns(Stay.elder_id)
    )
    return {elder_id for (elder_id,) in await scope.session.execute(statement)}


async def match_beds(who: Principal, wanted: BedNeedIn, now: datetime) -> MatchesOut:
    """For a bureau's clerk or a house's desk: without anybody's name. Raises BadFieldError."""
    where = None if wanted.place is None else Point(wanted.place.lat, wanted.place.lon)
    found = await _beds(who.scope, wanted, where, now)
    _note(who, wanted.kind, found, now)
    return _matches_out(found, where, None if where is None else "given")


async def match_need(
    who: Principal, reach: Reach, wanted: CareNeedIn, keyring: Keyring, now: datetime
) -> MatchesOut:
    """For a care worker. Raises NotFoundError, OutsideUnitError, BadFieldError."""
    inside = False
    if wanted.elder_id is not None:
        await find_elder(who.scope, wanted.elder_id)
        await reach.require_elder(wanted.elder_id)
        record_read(who.scope, who.actor, wanted.elder_id, "match_care_need", now)
        inside = bool(await _inside(who.scope, {wanted.elder_id}, now))
    where, place_from = await _where(who, wanted, keyring, inside=inside)
    if wanted.kind == RESPONDER:
        people = await persons(who.scope, reach, now)
        found = await _responders(
            who.scope, people, wanted, where, keyring=keyring, now=now, inside=inside
        )
    else:
        found = await _beds(who.scope, wanted, where, now)
    _note(who, wanted.kind, found, now)
    return _matches_out(found, where, place_from)


async def _where(
    who: Principal, wanted: CareNeedIn, keyring: Keyring, *, inside: bool
) -> tuple[Point | None, PlaceFrom | None]:
    """What was given, else the house that the elder stays in, else their door."""
    if wanted.place is not None:
        return Point(wanted.place.lat, wanted.place.lon), "given"
    if wanted.elder_id is None:
        return None, None
    plan = await find_plan(who.scope, wanted.elder_id)
    door = None if plan is None else place_of(plan, keyring)
    if inside:
        profile = await find_profile(who.scope)
        house = None if profile is None else profile.point
        return house, None if house is None else "house"
    return (None, None) if door is None else (Point(door.lat, door.lon), "door")


Found = list[tuple[Matched, House | Person]]


async def _beds(
    scope: TenantScope, wanted: BedNeedIn | CareNeedIn, where: Point | None, now: datetime
) -> Found:
    need = _need(wanted, where, "house")
    houses = {str(house.id): house for house in await houses_of(scope, now)}
    found = match(need, [candidate_of(house, wanted.kind, now) for house in houses.values()])
    return [(one, houses[one.candidate.key]) for one in found]


async def _responders(
    scope: TenantScope, people: Sequence[Person], wanted: CareNeedIn, where: Point | None, *,
    keyring: Keyring, now: datetime, inside: bool,
) -> Found:  # fmt: skip
    need = _need(wanted, where, "responder")
    by_key = {str(one.id): one for one in people}
    found = match(
        need, await candidates_of(scope, people, wanted.elder_id, keyring, now, inside=inside)
    )
    return [(one, by_key[one.candidate.key]) for one in found]


def _need(
    wanted: BedNeedIn | CareNeedIn, where: Point | None, of: Literal["house", "responder"]
) -> Need:
    return Need(
        wanted.kind, where, wanted.within_km,
        frozenset(known_services(wanted.needs, of, "needs")),
        frozenset(known_services(wanted.wishes, of, "wishes")),
    )  # fmt: skip


def _note(who: Principal, kind: str, found: Found, now: datetime) -> None:
    """That somebody looked, for what, with how many finds; not where: that could be a door."""
    fitting = sum(one.score is not None for one, _ in found)
    record(
        who.scope, who.actor, Action.CARE_MAP_MATCHED, now,
        detail={"kind": kind, "fitting": fitting, "left_out": len(found) - fitting},
    )  # fmt: skip


def _matches_out(found: Found, where: Point | None, place_from: PlaceFrom | None) -> MatchesOut:
    told = [_offer_out(one, behind) for one, behind in found]
    return MatchesOut(
        fitting=[one for one in told if one.score is not None],
        left_out=[one for one in told if one.score is None],
        place=None if where is None else MapPoint(lat=where.lat, lon=where.lon),
        place_from=place_from,
    )


def _offer_out(one: Matched, behind: House | Person) -> OfferOut:
    far = None if one.distance_km is None else round(one.distance_km, 1)
    reasons = [
        MatchReasonOut(code=reason.code, value=reason.value, names=list(reason.names))
        for reason in one.reasons
    ]
    if isinstance(behind, Person):
        # No place: where a helper or a carer is, is nobody's business; how far they are is.
        return OfferOut(
            id=behind.id, who=behind.who, name=behind.name, own=True, phone="", address="",
            place=None, free=one.candidate.free, total=one.candidate.capacity, score=one.score,
            distance_km=far, reasons=reasons,
        )  # fmt: skip
    beds = behind.beds.get(one.candidate.kind)
    return OfferOut(
        id=behind.id, who="house", name=behind.name, own=behind.own, phone=behind.phone,
        address=behind.address, place=place_out(behind.point),
        free=None if beds is None else beds.free, total=None if beds is None else beds.total,
        score=one.score, distance_km=far, reasons=reasons,
    )  # fmt: skip
