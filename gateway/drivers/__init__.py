"""The table of drivers: which topic is decoded by what. A new device is a module and a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.drivers.base import Driver, DriverError
from gateway.drivers.ble import BLE_DRIVERS, SIMULATED_DRIVERS
from gateway.drivers.home_assistant import decode_home_assistant
from gateway.drivers.senml import decode_senml
from gateway.drivers.senml_cbor import decode_senml_cbor
from gateway.drivers.wearable import decode_waveform
from gateway.drivers.zigbee2mqtt import decode_availability, decode_zigbee2mqtt

__all__ = ["DRIVERS", "Driver", "DriverError", "match_topic"]

DRIVERS: Final[Mapping[str, Driver]] = MappingProxyType(
    {"waveform": decode_waveform, "senml": decode_senml, "senmlc": decode_senml_cbor}
)

# What a device or a source sends, and which drivers there are for it.
_TABLES: Final[Mapping[str, Mapping[str, Driver]]] = MappingProxyType(
    {
        "yuyue": DRIVERS,
        "ble": BLE_DRIVERS,
        "ble-sim": SIMULATED_DRIVERS,
        "zigbee2mqtt": {"state": decode_zigbee2mqtt, "availability": decode_availability},
        "homeassistant": {"state": decode_home_assistant, "availability": decode_home_assistant},
    }
)
_TOPIC: Final = re.compile(
    r"(yuyue|ble|ble-sim|zigbee2mqtt|homeassistant)/v1/([A-Za-z0-9_.:-]{1,64})/([^/]+)"
)
# A source's way to say that it could not use a message: refused/{reason}/{detail}.
_REFUSED: Final = re.compile(r"refused/([a-z_]{1,40})/(.*)", re.DOTALL)


def match_topic(topic: str) -> tuple[str, Driver]:
    """(device_id, driver) of a topic. Raises DriverError: `bad_topic`, or a source's refusal."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        refused = _REFUSED.fullmatch(topic)
        if refused is not None:
            raise DriverError(*refused.groups())
        raise DriverError(
            "bad_topic", f"{topic[:200]!r} is not yuyue/v1/{{device_id}}/{{kind}} (docs/wire.md)"
        )
    family, device_id, kind = match.groups()
    drivers = _TABLES[family]
    driver = drivers.get(kind)
    if driver is None:
        raise DriverError(
            "bad_topic", f"no driver for {kind[:64]!r}; there are: {', '.join(sorted(drivers))}"
        )
    return device_id, driver
