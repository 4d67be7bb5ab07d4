"""A small simulated home: several people live an ordinary morning at real pace; two of them fall.

The people are synthetic and their devices say so in every block.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.signals import NS_PER_S, Position
from firmware_sim.people.day import living
from firmware_sim.people.falls import Aftermath, FallKind
from firmware_sim.people.wearer import Wearer
from firmware_sim.session import Device

RATE_HZ: Final = 50.0
FULL_SCALE_G: Final = 8.0
_AFTER_FALL_S: Final = 240.0  # down this long, then the simulated helper has come
_MORNING_HOUR: Final = 9.0

# The devices of `yuyue cloud seed-demo`, for a home that is not given a seed file.
DEFAULT_HOME: Final = (
    ("wearable-0001", Position.WAIST),
    ("wearable-0002", Position.WRIST),
    ("wearable-0003", Position.WAIST),
    ("wearable-0004", Position.WRIST),
    ("wearable-0005", Position.CHEST),
    ("wearable-0006", Position.WAIST),
)


class HomeError(RuntimeError):
    """A seed file that does not describe a home."""


@dataclass(frozen=True, slots=True)
class Inhabitant:
    """One person of the home; `elder` and `place` are words for a person, may be empty."""

    device_id: str
    position: Position
    elder: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class PlannedFall:
    """Who falls when, how, and what they do then."""

    device_id: str
    at_s: float
    kind: FallKind
    aftermath: Aftermath


def read_inhabitants(seed_file: Path | None, leave_out: Collection[str] = ()) -> list[Inhabitant]:
    """The people a seed file names, or the default home, but for those devices.

    Raises HomeError naming the field.
    """
    if seed_file is None:
        people = [Inhabitant(device_id, position) for device_id, position in DEFAULT_HOME]
    else:
        people = _read_seed(seed_file)
    unknown = set(leave_out) - {person.device_id for person in people}
    if unknown:
        raise HomeError(f"--leave-out: nobody wears {', '.join(sorted(unknown))}")
    people = [person for person in people if person.device_id not in leave_out]
    if not people:
        raise HomeError(f"{seed_file}: devices: nobody wears anything")
    return people


def _read_seed(seed_file: Path) -> list[Inhabitant]:
    try:
        devices = json.loads(seed_file.read_text(encoding="utf-8"))["devices"]
        return [
            Inhabitant(
                device_id=device["device_id"],
                position=Position(device["position"]),
                elder=device.get("elder") or "",
                place=(device.get("place") or {}).get("label", ""),
            )
            for device in devices
            if device.get("position")  # a device that nobody wears lives no day
        ]
    except OSError as error:
        raise HomeError(f"{seed_file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HomeError(f"{seed_file}: not a seed file: {error!r}") from error


# Positions where the model was measured best come first; a hand falls in many more ways.
_TELLING: Final = (Position.WAIST, Position.CHEST, Position.NECK, Position.WRIST)


def plan_falls(
    people: list[Inhabitant], first_s: float, second_s: float | None
) -> list[PlannedFall]:
    """One person falls after `first_s` and stays down, another after `second_s`."""
    order = sorted(people, key=lambda person: _TELLING.index(person.position))
    falls = [PlannedFall(order[0].device_id, first_s, FallKind.SIDEWAYS, Aftermath.STILL)]
    if second_s is not None and len(order) > 1:
        falls.append(
            PlannedFall(order[1].device_id, second_s, FallKind.FORWARD, Aftermath.STRUGGLING)
        )
    return falls


class Journal:
    """What really happened, as JSON lines: who follows the demo compares the desk with it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", encoding="utf-8")

    def fell(self, fall: PlannedFall, impact_ns: int) -> None:
        """Somebody is about to hit the ground at `impact_ns`."""
        if self._path is not None:
            line = {"device_id": fall.device_id, "impact_ns": impact_ns, "kind": fall.kind.value}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


class _Life:
    """One wearer, and the falls planned for them in the order of time."""

    def __init__(self, person: Inhabitant, seed: int, falls: list[PlannedFall], journal: Journal):
        self.person = person
        self.wearer = Wearer(seed, person.position, RATE_HZ, living(_MORNING_HOUR))
        self._falls = sorted(falls, key=lambda fall: fall.at_s)
        self._journal = journal
        self._start_ns = 0

    @property
    def has_fallen(self) -> bool:
        return bool(self.wearer.impacts)

    def started(self, start_ns: int) -> None:
        self._start_ns = start_ns

    def fall_now(self) -> None:
        """With the next block, whatever was planned."""
        self._falls.insert(
            0, PlannedFall(self.person.device_id, 0.0, FallKind.BACKWARD, Aftermath.STILL)
        )

    def before_block(self) -> None:
        if self._falls and self.wearer.samples_n >= self._falls[0].at_s * RATE_HZ:
            fall = self._falls.pop(0)
            impact = self.wearer.fall(fall.kind, fall.aftermath, _AFTER_FALL_S)
            self._journal.fell(fall, self._start_ns + round(impact * NS_PER_S / RATE_HZ))


class Home:
    """Everybody in it. The same seed gives the same people and the same day."""

    def __init__(
        self, people: list[Inhabitant], falls: list[PlannedFall], seed: int, journal: Journal
    ) -> None:
        self._lives = [
            _Life(
                person,
                seed + number,
                [fall for fall in falls if fall.device_id == person.device_id],
                journal,
            )
            for number, person in enumerate(people)
        ]

    def devices(self) -> list[Device]:
        """The devices of everybody, ready to run."""
        return [
            Device(
                device_id=life.person.device_id,
                source=life.wearer,
                full_scale_g=FULL_SCALE_G,
                label=life.person.position.value,
                on_start=life.started,
                before_block=life.before_block,
            )
            for life in self._lives
        ]

    def fall_next(self) -> None:
        """Whoever has not fallen yet falls now; when all have, the first again."""
        standing = [life for life in self._lives if not life.has_fallen]
        (standing or self._lives)[-1 if standing else 0].fall_now()
