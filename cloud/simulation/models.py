"""Tables of simulated runs. Nothing of them is ever an alert, a reading or a notice."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from cloud.database import TenantBase


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    # What came was not tagged with this run's key: nothing of it can be believed.
    REFUSED = "refused"


ENDED = frozenset({RunState.DONE, RunState.STOPPED, RunState.FAILED, RunState.REFUSED})


class SimulationRun(TenantBase):
    """One run. `wanted` is the order; `result` the scorecard or the what-if at its end."""

    __tablename__ = "simulation_run"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    wanted: Mapped[dict[str, Any]]
    state: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]
    stop_asked: Mapped[bool]
    note: Mapped[str | None]
    sealed_key: Mapped[bytes | None]
    cast_of: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]


class SimulationFrame(TenantBase):
    """One part of a run as the simulator told it, with its tag."""

    __tablename__ = "simulation_frame"
    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    tag: Mapped[str]
    body: Mapped[str]
