"""The outbox itself: one SQLite file, two lanes, numbers without gaps."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from edge.events import UNHURRIED_KINDS, Event
from edge.signals import Signal
from edge.wire import Lane, LaneState, Record
from gateway.clock import Clock
from gateway.outbox import chunks, codec, lanes, numbering
from gateway.outbox.groups import Committed, Group, StoredBatch
from gateway.outbox.lock import take_lock
from gateway.outbox.room import (
    DiskPolicy,
    Reserve,
    free_bytes,
    is_full,
    reserve_of,
    used_and_free_inside,
)
from gateway.outbox.schema import OutboxError, connect, is_damage, prepare

# Steps of thinning that a full disk may cost before the next try to commit.
_ROOM_STEPS: Final = 20
# Ids of events whose frames the snapshots include cannot be emitted again by a replay. They are
# kept on all the same, for a detector that names the same fall again from later frames.
_KEPT_EVENT_IDS: Final = 10_000
_REJECTED: Final = "rejected/"
# SQLite's own figures.
_PAGE_BYTES: Final = 4096
_MIN_LOG_PAGES: Final = 1000

Result = TypeVar("Result")


class Outbox:
    """Safe to use from several threads; one process at a time (a lock file sees to it).

    Numbers inside never change while a record may be on its way; numbers on the wire are counted
    without gaps (gateway/outbox/numbering.py), from 1 again under a new `outbox_id` only when the
    cloud has lost what we no longer hold (see `renumber`).
    """

    def __init__(self, path: Path, clock: Clock, policy: DiskPolicy | None = None) -> None:
        """Open or create. Raises OutboxError saying what to do."""
        self._clock = clock
        self._path = path
        self._policy = policy or DiskPolicy()
        self._damaged = False
        self._lock_file = take_lock(path)
        self._reserve = Reserve(reserve_of(path), self._policy.reserve_bytes)
        try:
            self._writer = connect(path)
        except sqlite3.OperationalError as error:
            self._lock_file.close()
            raise OutboxError(f"{path} cannot be opened: {error}") from error
        try:
            prepare(self._writer, path)
        except OutboxError:
            self._writer.close()
            self._lock_file.close()
            raise
        # SQLite would write its log back within a commit, and an event would wait for that;
        # `write_back` does it beside the commits (benchmarks/README.md).
        pages = max(_MIN_LOG_PAGES, self._policy.reserve_bytes // _PAGE_BYTES)
        self._writer.execute(f"PRAGMA wal_autocheckpoint = {pages}")
        self._log_keeper = connect(path)
        self._write_lock = threading.Lock()
        # A lane has its own reader, so that urgent never waits for a long read of bulk.
        self._readers = MappingProxyType(
            {lane: (threading.Lock(), connect(path, read_only=True)) for lane in Lane}
        )
        self._reserve.hold()

    def close(self) -> None:
        """Close the file; after a kill instead, the next start looks at every page."""
        for lock, connection in self._readers.values():
            with lock:
                connection.close()
        self._log_keeper.close()
        with self._write_lock:
            if not self._damaged:
                with suppress(sqlite3.Error):
                    self._writer.execute("UPDATE meta SET value = '1' WHERE key = 'clean'")
            self._writer.close()
        self._lock_file.close()

    # -- taking in ---------------------------------------------------------------------------

    def commit(self, group: Group) -> Committed:
        """Store a group with one fsync. Raises sqlite3.Error, and then nothing is stored."""
        return self._with_room(lambda: self._commit(group))

    def _commit(self, group: Group) -> Committed:
        if group.is_empty:
            return Committed((), self.last_seq(Lane.BULK))
        now_ns = self._clock.now_ns()
        bodies = [codec.body_of(item) for item in (*group.signals, *group.rejected, *group.gaps)]
        with self._transaction(durable=True) as db:
            last_seq = lanes.lane_row(db, Lane.BULK).last_seq + len(bodies)
            new_events = tuple(
                event
                for event in group.events
                if db.execute(
                    "INSERT OR IGNORE INTO event_id VALUES (?, ?)", (event.event_id, last_seq)
                ).rowcount
            )
            bodies += [event for event in new_events if event.kind in UNHURRIED_KINDS]
            parts = [
                (len(part), codec.encode_bodies(part, now_ns))
                for start in range(0, len(bodies), chunks.MAX_CHUNK_RECORDS)
                if (part := bodies[start : start + chunks.MAX_CHUNK_RECORDS])
            ]
            bulk_seq = lanes.append_bulk(db, parts, now_ns)
            hurried = [event for event in new_events if event.kind not in UNHURRIED_KINDS]
            urgent = [codec.encode_one(event) for event in hurried]
            urgent += [codec.encode_one(action) for action in group.actions]
            lanes.append_urgent(db, urgent, now_ns)
            db.executemany(
                "INSERT OR REPLACE INTO device_memory VALUES (?, ?)", group.device_memory.items()
            )
            lanes.store_deliveries(db, group.deliveries)
            db.executemany(
                "INSERT INTO count VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET n = n + excluded.n",
                [(_REJECTED + reason, n) for reason, n in group.rejected_counts.items()],
            )
        return Committed(new_events, bulk_seq)

    def forget_devices(self, device_ids: Collection[str]) -> None:
        """Drop memory and snapshots of devices that are nobody's any more."""
        with self._transaction(durable=False) as db:
            for table in ("device_memory", "engine_snapshot"):
                db.executemany(
                    f"DELETE FROM {table} WHERE device_id = ?",  # noqa: S608  # our own names
                    [(device_id,) for device_id in device_ids],
                )

    # -- sending on --------------------------------------------------------------------------

    def read(self, lane: Lane, max_records: int, max_bytes: int) -> StoredBatch | None:
        """The next records that are not acknowledged; None when there are none.

        At least one, then as many as both limits allow; bytes are those of the stored bodies.
        """
        with self._reading(lane) as db:
            through = lanes.lane_row(db, lane).acknowledged_through
            outbox_id = lanes.meta(db, "outbox_id")
            wire = numbering.load(db, lane).wire_of(through)
            records: list[Record] = []
            size_bytes = 0
            for n_bytes, decode in lanes.stored_after(db, lane, through, max_records):
                size_bytes += n_bytes
                if records and (size_bytes > max_bytes or len(records) >= max_records):
                    break
                records.append(decode(wire + len(records) + 1))
        return StoredBatch(outbox_id, lane, records) if records else None

    def acknowledge(self, lane: Lane, outbox_id: str, through: int) -> bool:
        """Everything up to wire number `through` is the cloud's now; prunes what nobody needs.

        False, and nothing changed, when the cloud speaks of numbers that were never given.
        An answer about an earlier naming of the records is too late to mean anything.
        """
        return self._with_room(lambda: self._acknowledge(lane, outbox_id, through))

    def _acknowledge(self, lane: Lane, outbox_id: str, through: int) -> bool:
        with self._transaction(durable=False) as db:
            if outbox_id != lanes.meta(db, "outbox_id"):
                return True
            row = lanes.lane_row(db, lane)
            names = numbering.load(db, lane)
            if through > names.wire_of(row.last_seq):
                return False
            seq = names.seq_of(through)
            if seq > row.acknowledged_through:
                lanes.set_acknowledged(db, lane, seq)
                lanes.prune(db)
        return True

    def rewind(self, lane: Lane, outbox_id: str, expected: int) -> int:
        """The cloud wants wire number `expected` again. Returns how many records it wants that
        are no longer held here; when there are any, what is held was named and numbered anew.
        """
        with self._transaction(durable=True) as db:
            if outbox_id != lanes.meta(db, "outbox_id"):
                return 0
            row = lanes.lane_row(db, lane)
            names = numbering.load(db, lane)
            lowest = lanes.lowest_seq(db, lane)
            oldest_held = (
                names.wire_of(row.last_seq) + 1 if lowest is None else names.wire_of(lowest)
            )
            from_wire = max(expected, oldest_held)
            lanes.set_acknowledged(db, lane, names.seq_of(from_wire - 1))
            missing = max(0, oldest_held - expected)
            if missing:
                lanes.renumber(db)
        return missing

    def renumber(self) -> None:
        """Name the outbox anew and count what is not acknowledged from 1 again."""
        with self._transaction(durable=True) as db:
            lanes.renumber(db)

    def lane_state(self, lane: Lane) -> LaneState:
        """How much waits in a lane, and since when."""
        with self._reading(lane) as db:
            return lanes.lane_state(db, lane)

    def note_alive(self, now_ns: int) -> None:
        """We listened until now; after a kill, silence counts from here."""
        with self._transaction(durable=False) as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('alive_ns', ?)", (str(now_ns),))

    def alive_ns(self) -> int | None:
        """Until when we listened the last time; None in a new outbox."""
        with self._reading(Lane.BULK) as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'alive_ns'").fetchone()
        return None if row is None else int(row[0])

    # -- the engine's log --------------------------------------------------------------------

    def save_snapshots(
        self, bulk_seq: int, snapshots: Mapping[str, bytes], dropped: Collection[str] = ()
    ) -> None:
        """Snapshots of the streams that moved; all streams now include everything <= bulk_seq.

        `dropped` streams began anew: what was saved of them before is void.
        """
        self._with_room(lambda: self._save_snapshots(bulk_seq, snapshots, dropped))

    def _save_snapshots(
        self, bulk_seq: int, snapshots: Mapping[str, bytes], dropped: Collection[str]
    ) -> None:
        with self._transaction(durable=False) as db:
            db.executemany(
                "DELETE FROM engine_snapshot WHERE device_id = ?", [(name,) for name in dropped]
            )
            db.executemany(
                "INSERT OR REPLACE INTO engine_snapshot VALUES (?, ?)", snapshots.items()
            )
            db.execute("UPDATE meta SET value = ? WHERE key = 'snapshot_seq'", (str(bulk_seq),))
            db.execute(
                "DELETE FROM event_id WHERE bulk_seq <= ? "
                "AND rowid <= (SELECT max(rowid) FROM event_id) - ?",
                (bulk_seq, _KEPT_EVENT_IDS),
            )
            lanes.prune(db)

    def snapshots(self) -> tuple[int, dict[str, bytes]]:
        """(bulk number they include, device id -> snapshot)."""
        with self._reading(Lane.BULK) as db:
            rows = db.execute("SELECT device_id, snapshot FROM engine_snapshot").fetchall()
            return int(lanes.meta(db, "snapshot_seq")), dict(rows)

    def replay(self, after_seq: int, through_seq: int) -> Iterator[tuple[int, list[Signal]]]:
        """The signals of bulk numbers in (after_seq, through_seq], in order, in chunks.

        Each chunk with the last number it includes.
        """
        while after_seq < through_seq:
            with self._reading(Lane.BULK) as db:
                chunk = next(chunks.after(db, after_seq), None)
            if chunk is None or chunk.first_seq > through_seq:
                return
            bodies = chunk.bodies(after_seq)[: through_seq - max(after_seq, chunk.first_seq - 1)]
            after_seq = min(chunk.last_seq, through_seq)
            signals = [codec.signal_of(body) for body in bodies]
            yield after_seq, [signal for signal in signals if signal is not None]

    def write_back(self) -> None:
        """Bring the log into the file, as far as that goes without holding up a commit."""
        self._log_keeper.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    # -- room on the disk --------------------------------------------------------------------

    def tidy(self) -> bool:
        """One step towards the budget: thin, or join small chunks. Whether there is more to do."""
        self._reserve.hold()
        with self._transaction(durable=True) as db:
            used, free_inside = used_and_free_inside(db)
            room = free_bytes(self._path.parent) + free_inside
            if used > self._policy.budget_bytes or room < self._policy.reserve_bytes:
                return self._thin(db)
            snapshot_seq = int(lanes.meta(db, "snapshot_seq"))
            return chunks.join_small(db, lanes.untouchable(db), snapshot_seq)

    def _with_room(self, work: Callable[[], Result]) -> Result:
        """`work`, and once more after room was made when the disk was full."""
        try:
            return work()
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            self._make_room()
        return work()

    def _make_room(self) -> None:
        """On a full disk: give up the reserve, write the log back, thin what is old."""
        self._reserve.give_up()
        with suppress(sqlite3.Error):
            for _ in range(_ROOM_STEPS):
                with self._write_lock:
                    self._writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
                with self._transaction(durable=True) as db:
                    _, free_inside = used_and_free_inside(db)
                    if free_inside >= self._policy.reserve_bytes:
                        return
                    if not self._thin(db):
                        return

    def _thin(self, db: sqlite3.Connection) -> bool:
        snapshot_seq = int(lanes.meta(db, "snapshot_seq"))
        return chunks.thin_oldest(db, lanes.untouchable(db), snapshot_seq)

    @property
    def has_reserve(self) -> bool:
        """Whether the room for an emergency is there."""
        return self._reserve.is_held

    def used_bytes(self) -> int:
        """What the outbox takes of its budget."""
        with self._reading(Lane.BULK) as db:
            return used_and_free_inside(db)[0]

    # -- what else is asked ------------------------------------------------------------------

    @property
    def outbox_id(self) -> str:
        """The name under which the records are numbered on the wire."""
        with self._reading(Lane.URGENT) as db:
            return lanes.meta(db, "outbox_id")

    def last_seq(self, lane: Lane) -> int:
        """The last number given in a lane (inside, not on the wire)."""
        with self._reading(lane) as db:
            return lanes.lane_row(db, lane).last_seq

    def acknowledged_seq(self, lane: Lane) -> int:
        """The last number of a lane that the cloud has (inside, not on the wire)."""
        with self._reading(lane) as db:
            return lanes.lane_row(db, lane).acknowledged_through

    def urgent_waiting(self, after_seq: int) -> list[tuple[int, int, Event | None]]:
        """(number inside, stored_ns, event) of what the cloud lacks above a number; see `lanes`."""
        with self._reading(Lane.URGENT) as db:
            return lanes.urgent_waiting(db, after_seq)

    def device_memory(self) -> dict[str, bytes]:
        """Rows for Plausibility."""
        with self._reading(Lane.BULK) as db:
            return dict(db.execute("SELECT device_id, state FROM device_memory").fetchall())

    def deliveries(self) -> list[bytes]:
        """Keys for RecentDeliveries, oldest first."""
        with self._reading(Lane.BULK) as db:
            return lanes.deliveries(db)

    def rejected_counts(self) -> dict[str, int]:
        """Refused frames by reason, since the outbox was made."""
        with self._reading(Lane.URGENT) as db:
            rows = db.execute("SELECT name, n FROM count WHERE name GLOB ?", (_REJECTED + "*",))
            return {name.removeprefix(_REJECTED): n for name, n in rows}

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """One write transaction; `durable` ones are on the disk itself when it ends."""
        with self._write_lock, self._watching():
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self, lane: Lane) -> Iterator[sqlite3.Connection]:
        """One read transaction: everything seen in it belongs together."""
        lock, connection = self._readers[lane]
        with lock, self._watching():
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Remembers damage, so that the next start looks at every page."""
        try:
            yield
        except sqlite3.Error as error:
            self._damaged = self._damaged or is_damage(error)
            raise
