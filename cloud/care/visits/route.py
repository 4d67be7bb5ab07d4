"""A day's way from door to door: nearest neighbour first, then crossings undone (2-opt). Pure.

Distances are as the crow flies; the page says so. For the ten to thirty doors of a day this is
within a few per cent of the best order, and a person may walk them as they like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from cloud.geo import Point, distance_m

# Shorter by less than this is the same way (and rounding must not turn it for ever).
_GAIN_M: Final = 1.0


def order(points: Sequence[Point], start: Point | None = None, fixed: int = 0) -> list[int]:
    """Indices in the order to walk, from `start` (else from the first); one way, no return.

    The first `fixed` points are those that cannot wait: they are walked before the others.
    """
    urgent = _walk(points, list(range(fixed)), start)
    last = points[urgent[-1]] if urgent else start
    return urgent + _walk(points, list(range(fixed, len(points))), last)


def length_m(points: Sequence[Point], way: Sequence[int], start: Point | None = None) -> float:
    """How long a way is."""
    stops = [points[index] for index in way]
    if start is not None:
        stops.insert(0, start)
    return sum(distance_m(a, b) for a, b in pairwise(stops))


def _walk(points: Sequence[Point], left: list[int], start: Point | None) -> list[int]:
    way: list[int] = []
    here = start
    while left:
        nearest = left[0] if here is None else min(left, key=_from(points, here))
        left.remove(nearest)
        way.append(nearest)
        here = points[nearest]
    return _uncrossed(points, way, start)


def _from(points: Sequence[Point], here: Point) -> Callable[[int], float]:
    return lambda index: distance_m(here, points[index])


def _uncrossed(points: Sequence[Point], way: list[int], start: Point | None) -> list[int]:
    """Turn stretches round while that makes it shorter. Without a start the first stop stays."""
    best, shortest = way, length_m(points, way, start)
    improved = True
    while improved:
        improved = False
        for i in range(0 if start is not None else 1, len(best) - 1):
            for j in range(i + 1, len(best)):
                turned = best[:i] + best[i : j + 1][::-1] + best[j + 1 :]
                length = length_m(points, turned, start)
                if length < shortest - _GAIN_M:
                    best, shortest, improved = turned, length, True
    return best
