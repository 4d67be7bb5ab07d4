"""Tables of places: building > unit > room > bed, or home > room > bed."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class Building(TenantBase):
    """A building of the institution."""

    __tablename__ = "building"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    sort_order: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class Unit(TenantBase):
    """A care unit, with its floor in the name where that helps: `2 楼 护理一区`."""

    __tablename__ = "unit"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    sort_order: Mapped[int]
    building_id: Mapped[uuid.UUID | None]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class Home(TenantBase):
    """A private home that is served like a bed of the institution (家庭养老床位)."""

    __tablename__ = "home"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    operator_unit_id: Mapped[uuid.UUID | None]
    district_code: Mapped[str | None]
    address_sealed: Mapped[bytes | None]
    entry_sealed: Mapped[bytes | None]
    state: Mapped[str]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None]
    acceptance_note: Mapped[str] = mapped_column(default="")
    warranty_until: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    # Its state is what the steps of its home bed say (cloud/care/homebed), nobody types it.
    follows_steps: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)


class Room(TenantBase):
    """A room of a unit or of a home."""

    __tablename__ = "room"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID | None]
    home_id: Mapped[uuid.UUID | None]
    name: Mapped[str]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class Bed(TenantBase):
    """A bed in a room. Who has it is asked of the stays."""

    __tablename__ = "bed"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    room_id: Mapped[uuid.UUID]
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="general")
    state: Mapped[str] = mapped_column(default="available")
    note: Mapped[str] = mapped_column(default="")
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class HomeKitItem(TenantBase):
    """A device that a home is to have, and which one it got."""

    __tablename__ = "home_kit_item"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    home_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    spot: Mapped[str] = mapped_column(default="")
    device_id: Mapped[str | None]
    fitted_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    warranty_until: Mapped[date | None] = mapped_column(Date)


class HomeCheck(TenantBase):
    """One point of the fitting checklist of a home."""

    __tablename__ = "home_check"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    home_id: Mapped[uuid.UUID]
    code: Mapped[str]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")


class Photo(TenantBase):
    """A picture as we made it anew: JPEG without whatever the camera wrote beside it.

    `sealed` under the keyring; `jpeg` where it is from before that (`yuyue cloud rotate-keys`).
    """

    __tablename__ = "photo"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    home_check_id: Mapped[uuid.UUID | None]
    jpeg: Mapped[bytes | None]
    sealed: Mapped[bytes | None]
    width_px: Mapped[int]
    height_px: Mapped[int]
    created_at: Mapped[datetime]
