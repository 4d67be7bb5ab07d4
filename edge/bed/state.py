"""What the bed detector remembers of one elder."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.bed.occupancy import Occupancy
from edge.bed.tally import Movement, Tally
from edge.signals import Origin


@dataclass(slots=True)
class Absence:
    """Out of bed. `left_ns` is the earliest, `latest_ns` the latest it can have begun."""

    left_ns: int
    latest_ns: int
    device_id: str
    due_ns: int | None
    episode: str = ""
    alarmed: bool = False


@dataclass(slots=True)
class BedState:
    """All of it is in the snapshot."""

    occupancy: Occupancy = field(default_factory=Occupancy)
    tally: Tally = field(default_factory=Tally)
    movement: Movement = field(default_factory=Movement)
    absence: Absence | None = None
    # Somebody lay there when the sensors fell silent, at this time.
    blind_since_ns: int | None = None
    origin: Origin = Origin.LIVE
    edge_flag: bool = False
    edge_since_ns: int | None = None
    edge_told: bool = False
    edge_last_ns: int | None = None
    edge_device: str = ""
    turned_ns: int | None = None
    turning_episode: str = ""
    turn_reports: bool = False
    restless_episode: str = ""
