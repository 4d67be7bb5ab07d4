"""The Yuyue wearable's waveform message, version 1 (docs/devices.md)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from edge.marks import BLOCK_TAGGED, TAG_BYTES
from edge.signals import QUANTITIES, Int16Array, Origin, Signal, SignalError, Waveform
from gateway.drivers.base import DriverError

_HEADER: Final = struct.Struct("<2sBBBBHIIqIIIHH")
_CRC: Final = struct.Struct("<I")
_COUNT_BYTES: Final = 2
_MAGIC: Final = b"YW"
_VERSION: Final = 1

_SIMULATED: Final = 0b001
_DRILL: Final = 0b010
_CLOCK_SET: Final = 0b100
_KNOWN_FLAGS: Final = _SIMULATED | _DRILL | _CLOCK_SET | BLOCK_TAGGED

_QUANTITY_OF_CODE: Final = MappingProxyType({1: "acceleration", 2: "angular_rate", 3: "bed_motion"})
_UNKNOWN_UNCERTAINTY: Final = 65_535

# docs/devices.md: 1,000 to 1,000,000 mHz, so 1 Hz to 1 kHz.
_MIN_RATE_MHZ: Final = 1_000
_MAX_RATE_MHZ: Final = 1_000_000


def decode_waveform(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """One block. Without a set clock it ends at `received_ns`. Raises DriverError."""
    if len(payload) >= len(_MAGIC) and payload[:2] != _MAGIC:
        raise DriverError("bad_magic", f"starts with {payload[:2].hex()}, not with 'YW'")
    if len(payload) < _HEADER.size + _CRC.size:
        raise DriverError(
            "truncated",
            f"{len(payload)} bytes; a header and its CRC alone are {_HEADER.size + _CRC.size}",
        )
    (
        _, version, flags, quantity_code, channels, n_samples, boot_id, sequence_number, start_ns,
        rate_mhz, scale_nano, full_scale_milli, clock_uncertainty_ms, reserved,
    ) = _HEADER.unpack_from(payload)  # fmt: skip
    if version != _VERSION:
        raise DriverError("bad_version", f"version {version}; this software reads {_VERSION}")
    if flags & BLOCK_TAGGED:  # judged by the source, which knows the key
        payload = payload[:-TAG_BYTES]
    body = _checked_body(payload, n_samples, channels)
    _check_flags(flags, reserved)
    quantity = _QUANTITY_OF_CODE.get(quantity_code)
    if quantity is None:
        raise DriverError("bad_quantity", f"quantity code {quantity_code} is not 1, 2 or 3")
    if not _MIN_RATE_MHZ <= rate_mhz <= _MAX_RATE_MHZ:
        raise DriverError("bad_rate_hz", f"{rate_mhz / 1000} Hz is not within 1..1000 Hz")
    _check_range(quantity, scale_nano, full_scale_milli)
    clock_set = bool(flags & _CLOCK_SET)
    rate_hz = rate_mhz / 1000
    if not clock_set:
        start_ns = received_ns - n_samples * 1_000_000_000_000 // rate_mhz
    known = clock_set and clock_uncertainty_ms != _UNKNOWN_UNCERTAINTY
    try:
        waveform = Waveform(
            device_id=device_id,
            quantity=quantity,
            start_ns=start_ns,
            rate_hz=rate_hz,
            scale=scale_nano / 1e9,
            full_scale=full_scale_milli / 1e3,
            counts=_counts(body, channels, quantity),
            sequence_number=sequence_number,
            boot_id=boot_id,
            origin=_origin(flags),
            clock_uncertainty_s=clock_uncertainty_ms / 1e3 if known else None,
        )
    except SignalError as error:
        raise DriverError(f"bad_{error.field}", str(error)) from error
    return (waveform,)


def _checked_body(payload: bytes, n_samples: int, channels: int) -> bytes:
    """The counts, after length and CRC are seen to be right."""
    body_bytes = n_samples * channels * _COUNT_BYTES
    expected_bytes = _HEADER.size + body_bytes + _CRC.size
    if len(payload) < expected_bytes:
        raise DriverError(
            "truncated",
            f"{len(payload)} bytes; {n_samples} samples of {channels} channels are "
            f"{expected_bytes}",
        )
    if len(payload) > expected_bytes:
        raise DriverError(
            "trailing_bytes", f"{len(payload) - expected_bytes} bytes after the block's end"
        )
    (stated,) = _CRC.unpack_from(payload, expected_bytes - _CRC.size)
    found = zlib.crc32(payload[: -_CRC.size])
    if stated != found:
        raise DriverError("bad_crc", f"CRC {stated:08x} stated, {found:08x} found")
    return payload[_HEADER.size : -_CRC.size]


def _check_flags(flags: int, reserved: int) -> None:
    if flags & ~_KNOWN_FLAGS:
        raise DriverError("bad_flags", f"unknown flag bits {flags & ~_KNOWN_FLAGS:#04x}")
    if flags & BLOCK_TAGGED and not flags & (_SIMULATED | _DRILL):
        raise DriverError("bad_flags", "a simulator's tag on a block that is not marked")
    if reserved:
        raise DriverError("bad_flags", f"the reserved field is {reserved}, not 0")


def _counts(body: bytes, channels: int, quantity: str) -> Int16Array:
    """Shape (n, channels) int16."""
    expected = QUANTITIES[quantity].channels
    if channels != expected:
        raise DriverError("bad_counts", f"{quantity} has {expected} channels, got {channels}")
    return np.frombuffer(body, dtype="<i2").astype(np.int16).reshape(-1, channels)


def _origin(flags: int) -> Origin:
    # A simulated device in a drill sets both: the drill is what people must be told about.
    if flags & _DRILL:
        return Origin.DRILL
    return Origin.SIMULATED if flags & _SIMULATED else Origin.LIVE


def _check_range(quantity: str, scale_nano: int, full_scale_milli: int) -> None:
    """A range no sensor of the quantity has, or a count wider than the range, is impossible."""
    high = QUANTITIES[quantity].high
    if not 0 < full_scale_milli <= high * 1e3:
        raise DriverError("bad_full_scale", f"{full_scale_milli / 1e3} is not within 0..{high}")
    if not 0 < scale_nano <= full_scale_milli * 1_000_000:
        raise DriverError(
            "bad_scale", f"one count of {scale_nano / 1e9} in a range of {full_scale_milli / 1e3}"
        )
