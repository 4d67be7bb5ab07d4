"""Connections, transactions and tenancy: one request or task is one transaction.

Nothing but `Database.transaction` commits. Inside it, `TenantScope` is the only way to the tables
of an institution: it names the institution to PostgreSQL, whose row-level security then shows
nothing else, and its `select` names it once more.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, ClassVar, Final, TypeVar

from psycopg import AsyncCursor
from sqlalchemy import (
    URL,
    DateTime,
    Double,
    LargeBinary,
    Select,
    Text,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped
from sqlalchemy.pool import QueuePool

APP_ROLE: Final = "yuyue_app"
DRIVER: Final = "postgresql+psycopg"
_BEFORE_COMMIT: Final = "before_commit"
BEFORE_ALL: Final = -1
AFTER_ALL: Final = 1


class Base(DeclarativeBase):
    """All tables. The migrations are the truth; a test compares the two."""

    type_annotation_map: ClassVar = {
        datetime: DateTime(timezone=True),
        str: Text(),
        bytes: LargeBinary(),
        float: Double(),
        dict[str, Any]: JSONB(),
    }


class TenantBase(Base):
    """Every table that belongs to an institution."""

    __abstract__ = True
    institution_id: Mapped[uuid.UUID]


Model = TypeVar("Model", bound=TenantBase)


@dataclass(frozen=True, slots=True)
class TenantScope:
    """A transaction that sees one institution. Made by `Database.tenant` or by logging in."""

    session: AsyncSession
    institution_id: uuid.UUID

    def select(self, model: type[Model]) -> Select[Model]:
        """Rows of this institution."""
        return select(model).where(model.institution_id == self.institution_id)

    @asynccontextmanager
    async def driver_cursor(self) -> AsyncIterator[AsyncCursor[Any]]:
        """The driver's own cursor in this transaction, binary: for the hot path only."""
        async with driver_cursor(self.session) as cursor:
            yield cursor

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """On an error only what happened inside is undone, with what it wanted done at commit."""
        pending = dict(self.session.info.get(_BEFORE_COMMIT, {}))
        try:
            async with self.session.begin_nested():
                yield
        except BaseException:
            self.session.info[_BEFORE_COMMIT] = pending
            raise

    def before_commit(
        self, key: Hashable, action: Callable[[], Awaitable[None]], *, rank: int = 0
    ) -> None:
        """Run `action` as the last thing before the commit, once for each key; low ranks first.

        Actions take locks that every transaction takes: the ranks keep their order the same.
        """
        self.session.info.setdefault(_BEFORE_COMMIT, {})[key] = (rank, action)


@asynccontextmanager
async def driver_cursor(session: AsyncSession) -> AsyncIterator[AsyncCursor[Any]]:
    """The driver's own cursor in the transaction of a session, binary."""
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    async with driver.cursor(binary=True) as cursor:
        yield cursor


async def enter_tenant(session: AsyncSession, institution_id: uuid.UUID) -> TenantScope:
    """From here to its end the transaction sees this institution only."""
    await session.execute(
        text("SELECT set_config('app.institution_id', :id, true)"), {"id": str(institution_id)}
    )
    return TenantScope(session, institution_id)


class Database:
    """The pool for requests, as role `yuyue_app`."""

    def __init__(self, app_url: URL, *, pool_size: int = 10) -> None:
        self.app_url = app_url
        self.engine: AsyncEngine = create_async_engine(
            app_url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,  # they would stand in logged errors: names, hashes
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction without a tenant: commits at the end, rolls back on any error."""
        async with self._sessions() as session, session.begin():
            yield session
            await _finish(session)

    @asynccontextmanager
    async def tenant(self, institution_id: uuid.UUID) -> AsyncIterator[TenantScope]:
        """One transaction of one institution, for workers and commands."""
        async with self.transaction() as session:
            yield await enter_tenant(session, institution_id)

    async def institutions(self) -> list[uuid.UUID]:
        """All institutions: workers go through them one by one."""
        async with self.transaction() as session:
            return list((await session.scalars(text("SELECT worker_institutions()"))).all())

    async def check(self) -> None:
        """Raises where the database does not answer, or answers to a role that sees too much."""
        async with self.transaction() as session:
            row = (
                await session.execute(
                    text(
                        "SELECT rolname, rolsuper OR rolbypassrls AS sees_all"
                        " FROM pg_roles WHERE rolname = current_user"
                    )
                )
            ).one()
        if row.sees_all or row.rolname != APP_ROLE:
            raise RuntimeError(
                f"requests must run as {APP_ROLE} without superuser or bypassrls, not {row.rolname}"
            )

    async def demo_institutions(self) -> int:
        """How many institutions were made by the demo, with logins that a file tells."""
        async with self.transaction() as session:
            return int((await session.execute(text("SELECT demo_institutions()"))).scalar_one())

    async def ping(self) -> None:
        """Raises where the database does not answer."""
        async with self.transaction() as session:
            await session.execute(text("SELECT 1"))

    @property
    def connections_in_use(self) -> int:
        """Of the pool, now."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


async def _finish(session: AsyncSession) -> None:
    """Write what is left, then do what is to be done last."""
    await session.flush()
    actions: dict[Hashable, tuple[int, Callable[[], Awaitable[None]]]]
    while actions := session.info.pop(_BEFORE_COMMIT, {}):
        for _, action in sorted(actions.values(), key=itemgetter(0)):
            await action()
        await session.flush()


def normal_url(url: str) -> URL:
    """A PostgreSQL address with our driver, whichever way it was written."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise ValueError(f"database URL must be postgresql://, got {parsed.get_backend_name()}://")
    return parsed.set(drivername=DRIVER)


def libpq_arguments(url: URL) -> dict[str, Any]:
    """The same address for psycopg itself."""
    arguments: dict[str, Any] = {
        "user": url.username, "password": url.password, "host": url.host, "port": url.port,
        "dbname": url.database, **url.query,
    }  # fmt: skip
    return {key: value for key, value in arguments.items() if value is not None}
