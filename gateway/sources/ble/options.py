"""What the Bluetooth source is told, and whom it listens to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import structlog

from edge.wire import RegisteredDevice
from gateway.ble.seal import SealError, key_from_text

log = structlog.get_logger(__name__)

_ADDRESS: Final = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")


@dataclass(frozen=True, slots=True)
class BleOptions:
    """`adapters` such as hci0; `slots`: connections at a time; `timezone`: of devices' clocks."""

    adapters: tuple[str, ...]
    is_active: bool
    slots: int
    timezone: ZoneInfo
    memory_path: Path


class KnownDevices(Protocol):
    """What the source needs of the registry."""

    @property
    def version(self) -> int:
        """Grows with every change."""
        ...

    @property
    def simulation_key(self) -> bytes | None:
        """What proves a simulator's tag; None where none was told."""
        ...

    def assigned(self) -> dict[str, RegisteredDevice]:
        """The devices that belong to somebody or somewhere, by id."""
        ...


@dataclass(frozen=True, slots=True)
class BleDevice:
    """A registered device as the radio knows it.

    `profiles`: what to connect for; none: only its advertisements. `fault`: why nothing of it can
    be trusted, such as a key that is none.
    """

    device_id: str
    address: str
    key: bytes | None
    profiles: tuple[str, ...]
    fault: str | None = None


class AddressBook:
    """The registered Bluetooth devices by address, made anew when the registry changes."""

    def __init__(self, registry: KnownDevices) -> None:
        self._registry = registry
        self._version = -1
        self._devices: dict[str, BleDevice] = {}

    def devices(self) -> Mapping[str, BleDevice]:
        """By address in capitals."""
        version = self._registry.version
        if version != self._version:
            self._devices = {}
            for device in self._registry.assigned().values():
                found = _ble_device(device)
                if found is not None:
                    self._devices[found.address] = found
            self._version = version
        return self._devices


def _ble_device(device: RegisteredDevice) -> BleDevice | None:
    """None for a device that is not reached by Bluetooth."""
    address = device.link.get("ble_address", device.device_id).strip().upper()
    if _ADDRESS.fullmatch(address) is None:
        if "ble_address" in device.link:
            log.warning("ble_address_bad", device_id=device.device_id)
        return None
    text = device.link.get("ble_key", "")
    try:
        key, fault = key_from_text(text) if text else None, None
    except SealError as error:
        # Not heard at all rather than heard from anybody who sends in its name.
        key, fault = None, error.detail
        log.warning("ble_key_bad", device_id=device.device_id, why=error.detail)
    names = device.link.get("ble_profiles", "").replace(" ", "").split(",")
    profiles = tuple(name for name in names if name)
    return BleDevice(device.device_id, address, key, profiles, fault)
