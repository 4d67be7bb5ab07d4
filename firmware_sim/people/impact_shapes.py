"""How recorded impacts look, as statistics: what one is measured by, and a made-up one drawn.

`impact_shapes.json` holds, for each body position, quantiles of five figures and how they hang
together (correlation of their normal scores); no sample of a recording. Each volunteer counts the
same, however often they fell. `python -m benchmarks.fall_shapes --write` makes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from edge.signals import FloatArray, Position

IntArray = NDArray[np.integer[Any]]

FILE: Final = Path(__file__).with_name("impact_shapes.json")
LEVELS: Final = tuple(round(0.025 * k, 3) for k in range(41))  # 0, 0.025 .. 1
# The ends of a distribution are single falls: nothing is drawn from beyond these levels.
_DRAWN: Final = (0.0125, 0.9875)
LOW_G: Final = 0.8  # below it a body has lost weight; walking stays above
NEAR_S: Final = 0.5  # an impact is over within this time, before and after its peak


@dataclass(frozen=True, slots=True)
class Impact:
    """The figures of one impact."""

    peak_g: float  # the largest, within half a second of the impact
    dip_g: float  # the least in the second before
    low_s: float  # below 0.8 g in that second
    wide_s: float  # above half of the peak
    jerk_g_s: float  # the steepest rise


FIGURES: Final = tuple(field.name for field in fields(Impact))


def measured(size_g: FloatArray, rate_hz: float, top: int) -> Impact:
    """Of magnitudes (n,) in g whose peak is sample `top`."""
    near = round(NEAR_S * rate_hz)
    second = size_g[max(0, top - round(rate_hz)) : top]
    close = size_g[max(0, top - near) : top + near]
    return Impact(
        peak_g=float(size_g[top]),
        dip_g=float(second.min()),
        low_s=float((second < LOW_G).sum() / rate_hz),
        wide_s=float((close > size_g[top] / 2.0).sum() / rate_hz),
        jerk_g_s=float(np.diff(close).max() * rate_hz),
    )


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of one position, as a sensor of that rate and range sees it."""

    rate_hz: float
    range_g: float
    quantiles: FloatArray  # (figures, levels)
    correlation: FloatArray  # (figures, figures)

    def draw(self, rng: np.random.Generator) -> Impact:
        """One impact: figures that go together as recorded ones do."""
        factor = np.linalg.cholesky(self.correlation)
        normal = rng.standard_normal(len(FIGURES))
        levels = np.clip(ndtr((factor * normal).sum(axis=1)), *_DRAWN)
        return Impact(
            *(
                float(np.interp(level, LEVELS, values))
                for level, values in zip(levels, self.quantiles, strict=True)
            )
        )


def summed_up(values: FloatArray, subjects: Sequence[str]) -> dict[str, Any]:
    """Quantiles and correlation of falls (n, figures), every subject with the same weight."""
    names, which, counts = np.unique(subjects, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which] / len(names)
    scores = np.empty_like(values)
    quantiles = {}
    for column, name in enumerate(FIGURES):
        order = np.argsort(values[:, column], kind="stable")
        reached = np.cumsum(weight[order])
        at = np.searchsorted(reached, np.array(LEVELS) - 1e-9).clip(max=len(values) - 1)
        quantiles[name] = [round(float(v), 3) for v in values[order[at], column]]
        scores[:, column] = ndtri((rankdata(values[:, column]) - 0.5) / len(values))
    correlation = np.corrcoef(np.repeat(scores, _copies(counts[which]), axis=0), rowvar=False)
    return {"quantiles": quantiles, "correlation": np.round(correlation, 2).tolist()}


def _copies(falls_of_subject: IntArray) -> IntArray:
    """How often each fall is counted so that every subject weighs about the same."""
    ratio = falls_of_subject.max() / falls_of_subject
    return np.asarray(np.maximum(1, np.rint(ratio)), dtype=np.int64)


@cache
def statistics_of(position: Position) -> Statistics | None:
    """Of that position; None where too few falls were recorded to tell."""
    known = json.loads(FILE.read_text(encoding="utf-8"))["positions"].get(position.value)
    if known is None:
        return None
    return Statistics(
        rate_hz=known["rate_hz"],
        range_g=known["range_g"],
        quantiles=np.array([known["quantiles"][name] for name in FIGURES]),
        correlation=np.array(known["correlation"]),
    )
