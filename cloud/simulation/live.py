"""What a screen hears of one run: from any part on, to its end."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from sse_starlette.event import ServerSentEvent

from cloud.clock import Clock
from cloud.database import Database
from cloud.schema_types import iso_ms
from cloud.simulation.models import ENDED, RunState
from cloud.simulation.service import find, frames_after, run_detail

LOOK_S: Final = 0.3
PING_S: Final = 5.0


async def run_events(
    database: Database,
    clock: Clock,
    institution_id: uuid.UUID,
    run_id: uuid.UUID,
    *,
    after: int,
    still_allowed: Callable[[], Awaitable[bool]],
) -> AsyncIterator[ServerSentEvent]:
    """`run` on every change of state, `frame` for every part, `ping`; `over` is the last."""
    state: str | None = None
    next_ping_s = clock.monotonic_s()
    while True:
        async with database.tenant(institution_id) as scope:
            run = await find(scope, run_id)
            frames = await frames_after(scope, run_id, after)
            detail = run_detail(run).model_dump_json()
        if run.state != state:
            state = run.state
            yield ServerSentEvent(detail, event="run")
        for frame in frames:
            after = frame.number
            yield ServerSentEvent(frame.body, event="frame", id=str(after))
        if not frames and RunState(run.state) in ENDED:
            yield ServerSentEvent("{}", event="over")
            return
        if clock.monotonic_s() >= next_ping_s:
            if not await still_allowed():
                yield ServerSentEvent('{"code":"not_logged_in"}', event="end")
                return
            yield ServerSentEvent(json.dumps({"server_time": iso_ms(clock.now())}), event="ping")
            next_ping_s = clock.monotonic_s() + PING_S
        if not frames:
            await asyncio.sleep(LOOK_S)
