"""One PostgreSQL for all tests of the cloud; a database of its own for each test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import structlog

from cloud.app import create_app
from cloud.database import Database
from cloud.settings import Settings
from tests.cloud.world import Home, ManualClock, World, make_home
from tests.support.postgres import Postgres


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """structlog's own default draws tracebacks with all locals: seconds for each."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server with a migrated template."""
    with Postgres() as server:
        yield server


@dataclass(frozen=True)
class Seeded:
    """A template with two institutions."""

    template: str
    home: Home
    other: Home


@pytest.fixture(scope="session")
def seeded(postgres: Postgres) -> Seeded:
    """Made once, copied for each test."""
    template = postgres.clone()

    async def seed() -> tuple[Home, Home]:
        database = Database(postgres.app_url(template))
        clock = ManualClock()
        homes = [await make_home(database, clock, prefix) for prefix in ("home", "other")]
        await database.close()
        return homes[0], homes[1]

    return Seeded(template, *asyncio.run(seed()))


@pytest.fixture
def database_name(postgres: Postgres, seeded: Seeded) -> Iterator[str]:
    """A database with two institutions."""
    name = postgres.clone(seeded.template)
    yield name
    postgres.drop(name)


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database]:
    """A pool on it, as the role that serves requests."""
    pool = Database(postgres.app_url(database_name), pool_size=10)
    yield pool
    await pool.close()


@pytest.fixture
def clock() -> ManualClock:
    """02:13 in the night, until a test moves it."""
    return ManualClock()


@pytest.fixture
async def world(database: Database, clock: ManualClock, seeded: Seeded) -> AsyncIterator[World]:
    """The application in this process, without background tasks, and two institutions."""
    app = create_app(Settings(), database, clock, with_tasks=False)
    made = World(app, database, clock, seeded.home, seeded.other)
    yield made
    await made.close()
