"""Made-up falls look like recorded ones: the figures of the impact, as distributions."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fall_shapes import FIGURES, distances, made_up, recorded, shape_of
from edge.signals import Position
from firmware_sim.devices.recordings import Recordings, data_dir

RECORDED, MADE_UP = 60, 21
# How far they may lie apart (Kolmogorov-Smirnov): what is measured today, and room for chance.
# Made-up impacts are shorter than recorded ones, at the wrist by half: docs/simulation.md.
FARTHEST = {
    Position.WAIST: {
        "peak_g": 0.50, "dip_g": 0.45, "low_s": 0.65, "wide_s": 0.50, "jerk_g_s": 0.55,
        "rest_g": 0.70, "turn_deg": 0.65,
    },
    Position.WRIST: {
        "peak_g": 0.45, "dip_g": 0.65, "low_s": 0.50, "wide_s": 0.90, "jerk_g_s": 0.70,
        "rest_g": 0.55, "turn_deg": 0.45,
    },
}  # fmt: skip


def test_the_figures_of_a_drawn_impact() -> None:
    rate_hz, impact_n = 50.0, 250
    samples = np.zeros((600, 3))
    samples[:, 2] = 1.0
    samples[impact_n - 20 : impact_n - 1, 2] = 0.3  # losing weight for 0.38 s
    samples[impact_n - 1 : impact_n + 2, 2] = [3.0, 6.0, 3.5]
    samples[impact_n + 2 :] = [1.0, 0.0, 0.0]  # lies on the other axis
    shape = shape_of(samples, rate_hz, impact_n, 8.0)
    assert shape is not None
    assert (shape.peak_g, shape.dip_g) == (6.0, 0.3)
    assert shape.low_s == pytest.approx(0.38)
    assert shape.wide_s == pytest.approx(2 / rate_hz)  # above half of 6 g
    assert shape.jerk_g_s == pytest.approx(150.0)
    assert shape.rest_g == 0.0
    assert shape.turn_deg == pytest.approx(90.0)
    assert shape_of(samples[:300], rate_hz, impact_n, 8.0) is None


@pytest.mark.recordings
@pytest.mark.parametrize("position", [Position.WAIST, Position.WRIST])
def test_made_up_falls_lie_near_recorded_ones(position: Position) -> None:
    if not (data_dir() / "falls" / "index.csv").exists():
        pytest.skip(f"no recordings at {data_dir()}: see docs/data.md, or set YUYUE_DATA")
    real = list(recorded(Recordings(data_dir()), position, RECORDED))
    far = distances(real, list(made_up(position, MADE_UP)))
    assert set(far) == set(FIGURES)
    assert {name: round(d, 2) for name, d in far.items() if d > FARTHEST[position][name]} == {}
