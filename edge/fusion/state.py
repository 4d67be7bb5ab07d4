"""What fusion remembers of one person."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.signals import Origin


@dataclass(slots=True)
class Fall:
    """A fall that may still be told of. `where`: the room, "" when nobody can tell."""

    episode: str
    first_ns: int
    last_ns: int  # of the last sensor that saw it happen
    told_ns: int  # when it was last said to be a fall
    where: str
    devices: list[str]
    origin: Origin
    confirmed: bool = False
    recovered: bool = False
    door_used: bool = False  # somebody may have come in: movement proves nothing
    room_after: str = ""
    seen_after_ns: int | None = None


@dataclass(slots=True)
class Exit:
    """Out of bed at night, since `left_ns`; last seen anywhere at `seen_ns`."""

    episode: str
    left_ns: int
    seen_ns: int
    device_id: str
    origin: Origin
    in_bathroom: bool = False
    alarmed: bool = False


@dataclass(slots=True)
class FusionState:
    """All of it is in the snapshot."""

    falls: list[Fall] = field(default_factory=list)
    # episode of a later sensor -> the episode it was joined to
    joined: dict[str, str] = field(default_factory=dict)
    exit: Exit | None = None
    room: str = ""
    room_ns: int | None = None
    on: dict[str, bool] = field(default_factory=dict)  # by quantity|device: what it said last
    watched_ns: dict[str, int] = field(default_factory=dict)  # last sighting by a room sensor
    faulty: list[str] = field(default_factory=list)
