"""HTTP for tasks of active discovery."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from fastapi import APIRouter

from cloud.audit.service import record_read
from cloud.care.access import CareReader, CareWriter
from cloud.care.tasks import service
from cloud.care.tasks.models import CareTask
from cloud.care.tasks.schemas import TaskEndIn, TaskOut, TasksOut
from cloud.care.tasks.service import TaskKind
from cloud.errors import BadFieldError, Problem
from cloud.people.reach import reach_of
from cloud.people.service import elders_by_id
from cloud.state import ChangeHeader, State

router = APIRouter(
    prefix="/api/v1",
    tags=["care"],
    responses={code: {"model": Problem} for code in (401, 403, 404, 409, 422)},
)


@router.get("/care-tasks")
async def list_care_tasks(principal: CareReader, state: State) -> TasksOut:
    """What rules and lists have opened, of elders one may see."""
    scope = principal.scope
    tasks = await service.open_tasks(scope, await reach_of(principal))
    ids = {task.elder_id for task in tasks if task.elder_id is not None}
    names = {elder_id: elder.name for elder_id, elder in (await elders_by_id(scope, ids)).items()}
    for elder_id in sorted(ids):
        record_read(scope, principal.actor, elder_id, "list_care_tasks", state.clock.now())
    return TasksOut(tasks=[_out(task, names.get(task.elder_id or task.id, "")) for task in tasks])


@router.post("/care-tasks/{care_task_id}/end", dependencies=[ChangeHeader])
async def end_care_task(
    care_task_id: UUID, body: TaskEndIn, principal: CareWriter, state: State
) -> TaskOut:
    """Say what came of it."""
    if body.outcome == "dismissed" and not body.note:
        raise BadFieldError("note", "不处理的，请写明原因")
    now = state.clock.now()
    task = await service.close_task(principal, care_task_id, body.outcome, body.note, now)
    ids = [] if task.elder_id is None else [task.elder_id]
    elders = await elders_by_id(principal.scope, ids)
    return _out(task, elders[task.elder_id].name if task.elder_id else "")


def _out(task: CareTask, elder_name: str) -> TaskOut:
    return TaskOut(
        id=task.id,
        kind=cast(TaskKind, task.kind),
        elder_id=task.elder_id,
        elder_name=elder_name,
        detail=task.detail,
        opened_at=task.opened_at,
        opened_by=task.opened_by,
    )
