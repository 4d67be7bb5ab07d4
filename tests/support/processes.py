"""Real processes for whole-system tests: started, watched, and ended by their own id only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
Value = TypeVar("Value")
# Software emulation (tests/bluetooth_vm) is several times slower than the machine it runs on.
PATIENCE = float(os.environ.get("YUYUE_TEST_PATIENCE", "1"))


def free_port() -> int:
    """A TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ask: Callable[[], Value | None], what: str, timeout_s: float = 20.0) -> Value:
    """The first true answer of `ask`; AssertionError naming `what` after `timeout_s`."""
    timeout_s *= PATIENCE
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.05)


class Process:
    """One `yuyue ...` command with its log in a file."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log_dir: Path
    ) -> None:
        self.name = name
        self.log_path = log_dir / f"{name}.log"
        self._arguments = [sys.executable, "-m", "yuyue", *arguments]
        self._environment = {**os.environ, **environment}
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; the log goes on where an earlier run ended."""
        assert self._popen is None or self._popen.poll() is not None, f"{self.name} runs already"
        with self.log_path.open("ab") as log:
            self._popen = subprocess.Popen(
                self._arguments,
                env=self._environment,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def running(self) -> bool:
        """Whether it is alive."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._popen is not None
        return self._popen.pid

    def kill_9(self) -> None:
        """End it without a chance to say goodbye."""
        assert self._popen is not None
        self._popen.kill()
        self._popen.wait(10)

    def stop(self, timeout_s: float = 20.0) -> int:
        """Ask it to end (SIGTERM) and wait; its exit code."""
        assert self._popen is not None
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(10)
            raise AssertionError(
                f"{self.name} did not stop in {timeout_s:g} s\n{self.log_tail()}"
            ) from None

    def wait(self, timeout_s: float) -> int:
        """Wait for its own end; its exit code."""
        assert self._popen is not None
        return self._popen.wait(timeout_s)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of its log, for the message of a failure."""
        if not self.log_path.exists():
            return ""
        tail = self.log_path.read_text(errors="replace").splitlines()[-lines:]
        return f"--- {self.name} ---\n" + "\n".join(tail)
