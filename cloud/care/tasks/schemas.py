"""What the API says about tasks of active discovery."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import StringConstraints

from cloud.care.tasks.service import TaskKind
from cloud.schema_types import ApiModel, UtcMs


class TaskOut(ApiModel):
    """One open task. `detail`: service and its name, or the list and what it says."""

    id: UUID
    kind: TaskKind
    elder_id: UUID | None
    elder_name: str
    detail: dict[str, Any]
    opened_at: UtcMs
    opened_by: str


class TasksOut(ApiModel):
    """Open tasks, the newest first."""

    tasks: list[TaskOut]


class TaskEndIn(ApiModel):
    """What came of a task; a dismissal says why."""

    outcome: Literal["done", "dismissed"]
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
