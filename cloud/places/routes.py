"""HTTP for places: made, renamed, moved. Reading them all and closing is cloud/people/occupancy."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.errors import BadFieldError, Problem
from cloud.etag import IfMatch, show_version
from cloud.identity.auth import requires
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal
from cloud.places import homes, service
from cloud.places.models import Bed, Building, Home, Room, Unit
from cloud.places.pictures import MAX_UPLOAD_BYTES, too_large
from cloud.places.schemas import (
    AcceptanceIn,
    BedIn,
    BuildingIn,
    CheckIn,
    HomeIn,
    HomeOut,
    KitItemIn,
    PhotoOut,
    PlaceOut,
    RoomIn,
    UnitIn,
)
from cloud.state import ChangeHeader, State

PlaceReader = Annotated[Principal, requires(Permission.PLACES_READ)]
PlaceManager = Annotated[Principal, requires(Permission.PLACES_MANAGE)]
PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(
    prefix="/api/v1",
    tags=["places"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 412, 422, 428)},
)


@router.post("/buildings", dependencies=[ChangeHeader])
async def add_building(body: BuildingIn, who: PlaceManager, response: Response) -> PlaceOut:
    """A new building."""
    return _out(who, response, await service.add_building(who.scope, **body.model_dump()))


@router.put("/buildings/{building_id}", dependencies=[ChangeHeader])
async def change_building(
    building_id: UUID,
    body: BuildingIn,
    who: PlaceManager,
    response: Response,
    if_match: IfMatch = None,
) -> PlaceOut:
    """Rename or change a building."""
    building = await service.lock_place(who.scope, Building, building_id, if_match)
    await service.change_place(who.scope, building, body.model_dump())
    return _out(who, response, building)


@router.post("/units", dependencies=[ChangeHeader])
async def add_unit(body: UnitIn, who: PlaceManager, response: Response) -> PlaceOut:
    """A new unit."""
    await service.require_open(who.scope, Building, body.building_id, "building_id")
    return _out(who, response, await service.add_unit(who.scope, **body.model_dump()))


@router.put("/units/{unit_id}", dependencies=[ChangeHeader])
async def change_unit(
    unit_id: UUID, body: UnitIn, who: PlaceManager, response: Response, if_match: IfMatch = None
) -> PlaceOut:
    """Rename a unit, or move it to another building."""
    await service.require_open(who.scope, Building, body.building_id, "building_id")
    unit = await service.lock_place(who.scope, Unit, unit_id, if_match)
    await service.change_place(who.scope, unit, body.model_dump())
    return _out(who, response, unit)


@router.post("/rooms", dependencies=[ChangeHeader])
async def add_room(body: RoomIn, who: PlaceManager, response: Response) -> PlaceOut:
    """A new room of a unit or of a home."""
    await _room_parent(who, body)
    return _out(who, response, await service.add_room(who.scope, **body.model_dump()))


@router.put("/rooms/{room_id}", dependencies=[ChangeHeader])
async def change_room(
    room_id: UUID, body: RoomIn, who: PlaceManager, response: Response, if_match: IfMatch = None
) -> PlaceOut:
    """Rename a room, or move it to another unit or home."""
    await service.find_place(who.scope, Room, room_id)
    await _room_parent(who, body)
    room = await service.lock_place(who.scope, Room, room_id, if_match)
    await service.change_place(who.scope, room, body.model_dump())
    return _out(who, response, room)


async def _room_parent(who: Principal, body: RoomIn) -> None:
    if (body.unit_id is None) == (body.home_id is None):
        raise BadFieldError("unit_id", "name one of unit_id, home_id")
    await service.require_open(who.scope, Unit, body.unit_id, "unit_id")
    await service.require_open(who.scope, Home, body.home_id, "home_id")


@router.post("/beds", dependencies=[ChangeHeader])
async def add_bed(body: BedIn, who: PlaceManager, response: Response) -> PlaceOut:
    """A new bed."""
    await service.require_open(who.scope, Room, body.room_id, "room_id")
    return _out(who, response, await service.add_bed(who.scope, **body.model_dump()))


@router.put("/beds/{bed_id}", dependencies=[ChangeHeader])
async def change_bed(
    bed_id: UUID, body: BedIn, who: PlaceManager, response: Response, if_match: IfMatch = None
) -> PlaceOut:
    """Rename a bed, move it to another room, or say what may be done with it."""
    await service.require_open(who.scope, Room, body.room_id, "room_id")
    bed = await service.lock_place(who.scope, Bed, bed_id, if_match)
    await service.change_place(who.scope, bed, body.model_dump())
    return _out(who, response, bed)


@router.post("/homes", dependencies=[ChangeHeader])
async def add_home(body: HomeIn, who: PlaceManager, state: State, response: Response) -> HomeOut:
    """A new home with the base kit on its list and the fitting checklist before it."""
    await service.require_open(who.scope, Unit, body.operator_unit_id, "operator_unit_id")
    home = await homes.add_home(who.scope, body, state.keyring, state.clock.now())
    note_place(who, home, "made")
    return await _home_out(who, home, state, response)


@router.get("/homes/{home_id}")
async def get_home(home_id: UUID, who: PlaceReader, state: State, response: Response) -> HomeOut:
    """A home with its kit and its checklist."""
    home = await service.find_place(who.scope, Home, home_id)
    return await _home_out(who, home, state, response)


@router.put("/homes/{home_id}", dependencies=[ChangeHeader])
async def change_home(
    *, home_id: UUID, body: HomeIn, who: PlaceManager, state: State, response: Response,
    if_match: IfMatch = None,
) -> HomeOut:  # fmt: skip
    """Change what is written down of a home."""
    await service.require_open(who.scope, Unit, body.operator_unit_id, "operator_unit_id")
    home = await service.lock_place(who.scope, Home, home_id, if_match)
    homes.require_own_state(home, body.state)
    await service.change_place(who.scope, home, homes.home_values(body, state.keyring, home_id))
    note_place(who, home, "changed")
    return await _home_out(who, home, state, response)


@router.post("/homes/{home_id}/acceptance", dependencies=[ChangeHeader])
async def accept_home(
    home_id: UUID, body: AcceptanceIn, who: PlaceManager, state: State, response: Response
) -> HomeOut:
    """The fitting is accepted; every point of the checklist must be done."""
    home = await service.find_place(who.scope, Home, home_id)
    homes.require_no_steps(home)
    await homes.accept_fitting(who.scope, home, body, state.clock.now())
    note_place(who, home, "accepted")
    return await _home_out(who, home, state, response)


@router.post("/homes/{home_id}/kit", dependencies=[ChangeHeader])
async def add_kit_item(
    home_id: UUID, body: KitItemIn, who: PlaceManager, state: State, response: Response
) -> HomeOut:
    """A further line of the kit list."""
    home = await service.find_place(who.scope, Home, home_id)
    homes.require_fitting(home)
    await homes.put_kit_item(who.scope, home, None, body, state.clock.now())
    note_place(who, home, "kit")
    return await _home_out(who, home, state, response)


@router.put("/homes/{home_id}/kit/{kit_item_id}", dependencies=[ChangeHeader])
async def change_kit_item(
    *, home_id: UUID, kit_item_id: UUID, body: KitItemIn, who: PlaceManager, state: State,
    response: Response,
) -> HomeOut:  # fmt: skip
    """Which device it is, and whether it is fitted."""
    home = await service.find_place(who.scope, Home, home_id)
    homes.require_fitting(home)
    await homes.put_kit_item(who.scope, home, kit_item_id, body, state.clock.now())
    note_place(who, home, "kit")
    return await _home_out(who, home, state, response)


@router.delete("/homes/{home_id}/kit/{kit_item_id}", dependencies=[ChangeHeader])
async def remove_kit_item(
    home_id: UUID, kit_item_id: UUID, who: PlaceManager, state: State, response: Response
) -> HomeOut:
    """Off the kit list."""
    home = await service.find_place(who.scope, Home, home_id)
    await homes.remove_kit_item(who.scope, home, kit_item_id, state.clock.now())
    note_place(who, home, "kit")
    return await _home_out(who, home, state, response)


@router.put("/homes/{home_id}/checks/{home_check_id}", dependencies=[ChangeHeader])
async def mark_home_check(
    *, home_id: UUID, home_check_id: UUID, body: CheckIn, who: PlaceManager, state: State,
    response: Response,
) -> HomeOut:  # fmt: skip
    """A point of the fitting checklist: done, or not."""
    home = await service.find_place(who.scope, Home, home_id)
    by, now = who.user.display_name, state.clock.now()
    homes.require_fitting(home)
    await homes.mark_check(who.scope, home, home_check_id, body, by=by, now=now)
    note_place(who, home, "checklist")
    return await _home_out(who, home, state, response)


@router.post(
    "/homes/{home_id}/checks/{home_check_id}/photos",
    dependencies=[ChangeHeader],
    openapi_extra=PICTURE_BODY,
)
async def add_home_check_photo(
    home_id: UUID, home_check_id: UUID, request: Request, who: PlaceManager, state: State
) -> PhotoOut:
    """A photo for a point of the checklist; it is made anew, without what the camera added."""
    home = await service.find_place(who.scope, Home, home_id)
    content = await read_picture(request)
    now = state.clock.now()
    photo = await homes.add_check_photo(
        who.scope, home, home_check_id, content, keyring=state.keyring, now=now
    )
    note_place(who, home, "photo")
    return PhotoOut(id=photo.id, width_px=photo.width_px, height_px=photo.height_px)


@router.get(
    "/homes/{home_id}/photos/{home_photo_id}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def get_home_photo(
    home_id: UUID, home_photo_id: UUID, who: PlaceReader, state: State
) -> Response:
    """A photo of a home's fitting."""
    await service.find_place(who.scope, Home, home_id)
    photo = await homes.find_check_photo(who.scope, home_id, home_photo_id)
    return picture_response(homes.jpeg_of(photo, state.keyring))


def picture_response(jpeg: bytes) -> Response:
    """A picture that is never kept by anything on the way."""
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


async def read_picture(request: Request) -> bytes:
    """The body, no longer than a photo. Raises ProblemError."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_UPLOAD_BYTES:
            raise too_large()
    return bytes(content)


async def _home_out(who: Principal, home: Home, state: State, response: Response) -> HomeOut:
    show_version(response, home.version)
    return await homes.home_out(who.scope, home, state.keyring)


def note_place(who: Principal, place: service.AnyPlace, what: str) -> None:
    """For the audit."""
    audit.record(
        who.scope, who.actor, Action.PLACE_CHANGED, who.at,
        subject=(place.__tablename__, place.id), detail={"name": place.name, "what": what},
    )  # fmt: skip


def _out(who: Principal, response: Response, place: Building | Unit | Room | Bed) -> PlaceOut:
    note_place(who, place, "made" if place.version == 1 else "changed")
    show_version(response, place.version)
    return service.place_out(place)
