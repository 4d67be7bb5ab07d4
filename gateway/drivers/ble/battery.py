"""Battery Level, 0x2A19 (Battery Service 1.1, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import notified, reading


def decode_battery(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """Battery level in percent. Raises DriverError."""
    fields, _ = notified(payload)
    level = fields.unsigned(1)
    if fields.left:
        raise DriverError("trailing_bytes", f"{fields.left} bytes after a battery level")
    return (reading(device_id, "battery_level", float(level), (received_ns, None)),)
