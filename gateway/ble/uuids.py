"""Assigned numbers of the Bluetooth SIG, and the vendors' own, as bleak spells them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def uuid16(number: int) -> str:
    """A 16-bit number on the Bluetooth base UUID."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


# Service data in advertisements.
BTHOME: Final = uuid16(0xFCD2)
XIAOMI: Final = uuid16(0xFE95)
XIAOMI_SCALE_1: Final = uuid16(0x181D)
XIAOMI_SCALE_2: Final = uuid16(0x181B)
# A device of the simulator has this service behind its connection; no profile has room for a mark.
SIMULATED_SERVICE: Final = "79755359-7375-4d00-8000-6e6f626f6479"
# What it answers there proves it (`edge.marks.connection_tag`).
SIMULATED_TAG: Final = "79755359-7375-4d00-8001-6e6f626f6479"
# What there are drivers for; anything else that is advertised is none of our business.
ADVERTISED: Final = frozenset({BTHOME, XIAOMI, XIAOMI_SCALE_1, XIAOMI_SCALE_2})

# Services that a health device advertises, and the profiles to connect it for: an oximeter measures
# spots, or goes on, or both.
SERVICE_PROFILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        uuid16(0x180D): "heart_rate",
        uuid16(0x1810): "blood_pressure",
        uuid16(0x1809): "thermometer",
        uuid16(0x1822): "oximeter_spot,oximeter",
        uuid16(0x1808): "glucose",
        uuid16(0x181D): "weight",
        "fb005c80-02e7-f387-1cad-8acd2d8df0c8": "polar",
        "0000ffe5-0000-1000-8000-00805f9a34fb": "witmotion",
    }
)

# Characteristics (assigned numbers, section 3.8).
HEART_RATE_MEASUREMENT: Final = uuid16(0x2A37)
BLOOD_PRESSURE_MEASUREMENT: Final = uuid16(0x2A35)
TEMPERATURE_MEASUREMENT: Final = uuid16(0x2A1C)
OXIMETER_SPOT: Final = uuid16(0x2A5E)
OXIMETER_CONTINUOUS: Final = uuid16(0x2A5F)
GLUCOSE_MEASUREMENT: Final = uuid16(0x2A18)
RECORD_ACCESS: Final = uuid16(0x2A52)
WEIGHT_MEASUREMENT: Final = uuid16(0x2A9D)
BATTERY_LEVEL: Final = uuid16(0x2A19)
MANUFACTURER_NAME: Final = uuid16(0x2A29)
MODEL_NUMBER: Final = uuid16(0x2A24)
SERIAL_NUMBER: Final = uuid16(0x2A25)
FIRMWARE_REVISION: Final = uuid16(0x2A26)
HARDWARE_REVISION: Final = uuid16(0x2A27)
SOFTWARE_REVISION: Final = uuid16(0x2A28)

# Polar measurement data service.
POLAR_CONTROL: Final = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
POLAR_DATA: Final = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"

# WitMotion BLE 5.0 inertial sensors.
WITMOTION_NOTIFY: Final = "0000ffe4-0000-1000-8000-00805f9a34fb"
WITMOTION_WRITE: Final = "0000ffe9-0000-1000-8000-00805f9a34fb"
