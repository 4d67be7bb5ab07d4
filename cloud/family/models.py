"""The weekly letters of relatives."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import Date, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class FamilyLetter(TenantBase):
    """A week told to one relative, as it was told; `shares`: what they could see when it was made.

    `week` is its Monday. Never rewritten: a correction of the past stands in the next one.
    """

    __tablename__ = "family_letter"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    family_id: Mapped[uuid.UUID]
    week: Mapped[date] = mapped_column(Date)
    made_at: Mapped[datetime]
    shares: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    text_zh: Mapped[str]
    text_en: Mapped[str]
    read_at: Mapped[datetime | None]
