"""Tables of people: elders, and in which bed they stay when."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class Elder(TenantBase):
    """An older person in the institution's care."""

    __tablename__ = "elder"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    sex: Mapped[str]
    birth_date: Mapped[date] = mapped_column(Date)
    care_note: Mapped[str]
    created_at: Mapped[datetime]


class Stay(TenantBase):
    """An elder in a bed over [valid_from, valid_until); no end: still there."""

    __tablename__ = "stay"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    bed_id: Mapped[uuid.UUID]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
