"""Weight Measurement, 0x2A9D (Weight Scale Service 1.0.1, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import measured_at, notified, reading

_IMPERIAL: Final = 1 << 0
_TIME: Final = 1 << 1
_USER: Final = 1 << 2
_HEIGHT: Final = 1 << 3
_UNSUCCESSFUL: Final = 0xFFFF
# Division by whole numbers keeps 70.5 what it is: 1 count is 0.005 kg, or 0.01 lb.
_COUNTS_PER_KG: Final = 200
_COUNTS_PER_LB: Final = 100
_KG_PER_LB: Final = 0.45359237


def decode_weight(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """Body weight. Raises DriverError."""
    fields, utc_offset_s = notified(payload)
    flags = fields.unsigned(1)
    count = fields.unsigned(2)
    local = fields.date_time() if flags & _TIME else None
    if flags & _USER:
        fields.take(1)
    if flags & _HEIGHT:
        fields.take(4)
    if count == _UNSUCCESSFUL:
        raise DriverError("no_value", "the measurement was unsuccessful")
    value = count / _COUNTS_PER_LB * _KG_PER_LB if flags & _IMPERIAL else count / _COUNTS_PER_KG
    at = measured_at(local, utc_offset_s, received_ns)
    return (reading(device_id, "body_weight", value, at),)
