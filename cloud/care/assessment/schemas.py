"""What the API says about ability assessments."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from cloud.care.assessment.scoring import MAX_RISK_COUNT
from cloud.schema_types import ApiModel, UtcMs

_Text = Annotated[str, Field(max_length=200)]
RiskCount = Annotated[int, Field(ge=0, le=MAX_RISK_COUNT)]


class CircumstancesIn(ApiModel):
    """A.2.14, A.4 and A.5.11 as far as they change the level."""

    coma: bool = False
    dementia_confirmed: bool = False
    mental_disorder_by_psychiatrist: bool = False
    risk_events: dict[str, RiskCount] = Field(default_factory=dict)


class InformantIn(ApiModel):
    """A.3: who gave the information, and whether they have signed."""

    name: _Text = ""
    relationship: _Text = ""
    signed: bool = False


class ContestIn(ApiModel):
    """A confirmed incident that shall not count, and why."""

    incident_id: UUID
    reason: Annotated[str, Field(max_length=500)]


class IncidentOut(ApiModel):
    """A confirmed incident that counts by itself unless it is contested."""

    id: UUID
    kind: str
    happened_at: UtcMs
    recorded_by: str
    injury: str | None
    cause: str | None


class IncidentsOut(ApiModel):
    """Confirmed incidents of the 30 days that end with `reference_date`."""

    reference_date: date
    incidents: list[IncidentOut]
    counts: dict[str, int]


class CountedOut(ApiModel):
    """What a filed assessment counted by itself."""

    incident_id: UUID
    kind: str
    happened_at: UtcMs


class MedicineIn(ApiModel):
    """A.4: one medicine."""

    name: Annotated[str, Field(max_length=100)] = ""
    route: Annotated[str, Field(max_length=40)] = ""
    dose: Annotated[str, Field(max_length=40)] = ""
    frequency: Annotated[str, Field(max_length=40)] = ""


class AroundIn(ApiModel):
    """A.4 and A.5. `problems`: A.5 code -> options; `notes`: words, by A.5 code or `diagnoses`.

    A.2 and the contact of A.3 stand in the record, where phone numbers are sealed.
    """

    diagnoses: Annotated[list[str], Field(max_length=40)] = Field(
        default_factory=list, examples=[["I10-I15"]]
    )
    medicines: Annotated[list[MedicineIn], Field(max_length=40)] = Field(default_factory=list)
    problems: Annotated[dict[str, list[str]], Field(max_length=20)] = Field(
        default_factory=dict, examples=[{"A.5.1": ["无"], "A.5.11": ["无"]}]
    )
    notes: Annotated[dict[str, _Text], Field(max_length=20)] = Field(default_factory=dict)


class DraftIn(ApiModel):
    """A form as far as it is filled in. `version`: the one it was changed from (0: a new one)."""

    version: Annotated[int, Field(ge=0)]
    reason: Annotated[int, Field(ge=1, le=5)]
    reason_note: Annotated[str, Field(max_length=500)] = ""
    reference_date: date
    answers: Annotated[dict[str, str], Field(max_length=100)] = Field(
        default_factory=dict, examples=[{"B.1.1": "4", "B.3.9": "2"}]
    )
    circumstances: CircumstancesIn = CircumstancesIn()
    informant: InformantIn = InformantIn()
    assessors: Annotated[list[_Text], Field(max_length=4)] = Field(default_factory=list)
    contested: Annotated[list[ContestIn], Field(max_length=50)] = Field(default_factory=list)
    around: AroundIn = AroundIn()


class FileIn(ApiModel):
    """File the draft as it stands: `version` is the one that was looked at."""

    version: Annotated[int, Field(ge=1)]


class DomainOut(ApiModel):
    """C.1: one subtotal."""

    code: str
    name: str
    score: int
    highest: int


class GroundOut(ApiModel):
    """C.4: one ground for changing the level."""

    rule: str
    text: str
    because: str
    because_en: str
    level_before: int
    level_after: int


class ReportOut(ApiModel):
    """C.1 to C.5, each step."""

    rules_version: str
    domains: list[DomainOut]
    total: int
    first_level: int
    first_level_name: str
    grounds: list[GroundOut]
    final_level: int
    final_level_name: str
    changes_add_up: bool
    events_count_together: bool


class AssessmentOut(ApiModel):
    """One assessment. `report` only where it is filed; `missing`: items not answered yet."""

    id: UUID
    elder_id: UUID
    version: int
    reason: int
    reason_note: str
    reference_date: date
    answers: dict[str, str]
    circumstances: CircumstancesIn
    informant: InformantIn
    assessors: list[str]
    contested: list[ContestIn]
    counted: list[CountedOut]
    around: AroundIn
    created_at: UtcMs
    updated_at: UtcMs
    filed_at: UtcMs | None
    missing: list[str]
    domains: list[DomainOut]
    report: ReportOut | None
    source: str = Field(description="empty: our own; else the body whose result was taken over")


class AssessmentBrief(ApiModel):
    """A line in an elder's list. `source`: the body whose result was taken over, if one was."""

    id: UUID
    source: str
    reason: int
    reference_date: date
    filed_at: UtcMs | None
    total: int | None
    first_level: int | None
    final_level: int | None
    final_level_name: str | None


class AssessmentsOut(ApiModel):
    """All assessments of an elder, newest first, and the level that holds now."""

    elder_id: UUID
    current_level: int | None
    current_level_name: str | None
    due_on: date | None
    assessments: list[AssessmentBrief]


class DueOut(ApiModel):
    """An elder whose assessment is due. `due_on` None: never assessed."""

    elder_id: UUID
    elder_name: str
    last_level: int | None
    last_on: date | None
    due_on: date | None
    overdue_days: int | None
    events: int | None = Field(
        description="confirmed care-risk events within 30 days that ask for a new one at once"
    )
    falls: int | None = Field(description="how many of `events` were falls")
    asked_why: str | None = Field(description="why somebody asked for one, where somebody did")


class DueListOut(ApiModel):
    """Who is due within the next days, the longest overdue first."""

    interval_days: int
    due: list[DueOut]


class SettingsIO(ApiModel):
    """Open points of the standard as this institution reads them (unverified: settings)."""

    changes_add_up: bool
    events_count_together: bool
    interval_days: Annotated[int, Field(ge=30, le=1095)]


class FormOut(ApiModel):
    """The form: items, options, levels, value lists."""

    form: dict[str, Any]
