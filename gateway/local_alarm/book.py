"""The alarms of this gateway: one small SQLite file, so that a restart forgets none.

A change has a number; a page asks for what changed after the last one it has seen.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from edge.signals import NS_PER_S

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS alarm (
    alarm_id TEXT PRIMARY KEY,
    change INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS change (n INTEGER NOT NULL) STRICT;
"""
# Long enough for a handover after a weekend.
KEPT_NS: Final = 7 * 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Alarm:
    """One happening. Its id is the episode's, so a confirmation joins what was suspected.

    `seq`: the number in the outbox of its newest event; the cloud has it all once it is
    acknowledged through there (`delivered_ns`). Ringing: neither acknowledged nor delivered.
    """

    alarm_id: str
    event_ids: tuple[str, ...]
    kind: str
    zh: str
    en: str
    priority: str
    origin: str
    device_id: str
    elder: str | None
    place: str | None
    happened_ns: int
    raised_ns: int
    seq: int
    recovered_ns: int | None = None
    shown_by: tuple[str, ...] = ()
    acknowledged_ns: int | None = None
    acknowledged_by: str | None = None
    delivered_ns: int | None = None

    @property
    def is_ringing(self) -> bool:
        """Whether somebody must still say that they have heard it."""
        return self.acknowledged_ns is None and self.delivered_ns is None and self.origin == "live"


class AlarmBook:
    """Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.Error. A damaged file is begun anew: the outbox has the events."""
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._open(path)
            self._load()
        except sqlite3.DatabaseError:
            for name in (
                path,
                path.with_name(path.name + "-wal"),
                path.with_name(path.name + "-shm"),
            ):
                name.unlink(missing_ok=True)
            self._db = self._open(path)
            self._load()

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
        path.chmod(0o600)  # names of elders
        return db

    def _load(self) -> None:
        rows = self._db.execute("SELECT body, change FROM alarm").fetchall()
        decoded = [(msgspec.msgpack.decode(body, type=Alarm), n) for body, n in rows]
        self._alarms = {alarm.alarm_id: alarm for alarm, _ in decoded}
        self._changes = {alarm.alarm_id: n for alarm, n in decoded}
        self._change = max(self._changes.values(), default=0)
        found = self._db.execute("SELECT max(n) FROM change").fetchone()[0]
        self._change = max(self._change, found or 0)

    @property
    def change(self) -> int:
        """The number of the last change."""
        return self._change

    def alarms(self) -> list[Alarm]:
        """All that are kept, newest first."""
        with self._lock:
            return sorted(self._alarms.values(), key=lambda a: -a.happened_ns)

    def alarm(self, alarm_id: str) -> Alarm | None:
        """One of them."""
        with self._lock:
            return self._alarms.get(alarm_id)

    def after(self, change: int) -> list[tuple[int, Alarm]]:
        """What changed after a number, in the order of the changes."""
        with self._lock:
            found = [(n, self._alarms[name]) for name, n in self._changes.items() if n > change]
        return sorted(found, key=lambda item: item[0])

    def put(self, alarm: Alarm) -> None:
        """Keep it as it is now. Raises sqlite3.Error."""
        with self._lock, self._transaction():
            n = self._change + 1
            self._db.execute(
                "INSERT OR REPLACE INTO alarm VALUES (?, ?, ?)",
                (alarm.alarm_id, n, msgspec.msgpack.encode(alarm)),
            )
            self._change = self._changes[alarm.alarm_id] = n
            self._alarms[alarm.alarm_id] = alarm

    def amend(self, alarm_id: str, **values: Any) -> Alarm | None:
        """Change some of it. None: there is none. Raises sqlite3.Error."""
        present = self.alarm(alarm_id)
        if present is None:
            return None
        amended = replace(present, **values)
        if amended != present:
            self.put(amended)
        return amended

    def forget_old(self, now_ns: int) -> None:
        """Drop what the cloud has had for long. Raises sqlite3.Error."""
        old = [
            alarm.alarm_id
            for alarm in self.alarms()
            if alarm.delivered_ns is not None and alarm.delivered_ns < now_ns - KEPT_NS
        ]
        if not old:
            return
        with self._lock, self._transaction():
            self._db.execute("INSERT INTO change VALUES (?)", (self._change,))
            for alarm_id in old:
                self._db.execute("DELETE FROM alarm WHERE alarm_id = ?", (alarm_id,))
                del self._alarms[alarm_id], self._changes[alarm_id]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def as_json(alarm: Alarm) -> dict[str, Any]:
    """For the page: times in milliseconds."""
    body = asdict(alarm)
    for name in ("happened", "raised", "recovered", "acknowledged", "delivered"):
        time_ns = body.pop(f"{name}_ns")
        body[f"{name}_ms"] = None if time_ns is None else time_ns // 1_000_000
    body["is_ringing"] = alarm.is_ringing
    return body
