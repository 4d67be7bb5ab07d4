"""`yuyue demo` as a visitor runs it: a fall arrives, Ctrl-C leaves nothing, the data stay."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.processes import REPOSITORY, free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Demo:
    """One run of the demo."""

    def __init__(self, data_dir: Path, name: str) -> None:
        self.data_dir = data_dir
        self.screen = data_dir.parent / f"{name}.txt"
        with self.screen.open("wb") as screen:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "yuyue", "demo", "--data-dir", str(data_dir),
                 "--port", str(free_port()), "--mqtt-port", str(free_port()),
                 "--first-fall-s", "8", "--second-fall-s", "0", "--no-house"],
                cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen,
                env={**os.environ, "COLUMNS": "160"},
            )  # fmt: skip

    def said(self) -> str:
        return self.screen.read_text(errors="replace")

    def waits_for(self, words: str, timeout_s: float) -> None:
        def look() -> bool:
            assert self.process.poll() is None, self.said()
            return words in self.said()

        wait_until(look, f"the demo says {words!r}\n{self.said()}", timeout_s)

    def all_processes(self) -> list[psutil.Process]:
        """The demo, its children, and the PostgreSQL that lives in a session of its own."""
        found = [
            self.process.pid,
            *(c.pid for c in psutil.Process(self.process.pid).children(True)),
        ]
        found += [
            int(path.read_text().splitlines()[0])
            for path in self.data_dir.glob("**/postmaster.pid")
        ]
        return [psutil.Process(pid) for pid in found]

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def seed(self) -> dict[str, Any]:
        return dict(json.loads((self.data_dir / "seed.json").read_text()))


def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those not ended; one that ended and waits for a slow init to take note has ended."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_fall_arrives_ctrl_c_leaves_nothing_and_the_data_stay(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "demo", "first")
    try:
        demo.waits_for("after the fall", 120)
        processes = demo.all_processes()
        assert len(processes) >= 6  # demo, broker, cloud, gateway, home, PostgreSQL
        seed = demo.seed()
        assert seed["devices"][0]["elder"] in demo.said()
        assert demo.stop(signal.SIGINT) == 0
    finally:
        if demo.process.poll() is None:
            demo.stop(signal.SIGTERM)
    assert still_running(processes) == []
    assert not list(demo.data_dir.glob("**/postmaster.pid"))

    again = Demo(tmp_path / "demo", "second")
    try:
        again.waits_for("alerts are still open from before", 120)
        assert again.seed()["logins"] == seed["logins"]
        assert again.seed()["gateway"] == seed["gateway"]
        processes = again.all_processes()
    finally:
        code = again.stop(signal.SIGTERM)
    assert code == 0
    assert still_running(processes) == []


@pytest.mark.parametrize("command", [["gateway", "run"], ["cloud", "serve"]], ids=" ".join)
def test_death_of_a_part_is_told_and_stops_the_rest(tmp_path: Path, command: list[str]) -> None:
    demo = Demo(tmp_path / "demo", "death")
    try:
        demo.waits_for("Yuyue Care Hub", 120)
        processes = demo.all_processes()
        (part,) = [process for process in processes if process.cmdline()[-2:] == command]
        part.kill()
        assert demo.process.wait(60) == 1
    finally:
        if demo.process.poll() is None:
            demo.stop(signal.SIGTERM)
    assert f"{command[0]} ended with code -9" in demo.said()
    # the embedded PostgreSQL of a killed cloud included
    assert still_running(processes) == []
