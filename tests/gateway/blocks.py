"""Wearable blocks for these tests, written by an encoder of their own from docs/devices.md."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Block:
    """One block; every field can be made wrong."""

    magic: bytes = b"YW"
    version: int = 1
    flags: int = 4
    quantity: int = 1
    channels: int = 3
    n_samples: int | None = None
    boot_id: int = 1
    sequence_number: int = 0
    start_ns: int = 1_790_000_000_000_000_000
    rate_mhz: int = 50_000
    scale_nano: int = 122_070
    full_scale_milli: int = 4_000
    clock_uncertainty_ms: int = 65_535
    reserved: int = 0
    counts: tuple[int, ...] = field(default=(1, 2, 3))

    def encode(self) -> bytes:
        n = len(self.counts) // self.channels if self.n_samples is None else self.n_samples
        header = struct.pack(
            "<2sBBBBHIIqIIIHH", self.magic, self.version, self.flags, self.quantity, self.channels,
            n, self.boot_id, self.sequence_number, self.start_ns, self.rate_mhz, self.scale_nano,
            self.full_scale_milli, self.clock_uncertainty_ms, self.reserved,
        )  # fmt: skip
        return with_crc(header + struct.pack(f"<{len(self.counts)}h", *self.counts))


def with_crc(block: bytes) -> bytes:
    return block + struct.pack("<I", zlib.crc32(block))
