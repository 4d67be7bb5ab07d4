"""Wakes gateways that wait for news: one listening connection for all of them."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import Final

import psycopg

from cloud.database import Database, libpq_arguments
from cloud.devices.enrolment import CHANNEL
from cloud.tasks import Beat

# A notification that was lost costs at most this.
POLL_S: Final = 10.0


class GatewayBell:
    """Owned by the application: `listen` runs as its task."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._events: dict[uuid.UUID, asyncio.Event] = {}

    def event(self, institution_id: uuid.UUID) -> asyncio.Event:
        """Set at the next change of anything that its gateways are told. Ask before reading."""
        return self._events.setdefault(institution_id, asyncio.Event())

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Until the change, or for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(timeout_s, POLL_S)):
                await event.wait()

    async def listen(self, beat: Beat) -> None:
        """Task: hear of every commit that gateways should know of."""
        arguments = libpq_arguments(self._database.app_url)
        connection = await psycopg.AsyncConnection.connect(**arguments, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            beat()
            while True:
                async for notification in connection.notifies(timeout=POLL_S):
                    self._ring(uuid.UUID(notification.payload))
                if connection.closed:
                    raise ConnectionError("the listening connection is closed")

    def _ring(self, institution_id: uuid.UUID) -> None:
        event = self._events.pop(institution_id, None)
        if event is not None:
            event.set()
