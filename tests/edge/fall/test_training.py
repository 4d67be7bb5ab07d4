"""Training and backtest: the table is right, the commands work, the export decides the same."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from edge.fall.model import FallModel, committed_model
from edge.fall.training.augment import augment
from edge.fall.training.cli import backtest_app, train_app
from edge.fall.training.evaluate import fold_of
from edge.fall.training.perturb import Perturbation
from edge.fall.training.recordings import Packs, Recording
from edge.fall.training.score import judge, table, wilson
from edge.signals import Position


def recording(rec_id="set/s1/F1/1/waist", *, fall=True, impact_s=10.0, seconds=30.0) -> Recording:
    return Recording(
        rec_id=rec_id,
        dataset="set",
        subject=rec_id.split("/")[1],
        activity="F1" if fall else "D1",
        age_group="young",
        position=Position.WAIST,
        is_fall=fall,
        rate_hz=50.0,
        impact_s=impact_s if fall else math.nan,
        pack=None,  # type: ignore[arg-type]
        start=0,
        length=round(50 * seconds),
        duration_s=seconds,
    )


@pytest.mark.parametrize(
    ("alarms_s", "hit", "false_s"),
    [
        ([], False, ()),
        ([12.0], True, ()),
        ([9.5], True, ()),
        ([2.0, 12.0], True, (2.0,)),
        ([2.0, 5.0, 8.0], False, (2.0,)),
        ([12.0, 25.0], True, ()),
    ],
)
def test_alarms_of_a_fall_are_judged_by_the_impact(alarms_s, hit, false_s):
    verdict = judge(recording(), alarms_s)
    assert (verdict.hit, verdict.false_s, verdict.eligible) == (hit, false_s, True)


def test_a_fall_cut_short_is_not_counted_as_missed():
    row = table([recording(impact_s=28.0)], {})[0]
    assert (row.falls, row.short) == (0, 1)
    assert math.isnan(row.sensitivity)


def test_the_table_counts():
    fall, quiet, noisy = (
        recording("set/s1/F1/1/waist"),
        recording("set/s1/D1/1/waist", fall=False),
        recording("set/s2/D1/1/waist", fall=False),
    )
    row = table([fall, quiet, noisy], {fall.rec_id: [12.0], noisy.rec_id: [3.0, 20.0]})[-1]
    assert (row.group, row.sensitivity, row.specificity, row.false_alarms) == ("ALL", 1.0, 0.5, 2)
    assert row.f1 == pytest.approx(0.5)
    assert row.latency_s(50) == pytest.approx(2.0)


def test_wilson_interval_of_a_known_case():
    assert wilson(9, 10) == pytest.approx((0.596, 0.982), abs=0.001)


def test_no_person_is_in_two_folds():
    recordings = [recording(f"set/s{k % 7}/D{k}/1/waist", fall=False) for k in range(40)]
    folds = fold_of(recordings, "subject")
    for person in {r.person for r in recordings}:
        assert len({f for f, r in zip(folds, recordings, strict=True) if r.person == person}) == 1


class Held(Packs):
    """Packs that hold these samples for any recording."""

    def __init__(self, values_g) -> None:
        super().__init__()
        self._values_g = values_g

    def values_g(self, _):
        return self._values_g


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_lost_bursts_take_about_their_share(share):
    values = np.zeros((20_000, 3))
    kept, time_s, rate_hz = Perturbation(lose_share=share).apply(recording(), Held(values))
    assert len(kept) == len(time_s)
    assert rate_hz == 50.0
    assert 1 - len(kept) / len(values) == pytest.approx(share, abs=0.35 * share)


def test_a_turn_keeps_magnitudes():
    values = np.random.default_rng(1).normal(size=(100, 3))
    turned, _, _ = Perturbation(rotate=True).apply(recording(), Held(values))
    assert not np.allclose(turned, values)
    assert np.allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(values, axis=1))


@pytest.mark.parametrize("seed", range(20))
def test_copies_stay_within_what_a_device_can_give(seed):
    rng = np.random.default_rng(seed)
    values, rate_hz, start_s = augment(rng.normal(size=(500, 3)) * 6, 50.0, 4.0, rng)
    assert np.isfinite(values).all()
    assert 20.0 <= rate_hz <= 50.0
    assert 0.0 <= start_s < 0.05


def test_weights_survive_writing_and_reading():
    model = FallModel.from_bytes(committed_model().to_bytes())
    again = FallModel.from_bytes(model.to_bytes())
    features = np.random.default_rng(3).normal(size=(50, 123)).astype(np.float32)
    assert again.digest == model.digest
    for position in (Position.WAIST, Position.WRIST, None):
        assert np.array_equal(
            again.probability(features, position), model.probability(features, position)
        )


def test_exported_trees_decide_as_the_fitted_ones():
    ensemble = pytest.importorskip("sklearn.ensemble")
    from edge.fall.training.fit import export_boosting, mean_of

    rng = np.random.default_rng(4)
    features = rng.normal(size=(800, 12)).astype(np.float32)
    label = (features[:, 0] * features[:, 1] + features[:, 2] > 0.3).astype(int)
    fitted = ensemble.HistGradientBoostingClassifier(max_iter=30, early_stopping=False)
    fitted.fit(features, label)
    forest = export_boosting(fitted, 0.5)
    expected = fitted.predict_proba(features)[:, 1]
    assert np.allclose(forest.probability(features), expected, atol=1e-12)
    assert np.allclose(mean_of([forest, forest]).probability(features), expected, atol=1e-12)


def test_a_directory_without_recordings_is_refused_by_name(tmp_path):
    for app in (train_app, backtest_app):
        result = CliRunner().invoke(app, ["falls", "--data", str(tmp_path)])
        assert result.exit_code == 2
        assert "index.csv" in result.output


@pytest.mark.parametrize("app", [train_app, backtest_app])
def test_help_shows_an_example(app):
    result = CliRunner().invoke(app, ["falls", "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output


@pytest.fixture
def small(tmp_path, library):
    """A directory with a few real recordings of several people."""
    keep = [r for r in library.recordings if r.dataset == "umafall"][:400:5]
    rows, packs, at = [], [], 0
    for r in keep:
        counts = library.counts(r)
        packs.append(counts)
        rows.append(
            {
                "rec_id": r.rec_id, "dataset": r.dataset, "subject": r.subject,
                "activity": r.activity, "age_group": r.age_group, "position": str(r.position),
                "is_fall": int(r.is_fall), "fs": r.rate_hz, "impact_s": r.impact_s,
                "file": "pack.npz", "start": at, "n": len(counts),
            }
        )  # fmt: skip
        at += len(counts)
    np.savez(tmp_path / "pack.npz", acc=np.concatenate(packs))
    with (tmp_path / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


@pytest.mark.recordings
def test_backtest_writes_alarms_and_draws_them(small, tmp_path):
    out, plot = tmp_path / "alarms.csv", tmp_path / "report.html"
    arguments = ["falls", "--data", str(small), "--out", str(out), "--plot", str(plot)]
    result = CliRunner().invoke(backtest_app, arguments)
    assert result.exit_code == 0, result.output
    assert "TRUNK" in result.output
    with out.open(newline="") as file:
        alarms = list(csv.DictReader(file))
    assert alarms
    assert set(alarms[0]) == {"recording_id", "t_alarm_s"}
    page = plot.read_text(encoding="utf-8")
    assert "<h2>Missed falls" in page
    assert "http" not in page


@pytest.mark.recordings
@pytest.mark.slow
def test_training_twice_gives_the_same_weights(small, tmp_path):
    pytest.importorskip("sklearn")
    digests = []
    for name in ("a.npz", "b.npz"):
        out = tmp_path / name
        result = CliRunner().invoke(train_app, ["falls", "--data", str(small), "--out", str(out)])
        assert result.exit_code == 0, result.output
        digests.append(FallModel.from_bytes(out.read_bytes()).digest)
    assert digests[0] == digests[1]
