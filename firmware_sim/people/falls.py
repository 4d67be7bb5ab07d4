"""Falls: loss of support, descent, impact with bounce, and what comes after.

The descent is a body that tips over its feet and buckles at the knees (an inverted pendulum that
shortens), so the loss of weight before the impact and the speed at it follow from mechanics. The
impact takes that speed away within the time a padded body needs for it. Where falls were recorded
at that position, the shape of the impact is then drawn from their statistics (`impact.py`); when
it happens, and what comes after, is not touched by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from edge.signals import FloatArray
from firmware_sim.people.body import LYING, ON_THE_FLOOR, Body, Posture
from firmware_sim.people.daily import change_posture, sit_down, stand_up, still, walk
from firmware_sim.people.impact import shaped
from firmware_sim.people.impact_shapes import statistics_of
from firmware_sim.people.kinematics import (
    STANDARD_GRAVITY_M_S2,
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


class FallKind(StrEnum):
    """How someone goes down."""

    FORWARD = "forward"
    BACKWARD = "backward"
    SIDEWAYS = "sideways"
    SLIDE_OFF_CHAIR = "slide-off-chair"


class Aftermath(StrEnum):
    """What someone does once down."""

    STILL = "still"
    STRUGGLING = "struggling"
    GETTING_UP = "getting-up"


@dataclass(frozen=True, slots=True)
class _Course:
    """How one kind of fall goes. Directions in the world: x forward, y left."""

    axis: tuple[float, float, float]  # the body turns about it
    way: tuple[float, float]
    end: Posture
    first_contact_s: float  # knee, seat or elbow, before the main impact; 0: none
    first_contact_share: float  # of the main impact


_COURSES: Final = MappingProxyType(
    {
        FallKind.FORWARD: _Course((0, 1, 0), (1, 0), Posture.FLOOR_FRONT, 0.16, 0.35),
        FallKind.BACKWARD: _Course((0, -1, 0), (-1, 0), Posture.FLOOR_BACK, 0.11, 0.6),
        FallKind.SIDEWAYS: _Course((-1, 0, 0), (0, 1), Posture.FLOOR_LEFT, 0.0, 0.0),
        FallKind.SLIDE_OFF_CHAIR: _Course((0, -1, 0), (1, 0), Posture.FLOOR_SLUMPED, 0.0, 0.0),
    }
)

# A uniform rod of body height tips over its end with 1.5 g sin(angle) / length.
_BODY_LENGTH_M: Final = 1.62
_ROD: Final = 1.5
_TIPPING_RAD: Final = 0.10  # beyond this lean nobody steps back any more
_DOWN_RAD: Final = 1.25  # about here hip, shoulder or hand reaches the floor
_MAX_DESCENT_S: Final = 1.4
# Measured restitution of hip and trunk on floors is low; soft tissue takes most of the energy.
_RESTITUTION: Final = (0.10, 0.22)
_CONTACT_S: Final = (0.055, 0.095)  # half-sine, padded body on a floor
_WRIST_CONTACT_S: Final = (0.030, 0.055)  # bone under thin skin stops faster
# Nobody falls like a board: hands, knees and furniture take part of the speed.
_SPEED_LEFT: Final = (0.55, 0.95)


def fall(
    body: Body, kind: FallKind, aftermath: Aftermath, after_s: float, mounting: FloatArray
) -> Motion:
    """A whole fall from wherever the body is, with `after_s` seconds of what follows.

    `mounting` (3, 3) turns the segment's axes into the sensor's.
    """
    before = _get_ready(body, kind)
    stumble = _stumble(body)
    descent, speed_m_s = _slide(body) if kind is FallKind.SLIDE_OFF_CHAIR else _tip(body, kind)
    impact = _impact(body, _COURSES[kind], speed_m_s)
    statistics = statistics_of(body.position)
    # nobody recorded slides off a chair: they stay as mechanics makes them
    if statistics is not None and kind is not FallKind.SLIDE_OFF_CHAIR:
        mechanical = (join(*before, stumble), descent, impact)
        descent, impact = shaped(body, statistics, mechanical, mounting)
    motions = [*before, stumble, descent, impact, *_after(body, aftermath, after_s)]
    return join(*motions)


def _get_ready(body: Body, kind: FallKind) -> list[Motion]:
    """Whoever tips over stood before; whoever slides off a chair sat on it."""
    if body.posture in ON_THE_FLOOR or body.posture is Posture.KNEELING:
        return [_get_up(body)]
    if kind is FallKind.SLIDE_OFF_CHAIR:
        if body.posture is Posture.SITTING:
            return []
        if body.posture in LYING:
            return [change_posture(body, Posture.SITTING, 2.5)]
        return [sit_down(body)]
    if body.posture is Posture.STANDING:
        return [walk(body, body.rng.uniform(1.2, 2.5))]
    return [stand_up(body), still(body, 0.6), walk(body, body.rng.uniform(2.0, 4.0))]


def _stumble(body: Body) -> Motion:
    """The moment of losing balance: unsteady, nothing violent yet."""
    n = body.steps(body.rng.uniform(0.25, 0.6))
    strength_g = body.rng.uniform(0.08, 0.22)
    shakes = body.noise(n, strength_g, 4.0)
    turns = body.noise(n, np.radians(3.0), 1.5)
    window = fade(n, n // 3)[:, None]
    rotation = held(body.rotation, n) * Rotation.from_rotvec(turns * window)
    return Motion(rotation, shakes * window)


def _tipping_angles(body: Body) -> FloatArray:
    """The lean over time, from losing balance to the floor, in rad."""
    dt_s = 1.0 / body.internal_rate_hz
    angle, rate = _TIPPING_RAD, body.rng.uniform(0.5, 1.1)
    angles = []
    for _ in range(body.steps(_MAX_DESCENT_S)):
        angles.append(angle)
        if angle >= _DOWN_RAD:
            break
        rate += _ROD * STANDARD_GRAVITY_M_S2 / _BODY_LENGTH_M * np.sin(angle) * dt_s
        angle += rate * dt_s
    return np.array(angles)


def _tip(body: Body, kind: FallKind) -> tuple[Motion, FloatArray]:
    """Tips over and buckles; the motion and the speed (m/s, world) just before the impact."""
    course = _COURSES[kind]
    angles = _tipping_angles(body)
    n = len(angles)
    standing_m = body.hold(Posture.STANDING).height_m
    buckled = body.rng.uniform(0.15, 0.45)
    length_m = standing_m * (1.0 - buckled * minimum_jerk(np.arange(n) / n) ** 1.5)
    sideways, up = length_m * np.sin(angles), length_m * np.cos(angles)
    path = np.column_stack([course.way[0] * sideways, course.way[1] * sideways, up])
    velocity = np.gradient(path, axis=0) * body.internal_rate_hz
    acceleration = np.gradient(velocity, axis=0) * body.internal_rate_hz / STANDARD_GRAVITY_M_S2
    acceleration[:4] *= np.linspace(0.0, 1.0, 4)[:, None]
    rotation = Rotation.from_rotvec(np.outer(angles - angles[0], course.axis)) * held(
        body.rotation, n
    )
    if body.on_the_wrist:
        fling, fling_g = _fling(body, n)
        rotation = rotation * fling
        acceleration = acceleration + fling_g
    acceleration += body.noise(n, 0.05, 6.0)
    body.rotation = rotation[n - 1]
    return Motion(rotation, acceleration), velocity[-2]


def _slide(body: Body) -> tuple[Motion, FloatArray]:
    """Slips from the seat: friction carries half the weight, then the floor is near."""
    drop_m = body.hold(Posture.SITTING).height_m - body.hold(Posture.FLOOR_SLUMPED).height_m
    share = body.rng.uniform(0.45, 0.75)  # of free fall
    duration_s = np.sqrt(2.0 * drop_m / (share * STANDARD_GRAVITY_M_S2))
    n = body.steps(float(duration_s))
    onset = minimum_jerk(np.arange(n) / (0.3 * n))
    acceleration = np.zeros((n, 3))
    acceleration[:, 2] = -share * onset
    acceleration[:, 0] = 0.18 * np.sin(np.pi * np.arange(n) / n)
    acceleration += body.noise(n, 0.05, 6.0)
    target = body.hold(Posture.FLOOR_SLUMPED).rotation()
    rotation = blend(body.rotation, target, 0.6 * minimum_jerk(np.arange(n) / n))
    body.rotation = rotation[n - 1]
    speed = acceleration.sum(axis=0) * STANDARD_GRAVITY_M_S2 / body.internal_rate_hz
    return Motion(rotation, acceleration), np.asarray(speed, dtype=np.float64)


def _fling(body: Body, n: int) -> tuple[Rotation, FloatArray]:
    """The arm goes out for a hold: its turn (about its own axes) and acceleration in g."""
    reach_rad = np.radians(body.rng.uniform(35.0, 80.0))
    angle = -reach_rad * minimum_jerk(np.arange(n) / n)
    path = np.zeros((n, 3))
    path[:, 0] = 0.45 * np.sin(-angle)
    path[:, 2] = 0.45 * (1.0 - np.cos(angle))
    turn = Rotation.from_rotvec(np.outer(angle, [0.0, 1.0, 0.2]))
    return turn, acceleration_g(path, body.internal_rate_hz)


def _impact(body: Body, course: _Course, speed_m_s: FloatArray) -> Motion:
    """Takes the speed away: first contact, main impact, bounce, ringing; ends on the floor."""
    rng, rate_hz = body.rng, body.internal_rate_hz
    lead_n = body.steps(course.first_contact_s) if course.first_contact_s else 0
    n = lead_n + body.steps(1.6)
    contact_s = rng.uniform(*(_WRIST_CONTACT_S if body.on_the_wrist else _CONTACT_S))
    width_n = body.steps(contact_s)
    left = speed_m_s * rng.uniform(*_SPEED_LEFT)
    bounce = rng.uniform(*_RESTITUTION)
    # the area of a half-sine is 2/pi of its height times its width
    peak_g = -left * (1.0 + bounce) * np.pi / 2.0 / contact_s / STANDARD_GRAVITY_M_S2
    peak_g[:2] += rng.normal(0.0, 0.35, size=2) * abs(peak_g[2])

    acceleration = np.outer(half_sine(n, lead_n, width_n), peak_g)
    if lead_n:
        first = half_sine(n, 0, body.steps(0.06)) * course.first_contact_share
        acceleration += np.outer(first, peak_g * rng.uniform(0.7, 1.1))
    flight_s = min(0.16, 2.0 * bounce * abs(left[2]) / STANDARD_GRAVITY_M_S2)
    landing_n = lead_n + width_n + body.steps(flight_s)
    acceleration[lead_n + width_n : landing_n, 2] -= 0.85  # in the air again, almost weightless
    acceleration += np.outer(half_sine(n, landing_n, width_n), peak_g * bounce * 1.4)
    for at_n, strength in ((lead_n + width_n // 2, 0.16), (landing_n, 0.08)):
        wave = ringing(n, at_n, rng.uniform(9.0, 16.0), rng.uniform(0.05, 0.10), rate_hz)
        acceleration += np.outer(wave * strength, rng.normal(0.0, 1.0, 3) * abs(peak_g[2]))
    settling = body.noise(n, 0.2, 5.0)
    acceleration += settling * np.exp(-np.arange(n) / body.steps(0.45))[:, None]

    target = body.hold(course.end).rotation()
    way = minimum_jerk(np.arange(n) / body.steps(0.25 + course.first_contact_s))
    rotation = blend(body.rotation, target, way)
    body.rotation, body.posture = target, course.end
    return Motion(rotation, acceleration, impact_n=lead_n + width_n // 2)


def _after(body: Body, aftermath: Aftermath, after_s: float) -> list[Motion]:
    """What follows on the floor, about `after_s` seconds of it."""
    if aftermath is Aftermath.STILL:
        return [still(body, after_s)]
    if aftermath is Aftermath.STRUGGLING:
        motions = [still(body, min(2.0, after_s))]
        left_s = after_s - 2.0
        while left_s > 0.0:
            bout_s = min(left_s, body.rng.uniform(1.5, 4.0))
            pause_s = min(left_s, body.rng.uniform(1.0, 3.5))
            motions += [struggle(body, bout_s), still(body, pause_s)]
            left_s -= bout_s + pause_s
        return motions
    lie_s = min(after_s, body.rng.uniform(3.0, 6.0))
    motions = [still(body, lie_s), _get_up(body)]
    motions.append(
        still(body, max(0.5, after_s - lie_s - len(motions[-1]) / body.internal_rate_hz))
    )
    return motions


def struggle(body: Body, duration_s: float) -> Motion:
    """Tries to turn and to push up, and sinks back."""
    n = body.steps(duration_s)
    window = fade(n, n // 4)[:, None]
    turn_deg = 26.0 if body.on_the_wrist else 11.0
    turns = body.noise(n, np.radians(turn_deg), 0.8)
    shakes = body.noise(n, 0.11, 3.0)
    rotation = held(body.rotation, n) * Rotation.from_rotvec(turns * window)
    return Motion(rotation, shakes * window)


def _get_up(body: Body) -> Motion:
    """From the floor over the knees to standing."""
    rng = body.rng
    kneel = change_posture(body, Posture.KNEELING, rng.uniform(2.2, 4.0))
    pause = still(body, rng.uniform(0.8, 2.0))
    stand = change_posture(body, Posture.STANDING, rng.uniform(1.8, 3.0), lean_deg=15.0)
    return join(kneel, pause, stand)
