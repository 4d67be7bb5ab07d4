"""One window, one decision: pure functions shared by the live detector and its proofs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.events import Reason
from edge.fall.features import extract
from edge.fall.model import FallModel
from edge.fall.window import (
    CANDIDATE_G,
    GRID_BEFORE,
    GRID_HZ,
    PEAK_GUARD_S,
    candidate_peaks,
    samples,
    to_grid,
    window_span,
)
from edge.signals import FloatArray, Position

# What is worth telling a nurse; the decision itself is the model's, over the whole window.
_TELL_LOW_G: Final = 0.7  # below: support was really missing, not just a soft step
_TELL_ANGLE_DEG: Final = 40.0
_TELL_SETTLED_G: Final = 0.1  # rms over the last second: as still as somebody lying
_CLIP_SHARE: Final = 0.99  # counts this close to the range are clipped


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one candidate. `upright_g` is the mean acceleration before the fall."""

    probability: float
    is_fall: bool
    reasons: tuple[Reason, ...]
    upright_g: tuple[float, float, float]


def cut_window(values_g: FloatArray, peak: int, rate_hz: float) -> FloatArray:
    """The window (before + 1 + after, 3) around `peak`; a missing beginning repeats the first."""
    before, after = window_span(rate_hz)
    return values_g[np.maximum(np.arange(peak - before, peak + after + 1), 0)]


def judge(
    window_g: FloatArray,
    rate_hz: float,
    full_scale_g: float,
    model: FallModel,
    position: Position | None,
) -> Verdict:
    """Decide on one window of the length `window_span` gives."""
    grid = to_grid(window_g[None], rate_hz)
    probability = round(float(model.probability(extract(grid), position)[0]), 4)
    reference = grid[0, GRID_BEFORE - round(2.5 * GRID_HZ) : GRID_BEFORE - round(GRID_HZ)].mean(0)
    return Verdict(
        probability,
        probability >= model.decide_at(position),
        _impact_reasons(window_g, window_span(rate_hz)[0], full_scale_g)
        + _pattern_reasons(grid[0], reference, probability),
        (float(reference[0]), float(reference[1]), float(reference[2])),
    )


def _impact_reasons(window_g: FloatArray, peak: int, full_scale_g: float) -> tuple[Reason, ...]:
    peak_g = float(np.sqrt((window_g[peak] ** 2).sum()))
    impact = Reason("impact", {"peak_g": round(peak_g, 2)})
    if np.abs(window_g).max() < _CLIP_SHARE * full_scale_g:
        return (impact,)
    return (impact, Reason("impact_beyond_range", {"range_g": round(full_scale_g, 2)}))


def _pattern_reasons(
    grid: FloatArray, reference: FloatArray, probability: float
) -> tuple[Reason, ...]:
    magnitude = np.sqrt((grid * grid).sum(-1))
    reasons = []
    low_g = float(magnitude[GRID_BEFORE - round(GRID_HZ) : GRID_BEFORE].min())
    if low_g < _TELL_LOW_G:
        reasons.append(Reason("low_support", {"low_g": round(low_g, 2)}))
    last_second = grid[-round(GRID_HZ) :]
    rest = last_second.mean(0)
    length = float(np.sqrt((rest @ rest) * (reference @ reference)))
    if length > 0.0:
        cosine = float(np.clip((rest @ reference) / length, -1.0, 1.0))
        angle_deg = float(np.degrees(np.arccos(cosine)))
        if angle_deg >= _TELL_ANGLE_DEG:
            reasons.append(Reason("posture_change", {"angle_deg": round(angle_deg, 1)}))
    motion_g = float(np.sqrt(last_second.var(axis=0).sum()))
    if motion_g <= _TELL_SETTLED_G:
        reasons.append(Reason("settled", {"motion_g": round(motion_g, 3)}))
    reasons.append(Reason("movement_pattern", {"percent": round(100.0 * probability, 1)}))
    return tuple(reasons)


def first_fall(
    values_g: FloatArray,
    rate_hz: float,
    full_scale_g: float,
    model: FallModel,
    position: Position | None,
) -> int | None:
    """Index of the impact that a fresh detector, fed only `values_g` (n, 3), calls a fall first."""
    guard = samples(PEAK_GUARD_S, rate_hz)
    squared = np.pad((values_g * values_g).sum(axis=1), guard)
    for padded in candidate_peaks(squared, guard, CANDIDATE_G):
        peak = int(padded) - guard
        if peak + window_span(rate_hz)[1] >= len(values_g):
            return None
        window_g = cut_window(values_g, peak, rate_hz)
        if judge(window_g, rate_hz, full_scale_g, model, position).is_fall:
            return peak
    return None
