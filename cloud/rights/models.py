"""The proof that what was kept of somebody was taken away."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class ElderErasure(TenantBase):
    """One request, and how many rows of each table went. `whole`: the record too.

    `xact` is the transaction that made the row: while it runs, and only in it, the database lets
    rows of this elder be deleted from append-only tables (migration 0054).
    """

    __tablename__ = "elder_erasure"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    erased_at: Mapped[datetime]
    erased_by: Mapped[str]
    reason: Mapped[str]
    whole: Mapped[bool]
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    xact: Mapped[int] = mapped_column(BigInteger, FetchedValue())
