"""Many points in few bytes, exactly: differences and decimal steps, then zlib. Pure.

A packed block is a format byte and then, for format 1, a zlib stream of columns. Vital signs are
short decimals at an even pace: their times are all but nothing and their values a byte or two.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cloud.series.columns import FloatArray, IntArray
from cloud.series.slots import SLOT, Slots

# Format 0 is what a migration can make in SQL: rows of big-endian numbers.
_PLAIN: Final = 0
_COLUMNS: Final = 1
_PLAIN_SLOT: Final = np.dtype(
    [(name, SLOT[name].newbyteorder(">")) for name in (SLOT.names or ()) if name != "series"]
)
# One column: how it is kept, steps of ten, width of a number, then first, step and length.
_COLUMN: Final = struct.Struct("<BbBqqI")
_INTEGERS, _FLOATS, _CONSTANT_NAN = 0, 1, 2
# Sensors give at most this many decimals; more digits cost as much as the plain number.
_DECIMALS: Final = 6
# Beyond this a float does not hold every whole number.
_EXACT: Final = 2.0**53
_LEVEL: Final = 6
_SLOT_TIMES: Final = ("last_ns", "min_ns", "max_ns")
_SLOT_VALUES: Final = ("first_value", "last_value", "min_value", "max_value", "sum_value")


class PackedError(ValueError):
    """A packed block of a format that this software does not know, or cut off."""


def pack_points(time_ns: IntArray, value: FloatArray, uncertainty_s: FloatArray) -> bytes:
    """Times must ascend."""
    return _pack([_integers(time_ns), _decimals(value), _decimals(uncertainty_s)], len(time_ns))


def unpack_points(block: bytes) -> tuple[IntArray, FloatArray, FloatArray]:
    """Times, values, uncertainties. Raises PackedError."""
    times, values, uncertainty = _unpack(block, 3)
    return times.astype(np.int64), values.astype(np.float64), uncertainty.astype(np.float64)


def pack_slots(slots: Slots) -> bytes:
    """Slots of one series by time, without the series."""
    columns = [_integers(slots["slot"]), _integers(slots["count"]), _integers(slots["first_ns"])]
    columns += [_integers(slots[name] - slots["first_ns"]) for name in _SLOT_TIMES]
    columns += [_decimals(slots[name]) for name in _SLOT_VALUES]
    return _pack(columns, len(slots))


def unpack_slots(block: bytes, series: int) -> Slots:
    """The slots of `series`. Raises PackedError."""
    if block[:1] == bytes([_PLAIN]):
        plain = np.frombuffer(block, _PLAIN_SLOT, offset=1)
        slots = np.empty(len(plain), SLOT)
        for name in _PLAIN_SLOT.names or ():
            slots[name] = plain[name]
        slots["series"] = series
        return slots
    columns = _unpack(block, 3 + len(_SLOT_TIMES) + len(_SLOT_VALUES))
    slots = np.empty(len(columns[0]), SLOT)
    slots["series"] = series
    slots["slot"], slots["count"], slots["first_ns"] = columns[:3]
    for name, column in zip(_SLOT_TIMES, columns[3:6], strict=True):
        slots[name] = slots["first_ns"] + column
    for name, column in zip(_SLOT_VALUES, columns[6:], strict=True):
        slots[name] = column
    return slots


def _pack(columns: list[bytes], length: int) -> bytes:
    return bytes([_COLUMNS]) + zlib.compress(struct.pack("<I", length) + b"".join(columns), _LEVEL)


def _unpack(block: bytes, wanted: int) -> list[npt.NDArray[Any]]:
    if block[:1] != bytes([_COLUMNS]):
        raise PackedError(f"a packed block of format {block[:1].hex()}: newer software made it")
    try:
        data = zlib.decompress(block[1:])
        (length,) = struct.unpack_from("<I", data)
        position, columns = 4, []
        for _ in range(wanted):
            column, position = _read_column(data, position, length)
            columns.append(column)
    except (zlib.error, struct.error, ValueError) as error:
        raise PackedError(f"a packed block is damaged: {error}") from error
    return columns


def _integers(values: npt.NDArray[Any], decimals: int = 0) -> bytes:
    """First value, then differences in whole steps, in the narrowest numbers that hold them."""
    values = values.astype(np.int64)
    if not len(values):
        return _COLUMN.pack(_INTEGERS, decimals, 1, 0, 1, 0)
    steps = np.diff(values)
    step = int(np.gcd.reduce(steps)) if len(steps) else 1
    steps = steps // (step or 1)
    low, high = (int(steps.min()), int(steps.max())) if len(steps) else (0, 0)
    width = next(w for w in (1, 2, 4, 8) if -(1 << 8 * w - 1) <= low and high < 1 << 8 * w - 1)
    body = _planes(steps.astype(f"<i{width}"), width)
    return _COLUMN.pack(_INTEGERS, decimals, width, int(values[0]), step or 1, len(body)) + body


def _decimals(values: npt.NDArray[np.float64]) -> bytes:
    """As whole numbers of the largest decimal step that is exact, else as they are."""
    if np.isnan(values).all():
        return _COLUMN.pack(_CONSTANT_NAN, 0, 1, 0, 1, 0)
    # The sign of zero and NaN do not survive as whole numbers.
    if bool(np.isfinite(values).all()) and not bool((np.signbit(values) & (values == 0)).any()):
        for decimals in range(_DECIMALS + 1):
            scale = 10.0**decimals
            whole = np.rint(values * scale)
            if bool((np.abs(whole) < _EXACT).all()) and bool((whole / scale == values).all()):
                return _integers(whole, decimals)
    body = _planes(values.astype("<f8"), 8)
    return _COLUMN.pack(_FLOATS, 0, 8, 0, 1, len(body)) + body


def _read_column(data: bytes, position: int, length: int) -> tuple[npt.NDArray[Any], int]:
    kind, decimals, width, first, step, size = _COLUMN.unpack_from(data, position)
    position += _COLUMN.size
    body = data[position : position + size]
    if len(body) != size:
        raise PackedError("a packed block is cut off")
    if kind == _CONSTANT_NAN:
        return np.full(length, np.nan), position
    if kind == _FLOATS:
        return _unplanes(body, 8, "<f8"), position + size
    values = np.empty(length, np.int64)
    if length:
        values[0] = first
        values[1:] = first + np.cumsum(_unplanes(body, width, f"<i{width}") * np.int64(step))
    return (values / 10.0**decimals if decimals else values), position + size


def _planes(values: npt.NDArray[Any], width: int) -> bytes:
    """First bytes first, then all second ones ...: the high ones are alike and cost nothing."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, width).T.tobytes()


def _unplanes(body: bytes, width: int, dtype: str) -> npt.NDArray[Any]:
    planes = np.frombuffer(body, np.uint8).reshape(width, -1)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(-1)
