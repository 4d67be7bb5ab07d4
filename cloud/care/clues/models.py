"""What somebody should look into, opened by a rule, a list or a person."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class DiscoveryClue(TenantBase):
    """Open until somebody says what came of it. `elder_id` None: of somebody without a record."""

    __tablename__ = "discovery_clue"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID | None]
    kind: Mapped[str]
    # One open clue of a kind for one subject: what is opened again stays one.
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    outcome: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
