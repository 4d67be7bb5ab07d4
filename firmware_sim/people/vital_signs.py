"""Heart and breathing of a made-up person over days: a daily rhythm, slow wander, fever, apnoea."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.signals import FloatArray
from firmware_sim.people.incidents import Incident
from firmware_sim.people.persona import Persona
from firmware_sim.scenarios.schema import DeclineKind, IncidentKind

_DAY_S: Final = 86_400.0
# The heart is slowest around four in the morning, about 6 /min below its middle.
_SLOWEST_H: Final = 4.0
_SWING_PER_MIN: Final = 6.0
# A high fever with an infection of the chest: heart and breathing far above this person's own.
_FEVER_HEART: Final = 55.0
_FEVER_BREATH: Final = 13.0
_FEVER_RISE_S: Final = 1800.0
# An apnoea of 20 s takes a third of the breaths counted in its minute.
_APNOEA_SHARE: Final = 0.7
# Severe sleep apnoea begins at 30 pauses an hour (AASM).
APNOEA_PER_H: Final = 40.0
# A weak heart that nothing is done about: faster by this much when all of its strength is gone.
_WEAK_HEART: Final = 30.0
_WEAK_BREATH: Final = 9.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a perfect sensor would read of one person."""

    persona: Persona
    fevers: tuple[Incident, ...]
    start_hour: float
    apnoeas: tuple[Incident, ...] = ()

    def usual(self, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What both rates (1/min) are around at those times, but for pauses of breath."""
        hour = self.start_hour + times_s / 3600.0
        phase = np.cos(2.0 * np.pi * (hour - _SLOWEST_H) / 24.0)
        heart = self.persona.resting_heart_rate - _SWING_PER_MIN * phase
        breath = self.persona.resting_respiration_rate - 1.0 * phase
        if self.persona.decline_kind is DeclineKind.BREATH:
            lost = self.breath_lost(times_s)
            heart, breath = heart + _WEAK_HEART * lost, breath + _WEAK_BREATH * lost
        for fever in self.fevers:
            height = _height(fever, times_s)
            heart = heart + _FEVER_HEART * height
            breath = breath + _FEVER_BREATH * height
        return np.asarray(heart, dtype=np.float64), np.asarray(breath, dtype=np.float64)

    def fever(self, times_s: FloatArray) -> FloatArray:
        """How much of a fever's height there is at those times, 0 .. 1."""
        heights = [_height(fever, times_s) for fever in self.fevers]
        highest = np.max([np.zeros(len(times_s)), *heights], axis=0)
        return np.asarray(highest, dtype=np.float64)

    def breath_lost(self, times_s: FloatArray) -> FloatArray:
        """Of a weak heart: the share of its strength that is gone at those times, 0 .. 1."""
        if self.persona.decline_kind is not DeclineKind.BREATH:
            return np.zeros(len(times_s))
        days = (self.start_hour + times_s / 3600.0) / 24.0
        return np.asarray(1.0 - self.persona.weakened_at(days), dtype=np.float64)

    def pauses_per_h(self, times_s: FloatArray) -> FloatArray:
        """How often breath stands still at those times."""
        often = np.full(len(times_s), self.persona.apnoea_per_h)
        for spell in self.apnoeas:
            often[(times_s >= spell.from_s) & (times_s < spell.until_s)] = APNOEA_PER_H
        return often

    def at(self, times_s: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Heart rate and respiration rate (1/min) as read, shape as `times_s`."""
        heart, breath = self.usual(times_s)
        n = len(times_s)
        heart = heart + rng.normal(0.0, 2.0, n)
        breath = breath + rng.normal(0.0, 0.7, n)
        apnoea = rng.random(n) < self.pauses_per_h(times_s) / 60.0
        breath = np.where(apnoea, breath * _APNOEA_SHARE, breath)
        return (
            np.asarray(np.clip(heart, 30.0, 200.0), dtype=np.float64),
            np.asarray(np.clip(breath, 3.0, 55.0), dtype=np.float64),
        )


def _height(fever: Incident, times_s: FloatArray) -> FloatArray:
    rise = np.clip((times_s - fever.from_s) / _FEVER_RISE_S, 0.0, 1.0)
    ebb = np.clip((fever.until_s - times_s) / _FEVER_RISE_S, 0.0, 1.0)
    return np.minimum(rise, ebb)


def vitals_of(persona: Persona, incidents: Sequence[Incident], start_hour: float) -> Vitals:
    """The vital signs that go with what happened."""
    fevers = tuple(one for one in incidents if one.kind is IncidentKind.FEVER)
    apnoeas = tuple(one for one in incidents if one.kind is IncidentKind.APNOEA)
    return Vitals(persona, fevers, start_hour, apnoeas)
