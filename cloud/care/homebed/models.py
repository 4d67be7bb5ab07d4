"""Tables of home beds: where each stands, and its moves (append-only)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class HomeBed(TenantBase):
    """A home bed from application to its end. Its step is a cache of what its moves say."""

    __tablename__ = "home_bed"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    home_id: Mapped[uuid.UUID | None]
    step: Mapped[str]
    step_since: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
    purchaser: Mapped[str]
    assessment_id: Mapped[uuid.UUID | None]
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    agreement: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class HomeBedMove(TenantBase):
    """Who did what when, and why. What is undone is another move."""

    __tablename__ = "home_bed_move"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    home_bed_id: Mapped[uuid.UUID]
    move: Mapped[str]
    step_before: Mapped[str | None]
    step_after: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[uuid.UUID]
    by: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
