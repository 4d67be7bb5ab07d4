"""The recorded trials of the batteryless tag, and how exits are scored on them."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.bed.tag import TagReading

TRIALS_FILE: Final = "rfid_bed_dev.csv.gz"
TRIALS_FILES: Final = "rfid_bed*.csv.gz"
ROOMS: Final = ("d1", "d2")
SIT_BED: Final = 1
LYING: Final = 3
# An alarm counts for an exit from this long before it (getting up has begun) to this long after
# (somebody can still be caught on the way). One alarm, one exit.
TOLERANCE_S: Final = 10.0
STRICT_TOLERANCE_S: Final = 5.0


@dataclass(frozen=True, eq=False)
class Trial:
    """One scripted trial. `label` (n,): 1 sits on the bed, 2 on a chair, 3 lies, 4 walks."""

    name: str
    readings: tuple[TagReading, ...]
    label: npt.NDArray[np.int8]

    @property
    def room(self) -> str:
        """`d1` or `d2`."""
        return self.name[:2]

    @cached_property
    def fingerprint(self) -> str:
        """Names these very readings, so that weights know what they were learned from."""
        return hashlib.sha256(repr(self.readings).encode()).hexdigest()[:16]

    @property
    def in_bed(self) -> npt.NDArray[np.bool_]:
        """Sitting or lying on the bed (n,)."""
        return np.isin(self.label, (SIT_BED, LYING))

    @property
    def exits_s(self) -> list[float]:
        """Times of the first reading after the bed."""
        bed = self.in_bed
        return [self.readings[k].time_s for k in range(1, len(bed)) if bed[k - 1] and not bed[k]]


def read_trials(data_dir: Path) -> list[Trial]:
    """All trials, without answers handed out twice: a third of the recorded rows of the first room.

    Raises OSError, or KeyError and ValueError when a column is not as described.
    """
    paths = sorted(data_dir.glob(TRIALS_FILES))
    if not paths:
        raise FileNotFoundError(f"no {TRIALS_FILE} there")
    rows: dict[str, list[tuple[TagReading, int]]] = {}
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                entries = rows.setdefault(row["trial"], [])
                reading = _reading(row)
                if not reading.repeats(entries[-1][0] if entries else None):
                    entries.append((reading, int(float(row["label"]))))
    return [
        Trial(
            name,
            tuple(reading for reading, _ in entries),
            np.array([label for _, label in entries], dtype=np.int8),
        )
        for name, entries in rows.items()
    ]


def _reading(row: dict[str, str]) -> TagReading:
    return TagReading(
        float(row["t"]),
        float(row["acc_frontal"]),
        float(row["acc_vertical"]),
        float(row["acc_lateral"]),
        int(float(row["antenna"])),
        float(row["rssi"]),
        float(row["phase"]),
        float(row["freq"]),
    )


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over trials."""

    true_exits: int
    alarms: int
    found: int

    @property
    def recall(self) -> float:
        """Share of the exits that were told."""
        return self.found / self.true_exits if self.true_exits else float("nan")

    @property
    def precision(self) -> float:
        """Share of the alarms that were exits."""
        return self.found / self.alarms if self.alarms else float("nan")


def score(
    trials: Sequence[Trial], alarms_s: dict[str, list[float]], tolerance_s: float = TOLERANCE_S
) -> Score:
    """Match alarms to exits one to one, the nearest first, within each trial."""
    found = 0
    for trial in trials:
        free = list(alarms_s[trial.name])
        for exit_s in trial.exits_s:
            near = [alarm for alarm in free if abs(alarm - exit_s) <= tolerance_s]
            if near:
                free.remove(min(near, key=lambda alarm: abs(alarm - exit_s)))
                found += 1
    return Score(
        sum(len(trial.exits_s) for trial in trials),
        sum(len(alarms_s[trial.name]) for trial in trials),
        found,
    )
