"""What a relative is told: coarse, honest, and nothing raw."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from cloud.care.service_list.evaluation import Standing
from cloud.care.service_list.fields import Value
from cloud.coverage.schemas import PauseReason
from cloud.people.schemas import FamilyKind
from cloud.schema_types import ApiModel, UtcMs

# `calm` only where everything that is needed can be seen, and nothing is open.
Mood = Literal["calm", "attention", "partly_seen", "not_seen", "not_shared", "away"]


class NightOut(ApiModel):
    """The last night, rounded to quarters of an hour."""

    morning: date
    watched: bool = Field(description="false: nothing watches the bed")
    so_far: bool = Field(description="the night is not over yet")
    in_bed_min: int
    up_times: int
    out_min: int
    unseen_min: int = Field(description="time without data: not rest, and not being up")
    text_zh: str
    text_en: str


class MissingOut(ApiModel):
    """What cannot be seen, in the terms of a relative."""

    what: str = Field(description="fall, inactivity, bed, sos, vitals or exit")
    level: Literal["partial", "lost"]
    since: UtcMs


class CoverageOut(ApiModel):
    """Whether the hub can see. Blind is never well."""

    state: Literal["protected", "degraded", "blind"]
    since: UtcMs | None
    cause: str | None
    missing: list[MissingOut]
    staff: Literal["listed", "alerted", "acknowledged"] = Field(
        description="whether staff know: it stands on the desk, it sounds there, somebody took note"
    )
    staff_since: UtcMs | None
    text_zh: str
    text_en: str


class AnswerOut(ApiModel):
    """An alert that is over, in words."""

    happened_at: UtcMs
    answered_s: float | None
    arrived_s: float | None
    text_zh: str
    text_en: str


class AnswersOut(ApiModel):
    """What staff answered in the last days, and how fast; middle values."""

    days: int
    count: int
    median_answered_s: float | None
    median_arrived_s: float | None
    text_zh: str
    text_en: str
    recent: list[AnswerOut]


class PauseNow(ApiModel):
    """Out, or not watched over routine. `reason` null: it is not shared with this relative."""

    from_at: UtcMs
    until_at: UtcMs
    reason: PauseReason | None


class FamilyNoticeOut(ApiModel):
    """What this relative was told on their phone."""

    at: UtcMs
    text: str
    delivered: bool


class RightOut(ApiModel):
    """A kind of thing, and why this relative sees it or does not."""

    kind: FamilyKind
    state: Literal["seen", "not_allowed", "not_agreed"] = Field(
        description="not_allowed: the institution has not set it for this relative; not_agreed: "
        "no consent in force"
    )
    signer_name: str | None
    since: UtcMs | None
    until: UtcMs | None


class FamilyElder(ApiModel):
    """One elder as their relative may see them. What was not agreed to is null."""

    elder_id: UUID
    name: str
    relationship: str
    mood: Mood
    last_sign_at: UtcMs | None = Field(description="rounded down to a quarter of an hour")
    night: NightOut | None
    coverage: CoverageOut | None
    open_alert: bool | None = Field(description="staff are dealing with something now")
    answers: AnswersOut | None
    pause: PauseNow | None
    notices: list[FamilyNoticeOut]
    shares: list[str] = Field(description="what the consent in force names")
    rights: list[RightOut]


class FamilyPage(ApiModel):
    """All elders of one relative."""

    server_time: UtcMs
    elders: list[FamilyElder]


class FamilyConditionOut(ApiModel):
    """One condition of a service and how it stands; not what the record holds, nor from whom."""

    field: str
    op: str
    wanted: Value | list[Value] | None
    standing: Standing


class FamilyServiceOut(ApiModel):
    """One service for a relative. `missing`: what the house does not know yet (待核实)."""

    key: str
    name: str
    name_en: str
    category: str
    target: str
    draft: bool
    standing: Standing
    missing: list[str]
    conditions: list[FamilyConditionOut]
    excluded_by: list[str]


class FamilyEntitlementsOut(ApiModel):
    """What an elder may be entitled to; `shared` false: the elder did not agree to share it."""

    elder_id: UUID
    on: date
    shared: bool
    services: list[FamilyServiceOut]


class LetterOut(ApiModel):
    """A week. Text null: something in it is not shared with this relative any more."""

    id: UUID
    elder_id: UUID
    elder_name: str
    week: date = Field(description="its Monday")
    made_at: UtcMs
    read_at: UtcMs | None
    text_zh: str | None
    text_en: str | None


class LettersOut(ApiModel):
    """Letters kept, the newest first."""

    letters: list[LetterOut]
