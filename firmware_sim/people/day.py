"""A day: what someone does at which hour, as a timeline of motion primitives without end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from firmware_sim.people.body import LYING, ON_THE_FLOOR, Body, Posture
from firmware_sim.people.daily import (
    fidget,
    lie_down,
    reach,
    sit_down,
    stand_up,
    still,
    turn_in_bed,
    walk,
)
from firmware_sim.people.falls import struggle
from firmware_sim.people.kinematics import Motion

_S_PER_HOUR: Final = 3600.0
_HOURS_PER_DAY: Final = 24.0


class Activity(StrEnum):
    """What fills some minutes."""

    BED = "bed"
    CHAIR = "chair"
    POTTER = "potter"  # about the room: steps, reaching, standing
    WALK = "walk"


@dataclass(frozen=True, slots=True)
class Period:
    """Part of a day, from one hour until the next period, with the weight of each activity."""

    from_hour: float
    weights: dict[Activity, float]


# An ordinary day of a resident who walks alone (nap after lunch, chair most of the day).
ORDINARY_DAY: Final = (
    Period(0.0, {Activity.BED: 1.0}),
    Period(6.0, {Activity.BED: 0.3, Activity.POTTER: 0.5, Activity.CHAIR: 0.2}),
    Period(7.5, {Activity.CHAIR: 0.45, Activity.POTTER: 0.3, Activity.WALK: 0.25}),
    Period(12.5, {Activity.BED: 0.8, Activity.CHAIR: 0.2}),
    Period(14.5, {Activity.CHAIR: 0.5, Activity.POTTER: 0.25, Activity.WALK: 0.25}),
    Period(20.0, {Activity.CHAIR: 0.7, Activity.POTTER: 0.3}),
    Period(21.5, {Activity.BED: 1.0}),
)


def living(start_hour: float, day: tuple[Period, ...] = ORDINARY_DAY) -> _Living:
    """The script of an ordinary life that begins at this hour of the day (0..24)."""
    return _Living(start_hour, day)


def period_at(hour: float, day: tuple[Period, ...] = ORDINARY_DAY) -> Period:
    """The part of the day an hour falls in."""
    return [period for period in day if period.from_hour <= hour % _HOURS_PER_DAY][-1]


@dataclass(frozen=True, slots=True)
class _Living:
    start_hour: float
    day: tuple[Period, ...]

    def __call__(self, body: Body, lived_s: float) -> Iterator[Motion]:
        hour = self.start_hour + lived_s / _S_PER_HOUR
        while True:
            weights = period_at(hour, self.day).weights
            total = sum(weights.values())
            activity = Activity(
                body.rng.choice(list(weights), p=[weight / total for weight in weights.values()])
            )
            # whoever lies on the floor stays there: life goes on only when someone has come
            act = _floor if body.posture in ON_THE_FLOOR else _ACTIVITIES[activity]
            for motion in act(body):
                yield motion
                hour += len(motion) / body.internal_rate_hz / _S_PER_HOUR


def _to_standing(body: Body) -> Iterator[Motion]:
    if body.posture is not Posture.STANDING:
        yield stand_up(body)
        yield still(body, body.rng.uniform(0.6, 1.5))


def _sometimes(body: Body, share: float) -> bool:
    return bool(body.rng.random() < share)


def _floor(body: Body) -> Iterator[Motion]:
    yield still(body, 8.0)
    if _sometimes(body, 0.2):
        yield struggle(body, 2.0)


def _bed(body: Body) -> Iterator[Motion]:
    if body.posture not in LYING:
        yield lie_down(body)
    for _ in range(int(body.rng.integers(4, 30))):
        yield still(body, body.rng.uniform(6.0, 10.0))
    yield turn_in_bed(body)


def _chair(body: Body) -> Iterator[Motion]:
    if body.posture in LYING:
        yield stand_up(body)
    if body.posture is Posture.STANDING:
        yield sit_down(body)
    for _ in range(int(body.rng.integers(3, 12))):
        yield still(body, body.rng.uniform(3.0, 9.0))
        if _sometimes(body, 0.6):
            yield fidget(body, body.rng.uniform(1.0, 4.0))
        if _sometimes(body, 0.2):
            yield reach(body)


def _potter(body: Body) -> Iterator[Motion]:
    yield from _to_standing(body)
    for _ in range(int(body.rng.integers(2, 7))):
        yield walk(body, body.rng.uniform(2.5, 6.0))
        yield still(body, body.rng.uniform(1.0, 4.0))
        yield reach(body)
        if _sometimes(body, 0.4):
            yield fidget(body, body.rng.uniform(1.0, 3.0))


def _walk(body: Body) -> Iterator[Motion]:
    yield from _to_standing(body)
    for _ in range(int(body.rng.integers(1, 5))):
        yield walk(body, body.rng.uniform(8.0, 20.0))
        yield still(body, body.rng.uniform(0.8, 3.0))


_ACTIVITIES: Final = MappingProxyType(
    {
        Activity.BED: _bed,
        Activity.CHAIR: _chair,
        Activity.POTTER: _potter,
        Activity.WALK: _walk,
    }
)
