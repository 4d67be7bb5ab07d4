"""`kill -9` of a watching gateway: who lies in bed and since when nothing moved is known after."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.events import Event, EventKind
from edge.signals import NS_PER_S
from edge.subject import Capability, RoomKind, Sensor, SensorRole, Subject, SubjectSettings
from edge.wire import Lane, RegistryDocument
from gateway.subjects import HOLD_S
from tests.gateway.cloud_double import registered
from tests.gateway.conftest import Publisher, World
from tests.support.processes import wait_until

MAT, PIR = "mat-1", "pir-1"
BEAT_S = 15
HISTORY_S = 3600
LIMIT_S = 1800
# The deadline falls into the time in which the gateway is down.
DUE_IN_S = 8
ALLOWED = {
    EventKind.COVERAGE_PROTECTED, EventKind.COVERAGE_DEGRADED, EventKind.INACTIVITY,
    EventKind.INACTIVITY_CLEARED, EventKind.BED_EXIT,
}  # fmt: skip


def elder(hour_utc: int) -> Subject:
    """Alone, with a mat and a motion sensor; it is night now."""
    sensors = (
        Sensor(MAT, SensorRole.BED, "卧室", RoomKind.BEDROOM),
        Sensor(PIR, SensorRole.MOTION, "厨房", RoomKind.KITCHEN),
    )
    overrides = {
        "bed.night_from_h": float((hour_utc - 6) % 24),
        "bed.night_until_h": float((hour_utc + 6) % 24),
        "inactivity.start_limit_s": float(LIMIT_S),
        "inactivity.min_limit_s": float(LIMIT_S - 300),
    }
    requires = frozenset({Capability.BED, Capability.INACTIVITY})
    settings = SubjectSettings("UTC", sensors, requires=requires, overrides=overrides)
    return Subject("e-1", "e-1", settings)


class Home:
    """Two devices that go on beating whatever happens to the gateway."""

    def __init__(self, world: World, publisher: Publisher) -> None:
        self._world, self._publisher = world, publisher
        self._beat_s = 0.0

    def beat(self) -> None:
        if time.monotonic() - self._beat_s < 3:
            return
        self._beat_s = time.monotonic()
        for name in (MAT, PIR):
            self._publisher.senml(name, [{"n": "battery_level", "u": "%", "v": 90}])

    def told(self) -> list[Event]:
        return [r.event for r in self._world.cloud.of(Lane.URGENT) if r.event is not None]

    def wait_for(self, kind: EventKind) -> Event:
        def look() -> list[Event]:
            self.beat()
            return [event for event in self.told() if event.kind is kind]

        (event,) = wait_until(look, f"{kind}\n{self._world.gateway.log_tail()}", 60)
        return event

    def stored(self, count: int) -> None:
        wait_until(
            lambda: self._world.stored(Lane.BULK) >= count,
            f"all is stored\n{self._world.gateway.log_tail()}",
            40,
        )


@pytest.fixture
def home(world: World) -> Home:
    world.cloud.registry = RegistryDocument(
        1, "g-1", "试用养老院", [registered(MAT), registered(PIR)], [elder(datetime.now(UTC).hour)]
    )
    world.start_gateway()
    return Home(world, world.publisher())


def history(now_s: float) -> list[tuple[str, dict[str, Any]]]:
    """An hour of beats; to bed half an hour ago, and not a move since."""
    beats = [
        (name, {"n": "battery_level", "u": "%", "v": 90, "t": now_s + at_s})
        for at_s in range(-HISTORY_S, 0, BEAT_S)
        for name in (MAT, PIR)
    ]
    life = [
        (PIR, {"n": "motion", "v": 1, "t": now_s - HISTORY_S + 60}),
        (MAT, {"n": "in_bed", "v": 0, "t": now_s - HISTORY_S + 90}),
        (MAT, {"n": "in_bed", "v": 1, "t": now_s - LIMIT_S + DUE_IN_S}),
    ]
    return sorted([*beats, *life], key=lambda one: float(one[1]["t"]))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_deadline_and_bed_survive_two_kills_and_nothing_false_is_told(
    world: World, home: Home
) -> None:
    publisher, now_s = world.publishers[-1], time.time()
    lived = history(now_s)
    for name, value in lived:
        publisher.senml(name, [value])
    home.stored(len(lived))
    assert EventKind.INACTIVITY not in {event.kind for event in home.told()}

    world.gateway.kill_9()
    wait_until(lambda: home.beat() or time.time() > now_s + DUE_IN_S + 2, "it is due", 30)
    world.start_gateway()
    inactive = home.wait_for(EventKind.INACTIVITY)
    last_ns = round((now_s - LIMIT_S + DUE_IN_S) * NS_PER_S)
    assert abs(inactive.time_ns - last_ns - LIMIT_S * NS_PER_S) < NS_PER_S

    # Up now, and killed before that has settled: it was known who lay there.
    stored, left_s = world.stored(Lane.BULK), time.time()
    publisher.senml(MAT, [{"n": "in_bed", "v": 0, "t": left_s}])
    home.stored(stored + 1)
    world.gateway.kill_9()
    world.start_gateway()
    left = home.wait_for(EventKind.BED_EXIT)
    assert abs(left.time_ns - left_s * NS_PER_S) < NS_PER_S
    home.wait_for(EventKind.INACTIVITY_CLEARED)

    calm_until = time.monotonic() + HOLD_S
    wait_until(lambda: home.beat() or time.monotonic() > calm_until, "a while", 60)
    told = home.told()
    assert {event.kind for event in told} <= ALLOWED
    assert len({event.event_id for event in told}) == len(told)
