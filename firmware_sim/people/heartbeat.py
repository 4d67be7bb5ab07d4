"""Beat by beat: a heart that breathes with its owner, wanders, stumbles or fibrillates.

Variability is drawn from recorded nights (`bed_shapes.json`), in pieces of five minutes. Pure: the
same random numbers give the same beats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.signal

from edge.signals import FloatArray
from firmware_sim.people.bed_shapes import BANDS_HZ, WINDOW_S, Beating, beating_shapes
from firmware_sim.people.breathing import Breaths, Pause, Rate

_GRID_HZ: Final = 4.0
# Noise power through a band-pass of second order over that through a brick wall:
# (pi/4) / sin(pi/4).
_BUTTER_WIDE: Final = 1.1107
# The recorded volunteers are in their twenties. From the sixth decade on what goes with breath is
# about half of a teenager's (rMSSD 47 %), in the tenth all of five minutes is (SDNN index 46 %):
# Umetani et al., JACC 1998;31:593.
_OLD_SHARE: Final = 0.47
_OLD_FROM: Final = 60
# A raised cosine swings so much around its mean (1/sqrt 8), which a usual breath makes of 0.45.
_WAVE_SD: Final = 0.354
_WAVE_MEAN: Final = 0.45
# A beat shows the mean rate of its interval, and figures are measured between beats: at 15 breaths
# a minute and a beat a second a quarter of the swing is lost on that way (sinc(0.25) cubed).
_SEEN_SHARE: Final = 0.75
# While breath stands still the heart slows down, with the first breaths it races (cyclic variation
# of heart rate, Guilleminault et al., Lancet 1984;1:126). How much: a default of this simulator.
_PAUSE_SLOWER: Final = 0.06
_AFTER_FASTER: Final = 0.12
_AFTER_S: Final = 12.0
# Of those of 80 and more, about one in ten fibrillates (ATRIA, Go et al., JAMA 2001;285:2370: 9 %);
# below, fewer. Its intervals follow no order and spread by about a fifth to a quarter.
_FIBRILLATES: Final = ((80, 0.09), (70, 0.05), (0, 0.02))
_FIBRILLATION_CV: Final = 0.22
# Ectopic beats an hour: few in most people, hundreds in some. Default of this simulator.
_ECTOPIC_MIDDLE_PER_H: Final = 3.0
_ECTOPIC_SPREAD: Final = 2.0
_ECTOPIC_MOST_PER_H: Final = 400.0
# It comes at 0.55 to 0.75 of the way to the next beat, which then fails to come: the pause after
# it makes up for it in full. The half-filled heart throws little blood.
_ECTOPIC_EARLY: Final = (0.25, 0.45)
_ECTOPIC_SIZE: Final = 0.45
# How much a beat throws grows with the time there was to fill, up to a limit.
_FILLING: Final = 0.5
_FILLED: Final = (0.5, 1.3)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a heart beats. `variability`: of the recorded volunteers' own."""

    fibrillates: bool = False
    ectopic_per_h: float = 0.0
    variability: float = 1.0


def draw_rhythm(age: int, rng: np.random.Generator) -> Rhythm:
    """The rhythm of a person of that age."""
    share = next(share for from_age, share in _FIBRILLATES if age >= from_age)
    chance = float(rng.random())
    ectopic = float(rng.lognormal(np.log(_ECTOPIC_MIDDLE_PER_H), _ECTOPIC_SPREAD))
    return Rhythm(
        fibrillates=chance < share,
        ectopic_per_h=min(ectopic, _ECTOPIC_MOST_PER_H),
        variability=_OLD_SHARE if age >= _OLD_FROM else 1.0,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """Heartbeats in order: when, and how much each throws (1: usual). Arrays of one length."""

    at_s: FloatArray
    size: FloatArray

    def counted(self, from_s: float, until_s: float) -> int:
        """Beats in `[from_s, until_s)`."""
        first, end = np.searchsorted(self.at_s, [from_s, until_s])
        return int(end - first)


def beat(  # noqa: PLR0917 - what the heart hears of, in the order it is made
    spans: Sequence[tuple[float, float]], rate: Rate, breaths: Breaths, pauses: Sequence[Pause],
    rhythm: Rhythm, rng: np.random.Generator,
) -> Beats:  # fmt: skip
    """All beats of a person in `spans` (s)."""
    own = beating_shapes().scores(rng)
    parts = [
        _span(from_s, until_s, rate, breaths, pauses, rhythm, own, rng) for from_s, until_s in spans
    ]
    at_s = [part[0] for part in parts]
    size = [part[1] for part in parts]
    return Beats(np.concatenate([np.empty(0), *at_s]), np.concatenate([np.empty(0), *size]))


def _span(  # noqa: PLR0917 - as `beat`, for one span
    from_s: float, until_s: float, rate: Rate, breaths: Breaths, pauses: Sequence[Pause],
    rhythm: Rhythm, own: FloatArray, rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """One span. Time is counted in beats at the rate of the moment."""
    grid_s = np.append(np.arange(from_s, until_s, 1.0 / _GRID_HZ), until_s)
    varied = _varied(grid_s, breaths, rhythm, own, rng) + _startled(grid_s, pauses)
    per_s = rate(grid_s) / 60.0 * np.exp(varied - varied.mean())
    passed = np.concatenate([[0.0], np.cumsum(np.diff(grid_s) * (per_s[1:] + per_s[:-1]) / 2.0)])
    number = int(passed[-1])
    if rhythm.fibrillates:
        shape = _FIBRILLATION_CV**-2
        enough = number + round(2.0 * np.sqrt(number)) + 2  # nine times their sum's own spread
        interval = rng.gamma(shape, 1.0 / shape, enough)
    else:
        interval = np.append(float(rng.random()), np.ones(number))
    order = np.asarray(np.cumsum(interval), dtype=np.float64)
    order = order[order < passed[-1]]
    if len(order) == 0:
        return np.empty(0), np.empty(0)
    usual = np.diff(order, prepend=order[0] - 1.0)
    early = usual * _ectopic(len(order), (until_s - from_s) / 3600.0 * rhythm.ectopic_per_h, rng)
    since = usual - early
    size = np.clip(1.0 + _FILLING * (since - 1.0), *_FILLED)
    size[early > 0.0] *= _ECTOPIC_SIZE
    return np.interp(order - early, passed, grid_s), size


def _ectopic(count: int, wanted: float, rng: np.random.Generator) -> FloatArray:
    """How early each comes, of its interval: 0 but for ectopic ones, no two after each other."""
    early = np.zeros(count)
    many = min(int(rng.poisson(wanted)), count // 3)
    for where in np.sort(rng.choice(count, many, replace=False)).tolist():
        if where > 0 and early[where - 1] == 0.0:
            early[where] = rng.uniform(*_ECTOPIC_EARLY)
    return early


def _varied(
    grid_s: FloatArray, breaths: Breaths, rhythm: Rhythm, own: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """By how much (as a logarithm) the rate is off its middle, on the grid."""
    pieces = int((grid_s[-1] - grid_s[0]) // WINDOW_S) + 1
    shapes = [Beating(*beating_shapes().of_person(own, rng)) for _ in range(pieces)]
    piece = ((grid_s - grid_s[0]) // WINDOW_S).astype(np.int64)
    spread = {
        name: rhythm.variability * np.array([getattr(one, name) for one in shapes])[piece]
        for name in BANDS_HZ
    }
    wander = sum(
        (
            spread[name] * _band_noise(len(grid_s), BANDS_HZ[name], rng)
            for name in ("slow", "middle")
        ),
        np.zeros(len(grid_s)),
    )
    if rhythm.fibrillates:  # what the nerves say is lost in the disorder, but for the slow
        return np.asarray(wander, dtype=np.float64)
    risen = np.clip(breaths.wave(grid_s), -1.0, 1.5) - _WAVE_MEAN
    return np.asarray(wander + spread["breath"] / _WAVE_SD / _SEEN_SHARE * risen, dtype=np.float64)


def _band_noise(count: int, band_hz: tuple[float, float], rng: np.random.Generator) -> FloatArray:
    """Noise of one band with a spread of 1, (count,)."""
    band = scipy.signal.butter(2, band_hz, "band", fs=_GRID_HZ, output="sos")
    lead = round(_GRID_HZ / band_hz[0])  # the filter settles before it is used
    noise = scipy.signal.sosfilt(band, rng.standard_normal(lead + count))[lead:]
    width = (band_hz[1] - band_hz[0]) / (_GRID_HZ / 2.0)
    return np.asarray(noise / np.sqrt(width * _BUTTER_WIDE), dtype=np.float64)


def _startled(grid_s: FloatArray, pauses: Sequence[Pause]) -> FloatArray:
    """Slower in a pause, faster after it, on the grid."""
    change = np.zeros(len(grid_s))
    for pause in pauses:
        first, end, after = np.searchsorted(
            grid_s, [pause.from_s, pause.until_s, pause.until_s + _AFTER_S]
        ).tolist()
        change[first:end] -= _PAUSE_SLOWER * np.linspace(0.0, 1.0, end - first)
        change[end:after] += _AFTER_FASTER * np.linspace(1.0, 0.0, after - end)
    return change
