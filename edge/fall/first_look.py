"""A cheap first look at a candidate: most are plainly no fall, and need no second one.

Daily life has an impact-like peak every few seconds. Nine numbers straight from the samples, at
whatever rate they come, and a few small trees leave one in ten of them for the full look.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from edge.fall.window import window_span
from edge.signals import FloatArray

# Stretches in s relative to the impact. Posture before, loss of balance, the fall itself, rebound,
# settling, rest: as the phases of the full look, but few and wide.
_BEFORE_S: Final = (-3.0, -1.2)
_LOSS_S: Final = (-1.2, -0.4)
_FALL_S: Final = (-0.4, 0.0)
_REBOUND_S: Final = (0.0, 0.4)
_SETTLING_S: Final = (0.4, 1.0)
_REST_S: Final = (1.0, 2.0)
# Lower bound for lengths of vectors that are divided by, in g: far below sensor noise.
_TINY_G: Final = 1e-3
FIRST_LOOK_FEATURES: Final = 9


def first_look(windows_g: FloatArray, rate_hz: float) -> FloatArray:
    """Nine numbers (n, 9) of windows (n, before + 1 + after, 3) in g; a turn changes none."""
    peak = window_span(rate_hz)[0]
    squared = np.einsum("nkc,nkc->nk", windows_g, windows_g)

    def part(stretch: tuple[float, float]) -> slice:
        return slice(peak + round(stretch[0] * rate_hz), peak + round(stretch[1] * rate_hz))

    def posture(stretch: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
        """Mean direction (n, 3), and motion about it: the variance of all axes together."""
        where = part(stretch)
        mean = windows_g[:, where].sum(axis=1) / (where.stop - where.start)
        return mean, squared[:, where].mean(axis=1) - np.einsum("nc,nc->n", mean, mean)

    before, moved_before = posture(_BEFORE_S)
    _, moved_settling = posture(_SETTLING_S)
    rest, moved_rest = posture(_REST_S)
    lengths = np.einsum("nc,nc->n", before, before) * np.einsum("nc,nc->n", rest, rest)
    turned = np.einsum("nc,nc->n", before, rest) / np.maximum(np.sqrt(lengths), _TINY_G)
    columns = [
        squared[:, peak], moved_rest, moved_settling, moved_before, turned,
        squared[:, part((_LOSS_S[0], _FALL_S[1]))].min(axis=1),
        squared[:, part(_LOSS_S)].mean(axis=1), squared[:, part(_FALL_S)].mean(axis=1),
        squared[:, part(_REBOUND_S)].mean(axis=1),
    ]  # fmt: skip
    return np.stack(columns, axis=1)
