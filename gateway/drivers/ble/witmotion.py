"""Inertial packets of WitMotion's Bluetooth 5 sensors (WT901BLECL 5.0 manual, section 6.1.1).

A packet is 0x55, 0x61 and nine int16: acceleration (counts of 16 g / 32768), angular rate (counts
of 2000 deg/s / 32768) and angle. It has neither a time nor a number; the source counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.signals import Signal
from gateway.ble.frames import StreamBlock
from gateway.drivers.base import DriverError
from gateway.drivers.ble.fields import unpack
from gateway.drivers.ble.streams import block_waveform

PACKET_BYTES: Final = 20
_HEADER: Final = b"\x55\x61"
_COUNTS: Final = 32_768
# Quantity, its first word in a packet, its range in g and deg/s.
_PARTS: Final = (("acceleration", 1, 16.0), ("angular_rate", 4, 2000.0))


def decode_witmotion(device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
    """Acceleration and angular rate of the packets in a block. Raises DriverError."""
    del received_ns  # the stream's clock has dated it
    block = unpack(payload, StreamBlock)
    value = block.value
    if not value or len(value) % PACKET_BYTES:
        raise DriverError("truncated", f"{len(value)} bytes are not packets of {PACKET_BYTES}")
    for at in range(0, len(value), PACKET_BYTES):
        if value[at : at + 2] != _HEADER:
            raise DriverError("bad_magic", f"a packet starts with {value[at : at + 2].hex()}")
    words = np.frombuffer(value, dtype="<i2").reshape(-1, PACKET_BYTES // 2).astype(np.int16)
    return tuple(
        block_waveform(
            device_id,
            quantity,
            block,
            words[:, first : first + 3].copy(),
            scale=full_scale / _COUNTS,
            full_scale=full_scale,
        )
        for quantity, first, full_scale in _PARTS
    )
