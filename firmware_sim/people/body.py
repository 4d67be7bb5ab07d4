"""A body: who wears the sensor, where, and how that segment is held in each posture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from edge.signals import FloatArray, Position
from firmware_sim.people.kinematics import smooth_noise

# Impacts last about 50 ms and ring near 20 Hz: 400 steps a second follow them closely.
_MIN_INTERNAL_RATE_HZ: Final = 400.0


class Posture(StrEnum):
    """How the body is, at rest."""

    STANDING = "standing"
    SITTING = "sitting"
    KNEELING = "kneeling"
    LYING_BACK = "lying_back"
    LYING_LEFT = "lying_left"
    LYING_RIGHT = "lying_right"
    FLOOR_BACK = "floor_back"
    FLOOR_FRONT = "floor_front"
    FLOOR_LEFT = "floor_left"
    FLOOR_RIGHT = "floor_right"
    FLOOR_SLUMPED = "floor_slumped"  # half sitting on the floor against a chair


LYING: Final = frozenset({Posture.LYING_BACK, Posture.LYING_LEFT, Posture.LYING_RIGHT})
ON_THE_FLOOR: Final = frozenset(
    {
        Posture.FLOOR_BACK,
        Posture.FLOOR_FRONT,
        Posture.FLOOR_LEFT,
        Posture.FLOOR_RIGHT,
        Posture.FLOOR_SLUMPED,
    }
)


@dataclass(frozen=True, slots=True)
class Hold:
    """How a segment is held: lean forward, turn about its own long axis, height above the floor."""

    lean_deg: float
    turn_deg: float
    height_m: float

    def rotation(self) -> Rotation:
        """Segment to world."""
        return Rotation.from_euler("y", self.lean_deg, degrees=True) * Rotation.from_euler(
            "z", self.turn_deg, degrees=True
        )


# Body proportions of a person of about 1.62 m (trunk: Winter's segment lengths); beds and chairs
# of a nursing home are 0.45 to 0.50 m high.
_WAIST: Final = MappingProxyType(
    {
        Posture.STANDING: Hold(4, 0, 0.95),
        Posture.SITTING: Hold(-16, 0, 0.58),
        Posture.KNEELING: Hold(30, 0, 0.50),
        Posture.LYING_BACK: Hold(-86, 0, 0.58),
        Posture.LYING_LEFT: Hold(-86, 78, 0.62),
        Posture.LYING_RIGHT: Hold(-86, -78, 0.62),
        Posture.FLOOR_BACK: Hold(-88, 6, 0.10),
        Posture.FLOOR_FRONT: Hold(86, -8, 0.12),
        Posture.FLOOR_LEFT: Hold(-86, 82, 0.15),
        Posture.FLOOR_RIGHT: Hold(-86, -82, 0.15),
        Posture.FLOOR_SLUMPED: Hold(-48, 12, 0.12),
    }
)
_CHEST: Final = MappingProxyType(
    {
        Posture.STANDING: Hold(8, 0, 1.22),
        Posture.SITTING: Hold(-6, 0, 0.85),
        Posture.KNEELING: Hold(40, 0, 0.70),
        Posture.LYING_BACK: Hold(-80, 0, 0.62),
        Posture.LYING_LEFT: Hold(-84, 80, 0.66),
        Posture.LYING_RIGHT: Hold(-84, -80, 0.66),
        Posture.FLOOR_BACK: Hold(-88, 4, 0.18),
        Posture.FLOOR_FRONT: Hold(84, -6, 0.12),
        Posture.FLOOR_LEFT: Hold(-86, 84, 0.18),
        Posture.FLOOR_RIGHT: Hold(-86, -84, 0.18),
        Posture.FLOOR_SLUMPED: Hold(-40, 10, 0.40),
    }
)
_WRIST: Final = MappingProxyType(
    {
        Posture.STANDING: Hold(-10, 60, 0.76),
        Posture.SITTING: Hold(-72, 75, 0.62),
        Posture.KNEELING: Hold(-20, 40, 0.35),
        Posture.LYING_BACK: Hold(-82, 40, 0.54),
        Posture.LYING_LEFT: Hold(-95, 90, 0.60),
        Posture.LYING_RIGHT: Hold(-70, 10, 0.70),
        Posture.FLOOR_BACK: Hold(-86, 30, 0.06),
        Posture.FLOOR_FRONT: Hold(-100, 150, 0.06),
        Posture.FLOOR_LEFT: Hold(-92, 100, 0.06),
        Posture.FLOOR_RIGHT: Hold(-78, -20, 0.20),
        Posture.FLOOR_SLUMPED: Hold(-40, 60, 0.15),
    }
)
_HOLDS: Final = MappingProxyType(
    {
        Position.WAIST: _WAIST,
        Position.CHEST: _CHEST,
        Position.NECK: _CHEST,  # a pendant lies on the breastbone
        Position.WRIST: _WRIST,
    }
)


@dataclass(frozen=True, slots=True)
class Gait:
    """How someone walks. Figures of people over 70: slower and flatter than the young."""

    cadence_hz: float  # steps per second
    bounce_g: float  # vertical swing at the waist
    heel_g: float  # heel strike at the waist
    arm_swing_deg: float

    @classmethod
    def of(cls, rng: np.random.Generator) -> Gait:
        """Somebody's gait."""
        return cls(
            cadence_hz=rng.uniform(1.55, 1.9),
            bounce_g=rng.uniform(0.15, 0.32),
            heel_g=rng.uniform(0.2, 0.5),
            arm_swing_deg=rng.uniform(10.0, 24.0),
        )


# How much of a heel strike is left where the sensor sits (damped by hip, spine and arm).
HEEL_SHARE: Final = MappingProxyType(
    {Position.WAIST: 1.0, Position.CHEST: 0.65, Position.NECK: 0.6, Position.WRIST: 0.55}
)


class Body:
    """One person with one sensor: the state that one motion leaves to the next.

    The same seed gives the same person, doing the same things, whatever the speed of the clock.
    """

    def __init__(self, seed: int, position: Position, rate_hz: float) -> None:
        self.rng = np.random.default_rng([seed, 1])
        # of its own: the shape of an impact changes nothing of what is lived after it
        self.impact_rng = np.random.default_rng([seed, 4])
        self.position = position
        # a whole number of internal steps per sample: no resampling between motions
        self.steps_per_sample = math.ceil(_MIN_INTERNAL_RATE_HZ / rate_hz)
        self.internal_rate_hz = rate_hz * self.steps_per_sample
        self.gait = Gait.of(self.rng)
        self._habit_deg = self.rng.normal(0.0, 5.0, size=2)  # nobody holds a posture like another
        self.posture = Posture.SITTING
        self.rotation = self.hold(Posture.SITTING).rotation()

    def hold(self, posture: Posture) -> Hold:
        """How this person holds the sensor's segment in a posture."""
        standard = _HOLDS[self.position][posture]
        lean, turn = self._habit_deg
        return Hold(standard.lean_deg + lean, standard.turn_deg + turn, standard.height_m)

    def steps(self, duration_s: float) -> int:
        """Internal steps in a time; at least one."""
        return max(1, round(duration_s * self.internal_rate_hz))

    def noise(self, n: int, rms: float, cutoff_hz: float) -> FloatArray:
        """Random movement of that RMS up to about `cutoff_hz`, shape (n, 3)."""
        return smooth_noise(self.rng, n, rms, self.internal_rate_hz / cutoff_hz)

    def times_s(self, n: int) -> FloatArray:
        """The times of n steps, from 0."""
        return np.arange(n) / self.internal_rate_hz

    @property
    def on_the_wrist(self) -> bool:
        """The arm moves on its own; the trunk does not."""
        return self.position is Position.WRIST
