"""What the API says of tasks."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from cloud.care.tasks.service import TaskKind, TaskOutcome
from cloud.schema_types import ApiModel, UtcMs


class CareTaskOut(ApiModel):
    """What is asked for, and how it ended."""

    id: UUID
    elder_id: UUID
    elder_name: str
    kind: TaskKind
    why: str
    source: str
    asked_at: UtcMs
    asked_by: str
    due_on: date
    state: str
    outcome: TaskOutcome | None
    result: str | None
    ended_at: UtcMs | None
    ended_by: str | None


class CareTasksOut(ApiModel):
    """The earliest due first."""

    tasks: list[CareTaskOut]


class CareTaskEndIn(ApiModel):
    """How it ended. `refused`: they did not want it; `not_met`: nobody was there."""

    outcome: TaskOutcome
    result: Annotated[str, Field(max_length=2000)] = ""
