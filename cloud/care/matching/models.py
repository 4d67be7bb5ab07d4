"""Tables of list matching: a list, and its rows with what was decided of each."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Date, Integer
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class ListState(StrEnum):
    """Where a list stands."""

    WAITING = "waiting"  # for its file
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    ERASED = "erased"  # its people are forgotten; what was decided stays


class MatchingList(TenantBase):
    """A list of another department. The file is kept, sealed, only until it has been read.

    `meanings`: what a category of the list is in the record's own values, chosen by a person.
    """

    __tablename__ = "matching_list"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str]
    field: Mapped[str]
    purpose: Mapped[str]
    legal_basis: Mapped[str]
    as_of: Mapped[date] = mapped_column(Date)
    file_name: Mapped[str] = mapped_column(default="")
    file_sha256: Mapped[bytes | None]
    file_sealed: Mapped[bytes | None] = mapped_column(deferred=True)
    state: Mapped[str]
    step: Mapped[str] = mapped_column(default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    beat_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    meanings: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    previous_id: Mapped[uuid.UUID | None]
    uploaded_at: Mapped[datetime]
    uploaded_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    expires_on: Mapped[date] = mapped_column(Date)
    version: Mapped[int] = mapped_column(default=1)


class MatchingRow(TenantBase):
    """One person of a list, or one who is gone from it (without a line).

    `person_sealed`: name, birth date and the masked number as the list has them; never the number.
    """

    __tablename__ = "matching_row"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    list_id: Mapped[uuid.UUID]
    line: Mapped[int | None]
    difference: Mapped[str]
    certainty: Mapped[str]
    reason: Mapped[str]
    other_lines: Mapped[list[int]] = mapped_column(ARRAY(Integer()))
    person_sealed: Mapped[bytes | None]
    status: Mapped[str]
    problems: Mapped[str]
    elder_id: Mapped[uuid.UUID | None]
    candidates: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(UUID(as_uuid=True)))
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    decision: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decision_note: Mapped[str] = mapped_column(default="")
    fact_id: Mapped[int | None] = mapped_column(BigInteger)
    clue_id: Mapped[uuid.UUID | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


def file_context(list_id: uuid.UUID) -> str:
    """What a file is sealed for."""
    return f"matching_list.file_sealed:{list_id}"


def person_context(row_id: uuid.UUID) -> str:
    """What a person of a list is sealed for."""
    return f"matching_row.person_sealed:{row_id}"
