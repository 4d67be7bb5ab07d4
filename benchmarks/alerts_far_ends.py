"""Far ends of the alert figures: desks that listen, a hub in a process of its own, a bare one.

The bare stream is what anybody would write with FastAPI in an afternoon: a queue for each screen.
It stores nothing, orders nothing and forgets whoever was away; it is here to compare with.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy.engine import URL
from sse_starlette import EventSourceResponse

from cloud.worker import URL_VARIABLE
from tests.support.processes import REPOSITORY, free_port

_HZ = os.sysconf("SC_CLK_TCK")


def bare() -> FastAPI:
    """POST /event tells everybody who listens at GET /live."""
    app = FastAPI()
    screens: set[asyncio.Queue[str]] = set()

    @app.post("/event")
    async def event(body: dict[str, object]) -> dict[str, int]:
        told = json.dumps(body | {"committed_ns": time.time_ns()})
        for queue in screens:
            queue.put_nowait(told)
        return {"told": len(screens)}

    @app.get("/live")
    async def live() -> EventSourceResponse:
        queue: asyncio.Queue[str] = asyncio.Queue()
        screens.add(queue)

        async def events() -> AsyncIterator[dict[str, str]]:
            try:
                yield {"event": "ping", "data": "{}"}
                while True:
                    yield {"event": "alert", "data": await queue.get()}
            finally:
                screens.discard(queue)

        return EventSourceResponse(events())

    return app


class Server:
    """An application behind uvicorn, in a process of its own."""

    def __init__(
        self, application: str, environment: dict[str, str], log_dir: Path, *, workers: int = 1
    ) -> None:
        self.port = free_port()
        self._log = (log_dir / f"{application.rpartition(':')[2]}-{self.port}.log").open("ab")
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--factory", application, "--host", "127.0.0.1",
             "--port", str(self.port), "--log-level", "warning", "--workers", str(workers)],
            cwd=REPOSITORY, env={**os.environ, **environment}, stdout=self._log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ready(self, path: str) -> None:
        """Until it answers anything."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            for _ in range(1200):
                try:
                    await client.get(path)
                except httpx.TransportError:
                    if self._popen.poll() is not None:
                        raise RuntimeError(f"the server ended: see {self._log.name}") from None
                    await asyncio.sleep(0.1)
                else:
                    return
        raise TimeoutError("the server does not answer")

    def cpu_s(self) -> float:
        """Processor time it has used."""
        fields = Path(f"/proc/{self._popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _HZ

    def stop(self) -> None:
        self._popen.terminate()
        try:
            self._popen.wait(15)
        except subprocess.TimeoutExpired:
            self._popen.kill()
        self._log.close()


def hub(app_url: URL, log_dir: Path, *, workers: int = 1) -> Server:
    """The cloud itself, with all its background work, as its workers run it."""
    environment = {
        URL_VARIABLE: app_url.render_as_string(hide_password=False),
        "YUYUE_CLOUD_DATA_DIR": str(log_dir),
        "YUYUE_CLOUD_INGEST_RECORDS_PER_S": "100000",
    }
    return Server("cloud.worker:application", environment, log_dir, workers=workers)


@dataclass
class Desk:
    """One event stream, read off the socket: when what arrived, by the alert's id or its number."""

    port: int
    path: str
    cookie: str = ""
    after: int | None = None
    # When, and the data as they came: they are read afterwards, so that reading costs nothing here.
    heard: list[tuple[float, bytes]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    listening: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until it is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        more = "" if self.after is None else f"Last-Event-ID: {self.after}\r\n"
        cookie = f"Cookie: yuyue_session={self.cookie}\r\n" if self.cookie else ""
        writer.write(
            f"GET {self.path} HTTP/1.1\r\nHost: hub\r\nAccept: text/event-stream\r\n{cookie}{more}"
            "\r\n".encode()
        )
        kind = position = ""
        try:
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                    if kind == "ping":
                        self.listening.set()
                elif line.startswith(b"id: "):
                    position = line[4:].strip().decode()
                elif line.startswith(b"data: ") and kind == "alert":
                    self.heard.append((time.time(), line[6:]))
                    if position:
                        self.positions.append(int(position))
        finally:
            writer.close()
