"""Every fault of the table: nothing lost, nothing doubled, order kept. `-m slow` kills 50 times."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.table import FAULTS

QUICK = {"gateway": 5, "cut": 1, "trouble": 12, "page": 1, "half": 1, "alone": 1}
NEEDS_ROOT = {"disk"}


def skip_unless_possible(name: str) -> None:
    if name in NEEDS_ROOT and os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_lost_and_nothing_doubled(name: str, tmp_path: Path) -> None:
    outcome = FAULTS[name](tmp_path, tries=QUICK[name])
    assert outcome.is_clean, outcome


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FAULTS)
def test_the_whole_table(name: str, tmp_path: Path) -> None:
    skip_unless_possible(name)
    outcome = FAULTS[name](tmp_path)
    print(outcome)  # noqa: T201  # the row, with -s
    assert outcome.is_clean, outcome
