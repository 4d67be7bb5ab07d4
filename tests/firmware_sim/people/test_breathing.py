"""Breath by breath: as often as told, as varied as recorded, and the pauses of those who stop."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.people.breathing import Asleep, Breaths, Effort, Pause, breathe, plan_pauses

HOUR_S = 3600.0


def night(
    seed: int = 1, per_min: float = 15.0, pauses: tuple[Pause, ...] = (), hours: float = 2.0
) -> tuple[Breaths, tuple[Pause, ...]]:
    spans = [(0.0, hours * HOUR_S)]
    return breathe(spans, lambda t: np.full_like(t, per_min), pauses, np.random.default_rng(seed))


@pytest.mark.parametrize("per_min", [9.0, 15.0, 28.0])
def test_as_many_breaths_as_told(per_min: float) -> None:
    breaths, _ = night(per_min=per_min)
    assert breaths.counted(0.0, 2 * HOUR_S) / 120.0 == pytest.approx(per_min, rel=0.02)
    by_minute = [breaths.counted(60.0 * k, 60.0 * (k + 1)) for k in range(120)]
    assert 0.0 < np.std(by_minute) < 0.2 * per_min  # nobody breathes like a clock


def test_a_rate_that_rises_is_followed() -> None:
    breaths, _ = breathe(
        [(0.0, 2 * HOUR_S)], lambda t: np.where(t < HOUR_S, 14.0, 24.0), (),
        np.random.default_rng(2),
    )  # fmt: skip
    assert breaths.counted(0.0, HOUR_S) / 60.0 == pytest.approx(14.0, rel=0.03)
    assert breaths.counted(HOUR_S, 2 * HOUR_S) / 60.0 == pytest.approx(24.0, rel=0.03)


def test_same_numbers_same_breaths() -> None:
    (ours, _), (again, _), (others, _) = night(3), night(3), night(4)
    assert ours.start_s.tobytes() == again.start_s.tobytes()
    assert ours.depth.tobytes() == again.depth.tobytes()
    assert ours.start_s[:50].tobytes() != others.start_s[:50].tobytes()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(6.0, 40.0), st.floats(0.02, 1.0))
def test_breaths_follow_each_other(seed: int, per_min: float, hours: float) -> None:
    breaths, _ = night(seed, per_min, hours=hours)
    assert (np.diff(breaths.start_s) > 0).all()
    assert (breaths.period_s > 0).all()
    assert (np.diff(breaths.start_s) >= breaths.period_s[:-1] - 1e-6).all()
    assert breaths.air.all()
    wave = breaths.wave(np.linspace(0.0, hours * HOUR_S, 2000))
    assert np.isfinite(wave).all()
    assert wave.min() >= -1e-9


def test_in_a_central_pause_the_chest_rests_and_then_gasps() -> None:
    (breaths, (pause,)) = night(5, pauses=(Pause(1000.0, 1030.0, Effort.CENTRAL),))
    assert breaths.counted(pause.from_s, pause.until_s) == 0
    assert 20.0 < pause.until_s - pause.from_s < 45.0
    still = breaths.wave(np.linspace(pause.from_s, pause.until_s - 0.1, 200))
    assert np.ptp(still) < 0.05
    gasp = breaths.wave(np.linspace(pause.until_s, pause.until_s + 6.0, 200)).max()
    usual = np.median(breaths.depth)
    assert gasp > 1.5 * usual


def test_in_an_obstructive_pause_the_chest_works_on_against_itself() -> None:
    (breaths, (pause,)) = night(5, pauses=(Pause(1000.0, 1030.0, Effort.OBSTRUCTIVE),))
    assert breaths.counted(pause.from_s, pause.until_s) == 0
    effort = breaths.wave(np.linspace(pause.from_s + 1.0, pause.until_s - 0.1, 400))
    assert -0.45 < effort.min() < -0.05
    assert effort.max() < 0.05
    assert ((breaths.start_s >= pause.from_s) & (breaths.start_s < pause.until_s)).sum() >= 4


@pytest.mark.parametrize("per_h", [2.0, 40.0])
def test_as_many_pauses_as_told(per_h: float) -> None:
    hours = 200.0
    pauses = plan_pauses([Asleep(0.0, hours * HOUR_S, per_h, 0.5)], np.random.default_rng(6))
    assert len(pauses) / hours == pytest.approx(per_h, rel=0.1)
    central = np.mean([pause.effort is Effort.CENTRAL for pause in pauses])
    assert central == pytest.approx(0.5, abs=0.1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 120.0), st.floats(0.01, 3.0), st.floats(0.0, 1.0))
def test_pauses_are_apart_and_in_their_sleep(
    seed: int, per_h: float, hours: float, central: float
) -> None:
    asleep = [
        Asleep(100.0, 100.0 + hours * HOUR_S, per_h, central),
        Asleep(20_000.0, 20_000.0 + hours * HOUR_S, per_h, central),
    ]
    pauses = plan_pauses(asleep, np.random.default_rng(seed))
    for pause in pauses:
        assert 10.0 <= pause.until_s - pause.from_s <= 60.0
        assert any(a.from_s <= pause.from_s and pause.until_s <= a.until_s for a in asleep)
    for one, then in pairwise(pauses):
        assert then.from_s - one.until_s >= 25.0
