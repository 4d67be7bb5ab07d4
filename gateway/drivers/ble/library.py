"""What the decoders of bthome-ble and xiaomi-ble have in common: values by name, to readings."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from edge.signals import Signal
from gateway.ble.frames import Advertisement
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import reading

if TYPE_CHECKING:
    from habluetooth import BluetoothServiceInfoBleak

# Names of sensor-state-data; where a device has two of a kind, the first counts (`_1`).
SENSORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "temperature": "air_temperature",
        "humidity": "relative_humidity",
        "battery": "battery_level",
    }
)
BINARY_SENSORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "motion": "motion",
        "occupancy": "presence",
        "presence": "presence",
        "door": "door_open",
        "opening": "door_open",
        "smoke": "smoke",
        "gas": "gas",
        "carbon_monoxide": "gas",
        "problem": "device_fault",
    }
)
# A button assigned to an elder or a place is a call button: every way to press it calls.
CALLS: Final = frozenset(
    {"press", "double_press", "triple_press", "long_press", "long_double_press",
     "long_triple_press", "hold_press"}
)  # fmt: skip
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")


@functools.cache
def quiet(package: str) -> None:
    """The libraries log every bad frame; here it is counted and kept in the quarantine."""
    logging.getLogger(package).setLevel(logging.CRITICAL)


def service_info(advertisement: Advertisement) -> BluetoothServiceInfoBleak:
    """The advertisement in the libraries' form. Raises DriverError `bad_frame`."""
    # Imported at the first frame: a gateway without Bluetooth needs none of it in memory.
    from bleak.backends.device import BLEDevice  # noqa: PLC0415
    from habluetooth import BluetoothServiceInfoBleak  # noqa: PLC0415

    if _ADDRESS.fullmatch(advertisement.address) is None:
        raise DriverError("bad_frame", f"{advertisement.address[:32]!r} is no Bluetooth address")
    return BluetoothServiceInfoBleak(
        name=advertisement.name,
        address=advertisement.address,
        rssi=0,
        manufacturer_data={},
        service_data=advertisement.service_data,
        service_uuids=list(advertisement.service_data),
        source="gateway",
        device=BLEDevice(advertisement.address, advertisement.name, None),
        advertisement=None,
        connectable=False,
        time=0.0,
        tx_power=None,
    )


def readings(
    device_id: str,
    update: Any,
    received_ns: int,
    sensors: Mapping[str, str],
    binary_sensors: Mapping[str, str],
) -> Sequence[Signal]:
    """The readings of a SensorUpdate. Raises DriverError when it holds none we know."""
    at = (received_ns, None)
    found: dict[str, Signal] = {}
    names = []
    for values, table in (
        (update.entity_values, sensors),
        (update.binary_entity_values, binary_sensors),
    ):
        for key, entry in values.items():
            name, _, postfix = key.key.rpartition("_")
            if not name or not postfix.isdigit():
                name, postfix = key.key, "1"
            quantity = table.get(name)
            names.append(key.key)
            if quantity is None or postfix != "1" or entry.native_value is None:
                continue
            if not isinstance(entry.native_value, int | float):
                raise DriverError("bad_value", f"{key.key} is no number")
            value = float(entry.native_value)
            known = found.get(quantity)
            # Two alarms of one quantity (gas and carbon monoxide): the one that is on counts.
            if known is None or value > known.value:  # type: ignore[union-attr]
                found[quantity] = reading(device_id, quantity, value, at)
    for key, event in update.events.items():
        names.append(key.key)
        if key.key.startswith("button") and event.event_type in CALLS:
            found["sos"] = reading(device_id, "sos", 1.0, at)
    if not found and set(names) - {"signal_strength"}:
        raise DriverError("unknown_quantity", f"holds only {', '.join(sorted(names))[:200]}")
    return tuple(found.values())
