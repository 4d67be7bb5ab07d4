"""Alarms of the streaming detector over recordings, as they are or out of fold."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from edge.fall.model import FallModel
from edge.fall.scoring import Scored
from edge.fall.training.fit import SEED, Progress, collect, development, fit_model
from edge.fall.training.perturb import Perturbation
from edge.fall.training.recordings import Packs, Recording, read_index

FOLDS: Final = 5
CHUNK_S: Final = 0.2  # as the scoring tool pushes
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


def alarm_times_s(
    recording: Recording,
    packs: Packs,
    model: FallModel | None = None,
    perturbation: Perturbation = _AS_IT_IS,
) -> list[float]:
    """When the detector suspects a fall, in s: the time of the last sample pushed by then."""
    values_g, time_s, rate_hz = perturbation.apply(recording, packs.values_g(recording))
    scored = Scored(rate_hz, recording.position, model)
    chunk = max(1, round(CHUNK_S * rate_hz))
    alarms = []
    for k in range(0, len(values_g), chunk):
        part = slice(k, k + chunk)
        if scored.push(values_g[part], None, time_s[part]):
            alarms.append(float(time_s[part][-1]))
    return alarms


def alarms_of(
    recordings: list[Recording],
    progress: Progress,
    model: FallModel | None = None,
    perturbation: Perturbation = _AS_IT_IS,
) -> dict[str, list[float]]:
    """Alarms (rec_id to times in s) by one set of weights, the committed ones by default."""
    packs = Packs()
    alarms: dict[str, list[float]] = {}
    for number, recording in enumerate(recordings):
        progress("recordings", number, len(recordings))
        alarms[recording.rec_id] = alarm_times_s(recording, packs, model, perturbation)
    progress("recordings", len(recordings), len(recordings))
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
        model = fit_model(recordings, data, folds[data.recording] != fold)
        out.append((model, [recordings[k] for k in np.flatnonzero(folds == fold)]))
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
