"""Tables of visits: plans, visits (append-only), corrections, follow-ups, earlier ones asked."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase

_TEXTS = ARRAY(Text())


class VisitSettings(TenantBase):
    """The house's own figures; what it does not say is the default."""

    __tablename__ = "visit_settings"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    interval_days: Mapped[dict[str, int]] = mapped_column(JSONB)
    pull_forward_h: Mapped[int]
    remote_in_a_row: Mapped[int]
    # Where a day's route begins: the station, nobody's home.
    station: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    version: Mapped[int]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class VisitPlan(TenantBase):
    """How often an elder is visited, by whom, and where. `place_sealed`: the door on the map."""

    __tablename__ = "visit_plan"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    group_key: Mapped[str]
    interval_days: Mapped[int | None]
    visitor_id: Mapped[uuid.UUID | None]
    purchaser: Mapped[str]
    place_sealed: Mapped[bytes | None]
    starts_on: Mapped[date] = mapped_column(Date)
    ended_at: Mapped[datetime | None]
    note: Mapped[str]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class Visit(TenantBase):
    """Somebody went, or called. Its id is the phone's, so that sent twice is once."""

    __tablename__ = "visit"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    by_id: Mapped[uuid.UUID]
    by: Mapped[str]
    way: Mapped[str]
    outcome: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    place_sealed: Mapped[bytes | None]
    accuracy_m: Mapped[float | None]
    distance_m: Mapped[float | None]
    no_place_reason: Mapped[str]
    findings: Mapped[list[str]] = mapped_column(_TEXTS)
    note: Mapped[str]
    # Who bought the visit then; the plan may name another later.
    purchaser: Mapped[str] = mapped_column(default="")
    # The plan's then: a plan that asks for more from now on makes no earlier visit late.
    interval_days: Mapped[int | None]


class VisitCorrection(TenantBase):
    """What was wrong about a visit. The visit stays as it was written down; the newest counts."""

    __tablename__ = "visit_correction"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    visit_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    by: Mapped[str]
    reason: Mapped[str]
    void: Mapped[bool]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class VisitFollowup(TenantBase):
    """What is to be done after a visit, by whom, until when."""

    __tablename__ = "visit_followup"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    visit_id: Mapped[uuid.UUID]
    what: Mapped[str]
    owner_id: Mapped[uuid.UUID]
    owner: Mapped[str]
    due_on: Mapped[date] = mapped_column(Date)
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]
    result: Mapped[str] = mapped_column(default="")


class VisitRequest(TenantBase):
    """Something asks for an earlier visit. `source`: what it came from; the same asks once."""

    __tablename__ = "visit_request"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    due_at: Mapped[datetime]
    reason: Mapped[str]
    note: Mapped[str]
    source: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
