"""Acceleration frames of Polar's measurement data service (PMD): H10, Verity Sense, OH1.

Layout as in Polar's own SDK (github.com/polarofficial/polar-ble-sdk, PmdDataFrame and AccData):
type (1), time of the last sample (8, nanoseconds since 2000 of the device), frame type (1; bit 7:
delta-compressed), samples. The control point's side is gateway/ble/polar_control.py.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.signals import Int16Array, Signal
from gateway.ble.frames import StreamBlock
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import unpack
from gateway.drivers.ble.streams import block_waveform

_HEADER: Final = struct.Struct("<BQB")
_ACCELERATION: Final = 2
_COMPRESSED: Final = 0x80
_CHANNELS: Final = 3
_G_PER_MG: Final = 1e-3
# Raw frame type -> bytes of a channel, each count 1 mg.
_RAW_BYTES: Final = {0: 1, 1: 2, 2: 3}
_REFERENCE_BYTES: Final = 2
_MAX_DELTA_BITS: Final = 32


def decode_polar(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """One block of acceleration, in the counts of the device. Raises DriverError."""
    del received_ns  # the stream's clock has dated it
    block = unpack(payload, StreamBlock)
    if len(block.value) < _HEADER.size:
        raise DriverError("truncated", f"{len(block.value)} bytes; the header is {_HEADER.size}")
    measurement, _, frame_type = _HEADER.unpack_from(block.value)
    if measurement != _ACCELERATION:
        raise DriverError("bad_quantity", f"measurement {measurement} is not acceleration (2)")
    body = block.value[_HEADER.size :]
    number = frame_type & ~_COMPRESSED
    if frame_type & _COMPRESSED:
        if number > 1:
            raise DriverError("bad_version", f"compressed frame type {number} is unknown")
        counts = _delta_samples(body)
        # Type 0 is in units of the stated factor (g), type 1 in factors of 1 mg.
        scale = block.factor if number == 0 else (block.factor or 1.0) * _G_PER_MG
    else:
        counts, scale = _raw_samples(body, number), _G_PER_MG
    full_scale = block.full_scale
    waveform = block_waveform(
        device_id, "acceleration", block, counts, scale=scale, full_scale=full_scale
    )
    return (waveform,)


def polar_device_ns(value: bytes) -> int | None:
    """The device's time of the last sample; None when the frame is too short to have one."""
    return int(_HEADER.unpack_from(value)[1]) if len(value) >= _HEADER.size else None


def _raw_samples(body: bytes, number: int) -> Int16Array:
    """Shape (n, 3)."""
    size = _RAW_BYTES.get(number)
    if size is None:
        raise DriverError("bad_version", f"raw frame type {number} is unknown")
    if not body or len(body) % (size * _CHANNELS):
        raise DriverError("bad_counts", f"{len(body)} bytes are not samples of {_CHANNELS}x{size}")
    values = [
        int.from_bytes(body[at : at + size], "little", signed=True)
        for at in range(0, len(body), size)
    ]
    return _int16(values)


def _delta_samples(body: bytes) -> Int16Array:
    """Shape (n, 3): a reference sample, then blocks of differences packed from the lowest bit."""
    at = _REFERENCE_BYTES * _CHANNELS
    if len(body) < at:
        raise DriverError("truncated", f"{len(body)} bytes; the reference sample is {at}")
    last = list(struct.unpack_from("<hhh", body))
    values = list(last)
    while at < len(body):
        if at + 2 > len(body):
            raise DriverError("truncated", "a block of differences is cut off in its header")
        bits, n_samples = body[at], body[at + 1]
        at += 2
        size = -(-bits * n_samples * _CHANNELS // 8)
        if not 0 < bits <= _MAX_DELTA_BITS or not n_samples or at + size > len(body):
            raise DriverError(
                "bad_counts", f"{n_samples} differences of {bits} bits in {len(body) - at} bytes"
            )
        packed = int.from_bytes(body[at : at + size], "little")
        at += size
        for index in range(n_samples * _CHANNELS):
            delta = packed >> index * bits & (1 << bits) - 1
            if delta >> bits - 1:
                delta -= 1 << bits
            last[index % _CHANNELS] += delta
            if index % _CHANNELS == _CHANNELS - 1:
                values += last
    return _int16(values)


def _int16(values: Sequence[int]) -> Int16Array:
    array = np.array(values, dtype=np.int64).reshape(-1, _CHANNELS)
    if np.abs(array).max(initial=0) > np.iinfo(np.int16).max + 1:
        raise DriverError("bad_counts", "a sample beyond 16 bits")
    # 32,768 alone does not fit; it is the range's end anyway.
    return np.clip(array, np.iinfo(np.int16).min, np.iinfo(np.int16).max).astype(np.int16)
