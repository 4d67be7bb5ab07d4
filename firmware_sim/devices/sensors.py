"""What each kind of device reports of a person's days, with the manners of real ones.

Radars say `empty` late, motion sensors hold, bed mats need seconds, batteries report hourly with
jitter. Sources: the domain page on home beds (radar and bed radar data sheets); the rest is a
default of this simulator. Pure: f(stretches, random numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from edge.signals import FloatArray
from edge.subject import RoomKind, Sensor, SensorRole
from firmware_sim.buildings.plan import BATTERY_REPORT_S, BED_REPORT_S, CLIMATE_REPORT_S, Dwelling
from firmware_sim.people.incidents import Incident
from firmware_sim.people.persona import Persona
from firmware_sim.people.routine import STIRS_PER_H, TURN_EVERY_S, Doing, Stretch
from firmware_sim.people.vital_signs import Vitals
from firmware_sim.scenarios.schema import ClimateSpec, IncidentKind
from firmware_sim.world.track import Track, joined, track

# Radar modules say `occupied` within a second and need a minute or more to say `empty`.
_RADAR_OCCUPIED_S: Final = (0.2, 1.0)
_RADAR_EMPTY_S: Final = (60.0, 95.0)
# An infrared sensor stays `motion` this long after the last movement it saw.
_MOTION_HOLD_S: Final = 60.0
_BED_ON_S: Final = (3.0, 8.0)
_BED_OFF_S: Final = (4.0, 15.0)
_VITALS_S: Final = 60.0
_DOOR_OPEN_S: Final = (3.0, 9.0)
_BAND_REPORT_S: Final = 300.0
_STEPS_PER_MOVE: Final = 12.0
_PHASE_DAY_S: Final = 86_400.0
# Below, the mat keeps its value to itself.
_USABLE_QUALITY: Final = 0.5
_CLIMATE: Final = ClimateSpec()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the devices of one person have to go by."""

    persona: Persona
    dwelling: Dwelling
    days: Sequence[Stretch]
    incidents: Sequence[Incident]
    vitals: Vitals
    start_hour: float
    duration_s: float
    climate: ClimateSpec = _CLIMATE


def report(seen: Seen, devices: dict[str, int], rng: np.random.Generator) -> Track:
    """Everything the devices of one dwelling say, in any order; meters are `devices/health.py`."""
    parts: list[Track] = []
    for sensor in seen.dwelling.sensors:
        if sensor.role is SensorRole.SPOT_VITALS:
            continue
        number = devices[sensor.device_id]
        parts.append(_REPORTS[sensor.role](seen, sensor, number, rng))
        if sensor.role in _BATTERY:
            parts.append(_battery(seen, number, rng))
    told = joined(parts)
    return told.keep((told.time_s >= 0.0) & (told.time_s < seen.duration_s))


def _in_room(seen: Seen, sensor: Sensor) -> list[Stretch]:
    keys = {room.key for room in seen.dwelling.rooms if room.kind is sensor.room_kind}
    return [stretch for stretch in seen.days if stretch.room in keys and not stretch.outside]


def _merged(stretches: Sequence[Stretch]) -> list[tuple[float, float]]:
    """Spans without the borders between stretches that follow each other."""
    spans: list[tuple[float, float]] = []
    for stretch in stretches:
        if spans and stretch.from_s <= spans[-1][1] + 1e-6:
            spans[-1] = (spans[-1][0], stretch.until_s)
        else:
            spans.append((stretch.from_s, stretch.until_s))
    return spans


def _motion(seen: Seen, sensor: Sensor, number: int, rng: np.random.Generator) -> Track:
    moments: list[FloatArray] = []
    for stretch in _in_room(seen, sensor):
        rate = stretch.moves_per_min + (3.0 if stretch.visitor else 0.0)
        length_s = stretch.until_s - stretch.from_s
        count = int(rng.poisson(rate * length_s / 60.0))
        moments.append(rng.uniform(stretch.from_s, stretch.until_s, count))
        if stretch.doing not in (Doing.SLEEP, Doing.FLOOR):  # whoever comes in is seen
            moments.append(np.array([stretch.from_s + rng.uniform(0.5, 3.0)]))
    times = np.sort(np.concatenate([np.empty(0), *moments]))
    if not len(times):
        return joined([])
    starts = np.concatenate([[True], np.diff(times) > _MOTION_HOLD_S])
    ends = np.concatenate([starts[1:], [True]])
    return joined(
        [
            track(number, "motion", times[starts], 1.0),
            track(number, "motion", times[ends] + _MOTION_HOLD_S, 0.0),
        ]
    )


def _radar(seen: Seen, sensor: Sensor, number: int, rng: np.random.Generator) -> Track:
    spans = _merged(_in_room(seen, sensor))
    told: list[tuple[float, float]] = []
    for from_s, until_s in spans:
        on_s = from_s + rng.uniform(*_RADAR_OCCUPIED_S)
        off_s = until_s + rng.uniform(*_RADAR_EMPTY_S)
        if told and on_s <= told[-1][1]:  # it never said `empty` in between
            told[-1] = (told[-1][0], off_s)
        else:
            told.append((on_s, off_s))
    changes = [edge for span in told for edge in ((span[0], 1.0), (span[1], 0.0))]
    every_s = sensor.report_interval_s or BED_REPORT_S
    if not changes or changes[0][0] > every_s:
        changes.insert(0, (_RADAR_OCCUPIED_S[1], 0.0))
    return _with_repeats(number, "presence", changes, every_s, seen.duration_s, rng)


def _bed(seen: Seen, sensor: Sensor, number: int, rng: np.random.Generator) -> Track:
    in_bed = [stretch for stretch in seen.days if stretch.in_bed]
    spans = _merged(in_bed)
    changes: list[tuple[float, float]] = []
    for from_s, until_s in spans:
        on_s = from_s + rng.uniform(*_BED_ON_S) if from_s > 0 else 0.5
        changes += [(on_s, 1.0), (until_s + rng.uniform(*_BED_OFF_S), 0.0)]
    if not changes or changes[0][0] > 1.0:
        changes.insert(0, (0.5, 0.0))
    every_s = sensor.report_interval_s or BED_REPORT_S
    parts = [_with_repeats(number, "in_bed", changes, every_s, seen.duration_s, rng)]
    stirs: list[FloatArray] = []
    turns: list[FloatArray] = []
    for from_s, until_s in spans:
        length_s = until_s - from_s
        stirs.append(rng.uniform(from_s, until_s, rng.poisson(STIRS_PER_H * length_s / 3600.0)))
        turns.append(rng.uniform(from_s, until_s, rng.poisson(length_s / TURN_EVERY_S)))
    if spans:
        parts.append(track(number, "body_movement", np.concatenate([*stirs, *turns]), 1.0))
        parts.append(track(number, "body_turn", np.concatenate(turns), 1.0))
        parts.append(_bed_vitals(seen, number, spans, rng))
    return joined(parts)


def _bed_vitals(
    seen: Seen, number: int, spans: list[tuple[float, float]], rng: np.random.Generator
) -> Track:
    """A value a minute while somebody lies there, and a quality that movement spoils."""
    phase_s = rng.uniform(0.0, _VITALS_S)
    times = np.arange(phase_s, seen.duration_s, _VITALS_S)
    lying = np.zeros(len(times), dtype=np.bool_)
    for from_s, until_s in spans:  # the first minute is for finding the pulse
        lying |= (times > from_s + 60.0) & (times < until_s)
    times = times[lying]
    quality = np.clip(rng.normal(0.85, 0.12, len(times)), 0.0, 1.0)
    heart, breath = seen.vitals.at(times, rng)
    good = quality > _USABLE_QUALITY
    return joined(
        [
            track(number, "heart_rate", times[good], heart[good]),
            track(number, "heart_rate_quality", times[good], quality[good]),
            track(number, "respiration_rate", times[good], breath[good]),
            track(number, "respiration_rate_quality", times[good], quality[good]),
        ]
    )


def _door(seen: Seen, sensor: Sensor, number: int, rng: np.random.Generator) -> Track:
    """Opens whenever the person passes: the home's door to go out, a room's door to leave it."""
    is_outer = sensor.role is SensorRole.OUTER_DOOR
    own = {"bedroom", "bathroom"}

    def behind(stretch: Stretch) -> bool:
        return stretch.outside if is_outer else stretch.outside or stretch.room not in own

    opened: list[float] = []
    for before, after in zip(seen.days, seen.days[1:], strict=False):
        if behind(before) is not behind(after):
            opened.append(after.from_s + rng.uniform(-2.0, 2.0))
        if after.visitor and not before.visitor:
            opened.append(after.from_s + rng.uniform(5.0, 20.0))
    times = np.array(opened)
    closed = times + rng.uniform(*_DOOR_OPEN_S, len(times))
    return joined([track(number, "door_open", times, 1.0), track(number, "door_open", closed, 0.0)])


def _button(seen: Seen, sensor: Sensor, number: int, _rng: np.random.Generator) -> Track:
    """Pressed in an incident by whoever can reach it; a cord hangs in the bathroom."""
    pressed = [
        incident.presses_button_s
        for incident in seen.incidents
        if incident.presses_button_s is not None
        and (sensor.room_kind is not RoomKind.BATHROOM or _reaches_cord(seen, incident))
    ]
    times = np.array(pressed, dtype=np.float64)
    return joined([track(number, "sos", times, 1.0), track(number, "sos", times + 1.0, 0.0)])


def _reaches_cord(seen: Seen, incident: Incident) -> bool:
    """The cord is in the bathroom; without another button a call is made there all the same."""
    others = sum(sensor.role is SensorRole.BUTTON for sensor in seen.dwelling.sensors)
    return incident.room == "bathroom" or others == 1


def _band(seen: Seen, _sensor: Sensor, number: int, rng: np.random.Generator) -> Track:
    times = np.arange(rng.uniform(0.0, _BAND_REPORT_S), seen.duration_s, _BAND_REPORT_S)
    edges = np.array([stretch.from_s for stretch in seen.days])
    which = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, None)
    moves = np.array([stretch.moves_per_min for stretch in seen.days])[which]
    awake = np.array([stretch.doing not in (Doing.SLEEP, Doing.FLOOR) for stretch in seen.days])
    steps = rng.poisson(moves * awake[which] * _STEPS_PER_MOVE * _BAND_REPORT_S / 60.0)
    walked = steps > 0
    heart, _ = seen.vitals.at(times, rng)
    return joined(
        [
            track(number, "steps", times[walked], steps[walked].astype(np.float64)),
            track(number, "worn", times, 1.0),
            track(number, "heart_rate", times, np.clip(heart + moves, 30.0, 200.0)),
        ]
    )


def _climate(seen: Seen, _sensor: Sensor, number: int, rng: np.random.Generator) -> Track:
    times = np.arange(rng.uniform(0.0, CLIMATE_REPORT_S), seen.duration_s, CLIMATE_REPORT_S)
    hour_s = seen.start_hour * 3600.0 + times
    swing = np.sin(2.0 * np.pi * (hour_s / _PHASE_DAY_S - 0.375))
    air = seen.climate
    temperature = air.room_c + air.swing_c * swing + rng.normal(0.0, 0.15, len(times))
    humidity = np.clip(
        air.humidity_percent - 5.0 * swing + rng.normal(0.0, 1.0, len(times)), 0.0, 100.0
    )
    return joined(
        [
            track(number, "air_temperature", times, temperature),
            track(number, "relative_humidity", times, humidity),
        ]
    )


def _detector(seen: Seen, sensor: Sensor, number: int, rng: np.random.Generator) -> Track:
    times = _heartbeats(seen, rng)
    return track(number, sensor.role.value, times, 0.0)


def _battery(seen: Seen, number: int, rng: np.random.Generator) -> Track:
    times = _heartbeats(seen, rng)
    begun, days_left = rng.uniform(60.0, 100.0), rng.uniform(200.0, 700.0)
    level = np.clip(begun - 100.0 * times / _PHASE_DAY_S / days_left, 0.0, 100.0)
    return track(number, "battery_level", times, np.round(level))


def _heartbeats(seen: Seen, rng: np.random.Generator) -> FloatArray:
    times = np.arange(rng.uniform(0.0, BATTERY_REPORT_S), seen.duration_s, BATTERY_REPORT_S)
    return np.asarray(times + rng.normal(0.0, 20.0, len(times)), dtype=np.float64)


def _with_repeats(  # noqa: PLR0917 - six plain columns
    number: int, quantity: str, changes: list[tuple[float, float]], every_s: float,
    duration_s: float, rng: np.random.Generator,
) -> Track:  # fmt: skip
    """The changes, and the state said again at intervals."""
    if not changes:
        times = np.arange(rng.uniform(0.0, every_s), duration_s, every_s)
        return track(number, quantity, times, 0.0)
    at = np.array([change[0] for change in changes])
    values = np.array([change[1] for change in changes])
    order = np.argsort(at, kind="stable")
    at, values = at[order], values[order]
    again = np.arange(rng.uniform(0.0, every_s), duration_s, every_s)
    again = again[again > at[0]]
    state = values[np.searchsorted(at, again, side="right") - 1]
    return joined([track(number, quantity, at, values), track(number, quantity, again, state)])


_BATTERY: Final = frozenset(
    {
        SensorRole.MOTION, SensorRole.DOOR, SensorRole.OUTER_DOOR, SensorRole.BUTTON,
        SensorRole.WEARABLE, SensorRole.SMOKE,
    }
)  # fmt: skip
_Report = Callable[[Seen, Sensor, int, np.random.Generator], Track]
_REPORTS: Final[MappingProxyType[SensorRole, _Report]] = MappingProxyType(
    {
        SensorRole.MOTION: _motion,
        SensorRole.RADAR: _radar,
        SensorRole.BED: _bed,
        SensorRole.DOOR: _door,
        SensorRole.OUTER_DOOR: _door,
        SensorRole.BUTTON: _button,
        SensorRole.WEARABLE: _band,
        SensorRole.CLIMATE: _climate,
        SensorRole.SMOKE: _detector,
    }
)


def felt_falls(incidents: Sequence[Incident]) -> list[Incident]:
    """The incidents that a wearable can feel."""
    return [incident for incident in incidents if incident.kind is IncidentKind.FALL]
