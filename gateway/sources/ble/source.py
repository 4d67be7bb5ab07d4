"""The source: what the adapters hear, unsealed and folded, and what the connections give."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Final

import structlog
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from prometheus_client import CollectorRegistry

from edge.marks import Proof, air_proof
from gateway.ble.bthome_objects import is_momentary, tag_at
from gateway.ble.folding import Folding
from gateway.ble.frames import advertisement_frame
from gateway.ble.intervals import Intervals
from gateway.ble.seal import SealError, open_sealed
from gateway.ble.uuids import ADVERTISED, BTHOME, SERVICE_PROFILES
from gateway.clock import Clock
from gateway.sources import Frame, FrameHandler
from gateway.sources.ble.figures import BleFigures
from gateway.sources.ble.links import LinkKeeper
from gateway.sources.ble.memory import BleMemory
from gateway.sources.ble.options import AddressBook, BleDevice, BleOptions, KnownDevices
from gateway.sources.ble.queue import FrameQueue
from gateway.sources.ble.scanner import AdapterScanner
from gateway.sources.strangers import OnStranger, Stranger, Transport

log = structlog.get_logger(__name__)

# A stranger with a format we read is a device to be found and accepted: told now and then.
STRANGER_S: Final = 600.0
# Neighbours' sensors are few; more than this is somebody making addresses up.
_MAX_STRANGERS: Final = 256
_HOUSEKEEPING_S: Final = 15.0
_MAX_INTERVALS: Final = 256
# BlueZ says -127 where it does not know.
_WEAKEST_DBM: Final = -126
_ENCRYPTED_BTHOME: Final = 0b1


# A stranger's signal strength is shown to whoever looks for the device: often enough to walk by.
_MEET_S: Final = 2.0


def _nobody(_stranger: Stranger) -> None:
    """Strangers are of no interest."""


class BleSource:
    """Frames from all adapters, for as long as `run` runs."""

    def __init__(
        self,
        options: BleOptions,
        registry: KnownDevices,
        clock: Clock,
        metrics: CollectorRegistry,
        on_stranger: OnStranger = _nobody,
    ) -> None:
        self._on_stranger = on_stranger
        self._met: dict[str, float] = {}
        self._options = options
        self._clock = clock
        self._figures = BleFigures(metrics)
        self._registry = registry
        self._book = AddressBook(registry)
        self._memory = BleMemory(options.memory_path)
        self._queue = FrameQueue(self._figures)
        self._folding = Folding()
        self._intervals = Intervals()
        self._strangers: dict[str, float] = {}
        self._scanners = [
            AdapterScanner(
                adapter,
                is_active=options.is_active,
                clock=clock,
                figures=self._figures,
                on_advertisement=self._heard,
            )
            for adapter in options.adapters
        ]
        self._links = LinkKeeper(
            options,
            clock=clock,
            figures=self._figures,
            memory=self._memory,
            put=self._queue.put,
            utc_offset_s=self._utc_offset_s,
            simulation_key=lambda: registry.simulation_key,
        )

    @property
    def name(self) -> str:
        """`ble`."""
        return "ble"

    @property
    def connected(self) -> bool:
        """Whether every adapter hears devices: with one deaf, somebody is not watched."""
        return all(scanner.is_open for scanner in self._scanners)

    @property
    def states(self) -> dict[str, bool]:
        """Each adapter for itself, as in the heartbeat."""
        return {f"ble:{scanner.adapter}": scanner.is_open for scanner in self._scanners}

    @property
    def details(self) -> dict[str, dict[str, float]]:
        """What the watchdog had to do, by adapter; how regular our devices are, by their id."""
        found: dict[str, dict[str, float]] = {
            f"ble:{s.adapter}": {
                "scanner_restarts": s.restarts,
                "adapter_recoveries": s.recoveries,
                "advertisements": s.advertisements,
            }
            for s in self._scanners
        }
        learned = {
            device.device_id: round(interval_s, 1)
            for address, device in self._book.devices().items()
            if (interval_s := self._intervals.interval_s(address)) is not None
        }
        found["ble:intervals_s"] = dict(sorted(learned.items())[:_MAX_INTERVALS])
        return found

    async def run(self, handle: FrameHandler) -> None:
        """For ever. What was not handed over when it is cancelled is gone, as on the radio."""
        tasks = [
            asyncio.create_task(scanner.run(), name=f"ble-scan-{scanner.adapter}")
            for scanner in self._scanners
        ]
        tasks.append(asyncio.create_task(self._links.run(self._book.devices), name="ble-links"))
        tasks.append(asyncio.create_task(self._keep_house(), name="ble-housekeeping"))
        tasks.append(asyncio.create_task(self._hand_over(handle), name="ble-frames"))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._save()

    async def _hand_over(self, handle: FrameHandler) -> None:
        while True:
            await handle(await self._queue.next_group())

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            now_s = self._clock.monotonic_s()
            self._figures.heard.set(self._intervals.heard_within(60.0, now_s))
            self._figures.missing.set(
                sum(self._intervals.is_missing(address, now_s) for address in self._book.devices())
            )
            await asyncio.to_thread(self._save)

    def _save(self) -> None:
        try:
            self._memory.save()
        except OSError as error:
            log.warning("ble_memory_not_saved", why=str(error))

    # -- advertisements ----------------------------------------------------------------------

    def _heard(self, adapter: str, ble_device: BLEDevice, heard: AdvertisementData) -> None:
        """One advertisement, in the event loop."""
        del adapter
        address = ble_device.address.upper()
        now_s = self._clock.monotonic_s()
        self._intervals.heard(address, now_s)
        self._links.heard(address, ble_device)
        data = {uuid: body for uuid, body in heard.service_data.items() if uuid in ADVERTISED}
        device = self._book.devices().get(address)
        if device is None:
            self._meet(address, heard, data, now_s)
        if not data:
            return
        if device is None and not self._is_news_of_stranger(address, now_s):
            return
        if not self._folding.is_news(address, data, now_s, momentary=_is_momentary(data)):
            self._figures.folded.inc()
            return
        frame = self._frame(address, heard.local_name or "", data, device, now_s)
        if frame is not None:
            self._queue.put(frame)

    def _frame(
        self,
        address: str,
        name: str,
        data: dict[str, bytes],
        device: BleDevice | None,
        now_s: float,
    ) -> Frame | None:
        """The frame, opened if it was sealed; None for one that was heard before."""
        refused = None
        if device is not None:
            try:
                if device.fault is not None:
                    raise SealError("bad_key", device.fault)  # noqa: TRY301  # one way out
                opened = open_sealed(address, data, device.key)
                counter = opened.counter
                if counter is not None and not self._memory.counters.admit(address, counter, now_s):
                    self._figures.folded.inc()
                    return None
                data = dict(opened.service_data)
            except SealError as error:
                refused = (error.reason, error.detail)
        return Frame(
            source=self.name,
            topic=f"ble/v1/{device.device_id if device else address}/advertisement",
            payload=advertisement_frame(address, name, data, refused),
            received_ns=self._clock.now_ns(),
            proof=self._proof(address, data.get(BTHOME, b"")),
        )

    def _proof(self, address: str, body: bytes) -> Proof:
        key, at = self._registry.simulation_key, tag_at(body) if body else None
        return Proof.NONE if key is None or at is None else air_proof(key, address, body, at)

    def _meet(
        self, address: str, heard: AdvertisementData, data: dict[str, bytes], now_s: float
    ) -> None:
        """Tell of a device that speaks a format we read, or offers a profile we connect for."""
        services = dict.fromkeys(heard.service_uuids)
        profiles = [SERVICE_PROFILES[u] for u in services if u in SERVICE_PROFILES]
        if not data and not profiles:
            return
        if now_s - self._met.get(address, -_MEET_S) < _MEET_S:
            return
        if address not in self._met and len(self._met) >= _MAX_STRANGERS:
            self._met = {a: s for a, s in self._met.items() if now_s - s < STRANGER_S}
            if len(self._met) >= _MAX_STRANGERS:
                return
        self._met[address] = now_s
        link = {"ble_address": address}
        if profiles and not data:
            link["ble_profiles"] = ",".join(profiles)
        name = heard.local_name or ""
        self._on_stranger(
            Stranger(
                device_id=address,
                transport=Transport.BLE,
                format="gatt" if not data else "bthome" if BTHOME in data else "xiaomi",
                name=name,
                link=link,
                rssi_dbm=heard.rssi if _WEAKEST_DBM <= heard.rssi < 0 else None,
                frame=self._frame(address, name, data, None, now_s) if data else None,
            )
        )

    def _is_news_of_stranger(self, address: str, now_s: float) -> bool:
        told_s = self._strangers.get(address)
        if told_s is not None and now_s - told_s < STRANGER_S:
            return False
        if told_s is None and len(self._strangers) >= _MAX_STRANGERS:
            self._strangers = {a: s for a, s in self._strangers.items() if now_s - s < STRANGER_S}
            if len(self._strangers) >= _MAX_STRANGERS:
                return False
        self._strangers[address] = now_s
        return True

    def _utc_offset_s(self) -> int:
        now = dt.datetime.fromtimestamp(self._clock.now_ns() / 1e9, self._options.timezone)
        offset = now.utcoffset()
        return round(offset.total_seconds()) if offset is not None else 0


def _is_momentary(data: dict[str, bytes]) -> bool:
    """A press, or sealed: then the same bytes are the same message, whatever it tells."""
    body = data.get(BTHOME, b"")
    return body != b"" and (bool(body[0] & _ENCRYPTED_BTHOME) or is_momentary(body))
