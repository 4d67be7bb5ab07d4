"""What the API says about clues of active discovery."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import StringConstraints

from cloud.care.clues.service import ClueKind
from cloud.schema_types import ApiModel, UtcMs


class ClueOut(ApiModel):
    """One open clue. `detail`: service and its name, or the list and what it says."""

    id: UUID
    kind: ClueKind
    elder_id: UUID | None
    elder_name: str
    detail: dict[str, Any]
    opened_at: UtcMs
    opened_by: str


class CluesOut(ApiModel):
    """Open ones, the newest first."""

    clues: list[ClueOut]


class ClueEndIn(ApiModel):
    """What came of it; a dismissal says why."""

    outcome: Literal["done", "dismissed"]
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
