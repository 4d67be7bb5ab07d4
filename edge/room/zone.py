"""Zones on a map: whether a position, with its own uncertainty, is inside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from edge.signals import SignalError

EARTH_RADIUS_M: Final = 6_371_000.0
_MIN_CORNERS: Final = 3


@dataclass(frozen=True, slots=True)
class Zone:
    """A simple polygon of (latitude, longitude) in degrees, small enough to be flat."""

    corners: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.corners) < _MIN_CORNERS:
            raise SignalError("corners", f"{len(self.corners)} corners enclose nothing")

    def inside(self, latitude: float, longitude: float, accuracy_m: float) -> bool | None:
        """In, out, or None where the accuracy does not allow to say."""
        points = [self._metres(corner, latitude, longitude) for corner in self.corners]
        edges = list(zip(points, points[1:] + points[:1], strict=True))
        if min(_distance_m(a, b) for a, b in edges) <= accuracy_m:
            return None
        crossings = sum(_crosses(a, b) for a, b in edges)
        return crossings % 2 == 1

    @staticmethod
    def _metres(
        corner: tuple[float, float], latitude: float, longitude: float
    ) -> tuple[float, float]:
        east = math.radians((corner[1] - longitude + 180) % 360 - 180)
        return (
            EARTH_RADIUS_M * east * math.cos(math.radians(latitude)),
            EARTH_RADIUS_M * math.radians(corner[0] - latitude),
        )


def _crosses(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether an edge crosses the ray from the origin to the east."""
    if (a[1] > 0) == (b[1] > 0):
        return False
    return a[0] + (0 - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) > 0


def _distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """From the origin to an edge."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = dx * dx + dy * dy
    along = 0.0 if length2 == 0 else min(1.0, max(0.0, -(a[0] * dx + a[1] * dy) / length2))
    return math.hypot(a[0] + along * dx, a[1] + along * dy)
