"""Bluetooth advertisements from the source's ear through decoding and the engine to the disk.

The radio's part (D-Bus, bleak's parsing) is left out: what is called is what bleak calls for each
advertisement, for 200 registered BTHome sensors among as many strangers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from benchmarks.gateway_bench import Bench
from edge.engine import Engine, default_detectors
from edge.wire import RegisteredDevice, RegistryDocument
from gateway.ble.uuids import BTHOME
from gateway.clock import SystemClock
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.pipeline import Pipeline
from gateway.registry import Registry
from gateway.sources import Frame
from gateway.sources.ble.options import BleOptions
from gateway.sources.ble.source import BleSource

SENSORS = 200


def _address(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02X}:{number & 255:02X}"


def _advertisement(turn: int) -> AdvertisementData:
    """Temperature and humidity, another value each time (https://bthome.io/format/)."""
    body = b"\x40\x02" + (2000 + turn % 500).to_bytes(2, "little") + b"\x03\xbf\x13"
    return AdvertisementData(None, {}, {BTHOME: body}, [], None, -60, ())


def advertisements(bench: Bench) -> None:
    """As fast as they go, on one core."""
    data = bench.directory / "advertisements"
    data.mkdir()
    took_s, cpu_s, heard, stored = asyncio.run(_run(data))
    bench.add(
        "BLE advertisements through decode, attribute, engine, outbox", "5,000/s",
        heard=f"{heard / took_s:,.0f}/s, half of them strangers'",
        stored=f"{stored / took_s:,.0f} readings/s",
        cpu=f"{cpu_s * 1e6 / heard:.0f} CPU-ms per 1,000",
    )  # fmt: skip


async def _run(data: Path) -> tuple[float, float, int, int]:
    """(seconds, CPU seconds, advertisements, readings stored)."""
    registry, clock, metrics = Registry(data / "registry.json"), SystemClock(), Metrics()
    known = [
        RegisteredDevice(
            f"t-{n}", "x", None, "e-1", "试用甲", None, 0, {"ble_address": _address(n)}
        )
        for n in range(SENSORS)
    ]
    registry.save(RegistryDocument(1, "g-1", "试用养老院", known))
    outbox = Outbox(data / "outbox.sqlite3", clock)
    pipeline = Pipeline(outbox, registry, Engine(default_detectors()), metrics, clock)
    pipeline.start()
    options = BleOptions((), True, 1, ZoneInfo("UTC"), data / "ble.json")
    source = BleSource(options, registry, clock, metrics.part("ble"))
    stored = 0

    async def handle(frames: Sequence[Frame]) -> None:
        nonlocal stored
        prepared = pipeline.prepare(frames)
        pipeline.commit(prepared)
        stored += len(prepared.group.signals)

    handing = asyncio.create_task(source._hand_over(handle))  # noqa: SLF001
    devices = [BLEDevice(_address(n), "t", None) for n in range(2 * SENSORS)]
    began_s, began_cpu_s, heard = time.perf_counter(), time.process_time(), 0
    for turn in range(100):
        advertisement = _advertisement(turn)
        for device in devices:
            source._heard("hci0", device, advertisement)  # noqa: SLF001
            heard += 1
        await asyncio.sleep(0)
        while source._queue._frames:  # noqa: ASYNC110, SLF001
            await asyncio.sleep(0)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    handing.cancel()
    await asyncio.gather(handing, return_exceptions=True)
    outbox.close()
    return took_s, cpu_s, heard, stored
