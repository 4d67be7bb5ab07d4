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

from edge.signals import FloatArray, Position
from firmware_sim.people import drawn
from firmware_sim.people.drawn import Joint

FILE: Final = Path(__file__).with_name("impact_shapes.json")
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
    figures: Joint

    def draw(self, rng: np.random.Generator) -> Impact:
        """One impact: figures that go together as recorded ones do."""
        return Impact(*self.figures.figures(self.figures.scores(rng)))


def summed_up(values: FloatArray, subjects: Sequence[str]) -> dict[str, Any]:
    """Quantiles and correlation of falls (n, figures), every subject with the same weight."""
    return drawn.summed_up(values, subjects, FIGURES)


@cache
def statistics_of(position: Position) -> Statistics | None:
    """Of that position; None where too few falls were recorded to tell."""
    known = json.loads(FILE.read_text(encoding="utf-8"))["positions"].get(position.value)
    if known is None:
        return None
    return Statistics(known["rate_hz"], known["range_g"], drawn.joint(known, FIGURES))
