"""What the API says about home beds."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from cloud.care.homebed.steps import BedMove, BedStep
from cloud.places.schemas import DistrictCode, Line, Name, Note
from cloud.schema_types import ApiModel, UtcMs

ServiceKind = Literal[
    "watching", "visits", "meals", "bathing", "medical", "cleaning", "rehabilitation", "company",
]  # fmt: skip


class ApplicationIn(ApiModel):
    """Somebody applies for a home bed."""

    applicant: Name = Field(description="the elder, or who applies for them")
    purchaser: Line = ""
    reason: Note = ""


class ServicePlanIO(ApiModel):
    """What is served. `visit_group`: of the visit plan that begins with the service."""

    services: Annotated[list[ServiceKind], Field(min_length=1, max_length=8)]
    visit_group: Name = "general"
    text: Note = ""


class AgreementIO(ApiModel):
    """What was signed, by whom, until when."""

    text_version: Name
    signer: Name
    signed_on: date
    valid_until: date | None = None


class FittedHomeIn(ApiModel):
    """A home that is to be made; room and bed come with it."""

    name: Name
    address: Line = ""
    entry: Note = ""
    operator_unit_id: UUID | None = None
    district_code: DistrictCode | None = None


class FittingAcceptedIn(ApiModel):
    """Who signed for the fitting, and until when what was fitted is under warranty."""

    accepted_by: Name
    warranty_until: date


class HomeBedMoveIn(ApiModel):
    """A move with what it needs: `plan` its plan, `agree` its agreement, `begin_fitting` a home."""

    move: BedMove
    reason: Note = ""
    plan: ServicePlanIO | None = None
    agreement: AgreementIO | None = None
    home_id: UUID | None = None
    new_home: FittedHomeIn | None = None
    acceptance: FittingAcceptedIn | None = None


class StepOut(ApiModel):
    """A step in words."""

    key: BedStep
    zh: str
    en: str
    within_days: int | None
    mark: Literal["V", "U", "D"]


class MissingNeedOut(ApiModel):
    """What a move still lacks."""

    code: str
    zh: str


class HomeBedRow(ApiModel):
    """A home bed of the list. `next`: what is to be done, until `due_on`."""

    id: UUID
    elder_id: UUID
    elder_name: str
    home_id: UUID | None
    home_name: str | None
    step: BedStep
    step_since: UtcMs
    next: BedMove | None
    due_on: date | None
    overdue: bool
    purchaser: str


class HomeBedsOut(ApiModel):
    """By step, the earliest due first."""

    steps: list[StepOut]
    rows: list[HomeBedRow]


class HomeBedMoveOut(ApiModel):
    """One move."""

    move: BedMove
    step_before: BedStep | None
    step_after: BedStep
    at: UtcMs
    by: str
    reason: str
    detail: dict[str, Any]


class HomeBedOut(ApiModel):
    """One home bed with all moves. `lacking`: why the next move would be refused now."""

    row: HomeBedRow
    steps: list[StepOut]
    allowed: list[BedMove]
    lacking: list[MissingNeedOut]
    assessment_id: UUID | None
    level: int | None
    plan: ServicePlanIO | None
    agreement: AgreementIO | None
    warranty_until: date | None
    unfitted: int
    unchecked: int
    moves: list[HomeBedMoveOut]
