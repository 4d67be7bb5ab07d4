"""Asking for a visit, an assessment or an application; and saying that it was done.

The port between who finds a need (discovery, an alert, a rule that changed) and who meets it
(visits, assessments, home beds). Both sides call only what is here.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from cloud.care.tasks.models import CareTask
from cloud.database import TenantScope
from cloud.errors import NotFoundError

TaskKind = Literal["visit", "assessment", "home_bed_application", "service_application"]
TaskOutcome = Literal["done", "refused", "not_met"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, for whom, why, by when; `source_id`: the row of `source` that asks."""

    kind: TaskKind
    elder_id: uuid.UUID
    why: str
    due_on: date
    source: str
    source_id: uuid.UUID | None = None


async def ask(scope: TenantScope, wanted: Asked, by: str, now: datetime) -> CareTask:
    """Open it; where the same row asks for the same kind again, the task that is open already."""
    if wanted.source_id is not None:
        statement = scope.select(CareTask).where(
            CareTask.source_id == wanted.source_id, CareTask.kind == wanted.kind,
            CareTask.state == "open",
        )  # fmt: skip
        held = (await scope.session.scalars(statement)).one_or_none()
        if held is not None:
            return held
    task = CareTask(
        id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=wanted.elder_id,
        kind=wanted.kind, why=wanted.why, source=wanted.source, source_id=wanted.source_id,
        asked_at=now, asked_by=by, due_on=wanted.due_on, state="open",
    )  # fmt: skip
    scope.session.add(task)
    await scope.session.flush()
    return task


async def open_tasks(
    scope: TenantScope, *, kind: TaskKind | None = None, elder_id: uuid.UUID | None = None
) -> list[CareTask]:
    """What is open, the earliest due first."""
    statement = scope.select(CareTask).where(CareTask.state == "open")
    if kind is not None:
        statement = statement.where(CareTask.kind == kind)
    if elder_id is not None:
        statement = statement.where(CareTask.elder_id == elder_id)
    ordered = statement.order_by(CareTask.due_on, CareTask.asked_at)
    return list(await scope.session.scalars(ordered))


async def tasks_of(
    scope: TenantScope, source: str, source_ids: Sequence[uuid.UUID]
) -> list[CareTask]:
    """Everything that rows of a source have asked for, oldest first."""
    statement = (
        scope.select(CareTask)
        .where(CareTask.source == source, CareTask.source_id.in_(source_ids))
        .order_by(CareTask.asked_at)
    )
    return list(await scope.session.scalars(statement))


async def end_task(  # noqa: PLR0917 - one call, each named at the callers
    scope: TenantScope, task_id: uuid.UUID, outcome: TaskOutcome, result: str, by: str,
    now: datetime,
) -> CareTask:  # fmt: skip
    """Done, refused or not met; ended already: unchanged. Raises NotFoundError."""
    statement = scope.select(CareTask).where(CareTask.id == task_id).with_for_update()
    task = (await scope.session.scalars(statement)).one_or_none()
    if task is None:
        raise NotFoundError("task")
    if task.state == "open":
        _end(task, outcome, result, by, now)
    return task


async def end_all(  # noqa: PLR0917 - the same as end_task
    scope: TenantScope, elder_id: uuid.UUID, kind: TaskKind, result: str, by: str, now: datetime
) -> int:  # fmt: skip
    """What was asked for has happened, whoever asked: all open ones of an elder; how many."""
    found = await open_tasks(scope, kind=kind, elder_id=elder_id)
    for task in found:
        _end(task, "done", result, by, now)
    return len(found)


def _end(task: CareTask, outcome: TaskOutcome, result: str, by: str, now: datetime) -> None:
    task.state, task.outcome, task.result = "done", outcome, result
    task.ended_at, task.ended_by = now, by


async def refused_since(scope: TenantScope, since: datetime) -> set[tuple[uuid.UUID, datetime]]:
    """Elder and moment of each visit asked for that was refused, or where nobody was met."""
    statement = scope.select(CareTask).where(
        CareTask.kind == "visit", CareTask.outcome.in_(("refused", "not_met")),
        CareTask.ended_at >= since,
    )  # fmt: skip
    return {
        (task.elder_id, task.ended_at)
        for task in await scope.session.scalars(statement)
        if task.ended_at is not None
    }
