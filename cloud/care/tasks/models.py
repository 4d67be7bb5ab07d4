"""The table of what is asked for: who writes it and who does it need not know each other."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import Date
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class CareTask(TenantBase):
    """A visit, an assessment or an application that somebody asked for.

    `source` is the slice that asked (`discovery`, `alert`, ...), `source_id` its own row: a second
    asking of the same row for the same kind finds the first. `outcome` is coded by who does it
    (`done`, `refused`, `not_met`); `result` is in words.
    """

    __tablename__ = "care_task"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    why: Mapped[str]
    source: Mapped[str]
    source_id: Mapped[uuid.UUID | None]
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    due_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    result: Mapped[str | None]
    outcome: Mapped[str | None]
