"""The outbox itself: one SQLite file, two lanes, numbers without gaps."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edge.signals import Signal
from edge.wire import Lane, LaneState, Record
from gateway.clock import Clock
from gateway.outbox import codec
from gateway.outbox.groups import MAX_DELIVERIES, Committed, Group, StoredBatch
from gateway.outbox.schema import OutboxError, connect, prepare

# Larger than any batch the uplink sends, so that pruning keeps up with acknowledging; small
# enough that the write lock is held for milliseconds.
_PRUNE_CHUNK: Final = 10_000
_REPLAY_CHUNK: Final = 500
# Ids of events whose frames the snapshots include cannot be emitted again by a replay. They are
# kept on all the same, for a detector that names the same fall again from later frames.
_KEPT_EVENT_IDS: Final = 10_000
_REJECTED: Final = "rejected/"


@dataclass(frozen=True, slots=True)
class _LaneRow:
    last_seq: int
    acknowledged_through: int
    base: int


class Outbox:
    """Safe to use from several threads; one process at a time (a lock file sees to it).

    Numbers inside never change. On the wire they are counted from `base`, which moves, together
    with a new `outbox_id`, only when the cloud has lost what we no longer hold (see `renumber`).
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open or create. Raises OutboxError saying what to do."""
        self._clock = clock
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock_file = path.with_name(path.name + ".lock").open("a")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._writer = connect(path)
        except BlockingIOError:
            self._lock_file.close()
            raise OutboxError(f"{path} is in use by another gateway process") from None
        except sqlite3.OperationalError as error:
            self._lock_file.close()
            raise OutboxError(f"{path} cannot be opened: {error}") from error
        try:
            prepare(self._writer, path)
        except OutboxError:
            self._writer.close()
            self._lock_file.close()
            raise
        self._write_lock = threading.Lock()
        # A lane has its own reader, so that urgent never waits for a long read of bulk.
        self._readers = MappingProxyType(
            {lane: (threading.Lock(), connect(path, read_only=True)) for lane in Lane}
        )

    def close(self) -> None:
        """Close the file; a kill does no harm either."""
        for lock, connection in self._readers.values():
            with lock:
                connection.close()
        with self._write_lock:
            self._writer.close()
        self._lock_file.close()

    # -- taking in ---------------------------------------------------------------------------

    def commit(self, group: Group) -> Committed:
        """Store a group with one fsync. Raises sqlite3.Error, and then nothing is stored."""
        if group.is_empty:
            return Committed((), self.last_seq(Lane.BULK))
        with self._transaction(durable=True) as db:
            now_ns = self._clock.now_ns()
            bodies = [codec.encode_signal(signal) for signal in group.signals]
            bodies += [codec.encode_rejected(frame) for frame in group.rejected]
            bulk_seq = _append(db, Lane.BULK, bodies, now_ns)
            new_events = tuple(
                event
                for event in group.events
                if db.execute(
                    "INSERT OR IGNORE INTO event_id VALUES (?, ?)", (event.event_id, bulk_seq)
                ).rowcount
            )
            _append(db, Lane.URGENT, [codec.encode_event(event) for event in new_events], now_ns)
            db.executemany(
                "INSERT OR REPLACE INTO device_memory VALUES (?, ?)", group.device_memory.items()
            )
            _store_deliveries(db, group.deliveries)
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
            row = _lane_row(db, lane)
            outbox_id = _meta(db, "outbox_id")
            cursor = db.execute(
                "SELECT seq, stored_ns, kind, body FROM record "
                "WHERE lane = ? AND seq > ? ORDER BY seq LIMIT ?",
                (lane.value, row.acknowledged_through, max_records),
            )
            records: list[Record] = []
            size_bytes = 0
            for seq, stored_ns, kind, body in cursor:
                size_bytes += len(body)
                if records and size_bytes > max_bytes:
                    break
                records.append(codec.decode_record(seq - row.base, stored_ns, kind, body))
        return StoredBatch(outbox_id, lane, records) if records else None

    def acknowledge(self, lane: Lane, outbox_id: str, through: int) -> bool:
        """Everything up to wire number `through` is the cloud's now; prunes what nobody needs.

        False, and nothing changed, when the cloud speaks of numbers that were never given.
        An answer about an earlier naming of the records is too late to mean anything.
        """
        with self._transaction(durable=False) as db:
            if outbox_id != _meta(db, "outbox_id"):
                return True
            row = _lane_row(db, lane)
            seq = through + row.base
            if seq > row.last_seq:
                return False
            if seq > row.acknowledged_through:
                _set_acknowledged(db, lane, seq)
                _prune(db)
        return True

    def rewind(self, lane: Lane, outbox_id: str, expected: int) -> int:
        """The cloud wants wire number `expected` again. Returns how many records it wants that
        are no longer held here; when there are any, what is held was named and numbered anew.
        """
        with self._transaction(durable=True) as db:
            if outbox_id != _meta(db, "outbox_id"):
                return 0
            row = _lane_row(db, lane)
            (lowest,) = db.execute(
                "SELECT min(seq) FROM record WHERE lane = ?", (lane.value,)
            ).fetchone()
            oldest_held = row.last_seq + 1 if lowest is None else lowest
            wanted = expected + row.base
            _set_acknowledged(db, lane, max(wanted, oldest_held) - 1)
            missing = max(0, oldest_held - wanted)
            if missing:
                _renumber(db)
        return missing

    def renumber(self) -> None:
        """Name the outbox anew and count what is not acknowledged from 1 again."""
        with self._transaction(durable=True) as db:
            _renumber(db)

    def lane_state(self, lane: Lane) -> LaneState:
        """How much waits in a lane, and since when."""
        with self._reading(lane) as db:
            row = _lane_row(db, lane)
            oldest = db.execute(
                "SELECT stored_ns FROM record WHERE lane = ? AND seq > ? ORDER BY seq LIMIT 1",
                (lane.value, row.acknowledged_through),
            ).fetchone()
        return LaneState(row.last_seq - row.acknowledged_through, oldest[0] if oldest else None)

    # -- the engine's log --------------------------------------------------------------------

    def save_snapshots(
        self, bulk_seq: int, snapshots: Mapping[str, bytes], dropped: Collection[str] = ()
    ) -> None:
        """Snapshots of the streams that moved; all streams now include everything <= bulk_seq.

        `dropped` streams began anew: what was saved of them before is void.
        """
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
            _prune(db)

    def snapshots(self) -> tuple[int, dict[str, bytes]]:
        """(bulk number they include, device id -> snapshot)."""
        with self._reading(Lane.BULK) as db:
            rows = db.execute("SELECT device_id, snapshot FROM engine_snapshot").fetchall()
            return int(_meta(db, "snapshot_seq")), dict(rows)

    def replay(self, after_seq: int, through_seq: int) -> Iterator[tuple[int, list[Signal]]]:
        """The signals of bulk numbers in (after_seq, through_seq], in order, in chunks.

        Each chunk with the last number it includes.
        """
        while True:
            with self._reading(Lane.BULK) as db:
                rows = db.execute(
                    "SELECT seq, kind, body FROM record "
                    "WHERE lane = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                    (Lane.BULK.value, after_seq, through_seq, _REPLAY_CHUNK),
                ).fetchall()
            if not rows:
                return
            after_seq = rows[-1][0]
            decoded = (
                codec.decode_signal(kind, body)
                for _, kind, body in rows
                if kind in codec.SIGNAL_KINDS
            )
            yield after_seq, [signal for signal in decoded if signal is not None]

    # -- what else is asked ------------------------------------------------------------------

    @property
    def outbox_id(self) -> str:
        """The name under which the records are numbered on the wire."""
        with self._reading(Lane.URGENT) as db:
            return _meta(db, "outbox_id")

    def last_seq(self, lane: Lane) -> int:
        """The last number given in a lane (inside, not on the wire)."""
        with self._reading(lane) as db:
            return _lane_row(db, lane).last_seq

    def device_memory(self) -> dict[str, bytes]:
        """Rows for Plausibility."""
        with self._reading(Lane.BULK) as db:
            return dict(db.execute("SELECT device_id, state FROM device_memory").fetchall())

    def deliveries(self) -> list[bytes]:
        """Keys for RecentDeliveries, oldest first."""
        with self._reading(Lane.BULK) as db:
            return [key for (key,) in db.execute("SELECT key FROM delivery ORDER BY id")]

    def rejected_counts(self) -> dict[str, int]:
        """Refused frames by reason, since the outbox was made."""
        with self._reading(Lane.URGENT) as db:
            rows = db.execute("SELECT name, n FROM count WHERE name GLOB ?", (_REJECTED + "*",))
            return {name.removeprefix(_REJECTED): n for name, n in rows}

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """One write transaction; `durable` ones are on the disk itself when it ends."""
        with self._write_lock:
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
        with lock:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")


def _meta(db: sqlite3.Connection, key: str) -> str:
    (value,) = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(value)


def _lane_row(db: sqlite3.Connection, lane: Lane) -> _LaneRow:
    return _LaneRow(
        *db.execute(
            "SELECT last_seq, acknowledged_through, base FROM lane WHERE name = ?", (lane.value,)
        ).fetchone()
    )


def _append(
    db: sqlite3.Connection, lane: Lane, bodies: Sequence[tuple[str, bytes]], now_ns: int
) -> int:
    """Number and insert; the lane's last number."""
    last_seq = _lane_row(db, lane).last_seq
    if bodies:
        db.executemany(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?)",
            [
                (lane.value, last_seq + 1 + index, now_ns, kind, body)
                for index, (kind, body) in enumerate(bodies)
            ],
        )
        last_seq += len(bodies)
        db.execute("UPDATE lane SET last_seq = ? WHERE name = ?", (last_seq, lane.value))
    return last_seq


def _store_deliveries(db: sqlite3.Connection, keys: Sequence[bytes]) -> None:
    if keys:
        db.executemany("INSERT INTO delivery (key) VALUES (?)", [(key,) for key in keys])
        db.execute(
            "DELETE FROM delivery WHERE id <= (SELECT max(id) FROM delivery) - ?",
            (MAX_DELIVERIES,),
        )


def _set_acknowledged(db: sqlite3.Connection, lane: Lane, seq: int) -> None:
    db.execute("UPDATE lane SET acknowledged_through = ? WHERE name = ?", (seq, lane.value))


def _renumber(db: sqlite3.Connection) -> None:
    db.execute("UPDATE lane SET base = acknowledged_through")
    db.execute("UPDATE meta SET value = ? WHERE key = 'outbox_id'", (str(uuid.uuid4()),))


def _prune(db: sqlite3.Connection) -> None:
    """Delete what the cloud has and, in bulk, what the snapshots include too: at most a chunk."""
    snapshot_seq = int(_meta(db, "snapshot_seq"))
    for lane, needed_after in ((Lane.URGENT, None), (Lane.BULK, snapshot_seq)):
        through = _lane_row(db, lane).acknowledged_through
        if needed_after is not None:
            through = min(through, needed_after)
        (lowest,) = db.execute(
            "SELECT min(seq) FROM record WHERE lane = ?", (lane.value,)
        ).fetchone()
        if lowest is not None and lowest <= through:
            db.execute(
                "DELETE FROM record WHERE lane = ? AND seq <= ?",
                (lane.value, min(through, lowest + _PRUNE_CHUNK - 1)),
            )
