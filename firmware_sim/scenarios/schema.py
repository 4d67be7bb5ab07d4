"""What a scenario file may say. A scenario and a seed give the same world, byte for byte."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from math import isclose
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge.subject import SensorRole

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BuildingKind(StrEnum):
    """Where the people live."""

    INSTITUTION = "institution"
    HOMES = "homes"


class BuildingSpec(_Part):
    """How large. An institution has units of rooms with beds; homes are flats of one person."""

    kind: BuildingKind = BuildingKind.INSTITUTION
    units: Annotated[int, Field(ge=1, le=50)] = 2
    rooms_per_unit: Annotated[int, Field(ge=1, le=60)] = 10
    beds_per_room: Annotated[int, Field(ge=1, le=4)] = 1
    homes: Annotated[int, Field(ge=0, le=5000)] = 0

    @property
    def people(self) -> int:
        """How many live there."""
        if self.kind is BuildingKind.HOMES:
            return self.homes
        return self.units * self.rooms_per_unit * self.beds_per_room

    @model_validator(mode="after")
    def _somebody_lives_there(self) -> Self:
        if self.people == 0:
            raise ValueError("homes: a scenario of homes needs at least one")
        return self


class DeclineKind(StrEnum):
    """What somebody slowly loses."""

    FRAILTY = "frailty"  # about less, slower, up more often at night
    MOBILITY = "mobility"  # about less, slower
    NIGHTS = "nights"  # up more often at night
    TAKES_TO_BED = "takes_to_bed"  # to bed earlier, up later, naps longer
    BREATH = "breath"  # heart and breathing faster at rest, as a weak heart does


class PeopleSpec(_Part):
    """Who they are: shares of ability levels 0 to 4, and what sets them apart."""

    level_shares: tuple[Share, Share, Share, Share, Share] = (0.1, 0.3, 0.3, 0.2, 0.1)
    wearable_share: Share = 0.7
    # Who has meters at home and uses them: blood pressure, thermometer, oximeter, scale; glucose.
    spot_vitals_share: Share = 0.0
    bathroom_visits_night: Annotated[float, Field(ge=0.0, le=10.0)] = 1.6
    goes_out_share: Share = 0.3
    # How much they move, of what people of their levels do: less in heat, in a flu.
    activity: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0
    visitors_per_week: Annotated[float, Field(ge=0.0, le=30.0)] = 1.5
    # Each week slower, out of bed more often at night, less about: the share lost of each.
    decline_per_week: Share = 0.0
    declining_share: Share = 0.0
    decline_kinds: Annotated[tuple[DeclineKind, ...], Field(min_length=1)] = (DeclineKind.FRAILTY,)
    decline_from_day: Annotated[float, Field(ge=0.0)] = 0.0
    # Ordinary life that looks like decline: days in bed with a cold, days away with the children,
    # days on which the whole family comes.
    sick_spells_per_month: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    away_spells_per_month: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    holidays: tuple[Annotated[int, Field(ge=0)], ...] = ()

    @model_validator(mode="after")
    def _shares_are_a_whole(self) -> Self:
        if not isclose(sum(self.level_shares), 1.0, abs_tol=1e-6):
            raise ValueError(f"level_shares: must add up to 1, not {sum(self.level_shares):g}")
        return self


class ClimateSpec(_Part):
    """The air of the rooms: its middle, and how far the day swings it (warmest at 15 h)."""

    room_c: Annotated[float, Field(ge=-20.0, le=55.0)] = 21.5
    swing_c: Annotated[float, Field(ge=0.0, le=15.0)] = 1.6
    humidity_percent: Annotated[float, Field(ge=5.0, le=95.0)] = 55.0


class IncidentKind(StrEnum):
    """What goes wrong with a person."""

    FALL = "fall"
    SLOW_SLIDE = "slow_slide"  # no impact: a wearable cannot feel it
    LYING_STILL = "lying_still"  # found still, awake or not, away from the bed
    BATHROOM_STUCK = "bathroom_stuck"
    WANDERING = "wandering"  # leaves at night
    NO_RETURN = "no_return"  # goes out by day and does not come back in time
    OUT_OF_BED = "out_of_bed"  # up at night and not back
    FEVER = "fever"  # heart and breathing fast for hours
    APNOEA = "apnoea"  # two hours of sleep in which breath stands still again and again
    SOS = "sos"


class IncidentSpec(_Part):
    """How often something happens, per person and day; or exactly when, to whom."""

    kind: IncidentKind
    per_person_day: Annotated[float, Field(ge=0.0, le=24.0)] = 0.0
    at_h: Annotated[float, Field(ge=0.0)] | None = None
    person: Annotated[int, Field(ge=0)] | None = None
    # Only there: bedroom, bathroom, living; homes have kitchen and entrance too.
    room: Literal["bedroom", "bathroom", "kitchen", "living", "entrance"] | None = None
    # Most of it around the middle of the scenario, little at its ends; else evenly.
    wave: bool = False
    presses_button_share: Share = 0.3
    gets_up_share: Share = 0.25
    helped_after_min: Annotated[float, Field(gt=0.0, le=24 * 60)] = 45.0
    # Of an apnoea: pauses in which the chest rests, too; in the others it works on in vain.
    central_share: Share = 0.3

    @model_validator(mode="after")
    def _rate_or_time(self) -> Self:
        if (self.at_h is None) == (self.per_person_day == 0.0):
            raise ValueError("say either per_person_day or at_h")
        return self


class FaultKind(StrEnum):
    """What goes wrong with devices and lines."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    CLOCK_SKEW = "clock_skew"
    CLOCK_DRIFT = "clock_drift"  # each clock at its own pace, up to so many seconds a day
    LOW_BATTERY = "low_battery"
    LINK_CUT = "link_cut"
    BROKER_AWAY = "broker_away"  # for every device at once; kept by those that can keep
    RESTART = "restart"  # firmware: mute while it boots, then its states again
    BROKEN = "broken"  # says nothing more
    STUCK = "stuck"  # says the same for ever
    POWER_CUT = "power_cut"


_OF_MESSAGES: Final = frozenset({FaultKind.DROP, FaultKind.DUPLICATE, FaultKind.REORDER})


class FaultSpec(_Part):
    """One fault over a time. `devices_share`: of the devices it can hit; `amount` by kind."""

    kind: FaultKind
    from_h: Annotated[float, Field(ge=0.0)] = 0.0
    until_h: Annotated[float, Field(gt=0.0)] | None = None
    devices_share: Share = 1.0
    # DROP, DUPLICATE, REORDER: share of messages. CLOCK_SKEW: seconds, negative for a clock that is
    # behind. CLOCK_DRIFT: seconds a day. RESTART: restarts of a device and day.
    amount: Annotated[float, Field(ge=-86_400.0, le=86_400.0)] = 0.05
    roles: tuple[SensorRole, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.amount < 0.0 and self.kind is not FaultKind.CLOCK_SKEW:
            raise ValueError(f"amount: cannot be negative for {self.kind.value}")
        if self.amount > 1.0 and self.kind in _OF_MESSAGES:
            raise ValueError(f"amount: a share of messages, at most 1, not {self.amount:g}")
        if self.kind is FaultKind.BROKER_AWAY and (self.roles or self.devices_share < 1.0):
            raise ValueError("roles, devices_share: a broker that is away is away for all devices")
        if self.until_h is not None and self.until_h <= self.from_h:
            raise ValueError("until_h: must be after from_h")
        return self


class StaffSpec(_Part):
    """Who answers. Times in seconds; each is drawn around its middle."""

    day_carers: Annotated[int, Field(ge=0, le=200)] = 6
    night_carers: Annotated[int, Field(ge=0, le=200)] = 2
    night_from_h: Annotated[float, Field(ge=0, le=24)] = 22.0
    night_until_h: Annotated[float, Field(ge=0, le=24)] = 6.0
    answer_s: Annotated[float, Field(gt=0)] = 12.0
    walk_s: Annotated[float, Field(gt=0)] = 60.0
    help_s: Annotated[float, Field(gt=0)] = 480.0
    round_every_h: Annotated[float, Field(gt=0)] = 2.0
    round_s_per_bed: Annotated[float, Field(ge=0)] = 40.0
    target_bedside_s: Annotated[float, Field(gt=0)] = 180.0


class Shape(StrEnum):
    """How a device of a live run speaks (`yuyue sim live`)."""

    OURS = "ours"  # SenML and waveform blocks, docs/devices.md
    ZIGBEE2MQTT = "zigbee2mqtt"
    HOME_ASSISTANT = "homeassistant"  # its MQTT discovery
    BLUETOOTH = "bluetooth"  # BTHome, health profiles, Polar, WitMotion, through BlueZ


class RawMotionSpec(_Part):
    """Beds that send their motion as it is, instead of a value a minute. It costs much."""

    share: Share = 1.0  # of the beds
    rate_hz: Annotated[float, Field(ge=4.0, le=200.0)] = 50.0  # from 50 the heart is heard


class DeviceSpec(_Part):
    """Devices of one role: how they speak, and how often they repeat what they see."""

    shape: Shape | None = None
    # Beds and radars only: seconds between two reports of the same state.
    report_s: Annotated[float, Field(ge=5.0, le=600.0)] | None = None
    raw_motion: RawMotionSpec | None = None  # beds only

    @field_validator("shape")
    @classmethod
    def _is_for_a_file(cls, shape: Shape | None) -> Shape | None:
        if shape is Shape.BLUETOOTH:
            raise ValueError("which devices are on the air is chosen with --bluez")
        return shape


class WatchSpec(_Part):
    """How the hub is to watch these people: as a care plan says it (`WatchPlanIn`)."""

    timezone: str = "Asia/Shanghai"
    overrides: dict[str, float] = {}

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is no time zone, such as Asia/Shanghai") from error
        return name


class Scenario(_Part):
    """One scenario file."""

    schema_version: Literal[1]
    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    title_zh: str
    title_en: str
    story_zh: str
    story_en: str
    starts_at: datetime
    duration_h: Annotated[float, Field(gt=0.0, le=24 * 366)]
    building: BuildingSpec
    people: PeopleSpec = PeopleSpec()
    climate: ClimateSpec = ClimateSpec()
    incidents: tuple[IncidentSpec, ...] = ()
    faults: tuple[FaultSpec, ...] = ()
    staff: StaffSpec = StaffSpec()
    devices: dict[SensorRole, DeviceSpec] = {}
    watch: WatchSpec = WatchSpec()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.starts_at.tzinfo is None:
            raise ValueError("starts_at: needs its offset, such as 2026-03-02T20:00:00+08:00")
        for role, spec in self.devices.items():
            if spec.raw_motion is not None and role is not SensorRole.BED:
                raise ValueError(f"devices.{role.value}.raw_motion: only beds have it")
        for position, incident in enumerate(self.incidents):
            if incident.at_h is not None and incident.at_h >= self.duration_h:
                raise ValueError(f"incidents[{position}].at_h: after the scenario has ended")
            if incident.person is not None and incident.person >= self.building.people:
                raise ValueError(
                    f"incidents[{position}].person: there are {self.building.people} people"
                )
        return self
