"""Made-up sleepers breathe, beat and move as recorded ones do: figures, as distributions."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bed_shapes import BySubject, Kind, balanced, made_up, recorded, written
from benchmarks.beside import distances
from firmware_sim.devices.recordings import data_dir
from firmware_sim.people import bed_shapes, breathing, drawn
from firmware_sim.people.bed_shapes import Beating, Breathing, Moving

PEOPLE, EACH = 10, 30
# As far as one half of the recorded volunteers lies from the other half (95 % of 200 random splits,
# 30 of each person: the column "halves" of `python -m benchmarks.bed_shapes`). Nearer than that,
# made-up sleepers are as like recorded ones as other people are.
FARTHEST = {
    Breathing: {
        "interval_cv": 0.14, "interval_r1": 0.22, "depth_cv": 0.16, "depth_r1": 0.15,
        "inhale_share": 0.31, "deepest": 0.18, "longest": 0.15,
    },
    Beating: {"slow": 0.16, "middle": 0.22, "breath": 0.33},
    Moving: {"size": 0.23, "length_s": 0.17, "step": 0.22, "coupling": 0.15},
}  # fmt: skip


@pytest.fixture(scope="module")
def known() -> dict[Kind, BySubject]:
    folder = data_dir() / "vitals"
    if not folder.exists():
        pytest.skip(f"no recordings at {folder}: see docs/data.md, or set YUYUE_DATA")
    return recorded(folder)


@pytest.mark.recordings
@pytest.mark.timeout(180)
def test_made_up_sleepers_are_as_like_recorded_ones_as_other_people(
    known: dict[Kind, BySubject],
) -> None:
    ours = made_up(PEOPLE)
    for kind, limits in FARTHEST.items():
        far = distances(
            balanced(known[kind], EACH), balanced(ours[kind], EACH * len(known[kind]) // PEOPLE)
        )
        names = bed_shapes.names_of(kind)
        told = {n: round(d, 2) for n, d in zip(names, far, strict=True) if d > limits[n]}
        assert told == {}, kind


@pytest.mark.recordings
@pytest.mark.timeout(180)
def test_the_limits_tell_those_who_breathe_like_clocks(
    known: dict[Kind, BySubject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breathing, "_varied", lambda count, *_: (np.ones(count), 0.0))
    even = balanced(made_up(3)[Breathing], 60)
    far = distances(balanced(known[Breathing], EACH), even)
    names = bed_shapes.names_of(Breathing)
    over = {n for n, d in zip(names, far, strict=True) if d > FARTHEST[Breathing][n]}
    assert {"interval_cv", "depth_cv", "deepest", "longest"} <= over


@pytest.mark.recordings
@pytest.mark.timeout(180)
def test_the_statistics_are_those_of_the_recordings(known: dict[Kind, BySubject]) -> None:
    assert bed_shapes.FILE.read_text(encoding="utf-8") == written(known)


def test_figures_of_breathing_like_a_clock() -> None:
    time_s = np.arange(3000) / 10.0
    shape = bed_shapes.breathing_of(np.sin(2 * np.pi * 0.25 * time_s))
    assert shape is not None
    assert shape.interval_cv < 0.02
    assert shape.depth_cv < 0.02
    assert shape.inhale_share == pytest.approx(0.5, abs=0.03)
    assert shape.deepest == pytest.approx(1.0, abs=0.02)
    assert bed_shapes.breathing_of(np.zeros(3000)) is None


def test_figures_of_a_heart_that_goes_with_breath_alone() -> None:
    at_s = np.cumsum(np.ones(400))
    rr_s = 1.0 + 0.05 * np.sin(2 * np.pi * 0.25 * at_s)
    found = bed_shapes.beating_of(rr_s[:290])
    assert found.breath == pytest.approx(0.05 / np.sqrt(2) * 0.81, rel=0.2)  # between beats: less
    assert max(found.slow, found.middle) < 0.005


def test_a_jump_is_no_window() -> None:
    rr_s = np.ones(700)
    assert len(list(bed_shapes.beating_windows(rr_s))) == 2
    rr_s[100] = 1.6
    assert len(list(bed_shapes.beating_windows(rr_s))) == 1


def test_a_movement_is_found_with_its_figures() -> None:
    time_s = np.arange(12_000) / 10.0
    slow = np.sin(2 * np.pi * 0.25 * time_s)
    slow[6000:6070] += 8.0 * np.sin(2 * np.pi * 1.0 * time_s[:70])
    slow[6070:] = 3.0 + 0.5 * slow[6070:]
    (moved,) = bed_shapes.movements_of(slow)
    assert moved.size == pytest.approx(8.0, rel=0.2)
    assert moved.length_s == 10.0
    assert moved.step == pytest.approx(1.5, rel=0.2)
    assert moved.coupling == pytest.approx(np.log(0.5), abs=0.1)
    assert bed_shapes.moves_per_h(slow) == pytest.approx(3.0)


def test_who_is_like_themselves_draws_near_themselves() -> None:
    shapes = drawn.Joint(
        quantiles=np.array([drawn.LEVELS]), correlation=np.eye(1), between=np.array([0.8])
    )
    rng = np.random.default_rng(1)
    high, low = (
        [shapes.of_person(np.array([own]), rng)[0] for _ in range(200)] for own in (1.5, -1.5)
    )
    assert np.mean(high) > 0.8
    assert np.mean(low) < 0.2
