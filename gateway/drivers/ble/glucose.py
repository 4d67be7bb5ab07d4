"""Glucose Measurement, 0x2A18 (Glucose Service 1.0.1, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from edge.signals import Signal
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import measured_at, notified, number, reading

_OFFSET: Final = 1 << 0
_CONCENTRATION: Final = 1 << 1
_MOL: Final = 1 << 2
_ANNUNCIATION: Final = 1 << 3
_MMOL_PER_MOL: Final = 1000.0
# Molar mass of glucose 180.156 g/mol: 1 kg/l is 1e6 mg/l over 180.156 mg/mmol.
_MMOL_PER_KG: Final = 1e6 / 180.156
_CONTROL_SOLUTION: Final = 10

_FAULTS: Final = MappingProxyType(
    {
        1: ("no_value", "sensor malfunction"),
        2: ("no_value", "sample too small"),
        3: ("no_value", "strip inserted wrongly"),
        4: ("no_value", "wrong strip"),
        5: ("over_range", "result above what the meter can show"),
        6: ("under_range", "result below what the meter can show"),
        7: ("doubtful_value", "too warm for a valid result"),
        8: ("doubtful_value", "too cold for a valid result"),
        9: ("no_value", "strip pulled too early"),
        10: ("no_value", "general fault"),
    }
)


def decode_glucose(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """Blood glucose at its own time. Raises DriverError.

    A control solution is not a person: `not_a_person`.
    """
    fields, utc_offset_s = notified(payload)
    flags = fields.unsigned(1)
    fields.take(2)  # sequence number: the record access procedure knows it
    local = fields.date_time()
    if flags & _OFFSET:
        minutes = fields.signed(2)
        # The base time is the device's own; the offset is what its user set the clock by.
        try:
            local = None if local is None else local + timedelta(minutes=minutes)
        except OverflowError as error:
            raise DriverError("bad_time", f"{minutes} min beyond the calendar") from error
    concentration = kind = None
    if flags & _CONCENTRATION:
        concentration = fields.sfloat()
        kind = fields.unsigned(1) & 0x0F
    annunciation = fields.unsigned(2) if flags & _ANNUNCIATION else 0
    for bit, (reason, detail) in _FAULTS.items():
        if annunciation & 1 << bit:
            raise DriverError(reason, detail)
    if concentration is None:
        raise DriverError("no_value", "a record without a concentration")
    if kind == _CONTROL_SOLUTION:
        raise DriverError("not_a_person", "a control solution was measured")
    factor = _MMOL_PER_MOL if flags & _MOL else _MMOL_PER_KG
    value = number(concentration, "glucose concentration") * factor
    if local is None:
        # A meter sends its memory: without a date nobody can say when it was.
        raise DriverError("bad_time", "the meter's clock was never set")
    at = measured_at(local, utc_offset_s, received_ns)
    return (reading(device_id, "blood_glucose", value, at),)
