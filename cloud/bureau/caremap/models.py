"""Tables of the care map: a house's own words, counts by the minute, who can help with what."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase
from cloud.geo import Point, point_of

_TEXTS = ARRAY(Text())


class CareMapProfile(TenantBase):
    """What a house says of itself; `published`: the bureau's district may read it."""

    __tablename__ = "care_map_profile"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    address: Mapped[str]
    phone: Mapped[str]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    services: Mapped[list[str]] = mapped_column(_TEXTS)
    # How many home beds it can serve at a time; None: not said, so none is offered.
    home_bed_capacity: Mapped[int | None]
    note: Mapped[str]
    published: Mapped[bool]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]

    @property
    def point(self) -> Point | None:
        """Where the house stands."""
        return point_of(self.lat, self.lon)


class CareMapCount(TenantBase):
    """Beds by kind and open needs by kind as they were counted; nothing in it names anybody."""

    __tablename__ = "care_map_count"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    beds: Mapped[dict[str, Any]] = mapped_column(JSONB)
    waiting: Mapped[dict[str, Any]] = mapped_column(JSONB)
    counted_at: Mapped[datetime]


class Responder(TenantBase):
    """What a member of staff or a paired helper can do, and how much at a time."""

    __tablename__ = "responder"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID | None]
    family_member_id: Mapped[uuid.UUID | None]
    skills: Mapped[list[str]] = mapped_column(_TEXTS)
    capacity: Mapped[int | None]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]
