"""A made-up chest strap with Polar's measurement data service: acceleration at 50 Hz, 8 g.

As in Polar's SDK (github.com/polarofficial/polar-ble-sdk: PmdControlPointCommand,
PmdControlPointResponse, PmdSetting, AccData): requests and answers of the control point, and frames
of raw type 1, int16 in mg.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from edge.signals import NS_PER_S, Waveform

SERVICE: Final = "fb005c80-02e7-f387-1cad-8acd2d8df0c8"
CONTROL: Final = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA: Final = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"
POLAR: Final = "polar"
# What the control point says when it is read: answers of this kind, acceleration only (bit 2).
FEATURES: Final = b"\x0f\x04\x00"

_ACCELERATION: Final = 0x02
_GET_SETTINGS, _START, _STOP = 0x01, 0x02, 0x03
_RESPONSE: Final = 0xF0
_SUCCESS, _BAD_OPCODE, _BAD_MEASUREMENT, _BAD_PARAMETER, _ALREADY = 0, 1, 2, 5, 6
_HEADER: Final = struct.Struct("<BQB")
_RAW_MG: Final = 1
_MG_PER_G: Final = 1000.0
# Half a second at 50 Hz: 160 bytes, which a connection's 517 hold.
FRAME_SAMPLES: Final = 25
# The device counts nanoseconds from 2000-01-01, UTC.
_EPOCH_NS: Final = 946_684_800 * NS_PER_S
# Setting -> its one value: what our falls are made at. Type, count, value.
_SETTINGS: Final = {0: 50, 1: 16, 2: 8}


def _stated(settings: dict[int, int]) -> bytes:
    return b"".join(struct.pack("<BBH", kind, 1, value) for kind, value in settings.items())


class Control:
    """The control point of one strap. `is_streaming` is what it was last told."""

    def __init__(self) -> None:
        self.is_streaming = False

    def begin(self) -> None:
        """Somebody new is connected: nothing is streamed until it is asked for."""
        self.is_streaming = False

    def answer(self, request: bytes) -> bytes:
        """What it indicates after a request was written."""
        opcode, measurement = request[0] if request else 0, request[1] if len(request) > 1 else 0
        status, settings = self._do(opcode, measurement, request[2:])
        return bytes([_RESPONSE, opcode, measurement, status, 0]) + settings

    def _do(self, opcode: int, measurement: int, asked: bytes) -> tuple[int, bytes]:
        if opcode not in (_GET_SETTINGS, _START, _STOP):
            return _BAD_OPCODE, b""
        if measurement != _ACCELERATION:
            return _BAD_MEASUREMENT, b""
        if opcode == _GET_SETTINGS:
            return _SUCCESS, _stated(_SETTINGS)
        wanted = opcode == _START
        if wanted and asked != _stated(_SETTINGS):
            return _BAD_PARAMETER, b""
        if wanted == self.is_streaming:
            return _ALREADY, b""
        self.is_streaming = wanted
        return _SUCCESS, b""


def acceleration(waveform: Waveform) -> list[tuple[float, bytes]]:
    """Frames of a block, each with the seconds from the block's start to its last sample."""
    mg = np.rint(waveform.counts * (waveform.scale * _MG_PER_G)).astype("<i2")
    frames = []
    for first in range(0, len(mg), FRAME_SAMPLES):
        part = mg[first : first + FRAME_SAMPLES]
        after_s = (first + len(part) - 1) / waveform.rate_hz
        device_ns = waveform.start_ns + round(after_s * NS_PER_S) - _EPOCH_NS
        frames.append((after_s, _HEADER.pack(_ACCELERATION, device_ns, _RAW_MG) + part.tobytes()))
    return frames
