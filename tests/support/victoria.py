"""Debian's VictoriaMetrics: takes what influxdb-client writes; a real server for the write path."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.processes import free_port, wait_until

PROGRAM = shutil.which("victoria-metrics")


@contextmanager
def victoria_metrics() -> Iterator[str]:
    """Its address."""
    assert PROGRAM is not None
    directory = Path(tempfile.mkdtemp(prefix="yuyue-victoria-"))
    port = free_port()
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, f"-storageDataPath={directory}/data", f"-httpListenAddr=127.0.0.1:{port}",
             "-retentionPeriod=10y", "-search.disableCache", "-search.latencyOffset=0s"],
            stdout=log, stderr=log,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), "VictoriaMetrics answers")
        yield url
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(directory, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False
