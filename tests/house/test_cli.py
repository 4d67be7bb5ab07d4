"""Every command that `yuyue` names exists, and its help shows an example."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import yuyue

TARGETS = [
    *((target, ()) for target in yuyue.TARGETS),
    *((target, ("train",)) for target in yuyue.TRAINING),
    *((target, ("backtest",)) for target in yuyue.BACKTESTS),
]


@pytest.mark.parametrize(
    ("target", "path"), TARGETS, ids=[" ".join((*path, t.command)) for t, path in TARGETS]
)
def test_the_command_is_there_and_explains_itself(
    target: yuyue.Target, path: tuple[str, ...]
) -> None:
    answer = CliRunner().invoke(
        yuyue.app, [*path, target.command, "--help"], env={"COLUMNS": "200"}
    )
    assert answer.exit_code == 0, answer.output
    assert "Usage: " in answer.output
    assert "Example: " in answer.output or "Commands" in answer.output
