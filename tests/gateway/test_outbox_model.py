"""The outbox against a model of a few lists: any order of calls, reopening included."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.wire import Lane
from gateway.outbox import DiskPolicy, Group, Outbox
from tests.gateway.makers import HandClock, event, reading


class OutboxModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "outbox.sqlite3"
        self.clock = HandClock()
        self.outbox = Outbox(self.path, self.clock, DiskPolicy(reserve_bytes=4096))
        # All that was ever stored, by position; a number is a position + 1.
        self.stored: dict[Lane, list[Any]] = {lane: [] for lane in Lane}
        self.acknowledged = dict.fromkeys(Lane, 0)
        self.base = dict.fromkeys(Lane, 0)
        self.snapshot_seq = 0
        self.known_events: set[int] = set()
        self.names: set[str] = set()

    @initialize()
    def name(self) -> None:
        self.names.add(self.outbox.outbox_id)

    @rule(n=st.integers(0, 5), events=st.lists(st.integers(0, 12), max_size=3))
    def commit(self, n: int, events: list[int]) -> None:
        first = len(self.stored[Lane.BULK])
        signals = [reading(first + k) for k in range(n)]
        committed = self.outbox.commit(
            Group(signals=signals, events=[event(name) for name in events])
        )
        new = [name for name in dict.fromkeys(events) if name not in self.known_events]
        assert committed.new_events == tuple(event(name) for name in new)
        self.known_events.update(new)
        self.stored[Lane.BULK] += signals
        self.stored[Lane.URGENT] += [event(name) for name in new]
        assert committed.bulk_seq == len(self.stored[Lane.BULK])

    @rule(lane=st.sampled_from(Lane), limit=st.integers(1, 7))
    def read(self, lane: Lane, limit: int) -> None:
        batch = self.outbox.read(lane, limit, 10**9)
        start = self.acknowledged[lane]
        expected = self.stored[lane][start : start + limit]
        if not expected:
            assert batch is None
            return
        assert batch is not None
        assert [r.event or r.reading for r in batch.records] == expected
        first = start + 1 - self.base[lane]
        assert [r.seq for r in batch.records] == [first + k for k in range(len(expected))]

    @rule(lane=st.sampled_from(Lane), data=st.data())
    def acknowledge(self, lane: Lane, data: st.DataObject) -> None:
        wire_last = len(self.stored[lane]) - self.base[lane]
        through = data.draw(st.integers(0, wire_last + 2))
        believed = self.outbox.acknowledge(lane, self.outbox.outbox_id, through)
        assert believed == (through <= wire_last)
        if believed:
            self.acknowledged[lane] = max(self.acknowledged[lane], through + self.base[lane])

    @rule(data=st.data())
    def snapshot(self, data: st.DataObject) -> None:
        last = len(self.stored[Lane.BULK])
        self.snapshot_seq = data.draw(st.integers(self.snapshot_seq, last))
        self.outbox.save_snapshots(self.snapshot_seq, {"w-1": str(self.snapshot_seq).encode()})

    @rule()
    def renumber(self) -> None:
        self.outbox.renumber()
        self.base = dict(self.acknowledged)
        assert self.outbox.outbox_id not in self.names
        self.names.add(self.outbox.outbox_id)

    @precondition(lambda self: self.acknowledged[Lane.BULK] > self.base[Lane.BULK])
    @rule(data=st.data())
    def cloud_wants_bulk_again(self, data: st.DataObject) -> None:
        acknowledged, base = self.acknowledged[Lane.BULK], self.base[Lane.BULK]
        expected = data.draw(st.integers(1, acknowledged - base))
        missing = self.outbox.rewind(Lane.BULK, self.outbox.outbox_id, expected)
        # Which of the acknowledged ones are still held is the outbox's affair, but never fewer
        # than the snapshots need, and what is missing is missing from the front.
        wanted = expected + base
        assert 0 <= missing <= max(0, min(acknowledged, self.snapshot_seq) - wanted + 1)
        self.acknowledged[Lane.BULK] = wanted + missing - 1
        if missing:
            self.base = dict(self.acknowledged)
            self.names.add(self.outbox.outbox_id)

    @rule(gracefully=st.booleans())
    def reopen(self, gracefully: bool) -> None:
        if gracefully:
            self.outbox.close()
        else:
            # As the kernel does for a killed process: the lock goes, nothing else is said.
            self.outbox._lock_file.close()
        left = self.outbox
        self.outbox = Outbox(self.path, self.clock, DiskPolicy(reserve_bytes=4096))
        if not gracefully:
            left._writer.close()
            for _, connection in left._readers.values():
                connection.close()

    @invariant()
    def nothing_needed_is_gone(self) -> None:
        assert self.outbox.outbox_id in self.names
        for lane in Lane:
            pending = len(self.stored[lane]) - self.acknowledged[lane]
            assert self.outbox.lane_state(lane).pending == pending
        replayed = [s for _, c in self.outbox.replay(self.snapshot_seq, 10**9) for s in c]
        assert replayed == self.stored[Lane.BULK][self.snapshot_seq :]

    def teardown(self) -> None:
        self.outbox.close()
        self.directory.cleanup()


OutboxModel.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestOutboxModel = pytest.mark.timeout(120)(OutboxModel.TestCase)
