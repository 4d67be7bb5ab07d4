"""Fall recordings as described in `docs/data.md`: an index.csv and packs of samples."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import FloatArray, Int16Array, Position

PACK_SCALE_G: Final = 0.001  # the packs hold milli-g
# Range of each data set's sensor, in g, from the data's README: where it clips.
FULL_SCALE_G: Final = {
    "sisfall": 16.0,
    "weda": 4.0,
    "umafall": 8.0,
    "smartfallmm/wrist": 8.0,
    "smartfallmm/waist": 2.0,
    "stresspredict": 2.0,
}


@dataclass(frozen=True, slots=True)
class Recording:
    """One row of the index: one body position of one trial. Times in s since its first sample."""

    rec_id: str
    dataset: str
    subject: str
    activity: str
    age_group: str
    position: Position
    is_fall: bool
    rate_hz: float
    impact_s: float
    pack: Path
    start: int
    length: int
    duration_s: float
    has_times: bool = False

    @property
    def person(self) -> str:
        """Subject name that is unique over data sets."""
        return f"{self.dataset.split('_')[0]}/{self.subject}"

    @property
    def full_scale_g(self) -> float:
        """Range of the sensor; 16 g for a data set this table does not know."""
        name = self.dataset.split("_")[0]
        return FULL_SCALE_G.get(f"{name}/{self.position}", FULL_SCALE_G.get(name, 16.0))


def read_index(data_dir: Path) -> list[Recording]:
    """All recordings of `data_dir` (a directory with index.csv), in the order of the index."""
    path = data_dir / "index.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Recording(
                rec_id=row["rec_id"],
                dataset=row["dataset"],
                subject=row["subject"],
                activity=row["activity"],
                age_group=row["age_group"],
                position=Position(row["position"]),
                is_fall=row["is_fall"] == "1",
                rate_hz=float(row["fs"]),
                impact_s=float(row["impact_s"]) if row["impact_s"] else math.nan,
                pack=data_dir / row["file"],
                start=int(row["start"]),
                length=int(row["n"]),
                duration_s=float(row.get("dur_s") or int(row["n"]) / float(row["fs"])),
                has_times=row.get("has_t") == "1",
            )
            for row in csv.DictReader(file)
        ]


class Packs:
    """Reads each pack once and hands out recordings."""

    def __init__(self) -> None:
        self._acc: dict[Path, Int16Array] = {}
        self._arrival_ms: dict[Path, npt.NDArray[np.int32]] = {}

    def counts(self, recording: Recording) -> Int16Array:
        """Samples (n, 3) in milli-g."""
        if recording.pack not in self._acc:
            with np.load(recording.pack) as pack:
                self._acc[recording.pack] = pack["acc"]
        part = slice(recording.start, recording.start + recording.length)
        counts: npt.NDArray[np.int16] = self._acc[recording.pack][part]
        return counts

    def values_g(self, recording: Recording) -> FloatArray:
        """Samples (n, 3) in g."""
        return self.counts(recording) * np.float64(PACK_SCALE_G)

    def arrival_s(self, recording: Recording) -> FloatArray:
        """When each sample (n,) really arrived, in s since the first; its own time if not known."""
        if not recording.has_times:
            return np.arange(recording.length) / recording.rate_hz
        if recording.pack not in self._arrival_ms:
            with np.load(recording.pack) as pack:
                self._arrival_ms[recording.pack] = pack["t_ms"]
        part = slice(recording.start, recording.start + recording.length)
        arrival_s: FloatArray = self._arrival_ms[recording.pack][part] / 1000.0
        arrival_s -= arrival_s[0]
        return arrival_s
