"""An advertisement's service data, by the UUID that says whose format it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from edge.signals import Signal
from gateway.ble import uuids
from gateway.ble.frames import Advertisement
from gateway.drivers.base import DriverError
from gateway.drivers.ble.bthome import decode_bthome
from gateway.drivers.ble.fields import unpack
from gateway.drivers.ble.xiaomi import decode_xiaomi

AdvertisementDriver = Callable[[str, Advertisement, int], Sequence[Signal]]

ADVERTISEMENT_DRIVERS: Final[Mapping[str, AdvertisementDriver]] = MappingProxyType(
    {
        uuids.BTHOME: decode_bthome,
        uuids.XIAOMI: decode_xiaomi,
        uuids.XIAOMI_SCALE_1: decode_xiaomi,
        uuids.XIAOMI_SCALE_2: decode_xiaomi,
    }
)


def decode_advertisement(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """The readings in it; none when it only says that the device is there. Raises DriverError."""
    advertisement = unpack(payload, Advertisement)
    if advertisement.refused is not None:
        raise DriverError(*advertisement.refused)
    for uuid, driver in ADVERTISEMENT_DRIVERS.items():
        if uuid in advertisement.service_data:
            return driver(device_id, advertisement, received_ns)
    raise DriverError(
        "unknown_advertisement",
        f"no driver for service data of {', '.join(sorted(advertisement.service_data)) or 'none'}",
    )
