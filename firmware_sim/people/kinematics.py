"""From how a body segment moves to what an accelerometer on it feels.

An accelerometer measures specific force: the segment's own acceleration plus one g upward, seen
in the sensor's axes. Frames: world z is up, x the way the person faces; a segment's z runs along
the spine (trunk) or from hand to elbow (forearm), x forward, y left. Yaw is never tracked:
gravity is blind to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation, Slerp

from edge.signals import FloatArray

STANDARD_GRAVITY_M_S2: Final = 9.80665
_UP_G: Final = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class Motion:
    """A stretch of movement: per step the segment's rotation (to world) and acceleration.

    `acceleration_g` is in world axes without gravity, shape (n, 3). `impact_n` is the step of the
    main impact, if this motion is a fall.
    """

    rotation: Rotation
    acceleration_g: FloatArray
    impact_n: int | None = None

    def __len__(self) -> int:
        return len(self.acceleration_g)

    def specific_force_g(self) -> FloatArray:
        """What a perfect accelerometer along the segment's axes reads, shape (n, 3), in g."""
        return np.asarray(self.rotation.inv().apply(self.acceleration_g + _UP_G), dtype=np.float64)


def join(*motions: Motion) -> Motion:
    """Several motions one after the other."""
    impact_n = None
    before = 0
    for motion in motions:
        if motion.impact_n is not None and impact_n is None:
            impact_n = before + motion.impact_n
        before += len(motion)
    return Motion(
        Rotation.concatenate([motion.rotation for motion in motions]),
        np.concatenate([motion.acceleration_g for motion in motions]),
        impact_n,
    )


def minimum_jerk(progress: FloatArray) -> FloatArray:
    """How far a deliberate movement has come (0..1) after that share of its time (0..1)."""
    # Flash & Hogan 1985: the smoothest way from rest to rest.
    p = np.clip(progress, 0.0, 1.0)
    return p**3 * (10.0 - 15.0 * p + 6.0 * p**2)


def acceleration_g(displacement_m: FloatArray, rate_hz: float) -> FloatArray:
    """Second derivative of a path, shape (n, 3), in g; the path is at rest at both ends."""
    padded = np.concatenate([displacement_m[:1], displacement_m, displacement_m[-1:]])
    second = np.diff(padded, n=2, axis=0) * rate_hz**2
    return second / STANDARD_GRAVITY_M_S2


def blend(start: Rotation, end: Rotation, progress: FloatArray) -> Rotation:
    """From one orientation to another along the shortest way, at each `progress` (0..1)."""
    return Slerp([0.0, 1.0], Rotation.concatenate([start, end]))(progress)


def held(rotation: Rotation, n: int) -> Rotation:
    """One orientation, n times."""
    return Rotation.from_quat(np.tile(rotation.as_quat(), (n, 1)))


def fade(n: int, edge_n: int) -> FloatArray:
    """Window that rises from 0 and falls back to 0 over `edge_n` steps, 1 between."""
    edge = min(edge_n, n // 2)
    window = np.ones(n)
    if edge > 0:
        ramp = minimum_jerk(np.arange(edge) / edge)
        window[:edge] = ramp
        window[n - edge :] = ramp[::-1]
    return window


def smooth_noise(rng: np.random.Generator, n: int, rms: float, cutoff_n: float) -> FloatArray:
    """Random movement of that RMS, shape (n, 3), without much that is faster than `cutoff_n` steps.

    `cutoff_n` is the period of the cut-off frequency, in steps.
    """
    # a Gaussian of this width has its -3 dB point at the cut-off
    sigma_n = 0.1325 * cutoff_n
    noise = gaussian_filter1d(rng.standard_normal((n, 3)), sigma_n, axis=0, mode="wrap")
    # variance left by the filter, for white noise in: 1 / (2 sqrt(pi) sigma)
    return np.asarray(noise * rms * np.sqrt(2.0 * np.sqrt(np.pi) * max(sigma_n, 0.3)))


def half_sine(n: int, at_n: int, width_n: int) -> FloatArray:
    """One pulse of height 1 that begins at `at_n`: how a padded body meets the ground."""
    pulse = np.zeros(n)
    width = max(2, width_n)
    end = min(n, at_n + width)
    if at_n < n:
        pulse[at_n:end] = np.sin(np.pi * (np.arange(end - at_n) + 0.5) / width)
    return pulse


def ringing(n: int, at_n: int, frequency_hz: float, decay_s: float, rate_hz: float) -> FloatArray:
    """Damped oscillation of soft tissue and strap that starts at `at_n` with amplitude 1."""
    out = np.zeros(n)
    if at_n < n:
        t = np.arange(n - at_n) / rate_hz
        out[at_n:] = np.exp(-t / decay_s) * np.sin(2.0 * np.pi * frequency_hz * t)
    return out
