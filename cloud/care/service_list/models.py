"""Tables of the service list: rule sets by edition, and how each elder's standing changed."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, Identity, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class ServiceRuleSet(TenantBase):
    """One edition of an overlay. A draft until it is published; then only its end is ever set.

    In force over `[valid_from, valid_until)`; `region` None: for everybody.
    """

    __tablename__ = "service_rule_set"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str]
    edition: Mapped[int]
    title: Mapped[str]
    region: Mapped[str | None]
    extends: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    edited_at: Mapped[datetime]
    edited_by: Mapped[str]
    published_at: Mapped[datetime | None]
    published_by: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)


class EntitlementChange(TenantBase):
    """A service's standing for an elder became another; the newest of each holds.

    `before` None: never judged before; `after` None: the service is no longer in the list.
    """

    __tablename__ = "entitlement_change"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    elder_id: Mapped[uuid.UUID]
    service: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str | None]
    cause: Mapped[str]
    at: Mapped[datetime]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    missing: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    rule_version: Mapped[str]


class EntitlementDue(TenantBase):
    """An elder to be judged anew. Written by triggers, so that no way of changing is forgotten."""

    __tablename__ = "entitlement_due"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    elder_id: Mapped[uuid.UUID]
    cause: Mapped[str]


class EntitlementClock(TenantBase):
    """The last day that was looked at, and which rules were in force then."""

    __tablename__ = "entitlement_clock"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    rules: Mapped[str]
