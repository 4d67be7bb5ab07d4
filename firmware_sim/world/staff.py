"""Carers who do not exist: who goes to which alert when, by discrete events (SimPy).

Carers are the resource. High alerts come before others, alerts before rounds; a round lets an
alert in between two beds. Times are drawn log-normally around the scenario's middles.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from heapq import heappop, heappush
from typing import Any, Final

import numpy as np
import simpy

from firmware_sim.scenarios.schema import StaffSpec

# Spread of human times: the 95th percentile is about 2.3 times the middle.
_SPREAD: Final = 0.5
_S_PER_H: Final = 3600.0
_DAY_H: Final = 24.0
# Whoever is only being looked at needs this share of the time that a fall needs.
_LOOK_SHARE: Final = 0.3


class Urgency(IntEnum):
    """Who is seen first; the smaller goes first."""

    HIGH = 0
    MEDIUM = 1
    LOW = 2
    ROUND = 3


@dataclass(frozen=True, slots=True)
class Call:
    """Something that asks a carer to come. `real`: somebody needs help there."""

    at_s: float
    urgency: Urgency
    real: bool


@dataclass(frozen=True, slots=True)
class Response:
    """Who went, and when they set out, were at the bedside and left. Seconds from the call."""

    call: Call
    bedside_s: float
    carer: int = -1
    started_s: float = float("inf")
    left_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class Spell:
    """A carer looking at one bed on a round, `[from_s, until_s)`."""

    carer: int
    bed: int
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Shift:
    """What came of one night or day."""

    responses: tuple[Response, ...]
    busy_share: float
    rounds_done: int
    rounds_late: int
    rounds: tuple[Spell, ...] = ()

    def bedside_s(self, *, real_only: bool = True) -> list[float]:
        """Times to the bedside."""
        return [r.bedside_s for r in self.responses if r.call.real or not real_only]


def respond(
    calls: Sequence[Call],
    staff: StaffSpec,
    *,
    carers: int,
    beds: int,
    duration_s: float,
    seed: int,
) -> Shift:
    """Work through the calls with so many carers. Deterministic in the seed."""
    return _Floor(calls, staff, carers=carers, beds=beds, duration_s=duration_s, seed=seed).run()


def carers_at(staff: StaffSpec, hour: float) -> int:
    """How many are on duty at a local hour."""
    hour %= _DAY_H
    from_h, until_h = staff.night_from_h, staff.night_until_h
    night = from_h <= hour or hour < until_h if from_h > until_h else from_h <= hour < until_h
    return staff.night_carers if night else staff.day_carers


_Process = Generator[Any, Any, None]


class _Floor:
    def __init__(
        self,
        calls: Sequence[Call],
        staff: StaffSpec,
        *,
        carers: int,
        beds: int,
        duration_s: float,
        seed: int,
    ) -> None:
        self._calls = sorted(calls, key=lambda call: (call.at_s, call.urgency))
        self._staff = staff
        self._beds = beds
        self._duration_s = duration_s
        self._rng = np.random.default_rng([seed, 7])
        self._env = simpy.Environment()
        self._count = carers
        self._carers = simpy.PriorityResource(self._env, capacity=max(1, carers))
        self._free = list(range(max(1, carers)))  # a heap: the first in the row goes first
        self._responses: list[Response] = []
        self._spells: list[Spell] = []
        self._busy_s = 0.0
        self._rounds_done = 0
        self._rounds_late = 0

    def run(self) -> Shift:
        if self._count == 0:  # nobody comes: not to be mistaken for somebody who is slow
            waits = tuple(Response(call, float("inf")) for call in self._calls)
            return Shift(waits, 0.0, 0, 0)
        for call in self._calls:
            # Drawn in the order of the calls, whoever answers: carers are compared on equal terms.
            times = (self._draw(self._staff.answer_s), self._draw(self._staff.walk_s))
            help_s = self._draw(self._staff.help_s) * (1.0 if call.real else _LOOK_SHARE)
            self._env.process(self._answer(call, *times, help_s))
        self._env.process(self._rounds())
        self._env.run()
        busy = self._busy_s / (self._count * self._duration_s)
        return Shift(
            tuple(self._responses), busy, self._rounds_done, self._rounds_late, tuple(self._spells)
        )

    def _draw(self, middle_s: float) -> float:
        return float(self._rng.lognormal(np.log(middle_s), _SPREAD)) if middle_s > 0 else 0.0

    def _answer(self, call: Call, answer_s: float, walk_s: float, help_s: float) -> _Process:
        yield self._env.timeout(call.at_s)
        with self._carers.request(priority=call.urgency) as carer:
            yield carer
            who, started_s = heappop(self._free), self._env.now - call.at_s
            yield self._env.timeout(answer_s + walk_s)
            bedside_s = self._env.now - call.at_s
            self._responses.append(Response(call, bedside_s, who, started_s, bedside_s + help_s))
            yield self._env.timeout(help_s)
            self._busy_s += answer_s + walk_s + help_s
            heappush(self._free, who)

    def _rounds(self) -> _Process:
        every_s = self._staff.round_every_h * _S_PER_H
        number = 0
        while (due_s := (number + 0.5) * every_s) < self._duration_s:
            number += 1
            yield self._env.timeout(max(0.0, due_s - self._env.now))
            for bed in range(self._beds):
                with self._carers.request(priority=Urgency.ROUND) as carer:
                    yield carer
                    who, from_s = heappop(self._free), self._env.now
                    yield self._env.timeout(self._staff.round_s_per_bed)
                    self._busy_s += self._staff.round_s_per_bed
                    self._spells.append(Spell(who, bed, from_s, self._env.now))
                    heappush(self._free, who)
            self._rounds_done += 1
            self._rounds_late += self._env.now > due_s + every_s
