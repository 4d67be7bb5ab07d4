"""A batch of good readings, decoded by column in one pass: pure.

Anything else - an event, a waveform, one bad record - is left to `decode`, which looks at each
record by itself. So what is accepted and what is refused is decided in one place only.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from cloud.ingest.decode import (
    DEVICE_ID,
    MAX_ID,
    MAX_NS,
    MAX_RECORDS,
    DecodedBatch,
)
from cloud.series.columns import Key, ReadingColumns
from edge.signals import QUANTITIES, Origin
from edge.wire import WIRE_VERSION, Lane

_ORIGINS: Final = frozenset(origin.value for origin in Origin)


class _Reading(msgspec.Struct, gc=False):
    device_id: str
    quantity: str
    time_ns: int
    value: float
    origin: str = Origin.LIVE.value
    clock_uncertainty_s: float | None = None


class _Record(msgspec.Struct, gc=False):
    seq: int
    stored_ns: int
    reading: _Reading
    event: None = None
    waveform: None = None
    rejected: None = None
    gap: None = None
    local: None = None


class _Batch(msgspec.Struct, gc=False):
    version: int
    outbox_id: str
    lane: Lane
    first_seq: int
    sent_ns: int
    records: list[_Record]


_decoder: Final = msgspec.json.Decoder(_Batch)


def decode_fast(body: bytes) -> DecodedBatch | None:
    """The batch, if it is nothing but readings that are all right."""
    try:
        batch = _decoder.decode(body)
        columns = _columns(batch.records)
        seq = np.array([record.seq for record in batch.records], np.int64)
        stored = np.array([record.stored_ns for record in batch.records], np.int64)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        return None
    if (
        batch.version != WIRE_VERSION
        or not 0 < len(batch.outbox_id) <= MAX_ID
        or "\0" in batch.outbox_id
        or not 1 <= batch.first_seq <= MAX_NS - MAX_RECORDS
        or not 0 < len(batch.records) <= MAX_RECORDS
        or not all(_is_good(key) for key in columns.keys)
        or not bool((seq == batch.first_seq + np.arange(len(seq))).all())
        or not bool((stored >= 0).all() and (columns.time_ns >= 0).all())
        or not _values_are_good(columns)
    ):
        return None
    return DecodedBatch(batch.outbox_id, batch.lane, batch.first_seq, [], columns, body)


def _columns(records: list[_Record]) -> ReadingColumns:
    readings = [record.reading for record in records]
    numbers: dict[Key, int] = {}
    key = [numbers.setdefault((r.device_id, r.quantity, r.origin), len(numbers)) for r in readings]
    return ReadingColumns(
        list(numbers),
        np.array(key, np.int64),
        np.array([r.time_ns for r in readings], np.int64),
        np.array([r.value for r in readings], np.float64),
        np.array([r.clock_uncertainty_s for r in readings], np.float64),
    )


def _is_good(key: Key) -> bool:
    device_id, quantity, origin = key
    return bool(DEVICE_ID.fullmatch(device_id)) and quantity in QUANTITIES and origin in _ORIGINS


def _values_are_good(columns: ReadingColumns) -> bool:
    limits = [QUANTITIES[quantity] for _, quantity, _ in columns.keys]
    low = np.array([limit.low for limit in limits])[columns.key]
    high = np.array([limit.high for limit in limits])[columns.key]
    # NaN: no uncertainty was sent; JSON knows no NaN.
    unsure = columns.uncertainty_s[~np.isnan(columns.uncertainty_s)]
    return bool(
        ((columns.value >= low) & (columns.value <= high)).all()
        and (unsure >= 0).all()
        and np.isfinite(unsure).all()
    )
