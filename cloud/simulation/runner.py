"""Drives the runs that wait: starts the process, believes only what carries the run's tag.

Everything goes into the two tables of this slice. There is no way from here to alerts, notices or
series: this module imports none of them, and a contract of import-linter keeps it so.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import or_

from cloud.clock import Clock
from cloud.crypto import Keyring
from cloud.database import Database, TenantScope
from cloud.simulation.models import RunState, SimulationFrame, SimulationRun
from cloud.simulation.process import COMMAND, complaint_of, simulator
from cloud.simulation.service import SILENT_AFTER, find
from cloud.tasks import Beat
from edge.simulated import KEY_BYTES, TagError, open_line

LOOK_S: Final = 0.5
_WRITE_S: Final = 0.25
# In one process: a simulation takes a core.
_AT_ONCE: Final = 1
_MAX_FRAMES: Final = 200_000
_RESULTS: Final = frozenset({"scorecard", "outcomes"})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Claimed:
    institution_id: uuid.UUID
    run_id: uuid.UUID
    key: bytes
    wanted: dict[str, Any]


@dataclass
class _Told:
    """What came and is not written yet."""

    next_number: int = 1
    frames: list[tuple[int, str, str]] = field(default_factory=list)
    cast: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


class Runner:
    """One for each process of the cloud; a run is taken by one of them."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._command = command

    async def work(self, beat: Beat) -> None:
        """For ever."""
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                for task in [task for task in running if task.done()]:
                    running.discard(task)
                    task.result()
                if len(running) < _AT_ONCE and (claimed := await self.claim()) is not None:
                    name = f"simulation {claimed.run_id}"
                    running.add(asyncio.create_task(self.drive(claimed), name=name))
                beat()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def claim(self) -> _Claimed | None:
        """The next run that waits, or None; those whose process died are said to have failed."""
        for institution_id in await self._database.institutions():
            async with self._database.tenant(institution_id) as scope:
                now = self._clock.now()
                await self._bury(scope, now)
                run = (
                    await scope.session.scalars(
                        scope.select(SimulationRun)
                        .where(SimulationRun.state == RunState.QUEUED)
                        .order_by(SimulationRun.asked_at)
                        .limit(1)
                        .with_for_update(skip_locked=True)
                    )
                ).one_or_none()
                if run is None:
                    continue
                key = secrets.token_bytes(KEY_BYTES)
                run.state, run.started_at, run.beat_at = RunState.RUNNING, now, now
                run.sealed_key = self._keyring.encrypt(key.hex(), key_context(run.id))
                return _Claimed(institution_id, run.id, key, dict(run.wanted))
        return None

    async def _bury(self, scope: TenantScope, now: datetime) -> None:
        lost = await scope.session.scalars(
            scope.select(SimulationRun)
            .where(
                SimulationRun.state == RunState.RUNNING,
                or_(SimulationRun.beat_at.is_(None), SimulationRun.beat_at < now - SILENT_AFTER),
            )
            .with_for_update(skip_locked=True)
        )
        for run in lost:
            run.state, run.ended_at = RunState.FAILED, now
            run.note = "the process that ran it is gone"

    async def drive(self, claimed: _Claimed) -> None:
        """Run one to its end, whatever that is."""
        try:
            state, note = await self._perform(claimed)
        except TagError as error:
            state, note = RunState.REFUSED, f"a line of the simulator {error}"
            _log.error("simulation_refused", run=str(claimed.run_id), why=str(error))
        except (OSError, ValueError) as error:
            state, note = RunState.FAILED, str(error)
        except asyncio.CancelledError:
            await self._end(claimed, RunState.FAILED, "the server was stopped meanwhile")
            raise
        await self._end(claimed, state, note)

    async def _perform(self, claimed: _Claimed) -> tuple[RunState, str | None]:
        order = {
            "run_id": str(claimed.run_id), "key_hex": claimed.key.hex(), "order": claimed.wanted,
        }  # fmt: skip
        told = _Told()
        async with simulator(self._command) as process:
            if process.stdin is None or process.stdout is None:
                raise OSError("the simulator has no pipes")
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            reading = asyncio.create_task(_read(process.stdout, claimed, told), name="stage lines")
            try:
                while not reading.done():
                    await asyncio.wait([reading], timeout=_WRITE_S)
                    if await self._write(claimed, told):
                        return RunState.STOPPED, None
                reading.result()
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            complaint = await complaint_of(process)
            if await process.wait() != 0:
                return RunState.FAILED, complaint
        if told.result is None:
            return RunState.FAILED, "the simulator ended before its result"
        return RunState.DONE, None

    async def _write(self, claimed: _Claimed, told: _Told) -> bool:
        """Keep what came; whether somebody wants it to stop."""
        frames, told.frames = told.frames, []
        async with self._database.tenant(claimed.institution_id) as scope:
            run = await find(scope, claimed.run_id)
            run.beat_at = self._clock.now()
            run.cast_of, run.result = told.cast, told.result
            scope.session.add_all(
                SimulationFrame(
                    institution_id=claimed.institution_id, run_id=claimed.run_id, number=number,
                    tag=tag, body=body,
                )
                for number, tag, body in frames
            )  # fmt: skip
            return run.stop_asked

    async def _end(self, claimed: _Claimed, state: RunState, note: str | None) -> None:
        async with self._database.tenant(claimed.institution_id) as scope:
            run = await find(scope, claimed.run_id)
            run.state, run.note, run.ended_at = state, note, self._clock.now()


def key_context(run_id: uuid.UUID) -> str:
    """What the key of a run is sealed for."""
    return f"simulation_run.sealed_key:{run_id}"


async def _read(stream: asyncio.StreamReader, claimed: _Claimed, told: _Told) -> None:
    """Every line to its end. Raises TagError at the first that is not this run's."""
    run_id = str(claimed.run_id)
    while line := await stream.readline():
        text = line.decode("utf-8", errors="replace")
        tag, body = open_line(claimed.key, run_id, told.next_number, text)
        if told.next_number > _MAX_FRAMES:
            raise ValueError(f"more than {_MAX_FRAMES} parts: choose a higher speed")
        said = json.loads(body)
        if said["kind"] == "cast":
            told.cast = said
        elif said["kind"] in _RESULTS:
            told.result = said
        told.frames.append((told.next_number, tag, body))
        told.next_number += 1
