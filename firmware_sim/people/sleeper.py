"""One person in their bed: breath, heart and movement out of their days and vital signs. Pure.

The rates are those that a bed telling by the minute reads (`vital_signs.py`): one truth for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.signals import FloatArray
from firmware_sim.people.bed_motion import BedLife, InBed, movements
from firmware_sim.people.breathing import Asleep, Effort, Pause, breathe, plan_pauses
from firmware_sim.people.heartbeat import beat, draw_rhythm
from firmware_sim.people.persona import BED_MOTION
from firmware_sim.people.routine import STIRS_PER_H, TURN_EVERY_S, Doing, Stretch
from firmware_sim.people.vital_signs import APNOEA_PER_H, Vitals

# Apart from an incident most pauses are of a closed throat.
_CENTRAL_SHARE: Final = 0.1
# How often somebody stirs when breath comes back: mostly where the throat had to be torn open.
_STIRS_AFTER: Final = {Effort.OBSTRUCTIVE: 0.6, Effort.CENTRAL: 0.2}
_PER_S_ON_EDGE: Final = 2.0 / 60.0  # as `routine` says of sitting there
_PAUSES, _BREATHS, _BEATS, _MOVES, _RHYTHM = range(1, 6)
_ASLEEP: Final = frozenset({Doing.SLEEP, Doing.NAP})


def bed_stream(seed: int, person: int, part: int) -> np.random.Generator:
    """The random numbers of one person's bed for one part of its motion."""
    sequence = np.random.SeedSequence([seed, person, BED_MOTION, part])
    return np.random.Generator(np.random.PCG64(sequence))


def lie(days: Sequence[Stretch], vitals: Vitals, seed: int) -> BedLife:
    """All that the bed can feel over these days."""
    person = vitals.persona.number
    in_bed = _in_bed(days)
    spans = _spans(in_bed)
    planned = plan_pauses(_asleep(days, vitals), bed_stream(seed, person, _PAUSES))

    def breath(times_s: FloatArray) -> FloatArray:
        return vitals.usual(times_s)[1]

    def heart(times_s: FloatArray) -> FloatArray:
        return vitals.usual(times_s)[0]

    breaths, pauses = breathe(spans, breath, planned, bed_stream(seed, person, _BREATHS))
    rhythm = draw_rhythm(vitals.persona.age, bed_stream(seed, person, _RHYTHM))
    beats = beat(spans, heart, breaths, pauses, rhythm, bed_stream(seed, person, _BEATS))
    rng = bed_stream(seed, person, _MOVES)
    stirs_s, turns_s = _moments(in_bed, pauses, rng)
    moves = movements(in_bed, sorted([*stirs_s, *turns_s]), turns_s, rng)
    return BedLife(in_bed, breaths, beats, moves, pauses)


def _in_bed(days: Sequence[Stretch]) -> tuple[InBed, ...]:
    """Lying and sitting, each without borders between stretches that follow each other."""
    found: list[InBed] = []
    for stretch in days:
        if not stretch.in_bed:
            continue
        sits = stretch.doing is Doing.EDGE
        if found and found[-1].until_s == stretch.from_s and found[-1].sits is sits:
            found[-1] = InBed(found[-1].from_s, stretch.until_s, sits)
        else:
            found.append(InBed(stretch.from_s, stretch.until_s, sits))
    return tuple(found)


def _spans(in_bed: Sequence[InBed]) -> list[tuple[float, float]]:
    """Times in the bed, however."""
    spans: list[tuple[float, float]] = []
    for one in in_bed:
        if spans and spans[-1][1] == one.from_s:
            spans[-1] = (spans[-1][0], one.until_s)
        else:
            spans.append((one.from_s, one.until_s))
    return spans


def _asleep(days: Sequence[Stretch], vitals: Vitals) -> list[Asleep]:
    """Pieces of sleep with their pauses an hour, cut where an incident begins and ends."""
    usual = vitals.persona.apnoea_per_h
    pieces: list[Asleep] = []
    for stretch in days:
        if stretch.doing not in _ASLEEP:
            continue
        at_s = stretch.from_s
        for spell in vitals.apnoeas:
            begin_s, end_s = max(at_s, spell.from_s), min(stretch.until_s, spell.until_s)
            if begin_s < end_s:
                pieces.append(Asleep(at_s, begin_s, usual, _CENTRAL_SHARE))
                pieces.append(Asleep(begin_s, end_s, APNOEA_PER_H, spell.central_share))
                at_s = end_s
        pieces.append(Asleep(at_s, stretch.until_s, usual, _CENTRAL_SHARE))
    return [piece for piece in pieces if piece.from_s < piece.until_s]


def _moments(
    in_bed: Sequence[InBed], pauses: Sequence[Pause], rng: np.random.Generator
) -> tuple[list[float], list[float]]:
    """When they stir, and when they turn: as often as a bed that tells by the minute says."""
    stirs_s = [p.until_s for p in pauses if rng.random() < _STIRS_AFTER[p.effort]]
    turns_s: list[float] = []
    for span in in_bed:
        length_s = span.until_s - span.from_s
        if span.sits:
            many = int(rng.poisson(_PER_S_ON_EDGE * length_s))
            stirs_s += rng.uniform(span.from_s, span.until_s, many).tolist()
            continue
        many = int(rng.poisson(STIRS_PER_H * length_s / 3600.0))
        stirs_s += rng.uniform(span.from_s, span.until_s, many).tolist()
        many = int(rng.poisson(length_s / TURN_EVERY_S))
        turns_s += rng.uniform(span.from_s, span.until_s, many).tolist()
    return stirs_s, turns_s
