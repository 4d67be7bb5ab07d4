"""Tables of the audit. Written by the function `audit_append` alone (migration 0008)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class AuditEntry(TenantBase):
    """One act. `body` is what is hashed; the other columns repeat parts of it to search by."""

    __tablename__ = "audit_entry"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    action: Mapped[str]
    actor_id: Mapped[uuid.UUID | None]
    elder_id: Mapped[uuid.UUID | None]
    body: Mapped[str]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]


class AuditHead(TenantBase):
    """The end of an institution's chain."""

    __tablename__ = "audit_head"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]
