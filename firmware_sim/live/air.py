"""Devices of a world on the air: BTHome sensors, bands, chest straps and meters.

Which ones, and what each serves: `Radios` puts them on adapters of BlueZ, one device on each. The
formats are pure functions, here, in `polar.py` and in `gatt_health.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import chain, cycle, zip_longest
from typing import Final, Self

import numpy as np

from edge.marks import AIR_TAG_BYTES, air_tag
from edge.signals import Waveform
from edge.subject import SensorRole
from firmware_sim.buildings.plan import Meter
from firmware_sim.live import gatt_health, polar
from firmware_sim.live.gatt_health import BATTERY, GlucoseMemory, Kept, uuid16
from firmware_sim.live.shapes import CARRIES, LiveDevice
from firmware_sim.scenarios.schema import Shape
from firmware_sim.transports.bluez import BluezPeripheral, Characteristic, GattService

AIR: Final = "ble:"
ADVERTISEMENT, HEART_RATE, INERTIAL = "advertisement", "heart_rate", "inertial"
# Of a meter: kept until somebody has taken it.
MEASUREMENT: Final = "measurement"
BAND, STRAP = "band", "strap"
_BTHOME: Final = uuid16(0xFCD2)
_HEART_RATE: Final = (uuid16(0x180D), uuid16(0x2A37))
# WitMotion BLE 5.0: its service, what it notifies, where it is written to.
_INERTIAL: Final = (
    "0000ffe5-0000-1000-8000-00805f9a34fb",
    "0000ffe4-0000-1000-8000-00805f9a34fb",
    "0000ffe9-0000-1000-8000-00805f9a34fb",
)
# https://bthome.io/format/: version 2, plain; objects in the order of their numbers.
_BTHOME_V2: Final = 0x40
_PACKET_ID: Final = 0x00
_OBJECTS: Final = {"battery_level": 0x01, "door_open": 0x1A, "motion": 0x21}
# Raw bytes that say who sent it: the gateway makes everything beside them simulated. A tag that
# proves it comes behind them, in the same object.
_RAW: Final = 0x54
_MARK: Final = b"YS"
# Heart Rate Measurement: one byte of rate, contact known and made.
_WITH_CONTACT: Final = 0x06
_WITMOTION_RANGE_G: Final = 16.0
_COUNTS: Final = 32_768
# With few adapters: one of each in this order, then the second of each.
FIRST_ON_AIR: Final = (
    BAND, SensorRole.MOTION.value, SensorRole.OUTER_DOOR.value, SensorRole.DOOR.value,
    Meter.CUFF.value, STRAP, Meter.OXIMETER.value, Meter.THERMOMETER.value, Meter.SCALE.value,
    Meter.GLUCOSE.value,
)  # fmt: skip
BAND_PROFILES: Final = "heart_rate,battery,witmotion"
STRAP_PROFILES: Final = "heart_rate,battery,polar"


def bthome(number: int, values: Mapping[str, float]) -> bytes:
    """A plain advertisement of states; `number` counts them, so that a repetition is told apart."""
    objects = sorted((_OBJECTS[name], round(value)) for name, value in values.items())
    head = bytes([_BTHOME_V2, _PACKET_ID, number & 0xFF, *chain.from_iterable(objects)])
    return head + bytes([_RAW, len(_MARK)]) + _MARK


def tagged(key: bytes, address: str, body: bytes) -> bytes:
    """An advertisement of `bthome` with its tag."""
    length_at = len(body) - len(_MARK) - 1
    longer = body[:length_at] + bytes([len(_MARK) + AIR_TAG_BYTES]) + _MARK
    return longer + air_tag(key, address, longer + bytes(AIR_TAG_BYTES))


def heart_rate(rate_per_min: float) -> bytes:
    """A measurement of a strap that touches the skin; whole beats, as straps tell them."""
    return bytes([_WITH_CONTACT, min(255, round(rate_per_min))])


def inertial(waveform: Waveform) -> list[bytes]:
    """A packet for each sample: acceleration in counts of 16 g; the band has no gyroscope."""
    factor = waveform.scale / (_WITMOTION_RANGE_G / _COUNTS)
    counts = np.clip(np.rint(waveform.counts * factor), -_COUNTS, _COUNTS - 1).astype("<i2")
    return [b"\x55\x61" + row.tobytes() + bytes(12) for row in counts]


def on_air(devices: Sequence[LiveDevice], adapters: Sequence[str]) -> tuple[LiveDevice, ...]:
    """As many devices as there are adapters leave the broker for the air, one of each kind first.

    Wearables are bands and straps in turn.
    """
    queues: dict[str, list[LiveDevice]] = {kind: [] for kind in FIRST_ON_AIR}
    bands_and_straps = cycle((BAND, STRAP))
    for device in devices:
        role = device.sensor.role
        if role is SensorRole.WEARABLE:
            queues[next(bands_and_straps)].append(device)
        elif role in CARRIES[Shape.BLUETOOTH]:
            is_meter = role is SensorRole.SPOT_VITALS
            queues[device.meter.value if is_meter else role.value].append(device)
    straps = {device.number for device in queues[STRAP]}
    in_turn = [d for row in zip_longest(*queues.values()) for d in row if d is not None]
    chosen = {
        device.number: replace(
            device, shape=Shape.BLUETOOTH, hub_id=device.own_id, adapter=adapter,
            is_strap=device.number in straps,
        )
        for device, adapter in zip(in_turn, adapters, strict=False)
    }  # fmt: skip
    return tuple(chosen.get(device.number, device) for device in devices)


def profiles_of(device: LiveDevice) -> str:
    """What a gateway connects it for (`ble_profiles` of its link); empty: it only advertises."""
    role = device.sensor.role
    if role is SensorRole.WEARABLE:
        return STRAP_PROFILES if device.is_strap else BAND_PROFILES
    if role is SensorRole.SPOT_VITALS:
        return f"{gatt_health.PROFILES[device.meter].name},{BATTERY}"
    return ""


@dataclass(slots=True)
class _OnAir:
    device: LiveDevice
    peripheral: BluezPeripheral
    characteristics: dict[str, Characteristic] = field(default_factory=dict)
    memory: Kept | GlucoseMemory | None = None
    control: polar.Control | None = None


class Radios:
    """The devices that have an adapter. Use as `async with`; raises DBusError or OSError."""

    def __init__(self, devices: Iterable[LiveDevice], key: bytes | None = None) -> None:
        self._key = key
        self._addresses: dict[str, str] = {}
        self._on_air = {
            AIR + device.adapter: _made(device, key)
            for device in devices
            if device.shape is Shape.BLUETOOTH
        }
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for line, one in self._on_air.items():
            await self._stack.enter_async_context(one.peripheral)
            if one.memory is not None:
                self._stack.callback(one.memory.close)
            self._addresses[line] = await one.peripheral.address()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def links(self) -> dict[str, dict[str, str]]:
        """How the hub reaches each, by its id there (`PUT /api/v1/devices/{id}/link`)."""
        found: dict[str, dict[str, str]] = {}
        for line, one in self._on_air.items():
            link = {"ble_address": self._addresses[line]}
            profiles = profiles_of(one.device)
            if profiles:
                link["ble_profiles"] = profiles
            found[one.device.hub_id] = link
        return found

    def send(self, line: str, kind: str, payload: bytes) -> None:
        """Advertise, keep for whoever asks, or notify who has subscribed."""
        one = self._on_air[line]
        if kind == ADVERTISEMENT:
            if self._key is not None:
                payload = tagged(self._key, self._addresses[line], payload)
            one.peripheral.advertise({_BTHOME: payload})
        elif kind == MEASUREMENT and one.memory is not None:
            one.memory.put(payload)
        elif kind != polar.POLAR or (one.control is not None and one.control.is_streaming):
            one.peripheral.notify(one.characteristics[kind], payload)


def _made(device: LiveDevice, key: bytes | None) -> _OnAir:
    name = device.sensor.device_id.removeprefix("sim-")[:8]
    match device.sensor.role:
        case SensorRole.SPOT_VITALS:
            return _meter(device, name, key)
        case SensorRole.WEARABLE:
            return _strap(device, name, key) if device.is_strap else _band(device, name, key)
        case _:
            return _OnAir(device, BluezPeripheral(device.adapter, name))


def _meter(device: LiveDevice, name: str, key: bytes | None) -> _OnAir:
    service, memory_on = gatt_health.meter_service(device.meter)
    battery, level = gatt_health.battery_service()
    about = gatt_health.information_service(device.meter.value, device.own_id)
    services = [service, battery, about]
    peripheral = BluezPeripheral(device.adapter, name, services=services, key=key)
    return _OnAir(device, peripheral, {BATTERY: level}, memory=memory_on(peripheral))


def _strap(device: LiveDevice, name: str, key: bytes | None) -> _OnAir:
    battery, level = gatt_health.battery_service()
    control = polar.Control()
    asked = Characteristic(polar.CONTROL, ["read", "write", "indicate"], value=polar.FEATURES)
    own = {
        HEART_RATE: Characteristic(_HEART_RATE[1], ["notify"]),
        polar.POLAR: Characteristic(polar.DATA, ["notify"]),
        BATTERY: level,
    }
    services = [
        GattService(_HEART_RATE[0], [own[HEART_RATE]]),
        GattService(polar.SERVICE, [asked, own[polar.POLAR]]),
        battery,
        gatt_health.information_service(STRAP, device.own_id),
    ]
    peripheral = BluezPeripheral(device.adapter, name, services=services, key=key)
    asked.on_subscribed = control.begin
    asked.on_write = lambda request: peripheral.notify(asked, control.answer(request))
    return _OnAir(device, peripheral, own, control=control)


def _band(device: LiveDevice, name: str, key: bytes | None) -> _OnAir:
    battery, level = gatt_health.battery_service()
    own = {
        HEART_RATE: Characteristic(_HEART_RATE[1], ["notify"]),
        BATTERY: level,
        INERTIAL: Characteristic(_INERTIAL[1], ["notify"]),
    }
    services = [
        GattService(_HEART_RATE[0], [own[HEART_RATE]]),
        battery,
        GattService(
            _INERTIAL[0],
            [own[INERTIAL], Characteristic(_INERTIAL[2], ["write", "write-without-response"])],
        ),
    ]
    return _OnAir(device, BluezPeripheral(device.adapter, name, services=services, key=key), own)
