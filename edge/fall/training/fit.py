"""Learn the forests from recordings, and write them as plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.fall.features import FeatureArray, extract
from edge.fall.model import GROUPS, FallModel, Forest, group_of
from edge.fall.training.augment import augment
from edge.fall.training.recordings import Packs, Recording, read_index
from edge.fall.window import (
    CANDIDATE_G,
    PEAK_GUARD_S,
    IndexArray,
    candidate_peaks,
    samples,
    to_grid,
    window_span,
)
from edge.signals import FloatArray

SEED: Final = 20260301
Progress = Callable[[str, int, int], None]
"""Called with (what, done, of) while work goes on."""

# A candidate this close to the labelled impact is that fall; later ones in the same recording
# are its aftermath and teach nothing; earlier ones are ordinary life.
FALL_BEFORE_S: Final = 1.0
FALL_AFTER_S: Final = 1.0
# Probability from which a window is a fall, per group: chosen out of fold, see the model card.
DECIDE_AT: Final = {"trunk": 0.45, "wrist": 0.375}


# Changed copies of every recording that are learned from beside it.
COPIES: Final = 2
# A copy's window begins this many seconds before the impact at random, as at a stream's start.
_HEAD_S: Final = (0.8, 4.5)
# The second half of the trees of a group also learns, with this weight, from the other group.
_POOLED_WEIGHT: Final = 0.2
# Most windows are settled by the first fifth or two fifths of the 400 trees. An exit lies below
# every training window that came to a fifth of the deciding probability, less a margin in log-odds.
EXIT_TREES: Final = (80, 160)
EXIT_NEAR_SHARE: Final = 0.2
EXIT_MARGIN: Final = 0.3
_NO_EXITS: Final = np.zeros((0, 2))
_NODE_ARRAYS: Final = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Windows of many recordings. `label` is 1 fall, 0 not, -1 aftermath; `copy` 0 is as it was."""

    features: FeatureArray
    label: npt.NDArray[np.int8]
    recording: IndexArray
    copy: IndexArray


def recording_peaks(values_g: FloatArray, rate_hz: float) -> IndexArray:
    """Candidates of a whole recording that the streaming detector would come to judge."""
    guard = samples(PEAK_GUARD_S, rate_hz)
    squared = np.pad((values_g * values_g).sum(axis=1), guard, constant_values=-1.0)
    peaks = candidate_peaks(squared[None], guard, CANDIDATE_G)[1] - guard
    return peaks[peaks + window_span(rate_hz)[1] < len(values_g)]


def recording_windows(
    values_g: FloatArray, rate_hz: float, peaks: IndexArray, head: IndexArray | None = None
) -> FloatArray:
    """Grid windows around `peaks`; a missing beginning repeats the first sample.

    `head` (n,) is how many samples before each peak are known; all there are by default.
    """
    before, after = window_span(rate_hz)
    index = peaks[:, None] + np.arange(-before, after + 1)
    first = 0 if head is None else np.maximum(peaks - head, 0)[:, None]
    return to_grid(values_g[np.maximum(index, first)], rate_hz)


def labels(recording: Recording, time_s: FloatArray) -> npt.NDArray[np.int8]:
    """1 fall, 0 not, -1 aftermath, for candidates at `time_s`."""
    if not recording.is_fall:
        return np.zeros(len(time_s), dtype=np.int8)
    delay = time_s - recording.impact_s
    return np.where(delay < -FALL_BEFORE_S, 0, np.where(delay <= FALL_AFTER_S, 1, -1)).astype(
        np.int8
    )


def collect(recordings: list[Recording], progress: Progress, copies: int = COPIES) -> Candidates:
    """All candidates of `recordings` and of changed copies of them."""
    packs = Packs()
    parts = []
    for number, recording in enumerate(recordings):
        progress("windows", number, len(recordings))
        for copy in range(copies + 1):
            found = _candidates(recording, packs, number, copy)
            if found is not None:
                parts.append(found)
    progress("windows", len(recordings), len(recordings))
    return Candidates(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _candidates(
    recording: Recording, packs: Packs, number: int, copy: int
) -> tuple[FeatureArray, npt.NDArray[np.int8], IndexArray, IndexArray] | None:
    rng = np.random.default_rng([SEED, number, copy])
    values_g, rate_hz, start_s = packs.values_g(recording), recording.rate_hz, 0.0
    if copy:
        values_g, rate_hz, start_s = augment(values_g, rate_hz, recording.full_scale_g, rng)
    peaks = recording_peaks(values_g, rate_hz)
    if not len(peaks):
        return None
    head = np.rint(rng.uniform(*_HEAD_S, len(peaks)) * rate_hz).astype(np.int64)
    windows = recording_windows(values_g, rate_hz, peaks, head if copy else None)
    label = labels(recording, peaks / rate_hz + start_s)
    return extract(windows), label, np.full(len(peaks), number), np.full(len(peaks), copy)


def fit_forest(
    features: FeatureArray, label: npt.NDArray[np.int8], weight: FloatArray, decide_at: float
) -> Forest:
    """Boosted trees on windows (n, k) with weights (n,), exported."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415  train extra only

    classifier = HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.08,
        max_leaf_nodes=15,
        min_samples_leaf=20,
        l2_regularization=3.0,
        early_stopping=False,
        random_state=SEED,
    )
    classifier.fit(features, label, sample_weight=weight)
    return export_boosting(classifier, decide_at)


def export_boosting(classifier: Any, decide_at: float) -> Forest:
    """The trees of a fitted HistGradientBoostingClassifier as arrays."""
    trees = [row[0].nodes for row in classifier._predictors]  # noqa: SLF001  no public way to them
    size = max(len(tree) for tree in trees)
    shape = (len(trees), size)
    feature, left, right = (np.zeros(shape, dtype=np.int16) for _ in range(3))
    threshold, value = np.zeros(shape), np.zeros(shape)
    depth = 0
    for k, tree in enumerate(trees):
        n = len(tree)
        leaf = tree["is_leaf"].astype(bool)
        own = np.arange(n)
        feature[k, :n] = np.where(leaf, 0, tree["feature_idx"])
        threshold[k, :n] = np.where(leaf, 0.0, tree["num_threshold"])
        left[k, :n] = np.where(leaf, own, tree["left"])
        right[k, :n] = np.where(leaf, own, tree["right"])
        value[k, :n] = tree["value"]
        depth = max(depth, int(tree["depth"].max()))
    baseline = float(np.ravel(classifier._baseline_prediction)[0])  # noqa: SLF001
    return Forest(feature, threshold, left, right, value, baseline, depth, decide_at, _NO_EXITS)


def with_exits(forest: Forest, features: FeatureArray) -> Forest:
    """The same forest that stops early on what is hopeless, judged by windows (n, k)."""
    full = replace(forest, exits=_NO_EXITS).probability(features)
    near = features[full >= EXIT_NEAR_SHARE * forest.decide_at]
    exits = []
    for trees in EXIT_TREES:
        parts = {name: getattr(forest, name)[:trees] for name in _NODE_ARRAYS}
        chance = replace(forest, exits=_NO_EXITS, **parts).probability(near)
        exits.append((trees, float(np.log(chance / (1.0 - chance)).min()) - EXIT_MARGIN))
    return replace(forest, exits=np.array(exits))


def mean_of(first: Forest, second: Forest) -> Forest:
    """One forest whose log-odds are the mean of two, their trees taking turns."""
    width = max(first.feature.shape[1], second.feature.shape[1])

    def join(name: str) -> npt.NDArray[Any]:
        parts = []
        for forest in (first, second):
            part = getattr(forest, name)
            parts.append(np.pad(part, ((0, 0), (0, width - part.shape[1]))))
        return np.stack(parts, axis=1).reshape(-1, width)

    return Forest(
        feature=join("feature"),
        threshold=join("threshold"),
        left=join("left"),
        right=join("right"),
        value=join("value") / 2.0,
        baseline=(first.baseline + second.baseline) / 2.0,
        depth=max(first.depth, second.depth),
        decide_at=first.decide_at,
        exits=_NO_EXITS,
    )


def fit_model(
    recordings: list[Recording], data: Candidates, chosen: npt.NDArray[np.bool_]
) -> FallModel:
    """One forest per group, from the candidates where `chosen` (n,) is true.

    Half of a group's trees learn from its own recordings, half from all with its own in front.
    """
    group = np.array([group_of(r.position) for r in recordings])[data.recording]
    known = chosen & (data.label >= 0)
    forests = {}
    for name in GROUPS:
        own = known & (group == name)
        weight = np.where(group == name, 1.0, _POOLED_WEIGHT)
        halves = [
            fit_forest(data.features[use], data.label[use], weight[use], DECIDE_AT[name])
            for use in (own, known)
        ]
        forests[name] = with_exits(mean_of(*halves), data.features[own])
    return FallModel.from_bytes(FallModel(forests, "").to_bytes())


def development(recordings: list[Recording]) -> list[Recording]:
    """Recordings to learn from: without the second copies at the native rate."""
    return [r for r in recordings if "native" not in r.dataset]


def train(data_dir: Path, out_path: Path, progress: Progress) -> FallModel:
    """Learn from all recordings of `data_dir` and write the weights to `out_path`."""
    recordings = development(read_index(data_dir))
    data = collect(recordings, progress)
    progress("trees", 0, 1)
    model = fit_model(recordings, data, np.ones(len(data.label), dtype=bool))
    out_path.write_bytes(model.to_bytes())
    progress("trees", 1, 1)
    return model
