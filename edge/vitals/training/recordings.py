"""The recorded nights: belt waveforms, their consensus reference, and R-R intervals."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge.signals import NS_PER_S, FloatArray, Int16Array, Waveform

BELT_RATE_HZ: Final = 10.0
BELT_FILE: Final = "resp_belt_10hz.npz"
REFERENCE_FILE: Final = "consensus_belt.csv"
RR_FILE: Final = "ecg_rr_intervals.csv.gz"
# Outside these the recorder had dropped out (README of the data).
RR_LOW_S: Final = 0.3
RR_HIGH_S: Final = 2.5
_BLOCK_S: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class BeltNight:
    """One night: counts (n,) at 10 Hz, and per 60 s window end, moving 0/1, rate (NaN: none)."""

    record: str
    counts: Int16Array
    t_end_s: FloatArray
    moving: FloatArray
    rate: FloatArray


def belt_nights(data_dir: Path) -> list[BeltNight]:
    """All nights. Raises OSError or ValueError when the data is not there or not as described."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    with (data_dir / REFERENCE_FILE).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            window = (float(row["t_end"]), float(row["moving"]), float(row["rr_ref"] or "nan"))
            rows.setdefault(row["record"], []).append(window)
    nights = []
    with np.load(data_dir / BELT_FILE) as arrays:
        for record, values in rows.items():
            counts = np.cumsum(arrays[record].astype(np.int64))
            table = np.array(values)
            clipped = np.clip(counts, -32768, 32767).astype(np.int16)
            nights.append(BeltNight(record, clipped, table[:, 0], table[:, 1], table[:, 2]))
    return nights


def blocks(
    device_id: str, counts: Int16Array, rate_hz: float, scale: float = 1.0
) -> Iterator[Waveform]:
    """Counts (n,) as the blocks a device would send, from time 0."""
    size = round(_BLOCK_S * rate_hz)
    for number, start in enumerate(range(0, len(counts), size)):
        yield Waveform(
            device_id,
            "bed_motion",
            round(start * NS_PER_S / rate_hz),
            rate_hz,
            scale,
            32767 * scale,
            counts[start : start + size, None],
            number,
            1,
        )


def rr_nights(data_dir: Path) -> dict[str, FloatArray]:
    """R-R intervals of each night, s, drop-outs left out."""
    nights: dict[str, list[float]] = {}
    with gzip.open(data_dir / RR_FILE, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            value = float(row["rr_s"])
            if RR_LOW_S <= value <= RR_HIGH_S:
                nights.setdefault(row["night"], []).append(value)
    return {night: np.array(values) for night, values in nights.items()}
