"""Counts under 5 are masked, and enough beside them that none can be worked out. Pure.

What is published is a set of cells, each with one or more counts, and of equations: a total is the
sum of its parts. Masked are

1. cells with a count of 1 to 4 (a zero tells of nobody and is shown);
2. then, until nothing changes, further cells so that
   - the masked parts of a shown total are at least two, and together at least 5 in every count: or
     their sum, which anybody can take, would be a small count itself;
   - no masked cell follows from all equations taken together (linear algebra, not only one by one).

Which further cell: the smallest that is not zero, so that little is lost; by its key among equals,
so that the same numbers are always masked the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

# Counts below this are masked (issue; the usual threshold of published health counts).
SMALL: Final = 5
_TINY: Final = 1e-9
_FREE: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Sum:
    """`total` is the sum of `parts`, in every count."""

    total: str
    parts: tuple[str, ...]


def is_small(counts: Sequence[int]) -> bool:
    """Whether one of a cell's counts is masked by itself."""
    return any(0 < count < SMALL for count in counts)


def masked_cells(
    cells: Mapping[str, Sequence[int]], sums: Sequence[Sum]
) -> frozenset[str]:  # fmt: skip
    """The keys that must not be shown. Cells of one sum have equally many counts."""
    hidden = {key for key, counts in cells.items() if is_small(counts)}
    while True:
        if _close_sums(cells, sums, hidden):
            continue
        found = _worked_out(sums, hidden)
        if not found:
            return frozenset(hidden)
        # One beside each, then the next look: none of them waits for another.
        for key in found:
            more = [
                other
                for each in sums
                if key == each.total or key in each.parts
                for other in (each.total, *each.parts)
                if other not in hidden
            ]
            more = more or [key for key in cells if key not in hidden]
            if more:
                _hide_one(cells, more, hidden)


def _close_sums(cells: Mapping[str, Sequence[int]], sums: Sequence[Sum], hidden: set[str]) -> bool:
    """Whether a sum gave a masked cell (or a small group of them) away, and one more was masked."""
    for each in sums:
        masked = [part for part in each.parts if part in hidden]
        if not masked:
            continue
        shown = [part for part in each.parts if part not in hidden and any(cells[part])]
        if each.total in hidden:
            continue  # another of its sums, or the algebra, says whether it is safe
        together = np.sum([cells[part] for part in masked], axis=0)
        if len(masked) > 1 and not is_small(together.tolist()):
            continue
        _hide_one(cells, shown or [each.total], hidden)
        return True
    return False


def _hide_one(
    cells: Mapping[str, Sequence[int]], among: Sequence[str], hidden: set[str]
) -> None:  # fmt: skip
    """The smallest that counts something; zeros hide nothing. Totals come into it last."""
    hidden.add(
        min(among, key=lambda key: (not any(cells[key]), sum(cells[key]), str(key)))
    )  # fmt: skip


def _worked_out(sums: Sequence[Sum], hidden: set[str]) -> list[str]:
    """Masked cells that all equations together give away.

    A cell is safe where the equations, with everything shown put in, leave it free: where some
    vector of their null space moves it.
    """
    found = []
    for equations in _islands(sums, hidden):
        keys = sorted({key for row in equations for key in row})
        columns = {key: number for number, key in enumerate(keys)}
        matrix = np.zeros((len(equations), len(keys)))
        for number, row in enumerate(equations):
            for key, sign in row.items():
                matrix[number, columns[key]] += sign
        _, values, vectors = np.linalg.svd(matrix)
        rank = int((values > _TINY * max(matrix.shape)).sum())
        free = np.abs(vectors[rank:]).max(axis=0, initial=0.0)
        found += [keys[int(number)] for number in np.flatnonzero(free < _FREE)]
    return found


def _islands(sums: Sequence[Sum], hidden: set[str]) -> list[list[dict[str, float]]]:
    """The equations of masked cells, in groups that share none: each group is small."""
    groups: list[tuple[set[str], list[dict[str, float]]]] = []
    for each in sums:
        row = {part: 1.0 for part in each.parts if part in hidden}
        if each.total in hidden:
            row[each.total] = row.get(each.total, 0.0) - 1.0
        if not row:
            continue
        keys, equations = set(row), [row]
        apart = []
        for held in groups:
            if held[0] & keys:
                keys |= held[0]
                equations = held[1] + equations
            else:
                apart.append(held)
        groups = [*apart, (keys, equations)]
    return [equations for _, equations in groups]
