"""What a window around a candidate looks like, without regard to how the sensor sits.

Every feature is unchanged when the sensor is turned: only magnitudes, angles between mean
directions, and products of the two enter.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from edge.fall.window import GRID_BEFORE, GRID_HZ, GRID_LENGTH
from edge.signals import FloatArray

FeatureArray = npt.NDArray[np.float32]

# Phases of a fall, in s relative to the impact: before, loss of balance, fall, impact, rebound,
# settling, rest. Their bounds overlap nothing and tile the window.
PHASES_S: Final = (-3.0, -2.0, -1.2, -0.7, -0.3, -0.1, 0.1, 0.4, 0.8, 1.2, 1.6, 2.0)
# Posture is compared between means over half a second, longer than one body oscillation.
POSTURE_STEP_S: Final = 0.5
LOW_SUPPORT_G: Final = (0.85, 0.6)  # below: support is being lost; below: nearly free fall
HIGH_G: Final = (1.3, 1.8)
# Lower bound for lengths of vectors that are divided by, in g: far below sensor noise.
_TINY_G: Final = 1e-3


def _phase_starts() -> npt.NDArray[np.int64]:
    starts = [round(s * GRID_HZ) + GRID_BEFORE for s in PHASES_S[:-1]]
    return np.array(starts, dtype=np.int64)


_PHASES: Final = _phase_starts()
_PHASE_LENGTHS: Final = np.diff(np.append(_PHASES, GRID_LENGTH)).astype(np.float64)


def _angle_deg(a: FloatArray, b: FloatArray) -> FloatArray:
    """Angle between vectors (..., 3), in degrees; a vector of no length counts as 90."""
    lengths = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    cosine = (a * b).sum(-1) / np.maximum(lengths, _TINY_G * _TINY_G)
    result: FloatArray = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return result


def _phase_features(grid: FloatArray, magnitude: FloatArray) -> list[FloatArray]:
    """Per phase: mean, spread, extremes, jerk and three-axis spread of the motion."""
    step = np.empty_like(magnitude)
    step[:, :-1] = np.sqrt((np.diff(grid, axis=1) ** 2).sum(-1))
    step[:, -1] = step[:, -2]

    def mean(values: FloatArray) -> FloatArray:
        result: FloatArray = np.add.reduceat(values, _PHASES, axis=1) / _PHASE_LENGTHS
        return result

    squared = magnitude * magnitude
    level, power = mean(magnitude), mean(squared)
    axes = [mean(np.ascontiguousarray(grid[:, :, k])) for k in range(3)]
    spread = power - axes[0] ** 2 - axes[1] ** 2 - axes[2] ** 2
    blocks = [
        level, np.sqrt(np.maximum(power - level * level, 0.0)),
        np.maximum.reduceat(magnitude, _PHASES, axis=1),
        np.minimum.reduceat(magnitude, _PHASES, axis=1),
        mean(step), np.sqrt(np.maximum(spread, 0.0)),
    ]  # fmt: skip
    return [block[:, k] for k in range(len(_PHASES)) for block in blocks]


def _posture_features(grid: FloatArray) -> list[FloatArray]:
    """Angles between mean directions over the window, and how the direction travels."""
    size = round(POSTURE_STEP_S * GRID_HZ)
    steps = np.stack(
        [grid[:, k : k + size].mean(1) for k in range(0, GRID_LENGTH - size + 1, size)], axis=1
    )
    before = grid[:, : GRID_BEFORE - 2 * size].mean(1)
    just_before = grid[:, GRID_BEFORE - 3 * size : GRID_BEFORE - size].mean(1)
    rest, late = grid[:, -2 * size :].mean(1), grid[:, -size:].mean(1)
    turns = _angle_deg(steps[:, 1:], steps[:, :-1])
    columns = [
        _angle_deg(before, rest), _angle_deg(before, late), _angle_deg(just_before, late),
        _angle_deg(before, just_before), turns.max(1), turns.sum(1), turns[:, -2:].max(1),
        turns[:, :3].max(1), np.sqrt((before**2).sum(-1)), np.sqrt((rest**2).sum(-1)),
    ]  # fmt: skip
    return columns + [turns[:, k] for k in range(turns.shape[1])]


def _support_features(magnitude: FloatArray) -> list[FloatArray]:
    """Loss of support before the impact: how deep, how long, how far in front of it."""
    fall = magnitude[:, GRID_BEFORE - round(1.2 * GRID_HZ) : GRID_BEFORE + 1]
    smooth = (fall[:, :-2] + fall[:, 1:-1] + fall[:, 2:]) / 3.0
    columns = [
        smooth.min(1), (smooth.shape[1] - smooth.argmin(1)) / GRID_HZ,
        np.maximum(1.0 - fall, 0.0).sum(1) / GRID_HZ, np.maximum(fall - 1.0, 0.0).sum(1) / GRID_HZ,
    ]  # fmt: skip
    columns += [(fall < limit).mean(1) for limit in LOW_SUPPORT_G]
    return columns


def _energy_features(grid: FloatArray, magnitude: FloatArray) -> list[FloatArray]:
    """Peaks, activity before and after, motion along and across the resting direction."""
    before, after = magnitude[:, : GRID_BEFORE - 20], magnitude[:, GRID_BEFORE + 10 :]
    columns: list[FloatArray] = []
    for limit in HIGH_G:
        columns += [(magnitude > limit).mean(1), (before > limit).mean(1), (after > limit).mean(1)]
    ordered = np.sort(magnitude, axis=1)
    columns += [ordered[:, k] for k in (2, 12, 62, 113, 119, 123, 125)]
    columns += [before.std(1), after.std(1), np.abs(np.diff(after, axis=1)).mean(1)]
    for part in (grid[:, : GRID_BEFORE - 30], grid[:, -30:]):
        mean = part.mean(1, keepdims=True)
        unit = mean / np.maximum(np.sqrt((mean * mean).sum(-1, keepdims=True)), _TINY_G)
        along = (grid * unit).sum(-1)
        across = np.sqrt(np.maximum(magnitude * magnitude - along * along, 0.0))
        near = slice(GRID_BEFORE - 8, GRID_BEFORE + 8)
        columns += [
            along[:, near].min(1), along[:, near].max(1), across[:, near].max(1),
            across[:, -30:].std(1), along[:, -30:].std(1),
            np.maximum(1.0 - along[:, GRID_BEFORE - 30 : GRID_BEFORE + 1], 0.0).sum(1) / GRID_HZ,
        ]  # fmt: skip
    return columns


def _rhythm_features(magnitude: FloatArray) -> list[FloatArray]:
    """How much the second before and after repeat themselves, as walking and clapping do."""
    columns: list[FloatArray] = []
    for part in (magnitude[:, : GRID_BEFORE - 10], magnitude[:, GRID_BEFORE + 5 :]):
        centred = part - part.mean(1, keepdims=True)
        power = np.maximum((centred * centred).sum(1), _TINY_G)
        lags = [
            (centred[:, :-lag] * centred[:, lag:]).sum(1) / power for lag in range(6, 26, 3)
        ]  # 0.24 s to 1 s: fast hand motion to slow steps
        columns += [np.max(lags, axis=0), np.min(lags, axis=0)]
    return columns


def extract(grid: FloatArray) -> FeatureArray:
    """Features (n, k) of windows on the grid (n, GRID_LENGTH, 3) in g."""
    magnitude = np.sqrt((grid * grid).sum(-1))
    columns = (
        _phase_features(grid, magnitude)
        + _posture_features(grid)
        + _support_features(magnitude)
        + _energy_features(grid, magnitude)
        + _rhythm_features(magnitude)
    )
    return np.stack(columns, axis=1).astype(np.float32)
