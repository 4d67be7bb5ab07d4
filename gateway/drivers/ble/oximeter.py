"""PLX Spot-Check 0x2A5E and Continuous 0x2A5F Measurement (Pulse Oximeter Service 1.0.1)."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import (
    Special,
    measured_at,
    notified,
    number,
    optional_number,
    reading,
)

_SPOT_TIME: Final = 1 << 0
_SPOT_STATUS: Final = 1 << 1
_SPOT_SENSOR: Final = 1 << 2
_FAST: Final = 1 << 0
_SLOW: Final = 1 << 1
_STATUS: Final = 1 << 2
_SENSOR: Final = 1 << 3

# Measurement status bits that make a value not one of a person, or not one at all.
_UNFIT: Final = MappingProxyType(
    {
        10: ("not_a_person", "data for demonstration"),
        11: ("not_a_person", "data for testing"),
        13: ("no_value", "measurement unavailable"),
        14: ("doubtful_value", "questionable measurement"),
        15: ("no_value", "invalid measurement"),
    }
)
# Device and sensor status bits after which the finger is not in the clip.
_OFF_BITS: Final = (11, 13, 15)  # unconnected to user, displaced, disconnected


def decode_oximeter_spot(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """SpO2 and pulse of a spot check. Raises DriverError."""
    fields, utc_offset_s = notified(payload)
    flags = fields.unsigned(1)
    values = fields.sfloat(), fields.sfloat()
    local = fields.date_time() if flags & _SPOT_TIME else None
    status = fields.unsigned(2) if flags & _SPOT_STATUS else 0
    sensor = fields.unsigned(3) if flags & _SPOT_SENSOR else 0
    at = measured_at(local, utc_offset_s, received_ns)
    return _signals(device_id, values, status, sensor, at)


def decode_oximeter_continuous(
    device_id: str, payload: bytes, received_ns: int
) -> Sequence[Signal]:
    """SpO2 and pulse, normal averaging. Raises DriverError."""
    fields, _ = notified(payload)
    flags = fields.unsigned(1)
    values = fields.sfloat(), fields.sfloat()
    for extra in (_FAST, _SLOW):
        if flags & extra:
            fields.take(4)
    status = fields.unsigned(2) if flags & _STATUS else 0
    sensor = fields.unsigned(3) if flags & _SENSOR else 0
    return _signals(device_id, values, status, sensor, (received_ns, None))


def _signals(
    device_id: str,
    values: tuple[float | Special, float | Special],
    status: int,
    sensor: int,
    at: tuple[int, float | None],
) -> Sequence[Signal]:
    for bit, (reason, detail) in _UNFIT.items():
        if status & 1 << bit and not reason.startswith("no_"):
            raise DriverError(reason, detail)
    if any(sensor & 1 << bit for bit in _OFF_BITS):
        return (reading(device_id, "worn", 0.0, at),)
    for bit, (reason, detail) in _UNFIT.items():
        if status & 1 << bit:
            raise DriverError(reason, detail)
    spo2, pulse = values
    signals: list[Signal] = [reading(device_id, "spo2", number(spo2, "SpO2"), at)]
    rate = optional_number(pulse, "pulse rate")
    if rate is not None:
        signals.append(reading(device_id, "heart_rate", rate, at))
    return signals
