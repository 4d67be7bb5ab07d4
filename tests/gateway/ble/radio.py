"""A gateway as a process with adapter hci0 of an org.bluez, and devices on those after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from edge.signals import NS_PER_S, Origin, Reading
from edge.wire import Lane, RegisteredDevice, RegistryDocument, WaveformRecord
from tests.gateway.conftest import World
from tests.support.bluez_bus import BluezBus
from tests.support.bluez_real import RealBluez
from tests.support.processes import wait_until

# The institution's own, that its gateways know its simulators by.
SIMULATION_KEY = bytes(range(32))
TIMEOUT_S = 20.0


def device(address: str, device_id: str, **link: str) -> RegisteredDevice:
    return RegisteredDevice(
        device_id=device_id,
        model="ble",
        position=None,
        elder_id="e-1",
        elder_name="试用甲",
        place=None,
        assigned_from_ns=0,
        link={"ble_address": address, **link},
    )


def registered(device_id: str, link: dict[str, str]) -> RegisteredDevice:
    return device(link["ble_address"], device_id, ble_profiles=link["ble_profiles"])


Measured = dict[tuple[str, str, int], float]


def measured(readings: Iterable[Reading]) -> Measured:
    """By device, quantity and second, as clocks of meters show it; batteries are of now."""
    return {
        (r.device_id, r.quantity, r.time_ns // NS_PER_S): r.value
        for r in readings
        if r.quantity != "battery_level"
    }


class Radio:
    """A gateway with hci0, and simulated devices on the adapters after it."""

    def __init__(self, world: World, bus: BluezBus | RealBluez) -> None:
        self.world = world
        self.bus = bus
        self.address = bus.address_of

    @property
    def simulated(self) -> BluezBus:
        """For what cannot be done to a real stack here."""
        assert isinstance(self.bus, BluezBus)
        return self.bus

    async def start(self, *devices: RegisteredDevice) -> None:
        self.world.cloud.registry = RegistryDocument(
            1, "g-1", "试用养老院", list(devices), simulation_key=SIMULATION_KEY.hex()
        )
        await self.bus.add_adapter(0)
        await asyncio.to_thread(self.world.start_gateway)
        await self.until(lambda: '"ble_up"' in self.world.log(), "scanning")

    async def adapter(self, number: int) -> str:
        return await self.bus.add_adapter(number)

    def readings(self, device_id: str) -> list[Reading]:
        records = self.world.cloud.of(Lane.BULK)
        return [r.reading for r in records if r.reading and r.reading.device_id == device_id]

    def values(self, device_id: str, quantity: str) -> list[float]:
        return [r.value for r in self.readings(device_id) if r.quantity == quantity]

    def has(self, device_id: str, quantity: str, n_values: int) -> bool:
        return len(self.values(device_id, quantity)) >= n_values

    def measured(self, device_ids: set[str]) -> Measured:
        return measured(r for one in device_ids for r in self.readings(one))

    def waveforms(self, device_id: str) -> list[WaveformRecord]:
        records = self.world.cloud.of(Lane.BULK)
        return [r.waveform for r in records if r.waveform and r.waveform.device_id == device_id]

    def live(self, device_id: str) -> set[str]:
        """What would pass for a person: of these devices there must be none."""
        told = [*self.readings(device_id), *self.waveforms(device_id)]
        return {signal.quantity for signal in told if signal.origin is not Origin.SIMULATED}

    def refused(self, reason: str) -> list[str | None]:
        records = self.world.cloud.of(Lane.BULK)
        return [r.rejected.device_id for r in records if r.rejected and r.rejected.reason == reason]

    async def until(self, ask: Callable[[], object], what: str) -> None:
        try:
            await asyncio.to_thread(wait_until, ask, what, TIMEOUT_S)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.world.gateway.log_tail()}") from None
