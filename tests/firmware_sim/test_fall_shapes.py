"""Made-up falls look like recorded ones: the figures of the impact, as distributions."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fall_shapes import (
    FIGURES,
    balanced,
    distances,
    found_made_up,
    made_up,
    recorded,
    shape_of,
    written,
)
from edge.signals import FloatArray, Position
from firmware_sim.devices.recordings import Recordings, data_dir
from firmware_sim.people import drawn, falls, impact_shapes
from firmware_sim.people.day import living
from firmware_sim.people.falls import Aftermath, FallKind
from firmware_sim.people.wearer import Wearer

RECORDED, MADE_UP = 90, 45
# How far they may lie apart (Kolmogorov-Smirnov). For the five figures that are drawn: as far as
# one half of the recorded volunteers lies from the other half (95 % of 200 random splits, 45 falls
# a side: the column "halves" of `python -m benchmarks.fall_shapes --falls 90`). Nearer than that,
# made-up falls are as like recorded ones as those of other people are. Rest and turn are not drawn
# (the made-up struggle as volunteers did not): what is measured, and room for chance.
FARTHEST = {
    Position.WAIST: {
        "peak_g": 0.27, "dip_g": 0.27, "low_s": 0.33, "wide_s": 0.23, "jerk_g_s": 0.23,
        "rest_g": 0.70, "turn_deg": 0.50,
    },
    Position.WRIST: {
        "peak_g": 0.36, "dip_g": 0.33, "low_s": 0.29, "wide_s": 0.25, "jerk_g_s": 0.36,
        "rest_g": 0.50, "turn_deg": 0.45,
    },
}  # fmt: skip
BOTH = pytest.mark.parametrize("position", [Position.WAIST, Position.WRIST])


@pytest.fixture(scope="module")
def known() -> Recordings:
    if not (data_dir() / "falls" / "index.csv").exists():
        pytest.skip(f"no recordings at {data_dir()}: see docs/data.md, or set YUYUE_DATA")
    return Recordings(data_dir())


@pytest.fixture
def mechanical(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing is drawn: the mechanical model alone."""
    monkeypatch.setattr(falls, "statistics_of", lambda _: None)
    return monkeypatch


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
@BOTH
def test_made_up_falls_are_as_like_recorded_ones_as_other_peoples(
    known: Recordings, position: Position
) -> None:
    real = balanced(recorded(known, position), RECORDED)
    far = distances(real, list(made_up(position, MADE_UP)))
    assert set(far) == set(FIGURES)
    assert {name: round(d, 2) for name, d in far.items() if d > FARTHEST[position][name]} == {}


@pytest.mark.recordings
@pytest.mark.usefixtures("mechanical")
@BOTH
def test_the_limits_tell_mechanics_alone_from_recorded_falls(
    known: Recordings, position: Position
) -> None:
    far = distances(balanced(recorded(known, position), RECORDED), list(made_up(position, 21)))
    over = {name for name in impact_shapes.FIGURES if far[name] > FARTHEST[position][name]}
    assert {"low_s", "wide_s"} & over


@pytest.mark.recordings
def test_the_statistics_are_those_of_the_recordings(known: Recordings) -> None:
    assert impact_shapes.FILE.read_text(encoding="utf-8") == written(known)


@BOTH
@pytest.mark.parametrize("kind", list(FallKind))
def test_a_drawn_shape_moves_nothing_in_time(
    position: Position, kind: FallKind, mechanical: pytest.MonkeyPatch
) -> None:
    def lived() -> tuple[FloatArray, int]:
        wearer = Wearer(3, position, 50.0, living(9.0))
        before = wearer.read(200)
        impact_n = wearer.fall(kind, Aftermath.STRUGGLING, 8.0)
        return np.concatenate([before, wearer.read(1500)]), impact_n

    plain, when = lived()
    mechanical.undo()
    drawn, drawn_when = lived()
    assert drawn_when == when
    other = np.flatnonzero((plain != drawn).any(axis=1))
    if kind is FallKind.SLIDE_OFF_CHAIR:
        assert len(other) == 0  # nobody recorded one
    else:  # from losing balance until the ringing is over
        assert when - 75 < other[0] < when < other[-1] < when + 80
        again, _ = lived()
        assert (again == drawn).all()


def test_every_volunteer_counts_the_same() -> None:
    values = np.array([[1.0] * 5] * 90 + [[3.0] * 5] * 10) + np.linspace(0, 0.1, 100)[:, None]
    summed = impact_shapes.summed_up(values, ["often"] * 90 + ["seldom"] * 10)
    below = sum(value < 2.0 for value in summed["quantiles"]["peak_g"])
    assert below / len(drawn.LEVELS) == pytest.approx(0.5, abs=0.03)


@BOTH
def test_the_detector_finds_made_up_falls(position: Position) -> None:
    # of recorded ones it finds as many; a test of the detector itself asks more (tests/edge/fall)
    assert found_made_up(position, 24) >= 0.9
