"""Blood Pressure Measurement, 0x2A35 (Blood Pressure Service 1.1.1, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import measured_at, notified, number, optional_number, reading

_KILOPASCAL: Final = 1 << 0
_TIME: Final = 1 << 1
_PULSE: Final = 1 << 2
_USER: Final = 1 << 3
_STATUS: Final = 1 << 4
_MMHG_PER_KPA: Final = 7.500617


def decode_blood_pressure(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """Systolic, diastolic, and the pulse where it is given. Raises DriverError.

    A device writes NaN when the measurement failed: `no_value`, and nothing of it is taken.
    """
    fields, utc_offset_s = notified(payload)
    flags = fields.unsigned(1)
    systolic, diastolic, _mean = fields.sfloat(), fields.sfloat(), fields.sfloat()
    local = fields.date_time() if flags & _TIME else None
    pulse = fields.sfloat() if flags & _PULSE else None
    if flags & _USER:
        fields.take(1)
    if flags & _STATUS:
        fields.take(2)
    factor = _MMHG_PER_KPA if flags & _KILOPASCAL else 1.0
    high = number(systolic, "systolic pressure") * factor
    low = number(diastolic, "diastolic pressure") * factor
    if low > high:
        raise DriverError("bad_value", f"diastolic {low:g} above systolic {high:g}")
    at = measured_at(local, utc_offset_s, received_ns)
    signals: list[Signal] = [
        reading(device_id, "systolic_pressure", high, at),
        reading(device_id, "diastolic_pressure", low, at),
    ]
    rate = None if pulse is None else optional_number(pulse, "pulse rate")
    if rate is not None:
        signals.append(reading(device_id, "heart_rate", rate, at))
    return signals
