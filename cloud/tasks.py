"""Background tasks: named, owned, watched, cancelled and awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from cloud.metrics import Metrics

# A broken task tries again after this long: soon enough to be unnoticed, no hot loop.
RETRY_S: Final = 1.0

Beat = Callable[[], None]
Task = Callable[[Beat], Awaitable[None]]
_log = structlog.get_logger(__name__)


class Supervisor:
    """Owns the tasks of the application. The one place where any failure is caught."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, task: Task) -> None:
        """Run `task` for ever; it calls its argument whenever it is well."""
        self._tasks.append(asyncio.create_task(self._supervise(name, task), name=name))

    async def stop(self) -> None:
        """Cancel all and wait for them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _supervise(self, name: str, task: Task) -> None:
        broken = False

        def beat() -> None:
            nonlocal broken
            if broken:
                broken = False
                _log.info("task_healed", task=name)

        while True:
            try:
                await task(beat)
            except Exception as error:  # noqa: BLE001 - the supervisor boundary
                self._metrics.task_failures.labels(name).inc()
                if not broken:
                    broken = True
                    _log.error("task_broke", task=name, exc_info=error)
            await asyncio.sleep(RETRY_S)


def every(interval_s: float, once: Callable[[], Awaitable[object]]) -> Task:
    """A task that does `once` again and again."""

    async def run(beat: Beat) -> None:
        while True:
            await once()
            beat()
            await asyncio.sleep(interval_s)

    return run
