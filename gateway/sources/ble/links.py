"""Connections to the registered devices that need one: kept, begun again, and limited in number."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

from edge.marks import Proof, connection_proof
from gateway.ble import uuids
from gateway.ble.frames import notification_frame
from gateway.clock import Clock
from gateway.sources import Frame
from gateway.sources.ble.bluez import RADIO_ERRORS, battery_level
from gateway.sources.ble.figures import BleFigures
from gateway.sources.ble.memory import BleMemory
from gateway.sources.ble.options import BleDevice, BleOptions
from gateway.sources.ble.profiles import AUTO, INFORMATION, PROFILES

log = structlog.get_logger(__name__)

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 60.0
# A connection that lasted this long was good: the next try comes at once.
_GOOD_S: Final = 30.0
# Two attempts hold a slot for a minute at most; the rest is this module's own back-off.
_ATTEMPTS: Final = 2
# BlueZ reads the battery soon after the services; it changes slowly.
_BATTERY_FIRST_S: Final = 5.0
_BATTERY_S: Final = 900.0
_REGISTRY_CHECK_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a connected device says of itself: that it is the simulator's, and how it proves it."""

    is_simulated: bool
    proof: Proof = Proof.NONE


class _Session:
    """One connection, as `profiles.Session` wants it."""

    def __init__(
        self, keeper: LinkKeeper, device: BleDevice, client: BleakClient, mark: _Mark
    ) -> None:
        self.client = client
        self.device_id = device.device_id
        self._keeper = keeper
        self.n_frames = 0
        self._mark = mark
        self.boot_id = keeper.memory.next_boot(device.device_id, keeper.clock.now_ns())

    def emit(self, kind: str, payload: bytes) -> None:
        self.n_frames += 1
        self._keeper.emit(self.device_id, kind, payload, self._mark)

    def now_ns(self) -> int:
        return self._keeper.clock.now_ns()

    def utc_offset_s(self) -> int:
        return self._keeper.utc_offset_s()

    def last_record(self) -> int | None:
        return self._keeper.memory.records.get(self.device_id)

    def remember_record(self, number: int) -> None:
        self._keeper.memory.records[self.device_id] = number


@dataclass(slots=True)
class _Link:
    """A device that is to be connected, and where it was heard last."""

    device: BleDevice
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    ble_device: BLEDevice | None = None
    is_failing: bool = False
    task: asyncio.Task[None] | None = None


class LinkKeeper:
    """Owns one task per device that has profiles in the registry."""

    def __init__(
        self,
        options: BleOptions,
        *,
        clock: Clock,
        figures: BleFigures,
        memory: BleMemory,
        put: Callable[[Frame], None],
        utc_offset_s: Callable[[], int],
        simulation_key: Callable[[], bytes | None],
    ) -> None:
        self._simulation_key = simulation_key
        self.clock = clock
        self.memory = memory
        self.utc_offset_s = utc_offset_s
        self._figures = figures
        self._put = put
        self._n_slots = options.slots
        self._slots = asyncio.Semaphore(options.slots)
        self._links: dict[str, _Link] = {}

    def heard(self, address: str, ble_device: BLEDevice) -> None:
        """A device advertises, so it can be connected."""
        link = self._links.get(address)
        if link is not None:
            link.ble_device = ble_device
            link.heard.set()

    async def run(self, devices: Callable[[], Mapping[str, BleDevice]]) -> None:
        """For ever: as many tasks as the registry has devices to connect."""
        try:
            while True:
                wanted = {a: d for a, d in devices().items() if d.profiles}
                for address in [a for a, k in self._links.items() if wanted.get(a) != k.device]:
                    await self._end(self._links.pop(address))
                if len(wanted) > self._n_slots and wanted.keys() - self._links.keys():
                    log.warning("ble_slots_short", devices=len(wanted), slots=self._n_slots)
                for address in wanted.keys() - self._links.keys():
                    link = _Link(wanted[address])
                    link.task = asyncio.create_task(
                        self._keep(link), name=f"ble-{link.device.device_id}"
                    )
                    self._links[address] = link
                for link in self._links.values():
                    if link.task is not None and link.task.done():
                        link.task.result()  # a fault of ours ends the source, and says why
                await asyncio.sleep(_REGISTRY_CHECK_S)
        finally:
            links, self._links = list(self._links.values()), {}
            await asyncio.gather(*(self._end(link) for link in links))

    async def _end(self, link: _Link) -> None:
        if link.task is not None:
            link.task.cancel()
            await asyncio.gather(link.task, return_exceptions=True)

    def emit(self, device_id: str, kind: str, payload: bytes, mark: _Mark) -> None:
        """A frame from a connection."""
        family = "ble-sim" if mark.is_simulated else "ble"
        topic = f"{family}/v1/{device_id}/{kind}"
        now_ns = self.clock.now_ns()
        self._put(Frame("ble", topic, payload, received_ns=now_ns, proof=mark.proof))

    async def _keep(self, link: _Link) -> None:
        """For ever: wait until it is heard, connect, stay; back off when that fails."""
        failures = 0
        while True:
            link.heard.clear()
            await link.heard.wait()
            async with self._slots:
                began_s = self.clock.monotonic_s()
                try:
                    n_frames = await self._connect(link)
                except RADIO_ERRORS as error:
                    n_frames = 0
                    self._failed(link, error)
            lasted_s = self.clock.monotonic_s() - began_s
            failures = 0 if n_frames or lasted_s > _GOOD_S else failures + 1
            if failures:
                ceiling_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(failures, 10))
                await asyncio.sleep(random.uniform(BACKOFF_FIRST_S, ceiling_s))  # noqa: S311  # no secret

    async def _connect(self, link: _Link) -> int:
        """From connecting to the end of the connection; how many frames it gave.

        Raises one of RADIO_ERRORS.
        """
        device_id = link.device.device_id
        gone = asyncio.Event()
        assert link.ble_device is not None  # noqa: S101  # `heard` is set after it
        client = await establish_connection(
            BleakClientWithServiceCache,
            link.ble_device,
            device_id,
            disconnected_callback=lambda _: gone.set(),
            max_attempts=_ATTEMPTS,
        )
        self._figures.connected.inc()
        try:
            mark = await self._mark(link.device, client)
            session = _Session(self, link.device, client, mark)
            await asyncio.to_thread(self.memory.save)
            await self._start(session, link.device)
            self._figures.connections.labels("connected").inc()
            if link.is_failing:
                link.is_failing = False
                log.info("ble_connected_again", device_id=device_id)
            await self._stay(session, link, gone)
        finally:
            self._figures.connected.dec()
            try:
                await client.disconnect()
            except RADIO_ERRORS as error:
                log.debug("ble_disconnect_failed", device_id=device_id, why=str(error))
        return session.n_frames

    async def _mark(self, device: BleDevice, client: BleakClient) -> _Mark:
        """Raises one of RADIO_ERRORS."""
        if client.services.get_service(uuids.SIMULATED_SERVICE) is None:
            return _Mark(is_simulated=False)
        key = self._simulation_key()
        tag = client.services.get_characteristic(uuids.SIMULATED_TAG)
        if key is None or tag is None:
            return _Mark(is_simulated=True)
        answer = bytes(await client.read_gatt_char(tag))
        return _Mark(is_simulated=True, proof=connection_proof(key, device.address, answer))

    async def _stay(self, session: _Session, link: _Link, gone: asyncio.Event) -> None:
        """Until the device leaves. Asks BlueZ for the battery where the device does not tell us."""
        names, services = link.device.profiles, session.client.services
        wants_battery = {"battery", AUTO} & set(names)
        asks = wants_battery and services.get_characteristic(uuids.BATTERY_LEVEL) is None
        wait_s = _BATTERY_FIRST_S if asks else None
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    await gone.wait()
            except TimeoutError:
                wait_s = _BATTERY_S
                await self._ask_battery(session, link)
            else:
                return

    async def _ask_battery(self, session: _Session, link: _Link) -> None:
        assert link.ble_device is not None  # noqa: S101  # it is connected
        details = link.ble_device.details
        path = details.get("path") if isinstance(details, dict) else None
        level = await battery_level(path) if path else None
        if level is not None:
            session.emit("battery", notification_frame(bytes([level & 0xFF]), 0))

    async def _start(self, session: _Session, device: BleDevice) -> None:
        """Every profile the device has and the registry names."""
        services = session.client.services
        has = {c.uuid for service in services for c in service.characteristics}
        names = PROFILES.keys() if AUTO in device.profiles else device.profiles
        started = []
        for name in names:
            profile = PROFILES.get(name)
            if profile is not None and profile.characteristic in has:
                await profile.start(session)
                started.append(name)
        # BlueZ may keep the battery service to itself (`_stay` asks it).
        if not started and device.profiles != ("battery",):
            raise OSError(f"the device has none of: {', '.join(device.profiles)}")
        values = {
            uuid: bytes(await session.client.read_gatt_char(uuid))
            for uuid in INFORMATION
            if uuid in has
        }
        log.info(
            "ble_connected",
            device_id=device.device_id,
            profiles=started,
            information=[value[:64].decode("utf-8", "replace") for value in values.values()],
        )

    def _failed(self, link: _Link, error: Exception) -> None:
        self._figures.connections.labels("failed").inc()
        if not link.is_failing:
            link.is_failing = True
            why = str(error) or type(error).__name__
            log.warning("ble_connection_failed", device_id=link.device.device_id, why=why)
