"""Breath by breath: when each begins, how deep it is, and the pauses of those who stop breathing.

Variability is drawn from recorded sleepers (`bed_shapes.json`), in pieces of five minutes. Pure:
the same random numbers give the same breaths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import FloatArray
from firmware_sim.people.bed_shapes import WINDOW_S, Breathing, breathing_shapes

_S_PER_H: Final = 3600.0
# A pause counts from 10 s (AASM scoring manual); most last 15 to 30 s, few more than a minute.
_PAUSE_LOW_S: Final = 10.0
_PAUSE_HIGH_S: Final = 60.0
_PAUSE_MIDDLE_S: Final = 20.0
_PAUSE_SPREAD: Final = 0.35
# Breath comes back deep and fast, and is as before after about five breaths. Until then nobody
# stops again.
_RECOVERY_S: Final = 25.0
_MEAN_PAUSE_S: Final = _PAUSE_MIDDLE_S * float(np.exp(_PAUSE_SPREAD**2 / 2.0))
_GASP: Final = 1.0  # the first breath is deeper by this share of the usual depth
_GASP_OVER: Final = 2.0  # breaths after which a third of that is left
_GASP_FASTER: Final = 0.15
# Against a closed throat chest and belly work against each other: what reaches the bed is a
# fraction of a breath, turned round, and it grows until the throat opens.
_EFFORT: Final = (0.15, 0.4)
# A breath is over after this share of a usual one; what is left of a long interval is rest.
_BREATH_SHARE: Final = 1.4
_GRID_S: Final = 10.0
_SHORTEST: Final = 0.45
_DEEPEST_DRAWN: Final = 4.0
Rate = Callable[[FloatArray], FloatArray]  # times (s) -> 1/min, the same shape
BoolArray = npt.NDArray[np.bool_]


class Effort(StrEnum):
    """What the chest does while no air comes."""

    CENTRAL = "central"  # nothing
    OBSTRUCTIVE = "obstructive"  # works on, against a closed throat


@dataclass(frozen=True, slots=True)
class Pause:
    """No breath from `from_s` on; the next one begins at `until_s`."""

    from_s: float
    until_s: float
    effort: Effort


@dataclass(frozen=True, slots=True)
class Asleep:
    """A piece of sleep with so many pauses an hour, of which so many are central."""

    from_s: float
    until_s: float
    pauses_per_h: float
    central_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Breaths:
    """Breaths in order, arrays of one length. `depth`: 1 is usual; below 0 turned round.

    `air` is false for what is only an effort: nobody counts it as a breath.
    """

    start_s: FloatArray
    period_s: FloatArray
    depth: FloatArray
    inhale_share: FloatArray
    air: BoolArray

    def wave(self, times_s: FloatArray) -> FloatArray:
        """How far the chest has risen, shape as `times_s`: 0 breathed out, 1 a usual breath in."""
        if not len(self.start_s):
            return np.zeros_like(times_s)
        at = np.clip(np.searchsorted(self.start_s, times_s, side="right") - 1, 0, None)
        phase = np.clip((times_s - self.start_s[at]) / self.period_s[at], 0.0, 1.0)
        share = self.inhale_share[at]
        rising = np.minimum(phase / share, 1.0)
        falling = np.maximum((phase - share) / (1.0 - share), 0.0)
        height = 0.5 * (np.cos(np.pi * falling) - np.cos(np.pi * rising))
        return np.asarray(self.depth[at] * height, dtype=np.float64)

    def counted(self, from_s: float, until_s: float) -> int:
        """Breaths that begin in `[from_s, until_s)`."""
        return int((self.air & (self.start_s >= from_s) & (self.start_s < until_s)).sum())


def plan_pauses(asleep: Sequence[Asleep], rng: np.random.Generator) -> list[Pause]:
    """Pauses at random, as many an hour as it says; none before breath has recovered."""
    found: list[Pause] = []
    for piece in asleep:
        if piece.pauses_per_h <= 0.0:
            continue
        mean_s = max(1.0, _S_PER_H / piece.pauses_per_h - _MEAN_PAUSE_S - _RECOVERY_S)
        at_s = piece.from_s + float(rng.exponential(mean_s))
        while True:
            length_s = float(
                np.clip(rng.lognormal(np.log(_PAUSE_MIDDLE_S), _PAUSE_SPREAD),
                        _PAUSE_LOW_S, _PAUSE_HIGH_S)
            )  # fmt: skip
            central = rng.random() < piece.central_share
            if at_s + length_s + _RECOVERY_S > piece.until_s:
                break
            effort = Effort.CENTRAL if central else Effort.OBSTRUCTIVE
            found.append(Pause(at_s, at_s + length_s, effort))
            at_s += length_s + _RECOVERY_S + float(rng.exponential(mean_s))
    return found


def breathe(
    spans: Sequence[tuple[float, float]], rate: Rate, pauses: Sequence[Pause],
    rng: np.random.Generator,
) -> tuple[Breaths, tuple[Pause, ...]]:  # fmt: skip
    """All breaths of a person in `spans` (s), and the pauses as they came about.

    A pause begins with the first breath that fails and ends with the first that comes: in both a
    breath earlier or later than planned.
    """
    own = breathing_shapes().scores(rng)
    parts = [_quiet(from_s, until_s, rate, own, rng) for from_s, until_s in spans]
    breaths = _joined(parts)
    return _paused(breaths, pauses, rng)


def _quiet(
    from_s: float, until_s: float, rate: Rate, own: FloatArray, rng: np.random.Generator
) -> Breaths:
    """One span without pauses. Time is counted in breaths at the rate of the moment."""
    grid_s = np.append(np.arange(from_s, until_s, _GRID_S), until_s)
    per_s = rate(grid_s) / 60.0
    passed = np.concatenate([[0.0], np.cumsum(np.diff(grid_s) * (per_s[1:] + per_s[:-1]) / 2.0)])
    interval, depth, share = _drawn(int(passed[-1]) + 1, (until_s - from_s) / passed[-1], own, rng)
    begun = np.cumsum(interval) - interval
    start_s = np.interp(begun, passed, grid_s)
    end_s = np.append(start_s[1:], start_s[-1] + interval[-1] / per_s[-1])
    usual_s = _BREATH_SHARE / np.interp(start_s, grid_s, per_s)
    inside = begun < passed[-1]
    return Breaths(
        start_s[inside], np.minimum(end_s - start_s, usual_s)[inside], depth[inside],
        share[inside], np.ones(int(inside.sum()), dtype=np.bool_),
    )  # fmt: skip


def _drawn(
    count: int, mean_s: float, own: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Intervals of mean 1, depths of mean 1 and shares of breathing in, each at least (count,)."""
    each = max(2, round(WINDOW_S / mean_s))
    intervals, depths, shares = [], [], []
    last = np.zeros(2)
    for _ in range(0, count, each):
        shape = Breathing(*breathing_shapes().of_person(own, rng))
        interval, last[0] = _varied(
            each, shape.interval_cv, shape.interval_r1, shape.longest, last[0], rng
        )
        depth, last[1] = _varied(each, shape.depth_cv, shape.depth_r1, shape.deepest, last[1], rng)
        intervals.append(np.maximum(interval, _SHORTEST))
        depths.append(np.minimum(depth, _DEEPEST_DRAWN))
        shares.append(np.full(each, shape.inhale_share))
    return np.concatenate(intervals), np.concatenate(depths), np.concatenate(shares)


def _varied(  # noqa: PLR0917 - four figures, where it stands, and the random numbers
    count: int, cv: float, r1: float, largest: float, last: float, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Values (count,) of mean 1 with that spread, one of them the largest; and where it stands.

    The one large value (a sigh, a rest after it) is part of the spread that was measured, so the
    others share what it leaves.
    """
    rest = np.sqrt(max(cv**2 - (largest - 1.0) ** 2 / count, (cv / 3.0) ** 2))
    spread = float(np.sqrt(np.log1p(rest**2)))
    white = rng.standard_normal(count)
    state, wander = last, np.empty(count)
    own = np.sqrt(1.0 - r1**2)
    for k, step in enumerate(white.tolist()):
        state = r1 * state + own * step
        wander[k] = state
    values = np.minimum(np.exp(spread * wander - spread**2 / 2.0), largest)
    values[int(rng.integers(count))] = largest
    return values / values.mean(), state


def _joined(parts: Sequence[Breaths]) -> Breaths:
    def column(name: str) -> FloatArray:
        return np.concatenate([np.empty(0), *(getattr(part, name) for part in parts)])

    return Breaths(
        column("start_s"), column("period_s"), column("depth"), column("inhale_share"),
        column("air") > 0.0,
    )  # fmt: skip


def _paused(
    breaths: Breaths, pauses: Sequence[Pause], rng: np.random.Generator
) -> tuple[Breaths, tuple[Pause, ...]]:
    """With the pauses worked in: breaths that fail, or become efforts, and the gasps after them."""
    start_s, period_s = breaths.start_s, breaths.period_s.copy()
    depth, air = breaths.depth.copy(), breaths.air.copy()
    gone = np.zeros(len(start_s), dtype=np.bool_)
    happened: list[Pause] = []
    for pause in pauses:
        first, after = np.searchsorted(start_s, [pause.from_s, pause.until_s]).tolist()
        if first == after or after >= len(start_s) or first == 0:
            continue
        failed = slice(first, after)
        if pause.effort is Effort.CENTRAL:
            gone[failed] = True
        else:
            growing = np.linspace(0.6, 1.0, after - first)
            depth[failed] = -growing * rng.uniform(*_EFFORT)
        air[failed] = False
        back = slice(after, min(after + 8, len(start_s)))
        fading = np.exp(-np.arange(back.stop - after) / _GASP_OVER)
        depth[back] *= 1.0 + _GASP * fading
        period_s[back] *= 1.0 - _GASP_FASTER * fading
        happened.append(Pause(float(start_s[first]), float(start_s[after]), pause.effort))
    kept = ~gone
    return Breaths(
        start_s[kept], period_s[kept], depth[kept], breaths.inhale_share[kept], air[kept]
    ), tuple(happened)
