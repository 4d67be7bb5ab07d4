"""What was found, missed and false: events of the detectors held against the ground truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from edge.events import EventKind as E
from edge.room.settings import CLIMATE_HIGH_CEL, CLIMATE_LOW_CEL
from edge.signals import NS_PER_S
from firmware_sim.people.incidents import Incident
from firmware_sim.scenarios.schema import IncidentKind as I
from firmware_sim.world.world import World

_S_PER_DAY: Final = 86_400.0
# A finding that comes this long after it is over still told somebody of it.
_GRACE_S: Final = 1800.0
# A device may hear an incident begin a little before its first second is full.
_EARLY_S: Final = 5.0

_SILENCE: Final = frozenset({E.INACTIVITY, E.INACTIVITY_HIGH})
_NOT_BACK: Final = frozenset({E.BED_EXIT_NO_RETURN, E.BED_EXIT_NO_RETURN_HIGH})
_STUCK: Final = frozenset({E.BATH_DWELL, E.BATH_DWELL_HIGH, E.SOS}) | _NOT_BACK
_AWAY: Final = frozenset({E.NO_RETURN, E.NO_RETURN_HIGH})
# Which events tell of which incident. Anything else raised for a person meanwhile is false.
FINDS: Final = MappingProxyType(
    {
        I.FALL: frozenset({E.FALL_SUSPECTED, E.FALL_CONFIRMED}) | _STUCK | _SILENCE,
        I.SLOW_SLIDE: _STUCK | _SILENCE,
        I.LYING_STILL: _STUCK | _SILENCE,
        I.BATHROOM_STUCK: _STUCK | _SILENCE,
        I.WANDERING: frozenset({E.NIGHT_EXIT, E.DOOR_LEFT_OPEN}) | _NOT_BACK | _AWAY,
        I.NO_RETURN: _AWAY | _SILENCE,
        I.OUT_OF_BED: frozenset({E.SOS}) | _NOT_BACK,
        I.FEVER: frozenset({E.VITAL_WARNING, E.VITAL_CRITICAL}),
        # Nothing is made to find it: a rate that it drags out of this person's band may.
        I.APNOEA: frozenset({E.VITAL_WARNING, E.VITAL_CRITICAL}),
        I.SOS: frozenset({E.SOS}),
    }
)
# What asks a person to come or to look; the rest is notes, clearings and technical states.
PERSON_ALERTS: Final = frozenset(
    {
        E.FALL_SUSPECTED, E.FALL_CONFIRMED, E.SOS, E.INACTIVITY, E.INACTIVITY_HIGH, E.NO_RETURN,
        E.NO_RETURN_HIGH, E.BATH_DWELL, E.BATH_DWELL_HIGH, E.BED_EXIT_NO_RETURN, E.NIGHT_EXIT,
        E.DOOR_LEFT_OPEN, E.GEOFENCE, E.NO_TURNING, E.VITAL_WARNING, E.VITAL_CRITICAL, E.SMOKE,
        E.GAS, E.WATER, E.CLIMATE, E.BED_EXIT_NO_RETURN_HIGH,
    }
)  # fmt: skip
TECHNICAL_ALERTS: Final = frozenset({E.DEVICE_OFFLINE, E.DEVICE_FAULT, E.BATTERY_LOW})


class FindingEvent(Protocol):
    """What is held against the truth: an event of the detectors, or an alert of a hub."""

    @property
    def kind(self) -> E:
        """What it tells of."""
        ...

    @property
    def decided_ns(self) -> int:
        """When it was told, UTC."""
        ...

    @property
    def episode_id(self) -> str:
        """One happening, however often it is told."""
        ...


class Finding(Protocol):
    """An event of one resident."""

    @property
    def elder(self) -> str:
        """The resident's key."""
        ...

    @property
    def event(self) -> FindingEvent:
        """What was told."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of incident: how many happened, were found, and after how long."""

    kind: str
    happened: int
    found: int
    delays_s: tuple[float, ...]

    @property
    def missed(self) -> int:
        """Nobody was told."""
        return self.happened - self.found

    def delay_s(self, percent: float) -> float | None:
        """A percentile of the delays; None where nothing was found."""
        return float(np.percentile(self.delays_s, percent)) if self.delays_s else None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Of one run. `false_alerts` and `technical_alerts`: code -> count, one per episode."""

    person_days: float
    rows: tuple[Row, ...]
    false_alerts: Mapping[str, int]
    technical_alerts: Mapping[str, int]
    outages: int

    @property
    def false_per_person_day(self) -> float:
        """All false alerts for a person."""
        return sum(self.false_alerts.values()) / self.person_days


def score(world: World, heard: Sequence[Finding]) -> Scorecard:
    """Hold what was heard against what happened."""
    by_elder: dict[str, list[Finding]] = defaultdict(list)
    for one in heard:
        by_elder[one.elder].append(one)
    delays: dict[I, list[float]] = defaultdict(list)
    happened: dict[I, int] = defaultdict(int)
    false: dict[str, int] = defaultdict(int)
    for resident in world.residents:
        told = [
            one
            for one in by_elder[resident.key]
            if one.event.kind in PERSON_ALERTS
            and not (one.event.kind is E.CLIMATE and _rooms_are_bad(world))
        ]
        for incident in resident.incidents:
            happened[incident.kind] += 1
            first = _first(world, incident, told)
            if first is not None:
                delays[incident.kind].append(first)
        for code in _false_codes(world, resident.incidents, told):
            false[code] += 1
    technical = _episodes(one for one in heard if one.event.kind in TECHNICAL_ALERTS)
    return Scorecard(
        person_days=len(world.residents) * world.duration_s / _S_PER_DAY,
        rows=tuple(
            Row(kind.value, happened[kind], len(delays[kind]), tuple(sorted(delays[kind])))
            for kind in I
            if happened[kind]
        ),
        false_alerts=dict(sorted(false.items())),
        technical_alerts=technical,
        outages=len(world.outages),
    )


def _rooms_are_bad(world: World) -> bool:
    """Whether the scenario's rooms really get too hot or too cold: then saying so is right."""
    air = world.scenario.climate
    return air.room_c + air.swing_c > CLIMATE_HIGH_CEL or air.room_c - air.swing_c < CLIMATE_LOW_CEL


def tells_of_something(world: World, incidents: Iterable[Incident], one: Finding) -> bool:
    """Whether an event tells of anything that really happened."""
    return any(_tells_of(world, incident, one) for incident in incidents)


def _seconds(world: World, one: Finding) -> float:
    return (one.event.decided_ns - world.start_ns) / NS_PER_S


def _first(world: World, incident: Incident, told: Iterable[Finding]) -> float | None:
    """Seconds from the incident to the first event that tells of it."""
    for one in told:
        if _tells_of(world, incident, one):
            return max(0.0, _seconds(world, one) - incident.from_s)
    return None


def _tells_of(world: World, incident: Incident, one: Finding) -> bool:
    at_s = _seconds(world, one)
    in_time = incident.from_s - _EARLY_S <= at_s <= incident.until_s + _GRACE_S
    return in_time and one.event.kind in FINDS[incident.kind]


def _false_codes(
    world: World, incidents: Sequence[Incident], told: Iterable[Finding]
) -> Iterable[str]:
    """The codes of alerts that tell of nothing, one for each episode."""
    false: dict[str, str] = {}
    for one in told:
        if tells_of_something(world, incidents, one):
            false.pop(one.event.episode_id, None)
            continue
        false.setdefault(one.event.episode_id, one.event.kind.value)
    return false.values()


def _episodes(heard: Iterable[Finding]) -> dict[str, int]:
    codes = {one.event.episode_id: one.event.kind.value for one in heard}
    counts: dict[str, int] = defaultdict(int)
    for code in codes.values():
        counts[code] += 1
    return dict(sorted(counts.items()))
