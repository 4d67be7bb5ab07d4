"""Beds that send their raw motion instead of a value a minute. Pure, and only where asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from edge.signals import NS_PER_S, Origin, Waveform
from firmware_sim.people.bed_motion import FULL_SCALE, BedLife, BedMotion
from firmware_sim.people.breathing import Pause
from firmware_sim.people.persona import BED_MOTION
from firmware_sim.people.routine import Stretch
from firmware_sim.people.sleeper import bed_stream, lie
from firmware_sim.people.vital_signs import Vitals
from firmware_sim.scenarios.schema import RawMotionSpec

# One block for each step of the bank: at 50 Hz 1 KB every ten seconds.
BLOCK_S: Final = 10
_CHOSEN, _SAMPLES = 8, 9


def sends_raw_motion(spec: RawMotionSpec | None, seed: int, person: int) -> bool:
    """Whether this person's bed is among those of the scenario's share."""
    return spec is not None and bool(bed_stream(seed, person, _CHOSEN).random() < spec.share)


@dataclass(frozen=True)
class RawBed:
    """One such bed. `silent`: times in which nothing of it arrives, and nothing is kept.

    `stuck`: times in which it says the block before them again and again.
    """

    device_id: str
    days: Sequence[Stretch]
    vitals: Vitals
    seed: int
    rate_hz: float
    start_ns: int
    duration_s: float
    silent: tuple[tuple[float, float], ...] = ()
    stuck: tuple[tuple[float, float], ...] = ()

    @cached_property
    def life(self) -> BedLife:
        """What happens in it."""
        return lie(self.days, self.vitals, self.seed)

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """The ground truth of breath that stood still."""
        return self.life.pauses

    @cached_property
    def _motion(self) -> BedMotion:
        key = (self.seed, self.vitals.persona.number, BED_MOTION, _SAMPLES)
        return BedMotion(self.life, self.rate_hz, key)

    def blocks(self, from_s: float = 0.0, until_s: float | None = None) -> Iterator[Waveform]:
        """The blocks that begin in `[from_s, until_s)`, numbered from the scenario's start."""
        end_s = self.duration_s if until_s is None else min(until_s, self.duration_s)
        each = round(BLOCK_S * self.rate_hz)
        number = max(0, int(-(-from_s // BLOCK_S)))
        while number * BLOCK_S < end_s and (number + 1) * BLOCK_S <= self.duration_s:
            begun_s = float(number * BLOCK_S)
            if not any(start < begun_s + BLOCK_S and begun_s < end for start, end in self.silent):
                felt = self._felt(number, begun_s)
                counts = self._motion.samples(felt * each, (felt + 1) * each)
                yield Waveform(
                    self.device_id, "bed_motion", self.start_ns + round(begun_s * NS_PER_S),
                    self.rate_hz, 1.0, FULL_SCALE, counts[:, None], number, 1, Origin.SIMULATED,
                )  # fmt: skip
            number += 1

    def _felt(self, number: int, begun_s: float) -> int:
        """The block whose samples are sent as this one: its own, if the device is not stuck."""
        held = [start for start, end in self.stuck if start <= begun_s < end]
        return max(0, int(min(held) // BLOCK_S) - 1) if held else number
