"""A look into an outbox from beside the running gateway: reads only, takes no lock."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge.wire import Lane, LaneState
from gateway.outbox import lanes, numbering
from gateway.outbox.schema import OutboxError, connect


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """What an operator asks first."""

    outbox_id: str
    lanes: dict[Lane, LaneState]
    acknowledged_through: dict[Lane, int]
    rejected: dict[str, int]
    newest_stored_ns: int | None


def read_status(path: Path) -> OutboxStatus:
    """Raises OutboxError when there is none, or it is none."""
    if not path.exists():
        raise OutboxError(f"there is no outbox at {path}; name its directory with --data-dir")
    try:
        with closing(connect(path, read_only=True)) as db:
            db.execute("BEGIN")
            return _read(db)
    except sqlite3.Error as error:
        raise OutboxError(f"{path} cannot be read: {error}") from error


def _read(db: sqlite3.Connection) -> OutboxStatus:
    states: dict[Lane, LaneState] = {}
    acknowledged: dict[Lane, int] = {}
    for lane in Lane:
        through = lanes.lane_row(db, lane).acknowledged_through
        states[lane] = lanes.lane_state(db, lane)
        acknowledged[lane] = numbering.load(db, lane).wire_of(through)
    (outbox_id,) = db.execute("SELECT value FROM meta WHERE key = 'outbox_id'").fetchone()
    (newest,) = db.execute(
        "SELECT stored_ns FROM chunk ORDER BY last_seq DESC LIMIT 1"
    ).fetchone() or (None,)
    rejected = dict(db.execute("SELECT replace(name, 'rejected/', ''), n FROM count").fetchall())
    return OutboxStatus(outbox_id, states, acknowledged, rejected, newest)
