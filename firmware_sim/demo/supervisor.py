"""Starts the parts of the demo as processes, notices when one dies, and ends them all in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

# PostgreSQL writes its checkpoint and the gateway its snapshots within this; then force.
_STOP_S: Final = 20.0
_POLL_S: Final = 0.05
_LOG_TAIL_LINES: Final = 15
_PORTS_TRIED: Final = 100
_OWN_SETTINGS: Final = ("YUYUE_CLOUD_", "YUYUE_GATEWAY_", "YUYUE_SIM_")


class ChildDiedError(RuntimeError):
    """A part of the demo ended by itself. `tail` is the end of its log."""

    def __init__(self, name: str, returncode: int, log_path: Path) -> None:
        super().__init__(f"{name} ended with code {returncode} ({log_path})")
        self.tail = log_tail(log_path)


class NoFreePortError(RuntimeError):
    """Every port that was tried is taken."""


@dataclass(frozen=True, slots=True)
class Child:
    """One running part."""

    name: str
    log_path: Path
    process: asyncio.subprocess.Process
    # It does one thing and ends; whoever started it waits for that.
    ends: bool = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid


class Supervisor:
    """Use as `async with`: leaving ends every child, in the reverse order of their start."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: list[Child] = []

    async def __aenter__(self) -> Supervisor:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in reversed(self._children):
            await _stop(child)
        self._children.clear()

    @property
    def children(self) -> tuple[Child, ...]:
        """Those started, in order."""
        return tuple(self._children)

    async def start(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        ends: bool = False,
    ) -> Child:
        """Start `yuyue ARGUMENTS` with its log in NAME.log; the log of this run begins anew."""
        log_path = self._log_dir / f"{name}.log"
        with log_path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "yuyue",
                *arguments,
                env=child_environment(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C comes to us alone; we end them in order
            )
        child = Child(name, log_path, process, ends)
        self._children.append(child)
        return child

    async def run(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Run a command to its end. Raises ChildDiedError when it fails."""
        child = await self.start(name, arguments, environment, ends=True)
        returncode = await child.process.wait()
        self._children.remove(child)
        if returncode != 0:
            raise ChildDiedError(name, returncode, child.log_path)

    async def watch(self) -> None:
        """Wait until any child ends by itself, and raise ChildDiedError."""
        waits = {
            asyncio.create_task(child.process.wait(), name=child.name): child
            for child in self._children
            if not child.ends
        }
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            child = waits[done.pop()]
            raise ChildDiedError(child.name, child.process.returncode or 0, child.log_path)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def check(self) -> None:
        """Raise ChildDiedError when a child has ended already."""
        for child in self._children:
            if child.process.returncode is not None:
                raise ChildDiedError(child.name, child.process.returncode, child.log_path)


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Our environment without anybody's own hub settings, and with `environment`.

    A demo must never reach a real database or broker that happens to be set in the shell.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_SETTINGS)}
    return {
        **kept,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        **environment,
    }


async def _stop(child: Child) -> None:
    """Ask it to end; after a while make it, with all it started."""
    if child.process.returncode is None:
        child.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.process.wait(), _STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.process.wait()


def stop_postgres_left_in(directory: Path) -> int | None:
    """End an embedded PostgreSQL whose cloud died before it could; its pid, or None.

    It runs in a session of its own, so only its pid file tells of it.
    """
    for pid_file in directory.glob("**/postmaster.pid"):
        with contextlib.suppress(ValueError, IndexError, OSError, psutil.Error):
            process = psutil.Process(int(pid_file.read_text().splitlines()[0]))
            command = " ".join(process.cmdline())
            if "postgres" in process.name() and str(pid_file.parent) in command:
                process.send_signal(signal.SIGINT)  # its "fast" shutdown: no data are lost
                _wait_for_end_of(process)
                return int(process.pid)
    return None


def _wait_for_end_of(process: psutil.Process) -> None:
    """Until it runs no more. It is not our child: a slow init may leave its name for a while."""
    deadline_s = time.monotonic() + _STOP_S
    while time.monotonic() < deadline_s:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(_POLL_S)


def log_tail(path: Path) -> str:
    """The last lines of a log."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LOG_TAIL_LINES:])


def free_port(preferred: int) -> int:
    """The preferred loopback port, or the next free one. Raises NoFreePortError."""
    for port in range(preferred, min(65_535, preferred + _PORTS_TRIED)):
        if _is_free(port):
            return port
    raise NoFreePortError(f"ports {preferred} to {preferred + _PORTS_TRIED} are all taken")


def _is_free(port: int) -> bool:
    # somebody may listen on all addresses: binding to one of them could still succeed
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
