"""Table of proposals: what a detector's limit could be for one person, and who decided."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class TuningProposal(TenantBase):
    """One proposal. `cases`: the alerts it rests on, each with its verdict and what would change.

    `held`: the limit in force when it was made. State: open, approved, refused, withdrawn (a fall
    was confirmed before anybody decided, or nothing speaks for it any more), undone (after one).
    """

    __tablename__ = "tuning_proposal"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    elder_id: Mapped[uuid.UUID]
    setting: Mapped[str]
    made_at: Mapped[datetime]
    detector: Mapped[str]
    held: Mapped[float]
    proposed: Mapped[float]
    since: Mapped[datetime]
    judged: Mapped[int]
    spared: Mapped[int]
    missed: Mapped[int]
    # Confirmed falls of the whole house that it was tried on as well.
    kept_true: Mapped[int]
    cases: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    state: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    note: Mapped[str | None]
