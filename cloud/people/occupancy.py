"""The whole tree of places with who is where, in one read; and what may be closed."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from cloud.database import TenantScope
from cloud.errors import ConflictError
from cloud.people.models import Elder, Stay
from cloud.people.stays import residents
from cloud.places.models import Bed, Building, Home, Room, Unit
from cloud.places.schemas import BedKind, BedState, HomeState
from cloud.places.service import AnyPlace, close_place
from cloud.schema_types import ApiModel

Occupancy = Literal["free", "occupied", "reserved", "out_of_use"]


class ResidentOut(ApiModel):
    """Who has the bed now. Without the right to read records only that somebody has."""

    elder_id: UUID | None
    name: str | None


class BedNode(ApiModel):
    """A bed with its state and who has it."""

    id: UUID
    name: str
    kind: BedKind
    state: BedState
    occupancy: Occupancy
    note: str
    resident: ResidentOut | None
    version: int


class RoomNode(ApiModel):
    """A room with its beds."""

    id: UUID
    name: str
    beds: list[BedNode]
    version: int


class UnitNode(ApiModel):
    """A unit with its rooms. `reached`: the caller may open what is kept of its residents."""

    id: UUID
    name: str
    building_id: UUID | None
    sort_order: int
    rooms: list[RoomNode]
    version: int
    reached: bool


class BuildingNode(ApiModel):
    """A building; its units are listed beside the buildings."""

    id: UUID
    name: str
    address: str
    sort_order: int
    version: int


class HomeNode(ApiModel):
    """A home with its rooms."""

    id: UUID
    name: str
    state: HomeState
    operator_unit_id: UUID | None
    rooms: list[RoomNode]
    version: int


class Counts(ApiModel):
    """Beds of the institution; home beds apart."""

    beds: int
    occupied: int
    free: int
    home_beds: int
    home_beds_occupied: int


class PlaceTree(ApiModel):
    """All open places."""

    buildings: list[BuildingNode]
    units: list[UnitNode]
    homes: list[HomeNode]
    counts: Counts


async def place_tree(
    scope: TenantScope,
    now: datetime,
    *,
    with_names: bool,
    hidden: frozenset[uuid.UUID] = frozenset(),
    reached: frozenset[uuid.UUID] | None = None,
) -> PlaceTree:
    """Seven queries, however many places there are. `hidden` elders are not named.

    `reached`: the units whose residents the caller reaches; None: all.
    """
    session = scope.session
    buildings = await session.scalars(
        scope.select(Building).where(Building.closed_at.is_(None))
        .order_by(Building.sort_order, Building.name)
    )  # fmt: skip
    units = await session.scalars(
        scope.select(Unit).where(Unit.closed_at.is_(None)).order_by(Unit.sort_order, Unit.name)
    )
    homes = await session.scalars(
        scope.select(Home).where(Home.closed_at.is_(None)).order_by(Home.name)
    )
    rooms = await session.scalars(
        scope.select(Room).where(Room.closed_at.is_(None)).order_by(Room.name)
    )
    beds = await session.scalars(
        scope.select(Bed).where(Bed.closed_at.is_(None)).order_by(Bed.name)
    )
    who = await residents(scope, now)
    nodes = _rooms(list(rooms), list(beds), who, with_names=with_names, hidden=hidden)
    unit_nodes = [
        UnitNode(
            id=unit.id, name=unit.name, building_id=unit.building_id, sort_order=unit.sort_order,
            rooms=nodes[unit.id], version=unit.version,
            reached=reached is None or unit.id in reached,
        ) for unit in units
    ]  # fmt: skip
    home_nodes = [
        HomeNode(
            id=home.id, name=home.name, state=cast(HomeState, home.state),
            operator_unit_id=home.operator_unit_id, rooms=nodes[home.id], version=home.version,
        ) for home in homes
    ]  # fmt: skip
    return PlaceTree(
        buildings=[
            BuildingNode(
                id=row.id, name=row.name, address=row.address, sort_order=row.sort_order,
                version=row.version,
            ) for row in buildings
        ],
        units=unit_nodes,
        homes=home_nodes,
        counts=_counts(unit_nodes, home_nodes),
    )  # fmt: skip


def _rooms(
    rooms: Sequence[Room],
    beds: Sequence[Bed],
    who: dict[uuid.UUID, Elder],
    *,
    with_names: bool,
    hidden: frozenset[uuid.UUID],
) -> dict[uuid.UUID | None, list[RoomNode]]:
    by_room: dict[uuid.UUID, list[BedNode]] = defaultdict(list)
    for bed in beds:
        elder = who.get(bed.id)
        named = with_names and elder is not None and elder.id not in hidden
        by_room[bed.room_id].append(
            BedNode(
                id=bed.id, name=bed.name, kind=cast(BedKind, bed.kind),
                state=cast(BedState, bed.state), occupancy=_occupancy(bed, elder), note=bed.note,
                resident=None if elder is None else ResidentOut(
                    elder_id=elder.id if named else None,
                    name=elder.name if named else None,
                ),
                version=bed.version,
            )
        )  # fmt: skip
    nodes: dict[uuid.UUID | None, list[RoomNode]] = defaultdict(list)
    for room in rooms:
        nodes[room.unit_id or room.home_id].append(
            RoomNode(id=room.id, name=room.name, beds=by_room[room.id], version=room.version)
        )
    return nodes


def _occupancy(bed: Bed, elder: Elder | None) -> Occupancy:
    if elder is not None:
        return "occupied"
    return "free" if bed.state == "available" else cast(Occupancy, bed.state)


def _counts(units: Sequence[UnitNode], homes: Sequence[HomeNode]) -> Counts:
    inside = [bed for unit in units for room in unit.rooms for bed in room.beds]
    at_home = [bed for home in homes for room in home.rooms for bed in room.beds]
    return Counts(
        beds=len(inside),
        occupied=sum(bed.occupancy == "occupied" for bed in inside),
        free=sum(bed.occupancy == "free" for bed in inside),
        home_beds=len(at_home),
        home_beds_occupied=sum(bed.occupancy == "occupied" for bed in at_home),
    )


async def close_empty_place(scope: TenantScope, place: AnyPlace, now: datetime) -> None:
    """A bed somebody has, or will have, stays open. Raises ConflictError."""
    if isinstance(place, Bed):
        held = scope.select(Stay).where(
            Stay.bed_id == place.id, Stay.valid_until.is_(None) | (Stay.valid_until > now)
        )
        if (await scope.session.scalars(held.limit(1))).first() is not None:
            raise ConflictError("closed_at", "somebody has this bed")
    await close_place(scope, place, now)
