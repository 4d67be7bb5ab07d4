"""Visits of a made-up month: plans, who went when and whom they met, what was corrected later.

Whoever goes, goes about when it is due, by a rough reckoning of their own: some are late, some
find nobody, some only call. When a visit was really due is worked out in visit_truth.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from firmware_sim.district.diary import District, Person

# Days from one visit to the next, by group, as home-bed-and-smart-home.md has them.
EVERY_DAYS: Final = {"high_risk": 7, "key": 30, "hardship": 30, "general": 91}
# A serious change: somebody goes within a day. After one call, the next time somebody goes.
SOONER_H: Final = 24
CALLS_IN_A_ROW: Final = 1
# The house with figures of its own.
OWN_HOUSE: Final = 2
OWN_RULES: Final = {"interval_days": {"key": 14}, "pull_forward_h": 48, "remote_in_a_row": 2}
# Alarms that are of the highest priority, once they were found to be real.
SERIOUS: Final = ("sos", "vital_critical", "fall_confirmed", "bath_dwell_high")
_GROUPS: Final = ("high_risk", "key", "hardship", "general", "high_risk", "key")
_AT_THE_DOOR: Final = ("in_person", "third_party", "volunteer", "neighbour")
_CALLS: Final = ("phone", "video")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one house."""

    every_days: dict[str, int]
    sooner: timedelta
    calls_in_a_row: int


def rules_of(house: int) -> Rules:
    """The third house has its own."""
    if house != OWN_HOUSE:
        return Rules(EVERY_DAYS, timedelta(hours=SOONER_H), CALLS_IN_A_ROW)
    own: dict[str, Any] = OWN_RULES
    return Rules(
        EVERY_DAYS | own["interval_days"], timedelta(hours=own["pull_forward_h"]),
        own["remote_in_a_row"],
    )  # fmt: skip


def say_rules(made: District, house: int) -> None:
    """Before any plan."""
    if house == OWN_HOUSE:
        made.say(made.begins - 9 * _DAY, "visit_rules", house, **OWN_RULES)


class Visits:
    """Of one person at home; `serious`: when somebody had found a serious alarm to be real."""

    def __init__(
        self, made: District, person: Person, serious: Sequence[datetime],
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._made, self._person, self._rng = made, person, rng
        self._serious = serious
        self._until = person.left_at or made.ends
        self._number = 0

    def say(self) -> None:
        """A plan before the month, and what came of it."""
        made, person, rng = self._made, self._person, self._rng
        group = _GROUPS[int(rng.integers(len(_GROUPS)))]
        own = int(rng.integers(3, 21)) if rng.random() < 0.1 else None
        first = made.begins + int(rng.integers(-5, made.size.days - 6)) * _DAY
        plan = {"person": person.key, "group": group, "own_days": own,
                "starts_on": first.date().isoformat()}  # fmt: skip
        made.say(made.begins - 8 * _DAY, "visit_plan", person.house, **plan, ended=False)
        if person.left_at is not None:
            made.say(person.left_at, "visit_plan", person.house, **plan, ended=True)
        every = timedelta(days=own or rules_of(person.house).every_days[group])
        if rng.random() > 0.03:  # or nobody ever goes
            self._go_by_plan(first, every)
        for at in self._serious:
            if rng.random() < 0.7:
                self._go(at + timedelta(minutes=int(rng.integers(20, 2400))))
        if rng.random() < 0.06:
            self._ask()

    def _go_by_plan(self, day: datetime, every: timedelta) -> None:
        rng = self._rng
        while day < self._until:
            late = int(rng.choice((-3, -2, -1, 0, 0, 0, 0, 0, 0, 1, 3)))
            at = day + late * _DAY + timedelta(minutes=int(rng.integers(9 * 60, 17 * 60)))
            met = self._go(at)
            day += every if met else timedelta(days=int(rng.integers(1, 4)))

    def _go(self, at: datetime) -> bool:
        """Whether they were met. Too early or too late for the diary: nobody went."""
        rng, person = self._rng, self._person
        ends = at + timedelta(minutes=int(rng.integers(10, 60)))
        if at < self._made.begins - 5 * _DAY or ends + 3 * _DAY > self._until:
            return True
        called = bool(rng.random() < 0.25)
        way = str(rng.choice(_CALLS if called else _AT_THE_DOOR))
        outcome = str(rng.choice(
            ("done", "no_answer" if called else "not_home", "refused"), p=(0.85, 0.11, 0.04)
        ))  # fmt: skip
        self._number += 1
        key = f"{person.key}v{self._number}"
        # A phone without a network tells later, within the three days that are believed.
        told = ends + timedelta(hours=int(rng.integers(2, 60)) if rng.random() < 0.05 else 0)
        self._made.say(told, "visit", person.house, person=person.key, visit=key, way=way,
                       outcome=outcome, began=at, ended=ends)  # fmt: skip
        wrong = rng.random()
        if wrong < 0.06:
            moved = timedelta(minutes=int(rng.integers(-2000, -30)))
            void = wrong < 0.03
            self._made.say(
                told + timedelta(hours=3), "visit_wrong", person.house, visit=key,
                began=None if void else at + moved, ended=None if void else ends + moved,
            )  # fmt: skip
            return not void and outcome == "done"
        return outcome == "done"

    def _ask(self) -> None:
        """Somebody wants them to be seen earlier."""
        made = self._made
        at = made.begins + timedelta(minutes=int(self._rng.integers(1440, made.size.days * 1440)))
        due = at + timedelta(minutes=int(self._rng.integers(600, 5000)))
        if at < self._until:
            made.say(at, "visit_asked", self._person.house, person=self._person.key, due=due)
