"""Rules of places: how they are made, changed and closed, and how they are called."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from cloud.conflicts import refusals_named
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ConflictError, NotFoundError
from cloud.etag import require_version
from cloud.places.models import Bed, Building, Home, Room, Unit
from cloud.places.schemas import PlaceKind, PlaceOut

_KINDS: Final[dict[type, PlaceKind]] = {
    Building: "building", Unit: "unit", Room: "room", Bed: "bed", Home: "home",
}  # fmt: skip
AnyPlace = Building | Unit | Room | Bed | Home
Place = TypeVar("Place", Building, Unit, Room, Bed, Home)
# What stands in what: closing the outer needs the inner closed.
_INSIDE: Final = ((Building, Unit, "building_id"), (Unit, Room, "unit_id"), (Home, Room, "home_id"),
                  (Room, Bed, "room_id"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A bed, a room (`bed` None) or a unit (`room` empty), in words.

    `unit`: of a room in a home, the home.
    """

    unit: str
    room: str
    bed: str | None
    is_home: bool = False

    @property
    def label(self) -> str:
        """`2 楼 护理一区 203-1 床`, `2 楼 护理一区 203 室`, `张家 卧室`."""
        if self.is_home:
            return f"{self.unit} {self.room}"
        if self.room == "":
            return self.unit
        if self.bed is None:
            return f"{self.unit} {self.room} 室"
        return f"{self.unit} {self.room}-{self.bed} 床"


async def add_building(scope: TenantScope, name: str, **more: Any) -> Building:
    """A new building."""
    return await _add(scope, Building(id=uuid.uuid4(), name=name, **more))


async def add_unit(
    scope: TenantScope, name: str, sort_order: int, building_id: uuid.UUID | None = None
) -> Unit:
    """A new unit."""
    unit = Unit(id=uuid.uuid4(), name=name, sort_order=sort_order, building_id=building_id)
    return await _add(scope, unit)


async def add_room(
    scope: TenantScope,
    unit_id: uuid.UUID | None,
    name: str,
    home_id: uuid.UUID | None = None,
) -> Room:
    """A new room of a unit or of a home."""
    return await _add(scope, Room(id=uuid.uuid4(), unit_id=unit_id, home_id=home_id, name=name))


async def add_bed(scope: TenantScope, room_id: uuid.UUID, name: str, **more: Any) -> Bed:
    """A new bed in a room."""
    return await _add(scope, Bed(id=uuid.uuid4(), room_id=room_id, name=name, **more))


async def _add(scope: TenantScope, place: Place) -> Place:
    place.institution_id = scope.institution_id
    async with refusals_named(scope):
        scope.session.add(place)
    return place


async def find_place(scope: TenantScope, model: type[Place], place_id: uuid.UUID) -> Place:
    """Raises NotFoundError."""
    statement = scope.select(model).where(model.id == place_id)
    place = (await scope.session.scalars(statement)).one_or_none()
    if place is None:
        raise NotFoundError(model.__tablename__)
    return place


async def lock_place(
    scope: TenantScope, model: type[Place], place_id: uuid.UUID, if_match: str | None
) -> Place:
    """The place in the version the caller read. Raises NotFoundError, ProblemError 412 or 428."""
    statement = (
        scope.select(model)
        .where(model.id == place_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    place = (await scope.session.scalars(statement)).one_or_none()
    if place is None:
        raise NotFoundError(model.__tablename__)
    require_version(if_match, place.version)
    return place


async def change_place(scope: TenantScope, place: Place, changes: Mapping[str, Any]) -> None:
    """Rename, move, change. Raises ConflictError, BadFieldError."""
    if place.closed_at is not None:
        raise ConflictError("closed_at", "the place is closed; open it first")
    for name, value in changes.items():
        setattr(place, name, value)
    place.version += 1
    async with refusals_named(scope):
        pass


async def close_place(scope: TenantScope, place: AnyPlace, now: datetime) -> None:
    """No longer in use; its past stays. Raises ConflictError where something in it is open."""
    for outer, inner, field in _INSIDE:
        if isinstance(place, outer):
            still_open = scope.select(inner).where(
                getattr(inner, field) == place.id, inner.closed_at.is_(None)
            )
            if (await scope.session.scalars(still_open.limit(1))).first() is not None:
                raise ConflictError("closed_at", f"a {inner.__tablename__} in it is still open")
    place.closed_at = now
    place.version += 1
    await scope.session.flush()


async def require_open(
    scope: TenantScope, model: type[Place], place_id: uuid.UUID | None, field: str
) -> None:
    """Nothing new goes into a closed place. Raises BadFieldError naming `field`."""
    if place_id is None:
        return
    statement = scope.select(model).where(model.id == place_id, model.closed_at.is_(None))
    if (await scope.session.scalars(statement)).one_or_none() is None:
        raise BadFieldError(field, f"there is no such open {model.__tablename__} here")


def place_out(place: AnyPlace) -> PlaceOut:
    """As the API tells it."""
    return PlaceOut(
        id=place.id,
        kind=_KINDS[type(place)],
        name=place.name,
        version=place.version,
        closed_at=place.closed_at,
    )


@dataclass(frozen=True, slots=True)
class BedPlace:
    """Where a bed stands."""

    bed_id: uuid.UUID
    room_id: uuid.UUID
    unit_id: uuid.UUID | None


async def bed_places(scope: TenantScope) -> dict[uuid.UUID, BedPlace]:
    """Every bed with its room and unit."""
    statement = (
        scope.select(Bed)
        .join(Room, Room.id == Bed.room_id)
        .with_only_columns(Bed.id, Room.id, Room.unit_id)
    )
    rows = (await scope.session.execute(statement)).all()
    return {bed: BedPlace(bed, room, unit) for bed, room, unit in rows}


async def bed_names(
    scope: TenantScope, bed_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, PlaceName]:
    """Names of beds by id."""
    if not bed_ids:
        return {}
    statement = (
        scope.select(Bed)
        .join(Room, Room.id == Bed.room_id)
        .outerjoin(Unit, Unit.id == Room.unit_id)
        .outerjoin(Home, Home.id == Room.home_id)
        .where(Bed.id.in_(bed_ids))
        .with_only_columns(Bed.id, Unit.name, Home.name, Room.name, Bed.name)
    )
    rows = (await scope.session.execute(statement)).all()
    return {
        bed_id: PlaceName(unit or home or "", room, bed, home is not None)
        for bed_id, unit, home, room, bed in rows
    }


async def room_names(
    scope: TenantScope, room_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, PlaceName]:
    """Names of rooms by id."""
    if not room_ids:
        return {}
    statement = (
        scope.select(Room)
        .outerjoin(Unit, Unit.id == Room.unit_id)
        .outerjoin(Home, Home.id == Room.home_id)
        .where(Room.id.in_(room_ids))
        .with_only_columns(Room.id, Unit.name, Home.name, Room.name)
    )
    rows = (await scope.session.execute(statement)).all()
    return {
        room_id: PlaceName(unit or home or "", room, None, home is not None)
        for room_id, unit, home, room in rows
    }


async def unit_names(scope: TenantScope, unit_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Names of units by id."""
    if not unit_ids:
        return {}
    rows = await scope.session.scalars(scope.select(Unit).where(Unit.id.in_(unit_ids)))
    return {unit.id: unit.name for unit in rows}
