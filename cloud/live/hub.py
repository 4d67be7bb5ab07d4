"""One listener per process wakes all screens of this process; each screen keeps its own place.

PostgreSQL's notification is only a wake-up: what is sent is always read from the table, so a
lost notification costs POLL_S and nothing else.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import psycopg
import structlog

from cloud.clock import Clock
from cloud.database import Database, TenantScope, libpq_arguments
from cloud.live.doors import Admit, Doors, WhoSees
from cloud.live.models import LiveEvent
from cloud.live.service import CHANNEL, Head, read_after, read_head
from cloud.metrics import Metrics
from cloud.tasks import Beat

# A screen counts as blind after 15 s: two polls are still in time.
POLL_S: Final = 5.0
_PAGE: Final = 200
# What a screen may be behind before it reads from the database by itself.
_RECENT: Final = 500
_REMEMBERED_PUSHES: Final = 10_000
# Screens that ask for themselves (a replay, a status of certain units) take at most so many of the
# pool's connections at a time: a whole house that comes back at once leaves room for its alerts.
_OWN_QUESTIONS: Final = 4
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asks:
    """What the stream asks of the slices above it, each in a transaction of the institution.

    `status`: as JSON, whole; `status_for`: as this login may know it, None where it ended.
    """

    admit: Admit
    who_sees: WhoSees
    status: Callable[[TenantScope], Awaitable[str]]
    status_for: Callable[[TenantScope, uuid.UUID], Awaitable[str | None]]
    note_pushed: Callable[[TenantScope, uuid.UUID], Awaitable[None]]


@dataclass(slots=True)
class Channel:
    """What the screens of one institution share: the newest events, a bell, and the doors."""

    institution_id: uuid.UUID
    doors: Doors
    position: int = -1
    rung_at_s: float = 0.0
    status: tuple[int, asyncio.Task[str]] | None = None
    recent: deque[LiveEvent] = field(default_factory=lambda: deque(maxlen=_RECENT))
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    screens: int = 0

    def ring(self) -> None:
        """Wake everyone who waits now."""
        bell, self.bell = self.bell, asyncio.Event()
        bell.set()

    def after(self, position: int) -> list[LiveEvent] | None:
        """What came after `position`, or None where that is further back than is remembered."""
        if self.position >= 0 and position >= self.position:
            return []
        if not self.recent or position < self.recent[0].position - 1:
            return None
        return [event for event in self.recent if event.position > position]


class LiveHub:
    """Owned by the application: `listen` and `write_pushed` run as its tasks."""

    def __init__(self, database: Database, metrics: Metrics, clock: Clock, asks: Asks) -> None:
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._asks = asks
        self._channels: dict[uuid.UUID, Channel] = {}
        self._pushed: asyncio.Queue[tuple[uuid.UUID, uuid.UUID]] = asyncio.Queue()
        self._pushed_already: set[uuid.UUID] = set()
        self._own_questions = asyncio.Semaphore(_OWN_QUESTIONS)

    @contextmanager
    def channel(self, institution_id: uuid.UUID) -> Iterator[Channel]:
        """The institution's channel, for as long as one screen is on it."""
        channel = self._channels.get(institution_id)
        if channel is None:
            doors = Doors(
                self._database, self._clock, institution_id, self._asks.admit, self._asks.who_sees
            )
            channel = self._channels[institution_id] = Channel(institution_id, doors)
        channel.screens += 1
        self._metrics.live_clients.inc()
        try:
            yield channel
        finally:
            self._metrics.live_clients.dec()
            channel.screens -= 1
            if not channel.screens:
                self._channels.pop(institution_id, None)

    async def head(self, channel: Channel, after: int | None) -> Head:
        """Where the institution's stream is; asked only by who was away for longer, or is ahead."""
        wanted = channel.position if after is None else after
        if 0 <= wanted <= channel.position and channel.after(wanted) is not None:
            return Head(channel.position, forgotten_through=0)
        async with self._own_questions, self._database.tenant(channel.institution_id) as scope:
            return await read_head(scope)

    async def status(self, channel: Channel, key: uuid.UUID, position: int) -> str:
        """The status, as JSON, not older than the event at `position`; {} to a login that ended."""
        visitor = await channel.doors.visitor(key, -float("inf"))
        if visitor is None or visitor.units is not None:
            async with self._own_questions, self._database.tenant(channel.institution_id) as scope:
                return await self._asks.status_for(scope, key) or "{}"
        if channel.status is None or channel.status[0] < position or channel.status[1].done():
            channel.status = (position, asyncio.create_task(self._status(channel)))
        return await asyncio.shield(channel.status[1])

    async def _status(self, channel: Channel) -> str:
        async with self._database.tenant(channel.institution_id) as scope:
            return await self._asks.status(scope)

    async def after(self, channel: Channel, position: int) -> list[LiveEvent]:
        """The next events after `position`, at most a page."""
        events = channel.after(position)
        if events is None:
            async with self._own_questions, self._database.tenant(channel.institution_id) as scope:
                events = await read_after(scope, position, _PAGE)
        return events[:_PAGE]

    def was_sent(self, institution_id: uuid.UUID, event: LiveEvent) -> None:
        """A screen's connection has taken this event."""
        self._metrics.live_sent.labels(event.kind).inc()
        if event.subject_id is None or event.subject_id in self._pushed_already:
            return
        if len(self._pushed_already) >= _REMEMBERED_PUSHES:
            self._pushed_already.clear()  # writing again changes nothing
        self._pushed_already.add(event.subject_id)
        self._pushed.put_nowait((institution_id, event.subject_id))

    async def write_pushed(self, beat: Beat) -> None:
        """Task: note in the ledger what reached a screen first when."""
        while True:
            institution_id, subject_id = await self._pushed.get()
            try:
                async with self._database.tenant(institution_id) as scope:
                    await self._asks.note_pushed(scope, subject_id)
            except BaseException:
                self._pushed_already.discard(subject_id)
                raise
            beat()

    async def listen(self, beat: Beat) -> None:
        """Task: one connection that hears of every commit, for all screens of this process."""
        arguments = libpq_arguments(self._database.app_url)
        connection = await psycopg.AsyncConnection.connect(**arguments, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            beat()
            while True:
                await self._refresh(list(self._channels.values()))
                async for notification in connection.notifies(timeout=POLL_S):
                    channel = self._channels.get(uuid.UUID(notification.payload))
                    if channel is not None:
                        await self._refresh([channel])
                if connection.closed:
                    raise ConnectionError("the listening connection is closed")

    async def _refresh(self, channels: list[Channel]) -> None:
        """Read what is new and ring."""
        for channel in channels:
            async with self._database.tenant(channel.institution_id) as scope:
                if channel.position < 0:
                    channel.position = (await read_head(scope)).position
                else:
                    while page := await read_after(scope, channel.position, _PAGE):
                        channel.recent.extend(page)
                        channel.position = page[-1].position
            channel.rung_at_s = self._clock.monotonic_s()
            channel.ring()
