"""Tables of consoles: which screens stand guard, and whether they can be believed."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class Console(TenantBase):
    """One open desk, by what its self-test last said. `lost_at`: fell silent or mute since."""

    __tablename__ = "console"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    session_id: Mapped[uuid.UUID]
    user_id: Mapped[uuid.UUID]
    unit_id: Mapped[uuid.UUID | None]
    audio: Mapped[str]
    live: Mapped[bool]
    wake_lock: Mapped[str]
    visible: Mapped[bool]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    # Whole since: it has stood guard. Only what did can be lost.
    healthy_since: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class PreFlight(TenantBase):
    """A check of every chain at a change of shift, and who signed it."""

    __tablename__ = "pre_flight"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    result: Mapped[dict[str, Any]]
    signed_at: Mapped[datetime | None]
    signed_by_id: Mapped[uuid.UUID | None]
    signed_by: Mapped[str | None]
    remark: Mapped[str | None]
