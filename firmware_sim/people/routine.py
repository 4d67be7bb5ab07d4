"""A person's days as stretches of doing one thing in one room, before anything goes wrong.

Pure and without a clock: f(persona, dwelling, window, random numbers).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np

from edge.subject import RoomKind
from firmware_sim.buildings.plan import Dwelling
from firmware_sim.people.persona import Persona
from firmware_sim.scenarios.schema import DeclineKind

_S: Final = 3600.0
_DAY_H: Final = 24.0
_MIN_H: Final = 1.0 / 60.0
# By day mostly where others are; who potters about at home is often in the kitchen.
_IN_COMPANY: Final = 0.7
_IN_THE_KITCHEN: Final = 0.3
# From here on a person stays in bed or chair and is helped at everything.
BEDRIDDEN: Final = 4
# Who takes to bed: at worst three hours later up, three earlier down, a nap three times as long.
_LATER_UP_H: Final = 3.0
_EARLIER_DOWN_H: Final = 3.0
_LONGER_NAP: Final = 2.0
# A cold keeps somebody in bed for two or three days; a stay with the children takes two to five.
_SICK_DAYS: Final = (2, 4)
_AWAY_DAYS: Final = (2, 6)
_DAYS_PER_MONTH: Final = 30.0
CHAIRBOUND: Final = 3
# Turning in sleep: every 20 to 40 minutes in a healthy night. Smaller movements between.
TURN_EVERY_S: Final = 1800.0
STIRS_PER_H: Final = 6.0


class Doing(StrEnum):
    """What fills a stretch."""

    SLEEP = "sleep"
    NAP = "nap"
    EDGE = "edge"  # sitting on the edge of the bed
    BATHROOM = "bathroom"
    MEAL = "meal"
    COOK = "cook"
    CHAIR = "chair"
    POTTER = "potter"
    OUT = "out"
    FLOOR = "floor"


IN_BED: Final = frozenset({Doing.SLEEP, Doing.NAP, Doing.EDGE})
# Movements a minute that a motion sensor sees, of a person of full strength.
_MOVES_PER_MIN: Final = MappingProxyType(
    {
        Doing.SLEEP: 0.03, Doing.NAP: 0.05, Doing.EDGE: 2.0, Doing.BATHROOM: 3.0, Doing.MEAL: 2.0,
        Doing.COOK: 5.0, Doing.CHAIR: 0.35, Doing.POTTER: 4.0, Doing.OUT: 0.0, Doing.FLOOR: 0.15,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds since the scenario began, half open; `incident` names what went wrong, if any."""

    from_s: float
    until_s: float
    doing: Doing
    room: str
    moves_per_min: float
    visitor: bool = False
    incident: str = ""

    @property
    def in_bed(self) -> bool:
        """Whether the bed carries them."""
        return self.doing in IN_BED

    @property
    def outside(self) -> bool:
        """Whether they have left the dwelling."""
        return self.doing is Doing.OUT


def moves_per_min(persona: Persona, doing: Doing) -> float:
    """How much this person moves while at it."""
    strength = 1.0 if doing in IN_BED else persona.activity
    return _MOVES_PER_MIN[doing] * strength


def live(
    persona: Persona, dwelling: Dwelling, start_hour: float, duration_s: float,
    rng: np.random.Generator,
) -> tuple[Stretch, ...]:  # fmt: skip
    """Stretches without a hole over `[0, duration_s)`; the scenario begins at a local hour."""
    end_h = start_hour + duration_s / _S
    days = range(-1, int(end_h // _DAY_H) + 2)
    found = _clip(_Days(persona, dwelling, rng).stretches(days), start_hour, duration_s)
    return tuple(found)


class _Days:
    """Makes whole days, in hours from midnight of day 0; clipping comes later."""

    def __init__(self, persona: Persona, dwelling: Dwelling, rng: np.random.Generator) -> None:
        self._who = persona
        self._where = dwelling
        self._rng = rng
        self._bedroom = dwelling.room(RoomKind.BEDROOM).key
        self._bathroom = dwelling.room(RoomKind.BATHROOM).key
        self._living = dwelling.room(RoomKind.LIVING).key
        self._has_kitchen = dwelling.room(RoomKind.KITCHEN).kind is RoomKind.KITCHEN
        self._kitchen = dwelling.room(RoomKind.KITCHEN).key
        self._now_h = 0.0
        self._strength = 1.0
        self._sleep = 1.0  # what is left of quiet nights
        self._rise = 1.0  # what is left of the wish to get up

    def stretches(self, days: range) -> Iterator[Stretch]:
        """Day after day, from the evening before the first."""
        who = self._who
        self._now_h = days.start * _DAY_H
        sick = self._spells(days, who.sick_spells_per_month, _SICK_DAYS)
        away = self._spells(days, who.away_spells_per_month, _AWAY_DAYS)
        for day in days:
            since = max(0, day)
            self._strength = who.left(since, DeclineKind.FRAILTY, DeclineKind.MOBILITY)
            self._sleep = who.left(since, DeclineKind.FRAILTY, DeclineKind.NIGHTS)
            self._rise = who.left(since, DeclineKind.TAKES_TO_BED)
            if day in away:
                yield self._go((day + 1) * _DAY_H + who.up_time_h, Doing.OUT, self._living)
                continue
            up_h = day * _DAY_H + who.up_time_h + self._rng.normal(0.0, 0.25)
            up_h += 0.6 * (1.0 - self._strength) + _LATER_UP_H * (1.0 - self._rise)
            bed_h = day * _DAY_H + who.bed_time_h + self._rng.normal(0.0, 0.3)
            bed_h -= _EARLIER_DOWN_H * (1.0 - self._rise)
            yield from self._night(up_h)
            yield from self._sick_day(up_h, bed_h) if day in sick else self._day(up_h, bed_h)

    def _spells(self, days: range, per_month: float, length: tuple[int, int]) -> frozenset[int]:
        """Days of spells that begin by chance; nobody who has none draws anything."""
        found: set[int] = set()
        if per_month > 0:
            for day in days:
                if self._rng.random() < per_month / _DAYS_PER_MONTH:
                    found.update(range(day, day + int(self._rng.integers(*length))))
        return frozenset(found)

    def _sick_day(self, up_h: float, bed_h: float) -> Iterator[Stretch]:
        """Up to the bathroom and for two short meals, else in bed."""
        day_h = np.floor(up_h / _DAY_H) * _DAY_H
        for meal_h in (day_h + 11.8, day_h + 17.5):
            while self._now_h < meal_h - 0.5:
                rest_h = self._now_h + self._rng.uniform(1.5, 3.5)
                yield self._go(min(meal_h, rest_h), Doing.NAP, self._bedroom)
                yield self._go(self._now_h + self._minutes(5), Doing.BATHROOM, self._bathroom)
            yield self._go(self._now_h + self._minutes(15), Doing.MEAL, self._living)
        yield self._go(bed_h, Doing.NAP, self._bedroom)

    def _go(self, until_h: float, doing: Doing, room: str, *, visitor: bool = False) -> Stretch:
        from_h, self._now_h = self._now_h, max(self._now_h + _MIN_H, until_h)
        return Stretch(
            from_h * _S, self._now_h * _S, doing, room,
            moves_per_min(self._who, doing) * self._strength, visitor,
        )  # fmt: skip

    def _minutes(self, middle: float) -> float:
        """A duration in hours around so many minutes; the slow take longer."""
        minutes = self._rng.lognormal(np.log(middle), 0.3) / self._who.speed**0.5
        return float(minutes * _MIN_H / max(0.4, self._strength))

    def _night(self, up_h: float) -> Iterator[Stretch]:
        if self._who.level < BEDRIDDEN:
            # Weaker people get up more often at night: what discovery looks for.
            wanted = self._who.bathroom_visits_night * (1.0 + 2.0 * (1.0 - self._sleep))
            count = int(self._rng.poisson(wanted))
            first, last = self._now_h + 0.7, up_h - 0.4
            times = np.sort(self._rng.uniform(first, max(first, last), count))
            for at_h in times:
                if at_h < self._now_h + 0.6 or at_h > last:
                    continue
                yield self._go(float(at_h), Doing.SLEEP, self._bedroom)
                yield self._go(self._now_h + self._minutes(0.7), Doing.EDGE, self._bedroom)
                yield self._go(self._now_h + self._minutes(4.5), Doing.BATHROOM, self._bathroom)
        if up_h > self._now_h:
            yield self._go(up_h, Doing.SLEEP, self._bedroom)

    def _day(self, up_h: float, bed_h: float) -> Iterator[Stretch]:
        if self._who.level >= BEDRIDDEN:
            # Up in a chair for lunch, else in bed.
            yield self._go(up_h + 5.0, Doing.NAP, self._bedroom)
            yield self._go(self._now_h + self._minutes(50), Doing.CHAIR, self._bedroom)
            yield self._go(bed_h, Doing.NAP, self._bedroom)
            return
        day_h = np.floor(up_h / _DAY_H) * _DAY_H
        yield self._go(self._now_h + self._minutes(0.7), Doing.EDGE, self._bedroom)
        yield self._go(self._now_h + self._minutes(11), Doing.BATHROOM, self._bathroom)
        yield from self._meal(25)
        holiday = round(day_h / _DAY_H) in self._who.holidays
        has_visitor = self._rng.random() < self._who.visitors_per_week / 7.0
        out_at_h = day_h + self._rng.uniform(8.5, 10.0)
        goes_out = self._rng.random() < self._who.goes_out_share * self._strength
        plan: list[tuple[float, str]] = [(day_h + 11.7, "lunch"), (day_h + 17.4, "dinner")]
        if goes_out:
            plan.append((float(out_at_h), "out"))
        for at_h, what in sorted(plan):
            yield from self._fill(at_h, visitor=holiday or (has_visitor and what == "dinner"))
            if what == "out":
                hours = self._rng.uniform(0.5, 1.8)
                yield self._go(self._now_h + hours, Doing.OUT, self._living)
                continue
            yield from self._meal(28)
            if what == "lunch" and self._rng.random() < self._who.nap_share:
                nap = self._minutes(70) * (1.0 + _LONGER_NAP * (1.0 - self._rise))
                yield self._go(self._now_h + nap, Doing.NAP, self._bedroom)
        yield from self._fill(bed_h - 0.3, visitor=holiday)
        yield self._go(self._now_h + self._minutes(7), Doing.BATHROOM, self._bathroom)
        yield self._go(self._now_h + self._minutes(0.7), Doing.EDGE, self._bedroom)

    def _meal(self, minutes: float) -> Iterator[Stretch]:
        if self._has_kitchen and self._who.level < CHAIRBOUND:
            yield self._go(self._now_h + self._minutes(minutes), Doing.COOK, self._kitchen)
        yield self._go(self._now_h + self._minutes(minutes), Doing.MEAL, self._living)

    def _fill(self, until_h: float, *, visitor: bool) -> Iterator[Stretch]:
        next_bathroom_h = self._now_h + self._who.bathroom_every_h * self._rng.uniform(0.5, 1.1)
        while self._now_h < until_h - 2 * _MIN_H:
            if self._now_h >= next_bathroom_h:
                yield self._go(self._now_h + self._minutes(6), Doing.BATHROOM, self._bathroom)
                next_bathroom_h = self._now_h + self._who.bathroom_every_h * self._rng.uniform(
                    0.8, 1.2
                )
                continue
            about = self._rng.random() < 0.45 * self._who.activity * self._strength
            doing = Doing.POTTER if about else Doing.CHAIR
            room = self._living if self._rng.random() < _IN_COMPANY else self._bedroom
            if about and self._has_kitchen and self._rng.random() < _IN_THE_KITCHEN:
                room = self._kitchen
            length_h = self._minutes(9 if about else 26)
            yield self._go(min(until_h, self._now_h + length_h), doing, room, visitor=visitor)


def _clip(stretches: Iterator[Stretch], start_hour: float, duration_s: float) -> Iterator[Stretch]:
    """In seconds from the scenario's start, cut at both ends."""
    shift_s = start_hour * _S
    for stretch in stretches:
        from_s = max(0.0, stretch.from_s - shift_s)
        until_s = min(duration_s, stretch.until_s - shift_s)
        if until_s > from_s:
            yield replace(stretch, from_s=from_s, until_s=until_s)
