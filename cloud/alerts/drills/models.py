"""Tables of drills and of the dead man's switch."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class Drill(TenantBase):
    """One drill: an alert of origin `drill`, announced or not. Its times are the alert's own."""

    __tablename__ = "drill"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[uuid.UUID]
    announced: Mapped[bool]
    shift: Mapped[str]
    started_at: Mapped[datetime]
    started_by: Mapped[str]
    note: Mapped[str]


class DeadSwitch(TenantBase):
    """The hourly proof that the whole path works: which device sends it, and to whom it goes."""

    __tablename__ = "dead_switch"
    institution_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str]
    contact_point_id: Mapped[uuid.UUID]
    # Which gateway sends it; None: the device does so by itself.
    gateway_id: Mapped[uuid.UUID | None]
    every_s: Mapped[int]
    since: Mapped[datetime]
    last_event_at: Mapped[datetime | None]
    last_ok_at: Mapped[datetime | None]


class DrillPlan(TenantBase):
    """A drill of an emergency plan, planned for a quarter; done with participants, or cancelled.

    `drill_id`: the drill at a bed whose times belong to it, where there was one.
    """

    __tablename__ = "drill_plan"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    year: Mapped[int]
    quarter: Mapped[int]
    unit_id: Mapped[uuid.UUID | None]
    note: Mapped[str]
    planned_at: Mapped[datetime]
    planned_by: Mapped[str]
    done_on: Mapped[date | None]
    done_by: Mapped[str | None]
    participants: Mapped[list[str]] = mapped_column(ARRAY(Text()), default=list)
    remarks: Mapped[str] = mapped_column(default="")
    drill_id: Mapped[uuid.UUID | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[str | None]
    cancel_reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
