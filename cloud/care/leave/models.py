"""The register of leave (请销假)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class ElderLeave(TenantBase):
    """Out of the house from one time to another. `pause_id`: what keeps routine alarms quiet."""

    __tablename__ = "elder_leave"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    out_at: Mapped[datetime]
    due_back_at: Mapped[datetime]
    companion: Mapped[str]
    destination: Mapped[str]
    registered_at: Mapped[datetime]
    registered_by: Mapped[str]
    pause_id: Mapped[uuid.UUID]
    back_at: Mapped[datetime | None]
    back_by: Mapped[str | None]
