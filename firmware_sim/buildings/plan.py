"""Buildings that do not exist: rooms, beds and the devices fitted in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from edge.subject import RoomKind, Sensor, SensorRole
from firmware_sim.scenarios.schema import BuildingKind, BuildingSpec

# What makers promise of their heartbeats; what a device really does is drawn around it.
BATTERY_REPORT_S: Final = 3600.0
BED_REPORT_S: Final = 60.0
CLIMATE_REPORT_S: Final = 600.0


class Meter(StrEnum):
    """What measures a person who takes it out for it."""

    CUFF = "cuff"  # blood pressure
    THERMOMETER = "thermometer"
    OXIMETER = "oximeter"
    SCALE = "scale"
    GLUCOSE = "glucose"


@dataclass(frozen=True, slots=True)
class Room:
    """A room a person can be in. `key` is unique within their dwelling."""

    key: str
    kind: RoomKind
    name_zh: str


@dataclass(frozen=True, slots=True)
class Dwelling:
    """Where one person lives: their rooms and the devices that watch over them there."""

    number: int
    unit: str
    label: str
    lives_alone: bool
    rooms: tuple[Room, ...]
    sensors: tuple[Sensor, ...]

    def room(self, kind: RoomKind) -> Room:
        """The room of a kind, else the bedroom: every dwelling has one."""
        by_kind = {room.kind: room for room in self.rooms}
        return by_kind.get(kind, by_kind[RoomKind.BEDROOM])

    def has(self, role: SensorRole) -> bool:
        """Whether a device of that role is fitted."""
        return any(sensor.role is role for sensor in self.sensors)


def meter_of(sensor: Sensor) -> Meter:
    """Which meter a device for spot values is: its id ends in it."""
    return Meter(sensor.device_id.rpartition("-")[2])


def with_meters(dwelling: Dwelling, meters: Sequence[Meter]) -> Dwelling:
    """With a home health kit, behind all other devices. It lies in a drawer: in no room."""
    kit = (Sensor(f"sim-{dwelling.number:05d}-{meter}", SensorRole.SPOT_VITALS) for meter in meters)
    return replace(dwelling, sensors=(*dwelling.sensors, *kit))


def build(spec: BuildingSpec, wears: list[bool]) -> tuple[Dwelling, ...]:
    """All dwellings, in the order of their numbers; `wears`: who has a wearable."""
    make = _flat if spec.kind is BuildingKind.HOMES else _room
    return tuple(make(spec, number, wears[number]) for number in range(spec.people))


def _room(spec: BuildingSpec, number: int, wears: bool) -> Dwelling:
    per_unit = spec.rooms_per_unit * spec.beds_per_room
    unit, place = divmod(number, per_unit)
    room, bed = divmod(place, spec.beds_per_room)
    label = f"{unit + 1}{room + 1:02d}-{bed + 1}"
    alone = spec.beds_per_room == 1
    rooms = (
        Room("bedroom", RoomKind.BEDROOM, "卧室"),
        Room("bathroom", RoomKind.BATHROOM, "卫生间"),
        Room("living", RoomKind.LIVING, "活动厅"),
    )
    kit = [
        _bed(number),
        Sensor(f"sim-{number:05d}-cord", SensorRole.BUTTON, "卫生间", RoomKind.BATHROOM,
               report_interval_s=BATTERY_REPORT_S),
    ]  # fmt: skip
    # Where rooms are shared, motion is nobody's in particular: only single rooms have it.
    if alone:
        kit += [
            _motion(number, rooms[0]),
            _radar(number, rooms[1]),
            _door(number, "door", SensorRole.DOOR, "房门", RoomKind.BEDROOM),
        ]
    return _dwelling(number, f"{unit + 1} 区", label, rooms, kit, wears=wears, alone=alone)


def _flat(_spec: BuildingSpec, number: int, wears: bool) -> Dwelling:
    rooms = (
        Room("bedroom", RoomKind.BEDROOM, "卧室"),
        Room("bathroom", RoomKind.BATHROOM, "卫生间"),
        Room("kitchen", RoomKind.KITCHEN, "厨房"),
        Room("living", RoomKind.LIVING, "客厅"),
        Room("entrance", RoomKind.ENTRANCE, "玄关"),
    )
    kit = [
        _bed(number),
        *(_motion(number, room) for room in (rooms[0], rooms[2], rooms[3])),
        _radar(number, rooms[1]),
        _door(number, "outer", SensorRole.OUTER_DOOR, "入户门", RoomKind.ENTRANCE),
        Sensor(f"sim-{number:05d}-button", SensorRole.BUTTON, "卧室", RoomKind.BEDROOM,
               report_interval_s=BATTERY_REPORT_S),
        Sensor(f"sim-{number:05d}-climate", SensorRole.CLIMATE, "客厅", RoomKind.LIVING,
               report_interval_s=CLIMATE_REPORT_S),
        Sensor(f"sim-{number:05d}-smoke", SensorRole.SMOKE, "厨房", RoomKind.KITCHEN,
               report_interval_s=BATTERY_REPORT_S),
    ]  # fmt: skip
    return _dwelling(
        number, "家庭床位", f"家庭 {number + 1:04d}", rooms, kit, wears=wears, alone=True
    )


def _dwelling(
    number: int, unit: str, label: str, rooms: tuple[Room, ...], kit: list[Sensor],
    *, wears: bool, alone: bool,
) -> Dwelling:  # fmt: skip
    if wears:
        kit.append(Sensor(f"sim-{number:05d}-band", SensorRole.WEARABLE, report_interval_s=300.0))
    return Dwelling(number, unit, label, alone, rooms, tuple(kit))


def _bed(number: int) -> Sensor:
    return Sensor(
        f"sim-{number:05d}-bed", SensorRole.BED, "卧室", RoomKind.BEDROOM,
        report_interval_s=BED_REPORT_S,
    )  # fmt: skip


def _motion(number: int, room: Room) -> Sensor:
    return Sensor(
        f"sim-{number:05d}-motion-{room.key}", SensorRole.MOTION, room.name_zh, room.kind,
        report_interval_s=BATTERY_REPORT_S,
    )  # fmt: skip


def _radar(number: int, room: Room) -> Sensor:
    return Sensor(
        f"sim-{number:05d}-radar", SensorRole.RADAR, room.name_zh, room.kind, report_interval_s=60.0
    )


def _door(number: int, name: str, role: SensorRole, label: str, kind: RoomKind) -> Sensor:
    return Sensor(f"sim-{number:05d}-{name}", role, label, kind, report_interval_s=BATTERY_REPORT_S)
