"""Tables of exchange: who may send us results, and what they sent."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class ExchangePartner(TenantBase):
    """A body whose signature we know."""

    __tablename__ = "exchange_partner"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    key_id: Mapped[str]
    jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class OutsideResult(TenantBase):
    """An assessment that another body made. It changes nothing until a person accepts it."""

    __tablename__ = "outside_result"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[uuid.UUID]
    elder_id: Mapped[uuid.UUID]
    source_id: Mapped[str]
    reference_date: Mapped[date] = mapped_column(Date)
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    total: Mapped[int]
    level: Mapped[int]
    matched_by: Mapped[str]
    received_at: Mapped[datetime]
    received_by_id: Mapped[uuid.UUID]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[uuid.UUID | None]
    accepted: Mapped[bool | None]
    note: Mapped[str] = mapped_column(default="")
    assessment_id: Mapped[uuid.UUID | None]
