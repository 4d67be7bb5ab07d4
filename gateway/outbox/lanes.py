"""A lane's rows in the outbox's tables. All functions work inside the caller's transaction."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from edge.events import Event
from edge.wire import Lane, LaneState, Record
from gateway.outbox import chunks, codec, numbering
from gateway.outbox.groups import DELIVERY_KEY_BYTES, MAX_DELIVERIES

# More than an acknowledged batch can stand for, so that pruning keeps up; small enough that the
# write lock is held for milliseconds.
_PRUNE_CHUNKS: Final = 5_000
# The cloud takes at most this many records in a batch, so no more than these can be in the cloud
# without our knowing: their numbers are never touched.
_IN_FLIGHT: Final = 5000
# A long outage is looked at piece by piece.
_WAITING_AT_ONCE: Final = 500
_DELIVERY_TABLES: Final = ("delivery", "delivery_copy")


@dataclass(frozen=True, slots=True)
class LaneRow:
    """The numbers of a lane, inside."""

    last_seq: int
    acknowledged_through: int


def meta(db: sqlite3.Connection, key: str) -> str:
    """What is kept under a name."""
    (value,) = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(value)


def lane_row(db: sqlite3.Connection, lane: Lane) -> LaneRow:
    """The numbers of a lane."""
    return LaneRow(
        *db.execute(
            "SELECT last_seq, acknowledged_through FROM lane WHERE name = ?", (lane.value,)
        ).fetchone()
    )


def lane_state(db: sqlite3.Connection, lane: Lane) -> LaneState:
    """How much waits in a lane, and since when; inside the caller's transaction."""
    row = lane_row(db, lane)
    names = numbering.load(db, lane)
    query = (
        "SELECT stored_ns FROM chunk WHERE last_seq > ? ORDER BY last_seq LIMIT 1"
        if lane is Lane.BULK
        else "SELECT stored_ns FROM record WHERE lane = 'urgent' AND seq > ? ORDER BY seq LIMIT 1"
    )
    oldest = db.execute(query, (row.acknowledged_through,)).fetchone()
    pending = names.wire_of(row.last_seq) - names.wire_of(row.acknowledged_through)
    return LaneState(pending, oldest[0] if oldest else None)


def stored_after(
    db: sqlite3.Connection, lane: Lane, seq: int, max_records: int
) -> Iterator[tuple[int, Callable[[int], Record]]]:
    """(size, how to decode it under a wire number) of the records above `seq`, in order."""
    if lane is Lane.URGENT:
        for stored_ns, kind, body in db.execute(
            "SELECT stored_ns, kind, body FROM record WHERE lane = ? AND seq > ? "
            "ORDER BY seq LIMIT ?",
            (lane.value, seq, max_records),
        ):
            yield len(body), partial(_decode_row, stored_ns, kind, body)
        return
    for chunk in chunks.after(db, seq):
        for entry in chunk.entries(seq):
            if isinstance(entry, codec.Entry):
                yield len(bytes(entry.raw)), partial(_decode_entry, entry)
            else:
                yield 0, partial(_record_of, chunk.stored_ns, entry)


def _decode_row(stored_ns: int, kind: str, body: bytes, wire: int) -> Record:
    return codec.decode_record(wire, stored_ns, kind, body)


def _decode_entry(entry: codec.Entry, wire: int) -> Record:
    return codec.record_of(wire, entry.stored_ns, entry.decode())


def _record_of(stored_ns: int, body: codec.Body, wire: int) -> Record:
    return codec.record_of(wire, stored_ns, body)


def append_bulk(db: sqlite3.Connection, parts: Sequence[tuple[int, bytes]], now_ns: int) -> int:
    """Number and insert chunks of (records, bytes); the lane's last number."""
    last_seq = lane_row(db, Lane.BULK).last_seq
    for n, chunk in parts:
        chunks.append(db, last_seq + 1, chunk, n, now_ns)
        last_seq += n
    if parts:
        _set_last(db, Lane.BULK, last_seq)
    return last_seq


def append_urgent(db: sqlite3.Connection, bodies: Sequence[tuple[str, bytes]], now_ns: int) -> None:
    """Number and insert."""
    if not bodies:
        return
    last_seq = lane_row(db, Lane.URGENT).last_seq
    rows = [(last_seq + 1 + index, now_ns, kind, body) for index, (kind, body) in enumerate(bodies)]
    db.executemany("INSERT INTO record VALUES ('urgent', ?, ?, ?, ?)", rows)
    db.executemany("INSERT INTO record_copy VALUES (?, ?, ?, ?)", rows)
    _set_last(db, Lane.URGENT, last_seq + len(bodies))


def _set_last(db: sqlite3.Connection, lane: Lane, seq: int) -> None:
    db.execute("UPDATE lane SET last_seq = ? WHERE name = ?", (seq, lane.value))


def urgent_waiting(db: sqlite3.Connection, after_seq: int) -> list[tuple[int, int, Event | None]]:
    """(number, stored_ns, event) of urgent records that the cloud lacks above a number, in order;
    None for what is no event.
    """
    through = lane_row(db, Lane.URGENT).acknowledged_through
    rows = db.execute(
        "SELECT seq, stored_ns, kind, body FROM record "
        "WHERE lane = 'urgent' AND seq > ? ORDER BY seq LIMIT ?",
        (max(after_seq, through), _WAITING_AT_ONCE),
    )
    return [
        (seq, at, codec.decode_record(seq, at, kind, body).event) for seq, at, kind, body in rows
    ]


def store_deliveries(db: sqlite3.Connection, keys: Sequence[bytes]) -> None:
    """Remember them, and only the newest of all."""
    if not keys:
        return
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM delivery").fetchone()
    through, joined = last + len(keys), b"".join(keys)
    for table in _DELIVERY_TABLES:
        db.execute(f"INSERT INTO {table} VALUES (?, ?)", (through, joined))  # noqa: S608
        db.execute(f"DELETE FROM {table} WHERE id <= ?", (through - MAX_DELIVERIES,))  # noqa: S608


def deliveries(db: sqlite3.Connection) -> list[bytes]:
    """Their keys, oldest first; one damaged table is made up for by the other."""
    held: dict[int, bytes] = {}
    for table in _DELIVERY_TABLES:
        held |= dict(db.execute(f"SELECT id, keys FROM {table}"))  # noqa: S608
    return [
        keys[at : at + DELIVERY_KEY_BYTES]
        for _, keys in sorted(held.items())
        for at in range(0, len(keys), DELIVERY_KEY_BYTES)
    ][-MAX_DELIVERIES:]


def set_acknowledged(db: sqlite3.Connection, lane: Lane, seq: int) -> None:
    """The cloud has everything up to this number."""
    db.execute("UPDATE lane SET acknowledged_through = ? WHERE name = ?", (seq, lane.value))


def renumber(db: sqlite3.Connection) -> None:
    """Name the outbox anew and count what is not acknowledged from 1."""
    for lane in Lane:
        numbering.count_from_1(db, lane, lane_row(db, lane).acknowledged_through)
    db.execute("UPDATE meta SET value = ? WHERE key = 'outbox_id'", (str(uuid.uuid4()),))


def lowest_seq(db: sqlite3.Connection, lane: Lane) -> int | None:
    """The first record held."""
    if lane is Lane.BULK:
        return chunks.lowest_seq(db)
    (lowest,) = db.execute("SELECT min(seq) FROM record WHERE lane = ?", (lane.value,)).fetchone()
    return None if lowest is None else int(lowest)


def untouchable(db: sqlite3.Connection) -> int:
    """The last bulk number that may be in the cloud already."""
    names = numbering.load(db, Lane.BULK)
    return names.seq_of(names.wire_of(lane_row(db, Lane.BULK).acknowledged_through) + _IN_FLIGHT)


def prune(db: sqlite3.Connection) -> None:
    """Delete what the cloud has and, in bulk, what the snapshots include too."""
    urgent = lane_row(db, Lane.URGENT).acknowledged_through
    db.execute("DELETE FROM record WHERE lane = 'urgent' AND seq <= ?", (urgent,))
    db.execute("DELETE FROM record_copy WHERE seq <= ?", (urgent,))
    acknowledged = lane_row(db, Lane.BULK).acknowledged_through
    through = min(acknowledged, int(meta(db, "snapshot_seq")))
    db.execute(
        "DELETE FROM chunk WHERE last_seq IN "
        "(SELECT last_seq FROM chunk WHERE last_seq <= ? ORDER BY last_seq LIMIT ?)",
        (through, _PRUNE_CHUNKS),
    )
    lowest = chunks.lowest_seq(db)
    numbering.forget_below(
        db, Lane.BULK, acknowledged if lowest is None else min(lowest, acknowledged)
    )
