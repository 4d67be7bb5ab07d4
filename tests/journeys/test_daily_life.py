"""Two hours of real daily life through the whole hub: no more alerts than the detector promises."""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

from tests.support.processes import REPOSITORY, wait_until
from tests.support.stack import Stack

HOURS = 2.0
HOURS_SPAN = timedelta(hours=HOURS)
# One in a hundred honest runs may come out above this.
QUANTILE = 0.99
FIGURES_PATH = REPOSITORY / "docs" / "models" / "fall_figures.json"


def daily_recordings(directory: Path) -> tuple[list[str], float]:
    """Real daily activities of older people (waist) in shuffled order, HOURS long; with hours."""
    with (directory / "index.csv").open(newline="") as file:
        rows = [
            (row["rec_id"], float(row["dur_s"]))
            for row in csv.DictReader(file)
            if row["dataset"] == "sisfall"
            and row["is_fall"] == "0"
            and row["age_group"] == "elderly"
        ]
    order = np.random.default_rng(2026).permutation(len(rows))
    chosen, total_s = [], 0.0
    for index in order:
        if total_s >= HOURS * 3600:
            break
        chosen.append(rows[index][0])
        total_s += rows[index][1]
    return chosen, total_s / 3600


@pytest.mark.slow
@pytest.mark.recordings
@pytest.mark.timeout(600)
def test_two_hours_of_daily_life(
    stack: Stack, recordings_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen, hours = daily_recordings(recordings_dir)
    listing = tmp_path / "recordings.txt"
    listing.write_text("\n".join(chosen))
    device_id = "wearable-0003"
    replay = stack.sim(
        "replay", "--recordings-file", str(listing), "--device-id", device_id, "--speed", "60",
        name="daily-life",
    )  # fmt: skip
    assert replay.wait(400) == 0, replay.log_tail()
    # the replayed clock ends about when the replay does
    nearly_all = datetime.now(UTC) - timedelta(seconds=15)
    wait_until(
        lambda: (stack.last_data_at(device_id) or nearly_all - HOURS_SPAN) >= nearly_all,
        "the cloud has all of it",
        120,
    )

    alerts = [
        a for a in stack.alerts("open") + stack.alerts("recent") if a["device_id"] == device_id
    ]
    rate_per_h = json.loads(FIGURES_PATH.read_text())["trunk"]["false_per_hour"]
    allowed = int(poisson.ppf(QUANTILE, rate_per_h * hours))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{hours:.2f} h of daily activities of older people (waist): {len(alerts)} alerts; "
            f"measured rate {rate_per_h:.2f} per hour on people unseen in training, so "
            f"{rate_per_h * hours:.1f} expected and at most {allowed} allowed\n"
        )
    assert len(alerts) <= allowed
