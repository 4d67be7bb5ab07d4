"""The outbox's tables, and how its file is opened."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Final

# Grows with every change of the tables; software never opens a newer file than it knows.
SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x59594F42  # "YYOB"
# Two writers never meet inside one process; this is for `yuyue gateway status` beside it.
_BUSY_TIMEOUT_S: Final = 10.0
# The log file is cut back to this after a checkpoint that followed a long backlog.
_JOURNAL_LIMIT_BYTES: Final = 64 * 1024 * 1024

_TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE lane (
    name TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL DEFAULT 0,
    acknowledged_through INTEGER NOT NULL DEFAULT 0,
    base INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO lane (name) VALUES ('urgent'), ('bulk');
CREATE TABLE record (
    lane TEXT NOT NULL,
    seq INTEGER NOT NULL,
    stored_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (lane, seq)
) STRICT;
CREATE TABLE event_id (event_id TEXT PRIMARY KEY, bulk_seq INTEGER NOT NULL) STRICT;
CREATE TABLE engine_snapshot (device_id TEXT PRIMARY KEY, snapshot BLOB NOT NULL) STRICT;
CREATE TABLE device_memory (device_id TEXT PRIMARY KEY, state BLOB NOT NULL) STRICT;
CREATE TABLE delivery (id INTEGER PRIMARY KEY, key BLOB NOT NULL) STRICT;
CREATE TABLE count (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
"""


class OutboxError(RuntimeError):
    """The outbox cannot be used. The message says why and what to do."""


class OutboxDamagedError(OutboxError):
    """The file is not a readable database any more."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode; the caller begins its transactions."""
    target = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(
        target, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_TIMEOUT_S
    )
    if not read_only:
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_LIMIT_BYTES}")
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables of a new file, or check those of an old one. Raises OutboxError."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables == 0:
            _create(connection)
            return
    except sqlite3.OperationalError as error:
        raise OutboxError(f"{path} cannot be opened for writing: {error}") from error
    except sqlite3.DatabaseError as error:
        raise OutboxDamagedError(f"{path} is damaged: {error}") from error
    if application != APPLICATION_ID:
        raise OutboxError(f"{path} is a database, but not an outbox; name another data directory")
    if version > SCHEMA_VERSION:
        raise OutboxError(
            f"{path} was written by newer software (version {version}, this one knows "
            f"{SCHEMA_VERSION}): install that again, or name another data directory"
        )


def _create(connection: sqlite3.Connection) -> None:
    """All of it or nothing: a kill in between leaves an empty file, which is a new one."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in filter(str.strip, _TABLES.split(";")):
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('outbox_id', ?)", (str(uuid.uuid4()),))
    connection.execute("INSERT INTO meta VALUES ('snapshot_seq', '0')")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
