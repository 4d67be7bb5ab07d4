"""Numbers inside and on the wire.

Inside, a number never changes while its record may be on its way. On the wire numbers have no
gaps, so whenever thinning takes records out, everything behind them moves up: a new row of
(after_seq, base) says so. `wire = seq - base` of the last row whose after_seq is below seq.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import pairwise

from edge.wire import Lane


@dataclass(frozen=True, slots=True)
class Numbering:
    """The rows of one lane, in order; at least one."""

    rows: tuple[tuple[int, int], ...]

    def wire_of(self, seq: int) -> int:
        """The number on the wire."""
        base = self.rows[0][1]
        for after_seq, next_base in self.rows[1:]:
            if after_seq >= seq:
                break
            base = next_base
        return seq - base

    def seq_of(self, wire: int) -> int:
        """The number inside."""
        for (_, base_before), (after_seq, base) in reversed(list(pairwise(self.rows))):
            if wire > after_seq - base_before:
                return wire + base
        return wire + self.rows[0][1]


def load(db: sqlite3.Connection, lane: Lane) -> Numbering:
    """As it is now."""
    rows = db.execute(
        "SELECT after_seq, base FROM numbering WHERE lane = ? ORDER BY after_seq", (lane.value,)
    ).fetchall()
    return Numbering(tuple(rows))


def take_out(
    db: sqlite3.Connection, lane: Lane, *, after_seq: int, n_left: int, through_seq: int, gone: int
) -> None:
    """The records in (after_seq, through_seq] became the first `n_left` numbers of that range;
    `gone` records are missing, and all behind move up. `after_seq` itself is held.
    """
    _, base = load_row(db, lane, after_seq)
    last_left = after_seq + n_left
    db.execute(
        "DELETE FROM numbering WHERE lane = ? AND after_seq >= ? AND after_seq < ?",
        (lane.value, after_seq, through_seq),
    )
    db.execute(
        "UPDATE numbering SET base = base + ? WHERE lane = ? AND after_seq >= ?",
        (gone, lane.value, through_seq),
    )
    db.execute(
        "INSERT INTO numbering VALUES (?, ?, ?) "
        "ON CONFLICT (lane, after_seq) DO NOTHING",  # through_seq itself: its row says the same
        (lane.value, last_left, base + through_seq - last_left),
    )


def load_row(db: sqlite3.Connection, lane: Lane, seq: int) -> tuple[int, int]:
    """The row (after_seq, base) that numbers `seq`."""
    return db.execute(  # type: ignore[no-any-return]
        "SELECT after_seq, base FROM numbering WHERE lane = ? AND after_seq < ? "
        "ORDER BY after_seq DESC LIMIT 1",
        (lane.value, seq),
    ).fetchone()


def forget_below(db: sqlite3.Connection, lane: Lane, seq: int) -> None:
    """Nobody asks about numbers below `seq` any more."""
    db.execute(
        "DELETE FROM numbering WHERE lane = ?1 AND after_seq < "
        "(SELECT max(after_seq) FROM numbering WHERE lane = ?1 AND after_seq < ?2)",
        (lane.value, seq),
    )


def count_from_1(db: sqlite3.Connection, lane: Lane, after_seq: int) -> None:
    """The first record behind `after_seq` becomes number 1 on the wire."""
    wire = load(db, lane).wire_of(after_seq)
    db.execute("UPDATE numbering SET base = base + ? WHERE lane = ?", (wire, lane.value))
