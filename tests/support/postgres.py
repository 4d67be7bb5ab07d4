"""A real PostgreSQL for tests: started once, migrated once, a fresh copy for whoever asks."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from cloud.database import APP_ROLE, libpq_arguments
from cloud.embedded import EmbeddedServer, start_embedded
from cloud.migrate import migrate
from cloud.roles import OWNER_ROLE, prepare_embedded

TEMPLATE = "template_migrated"

MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
MEMORY_NEEDED_BYTES = 4 << 30  # the suite uses under 1 GB


class Postgres:
    """An embedded server in a directory of its own; stopped and removed at the end.

    In memory where there is room, which makes a copy of the template 20 times as fast;
    `durable` is for measurements: on the disk, and every commit is flushed to it.

    Not under pytest's temporary directory: run by root, the server runs as another user, and
    every other pytest that starts closes /tmp/pytest-of-root to other users.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        place = None if durable or not _is_roomy(MEMORY) else MEMORY
        self._directory = Path(tempfile.mkdtemp(prefix="yuyue-postgres-", dir=place))
        self._server: EmbeddedServer | None = None
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        self._server = start_embedded(self._directory / "postgres")
        owner_url, _ = prepare_embedded(self._server, TEMPLATE)
        if not self._durable:  # tests need no data after a power cut
            self._execute(sql.SQL("ALTER SYSTEM SET fsync = off"))
            self._execute(sql.SQL("SELECT pg_reload_conf()"))
        migrate(owner_url)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.release()
        shutil.rmtree(self._directory, ignore_errors=True)

    def clone(self, template: str = TEMPLATE) -> str:
        """A new copy of a database that nobody is connected to; its name."""
        name = f"test_{next(self._numbers)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template)
            )
        )
        return name

    def empty(self) -> str:
        """A new database with nothing in it; its name."""
        name = f"test_{next(self._numbers)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(OWNER_ROLE)
            )
        )
        return name

    def drop(self, name: str) -> None:
        """Forget a database, whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def superuser_url(self, name: str = "postgres") -> URL:
        """To look at everything."""
        assert self._server is not None
        return self._server.superuser_url.set(database=name)

    def owner_url(self, name: str) -> URL:
        """For migrations."""
        return self.superuser_url(name).set(username=OWNER_ROLE)

    def app_url(self, name: str) -> URL:
        """For requests."""
        return self.superuser_url(name).set(username=APP_ROLE)

    def _execute(self, statement: sql.Composable) -> None:
        with psycopg.connect(
            **libpq_arguments(self.superuser_url()), autocommit=True
        ) as connection:
            connection.execute(statement)


def _is_roomy(directory: Path) -> bool:
    return (
        directory.is_dir()
        and os.access(directory, os.W_OK)
        and shutil.disk_usage(directory).free > MEMORY_NEEDED_BYTES
    )
