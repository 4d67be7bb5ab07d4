"""The outbox and the disk: budget, thinning, a full disk, damage, old files, several boots."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.signals import Reading
from edge.wire import Lane, Record, waveform_to_record
from gateway.opening import open_outbox
from gateway.outbox import DiskPolicy, Group, Outbox
from gateway.outbox.codec import Body, pack_counts, unpack_counts
from gateway.outbox.room import MIB
from gateway.outbox.status import read_status
from gateway.outbox.thinning import thin
from tests.gateway.makers import T0_NS, HandClock, S, block, event, reading, refused

SMALL = DiskPolicy(budget_bytes=MIB, reserve_bytes=64 * 1024)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


def sent(outbox: Outbox, lane: Lane = Lane.BULK) -> list[Record]:
    """As a cloud that takes everything sees it."""
    records: list[Record] = []
    while (batch := outbox.read(lane, 2000, 10**9)) is not None:
        assert [r.seq for r in batch.records] == [
            batch.first_seq + k for k in range(len(batch.records))
        ]
        records += batch.records
        assert outbox.acknowledge(lane, batch.outbox_id, batch.records[-1].seq)
    return records


def tidy(outbox: Outbox) -> int:
    steps = 0
    while outbox.tidy():
        steps += 1
        assert steps < 5000, "it comes to an end"
    return steps


@given(st.integers(1, 3), st.integers(0, 60))
def test_packing_of_counts_comes_back(channels: int, n: int) -> None:
    values = np.random.default_rng(n).integers(-32768, 32767, (n, channels), dtype=np.int16)
    raw = values.astype("<i2").tobytes()
    assert unpack_counts(pack_counts(raw, channels), channels) == raw


def test_a_minute_keeps_its_lowest_highest_and_last_reading_as_measured() -> None:
    minute = T0_NS // (60 * S) * 60 * S
    values = [5.0, 1.0, 7.0, 9.0, 4.0]
    bodies: list[Body] = [Reading("w-1", "steps", minute + k * S, v) for k, v in enumerate(values)]
    bodies.append(Reading("w-1", "steps", minute + 61 * S, 6.0))
    left = thin(bodies)
    assert [b.value for b in left if isinstance(b, Reading)] == [1.0, 9.0, 4.0, 6.0]
    assert thin(left) == left


def test_a_minute_of_blocks_becomes_its_figures_and_is_no_measurement() -> None:
    left = thin([waveform_to_record(block(n)) for n in range(40)])
    assert len(left) <= 2
    note = left[0]
    assert getattr(note, "reason", None) == "thinned"
    figures = msgspec.json.decode(note.frame)  # type: ignore[union-attr]
    assert figures["quantity"] == "acceleration"
    assert len(figures["min"]) == len(figures["max"]) == 3
    assert figures["origin"] == "simulated"
    assert len(note.frame) <= 512  # type: ignore[union-attr]


def test_small_chunks_are_joined_and_nothing_changes(path: Path) -> None:
    outbox = Outbox(path, HandClock(), DiskPolicy(reserve_bytes=4096))
    for n in range(1, 6500, 20):
        outbox.commit(Group(signals=[reading(k) for k in range(n, min(n + 20, 6500))]))
    outbox.save_snapshots(6400, {})
    before = outbox.used_bytes()
    assert tidy(outbox) > 0
    assert outbox.used_bytes() < before
    assert [s for _, c in outbox.replay(6300, 6450) for s in c] == [
        reading(n) for n in range(6301, 6451)
    ]
    assert [r.reading for r in sent(outbox)] == [reading(n) for n in range(1, 6500)]
    outbox.close()


def fill(outbox: Outbox, first: int, groups: int, per_group: int = 100) -> int:
    rng = np.random.default_rng(first)
    n = first
    for _ in range(groups):
        signals = []
        for _ in range(per_group):
            # 20 readings a minute of each of 5 devices, of a value that does not compress
            device_id, time_ns = f"w-{n % 5}", T0_NS + n // 100 * 60 * S + n % 100 * S // 2
            signals.append(Reading(device_id, "steps", time_ns, float(rng.integers(10**6))))
            n += 1
        outbox.commit(Group(signals=signals))
    return n


def test_beyond_its_budget_bulk_thins_oldest_first_and_urgent_never(path: Path) -> None:
    clock = HandClock()
    outbox = Outbox(path, clock, SMALL)
    outbox.commit(Group(events=[event(n) for n in range(50)]))
    n = 0
    for _ in range(12):
        n = fill(outbox, n, 100)
        clock.advance(3600)
        outbox.save_snapshots(outbox.last_seq(Lane.BULK) - 500, {})
        tidy(outbox)
        assert outbox.used_bytes() <= MIB * 1.1
    pending = outbox.lane_state(Lane.BULK).pending
    assert read_status(path).lanes[Lane.BULK].pending == pending
    records = sent(outbox)
    assert len(records) == pending < n
    assert [r.seq for r in records] == list(range(1, len(records) + 1))
    values = [r.reading for r in records if r.reading]
    newest = max(v.time_ns for v in values)
    per_minute = Counter((v.device_id, v.time_ns // (60 * S)) for v in values)
    assert all(per_minute[d, newest // (60 * S) - 1] == 20 for d in {v.device_id for v in values})
    assert min(per_minute.values()) <= 3
    assert len([r for r in sent(outbox, Lane.URGENT) if r.event]) == 50
    assert outbox.commit(Group(signals=[reading(1)])).bulk_seq == n + 1
    assert [r.seq for r in sent(outbox)] == [len(records) + 1]
    outbox.close()


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_thinning_between_lost_answers_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A cloud that commits batches whose answers are lost, while the outbox thins and restarts."""
    path = tmp_path_factory.mktemp("thin") / "outbox.sqlite3"
    policy = DiskPolicy(budget_bytes=1, reserve_bytes=4096)  # thins whenever asked
    with ExitStack() as stack:
        thinning_world(stack, path, policy, data)


def thinning_world(stack: ExitStack, path: Path, policy: DiskPolicy, data: st.DataObject) -> None:
    outbox = Outbox(path, HandClock(), policy)
    stack.callback(outbox.close)
    cloud: list[Record] = []
    n = 0
    for _ in range(data.draw(st.integers(3, 10))):
        n = fill(outbox, n, data.draw(st.sampled_from([1, 20, 60])))
        outbox.save_snapshots(outbox.last_seq(Lane.BULK), {})
        for action in data.draw(st.lists(st.sampled_from("tttsslr"), max_size=6)):
            if action == "t":
                outbox.tidy()
            elif action == "r":
                outbox.close()
                outbox = Outbox(path, HandClock(), policy)
                stack.callback(outbox.close)
            elif (batch := outbox.read(Lane.BULK, 2000, 10**9)) is not None:
                assert batch.first_seq <= len(cloud) + 1
                cloud += [r for r in batch.records if r.seq > len(cloud)]
                if action == "s":  # else the answer is lost
                    outbox.acknowledge(Lane.BULK, batch.outbox_id, len(cloud))
    while (batch := outbox.read(Lane.BULK, 2000, 10**9)) is not None:
        assert batch.first_seq <= len(cloud) + 1
        cloud += [r for r in batch.records if r.seq > len(cloud)]
        assert outbox.acknowledge(Lane.BULK, batch.outbox_id, len(cloud))
    assert [r.seq for r in cloud] == list(range(1, len(cloud) + 1))
    seen = [(r.reading.device_id, r.reading.time_ns) for r in cloud if r.reading]
    assert len(set(seen)) == len(seen)
    assert outbox.lane_state(Lane.BULK).pending == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MiB that can really be full."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root may mount a small file system")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(directory)], check=False
    )
    if made.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


def eat(directory: Path) -> Path:
    """Somebody else fills the disk to the last byte."""
    hog = directory / "hog"
    with hog.open("ab", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return hog


def test_a_full_disk_stops_no_urgent_event_and_no_acknowledgement(small_disk: Path) -> None:
    policy = DiskPolicy(budget_bytes=100 * MIB, reserve_bytes=MIB)
    outbox = Outbox(small_disk / "outbox.sqlite3", HandClock(), policy)
    assert outbox.has_reserve
    n = fill(outbox, 0, 200)
    outbox.save_snapshots(n, {})
    hog = eat(small_disk)
    stored = 0
    for number in range(400):
        stored += len(outbox.commit(Group(events=[event(number)])).new_events)
        if number % 10 == 0:
            batch = outbox.read(Lane.BULK, 100, 10**9)
            assert batch is not None
            assert outbox.acknowledge(Lane.BULK, batch.outbox_id, batch.records[-1].seq)
    assert stored == 400
    n = fill(outbox, n, 50)  # bulk finds room too: what is old has thinned
    assert len([r for r in sent(outbox, Lane.URGENT) if r.event]) == 400
    hog.unlink()
    outbox.tidy()
    assert outbox.has_reserve
    outbox.close()


def test_a_disk_that_fills_again_and_again(small_disk: Path) -> None:
    """Whoever fills the disk takes the reserve too, as soon as it is free."""
    policy = DiskPolicy(budget_bytes=100 * MIB, reserve_bytes=MIB)
    outbox = Outbox(small_disk / "outbox.sqlite3", HandClock(), policy)
    n = fill(outbox, 0, 200)
    outbox.save_snapshots(n, {})
    for number in range(200):
        eat(small_disk)
        assert outbox.commit(Group(events=[event(number)])).new_events
    assert len(sent(outbox, Lane.URGENT)) == 200
    outbox.close()


def damage(path: Path, offset: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
        file.write(b"\xa5" * size)


def test_a_corrupted_last_page_is_set_aside_and_the_rest_saved(path: Path) -> None:
    clock = HandClock()
    outbox = Outbox(path, clock, SMALL)
    for n in range(1, 1001, 2):
        outbox.commit(Group(signals=[reading(n), reading(n + 1)]))
        if n % 10 == 1:
            outbox.commit(Group(events=[event(n)]))
    outbox.save_snapshots(1000, {"w-1": b"state"})
    batch = outbox.read(Lane.BULK, 200, 10**9)
    assert batch is not None
    outbox.acknowledge(Lane.BULK, batch.outbox_id, 200)
    name = outbox.outbox_id
    outbox._damaged = True  # as after a power cut: not told to be clean
    outbox.close()
    damage(path, -4096, 4096)
    again = open_outbox(path, clock, SMALL)
    assert again.outbox_id == name
    (aside,) = path.parent.glob("outbox.damaged-*[0-9]")
    assert aside.stat().st_size > 4096
    records = sent(again)
    assert [r.seq for r in records] == list(range(201, 1001))
    lost = [r.rejected for r in records if r.rejected]
    assert {r.reason for r in lost} <= {"damaged_record"}
    assert len(lost) < 200
    whole = [r.reading for r in records if r.reading]
    assert all(reading(r.seq) == r.reading for r in records if r.reading)
    assert len(whole) + len(lost) == 800
    events = [r.event for r in sent(again, Lane.URGENT) if r.event]
    assert len(events) >= 90
    assert again.commit(Group(signals=[reading(5)])).bulk_seq == 1001
    again.close()


@pytest.mark.parametrize("page", range(1, 30, 3))
def test_whatever_page_is_damaged_the_gateway_starts(path: Path, page: int) -> None:
    clock = HandClock()
    outbox = Outbox(path, clock, SMALL)
    for n in range(1, 120):
        outbox.commit(Group(signals=[reading(n)], rejected=[refused()], events=[event(n)]))
    outbox._damaged = True
    outbox.close()
    damage(path, page * 4096, 4096)
    again = open_outbox(path, clock, SMALL)
    for lane in Lane:
        records = sent(again, lane)
        assert [r.seq for r in records] == list(range(records[0].seq, records[-1].seq + 1))
    assert again.commit(Group(events=[event("new")])).new_events
    again.close()


AS_BEFORE_3 = (
    "DROP TABLE record_copy; DROP TABLE chunk_copy; DROP TABLE delivery_copy;"
    "ALTER TABLE delivery RENAME COLUMN keys TO key;"
)


def test_a_file_of_version_2_is_converted(path: Path) -> None:
    clock = HandClock()
    outbox = Outbox(path, clock, SMALL)
    keys = [bytes([n]) * 16 for n in range(3)]
    for n, key in enumerate(keys):
        outbox.commit(Group(signals=[reading(n)], events=[event(n)], deliveries=[key]))
    outbox.close()
    with sqlite3.connect(path) as db:
        db.executescript(f"{AS_BEFORE_3} PRAGMA user_version = 2;")
    db.close()
    outbox = Outbox(path, clock, SMALL)
    assert outbox.deliveries() == keys
    outbox.commit(Group(deliveries=[b"d" * 16, b"e" * 16]))
    outbox.close()
    outbox = Outbox(path, clock, SMALL)
    assert outbox.deliveries() == [*keys, b"d" * 16, b"e" * 16]
    assert len(sent(outbox)) == 3
    assert [r.event for r in sent(outbox, Lane.URGENT)] == [event(n) for n in range(3)]
    outbox.close()


def test_a_file_of_version_1_is_converted(path: Path) -> None:
    from gateway.outbox import codec

    clock = HandClock()
    Outbox(path, clock, SMALL).close()
    with sqlite3.connect(path) as db:
        db.executescript(
            "DROP TABLE chunk; DROP TABLE numbering;"
            "ALTER TABLE lane ADD COLUMN base INTEGER NOT NULL DEFAULT 0;"
            "UPDATE lane SET last_seq = 7, acknowledged_through = 4, base = 2 WHERE name = 'bulk';"
            "PRAGMA user_version = 1;"
        )
        db.executescript(AS_BEFORE_3)
        for n in range(5, 8):
            body = msgspec.msgpack.encode(reading(n))
            db.execute("INSERT INTO record VALUES ('bulk', ?, ?, 'reading', ?)", (n, n, body))
        kind, body = codec.encode_one(event("a"))
        db.execute("INSERT INTO record VALUES ('urgent', 1, 1, ?, ?)", (kind, body))
        db.execute("UPDATE lane SET last_seq = 1 WHERE name = 'urgent'")
    db.close()
    outbox = Outbox(path, clock, SMALL)
    assert [(r.seq, r.reading) for r in sent(outbox)] == [(n - 2, reading(n)) for n in (5, 6, 7)]
    assert [r.event for r in sent(outbox, Lane.URGENT)] == [event("a")]
    outbox.close()


@pytest.mark.parametrize("hours", [-1, 1])
def test_steps_of_the_clock_change_no_order(path: Path, hours: int) -> None:
    clock = HandClock()
    for boot in range(4):
        outbox = Outbox(path, clock, SMALL)
        outbox.commit(Group(signals=[reading(boot)], events=[event(boot)]))
        clock.advance(hours * 3600)
        outbox.commit(Group(signals=[reading(100 + boot)]))
        outbox.close()
        clock.advance(-hours * 1800)
    outbox = Outbox(path, clock, SMALL)
    assert [r.seq for r in sent(outbox)] == list(range(1, 9))
    assert [r.seq for r in sent(outbox, Lane.URGENT)] == [1, 2, 3, 4]
    outbox.close()
