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
# Ordered magnitudes that are told, as places among GRID_LENGTH: 2 %, 10 %, 50 %, 90 % to 100 %.
_ORDERED: Final = (2, 12, 62, 113, 119, 123, 125)
# Stretches of the window in grid points. Ordinary life ends 0.8 s before the impact at the latest,
# rebound ends 0.4 s after it; posture is taken until 1.2 s before and for the last 1.2 s.
_LIFE_END: Final = GRID_BEFORE - round(0.8 * GRID_HZ)
_REBOUND_END: Final = GRID_BEFORE + round(0.4 * GRID_HZ)
_POSTURE_POINTS: Final = round(1.2 * GRID_HZ)
_NEAR: Final = slice(GRID_BEFORE - 8, GRID_BEFORE + 8)  # 0.3 s around the impact
# Rhythm is looked for from 0.24 s (fast hand motion) to 1 s (slow steps), until 0.4 s before the
# impact and from 0.2 s after it.
_LAGS: Final = range(6, 26, 3)
_RHYTHM_PARTS: Final = (slice(0, GRID_BEFORE - 10), slice(GRID_BEFORE + 5, GRID_LENGTH))


def _phase_starts() -> npt.NDArray[np.int64]:
    starts = [round(s * GRID_HZ) + GRID_BEFORE for s in PHASES_S[:-1]]
    return np.array(starts, dtype=np.int64)


_PHASES: Final = _phase_starts()
_PHASE_LENGTHS: Final = np.diff(np.append(_PHASES, GRID_LENGTH)).astype(np.float64)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Products of vectors whose components are along axis 1, (n, 3, ...) -> (n, ...)."""
    result: FloatArray = a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]
    return result


def _angle_deg(a: FloatArray, b: FloatArray) -> FloatArray:
    """Angle between vectors (n, 3, ...), in degrees; a vector of no length counts as 90."""
    lengths = np.sqrt(_dot(a, a) * _dot(b, b))
    cosine = _dot(a, b) / np.maximum(lengths, _TINY_G * _TINY_G)
    result: FloatArray = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return result


def _spread(values: FloatArray) -> FloatArray:
    """Standard deviation along the last axis."""
    centred = values - values.sum(axis=-1, keepdims=True) / values.shape[-1]
    result: FloatArray = np.sqrt(np.einsum("nk,nk->n", centred, centred) / values.shape[-1])
    return result


def _phase_means(values: FloatArray) -> FloatArray:
    result: FloatArray = np.add.reduceat(values, _PHASES, axis=-1) / _PHASE_LENGTHS
    return result


def _phase_features(axes: FloatArray, magnitude: FloatArray) -> list[FloatArray]:
    """Per phase: mean, spread, extremes, jerk and three-axis spread of the motion."""
    step = np.empty_like(magnitude)
    jerk = np.diff(axes, axis=-1)
    step[:, :-1] = np.sqrt(_dot(jerk, jerk))
    step[:, -1] = step[:, -2]
    level, power = _phase_means(magnitude), _phase_means(magnitude * magnitude)
    mean = _phase_means(axes)
    blocks = [
        level, np.sqrt(np.maximum(power - level * level, 0.0)),
        np.maximum.reduceat(magnitude, _PHASES, axis=1),
        np.minimum.reduceat(magnitude, _PHASES, axis=1),
        _phase_means(step), np.sqrt(np.maximum(power - _dot(mean, mean), 0.0)),
    ]  # fmt: skip
    return [block[:, k] for k in range(len(_PHASES)) for block in blocks]


def _posture_features(axes: FloatArray) -> list[FloatArray]:
    """Angles between mean directions over the window, and how the direction travels."""
    size = round(POSTURE_STEP_S * GRID_HZ)
    sums = np.zeros((len(axes), 3, GRID_LENGTH + 1))
    np.cumsum(axes, axis=-1, out=sums[:, :, 1:])

    def mean(start: int, stop: int) -> FloatArray:
        result: FloatArray = (sums[:, :, stop] - sums[:, :, start]) / (stop - start)
        return result

    steps = sums[:, :, size::size] - sums[:, :, : GRID_LENGTH - size + 1 : size]
    before = mean(0, GRID_BEFORE - 2 * size)
    just_before = mean(GRID_BEFORE - 3 * size, GRID_BEFORE - size)
    rest = mean(GRID_LENGTH - 2 * size, GRID_LENGTH)
    late = mean(GRID_LENGTH - size, GRID_LENGTH)
    turns = _angle_deg(steps[:, :, 1:], steps[:, :, :-1])
    columns = [
        _angle_deg(before, rest), _angle_deg(before, late), _angle_deg(just_before, late),
        _angle_deg(before, just_before), turns.max(1), turns.sum(1), turns[:, -2:].max(1),
        turns[:, :3].max(1), np.sqrt(_dot(before, before)), np.sqrt(_dot(rest, rest)),
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


def _energy_features(axes: FloatArray, magnitude: FloatArray) -> list[FloatArray]:
    """Peaks, activity before and after, motion along and across the resting direction."""
    before, after = magnitude[:, :_LIFE_END], magnitude[:, _REBOUND_END:]
    columns: list[FloatArray] = []
    for limit in HIGH_G:
        high = magnitude > limit
        columns += [
            high.mean(1), high[:, :_LIFE_END].mean(1), high[:, _REBOUND_END:].mean(1),
        ]  # fmt: skip
    ordered = np.sort(magnitude, axis=1)
    columns += [ordered[:, k] for k in _ORDERED]
    columns += [_spread(before), _spread(after), np.abs(np.diff(after, axis=1)).mean(1)]
    stretches = (slice(0, GRID_BEFORE - _POSTURE_POINTS), slice(-_POSTURE_POINTS, None))
    for stretch in stretches:
        mean = axes[:, :, stretch].mean(-1)
        unit = mean / np.maximum(np.sqrt(_dot(mean, mean)), _TINY_G)[:, None]
        along = _dot(axes, unit[:, :, None])
        across = np.sqrt(np.maximum(magnitude * magnitude - along * along, 0.0))
        falling = along[:, GRID_BEFORE - _POSTURE_POINTS : GRID_BEFORE + 1]
        columns += [
            along[:, _NEAR].min(1), along[:, _NEAR].max(1), across[:, _NEAR].max(1),
            _spread(across[:, -_POSTURE_POINTS:]), _spread(along[:, -_POSTURE_POINTS:]),
            np.maximum(1.0 - falling, 0.0).sum(1) / GRID_HZ,
        ]  # fmt: skip
    return columns


def _rhythm_features(magnitude: FloatArray) -> list[FloatArray]:
    """How much the time before and after repeats itself, as walking and clapping do."""
    columns: list[FloatArray] = []
    for part in _RHYTHM_PARTS:
        centred = magnitude[:, part] - magnitude[:, part].mean(1, keepdims=True)
        power = np.maximum(np.einsum("nk,nk->n", centred, centred), _TINY_G)
        lags = [np.einsum("nk,nk->n", centred[:, :-lag], centred[:, lag:]) / power for lag in _LAGS]
        columns += [np.max(lags, axis=0), np.min(lags, axis=0)]
    return columns


def extract(grid: FloatArray) -> FeatureArray:
    """Features (n, k) of windows on the grid (n, GRID_LENGTH, 3) in g."""
    axes = np.ascontiguousarray(grid.transpose(0, 2, 1))
    magnitude = np.sqrt(_dot(axes, axes))
    columns = (
        _phase_features(axes, magnitude)
        + _posture_features(axes)
        + _support_features(magnitude)
        + _energy_features(axes, magnitude)
        + _rhythm_features(magnitude)
    )
    return np.stack(columns, axis=1).astype(np.float32)
