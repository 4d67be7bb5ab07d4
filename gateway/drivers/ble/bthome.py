"""BTHome v2 advertisements (https://bthome.io/format/), decoded by bthome-ble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from edge.signals import Origin, Signal
from gateway.ble import uuids
from gateway.ble.bthome_objects import ObjectsError, check_objects, is_simulated
from gateway.ble.frames import Advertisement
from gateway.drivers.base import DriverError
from gateway.drivers.ble import library

_ENCRYPTED: Final = 0b1
_VERSION: Final = 2
_SENSORS: Final = library.SENSORS
# In BTHome `moisture` is a leak sensor's bit; `window` is no door.
_BINARY_SENSORS: Final = MappingProxyType({**library.BINARY_SENSORS, "moisture": "water"})


def decode_bthome(
    device_id: str, advertisement: Advertisement, received_ns: int
) -> Sequence[Signal]:
    """The readings of a plain BTHome advertisement. Raises DriverError."""
    body = advertisement.service_data[uuids.BTHOME]
    if not body:
        raise DriverError("truncated", "BTHome service data without its first byte")
    if body[0] & _ENCRYPTED:
        raise DriverError("no_bind_key", "encrypted, and it was not opened")
    if body[0] >> 5 != _VERSION:
        raise DriverError("bad_version", f"BTHome version {body[0] >> 5}, not {_VERSION}")
    try:
        check_objects(body)
        simulated = is_simulated(body)
    except ObjectsError as error:
        raise DriverError("truncated", str(error)) from error
    from bthome_ble import BTHomeBluetoothDeviceData  # noqa: PLC0415  # see library.py

    library.quiet("bthome_ble")
    update = BTHomeBluetoothDeviceData().update(library.service_info(advertisement))
    found = library.readings(device_id, update, received_ns, _SENSORS, _BINARY_SENSORS)
    if not simulated:
        return found
    return tuple(replace(signal, origin=Origin.SIMULATED) for signal in found)
