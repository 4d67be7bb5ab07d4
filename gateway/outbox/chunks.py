"""The bulk lane's rows: chunks of records that were committed, joined or thinned together.

All functions work inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from edge.gateway_wire import Gap, GapCause
from edge.wire import Lane
from gateway.outbox import codec, numbering
from gateway.outbox.thinning import gap_of, thin

# Decoding a chunk for its last record alone must stay a matter of milliseconds.
MAX_CHUNK_RECORDS: Final = 500
# How many of the newest records are held twice: two seconds of the busiest house, and 400 kB.
_COPIED_RECORDS: Final = 2_000
# One step of tidying holds the write lock for about 50 ms on a small machine.
_STEP_CHUNKS: Final = 64
_STEP_BYTES: Final = 1024 * 1024
# A join takes at least this many chunks, so that a record is written twice or three times in all.
_JOIN_AT_LEAST: Final = 16


class State(IntEnum):
    """What a chunk has gone through."""

    FRESH = 0
    JOINED = 1
    THINNED = 2


@dataclass(frozen=True, slots=True)
class Chunk:
    """One row."""

    last_seq: int
    first_seq: int
    stored_ns: int
    state: int
    body: bytes

    @property
    def n(self) -> int:
        """How many records it holds."""
        return self.last_seq - self.first_seq + 1

    def entries(self, after_seq: int = 0) -> list[codec.Entry | codec.Body]:
        """Its records with numbers above `after_seq`; refusals in their place when damaged."""
        skipped = max(0, after_seq + 1 - self.first_seq)
        try:
            entries = codec.entries_of(self.body, self.n)
        except codec.ChunkDamagedError as error:
            detail = f"a stored record cannot be read any more: {error}"
            return [codec.damaged(self.stored_ns, detail)] * (self.n - skipped)
        return list(entries[skipped:])

    def bodies(self, after_seq: int = 0) -> list[codec.Body]:
        """The same, decoded."""
        return [e.decode() if isinstance(e, codec.Entry) else e for e in self.entries(after_seq)]


_COLUMNS: Final = "last_seq, first_seq, stored_ns, state, body"


def append(db: sqlite3.Connection, first_seq: int, chunk: bytes, n: int, now_ns: int) -> None:
    """A new chunk behind all others, twice for as long as it is one of the newest."""
    row = (first_seq + n - 1, first_seq, now_ns, State.FRESH, chunk)
    db.execute("INSERT INTO chunk VALUES (?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO chunk_copy VALUES (?, ?, ?, ?, ?)", row)
    _forget_copies(db, first_seq - _COPIED_RECORDS)


def _forget_copies(db: sqlite3.Connection, through_seq: int) -> None:
    db.execute("DELETE FROM chunk_copy WHERE last_seq <= ?", (through_seq,))


def after(db: sqlite3.Connection, seq: int) -> Iterator[Chunk]:
    """Chunks with records above `seq`, in order."""
    for row in db.execute(
        f"SELECT {_COLUMNS} FROM chunk WHERE last_seq > ? ORDER BY last_seq",  # noqa: S608
        (seq,),
    ):
        yield Chunk(*row)


def lowest_seq(db: sqlite3.Connection) -> int | None:
    """The first record held."""
    row = db.execute("SELECT first_seq FROM chunk ORDER BY last_seq LIMIT 1").fetchone()
    return int(row[0]) if row else None


def join_small(db: sqlite3.Connection, untouchable: int, through_seq: int) -> bool:
    """Join a run of chunks that came one by one; whether there was work. Numbers stay.

    Chunks up to `untouchable` are about to be sent and not worth it.
    """
    run: list[Chunk] = []
    total = 0
    for row in db.execute(
        f"SELECT {_COLUMNS} FROM chunk "  # noqa: S608  # our own words
        "WHERE state = ? AND first_seq > ? AND last_seq <= ? ORDER BY last_seq LIMIT ?",
        (State.FRESH, untouchable, through_seq, MAX_CHUNK_RECORDS),
    ):
        chunk = Chunk(*row)
        total += chunk.n
        if run and (total > MAX_CHUNK_RECORDS or chunk.first_seq != run[-1].last_seq + 1):
            break
        run.append(chunk)
    else:
        if len(run) < MAX_CHUNK_RECORDS:
            return False  # more of them will come
    if len(run) < _JOIN_AT_LEAST:
        _mark(db, run, State.JOINED)  # large already
        return True
    try:
        body = codec.join_chunks([chunk.body for chunk in run])
    except codec.ChunkDamagedError:
        _mark(db, run, State.JOINED)  # each tells of its own damage when it is read
        return True
    _delete(db, run)
    joined = Chunk(run[-1].last_seq, run[0].first_seq, run[0].stored_ns, State.JOINED, body)
    _insert(db, [joined])
    return True


def thin_oldest(db: sqlite3.Connection, untouchable: int, snapshot_seq: int) -> bool:
    """Thin the oldest chunks above `untouchable` that the engine does not need either.

    When all are thinned, drop the oldest. False when nothing can be done. A gap record says what
    went, in the place where it was.
    """
    run = _oldest(db, untouchable, snapshot_seq, "state < ?1")
    if run:
        bodies = [body for chunk in run for body in chunk.bodies()]
        left = thin(bodies)
        if len(left) < len(bodies):
            left.append(gap_of(GapCause.THINNED, bodies, len(bodies) - len(left)))
        _replace(db, run, left)
        return True
    run = _oldest(db, untouchable, snapshot_seq, "state = ?1")
    if sum(chunk.n for chunk in run) <= 1:
        return False
    bodies = [body for chunk in run for body in chunk.bodies()]
    _replace(
        db, run, [gap_of(GapCause.DROPPED, bodies, sum(not isinstance(b, Gap) for b in bodies))]
    )
    return True


def _oldest(
    db: sqlite3.Connection, untouchable: int, through_seq: int, condition: str
) -> list[Chunk]:
    """A step's worth of chunks."""
    run: list[Chunk] = []
    size_bytes = 0
    for row in db.execute(
        f"SELECT {_COLUMNS} FROM chunk "  # noqa: S608  # our own words
        f"WHERE {condition} AND first_seq > ?2 AND last_seq <= ?3 ORDER BY last_seq LIMIT ?4",
        (State.THINNED, untouchable, through_seq, _STEP_CHUNKS),
    ):
        chunk = Chunk(*row)
        size_bytes += len(chunk.body)
        if run and size_bytes > _STEP_BYTES:
            break
        run.append(chunk)
    return run


def _replace(db: sqlite3.Connection, run: Sequence[Chunk], left: Sequence[codec.Body]) -> None:
    """Put `left` in the place of `run`, right behind what is held before it."""
    (after_seq,) = db.execute(
        "SELECT max(last_seq) FROM chunk WHERE last_seq < ?", (run[0].first_seq,)
    ).fetchone()
    _delete(db, run)
    _forget_copies(db, run[-1].last_seq)
    at_seq, at_ns = after_seq + 1, run[0].stored_ns
    for start in range(0, len(left), MAX_CHUNK_RECORDS):
        part = left[start : start + MAX_CHUNK_RECORDS]
        body = codec.encode_bodies(part, at_ns)
        _insert(db, [Chunk(at_seq + len(part) - 1, at_seq, at_ns, State.THINNED, body)])
        at_seq += len(part)
    numbering.take_out(
        db,
        Lane.BULK,
        after_seq=after_seq,
        n_left=len(left),
        through_seq=run[-1].last_seq,
        gone=sum(chunk.n for chunk in run) - len(left),
    )


def _insert(db: sqlite3.Connection, chunks: Sequence[Chunk]) -> None:
    db.executemany(
        "INSERT INTO chunk VALUES (?, ?, ?, ?, ?)",
        [(c.last_seq, c.first_seq, c.stored_ns, c.state, c.body) for c in chunks],
    )


def _delete(db: sqlite3.Connection, chunks: Sequence[Chunk]) -> None:
    db.executemany("DELETE FROM chunk WHERE last_seq = ?", [(c.last_seq,) for c in chunks])


def _mark(db: sqlite3.Connection, chunks: Sequence[Chunk], state: State) -> None:
    db.executemany(
        "UPDATE chunk SET state = ? WHERE last_seq = ?", [(state, c.last_seq) for c in chunks]
    )
