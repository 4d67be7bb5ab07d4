"""What the room detector remembers, and the one pattern most of it follows."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.signals import Origin


@dataclass(slots=True)
class Condition:
    """Something that alarms when it lasts. `since_ns` None: it is not so.

    `episode` is set while the alarm is open.
    """

    since_ns: int | None = None
    episode: str = ""
    value: float = 0.0
    origin: Origin = Origin.LIVE

    def due_ns(self, hold_ns: int) -> int | None:
        """When it has lasted long enough to alarm."""
        return None if self.since_ns is None or self.episode else self.since_ns + hold_ns


@dataclass(slots=True)
class Stay:
    """Somebody is in a bathroom. `seen`: sensors that say `occupied` right now."""

    since_ns: int
    device_id: str
    origin: Origin
    seen: list[str] = field(default_factory=list)
    last_ns: int = 0  # the last sign of somebody in there
    stage: int = 0  # 0 nothing told, 1 told, 2 told as high
    episode: str = ""


@dataclass(slots=True)
class RoomState:
    """All of it is in the snapshot."""

    stays: dict[str, Stay] = field(default_factory=dict)  # by room
    doors: dict[str, Condition] = field(default_factory=dict)
    night_exits: dict[str, Condition] = field(default_factory=dict)
    zones: dict[str, Condition] = field(default_factory=dict)
    too_cold: dict[str, Condition] = field(default_factory=dict)
    too_hot: dict[str, Condition] = field(default_factory=dict)
    present: dict[str, bool] = field(default_factory=dict)  # presence, in_bed: last value
    shut_ns: dict[str, int] = field(default_factory=dict)  # outer doors: when last shut
    hazards: dict[str, str] = field(default_factory=dict)  # quantity|device -> open episode
