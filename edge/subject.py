"""The SubjectDetector protocol: detectors that watch an elder (or a home) through many devices.

Unlike a Detector (one device, driven by data alone) it must also act when nothing arrives: the
caller moves time on with `advance`. Event time only; there is no clock in here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from edge.events import DetectorInfo, Event
from edge.signals import Signal, SignalError


class SensorRole(StrEnum):
    """What a device is for in this home. The driver knows the model, the installer the role."""

    MOTION = "motion"  # infrared
    RADAR = "radar"  # presence, still or moving, falls; says `empty` late
    OUTER_DOOR = "outer_door"  # the door one leaves home by
    DOOR = "door"  # any other door, drawer, cabinet, refrigerator
    BED = "bed"  # mat, strip or bed radar
    SEAT = "seat"
    APPLIANCE = "appliance"  # cooker, kettle, flush, tap, power socket
    WEARABLE = "wearable"
    BUTTON = "button"  # emergency button or cord
    LOCATOR = "locator"
    SPOT_VITALS = "spot_vitals"  # blood pressure, thermometer, glucose ...
    CLIMATE = "climate"
    SMOKE = "smoke"
    GAS = "gas"
    WATER = "water"


class RoomKind(StrEnum):
    """What happens in a room; its name on the door is `Sensor.room`."""

    BEDROOM = "bedroom"
    BATHROOM = "bathroom"
    KITCHEN = "kitchen"
    LIVING = "living"
    HALL = "hall"
    ENTRANCE = "entrance"
    OTHER = "other"


class Capability(StrEnum):
    """What a care plan may require the hub to be able to see."""

    FALL = "fall"
    INACTIVITY = "inactivity"
    BED = "bed"
    SOS = "sos"
    VITALS = "vitals"
    EXIT = "exit"


# What a device can contribute to when nothing else is said (`Sensor.capabilities`).
ROLE_CAPABILITIES: Final = MappingProxyType(
    {
        SensorRole.MOTION: frozenset({Capability.INACTIVITY}),
        SensorRole.RADAR: frozenset({Capability.FALL, Capability.INACTIVITY}),
        SensorRole.OUTER_DOOR: frozenset({Capability.EXIT}),
        SensorRole.DOOR: frozenset[Capability](),
        SensorRole.BED: frozenset({Capability.BED, Capability.VITALS}),
        SensorRole.SEAT: frozenset[Capability](),
        SensorRole.APPLIANCE: frozenset[Capability](),
        SensorRole.WEARABLE: frozenset({Capability.FALL}),
        SensorRole.BUTTON: frozenset({Capability.SOS}),
        SensorRole.LOCATOR: frozenset({Capability.EXIT}),
        SensorRole.SPOT_VITALS: frozenset[Capability](),
        SensorRole.CLIMATE: frozenset[Capability](),
        SensorRole.SMOKE: frozenset[Capability](),
        SensorRole.GAS: frozenset[Capability](),
        SensorRole.WATER: frozenset[Capability](),
    }
)


@dataclass(frozen=True, slots=True)
class Sensor:
    """A device as the home knows it. `room` is a name for people, `room_kind` for rules.

    `capabilities` None: those of the role.
    `report_interval_s`: what its maker promises, if anything.
    """

    device_id: str
    role: SensorRole
    room: str = ""
    room_kind: RoomKind = RoomKind.OTHER
    capabilities: frozenset[Capability] | None = None
    report_interval_s: float | None = None

    @property
    def serves(self) -> frozenset[Capability]:
        """What it contributes to."""
        return ROLE_CAPABILITIES[self.role] if self.capabilities is None else self.capabilities


@dataclass(frozen=True, slots=True)
class Pause:
    """A known time without watching over routine, `[from_ns, until_ns)`: leave, hospital, works.

    `reason` is a code (`leave`, `hospital`, `works`). Nothing is alarmed or learned meanwhile.
    """

    from_ns: int
    until_ns: int
    reason: str = "leave"

    def __post_init__(self) -> None:
        if self.until_ns <= self.from_ns:
            raise SignalError("pause", "must end after it begins")


MAX_ABILITY_LEVEL: Final = 4


@dataclass(frozen=True, slots=True)
class SubjectSettings:
    """What a detector must know about an elder beside the signals.

    `timezone` is an IANA name. `ability_level` is the final level 0 (intact) .. 4 (complete).
    `requires` comes from the care plan. `overrides` are this person's own limits, by the names the
    detector documents (`inactivity.false_alarms_per_week`, `heart_rate.warning_low`).
    """

    timezone: str = "Asia/Shanghai"
    sensors: tuple[Sensor, ...] = ()
    ability_level: int = 0
    lives_alone: bool = True
    requires: frozenset[Capability] = frozenset()
    pauses: tuple[Pause, ...] = ()
    overrides: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.ability_level <= MAX_ABILITY_LEVEL:
            raise SignalError("ability_level", f"{self.ability_level} is not 0..4")
        if len({sensor.device_id for sensor in self.sensors}) != len(self.sensors):
            raise SignalError("sensors", "a device is listed twice")

    def by_device(self) -> dict[str, Sensor]:
        """Sensors by device id."""
        return {sensor.device_id: sensor for sensor in self.sensors}


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody (or, with `elder_id` None, a room that several share) watched through devices.

    `settings.sensors` tell of this person alone. `shared` ones hang in a room with others: they
    count for what can be seen of the person, and what they report belongs to the room.
    """

    subject_id: str
    elder_id: str | None
    settings: SubjectSettings
    shared: tuple[Sensor, ...] = ()


@runtime_checkable
class SubjectDetector(Protocol):
    """One kind of detection for many subjects at once. A subject is an elder or a home, by id.

    Deterministic in event time: `process` first lets everything fall due that the time of each
    signal implies, so that the same signals in any chunking, with `advance` called or not between
    them, give the same events. Memory per subject is constant. An event's `device_id` is the device
    that gave the last evidence, or `subject_id` where no device did.
    """

    @property
    def info(self) -> DetectorInfo:
        """Name, version and default settings, stored with every event."""
        ...

    @property
    def quantities(self) -> frozenset[str]:
        """The quantities it wants to be fed."""
        ...

    def open(self, subject_id: str, settings: SubjectSettings) -> None:
        """Begin a subject, or take changed settings; what was learned stays. Raises SignalError."""
        ...

    def process(self, subject_id: str, signals: Sequence[Signal]) -> list[Event]:
        """Take signals in the order of time; return what was decided on the way.

        Devices that are not among the sensors are ignored and counted, as are signals too late to
        change anything. Raises KeyError for a subject never opened.
        """
        ...

    def advance(self, subject_id: str, until_ns: int) -> list[Event]:
        """Nothing more came before `until_ns`: return what falls due by then. Never goes back."""
        ...

    def snapshot(self, subject_id: str) -> bytes:
        """The whole state of one subject, what was learned included (not its settings)."""
        ...

    def restore(self, subject_id: str, snapshot: bytes) -> None:
        """Take an opened subject back to its snapshot. Raises edge.detector.SnapshotError."""
        ...

    def close(self, subject_id: str) -> None:
        """Forget a subject."""
        ...
