"""Tables of ingest: how far each lane is, and what could not be used."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class IngestLane(TenantBase):
    """The last number taken of a gateway's lane, in the same transaction as its data."""

    __tablename__ = "ingest_lane"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    outbox_id: Mapped[str] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime]


class Quarantine(TenantBase):
    """A record or frame that could not be used: what, from where, when, why."""

    __tablename__ = "quarantine"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    gateway_id: Mapped[uuid.UUID]
    device_id: Mapped[str | None]
    source: Mapped[str]
    found_by: Mapped[str]
    received_at: Mapped[datetime]
    stored_at: Mapped[datetime]
    reason: Mapped[str]
    detail: Mapped[str]
    frame: Mapped[bytes]
