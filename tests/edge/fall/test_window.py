"""Candidates are local maxima, whatever way they are looked for; windows come to one grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.fall.decision import free_flight_s
from edge.fall.features import extract
from edge.fall.window import GRID_BEFORE, GRID_HZ, candidate_peaks, to_grid, window_span


def slow_peaks(squared: np.ndarray, guard: int, threshold_g: float) -> list[int]:
    return [
        k
        for k in range(guard, len(squared) - guard)
        if squared[k] >= threshold_g**2
        and all(squared[k - guard : k] < squared[k])
        and all(squared[k + 1 : k + guard + 1] <= squared[k])
    ]


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 6),
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
)
def test_candidates_are_what_the_words_say(guard, levels):
    squared = np.array(levels, dtype=float)
    if len(squared) < 2 * guard:
        return
    rows, columns = candidate_peaks(np.stack([squared, squared]), guard, 2.0)
    expected = slow_peaks(squared, guard, 2.0)
    assert columns[rows == 0].tolist() == expected
    assert columns[rows == 1].tolist() == expected


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 34.0, 50.0, 104.0, 200.0])
def test_a_slow_motion_looks_the_same_at_every_rate(rate_hz):
    before, after = window_span(rate_hz)
    time_s = np.arange(-before, after + 1) / rate_hz
    motion = np.stack([np.sin(2 * time_s), np.cos(3 * time_s), 0.1 * time_s], axis=1)
    grid_s = (np.arange(to_grid(motion[None], rate_hz).shape[1]) - GRID_BEFORE) / GRID_HZ
    expected = np.stack([np.sin(2 * grid_s), np.cos(3 * grid_s), 0.1 * grid_s], axis=1)
    assert np.abs(to_grid(motion[None], rate_hz)[0] - expected).max() < 0.03


def test_features_do_not_change_when_the_sensor_is_turned():
    rng = np.random.default_rng(0)
    grid = rng.normal(size=(20, 126, 3))
    for _ in range(5):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        assert np.allclose(extract(grid @ turn), extract(grid), rtol=1e-4, atol=1e-4)


def test_the_features_of_a_window_do_not_depend_on_the_others():
    grid = np.random.default_rng(1).normal(size=(50, 126, 3))
    alone = np.concatenate([extract(grid[k : k + 1]) for k in range(len(grid))])
    assert np.array_equal(alone, extract(grid))


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 0.0), (0.1, 0.1), (0.4, 0.4)])
def test_free_flight_is_measured_before_the_impact(seconds, expected):
    before, after = window_span(50.0)
    window = np.tile([0.0, 0.0, 1.0], (before + 1 + after, 1))
    window[before - round(50 * seconds) : before] = 0.05
    window[before] = 6.0
    window[before + 10 : before + 40] = 0.0
    assert free_flight_s(window, 50.0) == pytest.approx(expected)
