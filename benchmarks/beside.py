"""Recorded figures beside made-up ones: how far apart they lie, and how far people do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from scipy.stats import ks_2samp

from edge.signals import FloatArray

_SPLITS: Final = 200


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Which `most` of `count`, evenly over them (all, where there are fewer)."""
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))


def distances(ours: FloatArray, theirs: FloatArray) -> list[float]:
    """The Kolmogorov-Smirnov distance of each figure; both (n, figures)."""
    return [
        float(ks_2samp(ours[:, column], theirs[:, column]).statistic)
        for column in range(ours.shape[1])
    ]


def halves(people: Sequence[str], rows_of: Callable[[Sequence[str]], FloatArray]) -> list[float]:
    """How far half of the people lie from the other half: 95 % of random splits are nearer.

    `rows_of` some people: their figures, (n, figures).
    """
    rng = np.random.default_rng(1)
    names = sorted(people)
    far = []
    for _ in range(_SPLITS):
        mixed: list[Any] = rng.permutation(names).tolist()
        sides = (mixed[: len(names) // 2], mixed[len(names) // 2 :])
        far.append(distances(*(rows_of(side) for side in sides)))
    return [float(one) for one in np.percentile(far, 95, axis=0)]


def table(  # noqa: PLR0917 - what it shows, in the order it is shown
    title: str, names: Sequence[str], recorded: FloatArray, made_up: FloatArray,
    apart: Sequence[float], decimals: int,
) -> Table:  # fmt: skip
    """A line for each figure: both distributions, their distance, and that of the halves."""
    made = Table(title=title)
    for head in ("figure", "recorded", "middle half", "made up", "middle half", "KS", "halves"):
        made.add_column(head, justify="left" if head == "figure" else "right")
    far = distances(recorded, made_up)
    for column, name in enumerate(names):
        cells = []
        for some in (recorded, made_up):
            low, middle, high = np.percentile(some[:, column], [25, 50, 75])
            cells += [f"{middle:.{decimals}f}", f"{low:.{decimals}f} .. {high:.{decimals}f}"]
        made.add_row(name, *cells, f"{far[column]:.2f}", f"{apart[column]:.2f}")
    return made
