from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.bed.tag import (
    IN_BELOW,
    OUT_FROM,
    ExitDecision,
    TagBedExit,
    TagFeatures,
    TagModel,
    TagReading,
    committed_model,
)
from edge.bed.training.cli import backtest_bed_app
from edge.bed.training.trials import Trial, read_trials, score

SHARED = Path(__file__).parents[4] / "shared" / "data"
DATA = Path(os.environ.get("YUYUE_DATA", SHARED)) / "routine"


def trial(labels: list[int], step_s: float = 1.0) -> Trial:
    readings = tuple(TagReading(k * step_s, 0.3, 1.0, 0.0, 1, -60.0) for k in range(len(labels)))
    return Trial("d1t", readings, np.array(labels, dtype=np.int8))


def test_an_exit_is_the_first_reading_off_the_bed() -> None:
    assert trial([4, 1, 3, 3, 1, 4, 2, 1, 2]).exits_s == [5.0, 8.0]


@pytest.mark.parametrize(
    ("alarms", "found"), [([5.0], 1), ([15.0], 1), ([15.1], 0), ([4.0, 5.0, 6.0], 1), ([], 0)]
)
def test_one_alarm_counts_for_one_exit_within_the_tolerance(
    alarms: list[float], found: int
) -> None:
    one = trial([1] * 5 + [4] * 15)
    result = score([one], {"d1t": alarms}, 10.0)
    assert (result.true_exits, result.alarms, result.found) == (1, len(alarms), found)


def test_the_decision_has_hysteresis_and_does_not_jump_at_one_reading() -> None:
    decision = ExitDecision()
    assert not decision.add(0.0, 0.0)
    assert not decision.add(0.1, 1.0)  # one odd reading
    assert not decision.add(0.2, 0.0)
    told = [decision.add(1.0 + 0.5 * k, 0.9) for k in range(4)]
    assert told.count(True) == 1
    between = (OUT_FROM + IN_BELOW) / 2
    assert not any(decision.add(4.0 + k, between) for k in range(5))  # still out
    assert not any(decision.add(9.0 + k, 0.95) for k in range(5))


def test_who_is_out_from_the_start_has_not_left() -> None:
    decision = ExitDecision()
    assert not any(decision.add(float(k), 0.9) for k in range(5))


READINGS = st.lists(
    st.tuples(
        st.floats(0, 200),
        st.floats(-2, 2),
        st.floats(-2, 2),
        st.integers(1, 4),
        st.floats(-80, -30),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(READINGS)
def test_any_readings_give_finite_features_and_a_probability(
    rows: list[tuple[float, float, float, int, float]],
) -> None:
    trees = committed_model().rooms["d1"]
    stream, time_s = TagFeatures(), 0.0
    for wait_s, frontal, vertical, antenna, rssi in rows:
        time_s += wait_s
        vector = stream.add(TagReading(time_s, frontal, vertical, 0.1, antenna, rssi))
        assert np.isfinite(vector).all()
        assert 0 <= trees.probability(vector[None, :])[0] <= 1


def test_weights_survive_writing_and_reading() -> None:
    model = committed_model()
    again = TagModel.from_bytes(model.to_bytes())
    assert again.digest == model.digest
    vector = np.zeros((1, 78))
    assert again.rooms["d2"].probability(vector) == model.rooms["d2"].probability(vector)


@pytest.mark.recordings
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recorded data (YUYUE_DATA)")
def test_the_committed_weights_run_reading_by_reading_on_a_recorded_trial() -> None:
    one = next(trial for trial in read_trials(DATA) if trial.name == "d2p01F")
    tag = TagBedExit(committed_model().rooms["d2"])
    alarms = [reading.time_s for reading in one.readings if tag.add(reading)]
    result = score([one], {one.name: alarms})
    assert result.recall == 1
    assert result.precision >= 0.5


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.recordings
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recorded data (YUYUE_DATA)")
def test_the_backtest_out_of_trial_reaches_the_card_figures(tmp_path: Path) -> None:
    out, plot = tmp_path / "bed.csv", tmp_path / "bed.html"
    result = CliRunner().invoke(
        backtest_bed_app, ["--data", str(DATA), "--out", str(out), "--plot", str(plot)]
    )
    assert result.exit_code == 0, result.output
    assert "room d1, within 10 s: recall 0.7" in result.output
    assert "room d2, within 10 s: recall 0.8" in result.output
    assert out.read_text().startswith("trial,t,kind")
    assert plot.read_text(encoding="utf-8").count("<svg") == 58


def test_the_backtest_names_a_missing_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(backtest_bed_app, ["--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "rfid_bed_dev.csv.gz" in result.output.replace("\n", "").replace("│", "").replace(
        " ", ""
    )
