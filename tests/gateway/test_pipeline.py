"""The pipeline: after any restart, fault or change of hands it is as if nothing had been."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.detector import SnapshotError
from edge.engine import Engine
from edge.events import DetectorInfo, Event, EventKind, stable_id
from edge.signals import Origin, Position, Reading, Signal
from edge.wire import Lane, RegistryDocument
from gateway.metrics import Metrics
from gateway.outbox import Group, Outbox
from gateway.pipeline import Pipeline
from gateway.registry import Registry
from gateway.sources import Frame
from tests.gateway.blocks import Block
from tests.gateway.cloud_double import registered, registry_of
from tests.gateway.makers import T0_NS, HandClock, S


class EveryThird:
    """A detector for these tests: every third `steps` reading is an event; 13 breaks it."""

    quantities = frozenset({"steps"})

    def __init__(self, version: str = "1") -> None:
        self.info = DetectorInfo("every_third", version)
        self.seen: dict[str, list[float]] = {}
        self.positions: dict[str, Position | None] = {}

    def open(self, device_id: str, position: Position | None) -> None:
        self.seen.setdefault(device_id, [])
        self.positions[device_id] = position

    def process(self, signals: Sequence[Signal]) -> list[Event]:
        events = []
        for signal in signals:
            assert isinstance(signal, Reading)
            seen = self.seen[signal.device_id]
            seen.append(signal.value)
            if signal.value == 13:
                raise ZeroDivisionError("thirteen")
            if len(seen) % 3 == 0:
                name = stable_id("third", signal.device_id, signal.time_ns)
                events.append(
                    Event(
                        name, name, EventKind.FALL_SUSPECTED, signal.device_id, signal.time_ns,
                        signal.time_ns, 1.0, (), self.info, Origin.LIVE,
                    )
                )  # fmt: skip
        return events

    def snapshot(self, device_id: str) -> bytes:
        return json.dumps(self.seen[device_id]).encode()

    def restore(self, device_id: str, snapshot: bytes) -> None:
        try:
            self.seen[device_id] = json.loads(snapshot)
        except ValueError as error:
            raise SnapshotError(str(error)) from error

    def close(self, device_id: str) -> None:
        del self.seen[device_id]


class Rig:
    """One life of a gateway's heart; `again` is the next life on the same disk."""

    def __init__(self, directory: Path, document: RegistryDocument, version: str = "1") -> None:
        self.directory = directory
        self.clock = HandClock()
        self.outbox = Outbox(directory / "outbox.sqlite3", self.clock)
        self.registry = Registry(directory / "registry.json")
        self.registry.load()
        if self.registry.document is None:
            self.registry.save(document)
        self.detector = EveryThird(version)
        self.metrics = Metrics()
        self.pipeline = Pipeline(
            self.outbox, self.registry, Engine([self.detector]), self.metrics, self.clock
        )
        self.started = self.pipeline.start()

    def again(self, version: str = "1") -> Rig:
        self.outbox.close()
        return Rig(self.directory, registry_of("nobody"), version)

    def steps(self, *numbers: int, device_id: str = "w-1") -> tuple[Event, ...]:
        return self.take(*[senml(n, device_id) for n in numbers])

    def take(self, *frames: Frame) -> tuple[Event, ...]:
        return self.pipeline.commit(self.pipeline.prepare(frames)).new_events

    def rejected(self) -> dict[str, int]:
        return self.outbox.rejected_counts()

    def urgent(self) -> int:
        return self.outbox.last_seq(Lane.URGENT)


def senml(n: int, device_id: str = "w-1") -> Frame:
    time_s = T0_NS // S - 1000 + n
    payload = json.dumps([{"n": "steps", "v": n, "t": time_s}]).encode()
    return Frame("test", f"yuyue/v1/{device_id}/senml", payload, T0_NS)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    lives: list[Rig] = []
    original = Rig.__init__

    def counted(self: Rig, *args: object, **kwargs: object) -> None:
        original(self, *args, **kwargs)  # type: ignore[arg-type]
        lives.append(self)

    with pytest.MonkeyPatch.context() as patch, capture_logs():
        patch.setattr(Rig, "__init__", counted)
        yield Rig(tmp_path, registry_of("w-1", "w-2"))
    lives[-1].outbox.close()


@pytest.mark.parametrize("snapshot_after", [None, 0, 1, 2, 3, 4, 5])
def test_a_restart_anywhere_decides_the_same(rig: Rig, snapshot_after: int | None) -> None:
    for number in range(1, 6):
        if snapshot_after == number - 1:
            rig.pipeline.save_snapshots()
        rig.steps(number)
    if snapshot_after == 5:
        rig.pipeline.save_snapshots()
    assert rig.urgent() == 1
    rig = rig.again()
    # Told again by the replay or not: it is stored once, and the next comes at its time.
    assert rig.started.new_events == ()
    assert rig.urgent() == 1
    assert len(rig.steps(6)) == 1
    assert rig.detector.seen["w-1"] == [1, 2, 3, 4, 5, 6]


def test_what_was_logged_but_not_decided_is_decided_at_start(rig: Rig) -> None:
    readings = [Reading("w-1", "steps", T0_NS + n, float(n)) for n in range(3)]
    rig.outbox.commit(Group(signals=readings))
    rig = rig.again()
    assert len(rig.started.new_events) == 1
    assert rig.urgent() == 1


def test_a_snapshot_of_another_version_is_dropped_and_the_log_fed(rig: Rig) -> None:
    rig.steps(1, 2)
    rig.pipeline.save_snapshots()
    rig.steps(3, 4)
    rig = rig.again(version="2")
    assert rig.detector.seen["w-1"] == [3, 4]
    assert rig.metrics.snapshots_refused._value.get() == 1
    rig.pipeline.save_snapshots()
    rig = rig.again(version="2")
    assert rig.metrics.snapshots_refused._value.get() == 0
    assert rig.detector.seen["w-1"] == [3, 4]


def test_a_fault_of_one_stream_stays_with_it(rig: Rig) -> None:
    rig.steps(1, 2)
    rig.steps(1, 2, device_id="w-2")
    events = rig.take(senml(3, "w-2"), senml(13), senml(3))
    # w-2 decides as if nothing had been; w-1 begins anew, its data is kept, and it is told.
    assert [event.device_id for event in events] == ["w-2"]
    assert rig.detector.seen == {"w-1": [], "w-2": [1, 2, 3]}
    assert rig.rejected() == {"engine_failed": 1}
    assert rig.outbox.last_seq(Lane.BULK) == 8  # 7 readings and the row
    assert len(rig.steps(4, 5, 6)) == 1


def test_the_fault_does_not_come_back_with_every_start(rig: Rig) -> None:
    rig.steps(1, 2)
    rig.pipeline.save_snapshots()
    rig.steps(13)
    rig = rig.again()
    assert rig.rejected() == {"engine_failed": 2}
    rig.steps(4)
    rig.pipeline.save_snapshots()
    rig = rig.again()
    assert rig.rejected() == {"engine_failed": 2}
    assert rig.detector.seen["w-1"] == [4]


def test_a_fault_in_the_driver_is_a_row_not_an_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(device_id: str, payload: bytes, received_ns: int) -> list[Signal]:
        raise IndexError("off by one")

    monkeypatch.setattr("gateway.pipeline.match_topic", lambda topic: ("w-1", broken))
    rig.take(senml(1))
    assert rig.rejected() == {"driver_failed": 1}


def test_a_failed_commit_is_repeated_and_decides_nothing_twice(rig: Rig, tmp_path: Path) -> None:
    rig.steps(1, 2)
    prepared = rig.pipeline.prepare([senml(3)])
    with sqlite3.connect(tmp_path / "outbox.sqlite3", isolation_level=None) as db:
        db.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON record "
            "BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
        with pytest.raises(sqlite3.Error):
            rig.pipeline.commit(prepared)
        # The engine is ahead of the log: its state must not be saved as if it were not.
        rig.pipeline.save_snapshots()
        assert rig.outbox.snapshots() == (0, {})
        db.execute("DROP TRIGGER full_disk")
    db.close()
    assert len(rig.pipeline.commit(prepared).new_events) == 1
    rig.pipeline.save_snapshots()
    assert rig.outbox.snapshots()[0] == 3


def test_killed_before_the_commit_the_repetition_decides(rig: Rig) -> None:
    rig.steps(1, 2)
    rig.pipeline.save_snapshots()
    rig.pipeline.prepare([senml(3)])
    rig.pipeline.save_snapshots()
    rig = rig.again()
    assert len(rig.steps(3)) == 1


def test_a_delivery_that_comes_again_is_held_once(rig: Rig) -> None:
    first = replace(senml(1), delivery_id=7)
    rig.take(first)
    rig = rig.again()
    rig.take(replace(first, redelivered=True, received_ns=T0_NS + S))
    assert rig.detector.seen["w-1"] == [1]
    assert rig.outbox.last_seq(Lane.BULK) == 1


def test_a_block_that_comes_again_is_held_once(rig: Rig) -> None:
    payload = Block(start_ns=T0_NS - S).encode()
    wave = Frame("test", "yuyue/v1/w-1/waveform", payload, T0_NS, 7)
    rig.take(wave, wave)
    rig = rig.again()
    prepared = rig.pipeline.prepare([wave])
    assert prepared.duplicates == 1
    assert prepared.group.is_empty
    assert rig.outbox.last_seq(Lane.BULK) == 1


def test_who_goes_is_forgotten_and_who_changes_hands_begins_anew(rig: Rig) -> None:
    rig.steps(1, 2)
    rig.steps(1, 2, device_id="w-2")
    other = replace(registered("w-1"), elder_id="e-2", position=Position.WAIST)
    rig.pipeline.apply_registry(RegistryDocument(2, "g-1", "x", [other]))
    assert rig.detector.seen == {"w-1": []}
    assert rig.detector.positions["w-1"] is Position.WAIST
    assert rig.steps(3, device_id="w-2") == ()
    assert rig.rejected() == {"unassigned_device": 1}
    rig = rig.again()
    # What was logged under the old registry is not decided again under the new one.
    assert rig.detector.seen == {"w-1": []}
    assert rig.registry.version == 2
    assert rig.detector.positions["w-1"] is Position.WAIST
    assert len(rig.steps(4, 5, 6)) == 1


def test_a_new_position_keeps_what_was_learned(rig: Rig) -> None:
    rig.steps(1, 2)
    moved = replace(registered("w-1"), position=Position.CHEST)
    rig.pipeline.apply_registry(RegistryDocument(2, "g-1", "x", [moved]))
    assert rig.detector.positions["w-1"] is Position.CHEST
    assert len(rig.steps(3)) == 1


def test_strangers_are_named_so_that_the_registry_is_looked_at(rig: Rig) -> None:
    assert rig.pipeline.prepare([senml(1, "w-9")]).strangers
    assert not rig.pipeline.prepare([senml(1)]).strangers


def test_a_registry_on_disk_is_whole_or_old(tmp_path: Path) -> None:
    path = tmp_path / "registry.json"
    registry = Registry(path)
    registry.save(registry_of("w-1", version=4))
    path.with_name("registry.json.new").write_bytes(b"half a docu")
    assert path.stat().st_mode & 0o077 == 0  # names and radio keys: nobody else's to read
    again = Registry(path)
    again.load()
    assert again.version == 4
    assert again.device("w-1") == registered("w-1")
    assert again.device("w-2") is None


def test_a_damaged_registry_says_which_field(tmp_path: Path) -> None:
    from gateway.registry import RegistryError

    path = tmp_path / "registry.json"
    path.write_text('{"version": "four"}')
    with pytest.raises(RegistryError, match=r"registry\.json.*version"):
        Registry(path).load()


def test_what_was_not_agreed_to_goes_nowhere(rig: Rig) -> None:
    """Dropped at once and counted: not stored, not decided upon, not in the quarantine."""
    agreed = replace(registered("w-1"), allowed_kinds=["safety"])
    nothing = replace(registered("w-2"), allowed_kinds=[])
    rig.pipeline.apply_registry(RegistryDocument(2, "g-1", "试用养老院", [agreed, nothing]))
    time_s = T0_NS // S - 10
    frames = []
    for device_id in ("w-1", "w-2"):
        pack = [
            {"n": "steps", "v": 5, "t": time_s}, {"n": "sos", "v": 1, "t": time_s},
            {"n": "heart_rate", "u": "1/min", "v": 71, "t": time_s},
        ]  # fmt: skip
        topic = f"yuyue/v1/{device_id}/senml"
        frames.append(Frame("test", topic, json.dumps(pack).encode(), T0_NS))
    prepared = rig.pipeline.prepare(frames)
    kept = [(signal.device_id, signal.quantity) for signal in prepared.group.signals]
    assert sorted(kept) == [("w-1", "sos"), ("w-1", "steps"), ("w-2", "sos")]
    rig.pipeline.commit(prepared)
    assert rig.detector.seen["w-2"] == []
    assert rig.rejected() == {}
    counted = {
        quantity: rig.metrics.without_consent.labels(quantity)._value.get()
        for quantity in ("steps", "heart_rate", "sos")
    }
    assert counted == {"steps": 1, "heart_rate": 2, "sos": 0}
