"""What one screen hears, from its connection to its end."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from typing import Final

from sse_starlette.event import ServerSentEvent

from cloud.clock import Clock
from cloud.live.hub import LiveHub
from cloud.live.models import LiveEvent
from cloud.schema_types import iso_ms

# A screen that hears nothing for 15 s says so in red: two pings may be lost before that.
PING_S: Final = 5.0
# What goes to many screens is made once.
_FRAMES_KEPT: Final = 2048


@lru_cache(maxsize=_FRAMES_KEPT)
def _frame(position: int, kind: str, payload: str) -> bytes:
    """One event as it goes over the wire; the same for every screen."""
    return ServerSentEvent(payload, event=kind, id=str(position)).encode()


class ScreenStream:
    """Replays what came after `after`, then goes on; `still_allowed` says whether it may.

    `may_see` says so of one alert: those of other units are passed over. `status`: as this
    screen may know it, as JSON.
    """

    def __init__(
        self,
        hub: LiveHub,
        clock: Clock,
        institution_id: uuid.UUID,
        after: int | None,
        *,
        still_allowed: Callable[[], Awaitable[bool]],
        may_see: Callable[[uuid.UUID], Awaitable[bool]],
        status: Callable[[], Awaitable[str]],
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._institution_id = institution_id
        self._after = after
        self._still_allowed = still_allowed
        self._may_see = may_see
        self._status = status

    async def events(self) -> AsyncIterator[ServerSentEvent | bytes]:
        """Everything to send, until the login ends."""
        with self._hub.channel(self._institution_id) as channel:
            head = await self._hub.head(self._institution_id)
            position = head.position if self._after is None else self._after
            if not head.forgotten_through <= position <= head.position:
                position = head.position
                body = json.dumps({"position": position})
                yield ServerSentEvent(body, event="reset", id=str(position))
            yield ServerSentEvent(await self._status(), event="status")
            yield self._ping()
            next_ping_s = self._clock.monotonic_s() + PING_S
            rung = False
            while True:
                bell = channel.bell
                page = await self._hub.after(channel, position)
                told = [
                    event
                    for event in page
                    if event.subject_id is None or await self._may_see(event.subject_id)
                ]
                if told:
                    yield b"".join([await self._told(event) for event in told])
                    for event in told:
                        self._hub.was_sent(self._institution_id, event)
                if page:
                    position = page[-1].position  # past those of other units too
                due = self._clock.monotonic_s() >= next_ping_s
                # A ring without news: somebody logged out. Not after each event: with many screens
                # that were a query each.
                if (due or (rung and not page)) and not await self._still_allowed():
                    yield ServerSentEvent('{"code":"not_logged_in"}', event="end")
                    return
                if due:
                    yield self._ping()
                    next_ping_s = self._clock.monotonic_s() + PING_S
                rung = not page and await self._wait(bell, next_ping_s)

    async def _told(self, event: LiveEvent) -> bytes:
        body = event.payload
        if body is None:  # a status is told as it is now, not as it was
            body = await self._status()
            return ServerSentEvent(body, event=event.kind, id=str(event.position)).encode()
        return _frame(event.position, event.kind, body)

    def _ping(self) -> ServerSentEvent:
        body = json.dumps({"server_time": iso_ms(self._clock.now())})
        return ServerSentEvent(body, event="ping")

    async def _wait(self, bell: asyncio.Event, until_s: float) -> bool:
        """Whether it rang before that time."""
        try:
            async with asyncio.timeout(max(0.0, until_s - self._clock.monotonic_s())):
                return await bell.wait()
        except TimeoutError:
            return False
