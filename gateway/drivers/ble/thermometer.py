"""Temperature Measurement, 0x2A1C (Health Thermometer Service 1.0, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge.signals import Signal
from gateway.drivers.ble.fields import measured_at, notified, number, reading

_FAHRENHEIT: Final = 1 << 0
_TIME: Final = 1 << 1
_TYPE: Final = 1 << 2


def decode_thermometer(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """Body temperature. Raises DriverError."""
    fields, utc_offset_s = notified(payload)
    flags = fields.unsigned(1)
    value = number(fields.float32(), "temperature")
    local = fields.date_time() if flags & _TIME else None
    if flags & _TYPE:
        fields.take(1)
    if flags & _FAHRENHEIT:
        value = (value - 32.0) / 1.8
    at = measured_at(local, utc_offset_s, received_ns)
    return (reading(device_id, "body_temperature", value, at),)
