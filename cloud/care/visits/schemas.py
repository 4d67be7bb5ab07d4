"""What the API says about visits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from cloud.schema_types import ApiModel, UtcMs

WayOfVisit = Literal["in_person", "third_party", "volunteer", "neighbour", "phone", "video"]
VisitOutcome = Literal["done", "not_home", "refused", "no_answer"]
VisitStanding = Literal["ok", "soon", "today", "overdue"]
PullReason = Literal["alert", "activity_drop", "discovery", "person"]
Mark = Literal["V", "U", "D"]
_Line = Annotated[str, Field(max_length=200)]
_Note = Annotated[str, Field(max_length=2000)]
_Reason = Annotated[str, Field(min_length=2, max_length=500)]


class PlaceIO(ApiModel):
    """Degrees, WGS 84."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class MeasuredPlaceIn(PlaceIO):
    """Where a phone says it is, within `accuracy_m`."""

    accuracy_m: Annotated[float, Field(ge=0, le=100_000)]


class StationIO(PlaceIO):
    """Where a day's route begins."""

    name: Annotated[str, Field(min_length=1, max_length=100)]


class GroupOut(ApiModel):
    """A group with its interval here and by default."""

    key: str
    zh: str
    en: str
    who_zh: str
    who_en: str
    interval_days: int
    default_days: int
    mark: Mark
    source: str


class VisitCodeOut(ApiModel):
    """A code in both languages."""

    key: str
    zh: str
    en: str
    remote: bool


class VisitSettingsIn(ApiModel):
    """The house's figures. `interval_days` by group; what is left out is the default."""

    interval_days: dict[str, Annotated[int, Field(ge=1, le=366)]] = Field(default_factory=dict)
    pull_forward_h: Annotated[int, Field(ge=1, le=168)]
    remote_in_a_row: Annotated[int, Field(ge=0, le=12)]
    station: StationIO | None = None
    version: Annotated[int, Field(ge=0)] = 0


class VisitStaffOut(ApiModel):
    """Somebody who may visit or follow up."""

    id: UUID
    name: str


class VisitSettingsOut(ApiModel):
    """The figures in force, with the marks of the defaults, and the words of ways and findings."""

    groups: list[GroupOut]
    ways: list[VisitCodeOut]
    findings: list[VisitCodeOut]
    staff: list[VisitStaffOut]
    pull_forward_h: int
    remote_in_a_row: int
    marks: dict[str, Mark]
    station: StationIO | None
    map_tiles: str = Field(description="address of map tiles with {z}/{x}/{y}; empty: none")
    version: int
    updated_at: UtcMs | None
    updated_by: str | None


class VisitPlanIn(ApiModel):
    """An elder's plan. `interval_days` None: the group's. `place`: the door; None takes it away.

    `version`: the one it was changed from; 0 where there is none yet.
    """

    group: str
    interval_days: Annotated[int, Field(ge=1, le=366)] | None = None
    visitor_id: UUID | None = None
    purchaser: _Line = ""
    place: PlaceIO | None = None
    starts_on: date
    ended: bool = False
    note: _Note = ""
    version: Annotated[int, Field(ge=0)] = 0


class VisitPlanOut(ApiModel):
    """The plan in force."""

    elder_id: UUID
    group: str
    interval_days: int
    own_interval_days: int | None
    visitor_id: UUID | None
    visitor: str | None
    purchaser: str
    place: PlaceIO | None
    starts_on: date
    ended_at: UtcMs | None
    note: str
    version: int
    updated_at: UtcMs
    updated_by: str


class SuggestionOut(ApiModel):
    """The group that the record speaks for. `unknown`: facts that might make it another."""

    group: str
    reasons: list[str]
    unknown: list[str]


class PullOut(ApiModel):
    """What asks for an earlier visit."""

    at: UtcMs
    due_at: UtcMs
    reason: PullReason
    note: str


class VisitDueRow(ApiModel):
    """An elder with the next visit. `pulls` not empty: it was pulled forward, and why."""

    elder_id: UUID
    elder_name: str
    where: str
    group: str
    interval_days: int
    visitor_id: UUID | None
    visitor: str | None
    due_at: UtcMs
    regular_at: UtcMs
    standing: VisitStanding
    pulls: list[PullOut]
    last_done_at: UtcMs | None
    last_done_by: str | None
    last_attempt_at: UtcMs | None
    last_attempt: VisitOutcome | None
    open_followups: int


class UnplannedOut(ApiModel):
    """Somebody who lives at home and whom nobody is to visit."""

    elder_id: UUID
    elder_name: str
    where: str


class VisitDueOut(ApiModel):
    """The longest overdue first. `unplanned`: elders at home whom no plan covers."""

    server_time: UtcMs
    today: date
    rows: list[VisitDueRow]
    unplanned: list[UnplannedOut]


class RouteStop(ApiModel):
    """A door of the day. `leg_m`: from the one before, as the crow flies; None: not on the map."""

    row: VisitDueRow
    address: str
    place: PlaceIO | None
    leg_m: float | None


class RouteOut(ApiModel):
    """A day's doors in the order to walk; those without a place on the map come last."""

    day: date
    station: StationIO | None
    stops: list[RouteStop]
    length_m: float


class FollowupIn(ApiModel):
    """Something to be done after the visit; `id` is chosen by the phone."""

    id: UUID
    what: Annotated[str, Field(min_length=2, max_length=500)]
    owner_id: UUID
    due_on: date


class VisitIn(ApiModel):
    """A visit as it was. `id` is chosen by the phone. At the door: a place, or why there is none.

    `ended_at` None: now.
    """

    id: UUID
    elder_id: UUID
    way: WayOfVisit = "in_person"
    outcome: VisitOutcome = "done"
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    place: MeasuredPlaceIn | None = None
    no_place_reason: _Line = ""
    findings: Annotated[list[str], Field(max_length=13)] = Field(default_factory=list)
    note: _Note = ""
    followups: Annotated[list[FollowupIn], Field(max_length=10)] = Field(default_factory=list)


class VisitCorrectionIn(ApiModel):
    """What was wrong: it did not take place (`void`), or the times."""

    reason: _Reason
    void: bool
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        times = (self.started_at is not None, self.ended_at is not None)
        if self.void == any(times) or any(times) != all(times):
            raise ValueError("作废，或者同时写明正确的开始和结束时间，二者选一")
        return self


class CorrectionOut(ApiModel):
    """One correction."""

    at: UtcMs
    by: str
    reason: str
    void: bool
    started_at: UtcMs | None
    ended_at: UtcMs | None


class FollowupOut(ApiModel):
    """One follow-up."""

    id: UUID
    elder_id: UUID
    elder_name: str
    visit_id: UUID
    what: str
    owner_id: UUID
    owner: str
    due_on: date
    overdue: bool
    created_at: UtcMs
    created_by: str
    done_at: UtcMs | None
    done_by: str | None
    result: str


class FollowupsOut(ApiModel):
    """The earliest due first."""

    followups: list[FollowupOut]


class FollowupDoneIn(ApiModel):
    """What came of it."""

    result: _Reason


class VisitOut(ApiModel):
    """A visit. `distance_m`: from the door on the map; None: one of the two places is not known."""

    id: UUID
    elder_id: UUID
    elder_name: str
    by: str
    way: WayOfVisit
    outcome: VisitOutcome
    started_at: UtcMs
    ended_at: UtcMs
    recorded_at: UtcMs
    due_at: UtcMs | None
    accuracy_m: float | None
    distance_m: float | None
    far_away: bool
    no_place_reason: str
    findings: list[str]
    note: str
    void: bool
    corrections: list[CorrectionOut]


class ElderVisitsOut(ApiModel):
    """An elder's plan, what is due, what was, and what is to be done."""

    elder_id: UUID
    elder_name: str
    plan: VisitPlanOut | None
    suggestion: SuggestionOut
    due: VisitDueRow | None
    visits: list[VisitOut]
    followups: list[FollowupOut]


class VisitRequestIn(ApiModel):
    """Somebody asks for an earlier visit."""

    due_at: AwareDatetime
    note: _Reason


class FamilyVisit(ApiModel):
    """A visit as a relative sees it: that it was, not what was found."""

    at: UtcMs
    by: str
    way: WayOfVisit
    outcome: VisitOutcome


class FamilyVisits(ApiModel):
    """One elder's visits; `shared` False: no consent in force lets this relative see them."""

    elder_id: UUID
    elder_name: str
    shared: bool
    done: list[FamilyVisit]
    next_due_on: date | None


class FamilyVisitsOut(ApiModel):
    """Of every elder this login is a relative of."""

    elders: list[FamilyVisits]
