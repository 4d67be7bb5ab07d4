"""What the API says about rosters and policies."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cloud.alerts.escalation.policies import PolicyBody
from cloud.alerts.schemas import PriorityName
from cloud.schema_types import ApiModel, UtcMs

DutyAsName = Literal["duty", "head_nurse", "manager"]


class DutyOut(ApiModel):
    """Somebody on duty. `reachable`: by a desk that can be believed, or on a way of their own."""

    id: UUID
    user_id: UUID
    name: str
    unit_id: UUID | None
    unit: str | None
    duty_as: DutyAsName
    starts_at: UtcMs
    ends_at: UtcMs
    at_desk: bool
    has_way: bool


class RosterOut(ApiModel):
    """The roster over an interval, and the shift that holds its beginning."""

    server_time: UtcMs
    shift: str
    shift_starts_at: UtcMs
    shift_ends_at: UtcMs
    duties: list[DutyOut]
    units: list[UnitOut]
    people: list[PersonOut]


class UnitOut(ApiModel):
    """A unit to choose from."""

    id: UUID
    name: str


class PersonOut(ApiModel):
    """Somebody to put on the roster."""

    id: UUID
    name: str
    role: str


class DutyIn(ApiModel):
    """Put somebody on duty; without a unit: for the whole house."""

    user_id: UUID
    duty_as: DutyAsName
    unit_id: UUID | None = None
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class PolicyIn(ApiModel):
    """A policy for a place, a person, a shift; the most specific one counts."""

    name: str = Field(min_length=1, max_length=100)
    priority: PriorityName
    unit_id: UUID | None = None
    elder_id: UUID | None = None
    shift: str | None = Field(default=None, max_length=50)
    body: PolicyBody


class PolicyOut(PolicyIn):
    """A policy as it stands."""

    id: UUID | None = Field(description="null: the design default")
    created_at: UtcMs | None
    created_by: str | None


class PolicyList(ApiModel):
    """The house's own, then the defaults."""

    policies: list[PolicyOut]


RosterOut.model_rebuild()
