"""Tables of oversight: what rules were when, indicators by day, how far they are counted.

`round_plan_version`, `watch_level_change` and `coverage_change` are written by triggers
(migration 0042): a day that is counted again is counted by the rules of that day.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Date, Double, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class RoundPlanVersion(TenantBase):
    """A plan of rounds as it stood from `valid_from` on."""

    __tablename__ = "round_plan_version"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[uuid.UUID | None]
    active: Mapped[bool]
    levels: Mapped[dict[str, Any]] = mapped_column(JSONB)
    valid_from: Mapped[datetime]


class WatchLevelChange(TenantBase):
    """The level of somebody's watch plan from `at` on; None: the assessment's."""

    __tablename__ = "watch_level_change"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    elder_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    level: Mapped[int | None]


class CoverageChange(TenantBase):
    """What could be seen of somebody from `since` on, as told at `told_at`."""

    __tablename__ = "coverage_change"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    elder_id: Mapped[uuid.UUID]
    since: Mapped[datetime]
    told_at: Mapped[datetime]
    state: Mapped[str]


class IndicatorDay(TenantBase):
    """One indicator of one local day. `kind` parts it (an alert's code, a state), or is empty."""

    __tablename__ = "indicator_day"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(BigInteger)
    whole: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[list[float]] = mapped_column(ARRAY(Double))
    computed_at: Mapped[datetime]


class IndicatorEvent(TenantBase):
    """What an indicator counted, without who, where or any word that somebody wrote."""

    __tablename__ = "indicator_event"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    at: Mapped[datetime]
    code: Mapped[str]
    priority: Mapped[str]
    answer_s: Mapped[float | None]
    arrival_s: Mapped[float | None]
    outcome: Mapped[str | None]


class IndicatorRun(TenantBase):
    """How far the counting is: looked for changes until then, swept everything on that day."""

    __tablename__ = "indicator_run"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    looked_at: Mapped[datetime]
    swept_on: Mapped[date] = mapped_column(Date)
