"""How a device is reached: what a gateway needs beside its id. Sealed, because keys are in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from cloud.crypto import Keyring
from cloud.devices.models import Device

# Shown to nobody again: a key can be replaced, not read.
SECRETS: Final = frozenset({"ble_key"})
MASK: Final = "***"


def link_context(device: Device) -> str:
    """What binds a sealed link to its device."""
    return f"device.link:{device.institution_id}:{device.device_id}"


def link_of(device: Device, keyring: Keyring) -> dict[str, str]:
    """By key (docs/devices.md). Raises BadCiphertextError."""
    if device.link_sealed is None:
        return {}
    content = json.loads(keyring.decrypt(device.link_sealed, link_context(device)))
    return {str(key): str(value) for key, value in content.items()}


def set_link(device: Device, link: Mapping[str, str], keyring: Keyring) -> None:
    """Replace it; empty values are left out."""
    kept = {key: value for key, value in sorted(link.items()) if value}
    text = json.dumps(kept, ensure_ascii=False)
    device.link_sealed = keyring.encrypt(text, link_context(device)) if kept else None


def masked(link: Mapping[str, str]) -> dict[str, str]:
    """For people."""
    return {key: MASK if key in SECRETS else value for key, value in link.items()}
