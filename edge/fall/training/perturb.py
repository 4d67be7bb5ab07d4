"""What the world does to a recording: turned sensors, lost bursts, slower devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.fall.training.recordings import Packs, Recording
from edge.signals import FloatArray

# Bursts of lost samples last this long on average: a radio that fades behind a body.
BURST_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Perturbation:
    """How to change recordings; the same `seed` changes each recording the same way.

    `lose_share` of the samples are lost in bursts, `drop_share` one by one; `arrival` gives the
    times at which samples really arrived instead of even ones.
    """

    rotate: bool = False
    lose_share: float = 0.0
    rate_hz: float | None = None
    drop_share: float = 0.0
    arrival: bool = False
    seed: int = 7

    def apply(self, recording: Recording, packs: Packs) -> tuple[FloatArray, FloatArray, float]:
        """What arrives of a recording: samples (n, 3) in g, their times (n,) in s, the rate."""
        values_g = packs.values_g(recording)
        name = np.frombuffer(recording.rec_id.encode(), dtype=np.uint8)
        rng = np.random.default_rng([self.seed, *name.tolist()])
        rate_hz = recording.rate_hz
        time_s = np.arange(len(values_g)) / rate_hz
        if self.arrival:
            time_s = packs.arrival_s(recording)
        if self.rotate:
            turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
            if np.linalg.det(turn) < 0:
                turn[:, 0] *= -1
            values_g = values_g @ turn
        if self.rate_hz is not None and self.rate_hz < rate_hz:
            slower_s = np.arange(0.0, time_s[-1], 1.0 / self.rate_hz)
            columns = [np.interp(slower_s, time_s, values_g[:, k]) for k in range(3)]
            values_g, time_s, rate_hz = np.stack(columns, axis=1), slower_s, self.rate_hz
        if self.lose_share > 0.0:
            kept = burst_mask(len(time_s), rate_hz, self.lose_share, rng)
            values_g, time_s = values_g[kept], time_s[kept]
        if self.drop_share > 0.0:
            kept = rng.random(len(time_s)) >= self.drop_share
            values_g, time_s = values_g[kept], time_s[kept]
        return values_g, time_s, rate_hz


def burst_mask(
    length: int, rate_hz: float, share: float, rng: np.random.Generator
) -> np.typing.NDArray[np.bool_]:
    """Which samples arrive when bursts of mean `BURST_S` take away `share` of them."""
    burst = max(1.0, BURST_S * rate_hz)
    lost = np.zeros(length, dtype=bool)
    at = 0
    while at < length:
        at += int(rng.exponential(burst * (1.0 - share) / share))
        size = 1 + int(rng.exponential(burst))
        lost[at : at + size] = True
        at += size
    lost[0] = False
    return ~lost


def bridge(values_g: FloatArray, kept: np.typing.NDArray[np.bool_]) -> FloatArray:
    """Samples (n, 3) with straight lines in place of those not `kept` (n,)."""
    index = np.arange(len(values_g))
    columns = [np.interp(index, index[kept], values_g[kept, k]) for k in range(3)]
    return np.stack(columns, axis=1)
