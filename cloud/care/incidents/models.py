"""What was done to an incident after it was reported: append-only. The incident: alerts/models."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class IncidentMove(TenantBase):
    """One step: reported, changed, reviewed, sent back, closed, opened again, voided."""

    __tablename__ = "incident_move"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    incident_id: Mapped[uuid.UUID]
    move: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    words: Mapped[str]
    changes: Mapped[dict[str, Any]]
