"""HTTP for the care map: the bureau's side without names, the house's own words, the care side."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from cloud.bureau.caremap import houses, needs, profile, responders
from cloud.bureau.caremap.schemas import (
    BedNeedIn,
    CareMapOut,
    CareMapProfileIn,
    CareMapProfileOut,
    CareNeedIn,
    MatchesOut,
    OpenNeedsOut,
    ResponderIn,
    ResponderOut,
    RespondersOut,
)
from cloud.care.access import CareReader
from cloud.errors import Problem
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.state import ChangeHeader, State

MapReader = Annotated[Principal, requires(Permission.BUREAU_READ, Permission.REPORTS_READ)]
PlaceReader = Annotated[Principal, requires(Permission.PLACES_READ)]
MapManager = Annotated[Principal, requires(Permission.CARE_MAP_MANAGE)]
SkillKeeper = Annotated[Principal, requires(Permission.RECORDS_WRITE)]

router = APIRouter(
    prefix="/api/v1",
    tags=["care-map"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/bureau/care-map")
async def get_care_map(principal: MapReader, state: State) -> CareMapOut:
    """Houses with their beds by kind, services and places; open needs as masked counts."""
    return await houses.map_out(principal, state.settings.map_tiles, state.clock.now())


@router.post("/bureau/care-map/matches", dependencies=[ChangeHeader])
async def match_free_beds(body: BedNeedIn, principal: MapReader, state: State) -> MatchesOut:
    """Houses with a free bed for a need that names nobody, with reasons; nothing is kept."""
    return await needs.match_beds(principal, body, state.clock.now())


@router.get("/care-map/profile")
async def get_care_map_profile(principal: PlaceReader, state: State) -> CareMapProfileOut:
    """What one's own house says of itself."""
    return await profile.profile_out(principal, state.clock.now())


@router.put("/care-map/profile", dependencies=[ChangeHeader])
async def put_care_map_profile(
    body: CareMapProfileIn, principal: MapManager, state: State
) -> CareMapProfileOut:
    """Change it, publish it, or take it off the map."""
    now = state.clock.now()
    await profile.set_profile(principal, body, now)
    return await profile.profile_out(principal, now)


@router.get("/care-map/needs")
async def list_open_needs(principal: CareReader, state: State) -> OpenNeedsOut:
    """Who waits for a bed, a home bed or somebody to come; of whom the caller reaches."""
    reach = await reach_of(principal)
    tiles = state.settings.map_tiles
    return await needs.open_needs(principal.scope, reach, tiles, state.clock.now())


@router.post("/care-map/matches", dependencies=[ChangeHeader])
async def match_care_need(body: CareNeedIn, principal: CareReader, state: State) -> MatchesOut:
    """Free beds of the district, or people of one's own house, with reasons; nothing is kept."""
    reach = await reach_of(principal)
    return await needs.match_need(principal, reach, body, state.keyring, state.clock.now())


@router.get("/care-map/responders")
async def list_responders(principal: CareReader, state: State) -> RespondersOut:
    """Staff and paired helpers of one's own house, with what they can do."""
    reach = await reach_of(principal)
    found = await responders.persons(principal.scope, reach, state.clock.now())
    return RespondersOut(
        responders=[responders.responder_out(one) for one in found],
        services=profile.services_out(),
        may_change=principal.may(Permission.RECORDS_WRITE),
    )


@router.put("/care-map/responders/{responder_id}", dependencies=[ChangeHeader])
async def put_responder(
    responder_id: UUID, body: ResponderIn, principal: SkillKeeper, state: State
) -> ResponderOut:
    """What somebody can do, and how much at a time."""
    reach = await reach_of(principal)
    now = state.clock.now()
    return responders.responder_out(
        await responders.set_responder(principal, reach, responder_id, body, now)
    )
