"""Tables of coverage: what watches whom, what can be seen of them, and when it could not."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class SensorPlacement(TenantBase):
    """What a device is for where it hangs. `capabilities` None: those of the role."""

    __tablename__ = "sensor"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    room: Mapped[str] = mapped_column(default="")
    room_kind: Mapped[str] = mapped_column(default="other")
    capabilities: Mapped[list[str] | None] = mapped_column(ARRAY(Text()))
    report_interval_s: Mapped[float | None]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class WatchPlan(TenantBase):
    """How an elder is watched. `requires` None: whatever their devices can see.

    `ability_level` counts only where the plan does not follow the assessments.
    """

    __tablename__ = "watch_plan"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    timezone: Mapped[str]
    ability_level: Mapped[int]
    follows_assessment: Mapped[bool] = mapped_column(default=True)
    lives_alone: Mapped[bool | None]
    requires: Mapped[list[str] | None] = mapped_column(ARRAY(Text()))
    overrides: Mapped[dict[str, Any]] = mapped_column(default=dict)
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class AssessedLevel(TenantBase):
    """The ability level by the newest assessment filed, told by `cloud.care.assessment`."""

    __tablename__ = "assessed_level"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    level: Mapped[int]
    reference_date: Mapped[date]
    assessment_id: Mapped[uuid.UUID]
    filed_at: Mapped[datetime]


class WatchPause(TenantBase):
    """A known time away, or without watching over routine: [from_at, until_at)."""

    __tablename__ = "watch_pause"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    reason: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]


class GatewayArea(TenantBase):
    """Units a gateway watches over; one that has none watches over those that no other has."""

    __tablename__ = "gateway_area"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    gateway_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class CoverageState(TenantBase):
    """What the gateway last said of an elder. `lacking`: capability, level, since."""

    __tablename__ = "coverage_state"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    since: Mapped[datetime]
    decided_ns: Mapped[int] = mapped_column(BigInteger)
    lacking: Mapped[dict[str, Any]]
    origin: Mapped[str]
    gateway_id: Mapped[uuid.UUID]
    event_id: Mapped[str]
    updated_at: Mapped[datetime]


class CoverageGap(TenantBase):
    """A time in which a device, or a whole gateway (`device_id` None), told nothing."""

    __tablename__ = "coverage_gap"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID | None]
    room_id: Mapped[uuid.UUID | None]
    device_id: Mapped[str | None]
    gateway_id: Mapped[uuid.UUID | None]
    episode_id: Mapped[str]
    from_at: Mapped[datetime]
    until_at: Mapped[datetime | None]
    cause: Mapped[str]
