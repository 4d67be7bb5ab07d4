"""The learned decision: boosted trees as plain arrays, evaluated for many windows at once."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
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
_PARTS: Final = ("feature", "threshold", "left", "right", "value", "exits")


def group_of(position: Position | None) -> str:
    """Which trees judge this position. An unknown position is judged as a wrist, the hardest."""
    trunk = position in (Position.WAIST, Position.CHEST, Position.NECK)
    return "trunk" if trunk else "wrist"


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """A sum of trees. Node arrays have shape (trees, nodes); a leaf points to itself.

    A window goes left where its feature is <= `threshold`. The sum of leaf values and
    `baseline` is a log-odds; `decide_at` is the probability from which it is a fall.
    `exits` (e, 2) are rows of (trees, limit): a window whose log-odds after so many trees is below
    the limit stops there.
    """

    feature: npt.NDArray[np.int16]
    threshold: FloatArray
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: FloatArray
    baseline: float
    depth: int
    decide_at: float
    exits: FloatArray

    def probability(self, features: FeatureArray) -> FloatArray:
        """Probability (n,) that each window (n, k) is a fall.

        Most windows are far from a fall: what is hopeless at an exit stops there, and its
        probability is that of the trees so far.
        """
        log_odds = np.full(len(features), self.baseline)
        alive, done = np.arange(len(features)), 0
        for trees, limit in self.exits:
            log_odds[alive] += self._sum(features[alive], slice(done, int(trees)))
            alive, done = alive[log_odds[alive] >= limit], int(trees)
        log_odds[alive] += self._sum(features[alive], slice(done, None))
        result: FloatArray = 1.0 / (1.0 + np.exp(-log_odds))
        return result

    def _sum(self, features: FeatureArray, trees: slice) -> FloatArray:
        feature, threshold = self.feature[trees].ravel(), self.threshold[trees].ravel()
        children = np.stack([self.right[trees].ravel(), self.left[trees].ravel()], axis=1).ravel()
        count, size = self.feature[trees].shape
        root = np.arange(count) * size
        node = np.broadcast_to(root, (len(features), count))
        flat = np.ascontiguousarray(features).ravel()
        first = np.arange(len(features))[:, None] * features.shape[1]
        for _ in range(self.depth):
            goes_left = flat.take(first + feature.take(node)) <= threshold.take(node)
            node = root + children.take(2 * node + goes_left)
        total: FloatArray = self.value[trees].ravel().take(node).sum(axis=1)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class FallModel:
    """One forest per group of positions, and a digest that names these very weights."""

    forests: dict[str, Forest]
    digest: str

    def probability(self, features: FeatureArray, position: Position | None) -> FloatArray:
        """Probability (n,) that each window is a fall, for a sensor at `position`."""
        return self.forests[group_of(position)].probability(features)

    def decide_at(self, position: Position | None) -> float:
        """The probability from which a window is called a fall."""
        return self.forests[group_of(position)].decide_at

    def to_bytes(self) -> bytes:
        """The weights as an .npz file."""
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for name, forest in self.forests.items():
            for key in _PARTS:
                arrays[f"{name}_{key}"] = getattr(forest, key)
            scalars = np.array([forest.baseline, forest.depth, forest.decide_at])
            arrays[f"{name}_scalars"] = scalars
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> FallModel:
        """Read what `to_bytes` wrote. The digest is of the arrays, not of the file's packing."""
        digest = hashlib.sha256()
        forests = {}
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            for name in GROUPS:
                parts = {key: arrays[f"{name}_{key}"] for key in (*_PARTS, "scalars")}
                for key in sorted(parts):
                    digest.update(np.ascontiguousarray(parts[key]).tobytes())
                baseline, depth, decide_at = parts.pop("scalars")
                forests[name] = Forest(
                    **parts,
                    baseline=float(baseline),
                    depth=int(depth),
                    decide_at=float(decide_at),
                )
        return FallModel(forests, digest.hexdigest()[:12])


@lru_cache(maxsize=1)
def committed_model() -> FallModel:
    """The weights that come with the program."""
    return FallModel.from_bytes(files("edge.fall").joinpath(WEIGHTS_FILE).read_bytes())
