"""A damaged outbox: everything that can be read goes into a new file, under its old numbers.

What cannot be read is replaced by refusals with the lost numbers (`damaged_record`), so that no
lane stops and the operator learns how much it was. Only if the numbers themselves are lost does the
new file get a name of its own.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.wire import Lane
from gateway.outbox import chunks, codec
from gateway.outbox.schema import connect, create_tables, fill_copies, is_damage

# Behind a row that cannot be reached the next are looked for one by one, as far as a few pages
# go; then by doubling, so that a table without an end costs no time.
_ONE_BY_ONE: Final = 2_000
_FURTHEST: Final = 1 << 48
_MAX_PROBES: Final = 200_000
_CHUNK_COLUMNS: Final = "first_seq, stored_ns, state, body"
_INSERT_CHUNK: Final = "INSERT INTO chunk VALUES (?, ?, ?, ?, ?)"
_TABLES: Final = (
    ("device_memory", "device_memory"), ("engine_snapshot", "engine_snapshot"),
    ("event_id", "event_id"), ("count", "count"),
    ("delivery", "delivery"), ("delivery_copy", "delivery"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What could be saved: records by lane, how many numbers were lost, if the name is the same."""

    saved: dict[Lane, int]
    lost: dict[Lane, int]
    same_name: bool


def salvage(damaged: Path, fresh: Path, now_ns: int) -> Salvaged:
    """Read `damaged` as far as it goes, write `fresh`. Raises sqlite3.Error for `fresh` only."""
    with closing(connect(fresh)) as target, closing(connect(damaged)) as source:
        target.execute("PRAGMA synchronous = FULL")
        target.execute("BEGIN IMMEDIATE")
        meta = dict(_rows(source, "meta", 2))
        lane_rows = {row[0]: row for row in _rows(source, "lane", 3)}
        numbers = list(_rows(source, "numbering", 3))
        is_same = "outbox_id" in meta and len(lane_rows) == len(Lane) and len(numbers) >= len(Lane)
        create_tables(target, meta["outbox_id"] if is_same else str(uuid.uuid4()))
        if is_same:
            target.execute("DELETE FROM numbering")
            target.executemany("INSERT INTO numbering VALUES (?, ?, ?)", numbers)
            target.executemany(
                "UPDATE lane SET last_seq = ?2, acknowledged_through = ?3 WHERE name = ?1",
                lane_rows.values(),
            )
        if "snapshot_seq" in meta:
            target.execute(
                "UPDATE meta SET value = ? WHERE key = 'snapshot_seq'", (meta["snapshot_seq"],)
            )
        for table, into in _TABLES:
            target.executemany(
                f"INSERT OR IGNORE INTO {into} VALUES (?, ?)",  # noqa: S608  # our own names
                _rows(source, table, 2),
            )
        saved, lost = {}, {}
        for lane, copy in ((Lane.URGENT, _copy_urgent), (Lane.BULK, _copy_bulk)):
            last_seq = lane_rows[lane][1] if is_same else None
            through = lane_rows[lane][2] if is_same else 0
            saved[lane], lost[lane] = copy(source, target, through, last_seq, now_ns)
        fill_copies(target)
        target.execute("COMMIT")
    return Salvaged(saved, lost, is_same)


def _rows(source: sqlite3.Connection, table: str, width: int) -> Iterator[tuple[Any, ...]]:
    """Every row that can be read, in the order of rowid, from both ends of what cannot."""
    for row in _reachable(source, table, "rowid", "*"):
        yield tuple(row[1 : width + 1])


def _reachable(
    source: sqlite3.Connection, table: str, key: str, columns: str
) -> Iterator[tuple[Any, ...]]:
    """(key, *columns) of every row that can be reached; steps over what is damaged."""
    highest = _highest(source, table, key)
    query = (
        f"SELECT {key}, {columns} FROM {table} NOT INDEXED "  # noqa: S608  # our own names
        f"WHERE {key} > ? ORDER BY {key} LIMIT 1"
    )

    def after(at: int) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = source.execute(query, (at,)).fetchone()
        return found

    at, missed, probes = -1, 0, 0
    while probes < _MAX_PROBES and at < (_FURTHEST if highest is None else highest):
        try:
            row = after(at)
        except sqlite3.DatabaseError as error:
            if not is_damage(error) or error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                return
            missed, probes = missed + 1, probes + 1
            at += 1 if missed <= _ONE_BY_ONE else 1 << (missed - _ONE_BY_ONE)
            continue
        if missed > _ONE_BY_ONE:
            row = _first_readable(after, at - (1 << (missed - _ONE_BY_ONE)), at)
        if row is None:
            return
        at, missed = row[0], 0
        yield row


def _first_readable(
    after: Callable[[int], tuple[Any, ...] | None], unreadable: int, readable: int
) -> tuple[Any, ...] | None:
    """The first row behind a hole that a leap may have gone too far over."""
    row = after(readable)
    while readable - unreadable > 1:
        middle = (unreadable + readable) // 2
        try:
            row, readable = after(middle), middle
        except sqlite3.DatabaseError:
            unreadable = middle
    return row


def _highest(source: sqlite3.Connection, table: str, key: str) -> int | None:
    try:
        (found,) = source.execute(f"SELECT max({key}) FROM {table} NOT INDEXED").fetchone()  # noqa: S608
    except sqlite3.DatabaseError:
        return None
    return None if found is None else int(found)


def _copy_urgent(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    through: int,
    last_seq: int | None,
    now_ns: int,
) -> tuple[int, int]:
    found = {
        row[2]: row[2:]
        for row in _reachable(source, "record", "rowid", "lane, seq, stored_ns, kind, body")
        if row[1] == Lane.URGENT
    }
    for row in _reachable(source, "record_copy", "seq", "seq, stored_ns, kind, body"):
        found.setdefault(row[1], row[1:])
    _know_events(target, found.values())
    last = last_seq if last_seq is not None else max(found, default=0)
    missing = [seq for seq in range(through + 1, last + 1) if seq not in found]
    note = codec.damaged(now_ns, "an urgent record was lost in a damaged outbox")
    kind, body = codec.encode_one(note)
    rows = [*found.values(), *((seq, now_ns, kind, body) for seq in missing)]
    target.executemany("INSERT INTO record VALUES ('urgent', ?, ?, ?, ?)", rows)
    if last_seq is None:
        _set_lane(target, Lane.URGENT, last, min(found, default=last + 1) - 1)
    return len(found), len(missing)


def _know_events(target: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """The ids of what is held must be known, or the engine's log would tell it a second time."""
    (last_seq,) = target.execute("SELECT last_seq FROM lane WHERE name = 'bulk'").fetchone()
    events = [codec.decode_record(*row).event for row in rows]
    target.executemany(
        "INSERT OR IGNORE INTO event_id VALUES (?, ?)",
        [(event.event_id, last_seq) for event in events if event is not None],
    )


def _copy_bulk(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    through: int,
    last_seq: int | None,
    now_ns: int,
) -> tuple[int, int]:
    saved = lost = 0
    expected = through + 1
    gaps = {row[0] for row in target.execute("SELECT after_seq FROM numbering")}
    lowest = None
    copies = list(_reachable(source, "chunk_copy", "last_seq", _CHUNK_COLUMNS))
    for row in _reachable(source, "chunk", "last_seq", _CHUNK_COLUMNS):
        last, first = int(row[0]), int(row[1])
        if first > expected and last_seq is not None and expected - 1 not in gaps:
            lost += _fill(target, copies, expected, first - 1, now_ns)
            saved += first - expected
        lowest = first if lowest is None else lowest
        target.execute(_INSERT_CHUNK, row)
        saved += last - first + 1
        expected = max(expected, last + 1)
    if last_seq is None:
        _set_lane(target, Lane.BULK, expected - 1, (lowest or expected) - 1)
    elif expected <= last_seq:
        lost += _fill(target, copies, expected, last_seq, now_ns)
        saved += last_seq + 1 - expected
    return saved - lost, lost


def _fill(
    target: sqlite3.Connection,
    copies: Iterable[tuple[Any, ...]],
    first: int,
    last: int,
    now_ns: int,
) -> int:
    """Second copies of the numbers [first, last], and refusals where there are none; how many."""
    lost = 0
    for row in copies:
        if first <= row[1] and row[0] <= last:
            lost += _placeholders(target, first, row[1] - 1, now_ns)
            target.execute(_INSERT_CHUNK, row)
            first = row[0] + 1
    return lost + _placeholders(target, first, last, now_ns)


def _placeholders(target: sqlite3.Connection, first: int, last: int, now_ns: int) -> int:
    """Refusals with the numbers [first, last]."""
    note = codec.damaged(now_ns, "a record was lost in a damaged outbox")
    for start in range(first, last + 1, chunks.MAX_CHUNK_RECORDS):
        n = min(chunks.MAX_CHUNK_RECORDS, last + 1 - start)
        body = codec.encode_bodies([note] * n, now_ns)
        target.execute(_INSERT_CHUNK, (start + n - 1, start, now_ns, chunks.State.JOINED, body))
    return last + 1 - first


def _set_lane(target: sqlite3.Connection, lane: Lane, last: int, through: int) -> None:
    target.execute(
        "UPDATE lane SET last_seq = ?, acknowledged_through = ? WHERE name = ?",
        (last, max(0, through), lane.value),
    )
    target.execute("UPDATE numbering SET base = ? WHERE lane = ?", (max(0, through), lane.value))
