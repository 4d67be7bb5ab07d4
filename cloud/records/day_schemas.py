"""What the API says of a day on one time axis."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from cloud.alerts.schemas import FindingName, PriorityName
from cloud.alerts.schemas import StateName as AlertStateName
from cloud.coverage.schemas import PauseReason
from cloud.schema_types import ApiModel, UtcMs

BedLaneState = Literal["in_bed", "up", "out", "unseen"]
ChangeName = Literal["given", "taken", "broken", "mended"]


class BedStretch(ApiModel):
    """`unseen`: nobody knows. It is never filled from what was said before or after."""

    from_at: UtcMs
    until_at: UtcMs
    state: BedLaneState


class Span(ApiModel):
    """[from_at, until_at)."""

    from_at: UtcMs
    until_at: UtcMs


class RoomLaneOut(ApiModel):
    """Activity in a room. `shared`: others stay in it; it may have been theirs."""

    room: str
    shared: bool
    active: list[Span]
    unseen: list[Span]


class VitalLaneOut(ApiModel):
    """A vital sign by the minute. Draw no line across `unseen`."""

    quantity: str
    unit: str
    label_zh: str
    at_ms: list[int]
    low: list[float]
    mean: list[float]
    high: list[float]
    unseen: list[Span]


class DayAlert(ApiModel):
    """An alert of that day, or one still open from before."""

    id: UUID
    code: str
    name_zh: str
    name_en: str
    priority: PriorityName
    state: AlertStateName
    origin: str
    happened_at: UtcMs
    acknowledged_at: UtcMs | None
    arrived_at: UtcMs | None
    ended_at: UtcMs | None
    finding: FindingName | None


class DayHole(ApiModel):
    """A time that a gateway or the watch over devices says could not be seen, and why."""

    from_at: UtcMs
    until_at: UtcMs | None
    device_id: str | None = Field(description="null: of several devices, or of all")
    cause: str


class DayChange(ApiModel):
    """A device came, went, broke or worked again."""

    at: UtcMs
    device_id: str
    label: str
    what: ChangeName


class DayPause(ApiModel):
    """Known to be out, or not watched over routine."""

    from_at: UtcMs
    until_at: UtcMs
    reason: PauseReason


class DayTotals(ApiModel):
    """The bed lane in numbers."""

    in_bed_min: int
    up_min: int
    out_min: int
    unseen_min: int
    up_times: int


class DayOut(ApiModel):
    """An elder's day. Nothing after `server_time` is known, nothing `unseen` is made up."""

    elder_id: UUID
    day: date
    from_at: UtcMs
    until_at: UtcMs
    server_time: UtcMs
    slot_s: int = Field(description="0: single readings; else only summaries are left of that day")
    simulated: bool = Field(description="some of it was never measured: a simulator made it")
    bed: list[BedStretch] | None = Field(description="null: nothing watches the bed")
    totals: DayTotals | None
    rooms: list[RoomLaneOut]
    vitals: list[VitalLaneOut]
    not_worn: list[Span] = Field(description="the wearable lay somewhere, and saw nothing")
    blind: list[Span] = Field(description="no device at all could have told anything")
    holes: list[DayHole]
    alerts: list[DayAlert] | None = Field(description="null: the caller may not see alerts")
    changes: list[DayChange]
    pauses: list[DayPause]
