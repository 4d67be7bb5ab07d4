"""Tables of rounds: plans, what was checked (append-only), tags on beds."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class RoundPlan(TenantBase):
    """How a unit is looked in on; `unit_id` None: every unit that has no plan of its own."""

    __tablename__ = "round_plan"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID | None]
    active: Mapped[bool]
    active_since: Mapped[datetime | None]
    levels: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sensor_allowed: Mapped[bool]
    sensor_in_a_row: Mapped[int]
    grace_min: Mapped[int]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class RoundCheck(TenantBase):
    """Somebody was looked in on, or turned. Its id is the device's, so that sent twice is once."""

    __tablename__ = "round_check"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    bed_id: Mapped[uuid.UUID]
    unit_id: Mapped[uuid.UUID | None]
    kind: Mapped[str]
    way: Mapped[str]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    by_id: Mapped[uuid.UUID]
    by: Mapped[str]
    finding: Mapped[str]
    position: Mapped[str | None]
    note: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


class BedTag(TenantBase):
    """A tag that hangs at a bed: its text names the bed."""

    __tablename__ = "bed_tag"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    bed_id: Mapped[uuid.UUID]
    set_at: Mapped[datetime]
    set_by: Mapped[str]
