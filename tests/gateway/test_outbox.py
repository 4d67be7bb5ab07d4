"""The outbox: numbers without gaps, nothing lost by a kill, nothing twice, no lane waits."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.signals import Signal, Waveform
from edge.wire import Lane, Record, waveform_from_record
from gateway.opening import open_outbox
from gateway.outbox import Group, Outbox, OutboxDamagedError, OutboxError
from gateway.outbox.groups import MAX_DELIVERIES
from tests.gateway.makers import T0_NS, HandClock, S, block, event, reading, refused
from tests.support.processes import REPOSITORY, wait_until


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


@pytest.fixture
def outbox(path: Path, clock: HandClock) -> Iterator[Outbox]:
    outbox = Outbox(path, clock)
    yield outbox
    outbox.close()


def read(outbox: Outbox, lane: Lane, n: int = 1000, size: int = 10**9) -> list[Record]:
    batch = outbox.read(lane, n, size)
    return batch.records if batch else []


def replayed(outbox: Outbox, after: int, through: int = 10**9) -> list[Signal]:
    return [signal for _, chunk in outbox.replay(after, through) for signal in chunk]


def one_by_one(outbox: Outbox, first: int, last: int) -> None:
    """A chunk for each, so that each can go by itself."""
    for n in range(first, last + 1):
        outbox.commit(Group(signals=[reading(n)]))


def rows(path: Path) -> int:
    """Records held, of both lanes."""
    with sqlite3.connect(path) as db:
        ((n,),) = db.execute(
            "SELECT (SELECT count(*) FROM record) + "
            "(SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM chunk)"
        ).fetchall()
    db.close()
    return int(n)


def test_what_goes_in_comes_out_the_same(outbox: Outbox, clock: HandClock) -> None:
    fall, wave = event("a"), block(3)
    outbox.commit(Group(signals=[reading(1), wave], rejected=[refused()], events=[fall]))
    one, two, three = read(outbox, Lane.BULK)
    assert one == Record(1, T0_NS, reading=reading(1))
    assert two.waveform is not None
    assert (two.seq, two.waveform.sequence_number, two.waveform.origin) == (2, 3, "simulated")
    assert (waveform_from_record(two.waveform).counts == wave.counts).all()
    assert three == Record(3, T0_NS, rejected=refused())
    assert read(outbox, Lane.URGENT) == [Record(1, T0_NS, event=fall)]


def test_limits_of_a_batch(outbox: Outbox) -> None:
    outbox.commit(Group(signals=[block(n) for n in range(10)]))
    assert [r.seq for r in read(outbox, Lane.BULK, n=4)] == [1, 2, 3, 4]
    # A block is about 500 bytes here; at least one always goes.
    assert [r.seq for r in read(outbox, Lane.BULK, size=1)] == [1]
    assert len(read(outbox, Lane.BULK, size=1500)) in {2, 3}


def test_an_empty_lane_gives_nothing(outbox: Outbox) -> None:
    assert outbox.read(Lane.URGENT, 10, 10) is None
    assert outbox.lane_state(Lane.BULK).oldest_stored_ns is None


def test_a_repeated_event_changes_nothing_even_after_it_was_pruned(outbox: Outbox) -> None:
    assert outbox.commit(Group(events=[event("a"), event("a")])).new_events == (event("a"),)
    outbox.acknowledge(Lane.URGENT, outbox.outbox_id, 1)
    assert outbox.commit(Group(events=[event("a"), event("b")])).new_events == (event("b"),)
    assert [r.seq for r in read(outbox, Lane.URGENT)] == [2]


def test_bulk_is_kept_until_the_cloud_and_the_snapshots_have_it(outbox: Outbox, path: Path) -> None:
    one_by_one(outbox, 1, 10)
    outbox.acknowledge(Lane.BULK, outbox.outbox_id, 8)
    assert rows(path) == 10
    outbox.save_snapshots(5, {"w-1": b"state"})
    assert rows(path) == 5
    assert replayed(outbox, 5) == [reading(n) for n in range(6, 11)]
    assert replayed(outbox, 5, 7) == [reading(6), reading(7)]
    outbox.save_snapshots(10, {})
    assert rows(path) == 2
    assert [r.seq for r in read(outbox, Lane.BULK)] == [9, 10]
    assert outbox.snapshots() == (10, {"w-1": b"state"})


def test_numbers_go_on_after_everything_was_pruned(path: Path, clock: HandClock) -> None:
    outbox = Outbox(path, clock)
    outbox.commit(Group(signals=[reading(1)], events=[event("a")]))
    outbox.save_snapshots(1, {})
    for lane in Lane:
        outbox.acknowledge(lane, outbox.outbox_id, 1)
    assert rows(path) == 0
    name = outbox.outbox_id
    outbox.close()
    again = Outbox(path, clock)
    assert again.outbox_id == name
    again.commit(Group(signals=[reading(2)], events=[event("a"), event("b")]))
    assert [r.seq for r in read(again, Lane.BULK)] == [2]
    assert [r.event for r in read(again, Lane.URGENT)] == [event("b")]
    again.close()


def test_memory_deliveries_counts_and_snapshots_survive(path: Path, clock: HandClock) -> None:
    outbox = Outbox(path, clock)
    outbox.commit(
        Group(
            device_memory={"w-1": b"m"}, deliveries=[b"1" * 16, b"2" * 16], rejected_counts={"x": 2}
        )
    )
    outbox.commit(Group(device_memory={"w-1": b"n", "w-2": b"o"}, rejected_counts={"x": 1, "y": 1}))
    outbox.save_snapshots(0, {"w-1": b"s", "w-2": b"t"})
    outbox.close()
    again = Outbox(path, clock)
    assert again.device_memory() == {"w-1": b"n", "w-2": b"o"}
    assert again.deliveries() == [b"1" * 16, b"2" * 16]
    assert again.rejected_counts() == {"x": 3, "y": 1}
    again.forget_devices(["w-1"])
    assert again.device_memory() == {"w-2": b"o"}
    assert again.snapshots() == (0, {"w-2": b"t"})
    again.save_snapshots(0, {}, dropped=["w-2"])
    assert again.snapshots() == (0, {})
    again.close()


def test_deliveries_are_bounded(outbox: Outbox, path: Path) -> None:
    keys = [f"{n:016d}".encode() for n in range(MAX_DELIVERIES + 100)]
    outbox.commit(Group(deliveries=keys))
    assert outbox.deliveries() == keys[100:]


def test_the_state_of_a_lane(outbox: Outbox, clock: HandClock) -> None:
    outbox.commit(Group(signals=[reading(1)]))
    clock.advance(5)
    outbox.commit(Group(signals=[reading(2), reading(3)]))
    outbox.acknowledge(Lane.BULK, outbox.outbox_id, 1)
    assert outbox.lane_state(Lane.BULK).pending == 2
    assert outbox.lane_state(Lane.BULK).oldest_stored_ns == T0_NS + 5 * S
    assert outbox.lane_state(Lane.URGENT).pending == 0


def test_a_cloud_that_acknowledges_what_was_never_given_is_not_believed(outbox: Outbox) -> None:
    outbox.commit(Group(signals=[reading(1)]))
    assert not outbox.acknowledge(Lane.BULK, outbox.outbox_id, 2)
    assert outbox.lane_state(Lane.BULK).pending == 1
    old_name = outbox.outbox_id
    outbox.renumber()
    assert outbox.outbox_id != old_name
    assert [r.seq for r in read(outbox, Lane.BULK)] == [1]


def test_an_answer_about_an_earlier_naming_means_nothing(outbox: Outbox) -> None:
    outbox.commit(Group(signals=[reading(n) for n in range(1, 4)]))
    old_name = outbox.outbox_id
    outbox.renumber()
    assert outbox.acknowledge(Lane.BULK, old_name, 3)
    assert outbox.lane_state(Lane.BULK).pending == 3


def test_the_cloud_wants_again_what_is_still_held(outbox: Outbox) -> None:
    outbox.commit(Group(signals=[reading(n) for n in range(1, 11)]))
    outbox.acknowledge(Lane.BULK, outbox.outbox_id, 10)
    name = outbox.outbox_id
    assert outbox.rewind(Lane.BULK, name, 4) == 0
    assert [r.seq for r in read(outbox, Lane.BULK)] == list(range(4, 11))
    assert outbox.outbox_id == name


def test_the_cloud_wants_what_is_gone_the_rest_is_counted_anew(outbox: Outbox) -> None:
    one_by_one(outbox, 1, 10)
    outbox.commit(Group(events=[event("a")]))
    outbox.save_snapshots(6, {})
    outbox.acknowledge(Lane.BULK, outbox.outbox_id, 8)
    name = outbox.outbox_id
    assert outbox.rewind(Lane.BULK, name, 3) == 4  # 3, 4, 5, 6 are gone
    assert outbox.outbox_id != name
    records = read(outbox, Lane.BULK)
    assert [r.seq for r in records] == [1, 2, 3, 4]
    assert [r.reading for r in records] == [reading(n) for n in (7, 8, 9, 10)]
    assert [r.seq for r in read(outbox, Lane.URGENT)] == [1]
    assert outbox.acknowledge(Lane.BULK, outbox.outbox_id, 4)
    outbox.commit(Group(signals=[reading(11)]))
    assert [r.seq for r in read(outbox, Lane.BULK)] == [5]
    assert replayed(outbox, 6) == [reading(n) for n in (7, 8, 9, 10, 11)]


def test_newer_files_foreign_files_and_damaged_files(path: Path, clock: HandClock) -> None:
    Outbox(path, clock).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 4")
    db.close()
    with pytest.raises(OutboxError, match=r"newer software \(version 4, this one knows 3\)"):
        Outbox(path, clock)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 3")
        db.execute("PRAGMA application_id = 7")
    db.close()
    with pytest.raises(OutboxError, match="not an outbox"):
        Outbox(path, clock)
    path.write_bytes(b"no database at all, but long enough to look at " * 50)
    with pytest.raises(OutboxDamagedError, match="damaged"):
        Outbox(path, clock)
    outbox = open_outbox(path, clock)
    outbox.commit(Group(signals=[reading(1)]))
    outbox.close()
    (aside,) = path.parent.glob("outbox.damaged-*")
    assert aside.read_bytes().startswith(b"no database")


def test_one_process_at_a_time(outbox: Outbox, path: Path, clock: HandClock) -> None:
    with pytest.raises(OutboxError, match="in use by another gateway"):
        Outbox(path, clock)


def test_a_directory_that_cannot_be_written(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "outbox.sqlite3").mkdir()
    with pytest.raises(OutboxError, match="cannot be opened"):
        Outbox(tmp_path / "outbox.sqlite3", clock)


def test_a_damaged_body_does_not_stop_its_lane(outbox: Outbox, path: Path) -> None:
    outbox.commit(Group(signals=[reading(1)]))
    outbox.commit(Group(signals=[reading(2)]))
    outbox.commit(Group(signals=[block(3)]))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE chunk SET body = substr(body, 1, length(body) - 2) WHERE last_seq = 2")
    db.close()
    one, two, three = read(outbox, Lane.BULK)
    assert one.reading == reading(1)
    assert two.rejected is not None
    assert two.rejected.reason == "damaged_record"
    assert three.waveform is not None
    assert [type(s) for s in replayed(outbox, 0)] == [type(reading(1)), Waveform]


def test_a_failed_commit_stores_nothing(outbox: Outbox, path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON device_memory "
            "BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
        group = Group(signals=[reading(1)], events=[event("a")], device_memory={"w-1": b"x"})
        with pytest.raises(sqlite3.Error, match="disk is full"):
            outbox.commit(group)
        assert read(outbox, Lane.BULK) == read(outbox, Lane.URGENT) == []
        db.execute("DROP TRIGGER full_disk")
    db.close()
    assert outbox.commit(group).new_events == (event("a"),)
    assert [r.seq for r in read(outbox, Lane.BULK)] == [1]


WRITER = """
import sys
from pathlib import Path
from gateway.clock import SystemClock
from gateway.outbox import Group, Outbox
from tests.gateway.makers import event, reading
outbox = Outbox(Path(sys.argv[1]), SystemClock())
n = int(sys.argv[2])
while True:
    n += 1
    outbox.commit(Group(signals=[reading(n), reading(n)], events=[event(n)],
                        device_memory={"w-1": str(n).encode()}))
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""


def test_kill_9_of_a_writer_loses_nothing_that_it_said_was_stored(
    path: Path, clock: HandClock
) -> None:
    said = 0
    for round_ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path),
             str(said)],
            stdout=subprocess.PIPE, cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": "."},
        )  # fmt: skip
        assert writer.stdout is not None
        first = int(writer.stdout.readline())
        assert first == said + 1
        time.sleep(0.05 * (round_ + 1))
        os.kill(writer.pid, signal.SIGKILL)
        lines = writer.stdout.read().split()
        writer.stdout.close()
        writer.wait()
        said = int(lines[-1]) if lines else first
        outbox = Outbox(path, clock)
        last = outbox.last_seq(Lane.URGENT)
        # At most the one group that was committed but not told yet.
        assert last in {said, said + 1}
        assert outbox.last_seq(Lane.BULK) == 2 * last
        assert [r.seq for r in read(outbox, Lane.URGENT, 10**6)] == list(range(1, last + 1))
        assert [r.seq for r in read(outbox, Lane.BULK, 10**6)] == list(range(1, 2 * last + 1))
        assert outbox.device_memory() == {"w-1": str(last).encode()}
        said = last
        outbox.close()
    assert said > 8


def test_a_status_is_read_beside_the_writer(outbox: Outbox, path: Path) -> None:
    from gateway.outbox.status import read_status

    outbox.commit(Group(signals=[reading(1)], rejected_counts={"truncated": 4}))
    outbox.acknowledge(Lane.BULK, outbox.outbox_id, 1)
    outbox.commit(Group(signals=[reading(2)]))
    status = read_status(path)
    assert status.lanes[Lane.BULK].pending == 1
    assert status.acknowledged_through[Lane.BULK] == 1
    assert status.rejected == {"truncated": 4}
    with pytest.raises(OutboxError, match="no outbox at"):
        read_status(path.with_name("other.sqlite3"))


def test_readers_of_one_lane_do_not_wait_for_the_other(outbox: Outbox) -> None:
    """A long read of bulk holds only its own reader."""
    outbox.commit(Group(signals=[reading(1)], events=[event("a")]))
    with outbox._reading(Lane.BULK):
        began_s = time.monotonic()
        assert len(read(outbox, Lane.URGENT)) == 1
        outbox.commit(Group(events=[event("b")]))
        assert time.monotonic() - began_s < 1.0
    wait_until(lambda: len(read(outbox, Lane.URGENT)) == 2, "both are there")
