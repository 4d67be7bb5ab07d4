"""Alarms of the streaming detector over recordings, as they are or out of fold."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from edge.events import EventKind
from edge.fall.detector import FallDetector
from edge.fall.model import FallModel, group_of
from edge.fall.scoring import Chunks
from edge.fall.training.fit import SEED, Progress, collect, development, fit_model
from edge.fall.training.perturb import Perturbation
from edge.fall.training.recordings import Packs, Recording, read_index
from edge.signals import Waveform

FOLDS: Final = 5
CHUNK_S: Final = 0.2  # as the scoring tool pushes
TOGETHER: Final = 1000  # recordings in one bank at a time: a few hundred MB at most
GROUPINGS: Final = ("subject", "dataset")
_AS_IT_IS: Final = Perturbation()


def fold_of(recordings: list[Recording], grouping: str) -> list[int]:
    """Fold of each recording: five random folds of people, or one fold per data set."""
    if grouping == "dataset":
        names = sorted({r.dataset for r in recordings})
        return [names.index(r.dataset) for r in recordings]
    people = sorted({r.person for r in recordings})
    order = np.random.default_rng(SEED).permutation(len(people)) % FOLDS
    place = dict(zip(people, (int(k) for k in order), strict=True))
    return [place[r.person] for r in recordings]


class _Told:
    """One recording being told to the detector in chunks of CHUNK_S, as the scoring tool does."""

    def __init__(self, recording: Recording, packs: Packs, perturbation: Perturbation) -> None:
        self._values_g, self._time_s, rate_hz = perturbation.apply(recording, packs)
        self._chunk = max(1, round(CHUNK_S * rate_hz))
        self._chunks = Chunks(recording.rec_id, rate_hz)
        self._at = 0

    def next(self) -> list[Waveform]:
        """The blocks of the next chunk; none at the end."""
        part = slice(self._at, self._at + self._chunk)
        self._at += self._chunk
        time_s = self._time_s[part]
        return self._chunks.blocks(self._values_g[part], time_s) if len(time_s) else []

    @property
    def now_s(self) -> float:
        """Time of the last sample told."""
        return float(self._time_s[min(self._at, len(self._time_s)) - 1])


def alarms_of(
    recordings: list[Recording],
    progress: Progress,
    model: FallModel | None = None,
    perturbation: Perturbation = _AS_IT_IS,
) -> dict[str, list[float]]:
    """When the detector suspects falls (rec_id to times in s): the last sample told by then.

    Many recordings are streams of one bank side by side, each told chunk by chunk: streams do
    not disturb each other, so it is the same as one by one, in a tenth of the time.
    """
    packs = Packs()
    alarms: dict[str, list[float]] = {}
    for first in range(0, len(recordings), TOGETHER):
        progress("recordings", first, len(recordings))
        alarms |= _alarms_together(recordings[first : first + TOGETHER], packs, model, perturbation)
    progress("recordings", len(recordings), len(recordings))
    return alarms


def _alarms_together(
    recordings: list[Recording], packs: Packs, model: FallModel | None, perturbation: Perturbation
) -> dict[str, list[float]]:
    detector = FallDetector(model)
    told = {}
    for recording in recordings:
        detector.open(recording.rec_id, recording.position)
        told[recording.rec_id] = _Told(recording, packs, perturbation)
    alarms: dict[str, list[float]] = {rec_id: [] for rec_id in told}
    going = told
    while going:
        blocks = {rec_id: one.next() for rec_id, one in going.items()}
        going = {rec_id: one for rec_id, one in going.items() if blocks[rec_id]}
        suspected = {
            event.device_id
            for event in detector.process([block for part in blocks.values() for block in part])
            if event.kind is EventKind.FALL_SUSPECTED
        }
        for rec_id in suspected:
            alarms[rec_id].append(told[rec_id].now_s)
    return alarms


def out_of_fold_models(
    data_dir: Path, grouping: str, progress: Progress
) -> list[tuple[FallModel, list[Recording]]]:
    """Models, each with the recordings of people (or the data set) it has never seen."""
    recordings = development(read_index(data_dir))
    data = collect(recordings, progress)
    folds = np.array(fold_of(recordings, grouping))
    out = []
    count = int(folds.max()) + 1
    for fold in range(count):
        progress("folds", fold, count)
        judged = [recordings[k] for k in np.flatnonzero(folds == fold)]
        groups = sorted({group_of(r.position) for r in judged})
        out.append((fit_model(recordings, data, folds[data.recording] != fold, groups), judged))
    progress("folds", count, count)
    return out


def out_of_fold_alarms(
    folds: list[tuple[FallModel, list[Recording]]],
    progress: Progress,
    perturbation: Perturbation = _AS_IT_IS,
) -> dict[str, list[float]]:
    """Alarms (rec_id to times in s), each by the model that has not seen its person."""
    alarms: dict[str, list[float]] = {}
    for model, recordings in folds:
        alarms |= alarms_of(recordings, progress, model, perturbation)
    return alarms
