"""Windows in, decisions out: pure functions shared by the live detector and its proofs."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from edge.events import Reason
from edge.fall.features import extract
from edge.fall.first_look import first_look
from edge.fall.model import FallModel
from edge.fall.window import (
    CANDIDATE_G,
    GRID_BEFORE,
    GRID_HZ,
    PEAK_GUARD_S,
    candidate_peaks,
    samples,
    squared_g2,
    to_grid,
    window_span,
)
from edge.signals import FloatArray, Int16Array, Position

# What is worth telling a nurse; the decision itself is the model's, over the whole window.
_TELL_LOW_G: Final = 0.7  # below: support was really missing, not just a soft step
_TELL_ANGLE_DEG: Final = 40.0
_TELL_SETTLED_G: Final = 0.1  # rms over the last second: as still as somebody lying
_CLIP_SHARE: Final = 0.99  # values this close to the range are clipped
# Posture before a fall is taken from here, in s before the impact: loss of balance is later.
_UPRIGHT_FROM_S: Final = 2.5
_UPRIGHT_TO_S: Final = 1.0
_PROBABILITY_DIGITS: Final = 4
# A thing that drops flies freely: a device off a table 0.3 m high has less than 0.2 g for 0.25 s.
# A person never does: in none of the 1,878 fall recordings of the development data, whatever the
# position, does the sensor stay below 0.2 g for more than 0.15 s.
FREE_FLIGHT_G: Final = 0.2
FREE_FLIGHT_S: Final = 0.25
# Looked for in this many seconds before the impact.
_FLIGHT_WITHIN_S: Final = 1.2

# Trees learned from mats are surer of themselves than they may be: nobody is told 100 %.
_MOST_PERCENT: Final = 99.0


def falls(
    windows: Int16Array,
    scale_g: FloatArray,
    rate_hz: float,
    model: FallModel,
    position: Position | None,
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Which windows are a person falling, and their probabilities (n,); 0: plainly no fall.

    Windows (n, before + 1 + after, 3) are counts of `scale_g` (n,) each. The result of one does
    not depend on the others.
    """
    called, chance = np.zeros(len(windows), dtype=bool), np.zeros(len(windows))
    quick_g = windows.astype(np.float32)  # enough for a first look
    quick_g *= scale_g.astype(np.float32)[:, None, None]
    seen = np.flatnonzero(model.deserves_a_look(first_look(quick_g, rate_hz), position))
    if not len(seen):
        return called, chance
    windows_g = windows[seen] * scale_g[seen, None, None]
    features = extract(to_grid(windows_g, rate_hz))
    chance[seen] = np.round(model.probability(features, position), _PROBABILITY_DIGITS)
    called[seen] = chance[seen] >= model.decide_at(position)
    for place in np.flatnonzero(called[seen]):
        flight_s = free_flight_s(windows_g[place], rate_hz)
        called[seen[place]] = flight_s < FREE_FLIGHT_S
    return called, chance


def free_flight_s(window_g: FloatArray, rate_hz: float) -> float:
    """Longest time without support before the impact, in s: what flies is no person."""
    peak = window_span(rate_hz)[0]
    before_g = window_g[peak - samples(_FLIGHT_WITHIN_S, rate_hz) : peak]
    flying = np.concatenate([[False], (before_g**2).sum(axis=1) < FREE_FLIGHT_G**2, [False]])
    edges = np.flatnonzero(np.diff(flying.astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return float(lengths.max(initial=0)) / rate_hz


def upright_g(window_g: FloatArray, rate_hz: float) -> FloatArray:
    """Mean acceleration (3,) before the fall: which way was up, if the person was up."""
    grid = to_grid(window_g[None], rate_hz)[0]
    first = GRID_BEFORE - round(_UPRIGHT_FROM_S * GRID_HZ)
    mean: FloatArray = grid[first : GRID_BEFORE - round(_UPRIGHT_TO_S * GRID_HZ)].mean(axis=0)
    return mean


def explain_fall(
    window_g: FloatArray, rate_hz: float, full_scale_g: float, probability: float
) -> tuple[Reason, ...]:
    """What in the window speaks for a fall, in the order a nurse wants it."""
    impact = _impact_reasons(window_g, window_span(rate_hz)[0], full_scale_g)
    percent = min(_MOST_PERCENT, round(100.0 * probability, 1))
    sure = Reason("movement_pattern", {"percent": percent})
    return (*impact, *_motion_reasons(window_g, rate_hz), sure)


def _impact_reasons(window_g: FloatArray, peak: int, full_scale_g: float) -> tuple[Reason, ...]:
    peak_g = float(np.sqrt((window_g[peak] ** 2).sum()))
    impact = Reason("impact", {"peak_g": round(peak_g, 2)})
    if np.abs(window_g).max() < _CLIP_SHARE * full_scale_g:
        return (impact,)
    return (impact, Reason("impact_beyond_range", {"range_g": round(full_scale_g, 2)}))


def _motion_reasons(window_g: FloatArray, rate_hz: float) -> tuple[Reason, ...]:
    grid = to_grid(window_g[None], rate_hz)[0]
    reasons = []
    last_second = grid[GRID_BEFORE - round(GRID_HZ) : GRID_BEFORE]
    low_g = float(np.sqrt((last_second * last_second).sum(-1)).min())
    if low_g < _TELL_LOW_G:
        reasons.append(Reason("low_support", {"low_g": round(low_g, 2)}))
    rest = grid[-round(GRID_HZ) :]
    turned_deg = angle_deg(rest.mean(axis=0), upright_g(window_g, rate_hz))
    if turned_deg >= _TELL_ANGLE_DEG:
        reasons.append(Reason("posture_change", {"angle_deg": round(turned_deg, 1)}))
    motion_g = float(np.sqrt(rest.var(axis=0).sum()))
    if motion_g <= _TELL_SETTLED_G:
        reasons.append(Reason("settled", {"motion_g": round(motion_g, 3)}))
    return tuple(reasons)


def angle_deg(a: FloatArray, b: FloatArray) -> float:
    """Angle between two vectors (3,), in degrees; 90 if one has no length."""
    length = float(np.sqrt((a @ a) * (b @ b)))
    if length == 0.0:
        return 90.0
    return float(np.degrees(np.arccos(min(1.0, max(-1.0, float(a @ b) / length)))))


def starts_safely(
    counts: Int16Array,
    scale_g: float,
    impact: int,
    *,
    rate_hz: float,
    model: FallModel,
    position: Position | None,
) -> bool:
    """Whether a fresh detector, fed only `counts` (n, 3), takes the fall at `impact` first.

    The window of `impact` must lie in `counts`: then only earlier candidates, seen without what
    was before them, could be taken for a fall in its place.
    """
    guard = samples(PEAK_GUARD_S, rate_hz)
    before, after = window_span(rate_hz)
    squared = np.pad(squared_g2(counts, scale_g), guard, constant_values=-1.0)
    peaks = candidate_peaks(squared[None], guard, CANDIDATE_G)[1] - guard
    peaks = peaks[peaks < min(impact, before)]
    if not len(peaks):
        return True
    index = np.maximum(peaks[:, None] + np.arange(-before, after + 1), 0)
    scales_g = np.full(len(peaks), scale_g)
    called, _ = falls(counts[index], scales_g, rate_hz, model, position)
    return not called.any()
