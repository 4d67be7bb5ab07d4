"""Learn the tag's trees, one set for each room, and measure them on trials they have not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.bed.tag import ExitDecision, TagFeatures, TagModel, Trees
from edge.bed.training.trials import ROOMS, Trial
from edge.signals import FloatArray

SEED: Final = 20260301
FOLDS: Final = 20


@dataclass(frozen=True, slots=True)
class Target:
    """What trees learn: out of bed now, or about to be within `lead_s`.

    Out for longer than `fresh_s` weighs `settled_weight` of the rest: a chair is easily told from a
    bed, and teaches nothing about getting up.
    """

    lead_s: float
    trees: int
    fresh_s: float = math.inf
    settled_weight: float = 1.0


# Averaged: the first is precise, the second in time, the third looks at the getting up itself.
TARGETS: Final = (Target(0.0, 30), Target(2.0, 30), Target(2.0, 60, 10.0, 0.2))
_MIN_LEAF: Final = 4
_FEATURE_SHARE: Final = 0.3
# Readings from 12 s before to 6 s after an exit decide it, so they weigh more.
_NEAR_BEFORE_S: Final = 12.0
_NEAR_AFTER_S: Final = 6.0
_NEAR_WEIGHT: Final = 8.0
# A reading weighs by the time it stands for, within limits: bursts repeat themselves.
_MIN_WEIGHT_S: Final = 0.02
_MAX_WEIGHT_S: Final = 1.0
_LAST_WEIGHT_S: Final = 0.25

Progress = Callable[[str, int, int], None]


def trial_features(trial: Trial) -> FloatArray:
    """Features (n, k) of every reading, as the stream gives them."""
    stream = TagFeatures()
    return np.array([stream.add(reading) for reading in trial.readings])


def labels(trial: Trial, target: Target) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Out of bed (n,) 0/1, and weights (n,)."""
    time_s = np.array([reading.time_s for reading in trial.readings])
    out = (~trial.in_bed).astype(np.int8)
    weight = np.clip(np.append(np.diff(time_s), _LAST_WEIGHT_S), _MIN_WEIGHT_S, _MAX_WEIGHT_S)
    near = np.zeros(len(time_s), dtype=bool)
    fresh = np.zeros(len(time_s), dtype=bool)
    for exit_s in trial.exits_s:
        out[(time_s >= exit_s - target.lead_s) & (time_s < exit_s)] = 1
        near |= (time_s >= exit_s - _NEAR_BEFORE_S) & (time_s < exit_s + _NEAR_AFTER_S)
        fresh |= (time_s >= exit_s - target.lead_s) & (time_s < exit_s + target.fresh_s)
    weight *= np.where(near, _NEAR_WEIGHT, 1.0)
    return out, weight * np.where((out == 1) & ~fresh, target.settled_weight, 1.0)


def fit_room(trials: Sequence[Trial], features: dict[str, FloatArray]) -> Trees:
    """Trees for one room from its trials."""
    from sklearn.ensemble import ExtraTreesClassifier  # noqa: PLC0415  train extra only

    x = np.concatenate([features[trial.name] for trial in trials])
    found = []
    for target in TARGETS:
        pairs = [labels(trial, target) for trial in trials]
        y = np.concatenate([pair[0] for pair in pairs])
        weight = np.concatenate([pair[1] for pair in pairs])
        # Out of bed is rare: half the weight of the rest.
        weight[y == 1] *= 0.5 * weight[y == 0].sum() / weight[y == 1].sum()
        forest = ExtraTreesClassifier(
            target.trees,
            min_samples_leaf=_MIN_LEAF,
            max_features=_FEATURE_SHARE,
            random_state=SEED,
        )
        found += [tree.tree_ for tree in forest.fit(x, y, sample_weight=weight).estimators_]
    return export(found)


def export(trees: Sequence[Any]) -> Trees:
    """Fitted trees as arrays."""
    shape = (len(trees), max(tree.node_count for tree in trees))
    feature, left, right = (np.zeros(shape, dtype=np.int16) for _ in range(3))
    threshold, value = np.zeros(shape), np.zeros(shape)
    for k, tree in enumerate(trees):
        n = tree.node_count
        leaf, own = tree.children_left < 0, np.arange(n)
        feature[k, :n] = np.where(leaf, 0, tree.feature)
        threshold[k, :n] = np.where(leaf, 0.0, tree.threshold)
        left[k, :n] = np.where(leaf, own, tree.children_left)
        right[k, :n] = np.where(leaf, own, tree.children_right)
        counts = tree.value[:, 0, :]
        value[k, :n] = counts[:, 1] / counts.sum(axis=1)
    return Trees(feature, threshold, left, right, value, max(tree.max_depth for tree in trees))


def alarms_of(trial: Trial, probability: FloatArray) -> list[float]:
    """When the decision tells of exits."""
    decision = ExitDecision()
    times = [reading.time_s for reading in trial.readings]
    return [t for t, p in zip(times, probability, strict=True) if decision.add(t, float(p))]


def out_of_trial(trials: Sequence[Trial], progress: Progress) -> dict[str, list[float]]:
    """Alarms on each trial by trees of its room that never saw it."""
    features = {trial.name: trial_features(trial) for trial in trials}
    alarms: dict[str, list[float]] = {}
    for room in ROOMS:
        own = [trial for trial in trials if trial.room == room]
        order = np.random.default_rng(SEED).permutation(len(own)) % FOLDS
        for fold in range(FOLDS):
            progress(f"room {room}", fold, FOLDS)
            seen = [trial for trial, k in zip(own, order, strict=True) if k != fold]
            trees = fit_room(seen, features)
            for trial, k in zip(own, order, strict=True):
                if k == fold:
                    probability = trees.probability(features[trial.name])
                    alarms[trial.name] = alarms_of(trial, probability)
    return alarms


def train(trials: Sequence[Trial], out_path: Path) -> TagModel:
    """Learn from all trials and write the weights."""
    features = {trial.name: trial_features(trial) for trial in trials}
    rooms = {
        room: fit_room([trial for trial in trials if trial.room == room], features)
        for room in ROOMS
    }
    data = TagModel(rooms, "", frozenset(trial.fingerprint for trial in trials)).to_bytes()
    out_path.write_bytes(data)
    return TagModel.from_bytes(data)
