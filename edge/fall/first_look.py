"""A cheap first look at a candidate: most are plainly no fall, and need no second one.

Daily life has an impact-like peak every few seconds. Nine numbers straight from the samples, at
whatever rate they come, and a few small trees leave one in ten of them for the full look.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from edge.fall.window import window_span

Floating = TypeVar("Floating", bound=np.floating)

# Stretches in s relative to the impact: posture before, loss of balance, the fall itself, rebound,
# settling, rest. As the phases of the full look, but few and wide; they tile the window.
_STRETCHES_S: Final = (-3.0, -1.2, -0.4, 0.0, 0.4, 1.0, 2.0)
_BEFORE, _LOSS, _FALL, _REBOUND, _SETTLING, _REST = range(6)
# Lower bound for lengths of vectors that are divided by, in g: far below sensor noise.
_TINY_G: Final = 1e-3


def first_look(windows_g: npt.NDArray[Floating], rate_hz: float) -> npt.NDArray[Floating]:
    """Nine numbers (n, 9) of windows (n, before + 1 + after, 3) in g; a turn changes none.

    Works in the precision of its input: single is enough.
    """
    peak = window_span(rate_hz)[0]
    starts = [peak + round(at_s * rate_hz) for at_s in _STRETCHES_S]
    end = starts.pop()
    lengths = np.diff([*starts, end]).astype(windows_g.dtype)
    squared = np.einsum("nkc,nkc->nk", windows_g, windows_g)
    power = np.add.reduceat(squared[:, :end], starts, axis=1) / lengths
    mean = np.add.reduceat(windows_g[:, :end], starts, axis=1) / lengths[:, None]
    level = np.einsum("nsc,nsc->ns", mean, mean)
    moved = power - level  # variance of all axes together
    turned = np.einsum("nc,nc->n", mean[:, _BEFORE], mean[:, _REST])
    turned /= np.maximum(np.sqrt(level[:, _BEFORE] * level[:, _REST]), _TINY_G)
    lowest = squared[:, starts[_LOSS] : peak].min(axis=1)
    columns = [
        squared[:, peak], moved[:, _REST], moved[:, _SETTLING], moved[:, _BEFORE], turned, lowest,
        power[:, _LOSS], power[:, _FALL], power[:, _REBOUND],
    ]  # fmt: skip
    numbers: npt.NDArray[Floating] = np.stack(columns, axis=1)
    return numbers
