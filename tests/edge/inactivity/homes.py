"""A made-up home and a plain day in it, for these tests."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np

from edge.inactivity.bulk import Block
from edge.inactivity.devices import QUANTITY_INDEX
from edge.signals import NS_PER_S, Reading
from edge.subject import RoomKind, Sensor, SensorRole, SubjectSettings

MONDAY_NS = 1_790_553_600 * NS_PER_S  # 2026-09-28 00:00 UTC
HOUR_NS = 3600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
WEEK_NS = 7 * DAY_NS

SENSORS = (
    Sensor("pir-bedroom", SensorRole.MOTION, "卧室", RoomKind.BEDROOM),
    Sensor("pir-bath", SensorRole.MOTION, "卫生间", RoomKind.BATHROOM),
    Sensor("pir-kitchen", SensorRole.MOTION, "厨房", RoomKind.KITCHEN),
    Sensor("door", SensorRole.OUTER_DOOR, "门口", RoomKind.ENTRANCE),
    Sensor("mat", SensorRole.BED, "卧室", RoomKind.BEDROOM),
    Sensor("radar", SensorRole.RADAR, "起居室", RoomKind.LIVING),
    Sensor("smoke", SensorRole.SMOKE, "厨房", RoomKind.KITCHEN),
)
SETTINGS = SubjectSettings(timezone="UTC", sensors=SENSORS)
BEDROOM, BATH, KITCHEN, DOOR, MAT, RADAR, SMOKE = (s.device_id for s in SENSORS)


def at(day: int, hour: float) -> int:
    return MONDAY_NS + day * DAY_NS + round(hour * HOUR_NS)


def motion(device_id: str, time_ns: int) -> Reading:
    return Reading(device_id, "motion", time_ns, 1.0)


def out_and_back(day: int, leave: float, back: float) -> list[Reading]:
    return [
        Reading(DOOR, "door_open", at(day, leave), 1.0),
        Reading(DOOR, "door_open", at(day, leave) + 5 * NS_PER_S, 0.0),
        Reading(DOOR, "door_open", at(day, back), 1.0),
        Reading(DOOR, "door_open", at(day, back) + 5 * NS_PER_S, 0.0),
        motion(KITCHEN, at(day, back) + 20 * NS_PER_S),
        motion(BATH, at(day, back) + 60 * NS_PER_S),
    ]


def plain_day(day: int, seed: int = 0) -> list[Reading]:
    """Up at 7, about at home every few minutes, out 14:00 to 15:30, to bed at 22."""
    rng = random.Random(day * 1000 + seed)  # noqa: S311
    readings = [Reading(MAT, "in_bed", at(day, 7.0 + rng.uniform(-0.2, 0.2)), 0.0)]
    hour = 7.3
    while hour < 21.8:
        if not 13.95 < hour < 15.6:
            readings.append(motion(rng.choice((BEDROOM, BATH, KITCHEN, KITCHEN)), at(day, hour)))
        hour += rng.uniform(0.02, 0.35)
    readings += out_and_back(day, 14.0, 15.5)
    readings.append(Reading(MAT, "in_bed", at(day, 22.0 + rng.uniform(-0.3, 0.3)), 1.0))
    return sorted(readings, key=lambda reading: reading.time_ns)


def plain_days(number: int, seed: int = 0) -> list[Reading]:
    return [reading for day in range(number) for reading in plain_day(day, seed)]


def block_of(readings: Iterable[Reading], settings: SubjectSettings = SETTINGS) -> Block:
    listed = list(readings)
    index = {sensor.device_id: k for k, sensor in enumerate(settings.sensors)}
    return Block(
        np.array([reading.time_ns for reading in listed], dtype=np.int64),
        np.array([index[reading.device_id] for reading in listed], dtype=np.int64),
        np.array([QUANTITY_INDEX.get(r.quantity, -1) for r in listed], dtype=np.int64),
        np.array([reading.value for reading in listed]),
    )
