"""Device Information Service 1.1 (0x180A): who made a device. For the operator, not a signal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.ble import uuids

_NAMES: Final = MappingProxyType(
    {
        uuids.MANUFACTURER_NAME: "manufacturer",
        uuids.MODEL_NUMBER: "model",
        uuids.SERIAL_NUMBER: "serial",
        uuids.HARDWARE_REVISION: "hardware",
        uuids.FIRMWARE_REVISION: "firmware",
        uuids.SOFTWARE_REVISION: "software",
    }
)
_MAX_CHARS: Final = 64


def decode_device_information(values: Mapping[str, bytes]) -> dict[str, str]:
    """Texts by name, from characteristic values by UUID. What is no text is left out."""
    texts = {}
    for uuid, name in _NAMES.items():
        raw = values.get(uuid, b"").split(b"\0", 1)[0]
        text = "".join(c for c in raw.decode("utf-8", "replace") if c.isprintable())
        if text.strip():
            texts[name] = text.strip()[:_MAX_CHARS]
    return texts
