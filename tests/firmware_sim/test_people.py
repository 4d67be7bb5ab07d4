"""Synthetic people obey mechanics: gravity at rest, weightless on the way down, repeatable."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from edge.signals import FloatArray, Position
from firmware_sim.people.body import Body
from firmware_sim.people.daily import (
    fidget,
    lie_down,
    on_the_table,
    set_down,
    sit_down,
    stand_up,
    still,
    turn_in_bed,
    walk,
)
from firmware_sim.people.day import Activity, living, period_at
from firmware_sim.people.falls import Aftermath, FallKind
from firmware_sim.people.kinematics import Motion
from firmware_sim.people.wearer import Wearer

RATE_HZ = 50
POSITIONS = list(Position)


def size_g(samples_g: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(samples_g, axis=1))


def standing_still(body: Body, _: float) -> Iterator[Motion]:
    yield stand_up(body)
    while True:
        yield still(body, 5.0)


def fall_of(
    seed: int, position: Position, kind: FallKind, aftermath: Aftermath, rate_hz: int = RATE_HZ
) -> tuple[FloatArray, int]:
    """40 s of samples from 10 s before the fall is asked for, and the sample of the impact."""
    wearer = Wearer(seed, position, rate_hz, living(9.0))
    before = wearer.read(10 * rate_hz)
    impact = wearer.fall(kind, aftermath, 20.0)
    return np.concatenate([before, wearer.read(30 * rate_hz)]), impact


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("rate_hz", [20, 34, 50, 100, 200])
def test_rest_is_one_g_but_for_bias_and_noise(position: Position, rate_hz: int) -> None:
    wearer = Wearer(5, position, rate_hz, standing_still)
    wearer.read(5 * rate_hz)  # stands up
    resting = size_g(wearer.read(20 * rate_hz))
    assert abs(resting.mean() - 1.0) < 0.08
    assert 0.0005 < resting.std() < 0.02


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", list(FallKind))
@pytest.mark.parametrize("seed", range(4))
def test_fall_loses_weight_then_hits_the_floor(
    position: Position, kind: FallKind, seed: int
) -> None:
    samples_g, impact = fall_of(seed, position, kind, Aftermath.STILL)
    size = size_g(samples_g)
    # recorded arms often lose little weight: a wrist is drawn from those
    assert size[impact - RATE_HZ : impact].min() < (0.98 if position is Position.WRIST else 0.75)
    around = size[impact - 15 : impact + 40]
    assert 1.8 < around.max() < 16.0
    # what comes after is a body at rest, 3 s later
    after = size[impact + 3 * RATE_HZ : impact + 8 * RATE_HZ]
    assert abs(after.mean() - 1.0) < 0.08
    assert after.std() < 0.02


@pytest.mark.parametrize("kind", [FallKind.FORWARD, FallKind.BACKWARD, FallKind.SIDEWAYS])
def test_trunk_ends_up_lying(kind: FallKind) -> None:
    samples_g, impact = fall_of(2, Position.WAIST, kind, Aftermath.STILL)
    upright = Wearer(2, Position.WAIST, RATE_HZ, standing_still)
    upright.read(5 * RATE_HZ)
    before = upright.read(RATE_HZ).mean(axis=0)
    after = samples_g[impact + 3 * RATE_HZ : impact + 8 * RATE_HZ].mean(axis=0)
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert np.degrees(np.arccos(cosine)) > 55.0


def test_aftermaths_differ() -> None:
    movement = {}
    for aftermath in Aftermath:
        samples_g, impact = fall_of(3, Position.WAIST, FallKind.SIDEWAYS, aftermath)
        later = samples_g[impact + 3 * RATE_HZ : impact + 16 * RATE_HZ]
        movement[aftermath] = later.std(axis=0).max()
    assert movement[Aftermath.STILL] < 0.02
    assert movement[Aftermath.STRUGGLING] > 0.03
    assert movement[Aftermath.GETTING_UP] > 0.3  # gravity goes from across the spine to along it


def test_whoever_lies_on_the_floor_does_not_just_walk_off() -> None:
    wearer = Wearer(4, Position.WAIST, RATE_HZ, living(9.0))
    wearer.read(10 * RATE_HZ)
    impact = wearer.fall(FallKind.FORWARD, Aftermath.STILL, 5.0)
    wearer.read(impact - wearer.samples_n + 4 * RATE_HZ)
    assert size_g(wearer.read(600 * RATE_HZ)).max() < 1.7


@pytest.mark.parametrize("position", POSITIONS)
def test_same_seed_same_samples_in_any_chunks(position: Position) -> None:
    def samples(seed: int, chunks: list[int]) -> FloatArray:
        wearer = Wearer(seed, position, RATE_HZ, living(9.0))
        return np.concatenate([wearer.read(n) for n in chunks])

    whole = samples(7, [1500])
    assert (samples(7, [1, 49, 50, 700, 0, 700]) == whole).all()
    assert not (samples(8, [1500]) == whole).all()


def test_same_fall_in_any_chunks() -> None:
    def samples(chunk: int) -> FloatArray:
        wearer = Wearer(7, Position.WAIST, RATE_HZ, living(9.0))
        parts = [wearer.read(500)]
        wearer.fall(FallKind.BACKWARD, Aftermath.STRUGGLING, 10.0)
        parts += [wearer.read(chunk) for _ in range(1200 // chunk)]
        return np.concatenate(parts)

    assert (samples(1200) == samples(50)).all()


@pytest.mark.parametrize("hour", [3.0, 9.0, 13.0, 19.0])
def test_ordinary_life_stays_far_from_falls(hour: float) -> None:
    wearer = Wearer(9, Position.WAIST, RATE_HZ, living(hour))
    size = size_g(wearer.read(900 * RATE_HZ))
    assert size.max() < 2.5
    assert size.min() > 0.3
    assert abs(np.median(size) - 1.0) < 0.08


def test_night_is_spent_in_bed() -> None:
    assert period_at(3.0).weights == {Activity.BED: 1.0}
    assert period_at(27.0) == period_at(3.0)
    night = Wearer(9, Position.CHEST, RATE_HZ, living(2.0)).read(600 * RATE_HZ)
    day = Wearer(9, Position.CHEST, RATE_HZ, living(9.0)).read(600 * RATE_HZ)
    assert size_g(night).std() < size_g(day).std()


def test_walking_shows_the_steps_of_that_person() -> None:
    body = Body(3, Position.WAIST, RATE_HZ)
    stand_up(body)
    size = size_g(walk(body, 20.0).specific_force_g())
    spectrum = np.abs(np.fft.rfft(size - size.mean()))
    frequency_hz = np.fft.rfftfreq(len(size), 1.0 / body.internal_rate_hz)
    band = (frequency_hz > 0.5) & (frequency_hz < 6.0)
    strongest_hz = frequency_hz[band][spectrum[band].argmax()]
    assert abs(strongest_hz - body.gait.cadence_hz) < 0.25


def test_motions_join_without_a_jump_of_gravity() -> None:
    body = Body(6, Position.WAIST, RATE_HZ)
    motions = [
        still(body, 2.0), stand_up(body), walk(body, 5.0), sit_down(body), fidget(body, 2.0),
        lie_down(body), turn_in_bed(body), still(body, 2.0),
    ]  # fmt: skip
    for one, next_one in itertools.pairwise(motions):
        turn = one.rotation[len(one) - 1].inv() * next_one.rotation[0]
        assert np.degrees(turn.magnitude()) < 2.5


def test_device_on_a_table_is_dead_still() -> None:
    body = Body(6, Position.WRIST, RATE_HZ)
    set_down(body)
    force_g = on_the_table(body, 5.0).specific_force_g()
    assert np.abs(force_g - force_g[0]).max() < 1e-9
    assert abs(np.linalg.norm(force_g[0]) - 1.0) < 1e-9


def test_rate_outside_the_sensor_is_refused() -> None:
    with pytest.raises(ValueError, match="rate_hz"):
        Wearer(1, Position.WAIST, 10.0, living(9.0))
