"""The learned decision: boosted trees as plain arrays, evaluated for many windows at once."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.fall.features import FeatureArray
from edge.signals import FloatArray, Position

WEIGHTS_FILE: Final = "weights.npz"
# Groups of positions that share trees: the trunk moves as one, the wrist does not.
GROUPS: Final = ("trunk", "wrist")
_PARTS: Final = ("feature", "threshold", "left", "right", "value")
_FIRST: Final = "_first"
# Networks are surer of what they have never seen than trees are: each says at most this much
# (98 %), and together they weigh a third as much as the trees. Chosen by data sets left out.
MOST_LOG_ODDS: Final = 4.0
NETWORK_SHARE: Final = 0.25


def group_of(position: Position | None) -> str:
    """Which trees judge this position. An unknown position is judged as a wrist, the hardest."""
    trunk = position in (Position.WAIST, Position.CHEST, Position.NECK)
    return "trunk" if trunk else "wrist"


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """A sum of trees. Node arrays have shape (trees, nodes); a leaf points to itself.

    A window goes left where its feature is <= `threshold`. The sum of leaf values and
    `baseline` is a log-odds; `decide_at` is the probability from which it is a fall.
    """

    feature: npt.NDArray[np.int16]
    threshold: FloatArray
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: FloatArray
    baseline: float
    depth: int
    decide_at: float

    def probability(self, features: FeatureArray | FloatArray) -> FloatArray:
        """Probability (n,) that each window (n, k) is a fall."""
        result: FloatArray = 1.0 / (1.0 + np.exp(-self.log_odds(features)))
        return result

    def log_odds(self, features: FeatureArray | FloatArray) -> FloatArray:
        """The same as log-odds (n,)."""
        feature, threshold = self.feature.ravel(), self.threshold.ravel()
        children = np.stack([self.right.ravel(), self.left.ravel()], axis=1).ravel()
        count, size = self.feature.shape
        root = np.arange(count) * size
        node = np.broadcast_to(root, (len(features), count))
        flat = np.ascontiguousarray(features).ravel()
        first = np.arange(len(features))[:, None] * features.shape[1]
        for _ in range(self.depth):
            goes_left = flat.take(first + feature.take(node)) <= threshold.take(node)
            node = root + children.take(2 * node + goes_left)
        total: FloatArray = self.value.ravel().take(node).sum(axis=1) + self.baseline
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """Several small networks side by side: another view than trees, smooth where they step.

    Features (k,) are cut to `low`..`high`, centred and scaled; then `hidden` (k, m * h), rectified,
    `out` (m * h,) and `bias` (m,) give the log-odds of m networks, each cut to `MOST_LOG_ODDS`.
    """

    low: FloatArray
    high: FloatArray
    mean: FloatArray
    scale: FloatArray
    hidden: FloatArray
    hidden_bias: FloatArray
    out: FloatArray
    bias: FloatArray

    def log_odds(self, features: FeatureArray) -> FloatArray:
        """Mean log-odds (n,) of the networks for windows (n, k)."""
        values = (np.clip(features, self.low, self.high) - self.mean) / self.scale
        count = len(self.bias)
        # Row by row: a product of matrices could differ with the number of rows.
        inside = [np.maximum(row @ self.hidden + self.hidden_bias, 0.0) for row in values]
        parts = (np.array(inside) * self.out).reshape(len(values), count, -1).sum(axis=2)
        result: FloatArray = np.clip(parts + self.bias, -MOST_LOG_ODDS, MOST_LOG_ODDS).mean(axis=1)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class FallModel:
    """Per group of positions: a small forest for the first look, a forest and networks."""

    forests: dict[str, Forest]
    first: dict[str, Forest]
    networks: dict[str, Networks]
    digest: str

    def deserves_a_look(
        self, first_look: FeatureArray | FloatArray, position: Position | None
    ) -> npt.NDArray[np.bool_]:
        """Which windows, by their first look (n, 9), are not plainly something else (n,)."""
        forest = self.first[group_of(position)]
        result: npt.NDArray[np.bool_] = forest.probability(first_look) >= forest.decide_at
        return result

    def probability(self, features: FeatureArray, position: Position | None) -> FloatArray:
        """Probability (n,) that each window is a fall, for a sensor at `position`."""
        group = group_of(position)
        trees, networks = self.forests[group], self.networks[group]
        log_odds = (1.0 - NETWORK_SHARE) * trees.log_odds(features)
        log_odds += NETWORK_SHARE * networks.log_odds(features)
        result: FloatArray = 1.0 / (1.0 + np.exp(-log_odds))
        return result

    def decide_at(self, position: Position | None) -> float:
        """The probability from which a window is called a fall."""
        return self.forests[group_of(position)].decide_at

    def to_bytes(self) -> bytes:
        """The weights as an .npz file."""
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for name, forest in (self.forests | _renamed(self.first)).items():
            for key in _PARTS:
                arrays[f"{name}_{key}"] = getattr(forest, key)
            scalars = np.array([forest.baseline, forest.depth, forest.decide_at])
            arrays[f"{name}_scalars"] = scalars
        for name, networks in self.networks.items():
            for field in fields(Networks):
                arrays[f"{name}_network_{field.name}"] = getattr(networks, field.name)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> FallModel:
        """Read what `to_bytes` wrote. The digest is of the arrays, not of the file's packing."""
        digest = hashlib.sha256()
        with np.load(io.BytesIO(data), allow_pickle=False) as packed:
            arrays = {key: packed[key] for key in sorted(packed.files)}
        for array in arrays.values():
            digest.update(np.ascontiguousarray(array).tobytes())

        def forest(name: str) -> Forest:
            baseline, depth, decide_at = arrays[f"{name}_scalars"]
            return Forest(
                **{key: arrays[f"{name}_{key}"] for key in _PARTS},
                baseline=float(baseline),
                depth=int(depth),
                decide_at=float(decide_at),
            )

        def networks(name: str) -> Networks:
            parts = {
                field.name: arrays[f"{name}_network_{field.name}"] for field in fields(Networks)
            }
            return Networks(**parts)

        return FallModel(
            {name: forest(name) for name in GROUPS},
            {name: forest(f"{name}{_FIRST}") for name in GROUPS},
            {name: networks(name) for name in GROUPS},
            digest.hexdigest()[:12],
        )


def _renamed(first: dict[str, Forest]) -> dict[str, Forest]:
    return {f"{name}{_FIRST}": forest for name, forest in first.items()}


@lru_cache(maxsize=1)
def committed_model() -> FallModel:
    """The weights that come with the program."""
    return FallModel.from_bytes(files("edge.fall").joinpath(WEIGHTS_FILE).read_bytes())
