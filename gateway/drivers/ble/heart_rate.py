"""Heart Rate Measurement, 0x2A37 (Heart Rate Service 1.0, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import notified, reading

_WIDE: Final = 1 << 0
_CONTACT: Final = 1 << 1
_CONTACT_KNOWN: Final = 1 << 2
_ENERGY: Final = 1 << 3
_INTERVALS: Final = 1 << 4


def decode_heart_rate(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """Heart rate, and whether the sensor touches the skin where it can tell. Raises DriverError.

    Without contact a strap repeats its last rate, so there is none then.
    """
    fields, _ = notified(payload)
    flags = fields.unsigned(1)
    rate = fields.unsigned(2 if flags & _WIDE else 1)
    if flags & _ENERGY:
        fields.take(2)
    if flags & _INTERVALS and fields.left % 2:
        raise DriverError("truncated", "an RR interval is cut off")
    at = (received_ns, None)
    signals: list[Signal] = []
    is_worn = bool(flags & _CONTACT)
    if flags & _CONTACT_KNOWN:
        signals.append(reading(device_id, "worn", float(is_worn), at))
    # Rate 0 is a sensor that has not found a beat; no heart that stands still is told so.
    if rate and (is_worn or not flags & _CONTACT_KNOWN):
        signals.append(reading(device_id, "heart_rate", float(rate), at))
    if not signals:
        raise DriverError("no_value", "the sensor has found no beat")
    return signals
