"""People in the gateway: a restart forgets nothing, a backlog is no silence, faults stay apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.events import Event, EventKind
from edge.signals import Reading, Signal
from edge.subject import RoomKind, Sensor, SensorRole, Subject, SubjectSettings
from gateway.metrics import Metrics
from gateway.outbox import Group, Outbox
from gateway.subjects import CATCH_UP_LOOKS, CATCH_UP_S, HOLD_S, SubjectWatch
from tests.gateway.makers import T0_NS, HandClock, S

ELDER = Subject(
    "e-1",
    "e-1",
    SubjectSettings(
        sensors=(
            Sensor("pir-1", SensorRole.MOTION, "厨房", RoomKind.KITCHEN),
            Sensor("pir-2", SensorRole.MOTION, "走廊", RoomKind.HALL),
        )
    ),
)
BEAT_S = 20


class Rig:
    """A watch on a clock that is moved by hand."""

    def __init__(self, path: Path) -> None:
        self.clock = HandClock()
        self.outbox = Outbox(path / "outbox.sqlite3", self.clock)
        self.watch = self.fresh()

    def fresh(self) -> SubjectWatch:
        watch = SubjectWatch(self.outbox, Metrics(), self.clock)
        watch.apply([ELDER])
        return watch

    def feed(self, *signals: Signal) -> list[Event]:
        return self.watch.feed(signals, [], 0, [])

    def beats(self, until_ns: int, count: int) -> list[Signal]:
        """Both sensors, every BEAT_S seconds up to a time."""
        times = [until_ns - k * BEAT_S * S for k in reversed(range(count))]
        return [
            Reading(name, "battery_level", at, 90.0) for at in times for name in ("pir-1", "pir-2")
        ]

    def kinds(self, events: list[Event]) -> set[EventKind]:
        return {event.kind for event in events}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.outbox.close()


def test_a_backlog_on_its_way_is_not_silence(rig: Rig) -> None:
    rig.feed(*rig.beats(T0_NS - 3600 * S, 200))
    # An hour of it is still to come: the timer must not run ahead of what is arriving.
    assert rig.watch.advance(T0_NS, listening=True) == []
    rig.clock.advance(1)
    told = rig.feed(*rig.beats(T0_NS - BEAT_S * S, 179))
    told += rig.watch.advance(rig.clock.now_ns(), listening=True)
    assert EventKind.DEVICE_OFFLINE not in rig.kinds(told)
    # A machine that was too busy to read has not heard nothing.
    rig.clock.advance(CATCH_UP_S + 100 + HOLD_S)
    assert rig.watch.advance(rig.clock.now_ns(), listening=True) == []
    # No more comes, and it was looked for: now it is silence.
    told = []
    for _ in range(CATCH_UP_LOOKS):
        told += rig.watch.advance(rig.clock.now_ns(), listening=True)
    assert {EventKind.DEVICE_OFFLINE, EventKind.COVERAGE_BLIND} <= rig.kinds(told)


def test_no_open_source_is_our_silence_not_theirs(rig: Rig) -> None:
    rig.feed(*rig.beats(T0_NS, 200))
    for _ in range(60):
        rig.clock.advance(60)
        assert rig.watch.advance(rig.clock.now_ns(), listening=False) == []
    assert rig.watch.advance(rig.clock.now_ns(), listening=True) == []
    rig.clock.advance(200)
    told = rig.watch.advance(rig.clock.now_ns(), listening=True)
    assert EventKind.DEVICE_OFFLINE in rig.kinds(told)


@pytest.mark.parametrize("cut", [1, 40, 120, 199])
def test_a_restart_decides_and_knows_the_same(rig: Rig, cut: int) -> None:
    signals = rig.beats(T0_NS, 200)
    straight = rig.fresh()
    expected = straight.feed(signals, [], 0, [])
    told = rig.feed(*signals[: 2 * cut])
    for key, snapshot in rig.watch.take_dirty_snapshots().items():
        rig.outbox.save_snapshots(0, {key: snapshot})
    rig.watch = rig.fresh()  # killed; what came after the snapshot is in the log
    for key, snapshot in rig.outbox.snapshots()[1].items():
        assert rig.watch.restore(key, snapshot)
    told += rig.feed(*signals[2 * cut :])
    assert told == expected
    assert rig.watch.take_dirty_snapshots() == straight.take_dirty_snapshots()


def test_night_summaries_do_not_hurry(rig: Rig) -> None:
    event = rig.feed(*rig.beats(T0_NS, 20))[0]
    assert event.kind is EventKind.COVERAGE_PROTECTED
    committed = rig.outbox.commit(Group(events=[event]))
    assert committed.new_events == (event,)
    assert rig.outbox.commit(Group(events=[event])).new_events == ()
