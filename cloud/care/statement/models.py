"""Statements of service that were signed: what they said is frozen with its hash."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class ServiceStatement(TenantBase):
    """One month for one purchaser. Never changed: what was wrong stands in the next one."""

    __tablename__ = "service_statement"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(Date)
    purchaser: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str]
    signed_at: Mapped[datetime]
    signed_by_id: Mapped[uuid.UUID]
    signed_by: Mapped[str]
