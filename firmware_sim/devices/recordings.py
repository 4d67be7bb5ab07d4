"""Recordings of real movement: finds them in the index and reads their samples.

What they are, where they come from and how to lay them out: docs/data.md.
"""

from __future__ import annotations

import csv
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zipfile import BadZipFile

import numpy as np

from edge.signals import FloatArray, Int16Array, Position

DATA_ENV: Final = "YUYUE_DATA"
_REPOSITORY: Final = Path(__file__).resolve().parents[2]
DEFAULT_DATA_DIR: Final = _REPOSITORY.parent / "shared" / "data"
_FALLS: Final = "falls"
_G_PER_COUNT: Final = 1e-3  # the packs hold milli-g

# Range of the sensor that made each data set (docs/data.md), in g: values at it are clipped.
FULL_SCALE_G: Final = MappingProxyType(
    {
        ("sisfall", Position.WAIST): 16.0,
        ("sisfall_native200", Position.WAIST): 16.0,
        ("weda", Position.WRIST): 4.0,
        ("smartfallmm", Position.WRIST): 8.0,
        ("smartfallmm", Position.WAIST): 2.0,
        ("umafall", Position.WAIST): 8.0,
        ("umafall", Position.CHEST): 8.0,
        ("umafall", Position.WRIST): 8.0,
        ("stresspredict", Position.WRIST): 2.0,
    }
)
# The widest range of all of them: a data set added later is at worst quantised coarsely.
_UNLISTED_FULL_SCALE_G: Final = 16.0


class RecordingError(RuntimeError):
    """Recordings that are missing, damaged, or asked for by a wrong name."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One row of the index: one body position of one trial. `impact_s` only for falls."""

    rec_id: str
    dataset: str
    file: str
    start: int
    n: int
    rate_hz: float
    subject: str
    activity: str
    is_fall: bool
    position: Position
    impact_s: float | None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n / self.rate_hz

    @property
    def full_scale_g(self) -> float:
        """Range of the sensor that made it, in g."""
        return FULL_SCALE_G.get((self.dataset, self.position), _UNLISTED_FULL_SCALE_G)


def data_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the recorded data is: YUYUE_DATA, else beside the repository."""
    return Path(environment.get(DATA_ENV) or DEFAULT_DATA_DIR)


class Recordings:
    """The index of the packs under `directory`/falls. Raises RecordingError when there is none."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / _FALLS
        index = self._directory / "index.csv"
        if not index.is_file():
            raise RecordingError(
                f"no recordings at {self._directory} (index.csv is missing). They are not part of "
                f"the project: docs/data.md says where to get them; then set {DATA_ENV} to their "
                "folder. Without them, `yuyue sim wearable` makes a synthetic wearer."
            )
        with index.open(newline="", encoding="utf-8") as file:
            self._by_id = {row.rec_id: row for row in _rows(index, csv.DictReader(file))}
        self._packs: dict[str, Int16Array] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, rec_id: str) -> Recording:
        """The recording of that id. Raises RecordingError."""
        try:
            return self._by_id[rec_id]
        except KeyError:
            start = rec_id.partition("/")[0]
            like = [known for known in self._by_id if known.startswith(start)][:3]
            hint = f"; there are for example {', '.join(like)}" if like else ""
            raise RecordingError(f"no recording {rec_id!r}{hint}") from None

    def find(
        self,
        *,
        dataset: str | None = None,
        position: Position | None = None,
        is_fall: bool | None = None,
    ) -> Iterator[Recording]:
        """The recordings that match everything given, in the order of the index."""
        for recording in self._by_id.values():
            if (
                dataset in (None, recording.dataset)
                and position in (None, recording.position)
                and is_fall in (None, recording.is_fall)
            ):
                yield recording

    def samples_g(self, recording: Recording) -> FloatArray:
        """Acceleration in g, shape (n, 3), at `recording.rate_hz`. Raises RecordingError."""
        counts = self._pack(recording.file)[recording.start : recording.start + recording.n]
        if len(counts) != recording.n:
            raise RecordingError(
                f"{recording.file} ends before {recording.rec_id}: the pack and index.csv "
                "are not of the same version"
            )
        return counts.astype(np.float64) * _G_PER_COUNT

    def joined_g(self, recordings: Iterable[Recording], rate_hz: float) -> FloatArray:
        """Several recordings end to end at one rate, shape (n, 3), without a jump in time."""
        parts = [
            resampled(self.samples_g(recording), recording.rate_hz, rate_hz)
            for recording in recordings
        ]
        return np.concatenate(parts)

    def _pack(self, file: str) -> Int16Array:
        """The `acc` array of one pack, shape (N, 3)."""
        if file not in self._packs:
            path = self._directory / file
            try:
                with path.open("rb") as opened, np.load(opened, allow_pickle=False) as pack:
                    self._packs[file] = pack["acc"]
            except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
                raise RecordingError(f"{path}: not a pack of recordings: {error}") from error
        return self._packs[file]


def resampled(samples_g: FloatArray, from_hz: float, to_hz: float) -> FloatArray:
    """The same movement at another rate, anti-aliased. Shape (n, 3) in and out."""
    if from_hz == to_hz:
        return samples_g
    from scipy.signal import resample_poly  # noqa: PLC0415  takes over a second to import

    up, down = round(to_hz * 10), round(from_hz * 10)  # rates to a tenth of a hertz
    return np.asarray(resample_poly(samples_g, up, down, axis=0, padtype="line"), dtype=np.float64)


def _rows(index: Path, rows: Iterable[dict[str, str]]) -> Iterator[Recording]:
    for number, row in enumerate(rows, start=2):
        try:
            yield Recording(
                rec_id=row["rec_id"],
                dataset=row["dataset"],
                file=row["file"],
                start=int(row["start"]),
                n=int(row["n"]),
                rate_hz=float(row["fs"]),
                subject=row["subject"],
                activity=row["activity"],
                is_fall=row["is_fall"] == "1",
                position=Position(row["position"]),
                impact_s=float(row["impact_s"]) if row["impact_s"] else None,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise RecordingError(f"{index}, line {number}: {error}") from error
