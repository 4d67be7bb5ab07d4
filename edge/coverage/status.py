"""What the hub can see of an elder: protected, degraded or blind, and by which capability."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge.subject import Capability


class CoverageState(StrEnum):
    """The word for the whole. Blind is never shown as well."""

    PROTECTED = "protected"
    DEGRADED = "degraded"
    BLIND = "blind"


class Level(StrEnum):
    """How much of one capability works: every device that serves it, some, or none."""

    FULL = "full"
    PARTIAL = "partial"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class CapabilityStatus:
    """One capability that the care plan requires. `since_ns` is when it last was full."""

    capability: Capability
    level: Level
    since_ns: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """One elder at one moment. `since_ns` is when this state began."""

    state: CoverageState
    since_ns: int
    capabilities: tuple[CapabilityStatus, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a device told nothing, `[start_ns, end_ns)`; `end_ns` None while it lasts.

    `cause`: `battery` (it was nearly empty), `everything_silent` (gateway, power or radio: nothing
    of this elder was heard), `sees_nothing` (it reports, but no life), `never_heard`, `unknown`.
    """

    device_id: str
    start_ns: int
    end_ns: int | None
    cause: str


def whole(levels: list[Level]) -> CoverageState:
    """The state from its capabilities. Nothing required and nothing there is blind, too."""
    if not levels or all(level is Level.LOST for level in levels):
        return CoverageState.BLIND
    if all(level is Level.FULL for level in levels):
        return CoverageState.PROTECTED
    return CoverageState.DEGRADED
