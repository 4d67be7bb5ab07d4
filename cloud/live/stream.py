"""What one screen hears, from its connection to its end."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Final

from sse_starlette.event import ServerSentEvent

from cloud.clock import Clock
from cloud.live.hub import Channel, LiveHub
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


@lru_cache(maxsize=2)
def _ping_at(server_time: str) -> bytes:
    body = json.dumps({"server_time": server_time})
    return ServerSentEvent(body, event="ping").encode()


class ScreenStream:
    """What one login's screen is told: a replay of what came after `after`, then what comes."""

    def __init__(
        self,
        hub: LiveHub,
        clock: Clock,
        institution_id: uuid.UUID,
        key: uuid.UUID,
        after: int | None,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._institution_id = institution_id
        self._key = key
        self._after = after

    async def events(self) -> AsyncIterator[ServerSentEvent | bytes]:
        """Everything to send, until the login ends."""
        with (
            self._hub.channel(self._institution_id) as channel,
            channel.doors.inside(self._key),
        ):
            head = await self._hub.head(channel, self._after)
            position = head.position if self._after is None else self._after
            if not head.forgotten_through <= position <= head.position:
                position = head.position
                body = json.dumps({"position": position})
                yield ServerSentEvent(body, event="reset", id=str(position))
            status = await self._hub.status(channel, self._key, head.position)
            yield ServerSentEvent(status, event="status")
            yield self._ping()
            next_ping_s = self._clock.monotonic_s() + PING_S
            rung = False
            while True:
                bell = channel.bell
                page = await self._hub.after(channel, position)
                told = [event for event in page if await self._may_see(channel, event)]
                if told:
                    yield b"".join([await self._told(channel, event) for event in told])
                    for event in told:
                        self._hub.was_sent(self._institution_id, event)
                if page:
                    position = page[-1].position  # past those of other units too
                now_s = self._clock.monotonic_s()
                due = now_s >= next_ping_s
                # A ring without news: somebody logged out. An answer of after the ring is wanted.
                asked_s = channel.rung_at_s if rung and not page else now_s - PING_S / 2
                if (due or (rung and not page)) and (
                    await channel.doors.visitor(self._key, asked_s) is None
                ):
                    yield ServerSentEvent('{"code":"not_logged_in"}', event="end")
                    return
                if due:
                    yield self._ping()
                    next_ping_s = self._clock.monotonic_s() + PING_S
                rung = not page and await self._wait(bell, next_ping_s)

    async def _may_see(self, channel: Channel, event: LiveEvent) -> bool:
        return event.subject_id is None or await channel.doors.sees(
            self._key, event.position, event.subject_id
        )

    async def _told(self, channel: Channel, event: LiveEvent) -> bytes:
        if event.payload is not None:
            return _frame(event.position, event.kind, event.payload)
        # A status is told as it is now, not as it was.
        body = await self._hub.status(channel, self._key, event.position)
        return _frame(event.position, event.kind, body)

    def _ping(self) -> bytes:
        return _ping_at(iso_ms(self._clock.now()))

    async def _wait(self, bell: asyncio.Event, until_s: float) -> bool:
        """Whether it rang before that time."""
        try:
            async with asyncio.timeout(max(0.0, until_s - self._clock.monotonic_s())):
                return await bell.wait()
        except TimeoutError:
            return False
