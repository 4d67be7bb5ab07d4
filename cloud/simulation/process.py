"""The simulator as a process of its own: it is given an order and a key, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

COMMAND: Final = (sys.executable, "-m", "firmware_sim.world")
GALLERY: Final = (sys.executable, "-m", "firmware_sim.scenarios")
# One line: the cast of 500 beds is some 50 kB, the result of a busy month some MB.
_LINE_BYTES: Final = 16 * 2**20
_STOP_S: Final = 5.0
_SAID_CHARS: Final = 1000
_OURS: Final = "YUYUE_"


class SimulatorError(RuntimeError):
    """The simulator could not do what was asked; the message is for the operator."""


def bare_environment() -> dict[str, str]:
    """Ours without any setting of the hub: no database, no keys, no way to a phone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "PYTHONUNBUFFERED": "1"}


@asynccontextmanager
async def simulator(
    command: tuple[str, ...],
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running simulator; whatever happens, it has ended at the end."""
    process = await asyncio.create_subprocess_exec(
        *command, env=bare_environment(), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def complaint_of(process: asyncio.subprocess.Process) -> str:
    """The last of what it said before it failed."""
    said = b"" if process.stderr is None else await process.stderr.read()
    return said.decode(errors="replace").strip()[-_SAID_CHARS:] or f"code {process.returncode}"


async def read_gallery(command: tuple[str, ...] = GALLERY) -> list[dict[str, Any]]:
    """The scenarios it knows. Raises SimulatorError."""
    async with simulator(command) as process:
        out, err = await process.communicate()
    if process.returncode != 0:
        raise SimulatorError(err.decode(errors="replace")[-_SAID_CHARS:])
    return list(json.loads(out))
