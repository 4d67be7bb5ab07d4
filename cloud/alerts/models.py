"""Tables of alerts. Moves, ledger and event bodies are append-only, by grant (migration 0004)."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import Base, TenantBase


class Alert(TenantBase):
    """What a person must deal with. Its state is a cache of what its moves say."""

    __tablename__ = "alert"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    category: Mapped[str]
    priority: Mapped[str]
    state: Mapped[str]
    recovered: Mapped[bool]
    origin: Mapped[str]
    elder_id: Mapped[uuid.UUID | None]
    bed_id: Mapped[uuid.UUID | None]
    room_id: Mapped[uuid.UUID | None]
    unit_id: Mapped[uuid.UUID | None]
    # None: raised by the cloud itself (nobody on duty, a round missed).
    device_id: Mapped[str | None]
    happened_ns: Mapped[int] = mapped_column(BigInteger)
    raised_at: Mapped[datetime]
    late_s: Mapped[float]
    confidence: Mapped[float]
    count: Mapped[int]
    rings: Mapped[int]
    step: Mapped[int]
    second_due: Mapped[bool]
    suppressed: Mapped[bool]
    filed: Mapped[str | None]
    shelved_until: Mapped[datetime | None]
    shelved_by: Mapped[str | None]
    verdict: Mapped[str | None]
    finding: Mapped[str | None]
    injury: Mapped[str | None]
    cause: Mapped[str | None]
    measure: Mapped[str | None]
    family: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    acknowledged_by_id: Mapped[uuid.UUID | None]
    second_by: Mapped[str | None]
    second_by_id: Mapped[uuid.UUID | None]
    attending_at: Mapped[datetime | None]
    attending_by: Mapped[str | None]
    attending_by_id: Mapped[uuid.UUID | None]
    arrived_at: Mapped[datetime | None]
    arrived_by: Mapped[str | None]
    arrived_by_id: Mapped[uuid.UUID | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    resolved_by_id: Mapped[uuid.UUID | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    closed_by_id: Mapped[uuid.UUID | None]
    updated_at: Mapped[datetime]
    follows_id: Mapped[uuid.UUID | None]
    # What made it: the book by its version and the rule; `key` tells apart what the cloud raises.
    rules_version: Mapped[str]
    rule: Mapped[str] = mapped_column(default="")
    key: Mapped[str | None]
    # The line of the flood it was folded into.
    flood_id: Mapped[uuid.UUID | None]


class AlertEvent(TenantBase):
    """A detector's event exactly as it came. Without an alert: it waits for one of its episode."""

    __tablename__ = "alert_event"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID | None]
    episode_id: Mapped[str]
    kind: Mapped[str]
    device_id: Mapped[str]
    gateway_id: Mapped[uuid.UUID]
    happened_ns: Mapped[int] = mapped_column(BigInteger)
    decided_ns: Mapped[int] = mapped_column(BigInteger)
    stored_ns: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime]
    confidence: Mapped[float]
    origin: Mapped[str]
    body: Mapped[bytes]


class AlertMove(TenantBase):
    """One step in the life of an alert: by a person (actor_id), or by a rule."""

    __tablename__ = "alert_move"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alert_id: Mapped[uuid.UUID]
    move: Mapped[str]
    at: Mapped[datetime]
    client_time: Mapped[datetime | None]
    actor_id: Mapped[uuid.UUID | None]
    actor: Mapped[str | None]
    note: Mapped[str | None]
    verdict: Mapped[str | None]
    code: Mapped[str | None]
    priority: Mapped[str | None]
    recovered: Mapped[bool | None]
    event_id: Mapped[str | None]
    finding: Mapped[str | None]
    injury: Mapped[str | None]
    cause: Mapped[str | None]
    measure: Mapped[str | None]
    family: Mapped[str | None]
    second_due: Mapped[bool | None]
    step: Mapped[int | None]
    until: Mapped[datetime | None]
    source: Mapped[str | None]
    rule: Mapped[str | None]


class AlertRuleBook(TenantBase):
    """The house's own numbers of the rules; the highest revision counts."""

    __tablename__ = "alert_rule_book"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    note: Mapped[str]


class AlertTimer(TenantBase):
    """Something due at a time, whichever process is alive then."""

    __tablename__ = "alert_timer"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    step: Mapped[int | None]
    due_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]


class ClockMark(Base):
    """The clock that timers are due by, as last noted. Reached by a function only (0027)."""

    __tablename__ = "clock_mark"
    one: Mapped[bool] = mapped_column(primary_key=True)
    boot_id: Mapped[str]
    offset_ns: Mapped[int] = mapped_column(BigInteger)
    boot_ns: Mapped[int] = mapped_column(BigInteger)


class AlertLedger(TenantBase):
    """One row per hop of an alert; `source` (event, session ...) makes each hop count once."""

    __tablename__ = "alert_ledger"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alert_id: Mapped[uuid.UUID]
    hop: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    source: Mapped[str]


class AlertRelink(TenantBase):
    """An alert whose person or place was corrected: what stood there before, and why."""

    __tablename__ = "alert_relink"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alert_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]
    actor: Mapped[str]
    reason: Mapped[str]
    elder_id_before: Mapped[uuid.UUID | None]
    bed_id_before: Mapped[uuid.UUID | None]
    room_id_before: Mapped[uuid.UUID | None]


class Incident(TenantBase):
    """Something that happened to an elder, as staff found it: one for each alert, or by hand.

    `kind`: one of the nine risks, or `other`. The fields from `place` on are of the register
    (cloud/care/incidents).
    """

    __tablename__ = "incident"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID | None]
    elder_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    happened_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    injury: Mapped[str | None]
    cause: Mapped[str | None]
    measure: Mapped[str | None]
    voided_at: Mapped[datetime | None]
    place: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    follow_up: Mapped[str] = mapped_column(default="")
    follow_up_on: Mapped[date | None]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]
    review: Mapped[str] = mapped_column(default="")
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    outcome: Mapped[str] = mapped_column(default="")
    void_reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
