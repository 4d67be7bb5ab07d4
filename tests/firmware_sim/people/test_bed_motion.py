"""What a bed feels: any piece of it the same, empty is noise, breath and heart where they are."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.signals import FloatArray
from firmware_sim.people.bed_motion import (
    FULL_SCALE,
    USUAL_SWING,
    BedLife,
    BedMotion,
    InBed,
    movements,
)
from firmware_sim.people.breathing import Effort, Pause, breathe
from firmware_sim.people.heartbeat import Rhythm, beat

CAME_S, LEFT_S, END_S = 100.0, 1500.0, 1700.0


@cache
def life(*, moves: bool = False) -> BedLife:
    rng = np.random.default_rng(1)
    spans = [(CAME_S, LEFT_S)]
    wanted = (Pause(800.0, 830.0, Effort.CENTRAL),)
    breaths, pauses = breathe(spans, lambda t: np.full_like(t, 14.0), wanted, rng)
    beats = beat(spans, lambda t: np.full_like(t, 62.0), breaths, pauses, Rhythm(), rng)
    in_bed = (InBed(CAME_S, LEFT_S),)
    moments = [400.0, 1200.0] if moves else []
    moved = movements(in_bed, moments, moments[:1], rng)
    return BedLife(in_bed, breaths, beats, moved, pauses)


def between(from_s: float, until_s: float, rate_hz: float = 50.0, **more: bool) -> FloatArray:
    motion = BedMotion(life(**more), rate_hz, (7, 1))
    return motion.samples(round(from_s * rate_hz), round(until_s * rate_hz)).astype(np.float64)


def swing(from_s: float, until_s: float, **more: bool) -> float:
    return float(np.ptp(between(from_s, until_s, **more)))


WHOLE = BedMotion(life(moves=True), 50.0, (7, 1)).samples(0, round(END_S * 50))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, len(WHOLE) - 1), max_size=12, unique=True))
def test_any_cutting_gives_the_same_samples(cuts: list[int]) -> None:
    motion = BedMotion(life(moves=True), 50.0, (7, 1))
    edges = [0, *sorted(cuts), len(WHOLE)]
    parts = [motion.samples(a, b) for a, b in pairwise(edges)]
    assert np.concatenate(parts).tobytes() == WHOLE.tobytes()
    some = motion.samples(edges[0], edges[1])  # and asked for once more, out of order
    assert some.tobytes() == parts[0].tobytes()


def test_another_bed_has_another_noise() -> None:
    other = BedMotion(life(moves=True), 50.0, (7, 2)).samples(0, len(WHOLE))
    assert other.tobytes() != WHOLE.tobytes()


def test_an_empty_bed_is_noise_alone() -> None:
    before, after = between(0.0, CAME_S), between(LEFT_S + 1.0, END_S)
    for empty in (before, after):
        assert np.ptp(empty) < 0.3 * USUAL_SWING
        assert abs(empty.mean()) < 0.05 * USUAL_SWING
    assert 0.6 * USUAL_SWING < swing(300.0, 310.0) < 3.0 * USUAL_SWING


def test_coming_and_leaving_are_the_largest_movements() -> None:
    assert swing(CAME_S, CAME_S + 5.0) > 4.0 * swing(300.0, 305.0)
    assert swing(LEFT_S - 5.0, LEFT_S) > 4.0 * swing(300.0, 305.0)


def test_a_movement_is_where_it_is_told() -> None:
    moved, calm = between(0.0, END_S, moves=True), between(0.0, END_S)
    (found,) = (m for m in life(moves=True).moves if m.from_s == 400.0)
    rate = 50
    assert np.abs(moved - calm)[rate * 200 : rate * 399].max() < 1.0
    during = slice(rate * 400, round(rate * (400.0 + found.length_s)))
    assert np.ptp(moved[during]) > 1.3 * np.ptp(calm[during])


def test_breath_and_heart_are_in_it_at_their_rates() -> None:
    calm = between(900.0, 1200.0)
    power = np.abs(np.fft.rfft((calm - calm.mean()) * np.hanning(len(calm)))) ** 2
    per_min = np.fft.rfftfreq(len(calm), 1.0 / 50.0) * 60.0
    slow = (per_min > 5) & (per_min < 40)
    assert per_min[slow][power[slow].argmax()] == pytest.approx(14.0, abs=2.5)
    # the beats: bursts of 3 to 9 Hz, each second or so
    inside = (per_min > 60 * 3) & (per_min < 60 * 9)
    noise = (per_min > 60 * 18) & (per_min < 60 * 24)
    assert power[inside].mean() > 2.0 * power[noise].mean()


def test_in_a_central_pause_only_the_heart_is_left() -> None:
    (pause,) = life().pauses
    still = swing(pause.from_s + 3.0, pause.until_s - 1.0)
    assert still < 0.7 * swing(700.0, 720.0)
    assert still > 1.5 * swing(20.0, 40.0)  # more than an empty bed


def test_a_slow_device_has_filtered_the_heart_away() -> None:
    (pause,) = life().pauses
    still = between(pause.from_s + 3.0, pause.until_s - 1.0, rate_hz=10.0)
    empty = between(20.0, 40.0, rate_hz=10.0)
    assert still.std() < 3.0 * empty.std()


def test_no_sample_is_beyond_the_range() -> None:
    assert np.abs(WHOLE.astype(np.int64)).max() <= FULL_SCALE
