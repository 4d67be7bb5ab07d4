"""What is no person falling: a device taken off, tossed or dropped, and a person being turned.

Made-up signals: nobody recorded these. They are as rough as real ones can be, and vary by seed.
"""

from __future__ import annotations

import numpy as np
import pytest

from edge.events import Event
from edge.fall.detector import FallDetector
from edge.signals import FloatArray, Position

SEEDS = range(6)
DOWN = np.array([0.0, 0.0, 1.0])


def run(signals, position: Position) -> list[Event]:
    detector = FallDetector()
    detector.open("band-1", position)
    return detector.process(signals)


def counts_of(values_g: FloatArray, rng: np.random.Generator, noise_g: float) -> np.ndarray:
    """Milli-g counts on an 8 g sensor, turned at random."""
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    values_g = values_g @ turn + rng.normal(0.0, noise_g, values_g.shape)
    return np.rint(1000.0 * np.clip(values_g, -8.0, 8.0)).astype(np.int16)


def turning(time_s: FloatArray, at_s: float, takes_s: float, angle: float) -> FloatArray:
    """Gravity (n, 3) as the wearer turns by `angle` (rad) about the body's length."""
    share = np.clip((time_s - at_s) / takes_s, 0.0, 1.0)
    smooth = share * share * (3.0 - 2.0 * share) * angle
    return np.stack([np.sin(smooth), np.zeros_like(smooth), np.cos(smooth)], axis=1)


def jolt(time_s: FloatArray, at_s: float, peak_g: float, width_s: float) -> FloatArray:
    """A knock (n,) of `peak_g` that lasts about `width_s`."""
    return peak_g * np.exp(-(((time_s - at_s) / width_s) ** 2))


def any_way(rng: np.random.Generator) -> FloatArray:
    """A direction (3,)."""
    way = rng.normal(size=3)
    return np.asarray(way / np.linalg.norm(way))


def taken_off(rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Worn at the wrist, unbuckled with some fumbling, put down on a table, not touched again."""
    time_s = np.arange(0.0, 40.0, 1.0 / rate_hz)
    values = turning(time_s, 9.0, 1.0, rng.uniform(0.5, 2.5))
    fumbling = (time_s > 5.0) & (time_s < 9.5)
    values[fumbling] += rng.normal(0.0, 0.25, (fumbling.sum(), 3))
    for at_s in rng.uniform(5.0, 9.5, 4):
        values += jolt(time_s, at_s, rng.uniform(0.3, 0.9), 0.05)[:, None] * any_way(rng)
    values += jolt(time_s, 10.0, rng.uniform(0.8, 3.0), 0.012)[:, None] * DOWN
    still = time_s > 10.1
    values[still] = values[still].mean(axis=0)
    return counts_of(values, rng, 0.002)


def tossed_on_a_bed(rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Held, tossed half a metre onto a mattress, which catches it softly."""
    time_s = np.arange(0.0, 40.0, 1.0 / rate_hz)
    flight_s = rng.uniform(0.3, 0.45)
    values = np.tile(DOWN, (len(time_s), 1))
    held = time_s < 10.0 - flight_s
    values[held] += rng.normal(0.0, 0.15, (held.sum(), 3))
    values[(time_s >= 10.0 - flight_s) & (time_s < 10.0)] = 0.0
    values += jolt(time_s, 10.03, rng.uniform(2.0, 4.0), 0.04)[:, None] * DOWN
    values += jolt(time_s, 10.25, rng.uniform(0.3, 1.0), 0.04)[:, None] * DOWN
    return counts_of(values, rng, 0.002)


def turned_in_bed(rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Lying, turned on the side by two carers in one go, pulled into place, lying again."""
    time_s = np.arange(0.0, 60.0, 1.0 / rate_hz)
    angle = rng.choice([-1.0, 1.0]) * rng.uniform(0.9, 1.6)
    values = turning(time_s, 10.0, rng.uniform(0.9, 2.5), angle)
    for at_s in rng.uniform(9.5, 14.0, 5):
        push = jolt(time_s, at_s, rng.uniform(0.2, 0.6), rng.uniform(0.08, 0.2))
        values += push[:, None] * any_way(rng)
    values += jolt(time_s, 12.5, rng.uniform(0.3, 0.8), 0.06)[:, None] * any_way(rng)
    breathing = 0.01 * np.sin(2 * np.pi * 0.25 * time_s)
    return counts_of(values + breathing[:, None] * DOWN, rng, 0.01)


@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 100.0])
@pytest.mark.parametrize(
    ("happening", "position"),
    [
        (taken_off, Position.WRIST),
        (taken_off, Position.NECK),
        (tossed_on_a_bed, Position.WRIST),
        (tossed_on_a_bed, Position.WAIST),
        (turned_in_bed, Position.CHEST),
        (turned_in_bed, Position.WAIST),
        (turned_in_bed, Position.WRIST),
    ],
)
def test_it_is_no_fall(blocks, rate_hz, happening, position):
    for seed in SEEDS:
        counts = happening(rate_hz, np.random.default_rng(seed))
        assert run(blocks(counts, rate_hz, full_scale=8.0), position) == [], f"seed {seed}"
