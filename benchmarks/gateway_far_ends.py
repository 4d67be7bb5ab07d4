"""The far ends, each a process of its own: a bare consumer, a cloud that only counts, a gateway
that notes its commits."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from benchmarks.gateway_bench import (
    TOPICS,
)
from edge.signals import NS_PER_S, Reading
from gateway.outbox import Group, Outbox
from tests.support.processes import REPOSITORY, free_port


async def bare(name: str, n: int, port: int, username: str, password: str) -> None:
    """What anybody writes first: aiomqtt, json.loads, and nothing kept."""
    import aiomqtt  # noqa: PLC0415

    got, began_s, began_cpu_s = 0, 0.0, 0.0
    async with aiomqtt.Client(
        "127.0.0.1", port, username=username, password=password, identifier=name,
        clean_session=False, protocol=aiomqtt.ProtocolVersion.V311,
    ) as connection:  # fmt: skip
        await connection.subscribe(TOPICS, qos=1)
        async for message in connection.messages:
            if not got:
                began_s, began_cpu_s = time.perf_counter(), time.process_time()
            json.loads(message.payload)
            got += 1
            if got == n:
                break
        took_s = time.perf_counter() - began_s
        used_s = time.process_time() - began_cpu_s
    print(n / took_s, used_s * 1e6 / n, psutil.Process().memory_info().rss / 1e6)


async def bare_times(out: Path, port: int, username: str, password: str) -> None:
    """When a bare consumer has parsed each message."""
    import aiomqtt  # noqa: PLC0415

    times: dict[str, int] = {}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def consume() -> None:
        async with aiomqtt.Client(
            "127.0.0.1", port, username=username, password=password
        ) as connection:
            await connection.subscribe(TOPICS, qos=1)
            async for message in connection.messages:
                record = json.loads(message.payload)[0]
                device_id = str(message.topic).split("/")[2]
                is_call = record["n"] == "sos"
                key = f"{device_id} {record['t'] * NS_PER_S}" if is_call else str(record["v"])
                times[key] = time.time_ns()

    task = asyncio.create_task(consume())
    await stop.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.to_thread(out.write_text, json.dumps(times))


def instrumented(out: Path) -> None:
    """The gateway as it is, noting when each commit returned."""
    from gateway.cli import app  # noqa: PLC0415

    times: dict[str, int] = {}
    commit = Outbox.commit

    def noting(self: Outbox, group: Group) -> object:
        committed = commit(self, group)
        now_ns = time.time_ns()
        for taken in group.signals:
            if isinstance(taken, Reading) and taken.quantity == "steps":
                times[str(int(taken.value))] = now_ns
        for event in group.events:
            times[f"{event.device_id} {event.time_ns}"] = now_ns
        return committed

    Outbox.commit = noting  # type: ignore[assignment, method-assign]
    try:
        app(["run"])
    finally:
        out.write_text(json.dumps(times))


class _Thin(msgspec.Struct):
    lane: str
    first_seq: int
    records: list[msgspec.Raw]


async def sink(port: int) -> None:
    """The cloud's side of the wire with nothing behind it: counts, acknowledges, notes times."""
    counts = {"urgent": 0, "bulk": 0}
    urgent_at: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (head := await reader.readline()) and head.strip():
            length, zipped = 0, False
            while line := (await reader.readline()).lower().strip():
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                zipped = zipped or line == b"content-encoding: gzip"
            body = await reader.readexactly(length)
            answer: dict[str, object] = {"received_ns": time.time_ns(), "registry_version": 1}
            if b"/ingest" in head:
                raw = gzip.decompress(body) if zipped else body
                batch = msgspec.json.decode(raw, type=_Thin)
                last = batch.first_seq + len(batch.records) - 1
                counts[batch.lane] = max(counts[batch.lane], last)
                if batch.lane == "urgent":
                    urgent_at.extend([time.time()] * len(batch.records))
                answer = {"acknowledged_through": last}
            elif b"/counts" in head:
                answer = {**counts, "urgent_at": urgent_at}
            text = json.dumps(answer).encode()
            status = b"304 Not Modified" if b"/registry" in head else b"200 OK"
            text = b"" if b"/registry" in head else text
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text))

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=2**20)
    await server.serve_forever()


@contextmanager
def sinking() -> Iterator[tuple[int, Callable[[], dict[str, object]]]]:
    import httpx  # noqa: PLC0415

    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway", "--sink", str(port)], cwd=REPOSITORY
    )
    http = httpx.Client(trust_env=False)

    def ask() -> dict[str, object]:
        return dict(http.get(f"http://127.0.0.1:{port}/counts").json())

    for _ in range(100):
        try:
            ask()
            break
        except httpx.TransportError:
            time.sleep(0.1)
    try:
        yield port, ask
    finally:
        http.close()
        process.terminate()
        process.wait(10)
