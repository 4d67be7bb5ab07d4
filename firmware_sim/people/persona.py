"""Personas: how one made-up person lives. Drawn from a scenario's shares by the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.signals import FloatArray
from firmware_sim.scenarios.schema import DeclineKind, PeopleSpec

# Purposes of the random streams of a person: adding one never shifts another.
PERSONA, ROUTINE, INCIDENTS, SENSORS, VITALS, WAVEFORM, BED_MOTION, HEALTH, METERS = range(9)

_MAX_LEVEL: Final = 4
_DAYS_PER_WEEK: Final = 7.0
# From this level on nobody goes out alone; of the others, who goes out does so on most days.
_STAYS_IN: Final = 3
_OUT_ON_A_DAY: Final = 0.8
# A person of the highest level moves about this much less than one of the lowest.
_ACTIVITY_BY_LEVEL: Final = (1.0, 0.85, 0.6, 0.35, 0.12)
_SPEED_BY_LEVEL: Final = (1.0, 0.85, 0.6, 0.4, 0.3)


def stream(seed: int, person: int, purpose: int) -> np.random.Generator:
    """The random numbers of one person for one purpose."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, person, purpose])))


@dataclass(frozen=True, slots=True)
class Persona:
    """Habits of one person. Hours are local; shares are 0 .. 1."""

    number: int
    level: int
    age: int
    bed_time_h: float
    up_time_h: float
    nap_share: float
    bathroom_visits_night: float
    bathroom_every_h: float
    activity: float
    speed: float
    goes_out_share: float
    visitors_per_week: float
    resting_heart_rate: float
    resting_respiration_rate: float
    apnoea_per_h: float
    wears: bool
    decline_per_week: float
    decline_kind: DeclineKind = DeclineKind.FRAILTY
    decline_from_day: float = 0.0
    sick_spells_per_month: float = 0.0
    away_spells_per_month: float = 0.0
    holidays: tuple[int, ...] = ()

    def weakened(self, day: float) -> float:
        """What is left of what they lose after `day` days, 0 .. 1."""
        return float(self.weakened_at(np.float64(day)))

    def weakened_at(self, days: FloatArray | np.float64) -> FloatArray:
        """The same for many times, shape as `days`."""
        weeks = np.maximum(0.0, days - self.decline_from_day) / _DAYS_PER_WEEK
        return np.asarray((1.0 - self.decline_per_week) ** weeks, dtype=np.float64)

    def left(self, day: float, *kinds: DeclineKind) -> float:
        """The same where what they lose is of these kinds; else all of it."""
        return self.weakened(day) if self.decline_kind in kinds else 1.0


def draw_persona(spec: PeopleSpec, seed: int, number: int) -> Persona:
    """Person `number` of a scenario: the same seed gives the same person."""
    rng = stream(seed, number, PERSONA)
    level = int(rng.choice(_MAX_LEVEL + 1, p=spec.level_shares))
    # Drawn for everybody in the same order, so that shares do not shift the rest.
    wears, out, declines = rng.random(3)
    return Persona(
        number=number,
        level=level,
        age=int(np.clip(rng.normal(82, 7), 60, 103)),
        bed_time_h=float(rng.normal(21.2, 0.5)),
        up_time_h=float(rng.normal(6.3, 0.5)),
        nap_share=float(np.clip(rng.normal(0.75, 0.15), 0.0, 1.0)),
        bathroom_visits_night=max(0.0, float(rng.normal(spec.bathroom_visits_night, 0.6))),
        bathroom_every_h=float(np.clip(rng.normal(2.6, 0.5), 1.2, 5.0)),
        activity=spec.activity
        * _ACTIVITY_BY_LEVEL[level]
        * float(np.clip(rng.normal(1.0, 0.15), 0.5, 1.5)),
        speed=_SPEED_BY_LEVEL[level],
        goes_out_share=_OUT_ON_A_DAY if level < _STAYS_IN and out < spec.goes_out_share else 0.0,
        visitors_per_week=spec.visitors_per_week,
        resting_heart_rate=float(np.clip(rng.normal(70, 7), 60, 88)),
        resting_respiration_rate=float(np.clip(rng.normal(16, 1.5), 13.5, 19)),
        apnoea_per_h=float(rng.exponential(2.0)),
        wears=bool(wears < spec.wearable_share),
        decline_per_week=spec.decline_per_week if declines < spec.declining_share else 0.0,
        # The last draw, so that kinds shift nothing else.
        decline_kind=spec.decline_kinds[int(rng.integers(len(spec.decline_kinds)))],
        decline_from_day=spec.decline_from_day,
        sick_spells_per_month=spec.sick_spells_per_month,
        away_spells_per_month=spec.away_spells_per_month,
        holidays=spec.holidays,
    )
