"""The outbox's tables, and how its file is opened."""

from __future__ import annotations

import sqlite3
import uuid
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from gateway.outbox import codec

# Grows with every change of the tables; software never opens a newer file than it knows.
# 2: bulk in compressed chunks, numbering by table. 3: what one bad page must not take, kept twice.
SCHEMA_VERSION: Final = 3
APPLICATION_ID: Final = 0x59594F42  # "YYOB"
# Two writers never meet inside one process; this is for `yuyue gateway status` beside it.
_BUSY_TIMEOUT_S: Final = 10.0
# The log file is cut back to this after a checkpoint that followed a long backlog. What is below
# stays allocated, so that a full disk does not take the log's own room.
_JOURNAL_LIMIT_BYTES: Final = 32 * 1024 * 1024
# How many records a chunk takes when old files are converted.
_CONVERTED_RECORDS: Final = 500

_COMMON_TABLES: Final = """
CREATE TABLE chunk (
    last_seq INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    stored_ns INTEGER NOT NULL,
    state INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE numbering (
    lane TEXT NOT NULL,
    after_seq INTEGER NOT NULL,
    base INTEGER NOT NULL,
    PRIMARY KEY (lane, after_seq)
) STRICT;
"""
# Second copies, because rows of two tables never share a page, of what must survive a page that
# goes bad: urgent records, the newest of bulk (a power cut spoils what was written last), and what
# tells a message from its repetition.
_COPIES: Final = """
CREATE TABLE record_copy (
    seq INTEGER PRIMARY KEY,
    stored_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE chunk_copy (
    last_seq INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    stored_ns INTEGER NOT NULL,
    state INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE delivery_copy (id INTEGER PRIMARY KEY, keys BLOB NOT NULL) STRICT;
"""
# In `delivery`, `id` counts the keys through the last one in `keys`.
_TABLES: Final = (
    _COMMON_TABLES
    + _COPIES
    + """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE lane (
    name TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL DEFAULT 0,
    acknowledged_through INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO lane (name) VALUES ('urgent'), ('bulk');
INSERT INTO numbering VALUES ('urgent', -1, 0), ('bulk', -1, 0);
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
CREATE TABLE delivery (id INTEGER PRIMARY KEY, keys BLOB NOT NULL) STRICT;
CREATE TABLE count (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
"""
)


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


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken, not that it is busy or the disk full."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    return primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


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
    try:
        _check_pages(connection)
        if version < SCHEMA_VERSION:
            _convert(connection, version)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', '0')")
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise OutboxError(f"{path} cannot be opened for writing: {error}") from error
        raise OutboxDamagedError(f"{path} is damaged: {error}") from error


def _check_pages(connection: sqlite3.Connection) -> None:
    """Look at every page unless the last end was a clean one. Raises sqlite3.DatabaseError."""
    clean = connection.execute("SELECT value FROM meta WHERE key = 'clean'").fetchone()
    if clean == ("1",):
        return
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        damage = sqlite3.DatabaseError(found)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def create_tables(connection: sqlite3.Connection, outbox_id: str) -> None:
    """All tables, inside the caller's transaction."""
    for statement in filter(str.strip, _TABLES.split(";")):
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('outbox_id', ?)", (outbox_id,))
    connection.execute("INSERT INTO meta VALUES ('snapshot_seq', '0')")
    connection.execute("INSERT INTO meta VALUES ('clean', '0')")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _create(connection: sqlite3.Connection) -> None:
    """All of it or nothing: a kill in between leaves an empty file, which is a new one."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    create_tables(connection, str(uuid.uuid4()))
    connection.execute("COMMIT")


def _convert(connection: sqlite3.Connection, version: int) -> None:
    """An older file, all of it or nothing."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version == 1:
            _convert_from_1(connection)
        _convert_from_2(connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _convert_from_1(connection: sqlite3.Connection) -> None:
    """Version 1 kept bulk record by record, and one base a lane."""
    for statement in filter(str.strip, _COMMON_TABLES.split(";")):
        connection.execute(statement)
    connection.execute("INSERT INTO numbering SELECT name, -1, base FROM lane")
    connection.execute("ALTER TABLE lane DROP COLUMN base")
    rows = connection.execute(
        "SELECT seq, stored_ns, kind, body FROM record WHERE lane = 'bulk' ORDER BY seq"
    )
    for _, group in groupby(rows, key=lambda row: row[0] // _CONVERTED_RECORDS):
        records = list(group)
        bodies = [_body_of_1(*row) for row in records]
        connection.execute(
            "INSERT INTO chunk VALUES (?, ?, ?, 0, ?)",
            (records[-1][0], records[0][0], records[0][1],
             codec.encode_bodies(bodies, records[0][1])),
        )  # fmt: skip
    connection.execute("DELETE FROM record WHERE lane = 'bulk'")


def _convert_from_2(connection: sqlite3.Connection) -> None:
    """Version 2 kept everything once, and one delivery a row."""
    connection.execute("ALTER TABLE delivery RENAME COLUMN key TO keys")
    for statement in filter(str.strip, _COPIES.split(";")):
        connection.execute(statement)
    fill_copies(connection)


def fill_copies(connection: sqlite3.Connection) -> None:
    """The copies of a file that has none yet."""
    connection.execute(
        "INSERT INTO record_copy SELECT seq, stored_ns, kind, body FROM record "
        "WHERE lane = 'urgent'"
    )
    connection.execute("INSERT INTO delivery_copy SELECT id, keys FROM delivery")


def _body_of_1(seq: int, stored_ns: int, kind: str, body: bytes) -> codec.Body:
    record = codec.decode_record(seq, stored_ns, kind, body)
    found = record.event or record.reading or record.waveform or record.rejected or record.gap
    if found is None:  # pragma: no cover  # decode_record always sets one
        raise msgspec.DecodeError(f"record {seq} has no body")
    return found
