"""What the API says about list matching."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from cloud.care.matching.matcher import Certainty, Difference
from cloud.care.matching.models import ListState
from cloud.care.matching.words import Reason
from cloud.people.vocabulary import Value
from cloud.schema_types import ApiModel, UtcMs

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
# It becomes the source of a fact in the record, with a word before or after it.
Source = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
DecisionKind = Literal["apply", "reject", "task"]


class ListIn(ApiModel):
    """A list before its file: whose it is, why it is here, and what it says of people."""

    source: Source = Field(description="the department it comes from")
    field: Words = Field(description="the field of the record it says something of")
    listed: Value | None = Field(
        default=None, description="what being on it means, where it has no categories"
    )
    purpose: Words
    legal_basis: Words
    as_of: date = Field(description="the day the list is true of")
    file_name: Annotated[str, StringConstraints(max_length=200)] = ""


class MeaningIn(ApiModel):
    """What one category of the list is in the record's own values; null: nothing is taken."""

    status: Annotated[str, StringConstraints(max_length=200)]
    value: Value | None


class MeaningsIn(ApiModel):
    """All categories anew, on the version that was read."""

    meanings: list[MeaningIn] = Field(max_length=200)
    version: int


class ListOut(ApiModel):
    """A list and where it stands. `counts`: rows by difference; `undecided` of them.

    `done` of `total`: rows while it is read; `note` says why it failed.
    """

    id: UUID
    source: str
    field: str
    purpose: str
    legal_basis: str
    as_of: date
    file_name: str
    file_sha256: str | None
    state: ListState
    step: str
    done: int
    total: int
    note: str
    meanings: list[MeaningIn]
    values: list[Value]
    previous_as_of: date | None
    uploaded_at: UtcMs
    uploaded_by: str
    ended_at: UtcMs | None
    expires_on: date
    counts: dict[Difference, int]
    undecided: dict[Difference, int]
    version: int


class ListsOut(ApiModel):
    """The newest first; what the form of a new one offers."""

    lists: list[ListOut]
    fields: dict[str, list[Value]]
    keep_days: int


class CandidateOut(ApiModel):
    """An elder whom a row may mean."""

    elder_id: UUID
    name: str
    birth_date: date


class RowOut(ApiModel):
    """One row. `name`, `birth_date` and `number` (masked) as the list has them, until it expires.

    `why` in words; `reason` its code. `may_bulk`: sure enough to be decided with others.
    """

    id: UUID
    line: int | None
    difference: Difference
    certainty: Certainty
    reason: Reason
    why: str
    name: str
    birth_date: date | None
    number: str | None
    status: str
    elders: list[CandidateOut]
    before: Value | None
    after: Value | None
    decision: DecisionKind | None
    decided_at: UtcMs | None
    decided_by: str | None
    decision_note: str
    undone_at: UtcMs | None
    undone_by: str | None
    may_bulk: bool


class RowsOut(ApiModel):
    """One page of rows, in the order of the list; `hidden`: of elders one may not see."""

    rows: list[RowOut]
    next: UUID | None


class RowDecisionIn(ApiModel):
    """What a person decides of a row. `value`, `field`, `elder_id`: where it differs from the row.

    apply writes the value into the record; reject needs a reason; task opens a discovery task.
    """

    decision: DecisionKind
    reason: Note = ""
    field: Words | None = None
    value: Value | None = None
    elder_id: UUID | None = None


class BulkIn(ApiModel):
    """The same for all certain and undecided rows of a kind, at most `MAX_BULK` at a time."""

    decision: Literal["apply", "reject"]
    difference: Literal["changed", "gone"]
    status: Annotated[str, StringConstraints(max_length=200)] | None = None
    reason: Note = ""


class BulkOut(ApiModel):
    """How many were decided now; `left` the same could be decided of; `passed` could not be."""

    decided: int
    left: int
    passed: int
