"""How recorded sleepers breathe, beat and move, as statistics: what they are measured by.

`bed_shapes.json` holds, for each of three things, quantiles of its figures, how they hang together
(correlation of their normal scores) and how much of their spread lies between people; no sample of
a recording. Each volunteer counts the same. `python -m benchmarks.bed_shapes --write` makes it
anew. A bed's own signal was not recorded with these people (docs/data.md): how the heart's beat
looks on a bed is invented in `bed_motion.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import scipy.signal

from edge.signals import FloatArray
from firmware_sim.people.drawn import Joint, joint

FILE: Final = Path(__file__).with_name("bed_shapes.json")

# A belt is judged at this rate: it shows breathing and no heart.
RATE_HZ: Final = 10.0
# Variability is told of five minutes, as heart rate variability is (Task Force of ESC and NASPE,
# 1996): about 75 breaths, within one stage of sleep more often than not.
WINDOW_S: Final = 300.0
_FIVE_S: Final = 5.0
# The swing of 5 s beside the usual one of the 20 minutes around it: movement from here on.
_MOVED: Final = 2.5
_AROUND_S: Final = 1200.0
# A breath rises by at least this share of the usual swing, and lasts at least so long.
_RISE_SHARE: Final = 0.35
_SHORTEST_S: Final = 1.2
_SMOOTH_HZ: Final = 1.0
_MIN_BREATHS: Final = 20
_SIDE_S: Final = 60.0
_NEAR_S: Final = 10.0
# Beat to beat, a sinus rhythm of these volunteers jumps less; beyond it is a drop-out or an ectopic
# beat.
_JUMP: Final = 0.3
_BEATS_HZ: Final = 4.0
_MIN_BEATS: Final = 150
# Bands of heart rate variability (Task Force 1996), Hz.
BANDS_HZ: Final = {"slow": (0.0033, 0.04), "middle": (0.04, 0.15), "breath": (0.15, 0.5)}


@dataclass(frozen=True, slots=True)
class Breathing:
    """Five quiet minutes of breathing."""

    interval_cv: float  # spread of breath intervals over their mean
    interval_r1: float  # how an interval goes with the one before
    depth_cv: float
    depth_r1: float
    inhale_share: float  # of a breath, in its middle
    deepest: float  # of all breaths, over the usual one: a sigh
    longest: float  # interval, over the usual one


@dataclass(frozen=True, slots=True)
class Beating:
    """Five minutes of heartbeats: spread of the intervals over their mean, by band."""

    slow: float
    middle: float
    breath: float


@dataclass(frozen=True, slots=True)
class Moving:
    """One movement in bed."""

    size: float  # swing over the usual one
    length_s: float
    step: float  # how far the level has moved, in usual swings
    coupling: float  # breath's swing after it over that before, as a logarithm


def _fives(slow: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Swings of 5 s each (n,), and the usual one of the 20 minutes around each."""
    size = round(_FIVE_S * RATE_HZ)
    swings = np.ptp(slow[: len(slow) // size * size].reshape(-1, size), axis=1)
    half = round(_AROUND_S / _FIVE_S / 2)
    usual = [float(np.median(swings[max(0, k - half) : k + half])) for k in range(len(swings))]
    return swings, np.maximum(usual, 1e-9)


def quiet_windows(slow: FloatArray) -> Iterator[FloatArray]:
    """Windows of five minutes of a night (n,) at 10 Hz in which nobody moves."""
    swings, usual = _fives(slow)
    moved = swings > _MOVED * usual
    each = round(WINDOW_S / _FIVE_S)
    for k in range(len(swings) // each):
        if not moved[k * each : (k + 1) * each].any():
            first = round(k * WINDOW_S * RATE_HZ)
            yield slow[first : first + round(WINDOW_S * RATE_HZ)]


def breathing_of(window: FloatArray) -> Breathing | None:
    """Of five minutes at 10 Hz, breathing in upwards; None where there are too few breaths."""
    low = scipy.signal.butter(2, _SMOOTH_HZ, fs=RATE_HZ, output="sos")
    smooth = scipy.signal.sosfiltfilt(low, window)
    usual = float(np.median(np.ptp(smooth.reshape(-1, round(_NEAR_S * RATE_HZ)), axis=1)))
    tops, _ = scipy.signal.find_peaks(
        smooth, prominence=_RISE_SHARE * usual, distance=round(_SHORTEST_S * RATE_HZ)
    )
    if len(tops) < _MIN_BREATHS:
        return None
    lows = np.array([a + int(np.argmin(smooth[a:b])) for a, b in pairwise(tops.tolist())])
    interval, depth = np.diff(lows) / RATE_HZ, (smooth[tops[1:]] - smooth[lows])[:-1]
    inhale = (tops[1:-1] - lows[:-1]) / RATE_HZ / interval
    return Breathing(
        interval_cv=float(interval.std() / interval.mean()),
        interval_r1=_after_each_other(interval),
        depth_cv=float(depth.std() / depth.mean()),
        depth_r1=_after_each_other(depth),
        inhale_share=float(np.median(inhale)),
        deepest=float(depth.max() / np.median(depth)),
        longest=float(interval.max() / np.median(interval)),
    )


def _after_each_other(values: FloatArray) -> float:
    if np.ptp(values) == 0.0:
        return 0.0
    return float(np.corrcoef(values[1:], values[:-1])[0, 1])


def beating_windows(rr_s: FloatArray) -> Iterator[FloatArray]:
    """R-R intervals (n,) in pieces of five minutes without a jump."""
    ends = np.cumsum(rr_s)
    for k in range(int(ends[-1] // WINDOW_S)):
        piece = rr_s[(ends > k * WINDOW_S) & (ends <= (k + 1) * WINDOW_S)]
        if len(piece) >= _MIN_BEATS and np.all(np.abs(np.diff(piece)) < _JUMP * np.median(piece)):
            yield piece


def beating_of(rr_s: FloatArray) -> Beating:
    """Of five minutes of intervals: what each band adds to their spread."""
    at_s = np.cumsum(rr_s)
    even = np.interp(np.arange(at_s[0], at_s[-1], 1.0 / _BEATS_HZ), at_s, rr_s)
    even = scipy.signal.detrend(even)
    power = np.abs(np.fft.rfft(even)) ** 2 * 2.0 / len(even) ** 2
    hz = np.fft.rfftfreq(len(even), 1.0 / _BEATS_HZ)
    share = {
        name: float(np.sqrt(power[(hz >= low) & (hz < high)].sum()) / rr_s.mean())
        for name, (low, high) in BANDS_HZ.items()
    }
    return Beating(**share)


def movements_of(slow: FloatArray) -> list[Moving]:
    """All movements of a night (n,) at 10 Hz that are quiet for a minute on both sides."""
    swings, usual = _fives(slow)
    moved = swings > _MOVED * usual
    edges = np.flatnonzero(np.diff(np.concatenate([[False], moved, [False]]).astype(np.int8)))
    size, side = round(_FIVE_S * RATE_HZ), round(_SIDE_S / _FIVE_S)
    near = round(_NEAR_S * RATE_HZ)
    found = []
    for first, end in edges.reshape(-1, 2).tolist():
        if first < side or end + side > len(swings):
            continue
        before, after = swings[first - side : first], swings[end : end + side]
        if moved[first - side : first].any() or moved[end : end + side].any():
            continue
        level = slow[end * size : end * size + near].mean()
        level -= slow[first * size - near : first * size].mean()
        found.append(
            Moving(
                size=float((swings[first:end] / usual[first:end]).max()),
                length_s=float((end - first) * _FIVE_S),
                step=float(abs(level) / usual[first]),
                coupling=float(np.log(np.median(after) / np.median(before))),
            )
        )
    return found


def moves_per_h(slow: FloatArray) -> float:
    """Movements an hour of a night, however near they are to each other."""
    swings, usual = _fives(slow)
    begins = np.diff(np.concatenate([[False], swings > _MOVED * usual]).astype(np.int8)) > 0
    return float(begins.sum() / (len(slow) / RATE_HZ / 3600.0))


def names_of(kind: type[Breathing] | type[Beating] | type[Moving]) -> tuple[str, ...]:
    """The figures of one of the three."""
    return tuple(field.name for field in fields(kind))


@cache
def _known(kind: type[Breathing] | type[Beating] | type[Moving]) -> Joint:
    shapes = json.loads(FILE.read_text(encoding="utf-8"))["shapes"]
    return joint(shapes[kind.__name__.lower()], names_of(kind))


def breathing_shapes() -> Joint:
    """Of quiet breathing, figures of `Breathing`."""
    return _known(Breathing)


def beating_shapes() -> Joint:
    """Of heartbeats, figures of `Beating`."""
    return _known(Beating)


def moving_shapes() -> Joint:
    """Of movements, figures of `Moving`."""
    return _known(Moving)
