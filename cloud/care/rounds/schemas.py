"""What the API says about rounds and turning."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from cloud.care.rounds.plan import DEFAULT_GRACE_MIN, DEFAULT_SENSOR_IN_A_ROW
from cloud.schema_types import ApiModel, UtcMs

Kind = Literal["round", "turning"]
Way = Literal["tag", "bed_list", "sensor"]
RoundFinding = Literal["asleep", "awake_well", "up", "not_there", "needs_help"]
BodyPosition = Literal["left", "right", "back", "prone", "sitting"]
StandingName = Literal["ok", "due", "missed"]


class FrequencyIO(ApiModel):
    """One of the two."""

    per_shift: Annotated[int, Field(ge=1, le=24)] | None = None
    every_min: Annotated[int, Field(ge=15, le=720)] | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.per_shift is None) == (self.every_min is None):
            raise ValueError("每班次数和间隔分钟数，填且只填一个")
        return self


class LevelPlanIO(ApiModel):
    """Of one ability level."""

    level: Annotated[int, Field(ge=0, le=4)]
    night: FrequencyIO
    day: FrequencyIO
    turning_min: Annotated[int, Field(ge=30, le=720)] | None = None


class RoundPlanIn(ApiModel):
    """A plan. `unit_id` None: for every unit without a plan of its own. `levels` empty: defaults.

    `version`: the one it was changed from; 0 where there is none yet.
    """

    unit_id: UUID | None = None
    active: bool
    levels: Annotated[list[LevelPlanIO], Field(max_length=5)] = Field(default_factory=list)
    sensor_allowed: bool = False
    sensor_in_a_row: Annotated[int, Field(ge=1, le=6)] = DEFAULT_SENSOR_IN_A_ROW
    grace_min: Annotated[int, Field(ge=0, le=120)] = DEFAULT_GRACE_MIN
    version: Annotated[int, Field(ge=0)] = 0


class RoundPlanOut(ApiModel):
    """The plan in force for a unit, or for the house."""

    unit_id: UUID | None
    unit_name: str | None
    active: bool
    levels: list[LevelPlanIO]
    sensor_allowed: bool
    sensor_in_a_row: int
    grace_min: int
    version: int
    updated_at: UtcMs | None
    updated_by: str | None


class RoundPlansOut(ApiModel):
    """The house's plan first, then those of units."""

    plans: list[RoundPlanOut]


class DueNow(ApiModel):
    """How one kind stands for one person."""

    last_at: UtcMs | None
    last_way: Way | None
    last_by: str | None
    due_at: UtcMs
    standing: StandingName


class RoundRow(ApiModel):
    """A bed of the list with who is in it. Away (leave, hospital): nothing is due."""

    elder_id: UUID
    elder_name: str
    bed_id: UUID
    place: str
    unit_id: UUID
    level: int
    away: bool
    sensor_allowed: bool
    round: DueNow | None
    turning: DueNow | None


class RoundListOut(ApiModel):
    """Who is to be seen, the longest overdue first. `active` False: no plan runs, nothing rings."""

    server_time: UtcMs
    shift: str
    active: bool
    rows: list[RoundRow]


class RoundCheckIn(ApiModel):
    """Somebody was seen. Either `elder_id` or the `tag` at the bed; `id` is chosen by the phone."""

    id: UUID
    elder_id: UUID | None = None
    tag: Annotated[str, Field(max_length=200)] | None = None
    kind: Kind = "round"
    by_sensor: bool = False
    at: AwareDatetime | None = None
    finding: RoundFinding = "asleep"
    position: BodyPosition | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class RoundCheckOut(ApiModel):
    """What was written down."""

    id: UUID
    elder_id: UUID
    elder_name: str
    place: str
    kind: Kind
    way: Way
    at: UtcMs
    by: str
    finding: RoundFinding
    position: BodyPosition | None
    note: str


class TagIn(ApiModel):
    """A tag hangs at a bed from now on; one that hung elsewhere is moved."""

    tag: Annotated[str, Field(min_length=4, max_length=200)]
    bed_id: UUID


class TagBedIn(ApiModel):
    """A bed."""

    bed_id: UUID


class TagUnitIn(ApiModel):
    """A unit."""

    unit_id: UUID


class LabelOut(ApiModel):
    """A bed with what hangs there: its text, the address it opens, and that as a QR code (SVG)."""

    bed_id: UUID
    room: str
    bed: str
    tag: str | None
    set_at: UtcMs | None
    address: str | None
    qr_svg: str | None


class LabelsOut(ApiModel):
    """Of one unit, in the order of the corridor."""

    unit: str
    labels: list[LabelOut]


class ShiftLoadOut(ApiModel):
    """What a plan asks of a shift, everybody being there."""

    shift: str
    night: bool
    rounds: float
    rounds_per_h: float
    turnings_per_h: float


class UnitLoadOut(ApiModel):
    """Of one unit: `now` by the plan in force (or the defaults), `wanted` by the one asked of."""

    unit_id: UUID
    unit: str
    people: dict[int, int]
    now: list[ShiftLoadOut]
    wanted: list[ShiftLoadOut]


class PlanLoadOut(ApiModel):
    """Every unit that the plan would be of."""

    units: list[UnitLoadOut]


class SheetRow(ApiModel):
    """One person's shift. Rounds in person and by sensor are never added up."""

    elder_id: UUID
    elder_name: str
    place: str
    level: int
    planned_rounds: int
    in_person: int
    by_sensor: int
    turnings: int
    checks: list[RoundCheckOut]


class SheetOut(ApiModel):
    """A shift of a unit, for the wall and the inspector."""

    unit_name: str | None
    shift: str
    starts_at: UtcMs
    ends_at: UtcMs
    day: date
    rows: list[SheetRow]
