"""What a bed feels of the person in it: breath, heartbeat, movement, and noise when it is empty.

    life = lie(...)                                # when they lie, breathe, beat, move
    motion = BedMotion(life, 50.0, key)
    motion.samples(first, last)                    # counts, any piece of it

Samples are made in cells of a minute, each from its own random numbers, so that any way of asking
for them gives the same ones. How breath varies and how movements look is drawn from recordings
(`bed_shapes.json`); the shape of a heartbeat on a bed, its size beside breath, and the noise are
invented: nobody recorded them with these people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from edge.signals import FloatArray, Int16Array
from firmware_sim.people.bed_shapes import Moving, moving_shapes
from firmware_sim.people.breathing import Breaths, Pause
from firmware_sim.people.heartbeat import Beats

CELL_S: Final = 60
# Counts: a usual breath swings so far; the largest movements reach the sensor's range.
USUAL_SWING: Final = 1200.0
FULL_SCALE: Final = 32_767.0
_LEVEL_MOST: Final = FULL_SCALE / 2.0
# As the bank's own simulated sleepers: half a breath's swing is eight times the beats' mean power.
_BEAT_RMS: Final = USUAL_SWING / 2.0 / 8.0
_BEAT_S: Final = 0.7
# Shapes of beats on real beds vary that much between people and postures.
_MODES: Final = 3
_MODE_HZ: Final = (3.0, 9.0)
# A device that gives fewer samples has filtered the beats away before.
_BEATS_FROM_HZ: Final = 25.0
# Noise beside the beats within 1 to 20 Hz, by bed.
_SNR_DB: Final = (2.0, 12.0)
_BAND_HZ: Final = 19.0
# A sensor's own slow wander, of a usual swing.
_WANDER: Final = 0.01
_WANDER_S: Final = (40.0, 400.0)
_WAVES: Final = 6
_MOVE_HZ: Final = (0.3, 2.5)
_SHORTEST_MOVE_S: Final = 1.5
_RESOLUTION_S: Final = 4.5  # movements were measured in steps of 5 s
# Between postures breath reaches the sensor more or less: each movement changes it, and what is
# usual pulls it back.
_PULL: Final = 0.6
_COUPLING_MOST: Final = 1.1
# Lying down and getting up: larger than any turn, for some seconds.
_WAY_S: Final = 5.0
_WAY_SIZE: Final = 12.0
_BODY_STEP: Final = 5.0
# Who sits on the edge is half felt, and moves all the time.
_EDGE_COUPLING: Final = -0.7


@dataclass(frozen=True, slots=True)
class InBed:
    """A time in which the bed carries somebody, lying or sitting on its edge."""

    from_s: float
    until_s: float
    sits: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """One movement. After it the body lies `coupling` (a logarithm) near the sensor, so high."""

    from_s: float
    length_s: float
    swing: float  # counts, lowest to highest
    coupling: float
    level: float  # counts
    posture: int


@dataclass(frozen=True, slots=True, eq=False)
class BedLife:
    """All that a bed can feel of one person. Seconds since the scenario began."""

    in_bed: tuple[InBed, ...]
    breaths: Breaths
    beats: Beats
    moves: tuple[Move, ...]
    pauses: tuple[Pause, ...]


def movements(
    in_bed: Sequence[InBed], at_s: Sequence[float], turns_s: Sequence[float],
    rng: np.random.Generator,
) -> tuple[Move, ...]:  # fmt: skip
    """Movements as recorded ones look, at these times; a turn changes the posture.

    Coming and leaving are added, and end where they begin or end.
    """
    turning = set(turns_s)
    found: list[Move] = []
    posture = 0
    for number, span in enumerate(in_bed):
        follows = number > 0 and in_bed[number - 1].until_s == span.from_s
        goes_on = number + 1 < len(in_bed) and in_bed[number + 1].from_s == span.until_s
        coupling = _EDGE_COUPLING if span.sits else float(rng.normal(0.0, 0.3))
        level = float(rng.normal(_BODY_STEP, 1.0)) * USUAL_SWING
        way = _WAY_SIZE * USUAL_SWING * float(rng.lognormal(0.0, 0.3))
        found.append(Move(span.from_s, _WAY_S, way / (2.0 if follows else 1.0), coupling, level,
                          posture))  # fmt: skip
        inside = [t for t in at_s if span.from_s + _WAY_S < t < span.until_s - _WAY_S]
        for moment in inside:
            shape = Moving(*moving_shapes().figures(moving_shapes().scores(rng)))
            length_s = max(_SHORTEST_MOVE_S, shape.length_s - float(rng.uniform(0, _RESOLUTION_S)))
            swing = shape.size * USUAL_SWING * float(np.exp(coupling))
            step = shape.step * float(rng.choice((-1.0, 1.0))) * USUAL_SWING
            step = -step if abs(level + step) > _LEVEL_MOST else step  # the sensor stays in range
            level = float(np.clip(level + step, -_LEVEL_MOST, _LEVEL_MOST))
            if not span.sits:
                coupling = _PULL * coupling + shape.coupling
                coupling = float(np.clip(coupling, -_COUPLING_MOST, _COUPLING_MOST))
            posture += moment in turning
            length_s = min(length_s, span.until_s - moment)
            found.append(Move(moment, length_s, swing, coupling, level, posture))
        if not goes_on:
            begins_s = max(span.from_s, span.until_s - _WAY_S)
            found.append(Move(begins_s, span.until_s - begins_s, way, coupling, 0.0, posture))
    return tuple(sorted(found, key=lambda move: move.from_s))


class BedMotion:
    """The samples of one bed, at `rate_hz`. `key`: numbers that make its randomness its own."""

    def __init__(self, life: BedLife, rate_hz: float, key: tuple[int, ...]) -> None:
        self._life = life
        self._rate_hz = rate_hz
        self._key = key
        rng = self._random(0)
        self._noise = (
            _BEAT_RMS / 10.0 ** (rng.uniform(*_SNR_DB) / 20.0)
            * np.sqrt(rate_hz / 2.0 / _BAND_HZ)
        )  # fmt: skip
        self._wander_s = rng.uniform(*_WANDER_S, _WAVES)
        self._wander_phase = rng.uniform(0.0, 2.0 * np.pi, _WAVES)
        self._moved_s = np.array([m.from_s + m.length_s / 2.0 for m in life.moves])
        self._longest_s = max((m.length_s for m in life.moves), default=0.0)
        self._begun_s = np.array([m.from_s for m in life.moves])
        self._shape = lru_cache(maxsize=8)(self._beat_shape)
        self._cell = lru_cache(maxsize=4)(self._made)

    @property
    def rate_hz(self) -> float:
        """Samples a second."""
        return self._rate_hz

    def samples(self, first: int, last: int) -> Int16Array:
        """Counts (last - first,): sample k is at k / rate_hz."""
        each = round(CELL_S * self._rate_hz)
        parts = [
            self._cell(cell)[max(first - cell * each, 0) : last - cell * each]
            for cell in range(first // each, -(-last // each))
        ]
        return np.concatenate([np.empty(0, dtype=np.int16), *parts])

    def _random(self, *part: int) -> np.random.Generator:
        seed = np.random.SeedSequence([*self._key, *part])
        return np.random.Generator(np.random.PCG64(seed))

    def _made(self, cell: int) -> Int16Array:
        """One minute."""
        each = round(CELL_S * self._rate_hz)
        times_s = (cell * each + np.arange(each)) / self._rate_hz
        value = self._random(1, cell).normal(0.0, self._noise, each)
        value += self._wander(times_s)
        occupied = self._occupied(times_s)
        if occupied.any():
            value += self._body(times_s, occupied)
        limit = FULL_SCALE
        return np.clip(np.rint(value), -limit, limit).astype(np.int16)

    def _wander(self, times_s: FloatArray) -> FloatArray:
        angles = 2.0 * np.pi * times_s[:, None] / self._wander_s + self._wander_phase
        return np.asarray(_WANDER * USUAL_SWING / _WAVES * np.sin(angles).sum(axis=1))

    def _occupied(self, times_s: FloatArray) -> FloatArray:
        inside = np.zeros(len(times_s))
        for span in self._life.in_bed:
            if span.from_s < times_s[-1] and span.until_s > times_s[0]:
                inside[(times_s >= span.from_s) & (times_s < span.until_s)] = 1.0
        return inside

    def _body(self, times_s: FloatArray, occupied: FloatArray) -> FloatArray:
        life = self._life
        near = np.exp(self._since(times_s, "coupling")) * occupied
        value = near * (USUAL_SWING * life.breaths.wave(times_s))
        value += self._since(times_s, "level")
        if self._rate_hz >= _BEATS_FROM_HZ:
            value += near * self._beating(times_s)
        first, last = np.searchsorted(
            self._begun_s, [times_s[0] - self._longest_s, times_s[-1]], side="left"
        ).tolist()
        for number in range(first, last):
            self._add_move(value, times_s, number)
        return value

    def _since(self, times_s: FloatArray, what: str) -> FloatArray:
        """What the movements have left, changing over in the middle of each as fast as it is."""
        moves = self._life.moves
        at = np.searchsorted(self._begun_s, times_s, side="right") - 1
        # A movement's own change is spread over its length; the one before is then complete.
        values = np.array([0.0] + [getattr(move, what) for move in moves])
        length_s = np.array([1.0] + [move.length_s for move in moves])
        begun_s = np.concatenate([[-np.inf], self._begun_s])
        done = np.clip((times_s - begun_s[at + 1]) / np.maximum(length_s[at + 1], 1e-6), 0.0, 1.0)
        done = np.where(np.isfinite(done), done, 1.0)
        share = 0.5 * (1.0 - np.cos(np.pi * done))
        before = values[np.maximum(at, 0)]
        return np.asarray(before + share * (values[at + 1] - before), dtype=np.float64)

    def _beating(self, times_s: FloatArray) -> FloatArray:
        """The beats' shapes laid over each other, (n,)."""
        beats = self._life.beats
        rate_hz = self._rate_hz
        first, last = np.searchsorted(beats.at_s, [times_s[0] - _BEAT_S, times_s[-1]]).tolist()
        if first == last:
            return np.zeros(len(times_s))
        at_s, size = beats.at_s[first:last], beats.size[first:last]
        reach = np.arange(-(-_BEAT_S * rate_hz // 1)).astype(np.int64)
        start = np.ceil((at_s - times_s[0]) * rate_hz).astype(np.int64)
        offset_s = start / rate_hz - (at_s - times_s[0])
        posture = self._posture(at_s)
        since_s = offset_s[:, None] + reach / rate_hz
        waves = np.empty_like(since_s)
        for one in np.unique(posture).tolist():
            rows = posture == one
            waves[rows] = self._shape(one)(since_s[rows])
        index = start[:, None] + reach
        inside = (index >= 0) & (index < len(times_s))
        value = np.zeros(len(times_s))
        np.add.at(value, index[inside], (waves * size[:, None])[inside])
        return _BEAT_RMS * value

    def _posture(self, at_s: FloatArray) -> FloatArray:
        postures = np.array([0] + [move.posture for move in self._life.moves])
        found: FloatArray = postures[np.searchsorted(self._moved_s, at_s, side="right")]
        return found

    def _beat_shape(self, posture: int) -> _BeatShape:
        rng = self._random(2, posture)
        return _BeatShape(
            delay_s=rng.uniform(0.0, 0.18, _MODES), decay_s=rng.uniform(0.06, 0.2, _MODES),
            hz=rng.uniform(*_MODE_HZ, _MODES), phase=rng.uniform(0.0, 2.0 * np.pi, _MODES),
            size=rng.uniform(0.4, 1.0, _MODES),
        )  # fmt: skip

    def _add_move(self, value: FloatArray, times_s: FloatArray, number: int) -> None:
        """Work one movement in."""
        move = self._life.moves[number]
        since_s = times_s - move.from_s
        inside = np.flatnonzero((since_s >= 0.0) & (since_s < move.length_s))
        if len(inside) == 0 or move.length_s <= 0.0:
            return
        rng = self._random(3, number)
        hz, phase = rng.uniform(*_MOVE_HZ, _WAVES), rng.uniform(0.0, 2.0 * np.pi, _WAVES)
        size = rng.uniform(0.3, 1.0, _WAVES)

        def burst(since: FloatArray) -> FloatArray:
            envelope = np.sin(np.pi * since / move.length_s)
            waves = np.sin(2.0 * np.pi * since[:, None] * hz + phase) * size
            return np.asarray(envelope * waves.sum(axis=1), dtype=np.float64)

        whole = burst(np.linspace(0.0, move.length_s, 256))
        value[inside] += burst(since_s[inside]) * move.swing / float(np.ptp(whole))


@dataclass(frozen=True, slots=True, eq=False)
class _BeatShape:
    """Damped oscillations (modes,), of power 1 over a second."""

    delay_s: FloatArray
    decay_s: FloatArray
    hz: FloatArray
    phase: FloatArray
    size: FloatArray

    def __call__(self, since_s: FloatArray) -> FloatArray:
        """At times after the beat, shape as `since_s`."""
        grid_s = np.linspace(0.0, _BEAT_S, 512)
        power = float(np.mean(self._raw(grid_s) ** 2)) * _BEAT_S
        return np.asarray(self._raw(since_s) / np.sqrt(power), dtype=np.float64)

    def _raw(self, since_s: FloatArray) -> FloatArray:
        since = np.maximum(since_s[..., None] - self.delay_s, 0.0)
        ring = since * np.exp(-since / self.decay_s) * self.size / self.decay_s
        wave = ring * np.sin(2.0 * np.pi * self.hz * since + self.phase)
        return np.asarray(wave.sum(axis=-1), dtype=np.float64)
