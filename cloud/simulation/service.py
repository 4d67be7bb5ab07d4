"""Runs: asked for, stopped, read. What a simulator tells comes in by `runner.py` alone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select

from cloud.database import TenantScope
from cloud.errors import NotFoundError, ProblemError
from cloud.simulation.models import ENDED, RunState, SimulationFrame, SimulationRun
from cloud.simulation.schemas import RunDetail, RunIn, RunOut

# Of one institution at a time: a simulation is patient, an alarm is not.
MAX_WAITING: Final = 3
KEPT: Final = 50
# A worker process says something at least this often, or it is gone.
SILENT_AFTER: Final = timedelta(seconds=30)


async def ask(scope: TenantScope, wanted: RunIn, by: str, now: datetime) -> SimulationRun:
    """Put a run in the queue. Raises ProblemError where too many wait."""
    waiting = await scope.session.scalar(
        select(func.count())
        .select_from(SimulationRun)
        .where(
            SimulationRun.institution_id == scope.institution_id,
            SimulationRun.state.not_in(ENDED),
        )
    )
    if (waiting or 0) >= MAX_WAITING:
        raise ProblemError(
            409, "too_many_runs", f"{MAX_WAITING} runs are under way: stop one or wait for its end."
        )
    made = SimulationRun(
        id=uuid.uuid4(), institution_id=scope.institution_id, wanted=wanted.model_dump(mode="json"),
        state=RunState.QUEUED, asked_at=now, asked_by=by, started_at=None, ended_at=None,
        beat_at=None, stop_asked=False, note=None, sealed_key=None, cast_of=None, result=None,
    )  # fmt: skip
    scope.session.add(made)
    await scope.session.flush()
    await _forget_oldest(scope)
    return made


async def _forget_oldest(scope: TenantScope) -> None:
    kept = (
        scope.select(SimulationRun)
        .with_only_columns(SimulationRun.id)
        .order_by(SimulationRun.asked_at.desc())
        .limit(KEPT)
    )
    await scope.session.execute(
        delete(SimulationRun).where(
            SimulationRun.institution_id == scope.institution_id,
            SimulationRun.state.in_(ENDED),
            SimulationRun.id.not_in(kept),
        )
    )


async def find(scope: TenantScope, run_id: uuid.UUID) -> SimulationRun:
    """Raises NotFoundError."""
    found = (
        await scope.session.scalars(scope.select(SimulationRun).where(SimulationRun.id == run_id))
    ).one_or_none()
    if found is None:
        raise NotFoundError("run")
    return found


async def newest(scope: TenantScope) -> Sequence[SimulationRun]:
    """All that are kept, newest first."""
    rows = await scope.session.scalars(
        scope.select(SimulationRun).order_by(SimulationRun.asked_at.desc()).limit(KEPT)
    )
    return rows.all()


async def stop(scope: TenantScope, run_id: uuid.UUID, now: datetime) -> SimulationRun:
    """Ask a run to end; one that waits ends at once. One that has ended stays as it is."""
    run = await find(scope, run_id)
    if run.state == RunState.QUEUED:
        run.state, run.ended_at = RunState.STOPPED, now
    elif run.state == RunState.RUNNING:
        run.stop_asked = True
    await scope.session.flush()
    return run


async def frames_after(
    scope: TenantScope, run_id: uuid.UUID, number: int, limit: int = 200
) -> Sequence[SimulationFrame]:
    """What was told after a number, in order."""
    rows = await scope.session.scalars(
        scope.select(SimulationFrame)
        .where(SimulationFrame.run_id == run_id, SimulationFrame.number > number)
        .order_by(SimulationFrame.number)
        .limit(limit)
    )
    return rows.all()


def run_out(run: SimulationRun) -> RunOut:
    """For the list."""
    return RunOut.model_validate(_fields(run))


def run_detail(run: SimulationRun) -> RunDetail:
    """For its page."""
    return RunDetail.model_validate(_fields(run) | {"cast": run.cast_of, "result": run.result})


def _fields(run: SimulationRun) -> dict[str, object]:
    return {
        "id": run.id, "state": run.state, "wanted": run.wanted, "asked_at": run.asked_at,
        "asked_by": run.asked_by, "started_at": run.started_at, "ended_at": run.ended_at,
        "note": run.note,
    }  # fmt: skip
