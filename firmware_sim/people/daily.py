"""Motion primitives of ordinary life. Each begins where the last one ended, at rest."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from edge.signals import FloatArray, Position
from firmware_sim.people.body import HEEL_SHARE, LYING, Body, Posture
from firmware_sim.people.kinematics import (
    Motion,
    acceleration_g,
    blend,
    fade,
    half_sine,
    held,
    join,
    minimum_jerk,
    ringing,
)

_BREATHING_HZ: Final = 0.27  # 16 breaths a minute
_ARM_LENGTH_M: Final = 0.52  # shoulder to wrist, slightly bent
_HEEL_RING_HZ: Final = 17.0
_HEEL_DECAY_S: Final = 0.035
_EDGE_S: Final = 0.6  # how long it takes to fall into step, and out of it

_STAND_UP_LEAN_DEG: Final = 32.0  # the trunk swings forward before it can rise
_SIT_DOWN_LEAN_DEG: Final = 24.0


def _wobble(body: Body, n: int, rms_deg: float, cutoff_hz: float) -> Rotation:
    """Small random turns that begin and end at none."""
    turns = body.noise(n, np.radians(rms_deg), cutoff_hz)
    window = fade(n, body.steps(_EDGE_S))
    return Rotation.from_rotvec(turns * window[:, None])


def still(body: Body, duration_s: float) -> Motion:
    """Stays as they are: breathing, sway, now and then a small shift."""
    n = body.steps(duration_s)
    t = body.times_s(n)
    awake = body.posture not in LYING
    breath_deg = {Position.WRIST: 0.15, Position.WAIST: 0.35}.get(body.position, 0.8)
    phase = body.rng.uniform(0.0, 2.0 * np.pi)
    breath = np.radians(breath_deg) * (
        np.sin(2.0 * np.pi * _BREATHING_HZ * t + phase) * fade(n, body.steps(_EDGE_S))
    )
    sway_deg = 0.8 if body.posture is Posture.STANDING else 0.3
    rotation = (
        held(body.rotation, n)
        * Rotation.from_rotvec(np.outer(breath, [0.0, 1.0, 0.0]))
        * _wobble(body, n, sway_deg if awake else 0.1, 0.7)
    )
    acceleration = body.noise(n, 0.004 if awake else 0.0015, 3.0)
    return Motion(rotation, acceleration * fade(n, body.steps(_EDGE_S))[:, None])


def fidget(body: Body, duration_s: float) -> Motion:
    """Turns a page, shifts on the chair, scratches: small movements without change of posture."""
    n = body.steps(duration_s)
    strength = 2.2 if body.on_the_wrist else 0.5
    window = fade(n, n // 3)[:, None]
    turns = body.noise(n, np.radians(9.0 * strength), 1.2)
    shakes = body.noise(n, 0.035 * strength, 4.0)
    rotation = held(body.rotation, n) * Rotation.from_rotvec(turns * window)
    return Motion(rotation, shakes * window)


def change_posture(
    body: Body, posture: Posture, duration_s: float, lean_deg: float = 0.0
) -> Motion:
    """Moves from one posture to another, leaning forward on the way where the body must."""
    n = body.steps(duration_s)
    progress = (np.arange(n) + 1) / n
    way = minimum_jerk(progress)
    target = body.hold(posture)
    lean = np.radians(lean_deg) * np.sin(np.pi * way) ** 2
    rotation = Rotation.from_rotvec(np.outer(lean, [0.0, 1.0, 0.0])) * blend(
        body.rotation, target.rotation(), way
    )
    path = np.zeros((n, 3))
    path[:, 2] = (target.height_m - body.hold(body.posture).height_m) * way
    path[:, 0] = 0.15 * np.sin(np.pi * way) ** 2 * np.sign(lean_deg)
    tremble = body.noise(n, 0.025, 5.0)
    acceleration = acceleration_g(path, body.internal_rate_hz) + tremble * fade(n, n // 4)[:, None]
    body.rotation, body.posture = target.rotation(), posture
    return Motion(rotation, acceleration)


def stand_up(body: Body) -> Motion:
    """Rises from chair or bed."""
    motions = []
    if body.posture in LYING:
        motions.append(change_posture(body, Posture.SITTING, body.rng.uniform(2.2, 3.5)))
        motions.append(still(body, body.rng.uniform(1.0, 3.0)))
    lean_deg = 10.0 if body.on_the_wrist else _STAND_UP_LEAN_DEG
    rise_s = body.rng.uniform(1.5, 2.4)
    motions.append(change_posture(body, Posture.STANDING, rise_s, lean_deg))
    return join(*motions)


def sit_down(body: Body) -> Motion:
    """Sits down; the last centimetres are a small drop onto the seat."""
    lean_deg = 8.0 if body.on_the_wrist else _SIT_DOWN_LEAN_DEG
    down = change_posture(body, Posture.SITTING, body.rng.uniform(1.4, 2.1), lean_deg)
    n = len(down)
    at_n = n - body.steps(0.18)
    thump_g = body.rng.uniform(0.15, 0.5) * HEEL_SHARE[body.position]
    thump = half_sine(n, at_n, body.steps(0.09)) + 0.35 * ringing(
        n, at_n, 11.0, 0.06, body.internal_rate_hz
    )
    acceleration = down.acceleration_g.copy()
    acceleration[:, 2] += thump_g * thump
    return join(Motion(down.rotation, acceleration), still(body, 0.6))


def lie_down(body: Body) -> Motion:
    """From the edge of the bed onto the back."""
    motions = [] if body.posture is Posture.SITTING else [sit_down(body)]
    motions.append(change_posture(body, Posture.LYING_BACK, body.rng.uniform(2.2, 3.2)))
    return join(*motions)


def turn_in_bed(body: Body) -> Motion:
    """Rolls over to another side."""
    sides = sorted(LYING - {body.posture})
    side = sides[body.rng.integers(len(sides))]
    turn = change_posture(body, side, body.rng.uniform(1.6, 3.0))
    n = len(turn)
    effort = body.noise(n, 0.06, 3.0)
    return Motion(turn.rotation, turn.acceleration_g + effort * fade(n, n // 3)[:, None])


def reach(body: Body) -> Motion:
    """Reaches for something and comes back: the arm far, the trunk a little."""
    n = body.steps(body.rng.uniform(1.4, 2.6))
    way = np.sin(np.pi * minimum_jerk((np.arange(n) + 1) / n)) ** 2
    angle = np.radians(body.rng.uniform(40.0, 95.0) if body.on_the_wrist else 14.0)
    side = body.rng.uniform(-0.3, 0.3)
    rotation = Rotation.from_rotvec(np.outer(-angle * way, [side, 1.0, 0.0])) * held(
        body.rotation, n
    )
    length_m = _ARM_LENGTH_M if body.on_the_wrist else 0.12
    path = np.zeros((n, 3))
    path[:, 0] = length_m * np.sin(angle * way)
    path[:, 2] = length_m * (1.0 - np.cos(angle * way))
    return Motion(rotation, acceleration_g(path, body.internal_rate_hz))


def set_down(body: Body) -> Motion:
    """Takes the device off and puts it on a table: a wobble, a knock, then it lies dead still."""
    n = body.steps(2.0)
    flat = Rotation.from_euler("y", -90.0, degrees=True)
    way = minimum_jerk((np.arange(n) + 1) / body.steps(1.4))
    rotation = blend(body.rotation, flat, np.minimum(way, 1.0))
    shakes = body.noise(n, 0.15, 5.0)
    at_n = body.steps(1.4)
    shakes[:at_n] *= fade(at_n, body.steps(0.4))[:, None]
    shakes[at_n:] = 0.0
    knock = ringing(n, at_n, 28.0, 0.02, body.internal_rate_hz) * body.rng.uniform(0.6, 1.6)
    shakes[:, 2] += knock
    body.rotation = flat
    return Motion(rotation, shakes)


def on_the_table(body: Body, duration_s: float) -> Motion:
    """The device lies on a table: no breath, no sway."""
    n = body.steps(duration_s)
    return Motion(held(body.rotation, n), np.zeros((n, 3)))


def walk(body: Body, duration_s: float) -> Motion:
    """Walks: bounce and heel strike at every step, sway at every second, the arm swings along."""
    n = body.steps(duration_s)
    window = fade(n, body.steps(_EDGE_S))
    drift = body.noise(n, 0.05, 0.3)[:, 0]
    steps = np.cumsum(body.gait.cadence_hz * (1.0 + drift)) / body.internal_rate_hz
    phase = 2.0 * np.pi * steps
    gain = 0.8 if body.on_the_wrist else 1.0
    bounce = body.gait.bounce_g * gain
    acceleration = np.column_stack(
        [
            0.55 * bounce * np.sin(phase + 0.6),
            0.45 * bounce * np.sin(phase / 2.0),
            bounce * (np.cos(phase) + 0.35 * np.cos(2.0 * phase + 0.8)),
        ]
    )
    acceleration[:, (0, 2)] += _heel_strikes(body, steps, n)
    acceleration += body.noise(n, 0.065, 12.0)
    if body.on_the_wrist:
        swing, swing_acceleration = _arm_swing(body, phase, window)
        acceleration = acceleration * window[:, None] + swing_acceleration
    else:
        swing = Rotation.from_rotvec(
            np.radians(
                np.column_stack(
                    [3.0 * np.sin(phase / 2.0), 1.5 * np.sin(phase), 4.0 * np.cos(phase / 2.0)]
                )
            )
            * window[:, None]
        )
        acceleration *= window[:, None]
    wobble = _wobble(body, n, 3.0 if body.on_the_wrist else 1.2, 0.8)
    return Motion(swing * held(body.rotation, n) * wobble, acceleration)


def _heel_strikes(body: Body, steps: FloatArray, n: int) -> FloatArray:
    """Forward and upward jolts at every whole step, shape (n, 2), in g."""
    jolts = np.zeros((n, 2))
    length = body.steps(6.0 * _HEEL_DECAY_S)
    shape = ringing(length, 0, _HEEL_RING_HZ, _HEEL_DECAY_S, body.internal_rate_hz)
    strength_g = body.gait.heel_g * HEEL_SHARE[body.position]
    for at in np.flatnonzero(np.diff(np.floor(steps)) > 0).tolist():
        end = min(n, at + length)
        force = strength_g * body.rng.uniform(0.7, 1.35)
        jolts[at:end, 0] -= 0.4 * force * shape[: end - at]
        jolts[at:end, 1] += force * shape[: end - at]
    return jolts


def _arm_swing(body: Body, phase: FloatArray, window: FloatArray) -> tuple[Rotation, FloatArray]:
    """The arm as a pendulum at half the step rate: its turn, and the wrist's acceleration in g."""
    angle = np.radians(body.gait.arm_swing_deg) * np.sin(phase / 2.0) * window
    path = np.zeros((len(phase), 3))
    path[:, 0] = _ARM_LENGTH_M * np.sin(angle)
    path[:, 2] = _ARM_LENGTH_M * (1.0 - np.cos(angle))
    turn = Rotation.from_rotvec(np.outer(-angle, [0.0, 1.0, 0.0]))
    return turn, acceleration_g(path, body.internal_rate_hz)
