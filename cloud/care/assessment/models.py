"""Tables of the ability assessment: each assessment, and how an institution reads open points."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class Assessment(TenantBase):
    """One assessment of one elder. A draft has no level; once filed nothing of it changes.

    Its id is chosen by the tablet, so it is unique within the institution only: an id that
    another institution has used must look like any other.
    """

    __tablename__ = "assessment"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    reason: Mapped[int]
    reason_note: Mapped[str]
    reference_date: Mapped[date] = mapped_column(Date)
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    circumstances: Mapped[dict[str, Any]] = mapped_column(JSONB)
    informant: Mapped[dict[str, Any]] = mapped_column(JSONB)
    assessors: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    incidents: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    around: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    version: Mapped[int]
    created_at: Mapped[datetime]
    created_by_id: Mapped[uuid.UUID]
    updated_at: Mapped[datetime]
    filed_at: Mapped[datetime | None]
    filed_by_id: Mapped[uuid.UUID | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    rules_version: Mapped[str | None]
    total: Mapped[int | None]
    first_level: Mapped[int | None]
    final_level: Mapped[int | None]
    # Empty: our own. Else the body whose result was taken over.
    source: Mapped[str] = mapped_column(default="")


class AssessmentSettings(TenantBase):
    """Open points of the standard, and the routine interval (mark U: settings, not law)."""

    __tablename__ = "assessment_settings"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    changes_add_up: Mapped[bool]
    events_count_together: Mapped[bool]
    interval_days: Mapped[int]
    updated_at: Mapped[datetime]
