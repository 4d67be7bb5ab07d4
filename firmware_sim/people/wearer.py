"""A wearer with a sensor on: plays motions one after the other and reads the sensor's samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from edge.signals import NS_PER_S, FloatArray, Position
from firmware_sim.people.body import Body
from firmware_sim.people.falls import Aftermath, FallKind, fall
from firmware_sim.people.kinematics import Motion

# Consumer MEMS accelerometer (ADXL345, BMI160 data sheets): zero-g offset some tens of mg, scale
# error about 1 %, noise 100 to 300 ug/sqrt(Hz), which is 1 to 3 mg at 50 Hz.
_BIAS_G: Final = 0.02
_SCALE_ERROR: Final = 0.008
_NOISE_G_PER_SQRT_HZ: Final = 3.0e-4
_MOUNTING_DEG: Final = 9.0  # nobody straps it on exactly straight

MIN_RATE_HZ: Final = 20.0
MAX_RATE_HZ: Final = 200.0

# The motions of someone's life from now on; the number is the seconds lived so far.
Script = Callable[[Body, float], Iterator[Motion]]


class Sensor:
    """An accelerometer with its faults. Noise comes sample by sample: chunks do not matter."""

    def __init__(self, seed: int, rate_hz: float) -> None:
        character = np.random.default_rng([seed, 2])
        self._noise = np.random.default_rng([seed, 3])
        self._bias_g = character.normal(0.0, _BIAS_G, 3)
        self._scale = 1.0 + character.normal(0.0, _SCALE_ERROR, 3)
        self.mounting = Rotation.from_euler(
            "zyx",
            [character.uniform(-180.0, 180.0), *character.normal(0.0, _MOUNTING_DEG, 2)],
            degrees=True,
        ).as_matrix()
        self._noise_g = _NOISE_G_PER_SQRT_HZ * np.sqrt(rate_hz / 2.0)

    def read(self, specific_force_g: FloatArray) -> FloatArray:
        """What the sensor says, shape (n, 3), in g, before its range clips it."""
        # term by term: a matrix product may round differently for another number of samples
        turned = sum(specific_force_g[:, [axis]] * self.mounting[:, axis] for axis in range(3))
        noise = self._noise.standard_normal(specific_force_g.shape) * self._noise_g
        return np.asarray(turned * self._scale + self._bias_g + noise, dtype=np.float64)


class Wearer:
    """Samples of a synthetic person: f(seed, position, rate, script, falls asked for), no clock.

    `script` gives the motions of ordinary life; a fall asked for begins at the next sample.
    """

    def __init__(self, seed: int, position: Position, rate_hz: float, script: Script) -> None:
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"rate_hz {rate_hz} is outside {MIN_RATE_HZ:g}..{MAX_RATE_HZ:g}")
        self.rate_hz = rate_hz
        self._body = Body(seed, position, rate_hz)
        self._sensor = Sensor(seed, rate_hz)
        self._write = script
        self._script = script(self._body, 0.0)
        self._motion: Motion | None = None
        self._force_g = np.empty((0, 3))
        self._step = 0  # of the motion, not yet given
        self._given_n = 0
        self._impacts: list[int] = []

    @property
    def samples_n(self) -> int:
        """Samples given so far."""
        return self._given_n

    @property
    def impacts(self) -> tuple[int, ...]:
        """The samples at which falls hit the ground, asked for so far."""
        return tuple(self._impacts)

    def impact_ns(self, start_ns: int) -> list[int]:
        """When the falls hit the ground, for a stream that began at `start_ns`."""
        return [start_ns + round(k * NS_PER_S / self.rate_hz) for k in self._impacts]

    def fall(self, kind: FallKind, aftermath: Aftermath, after_s: float) -> int:
        """Fall from now on; the sample of the impact. Afterwards the script goes on."""
        if self._motion is not None and self._step < len(self._motion):
            self._body.rotation = self._motion.rotation[self._step]
        motion = fall(self._body, kind, aftermath, after_s, self._sensor.mounting)
        self._begin(motion)
        lived_s = self._given_n / self.rate_hz + len(motion) / self._body.internal_rate_hz
        self._script = self._write(self._body, lived_s)
        impact = self._given_n + (motion.impact_n or 0) // self._body.steps_per_sample
        self._impacts.append(impact)
        return impact

    def read(self, n: int) -> FloatArray:
        """The next n samples, shape (n, 3), in g. Any chunking gives the same samples."""
        wanted = n * self._body.steps_per_sample
        parts: list[FloatArray] = []
        while wanted > 0:
            if self._step >= len(self._force_g):
                self._begin(next(self._script))
            part = self._force_g[self._step : self._step + wanted]
            parts.append(part)
            self._step += len(part)
            wanted -= len(part)
        self._given_n += n
        forces = np.concatenate(parts) if parts else np.empty((0, 3))
        # the sensor's own low-pass: the mean over the time of a sample
        means = forces.reshape(n, self._body.steps_per_sample, 3).mean(axis=1)
        return self._sensor.read(means)

    def _begin(self, motion: Motion) -> None:
        self._motion = motion
        self._force_g = motion.specific_force_g()
        self._step = 0
