"""The command line as its users type it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import yuyue
from firmware_sim.cli import app as sim_app
from tests.support.processes import REPOSITORY, free_port


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and what was said on stderr."""
    answer = CliRunner().invoke(sim_app, list(arguments), env={"COLUMNS": "200", **environment})
    return answer.exit_code, " ".join(answer.stderr.split())


def test_help_names_every_command_and_loads_none_of_them() -> None:
    code = (
        "import sys, yuyue\n"
        "try:\n    yuyue.app(['--help'], prog_name='yuyue')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "heavy = {'numpy', 'scipy', 'fastapi', 'sqlalchemy', 'aiomqtt'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for target in yuyue.TARGETS:
        assert target.command in done.stdout


def test_missing_extra_breaks_only_its_own_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = yuyue.Target("train", "edge.no_such_module", "app", "", extra="train")
    with pytest.raises(SystemExit) as end:
        yuyue._load(target)
    assert end.value.code == 1
    assert "yuyue-care-hub[train]" in capsys.readouterr().err
    assert yuyue._load(next(t for t in yuyue.TARGETS if t.command == "sim")) is sim_app


@pytest.mark.parametrize("command", ["replay", "wearable", "home", "broker"])
def test_every_help_has_an_example(command: str) -> None:
    answer = CliRunner().invoke(sim_app, [command, "--help"], env={"COLUMNS": "200"})
    assert answer.exit_code == 0
    assert "Example: " in answer.output
    assert f"yuyue sim {command}" in answer.output


def test_missing_recordings_name_the_guide(tmp_path: Path) -> None:
    code, said = run("replay", "--list", YUYUE_DATA=str(tmp_path))
    assert code == 1
    assert "docs/data.md" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["wearable", "--speed", "4"], "--for-s"),
        (["wearable", "--device-id", "a/b"], "device_id"),
        (["home", "--seed-file", "nowhere.json"], "nowhere.json"),
        (["broker", "--port", "1999"], "password"),
    ],
)
def test_wrong_use_is_one_clear_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    code, said = run(*arguments, YUYUE_SIM_STATE_DIR=str(tmp_path), YUYUE_SIM_MQTT_PASSWORD="")
    assert code == 1
    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_wearer_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "yuyue", "sim", "wearable", "--mqtt-port", str(free_port()),
         "--state-dir", str(tmp_path)],
        cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline_s = time.monotonic() + 30
    while not (tmp_path / "wearable-0001.json").exists() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors
