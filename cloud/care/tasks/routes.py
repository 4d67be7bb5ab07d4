"""HTTP for what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from fastapi import APIRouter

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.access import CareReader, CareWriter
from cloud.care.tasks import service
from cloud.care.tasks.models import CareTask
from cloud.care.tasks.schemas import CareTaskEndIn, CareTaskOut, CareTasksOut
from cloud.care.tasks.service import TaskKind, TaskOutcome
from cloud.database import TenantScope
from cloud.errors import NotFoundError, Problem
from cloud.people.reach import reach_of
from cloud.people.service import elders_by_id
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1/care-tasks",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("")
async def list_care_tasks(principal: CareReader, kind: TaskKind | None = None) -> CareTasksOut:
    """Open visits, assessments and applications that were asked for; of whom one reaches."""
    scope = principal.scope
    hidden = await (await reach_of(principal)).hidden()
    tasks = [
        task for task in await service.open_tasks(scope, kind=kind) if task.elder_id not in hidden
    ]
    return CareTasksOut(tasks=await tasks_out(scope, tasks))


@router.post("/{task_id}/end", dependencies=[ChangeHeader])
async def end_care_task(
    *, task_id: UUID, body: CareTaskEndIn, principal: CareWriter, state: State
) -> CareTaskOut:
    """It was done, or refused, or nobody was met."""
    scope, now = principal.scope, state.clock.now()
    held = (
        await scope.session.scalars(scope.select(CareTask).where(CareTask.id == task_id))
    ).one_or_none()
    if held is None:
        raise NotFoundError("task")
    await (await reach_of(principal)).require_elder(held.elder_id)
    task = await service.end_task(
        scope, task_id, body.outcome, body.result, principal.user.display_name, now
    )
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=task.elder_id,
        subject=("care_task", task.id), detail={"outcome": body.outcome},
    )  # fmt: skip
    (told,) = await tasks_out(scope, [task])
    return told


async def tasks_out(scope: TenantScope, tasks: Sequence[CareTask]) -> list[CareTaskOut]:
    """With names."""
    elders = await elders_by_id(scope, {task.elder_id for task in tasks})
    return [
        CareTaskOut(
            id=task.id, elder_id=task.elder_id, elder_name=elders[task.elder_id].name,
            kind=cast(TaskKind, task.kind), why=task.why, source=task.source,
            asked_at=task.asked_at, asked_by=task.asked_by, due_on=task.due_on, state=task.state,
            outcome=cast(TaskOutcome | None, task.outcome), result=task.result,
            ended_at=task.ended_at, ended_by=task.ended_by,
        )
        for task in tasks
    ]  # fmt: skip
