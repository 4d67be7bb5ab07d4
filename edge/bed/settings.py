"""What the bed detector goes by: defaults with where they come from, and a person's own limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge.bed.night import Night
from edge.localtime import LocalTime
from edge.signals import SignalError
from edge.subject import Sensor, SensorRole, SubjectSettings
from edge.watch import seconds_ns

# domain/alarms.md, bed_exit_no_return: 20 min, level 2 and above 10 (D).
NO_RETURN_S: Final = 1200.0
NO_RETURN_DEPENDENT_S: Final = 600.0
DEPENDENT_LEVEL: Final = 2
# domain/home-bed-and-smart-home.md, patrol defaults: turning every 2 h at levels 3 and 4 (D).
TURNING_S: Final = 7200.0
TURNING_LEVEL: Final = 3
NIGHT_FROM_H: Final = 22.0
NIGHT_UNTIL_H: Final = 6.0
# A body on the mat is steady within a few seconds; a pad bounces when someone turns over, and a
# turn is over in less than 10 s.
ON_DELAY_S: Final = 5.0
OFF_DELAY_S: Final = 10.0
# domain/home-bed-and-smart-home.md: a bed radar takes up to 5 minutes to report leaving the bed.
RADAR_EMPTY_LATE_S: Final = 300.0
# Sitting down to lie down passes through the edge in a few seconds.
EDGE_HOLD_S: Final = 5.0
# Three reports missed, as everywhere in the hub.
STALE_REPORTS: Final = 3.0
# Half of the last hour's minutes with movement: a healthy night has 5 to 15 % (D).
RESTLESS_SHARE: Final = 0.5
RESTLESS_CLEAR_SHARE: Final = 0.3


@dataclass(frozen=True, slots=True)
class BedSettings:
    """The limits for one person."""

    night: Night
    no_return_ns: int
    turning_ns: int | None
    on_delay_ns: int
    off_delay_ns: int
    edge_hold_ns: int
    restless_share: float
    empty_late_ns: dict[str, int]
    stale_ns: dict[str, int]
    levels: dict[str, tuple[float, float]]


def _number(overrides: dict[str, float], name: str, default: float, low: float = 0.0) -> float:
    value = overrides.get(name, default)
    if not value >= low:
        raise SignalError(name, f"must be at least {low:g}, got {value}")
    return value


def watched(sensor: Sensor) -> bool:
    """Whether a sensor tells of this bed."""
    return sensor.role in (SensorRole.BED, SensorRole.RADAR, SensorRole.WEARABLE)


def bed_settings(settings: SubjectSettings) -> BedSettings:
    """The limits that follow from ability level and overrides. Raises SignalError.

    Overrides: `bed.no_return_s`, `bed.turning_s` (0: none), `bed.night_from_h`,
    `bed.night_until_h`, `bed.on_delay_s`, `bed.off_delay_s`, `bed.edge_hold_s`,
    `bed.restless_share`, `bed.empty_late_s.<device>`, `bed.load_empty.<device>` with
    `bed.load_lying.<device>`.
    """
    own = settings.overrides
    level = settings.ability_level
    no_return_s = NO_RETURN_DEPENDENT_S if level >= DEPENDENT_LEVEL else NO_RETURN_S
    turning_s = _number(own, "bed.turning_s", TURNING_S if level >= TURNING_LEVEL else 0.0)
    night = Night(
        LocalTime(settings.timezone),
        _number(own, "bed.night_from_h", NIGHT_FROM_H),
        _number(own, "bed.night_until_h", NIGHT_UNTIL_H),
    )
    late, stale, levels = {}, {}, {}
    for sensor in settings.sensors:
        default = RADAR_EMPTY_LATE_S if sensor.role is SensorRole.RADAR else 0.0
        name = sensor.device_id
        late[name] = seconds_ns(_number(own, f"bed.empty_late_s.{name}", default))
        if sensor.report_interval_s:
            stale[name] = seconds_ns(STALE_REPORTS * sensor.report_interval_s)
        if f"bed.load_empty.{name}" in own or f"bed.load_lying.{name}" in own:
            levels[name] = _levels(own, name)
    return BedSettings(
        night=night,
        no_return_ns=seconds_ns(_number(own, "bed.no_return_s", no_return_s, 1.0)),
        turning_ns=seconds_ns(turning_s) or None,
        on_delay_ns=seconds_ns(_number(own, "bed.on_delay_s", ON_DELAY_S)),
        off_delay_ns=seconds_ns(_number(own, "bed.off_delay_s", OFF_DELAY_S)),
        edge_hold_ns=seconds_ns(_number(own, "bed.edge_hold_s", EDGE_HOLD_S)),
        restless_share=_number(own, "bed.restless_share", RESTLESS_SHARE, RESTLESS_CLEAR_SHARE),
        empty_late_ns=late,
        stale_ns=stale,
        levels=levels,
    )


def _levels(own: dict[str, float], device_id: str) -> tuple[float, float]:
    names = (f"bed.load_empty.{device_id}", f"bed.load_lying.{device_id}")
    for name in names:
        if name not in own:
            raise SignalError(name, "is missing beside its counterpart")
    empty, lying = own[names[0]], own[names[1]]
    if not lying > empty:
        raise SignalError(names[1], f"{lying} must be above {names[0]} {empty}")
    return empty, lying
