"""From settings to a database that is ready: started or reached, migrated, with its roles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.engine import URL

from cloud.database import Database, normal_url
from cloud.embedded import start_embedded
from cloud.migrate import migrate
from cloud.roles import prepare_embedded, prepare_server, server_urls
from cloud.settings import Settings


@dataclass(frozen=True, slots=True)
class ReadyDatabase:
    """A migrated database. `app_url` is for requests."""

    owner_url: URL
    app_url: URL
    revision: str
    pool_size: int

    def connect(self) -> Database:
        """A pool on it; belongs to one event loop."""
        return Database(self.app_url, pool_size=self.pool_size)


@dataclass(frozen=True, slots=True)
class BareDatabase:
    """A database as it is, perhaps empty. `admin` sees the rows of all institutions."""

    owner: URL
    admin: URL


@contextmanager
def bare_database(settings: Settings) -> Iterator[BareDatabase]:
    """Start or reach the database with its roles, and change nothing in it."""
    if settings.database_url:
        owner, app = server_urls(settings)
        prepare_server(owner, app)
        given = settings.admin_database_url
        yield BareDatabase(owner, normal_url(given) if given else owner)
        return
    server = start_embedded(settings.data_dir / "postgres")
    try:
        owner, _ = prepare_embedded(server)
        yield BareDatabase(owner, server.superuser_url.set(database=owner.database))
    finally:
        server.release()


@contextmanager
def ready_database(settings: Settings) -> Iterator[ReadyDatabase]:
    """Start or reach the database, bring it to this version; release it at the end."""
    if settings.database_url:
        owner, app = server_urls(settings)
        prepare_server(owner, app)
        yield ReadyDatabase(owner, app, migrate(owner), settings.database_pool_size)
        return
    server = start_embedded(settings.data_dir / "postgres")
    try:
        owner, app = prepare_embedded(server)
        yield ReadyDatabase(owner, app, migrate(owner), settings.database_pool_size)
    finally:
        server.release()
