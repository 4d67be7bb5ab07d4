"""Paces simulated devices: each block leaves when a real device would have sent it.

With a speed above 1 the clock of the device starts in the past, so that the recording ends about
now and no sample is ever in the future when it is published. Below 1 it starts now and falls
behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from edge.signals import NS_PER_S, FloatArray
from firmware_sim.clock import Clock
from firmware_sim.devices.wearable import Block, Wearable, encode_block

# A clock that was suspended is looked at again this soon.
_MAX_STEP_S: Final = 1.0


class SampleSource(Protocol):
    """Where a device's samples come from, at the rate of the device."""

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        ...

    def read(self, n: int) -> FloatArray:
        """Up to n further samples, shape (<= n, 3), in g; none at the end."""
        ...


class ArraySource:
    """Samples that are known in advance: a recording, or several joined."""

    def __init__(self, samples_g: FloatArray, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._samples_g = samples_g
        self._at = 0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self._samples_g) / self.rate_hz

    def read(self, n: int) -> FloatArray:
        """Up to n further samples; none at the end."""
        part = self._samples_g[self._at : self._at + n]
        self._at += len(part)
        return part


# Shortest stretch of a recording whose mean is a posture and not a movement.
_REST_S: Final = 1.0
# Noise of a device that lies or hangs still on a person: what is left of breathing and sensor.
_REST_NOISE_G: Final = 0.006


def rest_after(samples_g: FloatArray, rate_hz: float, hold_s: float, seed: int) -> FloatArray:
    """Synthetic stillness in the posture a recording ended in: its last second's mean, and noise.

    Shape (round(hold_s * rate_hz), 3), in g. Scaled to exactly 1 g, as a body at rest must be.
    """
    n = round(hold_s * rate_hz)
    posture = samples_g[-max(1, round(_REST_S * rate_hz)) :].mean(axis=0)
    size = float(np.linalg.norm(posture))
    direction = posture / size if size > 0.0 else np.array([0.0, 0.0, 1.0])
    noise = np.random.default_rng([seed, 4]).standard_normal((n, 3)) * _REST_NOISE_G
    return np.asarray(direction + noise, dtype=np.float64)


def start_ns_for(now_ns: int, duration_s: float | None, speed: float) -> int:
    """When the device's clock must start so that it never runs ahead of the wall clock.

    Raises ValueError for an endless source at a speed above 1: it would need an endless past.
    """
    if not speed > 0.0:
        raise ValueError(f"speed must be above 0, got {speed}")
    if speed <= 1.0:
        return now_ns
    if duration_s is None:
        raise ValueError("a speed above 1 needs an end: say for how long (--for-s)")
    return now_ns - round(duration_s * (1.0 - 1.0 / speed) * NS_PER_S)


Send = Callable[[bytes], None]
OnBlock = Callable[[Block], None]


@dataclass(slots=True)
class Runner:
    """One device on its way through its samples.

    `before_block` is asked before each block is measured (a fall on command begins there);
    `on_block` is told of each block sent; `room` is awaited before each, to hold back a replay
    that is faster than the radio.
    """

    clock: Clock
    source: SampleSource
    wearable: Wearable
    send: Send
    speed: float = 1.0
    on_block: OnBlock | None = None
    room: Callable[[], Awaitable[None]] | None = None
    before_block: Callable[[], None] | None = None
    duration_s: float | None = None  # None: until the source ends, or for ever
    _begun_s: float = field(default=0.0)

    async def run(self) -> None:
        """Send everything at its time; the last block may be short."""
        self._begun_s = self.clock.monotonic_s()
        left = None if self.duration_s is None else round(self.duration_s * self.source.rate_hz)
        while left is None or left > 0:
            if self.before_block is not None:
                self.before_block()
            wanted = self.wearable.block_n if left is None else min(left, self.wearable.block_n)
            samples_g = self.source.read(wanted)
            if not len(samples_g):
                break
            left = None if left is None else left - len(samples_g)
            await self._send(self.wearable.take(samples_g))
        await self._send(self.wearable.flush())

    async def _send(self, blocks: list[Block]) -> None:
        for block in blocks:
            measured_s = (block.end_ns - self.wearable.start_ns) / NS_PER_S
            due_s = self._begun_s + measured_s / self.speed
            while (wait_s := due_s - self.clock.monotonic_s()) > 0.0:
                await self.clock.sleep(min(wait_s, _MAX_STEP_S))
            if self.room is not None:
                await self.room()
            self.send(encode_block(block))
            if self.on_block is not None:
                self.on_block(block)
