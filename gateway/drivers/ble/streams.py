"""Blocks of samples that came over Bluetooth, as waveforms."""

from __future__ import annotations

import math

from edge.signals import NS_PER_S, Int16Array, SignalError, Waveform
from gateway.ble.frames import StreamBlock
from gateway.drivers.base import DriverError

_MAX_NS = 2**63 - 1


def block_waveform(
    device_id: str,
    quantity: str,
    block: StreamBlock,
    counts: Int16Array,
    *,
    scale: float,
    full_scale: float,
) -> Waveform:
    """A block whose last sample is at `block.end_ns`. Raises DriverError naming the field."""
    if not (math.isfinite(block.rate_hz) and block.rate_hz > 0):
        raise DriverError("bad_rate_hz", f"{block.rate_hz} is no rate")
    if not (math.isfinite(block.clock_uncertainty_s) and block.clock_uncertainty_s >= 0):
        raise DriverError("bad_frame", f"clock uncertainty {block.clock_uncertainty_s}")
    start_s = (len(counts) - 1) / block.rate_hz
    if not math.isfinite(start_s) or not 0 <= block.end_ns <= _MAX_NS:
        raise DriverError("bad_time", f"{block.end_ns} ns is not a time")
    try:
        return Waveform(
            device_id=device_id,
            quantity=quantity,
            start_ns=block.end_ns - round(start_s * NS_PER_S),
            rate_hz=block.rate_hz,
            scale=scale,
            full_scale=full_scale,
            counts=counts,
            sequence_number=block.sequence_number,
            boot_id=block.boot_id,
            clock_uncertainty_s=block.clock_uncertainty_s,
        )
    except SignalError as error:
        raise DriverError(f"bad_{error.field}", str(error)) from error
