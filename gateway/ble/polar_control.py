"""The control point of Polar's measurement data service: asking for settings, starting a stream.

As in Polar's SDK (PmdSetting, PmdControlPointResponse): a request is an operation, a measurement
and settings; a response is 0xF0, operation, measurement, status, more, settings. A setting is its
type, how many values, and the values.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_GET_SETTINGS: Final = 0x01
_START: Final = 0x02
_ACCELERATION: Final = 0x02
_RESPONSE: Final = 0xF0
_HEADER_BYTES: Final = 5

_SAMPLE_RATE: Final = 0
_RESOLUTION: Final = 1
_RANGE_G: Final = 2
_CHANNELS: Final = 4
_FACTOR: Final = 5
_FORMATS: Final = MappingProxyType({0: "<H", 1: "<H", 2: "<H", 3: "<I", 4: "<B", 5: "<f"})

# The fall detector was made for 50 Hz; a Verity Sense offers 52, an H10 50.
WANTED_RATE_HZ: Final = 50
ALREADY_STREAMING: Final = 6


class PolarError(ValueError):
    """A response that cannot be used."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What was asked for. `factor` is the value of a count in g, as the start's response says."""

    rate_hz: int
    resolution_bits: int
    range_g: int
    channels: int | None
    factor: float = 1.0


SETTINGS_REQUEST: Final = bytes([_GET_SETTINGS, _ACCELERATION])


def parse_response(value: bytes) -> tuple[int, int, Mapping[int, Sequence[float]]]:
    """(operation, status, settings by type). Raises PolarError."""
    if len(value) < _HEADER_BYTES - 1 or value[0] != _RESPONSE:
        raise PolarError(f"not a response: {value[:8].hex()}")
    operation, status = value[1], value[3]
    settings: dict[int, tuple[float, ...]] = {}
    at = _HEADER_BYTES
    while at < len(value):
        kind, layout = value[at], _FORMATS.get(value[at])
        if layout is None or at + 2 > len(value):
            raise PolarError(f"unknown setting {kind} in {value.hex()}")
        n_values, size = value[at + 1], struct.calcsize(layout)
        at += 2
        if at + n_values * size > len(value):
            raise PolarError(f"setting {kind} is cut off in {value.hex()}")
        settings[kind] = tuple(
            struct.unpack_from(layout, value, at + index * size)[0] for index in range(n_values)
        )
        at += n_values * size
    return operation, status, settings


def choose(settings: Mapping[int, Sequence[float]]) -> StreamSettings:
    """The rate nearest to the wanted one, the widest range, the finest resolution.

    Raises PolarError when the device offers none.
    """
    rates, resolutions = settings.get(_SAMPLE_RATE, ()), settings.get(_RESOLUTION, ())
    ranges, channels = settings.get(_RANGE_G, ()), settings.get(_CHANNELS, ())
    if not rates or not resolutions or not ranges:
        raise PolarError(f"no acceleration offered: {dict(settings)}")
    return StreamSettings(
        rate_hz=int(min(rates, key=lambda rate: abs(rate - WANTED_RATE_HZ))),
        resolution_bits=int(max(resolutions)),
        range_g=int(max(ranges)),
        channels=int(channels[0]) if channels else None,
    )


def start_request(settings: StreamSettings) -> bytes:
    """The request that starts the stream."""
    request = bytes([_START, _ACCELERATION])
    for kind, number in (
        (_SAMPLE_RATE, settings.rate_hz),
        (_RESOLUTION, settings.resolution_bits),
        (_RANGE_G, settings.range_g),
        (_CHANNELS, settings.channels),
    ):
        if number is not None:
            request += bytes([kind, 1]) + struct.pack(_FORMATS[kind], number)
    return request


def factor_of(settings: Mapping[int, Sequence[float]]) -> float:
    """The value of a count that the start's response states; 1 where it states none."""
    factors = settings.get(_FACTOR, ())
    return float(factors[0]) if factors else 1.0
