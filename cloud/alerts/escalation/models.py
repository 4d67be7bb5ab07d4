"""Tables of escalation: policies as data."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class EscalationPolicy(TenantBase):
    """Who is told when. The most specific one counts: elder, then unit, then shift, then house."""

    __tablename__ = "escalation_policy"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    priority: Mapped[str]
    unit_id: Mapped[uuid.UUID | None]
    elder_id: Mapped[uuid.UUID | None]
    shift: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    retired_at: Mapped[datetime | None]
