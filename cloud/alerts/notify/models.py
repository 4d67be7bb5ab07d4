"""Tables of notices: where people can be reached, what they were told, and each attempt at it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class ContactPoint(TenantBase):
    """One way to reach one person. The address is sealed; `is_test`: no real phone behind it."""

    __tablename__ = "contact_point"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID | None]
    # A family contact of the records (cloud/people): known by its id there.
    family_id: Mapped[uuid.UUID | None]
    channel: Mapped[str]
    label: Mapped[str]
    sealed_address: Mapped[bytes]
    # Keyed hash of the address: one browser belongs to one person at a time.
    address_index: Mapped[bytes | None]
    position: Mapped[int]
    is_test: Mapped[bool]
    per_hour: Mapped[int]
    created_at: Mapped[datetime]
    code_hash: Mapped[bytes | None]
    code_expires_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    # The far end said that nobody is there any more.
    dead_at: Mapped[datetime | None]


class Notice(TenantBase):
    """One person to be told of one thing."""

    __tablename__ = "notice"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID | None]
    kind: Mapped[str]
    step: Mapped[int]
    ring: Mapped[int]
    user_id: Mapped[uuid.UUID | None]
    family_id: Mapped[uuid.UUID | None]
    # Only this way (a verification, the dead man's switch); None: the person's ways in order.
    contact_point_id: Mapped[uuid.UUID | None]
    recipient: Mapped[str]
    priority: Mapped[str]
    urgency: Mapped[int]
    origin: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    state: Mapped[str]
    tries: Mapped[int]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class NoticeAttempt(TenantBase):
    """One attempt on one way, with its result. Without a contact point: the desk itself."""

    __tablename__ = "notice_attempt"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    notice_id: Mapped[uuid.UUID]
    contact_point_id: Mapped[uuid.UUID | None]
    channel: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    result: Mapped[str]
    detail: Mapped[str]
