"""Tables of the shift handover: its settings, each handover, and what was signed (append-only)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class HandoverSettings(TenantBase):
    """Whether shifts are handed over here, and when a missing one is called out."""

    __tablename__ = "handover_settings"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    active: Mapped[bool]
    active_since: Mapped[datetime | None]
    limit_min: Mapped[int]
    earliest_min: Mapped[int]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class Handover(TenantBase):
    """One shift of one unit. Its state is a cache of what its moves say."""

    __tablename__ = "handover"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID]
    shift_name: Mapped[str]
    shift_starts_at: Mapped[datetime]
    shift_ends_at: Mapped[datetime]
    state: Mapped[str]
    revision: Mapped[int]
    giver_id: Mapped[uuid.UUID | None]
    giver: Mapped[str | None]
    given_at: Mapped[datetime | None]
    named_id: Mapped[uuid.UUID | None]
    taker_id: Mapped[uuid.UUID | None]
    taker: Mapped[str | None]
    taken_at: Mapped[datetime | None]


class HandoverMove(TenantBase):
    """A signature: who, when, with what proof, over which text. `sha256` is of `body`.

    `give`: the facts as they were; `take` and `object`: what had changed since, as it was shown.
    """

    __tablename__ = "handover_move"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    handover_id: Mapped[uuid.UUID]
    move: Mapped[str]
    revision: Mapped[int]
    at: Mapped[datetime]
    by_id: Mapped[uuid.UUID]
    by: Mapped[str]
    signed_with: Mapped[str]
    named_id: Mapped[uuid.UUID | None]
    words: Mapped[str]
    body: Mapped[str]
    sha256: Mapped[str]
