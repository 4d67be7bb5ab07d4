"""One adapter that listens without a pause, and a watchdog that does not believe in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from bleak import BleakScanner
from bleak.args.bluez import OrPattern
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from gateway.clock import Clock
from gateway.sources.ble.bluez import RADIO_ERRORS, adapter_state, power_cycle
from gateway.sources.ble.figures import BleFigures

log = structlog.get_logger(__name__)

# The longest interval of any device we support is 60 s; a place with one is never silent longer
# than that and a half. Also the limit after which a gateway counts as offline (alarms.md).
SILENCE_S: Final = 90.0
# How soon a switched-off or unplugged adapter is noticed.
CHECK_S: Final = 5.0
_START_TIMEOUT_S: Final = 30.0
RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 30.0

# Passive scanning lets BlueZ report only what matches: the usual flags, and our service data.
_PATTERNS: Final = (
    OrPattern(0, AdvertisementDataType.FLAGS, b"\x02"),
    OrPattern(0, AdvertisementDataType.FLAGS, b"\x04"),
    OrPattern(0, AdvertisementDataType.FLAGS, b"\x05"),
    OrPattern(0, AdvertisementDataType.FLAGS, b"\x06"),
    OrPattern(0, AdvertisementDataType.FLAGS, b"\x1a"),
    OrPattern(0, AdvertisementDataType.SERVICE_DATA_UUID16, b"\xd2\xfc"),
    OrPattern(0, AdvertisementDataType.SERVICE_DATA_UUID16, b"\x95\xfe"),
)

OnAdvertisement = Callable[[str, BLEDevice, AdvertisementData], None]


class AdapterScanner:
    """Scans with one adapter for as long as `run` runs."""

    def __init__(
        self,
        adapter: str,
        *,
        is_active: bool,
        clock: Clock,
        figures: BleFigures,
        on_advertisement: OnAdvertisement,
    ) -> None:
        self.adapter = adapter
        self._is_active = is_active
        self._clock = clock
        self._figures = figures
        self._on_advertisement = on_advertisement
        self._is_open = False
        self._was_down = False
        self._heard_s = 0.0
        self._silences = 0
        self.restarts = 0
        self.recoveries = 0
        self.advertisements = 0

    @property
    def is_open(self) -> bool:
        """Scanning, and hearing devices. Silence for SILENCE_S counts as closed."""
        return self._is_open

    async def run(self) -> None:
        """For ever: scan, and begin again whenever it ends or goes silent."""
        attempt = 0
        while True:
            try:
                if self._silences > 1:
                    await self._recover()
                await self._scan()
                attempt = 0
            except RADIO_ERRORS as error:
                attempt += 1
                self._went_down(str(error) or type(error).__name__)
                await asyncio.sleep(min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(attempt, 10)))

    async def _scan(self) -> None:
        """Until silence or until the adapter stops; raises one of RADIO_ERRORS."""
        scanner = BleakScanner(
            self._heard,
            scanning_mode="active" if self._is_active else "passive",
            bluez={"adapter": self.adapter, "or_patterns": list(_PATTERNS)},
        )
        async with asyncio.timeout(_START_TIMEOUT_S):
            await scanner.start()
        self._heard_s = self._clock.monotonic_s()
        # After a silence only a device that is heard proves that all is well again.
        if not self._silences:
            self._went_up()
        try:
            while True:
                await asyncio.sleep(CHECK_S)
                if self._clock.monotonic_s() - self._heard_s > SILENCE_S:
                    self._silences += 1
                    self.restarts += 1
                    self._figures.restarts.labels(self.adapter).inc()
                    self._went_down(f"no advertisement for {SILENCE_S:g} s")
                    return
                await self._check_adapter()
        finally:
            self._set_open(is_open=False)
            try:
                await scanner.stop()
            except RADIO_ERRORS as error:
                log.debug("ble_stop_failed", adapter=self.adapter, why=str(error))

    async def _check_adapter(self) -> None:
        """Raises one of RADIO_ERRORS when the adapter has left, is off, or stopped scanning."""
        state = await adapter_state(self.adapter)
        if not state.is_powered:
            raise OSError("the adapter is switched off")
        if self._is_active and not state.is_discovering:
            raise OSError("the adapter stopped scanning")

    async def _recover(self) -> None:
        """Starting the scanner again did not help."""
        self.recoveries += 1
        self._figures.recoveries.labels(self.adapter).inc()
        log.warning("ble_adapter_recovery", adapter=self.adapter)
        await power_cycle(self.adapter)

    def _heard(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._heard_s = self._clock.monotonic_s()
        if not self._is_open:
            self._went_up()
        self._silences = 0
        self.advertisements += 1
        self._figures.advertisements.labels(self.adapter).inc()
        self._on_advertisement(self.adapter, device, advertisement)

    def _went_up(self) -> None:
        self._set_open(is_open=True)
        log.info("ble_up", adapter=self.adapter)
        self._was_down = False

    def _went_down(self, why: str) -> None:
        self._set_open(is_open=False)
        if not self._was_down:
            self._was_down = True
            log.warning("ble_down", adapter=self.adapter, why=why)

    def _set_open(self, *, is_open: bool) -> None:
        self._is_open = is_open
        self._figures.adapter_open.labels(self.adapter).set(is_open)
