"""Which of several workers does the work that must be done once: a lock in the database.

Timers of alerts are rows that any worker may take (`SKIP LOCKED`): they need no election. What
remains - packing, retention, forgetting what is old - is done by the worker that holds the lock.
The lock is a session's: it falls with the connection, so a killed leader is replaced at the next
beat of another, within seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.database import Database

_LOCK_KEY: Final = 0x7975_7965_0003
_log = structlog.get_logger(__name__)


class Leadership:
    """Held by one process at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: AsyncConnection | None = None

    @property
    def held(self) -> bool:
        """Whether this process led at its last beat."""
        return self._connection is not None

    async def beat(self) -> bool:
        """Whether this process leads now: the lock is asked for, or asked after."""
        if self._connection is not None:
            try:
                await self._connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                await self.release()
            else:
                return True
        connection = await self._database.engine.connect()
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        won = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY})
        if not won:
            await connection.close()
            return False
        self._connection = connection
        _log.info("leader")
        return True

    async def release(self) -> None:
        """Let another lead; the connection is closed for good, and the lock with it."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.invalidate()
            await connection.close()

    def only(self, once: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
        """The same work, done only while this process leads."""

        async def work() -> None:
            if await self.beat():
                await once()

        return work
