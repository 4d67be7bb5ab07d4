"""Tables of places: unit > room > bed."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class Unit(TenantBase):
    """A care unit, with its floor in the name where that helps: `2 楼 护理一区`."""

    __tablename__ = "unit"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    sort_order: Mapped[int]


class Room(TenantBase):
    """A room of a unit."""

    __tablename__ = "room"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID]
    name: Mapped[str]


class Bed(TenantBase):
    """A bed in a room."""

    __tablename__ = "bed"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    room_id: Mapped[uuid.UUID]
    name: Mapped[str]
