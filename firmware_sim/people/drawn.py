"""Figures that go together as recorded ones do: summed up as quantiles, and drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from edge.signals import FloatArray

IntArray = NDArray[np.integer[Any]]

LEVELS: Final = tuple(round(0.025 * k, 3) for k in range(41))  # 0, 0.025 .. 1
# The ends of a distribution are single recordings: nothing is drawn from beyond these levels.
_DRAWN: Final = (0.0125, 0.9875)


@dataclass(frozen=True, slots=True)
class Joint:
    """Some figures of one thing. `between`: how much of the spread lies between people, 0 .. 1."""

    quantiles: FloatArray  # (figures, levels)
    correlation: FloatArray  # (figures, figures)
    between: FloatArray  # (figures,)

    def scores(self, rng: np.random.Generator) -> FloatArray:
        """Normal scores (figures,) that hang together."""
        factor = np.linalg.cholesky(self.correlation)
        scores: FloatArray = (factor * rng.standard_normal(len(factor))).sum(axis=1)
        return scores

    def figures(self, scores: FloatArray) -> list[float]:
        """The figures of such scores."""
        levels = np.clip(ndtr(scores), *_DRAWN)
        return [
            float(np.interp(level, LEVELS, values))
            for level, values in zip(levels, self.quantiles, strict=True)
        ]

    def of_person(self, own: FloatArray, rng: np.random.Generator) -> list[float]:
        """Once more of a person whose own scores are `own`: like them, as far as people differ."""
        mixed = np.sqrt(self.between) * own + np.sqrt(1.0 - self.between) * self.scores(rng)
        return self.figures(mixed)


def joint(known: Mapping[str, Any], names: Sequence[str]) -> Joint:
    """As `summed_up` gives it."""
    return Joint(
        quantiles=np.array([known["quantiles"][name] for name in names]),
        correlation=np.array(known["correlation"]),
        between=np.array(known.get("between", [0.0] * len(names))),
    )


def summed_up(
    values: FloatArray, subjects: Sequence[str], names: Sequence[str]
) -> dict[str, Any]:  # fmt: skip
    """Quantiles and correlation of figures (n, figures), every subject with the same weight."""
    who, which, counts = np.unique(subjects, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which] / len(who)
    scores = np.empty_like(values)
    quantiles = {}
    for column, name in enumerate(names):
        order = np.argsort(values[:, column], kind="stable")
        reached = np.cumsum(weight[order])
        at = np.searchsorted(reached, np.array(LEVELS) - 1e-9).clip(max=len(values) - 1)
        quantiles[name] = [round(float(v), 3) for v in values[order[at], column]]
        scores[:, column] = ndtri((rankdata(values[:, column]) - 0.5) / len(values))
    correlation = np.corrcoef(np.repeat(scores, _copies(counts[which]), axis=0), rowvar=False)
    return {"quantiles": quantiles, "correlation": np.round(correlation, 2).tolist()}


def between_people(values: FloatArray, subjects: Sequence[str]) -> list[float]:
    """How much of the spread of each figure lies between people: variance of their means."""
    scores = ndtri((rankdata(values, axis=0) - 0.5) / len(values))
    means = [scores[[s == who for s in subjects]].mean(axis=0) for who in sorted(set(subjects))]
    share = np.var(means, axis=0) / scores.var(axis=0)
    return [round(float(one), 2) for one in share]


def _copies(of_subject: IntArray) -> IntArray:
    """How often each one is counted so that every subject weighs about the same."""
    ratio = of_subject.max() / of_subject
    return np.asarray(np.maximum(1, np.rint(ratio)), dtype=np.int64)
