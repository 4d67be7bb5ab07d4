"""The table of drivers: which topic is decoded by what. A new device is a module and a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.drivers.base import Driver, DriverError
from gateway.drivers.senml import decode_senml
from gateway.drivers.wearable import decode_waveform

__all__ = ["DRIVERS", "Driver", "DriverError", "match_topic"]

DRIVERS: Final[Mapping[str, Driver]] = MappingProxyType(
    {"waveform": decode_waveform, "senml": decode_senml}
)

_TOPIC: Final = re.compile(r"yuyue/v1/([A-Za-z0-9_.:-]{1,64})/([^/]+)")


def match_topic(topic: str) -> tuple[str, Driver]:
    """(device_id, driver) of a topic. Raises DriverError `bad_topic`."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        raise DriverError(
            "bad_topic", f"{topic[:200]!r} is not yuyue/v1/{{device_id}}/{{kind}} (docs/wire.md)"
        )
    device_id, kind = match.groups()
    driver = DRIVERS.get(kind)
    if driver is None:
        raise DriverError(
            "bad_topic", f"no driver for {kind[:64]!r}; there are: {', '.join(sorted(DRIVERS))}"
        )
    return device_id, driver
