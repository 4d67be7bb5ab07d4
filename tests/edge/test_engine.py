"""The engine routes signals, orders events, and resumes from a snapshot as if never stopped."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from edge.detector import SnapshotError
from edge.engine import Engine, UnknownStreamError, default_detectors
from edge.events import DetectorInfo, Event, EventKind, stable_id
from edge.signals import NS_PER_S, Origin, Position, Reading, Signal

T0_NS = 1_790_000_000 * NS_PER_S


class EveryThird:
    """A detector for these tests: every third reading of its quantity is an event."""

    def __init__(self, quantity: str = "motion", version: str = "1") -> None:
        self.info = DetectorInfo(f"every_third_{quantity}", version)
        self.quantities = frozenset({quantity})
        self.counts: dict[str, int] = {}
        self.opened: list[tuple[str, Position | None]] = []

    def open(self, device_id: str, position: Position | None) -> None:
        self.counts.setdefault(device_id, 0)
        self.opened.append((device_id, position))

    def process(self, signals: Sequence[Signal]) -> list[Event]:
        events = []
        for signal in signals:
            assert isinstance(signal, Reading)
            self.counts[signal.device_id] += 1
            if self.counts[signal.device_id] % 3 == 0:
                identity = stable_id(self.info.name, signal.device_id, signal.time_ns)
                events.append(
                    Event(
                        identity, identity, EventKind.SOS, signal.device_id, signal.time_ns,
                        signal.time_ns, 1.0, (), self.info, Origin.LIVE,
                    )
                )  # fmt: skip
        return events

    def snapshot(self, device_id: str) -> bytes:
        return bytes([self.counts[device_id]])

    def restore(self, device_id: str, snapshot: bytes) -> None:
        if len(snapshot) != 1:
            raise SnapshotError("one byte, please")
        self.counts[device_id] = snapshot[0]

    def close(self, device_id: str) -> None:
        del self.counts[device_id]


def reading(device_id: str, at_s: int, quantity: str = "motion") -> Reading:
    return Reading(device_id, quantity, T0_NS + at_s * NS_PER_S, 1.0)


def engine_of(*detectors: EveryThird, streams: tuple[str, ...] = ("a", "b")) -> Engine:
    engine = Engine(detectors)
    for device_id in streams:
        engine.open(device_id, Position.WRIST)
    return engine


def test_each_detector_gets_only_what_it_wants_and_events_come_in_order() -> None:
    engine = engine_of(EveryThird("motion"), EveryThird("door_open"))
    signals = [reading("a", k) for k in range(1, 4)] + [reading("b", k) for k in range(1, 4)]
    signals += [reading("a", k, "door_open") for k in (0, 1, 2)]
    signals += [reading("a", 9, "heart_rate")]
    events = engine.process(signals)
    assert [(event.detector.name, event.device_id) for event in events] == [
        ("every_third_door_open", "a"),
        ("every_third_motion", events[1].device_id),
        ("every_third_motion", events[2].device_id),
    ]
    assert {event.device_id for event in events[1:]} == {"a", "b"}


def test_a_signal_of_an_unopened_stream_changes_nothing() -> None:
    detector = EveryThird()
    engine = engine_of(detector)
    with pytest.raises(UnknownStreamError, match="stranger"):
        engine.process([reading("a", 1), reading("stranger", 1)])
    assert detector.counts == {"a": 0, "b": 0}


def test_snapshot_in_mid_stream_changes_nothing() -> None:
    one, other = engine_of(EveryThird()), engine_of(EveryThird())
    one.process([reading("a", 1), reading("a", 2)])
    other.restore("a", one.snapshot("a"))
    assert other.process([reading("a", 3)]) == one.process([reading("a", 3)]) != []


def test_only_streams_that_advanced_are_saved_again() -> None:
    engine = engine_of(EveryThird())
    engine.process([reading("a", 1), reading("b", 1, "heart_rate")])
    assert list(engine.take_dirty_snapshots()) == ["a"]
    assert engine.take_dirty_snapshots() == {}


@pytest.mark.parametrize(
    "damage",
    [lambda s: b"", lambda s: s[:-1], lambda s: s + b"x", lambda s: b"YES1" + b"\xff" * 20,
     lambda s: s[:4] + b"\x05\x00\x00\x00" + s[8:]],
)  # fmt: skip
def test_a_damaged_snapshot_is_refused_and_the_stream_begins_anew(damage) -> None:  # type: ignore[no-untyped-def]
    engine = engine_of(EveryThird())
    engine.process([reading("a", 1), reading("a", 2)])
    good = engine.snapshot("a")
    fresh = engine_of(EveryThird())
    with pytest.raises(SnapshotError):
        fresh.restore("a", damage(good))
    assert fresh.process([reading("a", 3)]) == []


def test_a_snapshot_of_another_version_is_refused() -> None:
    old, new = engine_of(EveryThird(version="1")), engine_of(EveryThird(version="2"))
    with pytest.raises(SnapshotError, match="'2'"):
        new.restore("a", old.snapshot("a"))


def test_a_new_position_reaches_the_detectors_once() -> None:
    detector = EveryThird()
    engine = Engine([detector])
    for position in (Position.WRIST, Position.WRIST, Position.WAIST):
        engine.open("a", position)
    assert detector.opened == [("a", Position.WRIST), ("a", Position.WAIST)]
    engine.close("a")
    assert engine.streams == frozenset()
    assert detector.counts == {}


def test_production_detectors_cover_falls_and_calls() -> None:
    engine = Engine(default_detectors())
    wanted = frozenset().union(*(detector.quantities for detector in engine.detectors))
    assert {"acceleration", "sos"} <= wanted
