"""Rules of places: how they are made and how they are called."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from cloud.database import TenantScope
from cloud.places.models import Bed, Room, Unit


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A bed, or a room (`bed` None), in words."""

    unit: str
    room: str
    bed: str | None

    @property
    def label(self) -> str:
        """`2 楼 护理一区 203-1 床`, or `2 楼 护理一区 203 室`."""
        if self.bed is None:
            return f"{self.unit} {self.room} 室"
        return f"{self.unit} {self.room}-{self.bed} 床"


async def add_unit(scope: TenantScope, name: str, sort_order: int) -> Unit:
    """A new unit."""
    unit = Unit(
        id=uuid.uuid4(), institution_id=scope.institution_id, name=name, sort_order=sort_order
    )
    scope.session.add(unit)
    await scope.session.flush()
    return unit


async def add_room(scope: TenantScope, unit_id: uuid.UUID, name: str) -> Room:
    """A new room of a unit."""
    room = Room(id=uuid.uuid4(), institution_id=scope.institution_id, unit_id=unit_id, name=name)
    scope.session.add(room)
    await scope.session.flush()
    return room


async def add_bed(scope: TenantScope, room_id: uuid.UUID, name: str) -> Bed:
    """A new bed in a room."""
    bed = Bed(id=uuid.uuid4(), institution_id=scope.institution_id, room_id=room_id, name=name)
    scope.session.add(bed)
    await scope.session.flush()
    return bed


async def bed_names(
    scope: TenantScope, bed_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, PlaceName]:
    """Names of beds by id."""
    if not bed_ids:
        return {}
    statement = (
        scope.select(Bed)
        .join(Room, Room.id == Bed.room_id)
        .join(Unit, Unit.id == Room.unit_id)
        .where(Bed.id.in_(bed_ids))
        .with_only_columns(Bed.id, Unit.name, Room.name, Bed.name)
    )
    rows = (await scope.session.execute(statement)).all()
    return {bed_id: PlaceName(unit, room, bed) for bed_id, unit, room, bed in rows}


async def room_names(
    scope: TenantScope, room_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, PlaceName]:
    """Names of rooms by id."""
    if not room_ids:
        return {}
    statement = (
        scope.select(Room)
        .join(Unit, Unit.id == Room.unit_id)
        .where(Room.id.in_(room_ids))
        .with_only_columns(Room.id, Unit.name, Room.name)
    )
    rows = (await scope.session.execute(statement)).all()
    return {room_id: PlaceName(unit, room, None) for room_id, unit, room in rows}
