"""Beat by beat: as often as told, with the breath, with stumbles, without order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.people.breathing import Breaths, Effort, Pause, breathe
from firmware_sim.people.heartbeat import Beats, Rhythm, beat, draw_rhythm

SPAN_S = 3600.0
EVEN = Rhythm(variability=0.0)


def breathing(seed: int = 1, pauses: tuple[Pause, ...] = ()) -> tuple[Breaths, tuple[Pause, ...]]:
    return breathe(
        [(0.0, SPAN_S)], lambda t: np.full_like(t, 15.0), pauses, np.random.default_rng(seed)
    )


def hour(
    rhythm: Rhythm, per_min: float = 66.0, seed: int = 1, pauses: tuple[Pause, ...] = ()
) -> Beats:
    breaths, happened = breathing(seed, pauses)
    return beat(
        [(0.0, SPAN_S)], lambda t: np.full_like(t, per_min), breaths, happened, rhythm,
        np.random.default_rng([seed, 2]),
    )  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.floats(40.0, 130.0), st.booleans(), st.floats(0.0, 300.0))
def test_as_many_beats_as_told(seed: int, per_min: float, order: bool, ectopic: float) -> None:
    beats = hour(Rhythm(order, ectopic), per_min, seed)
    assert len(beats.at_s) / 60.0 == pytest.approx(per_min, rel=0.03)
    assert (np.diff(beats.at_s) > 0).all()
    assert len(beats.size) == len(beats.at_s)
    assert beats.counted(0.0, SPAN_S) == len(beats.at_s)


def test_same_numbers_same_beats() -> None:
    ours, again, others = (hour(Rhythm(ectopic_per_h=30.0), seed=n) for n in (3, 3, 4))
    assert ours.at_s.tobytes() == again.at_s.tobytes()
    assert ours.at_s[:50].tobytes() != others.at_s[:50].tobytes()


def test_the_heart_is_faster_while_breathing_in() -> None:
    breaths, _ = breathing()
    beats = hour(Rhythm())
    interval_s = np.diff(beats.at_s)
    risen = breaths.wave(beats.at_s[1:] - interval_s / 2.0)
    assert np.corrcoef(risen, interval_s)[0, 1] < -0.3
    flat = np.diff(hour(EVEN).at_s)
    assert flat.std() < 0.005 < interval_s.std()


def test_an_ectopic_beat_is_early_small_and_paid_back() -> None:
    plain, stumbling = hour(EVEN), hour(Rhythm(ectopic_per_h=60.0, variability=0.0))
    assert len(plain.at_s) == pytest.approx(len(stumbling.at_s), abs=1)
    interval_s = np.diff(stumbling.at_s)
    usual_s = np.median(interval_s)
    early = np.flatnonzero(interval_s < 0.8 * usual_s)
    assert 30 < len(early) < 100
    assert interval_s[early] + interval_s[early + 1] == pytest.approx(2 * usual_s, rel=0.02)
    assert (stumbling.size[early + 1] < 0.6).all()


def test_a_fibrillating_heart_has_no_order() -> None:
    interval_s = np.diff(hour(Rhythm(fibrillates=True)).at_s)
    assert interval_s.std() / interval_s.mean() == pytest.approx(0.22, abs=0.04)
    assert abs(np.corrcoef(interval_s[1:], interval_s[:-1])[0, 1]) < 0.1


def test_a_pause_of_breath_slows_the_heart_and_its_end_races_it() -> None:
    pauses = tuple(Pause(at, at + 30.0, Effort.CENTRAL) for at in range(200, 3400, 200))
    _, happened = breathing(pauses=pauses)
    beats = hour(EVEN, pauses=pauses)
    late = sum(beats.counted(p.until_s - 10.0, p.until_s) for p in happened)
    after = sum(beats.counted(p.until_s, p.until_s + 10.0) for p in happened)
    assert after > 1.05 * late


def test_rhythms_come_with_age() -> None:
    rng = np.random.default_rng(1)
    old, young = ([draw_rhythm(age, rng) for _ in range(2000)] for age in (85, 62))
    assert np.mean([r.fibrillates for r in old]) == pytest.approx(0.09, abs=0.02)
    assert np.mean([r.fibrillates for r in young]) < 0.04
    assert max(r.ectopic_per_h for r in old) <= 400.0
    assert old[0].variability < draw_rhythm(25, rng).variability
