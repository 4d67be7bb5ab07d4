"""What goes wrong with people: planned from a scenario by the seed, then worked into their days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from firmware_sim.people.persona import Persona
from firmware_sim.people.routine import Doing, Stretch, moves_per_min
from firmware_sim.scenarios.schema import IncidentKind, IncidentSpec

_S_PER_H: Final = 3600.0
_S_PER_DAY: Final = 86_400.0
_S_PER_MIN: Final = 60.0
# An incident waits for the next stretch in which it can happen, at most this long.
_PATIENCE_S: Final = 26 * 3600.0
# Who lies in bed when the file wants a fall gets up for it: sits up, and is on the way by then.
_SITS_UP_S: Final = 45.0
# Pauses come in a stretch of the night, in one posture or stage of sleep.
_APNOEA_S: Final = 2 * 3600.0
_ON_THE_WAY_S: Final = 75.0
# A wave as a symmetric beta: nothing at its ends, 2.2 times its mean in the middle.
_WAVE: Final = 4.0
_IN_ROOM: Final = frozenset(
    {
        IncidentKind.FALL, IncidentKind.SLOW_SLIDE, IncidentKind.LYING_STILL,
        IncidentKind.BATHROOM_STUCK,
    }
)  # fmt: skip

# They are away from every button, or asleep.
_CANNOT_PRESS: Final = frozenset(
    {IncidentKind.WANDERING, IncidentKind.NO_RETURN, IncidentKind.APNOEA}
)


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that really happened: the ground truth. Seconds since the scenario began."""

    key: str
    kind: IncidentKind
    person: int
    from_s: float
    until_s: float
    room: str
    gets_up: bool
    presses_button_s: float | None
    # Of an apnoea: the share of its pauses in which the chest rests, too.
    central_share: float = 0.0


def plan(
    specs: Sequence[IncidentSpec], person: int, people: int, duration_s: float,
    rng: np.random.Generator,
) -> list[tuple[float, IncidentSpec]]:  # fmt: skip
    """When each incident of a person wants to happen, in order."""
    wanted: list[tuple[float, IncidentSpec]] = []
    for spec in specs:
        if spec.at_h is not None:
            if (spec.person or 0) % people == person:
                wanted.append((spec.at_h * _S_PER_H, spec))
            continue
        count = int(rng.poisson(spec.per_person_day * duration_s / _S_PER_DAY))
        moments = (
            duration_s * rng.beta(_WAVE, _WAVE, count)
            if spec.wave
            else rng.uniform(0.0, duration_s, count)
        )
        wanted += [(float(at_s), spec) for at_s in moments]
    return sorted(wanted, key=lambda item: item[0])


def work_in(
    days: tuple[Stretch, ...], wanted: Sequence[tuple[float, IncidentSpec]], persona: Persona,
    rng: np.random.Generator,
) -> tuple[tuple[Stretch, ...], tuple[Incident, ...]]:  # fmt: skip
    """The days as they then went, and what happened. What finds no place is left out."""
    happened: list[Incident] = []
    busy_until_s = 0.0
    for at_s, spec in wanted:
        if spec.at_h is not None and spec.kind in _IN_ROOM:
            days = _risen(days, max(at_s, busy_until_s), spec, persona)
        found = _place(days, max(at_s, busy_until_s), spec)
        if found is None:
            continue
        incident = _draw(spec, persona, found, rng, len(happened))
        days = _cut_in(days, incident, persona)
        incident = replace(incident, until_s=min(incident.until_s, days[-1].until_s))
        happened.append(incident)
        busy_until_s = incident.until_s
    return days, tuple(happened)


def _up_inside(stretch: Stretch) -> bool:
    return not stretch.in_bed and not stretch.outside and stretch.doing is not Doing.FLOOR


_FITS: Final[MappingProxyType[IncidentKind, Callable[[Stretch], bool]]] = MappingProxyType(
    {
        IncidentKind.FALL: _up_inside,
        IncidentKind.SLOW_SLIDE: _up_inside,
        IncidentKind.LYING_STILL: _up_inside,
        IncidentKind.BATHROOM_STUCK: lambda stretch: stretch.doing is Doing.BATHROOM,
        IncidentKind.WANDERING: lambda stretch: stretch.doing is Doing.SLEEP,
        IncidentKind.NO_RETURN: lambda stretch: stretch.outside,
        IncidentKind.OUT_OF_BED: lambda stretch: stretch.doing is Doing.SLEEP,
        IncidentKind.FEVER: lambda stretch: stretch.doing is Doing.SLEEP,
        IncidentKind.APNOEA: lambda stretch: stretch.doing is Doing.SLEEP,
        IncidentKind.SOS: lambda stretch: not stretch.outside,
    }
)


def _place(
    days: tuple[Stretch, ...], at_s: float, spec: IncidentSpec
) -> tuple[float, Stretch] | None:
    """The first moment from `at_s` on at which it can happen, and what they are doing then."""
    fits = _FITS[spec.kind]
    for stretch in days:
        if stretch.until_s <= at_s or stretch.incident:
            continue
        if stretch.from_s > at_s + _PATIENCE_S:
            return None
        if fits(stretch) and spec.room in (None, stretch.room):
            return max(at_s, stretch.from_s), stretch
    return None


def _risen(
    days: tuple[Stretch, ...], at_s: float, spec: IncidentSpec, persona: Persona
) -> tuple[Stretch, ...]:
    """Whoever sleeps when a file says that they fall has just got up: it happens when it says."""
    lying = next((one for one in days if one.from_s <= at_s < one.until_s), None)
    if lying is None or not lying.in_bed or lying.incident:
        return days
    stands_s = max(lying.from_s, at_s - _ON_THE_WAY_S)
    sits_s = max(lying.from_s, stands_s - _SITS_UP_S)
    back_s = min(lying.until_s, at_s + _ON_THE_WAY_S)
    room = spec.room or "bathroom"
    doing = Doing.BATHROOM if room == "bathroom" else Doing.POTTER
    way = (
        replace(lying, until_s=sits_s),
        Stretch(sits_s, stands_s, Doing.EDGE, lying.room, moves_per_min(persona, Doing.EDGE)),
        Stretch(stands_s, back_s, doing, room, moves_per_min(persona, doing)),
        replace(lying, from_s=back_s),
    )
    kept = (one for one in way if one.until_s > one.from_s)
    where = days.index(lying)
    return (*days[:where], *kept, *days[where + 1 :])


def _draw(
    spec: IncidentSpec, persona: Persona, found: tuple[float, Stretch],
    rng: np.random.Generator, number: int,
) -> Incident:  # fmt: skip
    at_s, stretch = found
    gets_up = bool(rng.random() < spec.gets_up_share)
    presses = bool(rng.random() < spec.presses_button_share)
    delay_s = float(rng.uniform(15.0, 90.0))
    helped_s = spec.helped_after_min * _S_PER_MIN
    own_way_s = float(rng.uniform(30.0, 100.0))
    length_s = {
        IncidentKind.FALL: own_way_s if gets_up else helped_s,
        IncidentKind.SLOW_SLIDE: helped_s,
        IncidentKind.LYING_STILL: helped_s,
        IncidentKind.BATHROOM_STUCK: max(helped_s, 2100.0),
        IncidentKind.WANDERING: helped_s,
        IncidentKind.NO_RETURN: (stretch.until_s - at_s) + max(helped_s, 6 * _S_PER_H),
        IncidentKind.OUT_OF_BED: max(helped_s, 1800.0),
        IncidentKind.FEVER: 6 * _S_PER_H,
        IncidentKind.APNOEA: _APNOEA_S,
        IncidentKind.SOS: 600.0,
    }[spec.kind]
    can_press = spec.kind not in _CANNOT_PRESS
    pressed_s = at_s + delay_s if presses and can_press and not gets_up else None
    if spec.kind is IncidentKind.SOS:
        pressed_s = at_s
    return Incident(
        key=f"{persona.number:05d}-{number:03d}",
        kind=spec.kind,
        person=persona.number,
        from_s=at_s,
        until_s=at_s + length_s,
        room=stretch.room,
        gets_up=gets_up and spec.kind is IncidentKind.FALL,
        presses_button_s=pressed_s,
        central_share=spec.central_share if spec.kind is IncidentKind.APNOEA else 0.0,
    )


def _cut_in(days: tuple[Stretch, ...], incident: Incident, persona: Persona) -> tuple[Stretch, ...]:
    """The incident takes the place of what would have been; whoever was out is out no more."""
    doing = {
        IncidentKind.FALL: Doing.FLOOR,
        IncidentKind.SLOW_SLIDE: Doing.FLOOR,
        IncidentKind.LYING_STILL: Doing.FLOOR,
        IncidentKind.BATHROOM_STUCK: Doing.BATHROOM,
        IncidentKind.WANDERING: Doing.OUT,
        IncidentKind.NO_RETURN: Doing.OUT,
        IncidentKind.OUT_OF_BED: Doing.CHAIR,
    }.get(incident.kind)
    if doing is None:  # the day goes on: fever, apnoea, a call
        return days
    still = incident.kind in (IncidentKind.LYING_STILL, IncidentKind.SLOW_SLIDE)
    moves = 0.02 if still else moves_per_min(persona, doing)
    if incident.kind is IncidentKind.BATHROOM_STUCK:
        moves = 0.1
    kept: list[Stretch] = []
    for stretch in days:
        if stretch.until_s <= incident.from_s or stretch.from_s >= incident.until_s:
            kept.append(stretch)
            continue
        if stretch.from_s < incident.from_s:
            kept.append(replace(stretch, until_s=incident.from_s))
        if stretch.from_s <= incident.from_s:
            end_s = min(incident.until_s, days[-1].until_s)
            kept.append(
                Stretch(incident.from_s, end_s, doing, incident.room, moves, incident=incident.key)
            )
        if stretch.until_s > incident.until_s:
            kept.append(replace(stretch, from_s=incident.until_s))
    return tuple(kept)
