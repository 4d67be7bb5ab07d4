"""Wires source, pipeline and uplink together, and owns every task.

One worker thread does everything synchronous (decoding, engine, SQLite); the event loop only
moves messages. numpy and SQLite let go of the interpreter lock while they work, so a heartbeat, an
acknowledgement or an urgent batch never waits for a detector. One thread, because the order of
groups is the order of the log.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final, ParamSpec, TypeVar

import structlog

from edge.gateway_wire import SettingValue
from edge.wire import Lane, RegistryDocument
from gateway.all_sources import makers_of
from gateway.clock import Clock, CorrectedClock
from gateway.cloud_client import (
    BULK_TIMEOUT_S,
    CONFIG_TIMEOUT_S,
    CONTROL_TIMEOUT_S,
    URGENT_TIMEOUT_S,
    CloudClient,
)
from gateway.config_sync import ConfigSync
from gateway.engine import Engine
from gateway.found import FoundDevices
from gateway.local_alarm.book import AlarmBook
from gateway.local_alarm.service import LocalAlarm
from gateway.machine import Heard, Machine
from gateway.metrics import Metrics
from gateway.opening import open_outbox
from gateway.outbox import Committed, DiskPolicy, Group, Outbox
from gateway.outbox.room import MIB
from gateway.outbox.schema import is_damage
from gateway.pipeline import SNAPSHOT_INTERVAL_S, Pipeline, Prepared
from gateway.registry import Registry, RegistryError
from gateway.report import Report
from gateway.self_test import SelfTest
from gateway.settings import Settings, load_settings
from gateway.source_keeper import SourceKeeper
from gateway.sources import Frame, Source
from gateway.sources.strangers import Stranger
from gateway.uplink import Uplink

log = structlog.get_logger(__name__)

# Also how soon the cloud hears that a source was lost or found.
_MAINTENANCE_INTERVAL_S: Final = 2.0
# At 500 commits a second the log is then a few thousand pages: less than SQLite's own limit here.
_WRITE_BACK_INTERVAL_S: Final = 0.5
# Tidying may take a good part of an interval on a backlog, and never a whole one.
_TIDY_STEPS: Final = 20
# A full disk is tried again about as often as somebody could have made room.
_COMMIT_RETRY_S: Final = 2.0

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Gateway:
    """One gateway. `run` lasts until `stop` is set; everything is saved when it returns."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        clock: Clock,
        metrics: Metrics,
        *,
        source: Source | None = None,
        load: Callable[[Mapping[str, SettingValue]], Settings] = load_settings,
    ) -> None:
        """`load`: the settings with what the cloud wants in them."""
        self._settings = settings
        self._load = load
        self._clock = clock = CorrectedClock(clock)
        self._metrics = metrics
        self._engine = engine
        self._registry = Registry(settings.registry_path)
        self._found = FoundDevices(self._registry, clock)
        self._sources = SourceKeeper(
            settings,
            lambda now: (
                {source.name: lambda: source}
                if source
                else makers_of(now, self._registry, clock, metrics, self._meet)
            ),
        )
        self._heard = Heard()
        self._settings_changed = asyncio.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pipeline")
        # A group is prepared and committed under it: nothing may come between.
        self._pipeline_lock = asyncio.Lock()
        self._started = asyncio.Event()
        self._stuck = False
        self._started_ns = clock.now_ns()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises OutboxError when the outbox cannot be opened."""
        policy = DiskPolicy(
            self._settings.disk_budget_mib * MIB, self._settings.disk_reserve_mib * MIB
        )
        outbox = await self._in_worker(open_outbox, self._settings.outbox_path, self._clock, policy)
        try:
            await self._run_with(outbox, stop)
        finally:
            # The worker ends first: it may be in the middle of a commit.
            await asyncio.to_thread(self._worker.shutdown)
            outbox.close()

    async def _run_with(self, outbox: Outbox, stop: asyncio.Event) -> None:
        self._outbox = outbox
        self._pipeline = Pipeline(outbox, self._registry, self._engine, self._metrics, self._clock)
        clients = {
            Lane.URGENT: self._client(URGENT_TIMEOUT_S),
            Lane.BULK: self._client(BULK_TIMEOUT_S),
        }
        control = self._client(CONTROL_TIMEOUT_S)
        waiting = self._client(CONFIG_TIMEOUT_S)
        self._clients = (*clients.values(), control, waiting)
        self._uplink = Uplink(outbox, clients, control, self._metrics, self._clock)
        self._make_report(outbox, waiting)
        try:
            await self._start_from_disk()
            tasks = [
                asyncio.create_task(work, name=name) for name, work in self._tasks(stop).items()
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                # Whatever ended unasked for takes the process with it, and says why.
                task.result()
            await self._save_at_end()
        finally:
            for client in self._clients:
                await client.close()
            self._book.close()

    def _make_report(self, outbox: Outbox, waiting: CloudClient) -> None:
        data_dir = self._settings.data_dir
        config = ConfigSync(data_dir, waiting, self._uplink.state, self._take_settings)
        self._book = AlarmBook(data_dir / "local_alarm.sqlite3")
        self._report = Report(
            data_dir,
            self._started_ns,
            self._clock,
            outbox,
            self._registry,
            self._metrics,
            self._uplink.state,
            self._heard,
            self._source_states,
            config,
            details=lambda: self._sources.details,
        )
        self._machine = self._report.machine = Machine(
            data_dir,
            self._settings.power_dir,
            self._clock,
            self._commit_own,
            states=self._source_states,
            gateway_id=lambda: self._registry.gateway_id,
            health=self._report.health,
        )

    def _tasks(self, stop: asyncio.Event) -> dict[str, Coroutine[None, None, object]]:
        return {
            "stop": stop.wait(),
            "urgent": self._uplink.senders[Lane.URGENT].run(),
            "bulk": self._uplink.senders[Lane.BULK].run(),
            "heartbeat": self._uplink.run_heartbeat(self._report.heartbeat, self._clock.observe),
            "registry": self._uplink.run_registry(
                lambda: self._registry.version, self._take_registry
            ),
            "config": self._report.config.run(
                lambda: self._registry.version,
                self._uplink.want_registry,
                self._use_token,
                self._uplink.beat_soon,
            ),
            "sources": self._run_sources(),
            "machine": self._machine.run(),
            "local_alarm": self._run_local_alarm(),
            "self_test": SelfTest(
                lambda: self._settings,
                self._clock,
                is_ready=lambda: self._started.is_set() and any(self._source_states().values()),
                simulation_key=lambda: self._registry.simulation_key,
            ).run(),
            "found": self._uplink.run_found(lambda: self._found.newcomers, self._found.report),
            "maintenance": self._run_maintenance(),
            "log": self._run_write_back(),
        }

    # -- start and end -----------------------------------------------------------------------

    async def _start_from_disk(self) -> None:
        """With the registry on disk everything starts without the cloud."""
        try:
            await self._in_worker(self._registry.load)
        except RegistryError as error:
            log.warning("registry_unreadable", why=str(error))
        if self._registry.document is not None:
            await self._start_pipeline()
        else:
            log.warning("waiting_for_registry", why="none on disk; sources stay closed until then")

    async def _start_pipeline(self) -> None:
        self._tell(await self._in_worker(self._pipeline.start))
        self._metrics.registry_version.set(self._registry.version)
        self._started.set()

    async def _take_registry(self, document: RegistryDocument) -> None:
        """A registry from the cloud. The first one ever lets the sources open."""
        async with self._pipeline_lock:
            if self._started.is_set():
                await self._in_worker(self._pipeline.apply_registry, document)
            else:
                await self._in_worker(self._registry.save, document)
                await self._start_pipeline()

    async def _save_at_end(self) -> None:
        """Snapshots, so that the next start has nothing to replay."""
        try:
            await self._machine.end()
            if not self._started.is_set():
                return
            await self._in_worker(self._pipeline.write_held_back, final=True)
            await self._in_worker(self._pipeline.save_snapshots)
        except (sqlite3.Error, OSError) as error:
            log.warning("not_saved_at_end", why=str(error))
        log.info("stopped")

    # -- frames ------------------------------------------------------------------------------

    async def _run_sources(self) -> None:
        await self._started.wait()
        await self._sources.run(self._handle)

    async def _handle(self, frames: Sequence[Frame]) -> None:
        """A group of frames; returns when it is on disk. The source then acknowledges it."""
        began_s = self._clock.monotonic_s()
        async with self._pipeline_lock:
            prepared, at_once = await self._in_worker(self._take, frames)
            committed = at_once or await self._commit(prepared)
        self._metrics.commit_s.observe(self._clock.monotonic_s() - began_s)
        self._heard.note(prepared.group.signals, self._clock.monotonic_s())
        self._tell(committed)
        if prepared.strangers:
            self._found.meet_frames(frames)
            self._uplink.want_registry()

    def _take(self, frames: Sequence[Frame]) -> tuple[Prepared, Committed | None]:
        """Both steps in one turn of the worker: a call for help waits for one thread, once."""
        prepared = self._pipeline.prepare(frames)
        try:
            return prepared, None if self._stuck else self._pipeline.commit(prepared)
        except sqlite3.Error as error:
            if is_damage(error):
                raise
            return prepared, None  # it is told, and tried again, in `_commit`

    def _meet(self, stranger: Stranger) -> None:
        """Somebody is heard whom nobody has accepted; perhaps somebody has by now."""
        self._found.meet(stranger)
        self._metrics.found_devices.set(len(self._found))
        if stranger.frame is not None:
            self._uplink.want_registry()

    async def _commit_own(self, group: Group) -> Committed:
        """What the gateway says of itself: in between the groups of frames."""
        async with self._pipeline_lock:
            committed = await self._in_worker(self._outbox.commit, group)
        for gap in group.gaps:
            self._metrics.gaps.labels(gap.cause.value).inc()
        self._tell(committed)
        return committed

    async def _commit(self, prepared: Prepared) -> Committed:
        """Until it is written: the engine has decided already and cannot be asked again.

        A damaged file ends the process: the next start saves what can be read.
        """
        while True:
            try:
                committed = await self._in_worker(self._pipeline.commit, prepared)
            except sqlite3.Error as error:
                if is_damage(error):
                    raise
                self._metrics.commit_failures.inc()
                if not self._stuck:
                    self._stuck = True
                    log.critical("outbox_stuck", why=str(error), hint="is the disk full?")
                await self._commit_events(prepared)
                await asyncio.sleep(_COMMIT_RETRY_S)
                continue
            if self._stuck:
                self._stuck = False
                log.info("outbox_writes_again")
            return committed

    async def _commit_events(self, prepared: Prepared) -> None:
        """Events need little room, and nobody who fell can wait for somebody to clear the disk."""
        if not prepared.group.events:
            return
        with suppress(sqlite3.Error):
            self._tell(await self._in_worker(self._pipeline.commit_events, prepared))

    def _tell(self, committed: Committed) -> None:
        self._uplink.senders[Lane.BULK].appended.set()
        if committed.new_events:
            self._uplink.senders[Lane.URGENT].appended.set()

    # -- now and then ------------------------------------------------------------------------

    async def _run_maintenance(self) -> None:
        saved_s = self._clock.monotonic_s()
        failing = False
        told: dict[str, bool] = {}
        while True:
            await asyncio.sleep(_MAINTENANCE_INTERVAL_S)
            for source in self._sources.sources:
                self._metrics.source_connected.labels(source.name).set(source.connected)
            states = self._source_states()
            if states != told:
                told = states
                self._uplink.beat_soon()
            for lane in Lane:
                state = await asyncio.to_thread(self._outbox.lane_state, lane)
                self._metrics.pending.labels(lane.value).set(state.pending)
            self._metrics.outbox_bytes.set(await asyncio.to_thread(self._outbox.used_bytes))
            self._metrics.outbox_reserve.set(self._outbox.has_reserve)
            if not self._started.is_set():
                continue
            is_due = self._clock.monotonic_s() - saved_s >= SNAPSHOT_INTERVAL_S
            try:
                async with self._pipeline_lock:
                    await self._in_worker(self._pipeline.write_held_back)
                    self._tell(await self._let_time_pass())
                    if is_due:
                        await self._in_worker(self._pipeline.save_snapshots)
                await self._tidy()
            except sqlite3.Error as error:
                if is_damage(error):
                    raise
                if not failing:
                    log.warning("maintenance_failed", why=str(error))
                failing = True
                continue
            failing = False
            if is_due:
                saved_s = self._clock.monotonic_s()

    async def _let_time_pass(self) -> Committed:
        """For the people watched. Whoever listens to no source cannot tell silence from quiet."""
        listening = not self._stuck and any(source.connected for source in self._sources.sources)
        return await self._in_worker(self._pipeline.advance, listening=listening)

    async def _run_write_back(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_BACK_INTERVAL_S)
            try:
                await asyncio.to_thread(self._outbox.write_back)
            except sqlite3.Error as error:
                if is_damage(error):
                    raise
                log.debug("not_written_back", why=str(error))  # the next commit tells of it

    async def _tidy(self) -> None:
        """Keep the disk budget, step by step, so that no group waits for more than one step."""
        for _ in range(_TIDY_STEPS):
            if not await self._in_worker(self._outbox.tidy):
                return

    # -- settings from the cloud, local alarm ------------------------------------------------

    async def _take_settings(self, wanted: Mapping[str, SettingValue]) -> None:
        """Work with what the cloud wants from now on. Raises SettingsError, changing nothing."""
        settings = await asyncio.to_thread(self._load, wanted)
        if settings == self._settings:
            return
        self._settings = settings
        self._sources.apply(settings)
        self._settings_changed.set()

    def _use_token(self, token: str) -> None:
        for client in self._clients:
            client.use_token(token)

    async def _run_local_alarm(self) -> None:
        """With the settings as they are; a change begins it anew on the same book."""
        while True:
            self._settings_changed.clear()
            changed = asyncio.create_task(self._settings_changed.wait())
            waits: list[asyncio.Task[object]] = [changed]
            if self._settings.local_alarm:
                alarm = self._report.local_alarm = LocalAlarm(
                    self._settings,
                    outbox=self._outbox,
                    book=self._book,
                    clock=self._clock,
                    device_of=self._registry.device,
                    away_s=lambda: self._uplink.state.away_s,
                    situation=self._report.situation,
                )
                waits.append(asyncio.create_task(alarm.run()))
            else:
                self._report.local_alarm = None
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waits:
                    task.cancel()
                results = await asyncio.gather(*waits, return_exceptions=True)
            for result in results[1:]:
                if isinstance(result, Exception):
                    raise result

    def health(self) -> tuple[bool, dict[str, object]]:
        """For /healthz: not well while nothing can be stored."""
        if not hasattr(self, "_report"):
            return False, {"status": "starting"}
        return not self._stuck, self._report.health()

    def _source_states(self) -> dict[str, bool]:
        """A source whose frames cannot be stored counts as down: it is as blind."""
        return {name: is_open and not self._stuck for name, is_open in self._sources.states.items()}

    def _client(self, timeout_s: float) -> CloudClient:
        settings = self._settings
        return CloudClient(
            settings.cloud_url, settings.token.get_secret_value(), timeout_s, settings.cloud_ca_file
        )

    async def _in_worker(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        call = partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._worker, call)
