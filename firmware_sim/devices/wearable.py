"""The wearable's firmware: samples in g become numbered blocks as docs/devices.md says.

This encoder is the simulator's own. The gateway's decoder was written from the same page and
shares no code with it, so that each checks the other.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import numpy as np

from edge.signals import NS_PER_S, FloatArray, Int16Array

MAGIC: Final = b"YW"
VERSION: Final = 1
FLAG_SIMULATED: Final = 0x01
FLAG_DRILL: Final = 0x02
FLAG_CLOCK_SET: Final = 0x04
QUANTITY_ACCELERATION: Final = 1
QUANTITY_BED_MOTION: Final = 3
UNKNOWN_CLOCK_UNCERTAINTY_MS: Final = 0xFFFF
# magic, version, flags, quantity, channels, n_samples, boot_id, sequence_number, start_ns,
# rate_mhz, scale_nano, full_scale_milli, clock_uncertainty_ms, reserved: 40 bytes.
_HEADER: Final = struct.Struct("<2sBBBBHIIqIIIHH")
_CRC: Final = struct.Struct("<I")

_COUNTS_PER_FULL_SCALE: Final = 32_768  # int16: one count is the range divided by 2^15
_MAX_U32: Final = 2**32 - 1
# The limits of the format itself; outside them the header cannot say what is meant.
MIN_RATE_HZ: Final = 1.0
MAX_RATE_HZ: Final = 1000.0
_VECTOR_NDIM: Final = 2  # (n, 3)
_AXES: Final = 3


@dataclass(frozen=True, slots=True)
class Block:
    """One message before it becomes bytes. `counts` has shape (n, channels), int16."""

    boot_id: int
    sequence_number: int
    start_ns: int
    rate_mhz: int
    scale_nano: int
    full_scale_milli: int
    counts: Int16Array
    flags: int = FLAG_SIMULATED | FLAG_CLOCK_SET
    quantity: int = QUANTITY_ACCELERATION
    clock_uncertainty_ms: int = UNKNOWN_CLOCK_UNCERTAINTY_MS

    @property
    def end_ns(self) -> int:
        """Just after the last sample: when a real device could send it at the earliest."""
        return self.start_ns + (len(self.counts) * NS_PER_S * 1000) // self.rate_mhz


def encode_block(block: Block) -> bytes:
    """The bytes on the wire: header, counts, CRC-32."""
    n_samples, channels = block.counts.shape
    header = _HEADER.pack(
        MAGIC,
        VERSION,
        block.flags,
        block.quantity,
        channels,
        n_samples,
        block.boot_id,
        block.sequence_number,
        block.start_ns,
        block.rate_mhz,
        block.scale_nano,
        block.full_scale_milli,
        block.clock_uncertainty_ms,
        0,
    )
    body = header + np.ascontiguousarray(block.counts, dtype="<i2").tobytes()
    return body + _CRC.pack(zlib.crc32(body))


def scale_nano_of(full_scale_g: float) -> int:
    """One count in 1e-9 g for a range: 4 g gives 122,070."""
    return round(full_scale_g / _COUNTS_PER_FULL_SCALE * 1e9)


def quantise(samples_g: FloatArray, full_scale_g: float) -> Int16Array:
    """Counts of samples in g, clipped at the range as the sensor would. Shape is kept."""
    counts = np.rint(samples_g / (scale_nano_of(full_scale_g) * 1e-9))
    limit = _COUNTS_PER_FULL_SCALE - 1
    return np.clip(counts, -limit - 1, limit).astype(np.int16)


def encode_cancel(time_ns: int, *, drill: bool = False) -> bytes:
    """The SenML pack of the cancel button: the wearer says at `time_ns` that it was no fall."""
    record = {
        "n": "fall_cancel",
        "vb": True,
        "t": time_ns / NS_PER_S,
        "origin": "drill" if drill else "simulated",
    }
    return json.dumps([record]).encode()


class DeviceStateError(RuntimeError):
    """A simulated device's memory is damaged, or another process already is this device."""


class DeviceMemory:
    """A device's non-volatile memory: its boot counter, one file each, held by one process.

    Entering counts one start of the device: the number is on disk before it is used, so it never
    goes back, not even after a crash.
    """

    def __init__(self, state_dir: Path, device_id: str) -> None:
        self._path = state_dir / f"{device_id}.json"
        self._lock_path = state_dir / f"{device_id}.lock"
        self._device_id = device_id
        self._lock: IO[bytes] | None = None
        self._boot_id = 0

    @property
    def boot_id(self) -> int:
        """The number of this start, from 1."""
        return self._boot_id

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = self._lock_path.open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._boot_id = self._read() + 1
            self._write(self._boot_id)
        except BlockingIOError as error:
            lock.close()
            raise DeviceStateError(
                f"device {self._device_id}: another process already simulates it "
                f"(lock {self._lock_path})"
            ) from error
        except BaseException:
            lock.close()
            raise
        self._lock = lock
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _read(self) -> int:
        try:
            boot_id = json.loads(self._path.read_bytes())["boot_id"]
        except FileNotFoundError:
            return 0
        except (ValueError, KeyError, TypeError) as error:
            raise DeviceStateError(f"{self._path}: not a device's memory: {error}") from error
        if not isinstance(boot_id, int) or not 0 <= boot_id < _MAX_U32:
            raise DeviceStateError(f"{self._path}: boot_id {boot_id!r} is not a boot counter")
        return boot_id

    def _write(self, boot_id: int) -> None:
        temporary = self._path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(json.dumps({"boot_id": boot_id}).encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)


@dataclass(slots=True)
class Wearable:
    """Packs a stream of samples into blocks; sample k is at `start_ns + k / rate`.

    `block_s` is how much a block holds: one second, unless the radio wants otherwise.
    """

    device_id: str
    boot_id: int
    start_ns: int
    rate_hz: float
    full_scale_g: float
    block_s: float = 1.0
    drill: bool = False
    clock_uncertainty_ms: int = 20  # a phone-grade clock kept by NTP
    _waiting: list[Int16Array] = field(default_factory=list)
    _waiting_n: int = 0
    _packed_n: int = 0
    _sequence_number: int = 0

    def __post_init__(self) -> None:
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"rate_hz {self.rate_hz} is outside {MIN_RATE_HZ}..{MAX_RATE_HZ}")
        if not self.full_scale_g > 0:
            raise ValueError(f"full_scale_g must be positive, got {self.full_scale_g}")

    @property
    def block_n(self) -> int:
        """Samples in a full block."""
        return max(1, round(self.rate_hz * self.block_s))

    @property
    def samples_n(self) -> int:
        """Samples taken in so far."""
        return self._packed_n + self._waiting_n

    def take(self, samples_g: FloatArray) -> list[Block]:
        """Take samples in, shape (n, 3) in g; return the blocks that became full."""
        if samples_g.ndim != _VECTOR_NDIM or samples_g.shape[1] != _AXES:
            raise ValueError(f"samples must have shape (n, 3), got {samples_g.shape}")
        if not np.isfinite(samples_g).all():
            raise ValueError("samples: not a finite number")
        self._waiting.append(quantise(samples_g, self.full_scale_g))
        self._waiting_n += len(samples_g)
        if self._waiting_n < self.block_n:
            return []
        counts = np.concatenate(self._waiting)
        full_n = len(counts) // self.block_n * self.block_n
        blocks = [
            self._pack(counts[at : at + self.block_n]) for at in range(0, full_n, self.block_n)
        ]
        self._waiting = [counts[full_n:]]
        self._waiting_n = len(counts) - full_n
        return blocks

    def flush(self) -> list[Block]:
        """The last, shorter block, if anything waits: the device is being switched off."""
        if not self._waiting_n:
            return []
        counts = np.concatenate(self._waiting)
        self._waiting, self._waiting_n = [], 0
        return [self._pack(counts)]

    def _pack(self, counts: Int16Array) -> Block:
        rate_mhz = round(self.rate_hz * 1000)
        block = Block(
            boot_id=self.boot_id,
            sequence_number=self._sequence_number,
            # from the first sample of the stream each time: rounding must not add up
            start_ns=self.start_ns + round(self._packed_n * NS_PER_S * 1000 / rate_mhz),
            rate_mhz=rate_mhz,
            scale_nano=scale_nano_of(self.full_scale_g),
            full_scale_milli=round(self.full_scale_g * 1000),
            counts=counts,
            flags=FLAG_SIMULATED | FLAG_CLOCK_SET | (FLAG_DRILL if self.drill else 0),
            clock_uncertainty_ms=self.clock_uncertainty_ms,
        )
        self._sequence_number += 1
        self._packed_n += len(counts)
        return block
