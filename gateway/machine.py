"""What the gateway knows of itself: gaps, mains and battery, devices heard, and how it is doing."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from edge.gateway_wire import Gap, gateway_device_id
from edge.signals import Signal
from gateway.clock import Clock
from gateway.gaps import ALIVE_INTERVAL_S, GapKeeper
from gateway.outbox import Group
from gateway.power import PowerState, PowerWatch, read_power

log = structlog.get_logger(__name__)

HEARD_WITHIN_S: Final = 60.0
_STEP_S: Final = 1.0
HEALTH_FILE: Final = "health.json"

Commit = Callable[[Group], Awaitable[object]]


class Heard:
    """Which devices have said something lately."""

    def __init__(self) -> None:
        self._at_s: dict[str, float] = {}

    def note(self, signals: Iterable[Signal], now_s: float) -> None:
        """These came now."""
        for device_id in {signal.device_id for signal in signals}:
            self._at_s[device_id] = now_s

    def within(self, seconds: float, now_s: float) -> int:
        """How many devices said something in the last seconds; forgets the rest."""
        for device_id, at_s in list(self._at_s.items()):  # it may grow meanwhile
            if now_s - at_s > seconds:
                self._at_s.pop(device_id, None)
        return len(self._at_s)


class Machine:
    """Watches this machine. `run` lasts for ever."""

    def __init__(
        self,
        data_dir: Path,
        power_dir: Path,
        clock: Clock,
        commit: Commit,
        *,
        states: Callable[[], dict[str, bool]],
        gateway_id: Callable[[], str | None],
        health: Callable[[], dict[str, Any]],
    ) -> None:
        self._data_dir = data_dir
        self._power_dir = power_dir
        self._clock = clock
        self._commit = commit
        self._states = states
        self._gateway_id = gateway_id
        self._health = health
        self._gaps = GapKeeper(data_dir / "alive.json")
        self._power_watch = PowerWatch()
        self._untold: list[Gap] = []
        self.power = PowerState()

    async def run(self) -> None:
        """Every second: what was missed, and the mains; every few seconds: a sign of life."""
        alive_s = float("-inf")
        is_failing = False
        while True:
            now_s = self._clock.monotonic_s()
            try:
                await self._step()
                if now_s - alive_s >= ALIVE_INTERVAL_S:
                    alive_s = now_s
                    await asyncio.to_thread(self._write)
                is_failing = False
            except (OSError, sqlite3.OperationalError) as error:
                if not is_failing:
                    log.warning("machine_watch_failed", why=str(error))
                is_failing = True
            await asyncio.sleep(_STEP_S)

    async def end(self) -> None:
        """What is missing when the gateway stops, and when. Raises sqlite3.Error, OSError."""
        now_ns = self._clock.now_ns()
        self._untold += self._gaps.at_end(now_ns)
        await self._tell()
        await asyncio.to_thread(self._gaps.still_alive, now_ns)

    async def _step(self) -> None:
        now_ns = self._clock.now_ns()
        self._untold += self._gaps.at_start(now_ns)
        self._untold += self._gaps.observe(self._states(), now_ns)
        await self._tell()
        await self._watch_power(now_ns)

    async def _tell(self) -> None:
        """Kept until they are written."""
        if self._untold:
            gaps = list(self._untold)
            await self._commit(Group(gaps=gaps))
            del self._untold[: len(gaps)]
            for gap in gaps:
                log.warning(
                    "gap", cause=gap.cause.value, source=gap.source,
                    seconds=round((gap.until_ns - gap.from_ns) / 1e9, 1),
                )  # fmt: skip

    async def _watch_power(self, now_ns: int) -> None:
        gateway_id = self._gateway_id()
        self.power = await asyncio.to_thread(read_power, self._power_dir)
        if gateway_id is None or self.power == PowerState():
            return
        device_id = gateway_device_id(gateway_id)
        readings, events = self._power_watch.step(self.power, device_id, now_ns)
        if readings or events:
            await self._commit(Group(signals=readings, events=events))

    def _write(self) -> None:
        self._gaps.still_alive(self._clock.now_ns())
        path = self._data_dir / HEALTH_FILE
        temporary = path.with_name(path.name + ".new")
        temporary.write_bytes(msgspec.json.encode(self._health()))
        temporary.replace(path)


def disk_free_bytes(directory: Path) -> int | None:
    """None where it cannot be asked."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None


def load_health(data_dir: Path) -> dict[str, Any] | None:
    """What the running gateway last wrote of itself; None: nothing."""
    try:
        return msgspec.json.decode((data_dir / HEALTH_FILE).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return None


def is_running(health: dict[str, Any] | None) -> bool:
    """Whether the process that wrote it is there."""
    pid = None if health is None else health.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
