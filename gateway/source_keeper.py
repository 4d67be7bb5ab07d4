"""Runs the sources, and exchanges those whose settings have changed; the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from gateway.settings import Settings
from gateway.sources import FrameHandler, Source

log = structlog.get_logger(__name__)

Maker = Callable[[], Source]
MakersOf = Callable[[Settings], Mapping[str, Maker]]


class SourceKeeper:
    """The sources of one gateway, by name. A source's settings are those that begin with it."""

    def __init__(self, settings: Settings, makers_of: MakersOf) -> None:
        self._settings = settings
        self._makers_of = makers_of
        self._sources = {name: make() for name, make in makers_of(settings).items()}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wanted: Settings | None = None
        self._changed = asyncio.Event()

    @property
    def sources(self) -> list[Source]:
        """Those that are there now."""
        return list(self._sources.values())

    @property
    def states(self) -> dict[str, bool]:
        """Every part of every source, and whether frames can come in there."""
        return {
            name: is_open
            for source in self._sources.values()
            for name, is_open in source.states.items()
        }

    @property
    def details(self) -> dict[str, dict[str, float]]:
        """Figures of every source, for the heartbeat."""
        return {
            name: dict(figures)
            for source in self._sources.values()
            for name, figures in source.details.items()
        }

    def apply(self, settings: Settings) -> None:
        """Work with these from now on."""
        self._wanted = settings
        self._changed.set()

    async def run(self, handle: FrameHandler) -> None:
        """For ever. A source that ends by itself takes this with it, and says why."""
        try:
            while True:
                for name, source in self._sources.items():
                    if name not in self._tasks:
                        self._tasks[name] = asyncio.create_task(source.run(handle), name=name)
                changed = asyncio.ensure_future(self._changed.wait())
                try:
                    await asyncio.wait(
                        [changed, *self._tasks.values()], return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    changed.cancel()
                for task in self._tasks.values():
                    if task.done():
                        task.result()
                if self._changed.is_set():
                    await self._exchange()
        finally:
            await self._end(list(self._tasks))

    async def _exchange(self) -> None:
        self._changed.clear()
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        makers = self._makers_of(wanted)
        names = self._sources.keys() | makers.keys()
        changed = {
            name
            for name in names
            if _settings_of(name, self._settings) != _settings_of(name, wanted)
            or (name in self._sources) != (name in makers)
        }
        self._settings = wanted
        await self._end([name for name in self._tasks if name in changed])
        for name in changed:
            self._sources.pop(name, None)
            if name in makers:
                self._sources[name] = makers[name]()
        if changed:
            log.info("sources_exchanged", names=sorted(changed))

    async def _end(self, names: list[str]) -> None:
        tasks = [self._tasks.pop(name) for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _settings_of(name: str, settings: Settings) -> dict[str, object]:
    return {
        field: getattr(settings, field)
        for field in Settings.model_fields
        if field.startswith(f"{name}_")
    }
