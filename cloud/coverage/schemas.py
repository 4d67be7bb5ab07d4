"""What the API says about coverage, and what it takes of plans and sensors."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from cloud.schema_types import ApiModel, UtcMs

StateName = Literal["protected", "degraded", "blind"]
LevelName = Literal["full", "partial", "lost"]
CapabilityName = Literal["fall", "inactivity", "bed", "sos", "vitals", "exit"]
CauseName = Literal["no_devices", "no_gateway", "gateway_offline", "source_down", "not_reported"]
RoleName = Literal[
    "motion", "radar", "outer_door", "door", "bed", "seat", "appliance", "wearable", "button",
    "locator", "spot_vitals", "climate", "smoke", "gas", "water",
]  # fmt: skip
RoomKindName = Literal["bedroom", "bathroom", "kitchen", "living", "hall", "entrance", "other"]
PauseReason = Literal["leave", "hospital", "works", "other"]


class LackOut(ApiModel):
    """A capability that the care plan needs and that is not all there."""

    capability: CapabilityName
    level: LevelName
    since: UtcMs


class SilentDevice(ApiModel):
    """A device that tells nothing, or sees nothing."""

    device_id: str
    role: str
    room: str
    since: UtcMs
    cause: str = Field(
        description="battery, everything_silent, sees_nothing, never_heard or unknown"
    )


class ElderCoverage(ApiModel):
    """What can be seen of one elder. `blind` is never well."""

    elder_id: UUID
    elder_name: str
    place: str | None
    state: StateName
    since: UtcMs | None
    cause: CauseName | None = Field(description="why nothing is known, where no device says it")
    gateway: str | None
    lacking: list[LackOut]
    silent: list[SilentDevice]
    origin: str


class CoverageList(ApiModel):
    """Everybody, the worst first."""

    server_time: UtcMs
    elders: list[ElderCoverage]


class SensorOut(ApiModel):
    """A device as the watch over this elder knows it."""

    device_id: str
    role: str
    room: str
    room_kind: str
    shared: bool = Field(description="hangs in a room with others")
    capabilities: list[CapabilityName]


class GapOut(ApiModel):
    """A time in which a device, or the gateway (no device), told nothing or could not be heard."""

    device_id: str | None = Field(description="null: several of this elder's, or all")
    from_at: UtcMs
    until_at: UtcMs | None
    cause: str = Field(
        description="a silent device's: battery, everything_silent, sees_nothing, never_heard, "
        "unknown; the gateway's: gateway_offline, and by its own word source_down (nobody "
        "listened there), gateway_down (it was off), thinned, dropped (its disk was full)"
    )
    source: str | None = Field(description="what was not listened to, such as mqtt, ble:hci0")
    records: int = Field(description="stored records that were given up")


class ElderCoverageDetail(ElderCoverage):
    """With sensors, and gaps of the last 30 days, newest first."""

    sensors: list[SensorOut]
    gaps: list[GapOut]


class PauseOut(ApiModel):
    """A known time without watching over routine."""

    id: UUID
    from_at: UtcMs
    until_at: UtcMs
    reason: PauseReason
    created_by: str


class WatchPlanIn(ApiModel):
    """How an elder is to be watched."""

    timezone: str = "Asia/Shanghai"
    ability_level: Annotated[int, Field(ge=0, le=4)] | None = Field(
        default=None, description="null: that of the newest assessment filed, 0 before any"
    )
    lives_alone: bool | None = Field(
        default=None, description="null: alone where nobody else has a bed in the room"
    )
    requires: list[CapabilityName] | None = Field(
        default=None, description="null: whatever their devices can see"
    )
    overrides: dict[str, float] = Field(
        default={}, description="this person's own limits, e.g. bed.no_return_s"
    )


class WatchPlanOut(WatchPlanIn):
    """The plan in force, defaults where nobody has set any."""

    elder_id: UUID
    level_in_force: int = Field(
        description="ability level that sets limits of absence and turning: the plan's own, else "
        "the assessed one, else 0"
    )
    assessed_level: int | None
    assessed_on: date | None
    updated_at: UtcMs | None
    updated_by: str | None
    pauses: list[PauseOut]


class PauseIn(ApiModel):
    """Nothing is alarmed over routine, and nothing learned, over [from_at, until_at)."""

    from_at: AwareDatetime
    until_at: AwareDatetime
    reason: PauseReason


class SensorIn(ApiModel):
    """What a device is for where it hangs."""

    role: RoleName
    room: Annotated[str, Field(max_length=40)] = ""
    room_kind: RoomKindName = "other"
    capabilities: list[CapabilityName] | None = Field(
        default=None, description="null: those of the role"
    )
    report_interval_s: Annotated[float, Field(gt=0, le=86_400)] | None = None


class AreaIn(ApiModel):
    """The units a gateway watches over; none: all that no other gateway has."""

    unit_ids: list[UUID]
