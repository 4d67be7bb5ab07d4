"""What was observed of an elder, in free words: append-only."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class CareObservation(TenantBase):
    """One note. Its id is the device's: sent twice is once. A mistake gets a further note."""

    __tablename__ = "care_observation"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    by_id: Mapped[uuid.UUID]
    by: Mapped[str]
    text: Mapped[str]
    important: Mapped[bool]
    corrects_id: Mapped[uuid.UUID | None]
