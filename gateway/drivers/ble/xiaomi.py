"""Xiaomi MiBeacon advertisements and the two Mi scales, decoded by xiaomi-ble."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from edge.signals import Signal
from gateway.ble import uuids
from gateway.ble.frames import Advertisement
from gateway.drivers.base import DriverError
from gateway.drivers.ble import library

# `mass` is set only when the scale has settled. In MiBeacon `moisture` is wet soil or a leak;
# as a binary sensor it is the leak.
_SENSORS: Final = MappingProxyType(
    {**library.SENSORS, "mass": "body_weight", "heart_rate": "heart_rate"}
)
_BINARY_SENSORS: Final = MappingProxyType({**library.BINARY_SENSORS, "moisture": "water"})
_ENCRYPTED: Final = 1 << 3
_HAS_OBJECT: Final = 1 << 6
_MIN_BYTES: Final = 5


def decode_xiaomi(
    device_id: str, advertisement: Advertisement, received_ns: int
) -> Sequence[Signal]:
    """The readings of a plain MiBeacon; none for a beacon that holds no object.

    Raises DriverError.
    """
    body = advertisement.service_data.get(uuids.XIAOMI)
    if body is not None:
        if len(body) < _MIN_BYTES:
            raise DriverError("truncated", f"{len(body)} bytes are too few for a MiBeacon")
        control = int.from_bytes(body[:2], "little")
        if not control & _HAS_OBJECT:
            return ()
        if control & _ENCRYPTED:
            raise DriverError("no_bind_key", "encrypted, and it was not opened")
    from xiaomi_ble.parser import XiaomiBluetoothDeviceData  # noqa: PLC0415  # see library.py

    library.quiet("xiaomi_ble")
    parser = XiaomiBluetoothDeviceData()
    try:
        update = parser.update(library.service_info(advertisement))
    except (IndexError, KeyError, ValueError, TypeError, ArithmeticError) as error:
        raise DriverError("bad_frame", f"xiaomi-ble cannot read it: {error}") from error
    if body is not None and parser.pending:
        raise DriverError("unknown_advertisement", f"unknown product or layout: {body[:5].hex()}")
    return library.readings(device_id, update, received_ns, _SENSORS, _BINARY_SENSORS)
