"""Whole numpy arrays as PostgreSQL arrays, both ways, without touching each element."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

# dimensions, has-nulls, element type, length, first index: array_recv in PostgreSQL's arrayfuncs.c
_HEADER: Final = struct.Struct("!iiIii")
_Kind = tuple[int, int, np.dtype[Any]]
_INT4: Final[_Kind] = (23, 1007, np.dtype(">i4"))
_INT8: Final[_Kind] = (20, 1016, np.dtype(">i8"))
_FLOAT8: Final[_Kind] = (701, 1022, np.dtype(">f8"))
_NULL_LENGTH: Final = -1


@dataclass(frozen=True, slots=True)
class Int4Array:
    """Values for an integer[]."""

    values: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Int8Array:
    """Values for a bigint[]."""

    values: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Float8Array:
    """Values for a double precision[]; NaN means NULL."""

    values: npt.NDArray[np.float64]


class _ArrayDumper(Dumper):
    format = Format.BINARY
    kind: ClassVar[_Kind] = _INT8

    def __init__(self, cls: type, context: Any = None) -> None:
        super().__init__(cls, context)
        self.oid = self.kind[1]

    def dump(self, obj: Any) -> Buffer:
        element_oid, _, dtype = self.kind
        values = obj.values
        packed = np.empty(len(values), np.dtype([("length", ">i4"), ("value", dtype)]))
        packed["length"], packed["value"] = dtype.itemsize, values
        header = _HEADER.pack(1, 0, element_oid, len(values), 1)
        return header + packed.tobytes()


class _Int4Dumper(_ArrayDumper):
    kind: ClassVar[_Kind] = _INT4


class _Float8Dumper(_ArrayDumper):
    kind: ClassVar[_Kind] = _FLOAT8

    def dump(self, obj: Any) -> Buffer:
        missing = np.isnan(obj.values)
        if not missing.any():
            return super().dump(obj)
        element = struct.Struct("!id")
        body = b"".join(
            struct.pack("!i", _NULL_LENGTH) if none else element.pack(8, value)
            for value, none in zip(obj.values.tolist(), missing.tolist(), strict=True)
        )
        return _HEADER.pack(1, 1, _FLOAT8[0], len(missing), 1) + body


# The classes are ours: nothing else changes by it.
psycopg.adapters.register_dumper(Int4Array, _Int4Dumper)
psycopg.adapters.register_dumper(Int8Array, _ArrayDumper)
psycopg.adapters.register_dumper(Float8Array, _Float8Dumper)


def read_array(content: bytes | None, dtype: str) -> npt.NDArray[Any]:
    """An array without NULLs as PostgreSQL sends it, `dtype` as in `>i8`; NULL is empty."""
    if content is None or len(content) <= _HEADER.size:
        return np.empty(0, dtype)
    packed = np.dtype([("length", ">i4"), ("value", dtype)])
    values: npt.NDArray[Any] = np.frombuffer(content, packed, offset=_HEADER.size)["value"]
    return values
