"""Tables of the roster: who is on duty when and where, and how the day is parted into shifts."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class Duty(TenantBase):
    """Somebody on duty over [starts_at, ends_at). Without a unit: for the whole house."""

    __tablename__ = "duty"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    unit_id: Mapped[uuid.UUID | None]
    duty_as: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str | None]


class ShiftPattern(TenantBase):
    """One shift of the day, in minutes of the local day; an end before the start is tomorrow's."""

    __tablename__ = "shift_pattern"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    starts_minute: Mapped[int]
    ends_minute: Mapped[int]
