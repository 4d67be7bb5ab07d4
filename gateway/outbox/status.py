"""A look into an outbox from beside the running gateway: reads only, takes no lock."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge.wire import Lane, LaneState
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
    lanes: dict[Lane, LaneState] = {}
    acknowledged: dict[Lane, int] = {}
    for name, last_seq, through, base in db.execute(
        "SELECT name, last_seq, acknowledged_through, base FROM lane"
    ).fetchall():
        (oldest,) = db.execute(
            "SELECT min(stored_ns) FROM record WHERE lane = ? AND seq > ?", (name, through)
        ).fetchone()
        lanes[Lane(name)] = LaneState(last_seq - through, oldest)
        acknowledged[Lane(name)] = through - base
    (outbox_id,) = db.execute("SELECT value FROM meta WHERE key = 'outbox_id'").fetchone()
    (newest,) = db.execute(
        "SELECT stored_ns FROM record WHERE lane = 'bulk' ORDER BY seq DESC LIMIT 1"
    ).fetchone() or (None,)
    rejected = dict(db.execute("SELECT replace(name, 'rejected/', ''), n FROM count").fetchall())
    return OutboxStatus(outbox_id, lanes, acknowledged, rejected, newest)
