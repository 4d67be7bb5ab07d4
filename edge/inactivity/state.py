"""What a watch remembers from one signal to the next, beside the profile and the devices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from edge.events import EventKind, Reason
from edge.inactivity.limits import Context

NONE_NS: Final = -(2**62)


class Rule(IntEnum):
    """Which rule the deadline comes from."""

    INACTIVITY = 0
    NO_RETURN = 1


@dataclass(slots=True)
class State:
    """The scalars of the watch: plain integers, so that a snapshot is a list of them."""

    frontier_ns: int = NONE_NS  # event time reached
    last_ns: int = NONE_NS  # end of the last activity
    base_ns: int = NONE_NS  # silence counts from here when later than last_ns
    last_device: int = -1
    weight: float = 0.0  # of the last activity: a count within a period, else 1
    context: int = int(Context.ROOM)
    room: int = 0
    beds: int = 0  # bit per device that says occupied
    seats: int = 0
    door_ns: int = NONE_NS  # door activity with nothing inside since
    door_used_ns: int = NONE_NS  # the last of all
    out: int = 0
    out_since_ns: int = NONE_NS
    blip_ns: int = NONE_NS  # something stirred in the home believed empty
    blip_device: int = -1
    blip_weight: float = 0.0
    blipped: int = 0
    stage: int = 0  # 0 nothing raised, 1 raised, 2 raised high
    raised_rule: int = 0
    raised_from_ns: int = NONE_NS
    episode_ns: int = NONE_NS
    deadline_ns: int = NONE_NS
    deadline_rule: int = 0
    deadline_from_ns: int = NONE_NS  # where its silence begins
    widened: int = 0  # devices missing when the deadline was made
    withheld: int = 0  # due, but the sensors are dead: nothing can be said
    unlearnable: int = 0  # this silence was not all watched
    day: int = NONE_NS
    bin: int = NONE_NS
    bouts: int = 0
    lived_ns: int = 0  # time passed under watch
    day_bins: int = 0
    late: int = 0
    origin: int = 0

    def occupy(self, device: int, *, bed: bool, occupied: bool) -> None:
        """A bed or seat says occupied, or free."""
        held, bit = self.beds if bed else self.seats, 1 << device
        held = held | bit if occupied else held & ~bit
        if bed:
            self.beds = held
        else:
            self.seats = held

    def renumber(self, before: dict[str, int], after: dict[str, int]) -> None:
        """Devices have other numbers now (index by id); what is gone is forgotten."""
        names = {k: device_id for device_id, k in before.items()}
        self.beds = _moved_bits(self.beds, names, after)
        self.seats = _moved_bits(self.seats, names, after)
        self.last_device = after.get(names.get(self.last_device, ""), -1)
        self.blip_device = after.get(names.get(self.blip_device, ""), -1)

    def forget_deadline(self) -> None:
        """It is to be made anew when it is asked for."""
        self.deadline_ns = self.deadline_from_ns = NONE_NS
        self.deadline_rule = self.widened = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something fell due: the detector makes an event of it."""

    kind: EventKind
    time_ns: int
    episode_ns: int
    device: int
    origin: int
    reasons: tuple[Reason, ...]


def _moved_bits(bits: int, names: dict[int, str], ids: dict[str, int]) -> int:
    moved = 0
    for k, name in names.items():
        if bits >> k & 1 and name in ids:
            moved |= 1 << ids[name]
    return moved
