"""How the Bluetooth source hands bytes to the drivers: the bytes as heard, with what they cannot
say themselves.

Drivers keep no state, so the context of a stream (rate, clock, number of the block) travels with
each frame. Bind keys do not: frames end up in the quarantine, which people read.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Advertisement(msgspec.Struct, frozen=True, array_like=True):
    """One advertisement. `service_data` by full UUID.

    `refused`: (reason, detail) when it is encrypted and the source could not open it.
    """

    address: str
    name: str
    service_data: dict[str, bytes]
    refused: tuple[str, str] | None = None


class Notification(msgspec.Struct, frozen=True, array_like=True):
    """The value of a characteristic, notified, indicated or read.

    `utc_offset_s`: what the device's clock is ahead of UTC; health profiles send local time.
    """

    value: bytes
    utc_offset_s: int = 0


class StreamBlock(msgspec.Struct, frozen=True, array_like=True):
    """Part of a stream of samples.

    `end_ns`: UTC of the last sample, from the stream's clock; `clock_uncertainty_s`: how wrong it
    may be. `full_scale` in g. `factor`: value of a count, where the device states it, else 0.
    """

    value: bytes
    rate_hz: float
    full_scale: float
    factor: float
    end_ns: int
    clock_uncertainty_s: float
    sequence_number: int
    boot_id: int


def advertisement_frame(
    address: str,
    name: str,
    service_data: Mapping[str, bytes],
    refused: tuple[str, str] | None = None,
) -> bytes:
    """The payload of an advertisement's frame."""
    return msgspec.msgpack.encode(Advertisement(address, name, dict(service_data), refused))


def notification_frame(value: bytes, utc_offset_s: int) -> bytes:
    """The payload of a notification's frame."""
    return msgspec.msgpack.encode(Notification(value, utc_offset_s))


def stream_frame(block: StreamBlock) -> bytes:
    """The payload of a stream's frame."""
    return msgspec.msgpack.encode(block)
