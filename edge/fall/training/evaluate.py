"""Alarms of the streaming detector on people, or data sets, its weights have never seen."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from edge.fall.model import FallModel
from edge.fall.scoring import Scored
from edge.fall.training.fit import SEED, Progress, collect, development, fit_model
from edge.fall.training.recordings import Packs, Recording, read_index
from edge.signals import FloatArray

FOLDS: Final = 5
CHUNK_S: Final = 0.2  # as the scoring tool pushes
GROUPINGS: Final = ("subject", "dataset")


def fold_of(recordings: list[Recording], grouping: str) -> list[int]:
    """Fold of each recording: five random folds of people, or one fold per data set."""
    if grouping == "dataset":
        names = sorted({r.dataset for r in recordings})
        return [names.index(r.dataset) for r in recordings]
    people = sorted({r.person for r in recordings})
    order = np.random.default_rng(SEED).permutation(len(people)) % FOLDS
    place = dict(zip(people, (int(k) for k in order), strict=True))
    return [place[r.person] for r in recordings]


def alarm_times_s(
    recording: Recording, values_g: FloatArray, model: FallModel | None = None
) -> list[float]:
    """When the detector suspects a fall, in s: the time of the last sample it needed, by chunk."""
    scored = Scored(recording.rate_hz, recording.position, model)
    time_s = np.arange(len(values_g)) / recording.rate_hz
    chunk = max(1, round(CHUNK_S * recording.rate_hz))
    alarms = []
    for k in range(0, len(values_g), chunk):
        part = slice(k, k + chunk)
        if scored.push(values_g[part], None, time_s[part]):
            alarms.append(float(time_s[part][-1]))
    return alarms


def out_of_fold_alarms(data_dir: Path, grouping: str, progress: Progress) -> dict[str, list[float]]:
    """Alarms (rec_id to times in s), each by weights that never saw its person or data set."""
    recordings = development(read_index(data_dir))
    data = collect(recordings, progress)
    folds = np.array(fold_of(recordings, grouping))
    packs = Packs()
    alarms: dict[str, list[float]] = {}
    for fold in range(int(folds.max()) + 1):
        model = fit_model(recordings, data, folds[data.recording] != fold)
        for number in np.flatnonzero(folds == fold):
            progress("out of fold", len(alarms), len(recordings))
            recording = recordings[number]
            values_g = packs.values_g(recording)
            alarms[recording.rec_id] = alarm_times_s(recording, values_g, model)
    progress("out of fold", len(alarms), len(recordings))
    return alarms
