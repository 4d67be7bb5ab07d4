"""What the API says of active discovery."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from cloud.care.tasks.schemas import CareTaskOut
from cloud.care.tasks.service import TaskKind
from cloud.schema_types import ApiModel, UtcMs

CaseState = Literal["open", "working", "confirmed", "dismissed"]
Dismissal = Literal[
    "away", "short_illness", "visitors", "device", "habit", "cared_for", "other"
]  # fmt: skip


class NeedReasonOut(ApiModel):
    """One reason with its points, in words. `curve`: the feature that draws it, if any."""

    kind: str
    group: str
    points: float
    hard: bool
    factor: float
    text_zh: str
    text_en: str
    curve: str | None


class CaseMoveOut(ApiModel):
    """One step of a case; `by` empty: the nightly job."""

    at: UtcMs
    by: str
    move: str
    note: str


class DiscoveryCaseOut(ApiModel):
    """Somebody to look at. `listed` False: eased since, and waiting for a person all the same."""

    id: UUID
    elder_id: UUID
    elder_name: str
    place: str | None
    age: int
    opened_on: date
    day: date
    score: float
    listed: bool
    simulated: bool
    reasons: list[NeedReasonOut]
    unknown: list[str] = Field(description="what cannot be told of this elder now")
    state: CaseState
    reason_code: Dismissal | None
    note: str | None
    ask_again_on: date | None
    ended_at: UtcMs | None
    ended_by: str | None
    version: int
    tasks: list[CareTaskOut]
    moves: list[CaseMoveOut]


class DiscoveryStatsOut(ApiModel):
    """What came of the cases of the last 90 days."""

    opened: int
    waiting: int
    confirmed: int
    dismissed: int
    median_days_to_answer: float | None
    dismissals: dict[str, int]


class DiscoveryListOut(ApiModel):
    """Today's list, the greatest need first. `day` None: the nightly job has not run yet."""

    day: date | None
    scored_at: UtcMs | None
    elders: int
    stale: bool = Field(description="the list is not of the last night")
    cases: list[DiscoveryCaseOut]
    stats: DiscoveryStatsOut


class CurveOut(ApiModel):
    """A feature by day; None where it is not known. `usual`: the middle of the baseline."""

    feature: str
    name_zh: str
    name_en: str
    unit_zh: str
    unit_en: str
    values: list[float | None]
    usual: float | None
    low: float | None
    high: float | None


class ElderDiscoveryOut(ApiModel):
    """An elder's days, scores and cases. `away`: days known to be spent elsewhere."""

    elder_id: UUID
    elder_name: str
    days: list[date]
    away: list[date]
    scores: list[float | None]
    curves: list[CurveOut]
    cases: list[DiscoveryCaseOut]


class DiscoveryAnswerIn(ApiModel):
    """What a person found. Dismissing needs a code; `other` needs a note.

    `ask_again_on` left out: after 30 days, after 7 where a hard signal is among the reasons.
    """

    version: Annotated[int, Field(ge=1)]
    decision: Literal["confirmed", "dismissed"]
    reason_code: Dismissal | None = None
    note: Annotated[str, Field(max_length=2000)] = ""
    ask_again_on: date | None = None


class DiscoveryAskIn(ApiModel):
    """A visit, an assessment or an application, asked for from a case."""

    kind: TaskKind
    due_on: date
    note: Annotated[str, Field(max_length=2000)] = ""
