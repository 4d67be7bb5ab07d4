"""What the room detector goes by: defaults with where they come from, and a person's own limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge.bed.night import Night
from edge.localtime import LocalTime
from edge.signals import SignalError
from edge.subject import SensorRole, SubjectSettings
from edge.watch import seconds_ns

# domain/alarms.md: bath_dwell over 30 min, high at twice that (D).
BATH_DWELL_S: Final = 1800.0
BATH_HIGH_FACTOR: Final = 2.0
# domain/home-bed-and-smart-home.md: radar modules say `occupied` within 1 s and need 1 minute or
# more to say `empty` (V). While they still say `occupied`, the last minute proves nothing.
RADAR_EMPTY_LATE_S: Final = 60.0
# Where several people live, motion in the bathroom is not the same person's for ever: a stay known
# by motion alone goes on only while motion comes again this soon (D).
MOTION_HOLD_S: Final = 600.0
# An infrared sensor by the door may fire once more while somebody pulls the door shut from outside.
DOOR_SETTLE_S: Final = 10.0
# Opened again this soon it is the same exit: fetching, carrying, a draught (D).
NIGHT_EXIT_REPEAT_S: Final = 600.0
# One who lives alone and went out is still out when the door opens next, unless a night has passed.
NIGHT_EXIT_FORGET_S: Final = 12 * 3600.0
# Carrying in shopping takes minutes; a door open longer was forgotten, or somebody needs help (D).
DOOR_LEFT_OPEN_S: Final = 600.0
# Forbidden hours of the outer door (D).
NIGHT_FROM_H: Final = 22.0
NIGHT_UNTIL_H: Final = 5.0
# Radio positions jump at a zone's border; a person who leaves is gone for longer (D).
ZONE_HOLD_S: Final = 60.0
# alarms.md: leaving the zone is high for level 2 and above, or dementia.
COMPANY_LEVEL: Final = 2
# Room temperature: below, an old person cools down; above, heat illness begins to be seen (D).
CLIMATE_LOW_CEL: Final = 16.0
CLIMATE_HIGH_CEL: Final = 32.0
CLIMATE_MARGIN_CEL: Final = 1.0
# An opened window passes; half an hour does not (D).
CLIMATE_HOLD_S: Final = 1800.0


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """The limits for one person or home."""

    forbidden: Night
    lives_alone: bool
    needs_company: bool
    bath_dwell_ns: int
    bath_high_ns: int
    zone_hold_ns: int
    climate_low_cel: float
    climate_high_cel: float
    climate_hold_ns: int
    empty_late_ns: dict[str, int]
    open_limit_ns: dict[str, int]


def room_settings(settings: SubjectSettings) -> RoomSettings:
    """The limits that follow from overrides. Raises SignalError.

    Overrides: `room.bath_dwell_s`, `room.night_from_h`, `room.night_until_h`, `room.zone_hold_s`,
    `room.climate_low_cel`, `room.climate_high_cel`, `room.climate_hold_s`,
    `room.wanders` (1: dementia, must not be outside alone), `room.empty_late_s.<device>`,
    `room.door_left_open_s.<device>` (0: never).
    """
    own = settings.overrides

    def number(name: str, default: float, low: float = 0.0) -> float:
        value = own.get(name, default)
        if not value >= low:
            raise SignalError(name, f"must be at least {low:g}, got {value}")
        return value

    late, doors = {}, {}
    for sensor in settings.sensors:
        name = sensor.device_id
        default_late = RADAR_EMPTY_LATE_S if sensor.role is SensorRole.RADAR else 0.0
        late[name] = seconds_ns(number(f"room.empty_late_s.{name}", default_late))
        default_open = DOOR_LEFT_OPEN_S if sensor.role is SensorRole.OUTER_DOOR else 0.0
        limit_s = number(f"room.door_left_open_s.{name}", default_open)
        if limit_s > 0:
            doors[name] = seconds_ns(limit_s)
    low = own.get("room.climate_low_cel", CLIMATE_LOW_CEL)
    high = own.get("room.climate_high_cel", CLIMATE_HIGH_CEL)
    if not high - low > 2 * CLIMATE_MARGIN_CEL:
        raise SignalError("room.climate_low_cel", f"{low} and {high} leave no band")
    dwell_s = number("room.bath_dwell_s", BATH_DWELL_S, 60.0)
    return RoomSettings(
        forbidden=Night(
            LocalTime(settings.timezone),
            number("room.night_from_h", NIGHT_FROM_H),
            number("room.night_until_h", NIGHT_UNTIL_H),
        ),
        lives_alone=settings.lives_alone,
        needs_company=settings.ability_level >= COMPANY_LEVEL or number("room.wanders", 0.0) > 0,
        bath_dwell_ns=seconds_ns(dwell_s),
        bath_high_ns=seconds_ns(BATH_HIGH_FACTOR * dwell_s),
        zone_hold_ns=seconds_ns(number("room.zone_hold_s", ZONE_HOLD_S)),
        climate_low_cel=low,
        climate_high_cel=high,
        climate_hold_ns=seconds_ns(number("room.climate_hold_s", CLIMATE_HOLD_S)),
        empty_late_ns=late,
        open_limit_ns=doors,
    )
