"""Tables of active discovery: days, runs, nightly scores, cases, and what people said."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class DiscoveryDay(TenantBase):
    """A day of an elder in numbers. No row, or a feature that is not in it: not known."""

    __tablename__ = "discovery_day"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    origin: Mapped[str]
    features: Mapped[dict[str, Any]]
    watched: Mapped[bool]
    away: Mapped[bool]
    computed_at: Mapped[datetime]


class DiscoveryRun(TenantBase):
    """A day whose numbers are worked out; `scored_at`: since when its list stands."""

    __tablename__ = "discovery_run"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    computed_at: Mapped[datetime]
    scored_at: Mapped[datetime | None]
    elders: Mapped[int]
    listed: Mapped[int]


class DiscoveryScore(TenantBase):
    """What one night said of one elder."""

    __tablename__ = "discovery_score"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    score: Mapped[float]
    listed: Mapped[bool]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    unknown: Mapped[list[str]] = mapped_column(JSONB)


class DiscoveryCase(TenantBase):
    """An elder whom a person is to look at, from the first listing to an answer.

    `day`, `score`, `reasons`: of the newest night; `listed` False: they have eased since, and the
    case waits for a person all the same.
    """

    __tablename__ = "discovery_case"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    opened_on: Mapped[date] = mapped_column(Date)
    day: Mapped[date] = mapped_column(Date)
    score: Mapped[float]
    listed: Mapped[bool]
    origin: Mapped[str]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    unknown: Mapped[list[str]] = mapped_column(JSONB)
    state: Mapped[str]
    reason_code: Mapped[str | None]
    note: Mapped[str | None]
    ask_again_on: Mapped[date | None] = mapped_column(Date)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    version: Mapped[int]


class DiscoveryMove(TenantBase):
    """One step of a case, append-only."""

    __tablename__ = "discovery_move"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    case_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    by: Mapped[str]
    move: Mapped[str]
    note: Mapped[str]
    detail: Mapped[dict[str, Any]]
