"""Tables of the live stream."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class LiveHead(TenantBase):
    """The last position of an institution; its row lock puts positions into commit order."""

    __tablename__ = "live_head"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    forgotten_through: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)


class LiveEvent(TenantBase):
    """One thing the screens are told. `payload` is JSON, or None where it is made when sent."""

    __tablename__ = "live_event"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[uuid.UUID | None]
    payload: Mapped[str | None]
    created_at: Mapped[datetime]
