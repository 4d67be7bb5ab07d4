"""Learn the forests from recordings, and write them as plain arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from edge.fall.features import FeatureArray, extract
from edge.fall.first_look import first_look
from edge.fall.model import GROUPS, FallModel, Forest, Networks, group_of
from edge.fall.training.augment import augment, lose_impacts
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
Scalar = TypeVar("Scalar", bound=np.generic)
Progress = Callable[[str, int, int], None]
"""Called with (what, done, of) while work goes on."""

# A candidate this close to the labelled impact is that fall; later ones in the same recording
# are its aftermath and teach nothing; earlier ones are ordinary life.
FALL_BEFORE_S: Final = 1.0
FALL_AFTER_S: Final = 1.0
# Probability from which a window is a fall, per group: chosen out of fold, see the model card.
DECIDE_AT: Final = {"trunk": 0.56, "wrist": 0.41}


# Changed copies of every recording that are learned from beside it, by the number that seeds each;
# the second one also loses impacts.
COPIES: Final = (1, 3)
_LOSING: Final = frozenset({3})
# A copy's window begins this many seconds before the impact at random, as at a stream's start.
_HEAD_S: Final = (0.8, 4.5)
# Half of the trees of a group also learn, with this weight, from the other group.
_POOLED_WEIGHT: Final = 0.2
# Small networks, stopped early, half of them shown so much of the other group.
_NETWORKS: Final = 4
_NETWORK: Final[dict[str, Any]] = {
    "hidden_layer_sizes": (32,),
    "alpha": 0.5,
    "learning_rate_init": 0.002,
    "batch_size": 128,
    "max_iter": 25,
}
_OTHERS_KEPT: Final = 0.4
_CUT_SHARE: Final = 0.002  # of the lowest and of the highest values of a feature
_TINY_SCALE: Final = 1e-6  # of features that never change
_FULL_TREES: Final = {
    "max_iter": 120,
    "learning_rate": 0.12,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "l2_regularization": 3.0,
    "max_bins": 64,
    # Each split chooses among so many of the features: trees that differ, and travel better.
    "max_features": 0.3,
}
# The first look is fitted so large, and passes on whatever scores above the lowest of the windows
# that the full look would call falls but for this share of them.
_FIRST_TREES: Final = {"max_iter": 30, "max_leaf_nodes": 10, "learning_rate": 0.25}
_FIRST_LOST_SHARE: Final = 0.001
_CALLED_FROM: Final = 0.4
# What the first look finds plainly no fall (a log-odds below nearly all falls) teaches the full
# look little: of that only so many are learned from, each standing for the others.
_EASY_QUANTILE: Final = 0.02
_EASY_MARGIN: Final = 1.0
_EASY_KEPT: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Windows of many recordings. `label` is 1 fall, 0 not, -1 aftermath; `copy` 0 is as it was."""

    features: FeatureArray
    first: FloatArray
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
    values: npt.NDArray[Scalar], rate_hz: float, peaks: IndexArray, head: IndexArray | None = None
) -> npt.NDArray[Scalar]:
    """Windows (n, before + 1 + after, 3) around `peaks`; a missing beginning repeats its first.

    `head` (n,) is how many samples before each peak are known; all there are by default.
    """
    before, after = window_span(rate_hz)
    index = peaks[:, None] + np.arange(-before, after + 1)
    first = 0 if head is None else np.maximum(peaks - head, 0)[:, None]
    windows: npt.NDArray[Scalar] = values[np.maximum(index, first)]
    return windows


def labels(recording: Recording, time_s: FloatArray) -> npt.NDArray[np.int8]:
    """1 fall, 0 not, -1 aftermath, for candidates at `time_s`."""
    if not recording.is_fall:
        return np.zeros(len(time_s), dtype=np.int8)
    delay = time_s - recording.impact_s
    return np.where(delay < -FALL_BEFORE_S, 0, np.where(delay <= FALL_AFTER_S, 1, -1)).astype(
        np.int8
    )


def collect(recordings: list[Recording], progress: Progress) -> Candidates:
    """All candidates of `recordings` and of changed copies of them."""
    packs = Packs()
    parts = []
    for number, recording in enumerate(recordings):
        progress("windows", number, len(recordings))
        for copy in (0, *COPIES):
            found = _candidates(recording, packs, number, copy)
            if found is not None:
                parts.append(found)
    progress("windows", len(recordings), len(recordings))
    return Candidates(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _candidates(
    recording: Recording, packs: Packs, number: int, copy: int
) -> tuple[FeatureArray, FloatArray, npt.NDArray[np.int8], IndexArray, IndexArray] | None:
    rng = np.random.default_rng([SEED, number, copy])
    values_g, rate_hz, start_s = packs.values_g(recording), recording.rate_hz, 0.0
    if copy:
        values_g, rate_hz, start_s = augment(values_g, rate_hz, recording.full_scale_g, rng)
    if copy in _LOSING:
        values_g = lose_impacts(values_g, rate_hz, recording_peaks(values_g, rate_hz), rng)
    peaks = recording_peaks(values_g, rate_hz)
    if not len(peaks):
        return None
    head = np.rint(rng.uniform(*_HEAD_S, len(peaks)) * rate_hz).astype(np.int64)
    windows_g = recording_windows(values_g, rate_hz, peaks, head if copy else None)
    label = labels(recording, peaks / rate_hz + start_s)
    features, first = extract(to_grid(windows_g, rate_hz)), first_look(windows_g, rate_hz)
    return features, first, label, np.full(len(peaks), number), np.full(len(peaks), copy)


def fit_forest(
    features: FeatureArray | FloatArray,
    label: npt.NDArray[np.int8],
    weight: FloatArray,
    decide_at: float,
    **size: float,
) -> Forest:
    """Boosted trees on windows (n, k) with weights (n,), exported."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415  train extra only

    chosen = _FULL_TREES | size
    classifier = HistGradientBoostingClassifier(**chosen, early_stopping=False, random_state=SEED)
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
    return Forest(feature, threshold, left, right, value, baseline, depth, decide_at)


def mean_of(members: Sequence[Forest]) -> Forest:
    """One forest whose log-odds are the mean of several of as many trees each."""
    width = max(forest.feature.shape[1] for forest in members)

    def join(name: str) -> npt.NDArray[Any]:
        parts = []
        for forest in members:
            part = getattr(forest, name)
            parts.append(np.pad(part, ((0, 0), (0, width - part.shape[1]))))
        return np.concatenate(parts)

    return Forest(
        feature=join("feature"),
        threshold=join("threshold"),
        left=join("left"),
        right=join("right"),
        value=join("value") / len(members),
        baseline=sum(forest.baseline for forest in members) / len(members),
        depth=max(forest.depth for forest in members),
        decide_at=members[0].decide_at,
    )


def fit_model(
    recordings: list[Recording],
    data: Candidates,
    chosen: npt.NDArray[np.bool_],
    groups: Sequence[str] = GROUPS,
) -> FallModel:
    """Weights of `groups`, from the candidates where `chosen` (n,) is true.

    A group that is not asked for gets those of the first one. Half of a group's trees learn from
    its own recordings, half from all with its own in front.
    """
    group = np.array([group_of(r.position) for r in recordings])[data.recording]
    known = chosen & (data.label >= 0)
    kept = np.random.default_rng(SEED).random(len(data.label)) < _EASY_KEPT
    forests, first, networks = {}, {}, {}
    for name in groups:
        own = known & (group == name)
        glance = fit_forest(
            data.first[own], data.label[own], np.ones(int(own.sum())), 0.5, **_FIRST_TREES
        )
        score = glance.log_odds(data.first)
        falls = own & (data.label == 1)
        hard = (data.label == 1) | (
            score >= np.quantile(score[falls], _EASY_QUANTILE) - _EASY_MARGIN
        )
        weight = np.where(hard, 1.0, 1.0 / _EASY_KEPT) * np.where(
            group == name, 1.0, _POOLED_WEIGHT
        )
        used = known & (hard | kept)
        halves = [
            fit_forest(data.features[use], data.label[use], weight[use], DECIDE_AT[name])
            for use in (used & own, used)
        ]
        forests[name] = mean_of(halves)
        networks[name] = fit_networks(data.features[used], data.label[used], own[used])
        called = forests[name].probability(data.features[own]) >= _CALLED_FROM
        pass_at = np.quantile(glance.probability(data.first[own][called]), _FIRST_LOST_SHARE)
        first[name] = replace(glance, decide_at=float(pass_at))
    source = {name: name if name in groups else groups[0] for name in GROUPS}
    model = FallModel(
        {name: forests[source[name]] for name in GROUPS},
        {name: first[source[name]] for name in GROUPS},
        {name: networks[source[name]] for name in GROUPS},
        "",
    )
    return FallModel.from_bytes(model.to_bytes())


def fit_networks(
    features: FeatureArray, label: npt.NDArray[np.int8], own: npt.NDArray[np.bool_]
) -> Networks:
    """Networks on windows (n, k): half learn from a group's `own`, half from others too."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  train extra only
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    low, high = np.quantile(features[own], [_CUT_SHARE, 1.0 - _CUT_SHARE], axis=0)
    cut = np.clip(features, low, high)
    mean, scale = cut[own].mean(axis=0, dtype=np.float64), cut[own].std(axis=0) + _TINY_SCALE
    values = (cut - mean) / scale
    others = np.random.default_rng(SEED).random(len(own)) < _OTHERS_KEPT
    fitted = []
    for number in range(_NETWORKS):
        used = own if number % 2 == 0 else own | others
        network = MLPClassifier(**_NETWORK, random_state=SEED + number)
        with warnings.catch_warnings():
            # It is stopped early on purpose.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted.append(network.fit(values[used], label[used]))
    return Networks(
        low=low.astype(np.float64),
        high=high.astype(np.float64),
        mean=mean,
        scale=scale.astype(np.float64),
        hidden=np.concatenate([n.coefs_[0] for n in fitted], axis=1),
        hidden_bias=np.concatenate([n.intercepts_[0] for n in fitted]),
        out=np.concatenate([n.coefs_[1][:, 0] for n in fitted]),
        bias=np.array([n.intercepts_[1][0] for n in fitted]),
    )


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
