"""Tasks of active discovery that rules and lists open: once for one thing, closed by a person."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import not_, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.tasks.models import CareTask
from cloud.database import TenantScope
from cloud.errors import ConflictError, NotFoundError
from cloud.identity.service import Principal
from cloud.people.reach import Reach, reach_of

# entitlement_met: an elder meets the conditions of a service now; list_row: a person on a list.
TaskKind = Literal["entitlement_met", "list_row"]
Outcome = Literal["done", "dismissed", "withdrawn"]
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task to open. `subject` tells it from others of its kind; `detail` says why, for a page."""

    kind: TaskKind
    subject: str
    elder_id: uuid.UUID | None
    by: str
    detail: Mapping[str, Any] = field(default_factory=dict)


async def open_task(scope: TenantScope, wanted: Wanted, now: datetime) -> CareTask:
    """Open it, or give the one that is open already."""
    await scope.session.execute(
        insert(CareTask)
        .values(
            id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=wanted.elder_id,
            kind=wanted.kind, subject=wanted.subject, detail=dict(wanted.detail), opened_at=now,
            opened_by=wanted.by, note="",
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    statement = scope.select(CareTask).where(
        CareTask.kind == wanted.kind, CareTask.subject == wanted.subject,
        CareTask.closed_at.is_(None),
    )  # fmt: skip
    return (await scope.session.scalars(statement)).one()


async def open_tasks(scope: TenantScope, reach: Reach) -> list[CareTask]:
    """The newest that are open, of elders within reach and of people without a record."""
    elder_id = cast("InstrumentedAttribute[uuid.UUID]", CareTask.elder_id)
    statement = (
        scope.select(CareTask)
        .where(
            CareTask.closed_at.is_(None),
            or_(CareTask.elder_id.is_(None), not_(reach.hides(elder_id))),
        )
        .order_by(CareTask.opened_at.desc(), CareTask.id)
        .limit(_SHOWN)
    )
    return list(await scope.session.scalars(statement))


async def find_task(scope: TenantScope, task_id: uuid.UUID) -> CareTask:
    """Locked. Raises NotFoundError."""
    statement = scope.select(CareTask).where(CareTask.id == task_id).with_for_update()
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("task")
    return found


async def close_task(
    principal: Principal, task_id: uuid.UUID, outcome: Outcome, note: str, now: datetime
) -> CareTask:
    """Say what came of it. Raises NotFoundError, ConflictError, OutsideUnitError."""
    scope = principal.scope
    task = await find_task(scope, task_id)
    if task.elder_id is not None:
        await (await reach_of(principal)).require_elder(task.elder_id)
    if task.closed_at is not None:
        raise ConflictError("outcome", f"{task.closed_by} 已经办结了这项任务")
    end_task(task, principal.user.display_name, outcome, note, now)
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=task.elder_id,
        subject=("care_task", task.id), reason=note or None, detail={"outcome": outcome},
    )  # fmt: skip
    await scope.session.flush()
    return task


def end_task(task: CareTask, by: str, outcome: Outcome, note: str, now: datetime) -> None:
    """It is over."""
    task.closed_at, task.closed_by, task.outcome, task.note = now, by, outcome, note


async def withdraw_task(
    scope: TenantScope, kind: TaskKind, subject: str, now: datetime, *, by: str, why: str
) -> None:
    """What opened it holds no longer; nothing where none is open."""
    statement = (
        scope.select(CareTask)
        .where(CareTask.kind == kind, CareTask.subject == subject, CareTask.closed_at.is_(None))
        .with_for_update()
    )
    for task in await scope.session.scalars(statement):
        end_task(task, by, "withdrawn", why, now)
