"""An impact that has the drawn figures: the mechanical one, with contact and support solved for.

What stays of the mechanical model: how long everything takes, how the body turns, which way it
hits. What is solved for: how hard and how long the contact is, how steeply it begins, how late
the legs give way and how much they still carry.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Final

import numpy as np

from edge.signals import FloatArray
from firmware_sim.people.body import Body
from firmware_sim.people.impact_shapes import NEAR_S, Impact, Statistics, measured
from firmware_sim.people.kinematics import Motion, half_sine, join, minimum_jerk, ringing

_STEPS: Final = 24  # of the search; what it finds by then is within a sample of what was drawn
_MOST_G: Final = 12.0  # a wrist on a mat; stops the search where a narrow range clips
# One contact is over half of its peak for at most this long; what is longer hits more than once.
_ONE_CONTACT_S: Final = 0.10
_HALF_OF_SINE: Final = 2.0 / 3.0  # of its width a half-sine is above half of its height
_NEAR_PEAK_G: Final = 0.05
_GIVING_WAY_S: Final = 0.08  # legs do not let go at once
_LOOKED_BACK_S: Final = 1.0
# How much a miss of each figure counts: peak, dip and low are by the unit, the others by ratio.
_MISS: Final = np.array([3.0, 2.0, 6.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class _Trial:
    """What the search turns."""

    height_g: float
    wide_s: float
    rise: float  # share of the contact until its peak
    late_s: float  # how long after losing balance the legs give way
    free: float  # 0: they carry all, 1: the mechanical descent, 2: free fall
    spread: float  # towards an even share of the sensor's axes: a clipped peak needs it


@dataclass(frozen=True, slots=True)
class _Scene:
    """What one fall has that the search does not turn."""

    body: Body
    before: Motion
    descent: Motion
    impact: Motion
    peak_n: int  # in the impact
    way: FloatArray  # unit vector of the mechanical impact, world
    even: FloatArray  # of equal shares of the sensor's axes, on the same side, world
    texture: FloatArray  # ringing and settling, for a height of 1 g and as it is
    settling: FloatArray
    again_s: float  # until the second hit
    again_share: float
    bounce: float
    to_sensor: FloatArray  # (n, 3, 3) world to sensor, at every step


def shaped(
    body: Body,
    statistics: Statistics,
    mechanical: tuple[Motion, Motion, Motion],
    mounting: FloatArray,
) -> tuple[Motion, Motion]:
    """Descent and impact with figures drawn from `statistics`; as long, turned and timed as before.

    `mechanical` is what comes before losing hold, the descent and the impact. `mounting` (3, 3)
    turns segment axes into the sensor's: its range clips along them.
    """
    before, descent, impact = mechanical
    target = statistics.draw(body.impact_rng)
    scene = _scene(body, before, descent, impact, mounting)
    trial = _Trial(target.peak_g, target.wide_s, 0.5, 0.0, 1.0, 0.0)
    best, least = trial, np.inf
    for _ in range(_STEPS):
        got = _seen(scene, trial, statistics)
        miss = _miss(got, target)
        if miss < least:
            best, least = trial, miss
        trial = _turned(trial, got, target, len(descent) / body.internal_rate_hz)
    falling, hit = _accelerations(scene, best)
    return replace(descent, acceleration_g=falling), replace(impact, acceleration_g=hit)


def _scene(
    body: Body, before: Motion, descent: Motion, impact: Motion, mounting: FloatArray
) -> _Scene:
    rng, n, rate_hz = body.impact_rng, len(impact), body.internal_rate_hz
    before = _last(before, body)
    whole = join(before, descent, impact)
    peak_n = impact.impact_n or 0
    way = impact.acceleration_g[peak_n]
    way = way / np.sqrt((way * way).sum())
    to_sensor = mounting @ whole.rotation.inv().as_matrix()
    at_peak = to_sensor[len(before) + len(descent) + peak_n]
    signs = np.where((at_peak * way).sum(axis=1) < 0.0, -1.0, 1.0)
    even = (at_peak * signs[:, None]).sum(axis=0) / np.sqrt(3.0)
    wave = ringing(n, peak_n, rng.uniform(9.0, 16.0), rng.uniform(0.05, 0.10), rate_hz)
    texture = np.outer(wave * 0.10, rng.normal(0.0, 1.0, 3))
    # no body.noise: that would take from the numbers of the person's later life
    times_s = np.arange(n) / rate_hz
    swings = sum(
        np.outer(np.sin(2.0 * np.pi * (hz * times_s + rng.random())), rng.normal(0.0, 0.12, 3))
        for hz in rng.uniform(1.0, 6.0, 4)
    )
    settling = np.asarray(swings * np.exp(-times_s / 0.45)[:, None])
    return _Scene(
        body, before, descent, impact, peak_n, way, even, texture, settling,
        again_s=rng.uniform(0.12, 0.28), again_share=rng.uniform(0.55, 0.9),
        bounce=rng.uniform(0.10, 0.30), to_sensor=to_sensor,
    )  # fmt: skip


def _last(motion: Motion, body: Body) -> Motion:
    """What the figures may reach back to; cut where a sample begins."""
    keep_n = body.steps(_LOOKED_BACK_S)
    first = max(0, len(motion) - keep_n) // body.steps_per_sample * body.steps_per_sample
    return Motion(motion.rotation[first:], motion.acceleration_g[first:])


def _accelerations(scene: _Scene, trial: _Trial) -> tuple[FloatArray, FloatArray]:
    """Of descent and impact, each (n, 3), world, without gravity, in g."""
    rate_hz, peak_n = scene.body.internal_rate_hz, scene.peak_n
    falls_n, hits_n = len(scene.descent), len(scene.impact)
    held = minimum_jerk((np.arange(falls_n) / rate_hz - trial.late_s) / _GIVING_WAY_S)[:, None]
    falling = scene.descent.acceleration_g * min(trial.free, 2.0 - trial.free)
    falling = (falling - np.array([0.0, 0.0, max(0.0, trial.free - 1.0)])) * held

    one_s = min(trial.wide_s, _ONE_CONTACT_S) / _HALF_OF_SINE
    pulse = _contact(falls_n + hits_n, falls_n + peak_n, one_s * rate_hz, trial.rise)
    more_s = trial.wide_s - _ONE_CONTACT_S
    again_n = falls_n + peak_n + round((scene.again_s + one_s / 2.0) * rate_hz)
    again_s, share = (more_s / _HALF_OF_SINE, scene.again_share) if more_s > 0.0 else (
        one_s, scene.bounce
    )  # fmt: skip
    pulse += share * half_sine(len(pulse), again_n, max(2, round(again_s * rate_hz)))
    way = scene.way * (1.0 - trial.spread) + scene.even * trial.spread
    way = way / np.sqrt((way * way).sum())
    hit = np.outer(pulse * trial.height_g, way)
    # the contact begins while the last of the descent is still going on, and ends it
    falling = falling * (1.0 - np.minimum(1.0, 2.0 * pulse[:falls_n]))[:, None]
    after = hit[falls_n:] + scene.texture * trial.height_g + scene.settling
    lead_n = max(1, peak_n - round(one_s * trial.rise * rate_hz))
    still_falling = np.clip(1.0 - np.arange(hits_n) / lead_n, 0.0, 1.0)[:, None]
    return falling + hit[:falls_n], after + still_falling * falling[-1]


def _contact(n: int, peak_n: int, width_n: float, rise: float) -> FloatArray:
    """A pulse of height 1 at `peak_n`: a quarter sine up, another down, of unequal length."""
    at = np.arange(n) - peak_n
    up, down = max(1.0, width_n * rise), max(1.0, width_n * (1.0 - rise))
    phase = np.where(at < 0, at / up, at / down)
    return np.asarray(np.where(np.abs(phase) < 1.0, np.cos(np.pi / 2.0 * phase), 0.0))


def _seen(scene: _Scene, trial: _Trial, statistics: Statistics) -> Impact:
    """The figures of it as the sensor of the recordings would give them."""
    falling, hit = _accelerations(scene, trial)
    force = np.concatenate([scene.before.acceleration_g, falling, hit])
    force[:, 2] += 1.0
    sensed = (scene.to_sensor * force[:, None, :]).sum(axis=2)
    every = max(1, round(scene.body.internal_rate_hz / statistics.rate_hz))
    n = len(sensed) // every
    means = sensed[: n * every].reshape(n, every, 3).mean(axis=1)
    size = np.sqrt((np.clip(means, -statistics.range_g, statistics.range_g) ** 2).sum(axis=1))
    middle = (len(scene.before) + len(falling) + scene.peak_n) // every
    near = round(NEAR_S * statistics.rate_hz)
    top = middle - near + int(np.argmax(size[middle - near : middle + near]))
    return measured(size, statistics.rate_hz, top)


def _miss(got: Impact, target: Impact) -> float:
    ours, drawn = np.array(astuple(got)), np.array(astuple(target))
    off = np.abs(ours - drawn)
    off[[0, 3, 4]] = np.abs(np.log(np.maximum(ours, 1e-3) / np.maximum(drawn, 1e-3)))[[0, 3, 4]]
    return float((off * _MISS).sum())


def _turned(trial: _Trial, got: Impact, target: Impact, descent_s: float) -> _Trial:
    """The next trial: each knob a little towards what is missing in its own figure."""

    def ratio(wanted: float, has: float, power: float) -> float:
        return float(np.clip(wanted / max(has, 1e-3), 0.7, 1.4) ** power)

    height_g = min(_MOST_G, trial.height_g * ratio(target.peak_g, got.peak_g, 0.9))
    short = target.peak_g - got.peak_g > _NEAR_PEAK_G and height_g > 1.15 * target.peak_g
    return _Trial(
        height_g=height_g,
        wide_s=float(np.clip(trial.wide_s * ratio(target.wide_s, got.wide_s, 0.6), 0.015, 0.6)),
        rise=float(np.clip(trial.rise * ratio(got.jerk_g_s, target.jerk_g_s, 0.7), 0.1, 0.85)),
        late_s=float(np.clip(trial.late_s + 0.7 * (got.low_s - target.low_s), 0.0, descent_s)),
        free=float(np.clip(trial.free + 0.7 * (got.dip_g - target.dip_g), 0.05, 2.0)),
        spread=min(1.0, trial.spread + 0.15) if short else trial.spread,
    )
