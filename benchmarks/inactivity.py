"""How fast the inactivity detector learns and watches, beside a plain Python version of it.

    python -m benchmarks.inactivity [--homes 200] [--days 28] [--events 300] [--plain 2]

Each home is a made-up person's month at about 300 events a day, fed a day at a time as columns.
The plain version is the same detector, fed the same readings one by one; it takes the same
decisions (asserted here). Times are processor time of this process: what one core would need. The
time for 10,000 homes is the measured mean of a home times 10,000.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from dataclasses import dataclass

import numpy as np

from edge.inactivity.bulk import Block
from edge.inactivity.detector import InactivityDetector
from edge.inactivity.devices import QUANTITY_INDEX
from edge.signals import NS_PER_S, Reading
from edge.subject import RoomKind, Sensor, SensorRole, SubjectSettings

START_NS = 1_790_553_600 * NS_PER_S
DAY_S = 86_400
TARGET_HOMES = 10_000
TARGET_S = 600.0
TARGET_BYTES = 256 * 1024

ROOMS = (RoomKind.BEDROOM, RoomKind.BATHROOM, RoomKind.KITCHEN, RoomKind.LIVING, RoomKind.HALL)
SENSORS = (
    *(Sensor(f"pir-{kind}", SensorRole.MOTION, kind, kind) for kind in ROOMS),
    Sensor("door", SensorRole.OUTER_DOOR, "entrance", RoomKind.ENTRANCE),
    Sensor("mat", SensorRole.BED, "bedroom", RoomKind.BEDROOM),
    Sensor("seat", SensorRole.SEAT, "living", RoomKind.LIVING),
)
SETTINGS = SubjectSettings(timezone="Asia/Shanghai", sensors=SENSORS)
DOOR, MAT, SEAT = 5, 6, 7
MOTION, DOOR_OPEN = QUANTITY_INDEX["motion"], QUANTITY_INDEX["door_open"]
IN_BED, PRESENCE = QUANTITY_INDEX["in_bed"], QUANTITY_INDEX["presence"]
NAMES = ("motion", "motion_count", "presence", "door_open", "in_bed")


@dataclass(frozen=True)
class Row:
    second: float
    device: int
    quantity: int
    value: float


def day_of(rng: random.Random, events: int) -> list[Row]:
    """Up at 6:30, out most days, sits in the afternoon, toilet at night, to bed at 21:30."""
    up, bed = rng.gauss(6.5, 0.3) * 3600, rng.gauss(21.5, 0.4) * 3600
    rows = [Row(up, MAT, IN_BED, 0.0), Row(bed, MAT, IN_BED, 1.0)]
    away = (0.0, 0.0)
    if rng.random() < 0.8:
        leave = rng.gauss(9.5, 0.5) * 3600
        away = (leave, leave + rng.uniform(0.5, 2.5) * 3600)
        for moment in away:
            rows += [Row(moment, DOOR, DOOR_OPEN, 1.0), Row(moment + 6, DOOR, DOOR_OPEN, 0.0)]
    for _ in range(rng.randint(1, 3)):
        moment = rng.uniform(0.5, 5.5) * 3600
        rows += [Row(moment, MAT, IN_BED, 0.0), Row(moment + 400, MAT, IN_BED, 1.0)]
        rows += [Row(moment + k * 60, 1, MOTION, 1.0) for k in range(1, 5)]
    sit = rng.gauss(15.0, 1.0) * 3600
    rest = (sit, sit + rng.uniform(0.3, 1.5) * 3600)
    rows += [Row(rest[0], SEAT, PRESENCE, 1.0), Row(rest[1], SEAT, PRESENCE, 0.0)]
    while len(rows) < events:
        moment, room = rng.uniform(up, bed), rng.randrange(5)
        for _ in range(rng.randint(2, 12)):
            moment += rng.expovariate(1 / 25)
            inside = not (away[0] <= moment <= away[1] or rest[0] <= moment <= rest[1])
            if inside and moment < bed:
                rows.append(Row(moment, room, MOTION, 1.0))
    return sorted(rows[:events], key=lambda row: row.second)


def home_of(seed: int, days: int, events: int) -> list[Block]:
    rng = random.Random(seed)  # noqa: S311
    blocks = []
    for day in range(days):
        rows = day_of(rng, events)
        start_ns = START_NS + day * DAY_S * NS_PER_S - 8 * 3600 * NS_PER_S
        blocks.append(
            Block(
                np.array([start_ns + round(r.second * NS_PER_S) for r in rows], dtype=np.int64),
                np.array([r.device for r in rows], dtype=np.int64),
                np.array([r.quantity for r in rows], dtype=np.int64),
                np.array([r.value for r in rows]),
            )
        )
    return blocks


def readings_of(block: Block) -> list[Reading]:
    columns = (block.device, block.quantity, block.time_ns, block.value)
    return [
        Reading(SENSORS[device].device_id, NAMES[quantity], time_ns, value)
        for device, quantity, time_ns, value in zip(*(c.tolist() for c in columns), strict=True)
    ]


def fast(detector: InactivityDetector, name: str, blocks: list[Block]) -> tuple[float, list[str]]:
    detector.open(name, SETTINGS)
    events = []
    start = time.process_time()
    for block in blocks:
        events += detector.process_block(name, block)
    detector.deadline(name)
    return time.process_time() - start, [event.kind for event in events]


def plain(detector: InactivityDetector, name: str, blocks: list[Block]) -> tuple[float, list[str]]:
    readings = [readings_of(block) for block in blocks]
    detector.open(name, SETTINGS)
    events = []
    start = time.process_time()
    for day in readings:
        for reading in day:
            events += detector.process(name, [reading])
    detector.deadline(name)
    return time.process_time() - start, [event.kind for event in events]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--homes", type=int, default=200)
    arguments.add_argument("--days", type=int, default=28)
    arguments.add_argument("--events", type=int, default=300)
    arguments.add_argument("--plain", type=int, default=3, help="homes for the plain version")
    options = arguments.parse_args()
    detector = InactivityDetector()
    total_s, alarms, kept, half = 0.0, 0, [], options.homes // 2
    before_kb = 0
    for seed in range(options.homes):
        if seed == half:  # the first half has filled caches and pools
            before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        blocks = home_of(seed, options.days, options.events)
        spent_s, kinds = fast(detector, f"home-{seed}", blocks)
        total_s += spent_s
        alarms += len([kind for kind in kinds if not kind.endswith("cleared")])
        if seed < options.plain:
            kept.append((blocks, kinds))
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    grown_kb = grown_kb * options.homes // (options.homes - half)
    other = InactivityDetector()
    plain_s = 0.0
    for seed, (blocks, kinds) in enumerate(kept):
        spent_s, same = plain(other, f"home-{seed}", blocks)
        assert same == kinds, f"home {seed}: the plain version decides otherwise"  # noqa: S101
        assert other.snapshot(f"home-{seed}") == detector.snapshot(f"home-{seed}")  # noqa: S101
        plain_s += spent_s
    per_home_s = total_s / options.homes
    each = options.days * options.events
    whole_s = per_home_s * TARGET_HOMES
    snapshot = len(detector.snapshot("home-0"))
    print(f"homes {options.homes}, days {options.days}, events a day {options.events}")
    print(f"columns: {per_home_s * 1e3:.1f} ms a home, {per_home_s / each * 1e6:.2f} us an event")
    if kept:
        plain_home_s = plain_s / len(kept)
        print(f"plain:   {plain_home_s * 1e3:.1f} ms a home, {plain_home_s / each * 1e6:.2f} us")
        print(f"ratio:   {plain_home_s / per_home_s:.1f}, decisions and state the same")
    verdict = "met" if whole_s < TARGET_S else "MISSED"
    print(
        f"10,000 homes on one core: {whole_s / 60:.1f} min (target {TARGET_S / 60:.0f}, {verdict})"
    )
    verdict = "met" if grown_kb * 1024 / options.homes < TARGET_BYTES else "MISSED"
    print(
        f"memory a person: {grown_kb / options.homes:.0f} KiB resident at most (target "
        f"{TARGET_BYTES // 1024}, {verdict}), {snapshot / 1024:.0f} KiB as a snapshot"
    )
    print(f"alarms: {alarms / options.homes / options.days * 7:.2f} a person-week (made-up homes)")


if __name__ == "__main__":
    main()
