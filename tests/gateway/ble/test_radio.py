"""Scanners and connections in this process, on a simulated org.bluez."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from edge.signals import Reading, Signal, Waveform
from firmware_sim.transports.bluez import BluezPeripheral, Characteristic, GattService
from gateway.ble import uuids
from gateway.clock import SystemClock
from gateway.drivers import match_topic
from gateway.sources import Frame
from gateway.sources.ble import BleOptions, scanner
from gateway.sources.ble.figures import BleFigures
from gateway.sources.ble.links import LinkKeeper
from gateway.sources.ble.memory import BleMemory
from gateway.sources.ble.options import BleDevice
from tests.support.bluez_bus import ADDRESS_VARIABLE, BluezBus

ADDRESS = "02:00:00:00:00:01"
DATA = {uuids.BTHOME: bytes.fromhex("4002ca0903bf13")}


@asynccontextmanager
async def radio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BluezBus]:
    directory = tmp_path / "bus"
    directory.mkdir()
    with BluezBus(directory) as bus:
        monkeypatch.setenv(ADDRESS_VARIABLE, bus.address)
        await bus.add_adapter(0)
        yield bus


async def until(ask: Callable[[], object], timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not ask():  # noqa: ASYNC110  # figures have no event
            await asyncio.sleep(0.05)


@dataclass
class Hub:
    """What a LinkKeeper gave, and what it counted."""

    memory: BleMemory
    frames: list[Frame] = field(default_factory=list)
    figures: CollectorRegistry = field(default_factory=CollectorRegistry)

    def signals(self) -> list[Signal]:
        return [
            signal
            for frame in self.frames
            for device_id, driver in [match_topic(frame.topic)]
            for signal in driver(device_id, frame.payload, frame.received_ns)
        ]


@asynccontextmanager
async def keeping(
    tmp_path: Path, profiles: Sequence[str], n_devices: int = 1, slots: int = 1
) -> AsyncIterator[Hub]:
    """A scanner and a keeper of links for device-1 ... on hci0."""
    hub = Hub(BleMemory(tmp_path / "ble.json"))
    figures = BleFigures(hub.figures)
    options = BleOptions(("hci0",), True, slots, ZoneInfo("UTC"), tmp_path / "ble.json")
    devices = {
        f"02:00:00:00:00:0{n}": BleDevice(
            f"device-{n}", f"02:00:00:00:00:0{n}", None, tuple(profiles)
        )
        for n in range(1, n_devices + 1)
    }
    keeper = LinkKeeper(
        options,
        clock=SystemClock(),
        figures=figures,
        memory=hub.memory,
        put=hub.frames.append,
        utc_offset_s=lambda: 0,
        simulation_key=lambda: None,
    )
    listening = scanner.AdapterScanner(
        "hci0",
        is_active=True,
        clock=SystemClock(),
        figures=figures,
        on_advertisement=lambda _, device, __: keeper.heard(device.address, device),
    )
    tasks = [
        asyncio.create_task(listening.run()),
        asyncio.create_task(keeper.run(lambda: devices)),
    ]
    try:
        yield hub
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_watchdog_does_not_believe_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the scanner is begun again, then the adapter is switched off and on; both counted."""
    monkeypatch.setattr(scanner, "SILENCE_S", 1.0)
    monkeypatch.setattr(scanner, "CHECK_S", 0.2)
    registry = CollectorRegistry()

    def count(name: str) -> float:
        labels = {"adapter": "hci0"}
        return registry.get_sample_value(f"yuyue_gateway_ble_{name}", labels) or 0.0

    heard: list[str] = []
    async with radio(tmp_path, monkeypatch) as bus:
        watched = scanner.AdapterScanner(
            "hci0",
            is_active=True,
            clock=SystemClock(),
            figures=BleFigures(registry),
            on_advertisement=lambda _, device, __: heard.append(device.address),
        )
        task = asyncio.create_task(watched.run())
        try:
            await until(lambda: watched.is_open)
            await until(lambda: count("scanner_restarts_total") == 1)
            assert not watched.is_open
            assert count("adapter_recoveries_total") == 0
            await until(lambda: count("adapter_recoveries_total") == 1)
            assert not watched.is_open  # nothing was heard yet: blind is not shown as well
            name = await bus.add_adapter(1)
            async with BluezPeripheral(name, "t", service_data=DATA):
                await until(lambda: watched.is_open and count("adapter_open") == 1)
            assert ADDRESS in heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert not watched.is_open


async def test_a_second_device_waits_for_the_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = [Characteristic(uuids.HEART_RATE_MEASUREMENT, ["notify"]) for _ in range(2)]
    services = [[GattService(uuids.uuid16(0x180D), [rate])] for rate in rates]
    async with (
        radio(tmp_path, monkeypatch) as bus,
        keeping(tmp_path, ["auto"], n_devices=2, slots=1) as hub,
    ):
        names = [await bus.add_adapter(n) for n in (1, 2)]
        straps = [
            BluezPeripheral(name, name, services=service)
            for name, service in zip(names, services, strict=True)
        ]
        async with straps[0], straps[1]:
            await until(lambda: any(rate.subscribed.is_set() for rate in rates))
            await asyncio.sleep(2.5)
            first = next(k for k, rate in enumerate(rates) if rate.subscribed.is_set())
            assert not rates[1 - first].subscribed.is_set()
            straps[first].notify(rates[first], b"\x00\x48")
            await until(lambda: hub.frames)
            assert hub.frames[0].topic == f"ble-sim/v1/device-{first + 1}/heart_rate"
            await bus.disconnect("hci0", f"02:00:00:00:00:0{first + 1}")
            await until(rates[1 - first].subscribed.is_set)
            assert hub.figures.get_sample_value("yuyue_gateway_ble_connected") == 1


async def test_a_meters_memory_is_fetched_from_where_it_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Glucose: the measurements come before the answer of the record access control point."""
    measurement = Characteristic(uuids.GLUCOSE_MEASUREMENT, ["notify"])
    access = Characteristic(uuids.RECORD_ACCESS, ["write", "indicate"])
    services = [GattService(uuids.uuid16(0x1808), [measurement, access])]
    memory = BleMemory(tmp_path / "ble.json")
    memory.records["device-1"] = 6
    memory.save()
    async with radio(tmp_path, monkeypatch) as bus, keeping(tmp_path, ["glucose"]) as hub:
        meter = BluezPeripheral(await bus.add_adapter(1), "meter", services=services)

        async def report() -> None:
            for number in (7, 8):
                now = SystemClock().now_ns() // 10**9
                date = struct.pack("<HBBBBB", *np.datetime64(now, "s").tolist().timetuple()[:6])
                value = struct.pack("<BH", 0x06, number) + date + bytes.fromhex("37c011")
                meter.notify(measurement, value)
                await asyncio.sleep(0.05)
            meter.notify(access, bytes.fromhex("06000101"))

        tasks: list[asyncio.Task[None]] = []
        access.on_write = lambda _: tasks.append(asyncio.create_task(report()))
        async with meter:
            await until(lambda: len(hub.signals()) == 2)
            assert access.written == [bytes.fromhex("0103010700")]  # 7 and later
            await asyncio.gather(*tasks)
            await until(lambda: hub.memory.records == {"device-1": 8})
    assert [s.value for s in hub.signals() if isinstance(s, Reading)] == [5.5, 5.5]


async def test_a_polar_strap_streams_acceleration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = Characteristic(uuids.POLAR_CONTROL, ["read", "write", "indicate"])
    data = Characteristic(uuids.POLAR_DATA, ["notify"])
    services = [GattService("fb005c80-02e7-f387-1cad-8acd2d8df0c8", [control, data])]
    answers = {
        1: bytes.fromhex("f0010200000004c800640032001900010110000203080004000200"),
        2: bytes.fromhex("f00202000000"[:10]),
    }
    async with radio(tmp_path, monkeypatch) as bus, keeping(tmp_path, ["polar"]) as hub:
        strap = BluezPeripheral(await bus.add_adapter(1), "strap", services=services)
        control.on_write = lambda value: strap.notify(control, answers[value[0]])
        async with strap:
            await until(lambda: len(control.written) == 2)
            await asyncio.sleep(0.3)
            for number in range(4):  # 25 samples at 50 Hz
                header = struct.pack("<BQB", 2, 599_616_000 * 10**9 + number * 500_000_000, 1)
                strap.notify(data, header + struct.pack("<hhh", number, 0, 1000) * 25)
                await asyncio.sleep(0.5)
            await until(lambda: len(hub.frames) == 4)
    assert control.written == [
        bytes.fromhex("0102"),
        bytes.fromhex("0202000132000101100002010800"),
    ]
    blocks = [s for s in hub.signals() if isinstance(s, Waveform)]
    assert [b.sequence_number for b in blocks] == [0, 1, 2, 3]
    assert len({b.boot_id for b in blocks}) == 1
    assert (blocks[0].rate_hz, blocks[0].full_scale) == (50.0, 8.0)
    # By the device's clock, half a second apart, however they arrived (moved by 2 ms at most).
    gaps_ms = np.diff([b.start_ns for b in blocks]) / 1e6
    assert np.abs(gaps_ms - 500).max() <= 2.0


async def test_an_inertial_sensor_is_gathered_into_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified = Characteristic(uuids.WITMOTION_NOTIFY, ["notify"])
    written = Characteristic(uuids.WITMOTION_WRITE, ["write-without-response", "write"])
    services = [GattService("0000ffe5-0000-1000-8000-00805f9a34fb", [notified, written])]
    async with radio(tmp_path, monkeypatch) as bus, keeping(tmp_path, ["witmotion"]) as hub:
        sensor = BluezPeripheral(await bus.add_adapter(1), "WT901", services=services)
        async with sensor:
            await until(lambda: written.written)
            for number in range(105):
                packet = b"\x55\x61" + struct.pack("<9h", number, 0, 2048, *[0] * 6)
                sensor.notify(notified, packet)
                await asyncio.sleep(0.005)
            await until(lambda: len(hub.frames) == 2)
    assert written.written == [bytes.fromhex("ffaa030800")]
    blocks = [s for s in hub.signals() if isinstance(s, Waveform)]
    assert [(b.quantity, b.sequence_number) for b in blocks] == [
        ("acceleration", 0),
        ("angular_rate", 0),
        ("acceleration", 1),
        ("angular_rate", 1),
    ]
    assert blocks[0].counts[:, 0].tolist() == list(range(50))
    assert blocks[2].counts[:, 0].tolist() == list(range(50, 100))
    assert np.all(blocks[0].values()[:, 2] == 1.0)


async def test_a_device_without_what_the_registry_says_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    battery = Characteristic(uuids.BATTERY_LEVEL, ["read"], value=b"\x32")
    services = [GattService(uuids.uuid16(0x180F), [battery])]
    async with radio(tmp_path, monkeypatch) as bus, keeping(tmp_path, ["glucose"]) as hub:
        name = await bus.add_adapter(1)
        async with BluezPeripheral(name, "b", services=services):
            labels = {"result": "failed"}
            await until(
                lambda: hub.figures.get_sample_value("yuyue_gateway_ble_connections_total", labels)
            )
    assert hub.frames == []
