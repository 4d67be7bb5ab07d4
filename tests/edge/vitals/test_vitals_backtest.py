"""The figures of docs/models/vitals.md on the recorded belts (agreement, development data)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.vitals.training.cli import belt_agreement, heart_agreement
from edge.vitals.training.recordings import belt_nights, rr_nights
from edge.vitals.training.report import write_report

SHARED = Path(__file__).parents[4] / "shared" / "data"
DATA = Path(os.environ.get("YUYUE_DATA", SHARED)) / "vitals"

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs the recorded data (YUYUE_DATA)"),
]


def test_respiration_on_two_nights(tmp_path: Path) -> None:
    agreement, plots, rows = belt_agreement(belt_nights(DATA)[1:3])
    assert agreement.coverage >= 0.88
    assert agreement.mean_error <= 0.25
    assert agreement.answered_while_moving <= 0.1
    assert len(rows) == len(agreement.answers)
    write_report(tmp_path / "report.html", plots)
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<svg") == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_respiration_on_all_nights() -> None:
    agreement, _, _ = belt_agreement(belt_nights(DATA))
    assert agreement.coverage >= 0.92
    assert agreement.mean_error <= 0.25
    assert agreement.answered_while_moving <= 0.03


def test_heart_rate_with_real_intervals_on_two_nights() -> None:
    nights = dict(list(rr_nights(DATA).items())[:2])
    result = heart_agreement(nights, snr_db=5)
    assert result.coverage >= 0.5
    assert result.mean_error <= 2
