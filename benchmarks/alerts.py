"""The figures of the alert path, each beside what it must reach, in one run on one machine.

    python -m benchmarks.alerts                     # some minutes
    python -m benchmarks.alerts --small             # under a minute of work, to see that it runs
    python -m benchmarks.alerts --only stream | path | flood | timers | away

`stream`: event taken in (decided, committed) to received by the last of 200 desks, beside a bare
FastAPI stream.
`path`: sensor message to a real browser over the whole hub. `flood`: 1,000 alerts in 10 s.
`timers`: 100,000 pending, two workers, each killed once with `kill -9`. `away`: a desk that missed
an hour.
PostgreSQL is on the disk and flushes every commit. The load of the machine stands beside: ratios
within one run tell more than the numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import numpy as np
import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import URL

from benchmarks.alerts_far_ends import Desk, Server, hub
from benchmarks.alerts_path import path
from cloud.clock import SystemClock
from cloud.database import Database, libpq_arguments
from cloud.devices.service import Subject, add_device, assign
from cloud.identity.service import find_user
from cloud.live.service import CHANNEL
from cloud.places.models import Room
from cloud.places.service import add_room
from edge.events import Event, EventKind
from edge.signals import Position
from edge.wire import Batch, Lane, Record
from tests.cloud.world import CHANGES, Home, ManualClock, fall, make_home, open_session
from tests.support.alert_rows import how_they_fired, waiting_suspicions
from tests.support.postgres import Postgres
from tests.support.processes import wait_until
from tests.support.timer_worker import TimerWorker

PARTS = ("stream", "path", "flood", "timers", "away")
console = Console()


@dataclass(frozen=True)
class Size:
    """How much of it."""

    desks: int
    events: int
    alerts: int
    over_s: float
    pending: int
    due: int
    missed: int
    presses: int


FULL = Size(200, 300, 1000, 10.0, 100_000, 2000, 1000, 40)
SMALL = Size(20, 20, 100, 2.0, 2_000, 100, 100, 4)


class Row(list[str]):
    """What, reached, aim."""


@dataclass
class Bench:
    """A house on a database, and who may call it."""

    postgres: Postgres
    name: str
    home: Home
    cookies: list[str]
    directory: Path
    outbox: str = "bench"
    seq: int = 1

    @property
    def app_url(self) -> URL:
        return self.postgres.app_url(self.name)

    @property
    def superuser_url(self) -> URL:
        return self.postgres.superuser_url(self.name)

    def client(self, server: Server, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=server.url, headers={**CHANGES, **headers}, timeout=60, trust_env=False
        )

    async def send(self, client: httpx.AsyncClient, *events: Event) -> None:
        """One urgent batch, taken and committed."""
        now_ns = time.time_ns()
        records = [Record(self.seq + n, now_ns, event=event) for n, event in enumerate(events)]
        batch = Batch(1, self.outbox, Lane.URGENT, self.seq, now_ns, records)
        self.seq += len(events)
        headers = {
            "Authorization": f"Bearer {self.home.token}", "Content-Type": "application/json",
        }  # fmt: skip
        answer = await client.post(
            "/api/v1/ingest", content=msgspec.json.encode(batch), headers=headers
        )
        answer.raise_for_status()


async def make(postgres: Postgres, desks: int, devices: int, directory: Path) -> Bench:
    """A home with logins for that many desks and that many sensors in rooms of one unit."""
    name = postgres.clone()
    database = Database(postgres.app_url(name))
    clock = ManualClock(SystemClock().now())
    home = await make_home(database, clock, "bench")
    now = clock.now()
    async with database.tenant(home.institution_id) as scope:
        user = await find_user(scope, home.usernames[0])
        if user is None:
            raise LookupError("make_home made no user")
        cookies = [open_session(scope, user, now) for _ in range(desks)]
        unit_id = (await scope.session.get_one(Room, home.room_id)).unit_id
        if unit_id is None:
            raise LookupError("make_home made no unit")
        for number in range(devices):
            room = await add_room(scope, unit_id, f"b{number}")
            await add_device(scope, f"pir-{number}", "yuyue-wearable-1", Position.WAIST, now)
            since = now - timedelta(days=1)
            await assign(scope, f"pir-{number}", Subject(None, None, room.id), since)
    await database.close()
    return Bench(postgres, name, home, cookies, directory)


def happening(kind: EventKind, device: str, number: int | str) -> Event:
    """An event of now."""
    clock = ManualClock(SystemClock().now())
    made = fall(kind, clock, device=device, episode=f"{number}", ago_s=0.5, evidence=False)
    return replace(made, event_id=f"{number}/{kind}", reasons=())


async def listening(desks: Sequence[Desk]) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(desk.run()) for desk in desks]
    await asyncio.gather(*(desk.listening.wait() for desk in desks))
    return tasks


async def silence(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, OSError):
            await task


def ms(values: Sequence[float]) -> str:
    """Median, p99 and the worst, of seconds."""
    if not len(values):
        return "nothing heard"
    found = [1000 * float(np.percentile(values, q)) for q in (50, 99, 100)]
    return f"median {found[0]:.1f}, p99 {found[1]:.1f}, max {found[2]:.1f} ms (n={len(values)})"


async def until(ask: Callable[[], bool], within_s: float = 120) -> None:
    """Until it is so. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not ask():  # noqa: ASYNC110 - it waits for sockets and threads
            await asyncio.sleep(0.002)


async def heard_by_all(desks: Sequence[Desk], count: int) -> None:
    """Until each has heard so many. Raises TimeoutError."""
    await until(lambda: all(len(desk.heard) >= count for desk in desks))


async def stream(bench: Bench, size: Size) -> list[Row]:
    """Committed to received by the last desk; the same desks on the bare stream."""
    server = hub(bench.app_url, bench.directory)
    plain = Server("benchmarks.alerts_far_ends:bare", {}, bench.directory)
    try:
        await server.ready("/healthz")
        await plain.ready("/openapi.json")
        ours, our_cpu_s = await _ours(bench, server, size)
        theirs, their_cpu_s = await _bare(plain, size)
    finally:
        server.stop()
        plain.stop()
    per_event = (
        f"{1000 * our_cpu_s / size.events:.1f} ms against {1000 * their_cpu_s / size.events:.1f} ms"
    )
    return [
        Row([f"committed to the last of {size.desks} desks", ms(ours.from_commit), "p99 50 ms"]),
        Row(["  taken in, decided, committed, to the last", ms(ours.from_taken), ""]),
        Row(["  a bare FastAPI stream, nothing stored", ms(theirs), "(11 ms in the issue)"]),
        Row(["  processor time an event, all desks", per_event, ""]),
    ]


async def _ours(bench: Bench, server: Server, size: Size) -> tuple[Took, float]:
    desks = [Desk(server.port, "/api/v1/live", cookie) for cookie in bench.cookies[: size.desks]]
    tasks = await listening(desks)
    before_s = server.cpu_s()
    watch = CommitWatch(bench.superuser_url)
    async with bench.client(server) as client:
        for number in range(size.events):
            heard = len(desks[0].heard)
            await bench.send(client, happening(EventKind.SOS, bench.home.devices[0], number))
            await heard_by_all(desks, heard + 1)
            # The alert's timers tell the desks too; the next event waits until they have.
            await asyncio.sleep(0.05)
    used_s = server.cpu_s() - before_s
    watch.stop()
    await silence(tasks)
    return await asyncio.to_thread(_took, bench.superuser_url, watch, desks), used_s


@dataclass(frozen=True)
class Took:
    """Seconds to the last desk, an event each."""

    from_taken: list[float]
    from_commit: list[float]


class CommitWatch:
    """When each position was first visible to another connection: its commit, some tenths of a
    millisecond late, as the database's own notification of it says.
    """

    def __init__(self, url: URL) -> None:
        self.committed_s: dict[int, float] = {}
        self._url = url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        through = 0
        with psycopg.connect(**libpq_arguments(self._url), autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}".encode())
            while not self._stopped.is_set():
                told = list(connection.notifies(timeout=0.2, stop_after=1))
                at_s = time.time()
                row = connection.execute("SELECT max(position) FROM live_event").fetchone()
                head = (row or (0,))[0] or 0
                if told:
                    self.committed_s |= dict.fromkeys(range(through + 1, head + 1), at_s)
                through = head

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


def _took(url: URL, watch: CommitWatch, desks: Sequence[Desk]) -> Took:
    """From when the hub began on what it told (the decision is in it), and from its commit, to when
    the last desk had it.
    """
    with psycopg.connect(**libpq_arguments(url)) as connection:
        query = "SELECT position, extract(epoch FROM created_at) FROM live_event"
        began_s = {int(position): float(at) for position, at in connection.execute(query)}
    last_s: dict[int, float] = {}
    count: Counter[int] = Counter()
    for desk in desks:
        for position, (at_s, _) in zip(desk.positions, desk.heard, strict=False):
            last_s[position] = max(at_s, last_s.get(position, at_s))
            count[position] += 1
    whole = {p: at for p, at in last_s.items() if count[p] == len(desks)}
    return Took(
        [at - began_s[p] for p, at in whole.items() if p in began_s],
        [at - watch.committed_s[p] for p, at in whole.items() if p in watch.committed_s],
    )


async def _bare(server: Server, size: Size) -> tuple[list[float], float]:
    desks = [Desk(server.port, "/live") for _ in range(size.desks)]
    tasks = await listening(desks)
    before_s = server.cpu_s()
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        for number in range(size.events):
            # As long as what our desks are sent.
            await client.post("/event", json={"number": number, "fill": "x" * 1200})
            await heard_by_all(desks, number + 1)
            await asyncio.sleep(0.05)
    used_s = server.cpu_s() - before_s
    await silence(tasks)
    took_s = []
    for number in range(size.events):
        committed_s = json.loads(desks[0].heard[number][1])["committed_ns"] / 1e9
        took_s.append(max(desk.heard[number][0] for desk in desks) - committed_s)
    return took_s, used_s


async def flood(bench: Bench, size: Size) -> list[Row]:
    """A power cut: device after device falls silent, a fall in the middle of it."""
    server = hub(bench.app_url, bench.directory)
    try:
        await server.ready("/healthz")
        desks = [Desk(server.port, "/api/v1/live", cookie) for cookie in bench.cookies[:20]]
        tasks = await listening(desks)
        per_batch, lists_s, before_s = 10, [], server.cpu_s()
        batches = size.alerts // per_batch
        began_s, high_s = time.monotonic(), 0.0
        async with bench.client(server) as client, bench.client(server) as nurse:
            nurse.cookies.set("yuyue_session", bench.cookies[0])
            for batch in range(batches):
                due_s = began_s + size.over_s * batch / batches
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                numbers = range(batch * per_batch, (batch + 1) * per_batch)
                made = [happening(EventKind.DEVICE_OFFLINE, f"pir-{n}", f"o{n}") for n in numbers]
                if batch == batches // 2:
                    high_s = time.time()
                    made.append(happening(EventKind.FALL_CONFIRMED, bench.home.devices[1], "high"))
                await bench.send(client, *made)
                if batch % 10 == 0:
                    asked_s = time.monotonic()
                    (await nurse.get("/api/v1/alerts")).raise_for_status()
                    lists_s.append(time.monotonic() - asked_s)
            done_s = time.monotonic() - began_s
            listed = (await nurse.get("/api/v1/alerts")).json()["alerts"]
        await asyncio.sleep(1)
        used_s = server.cpu_s() - before_s
        await silence(tasks)
    finally:
        server.stop()
    raised = {a["device_id"] for a in listed if a["code"] == "device_offline"}
    lines = [a["code"] for a in listed if not a["suppressed"]]
    at_s = [at_s for at_s, data in desks[0].heard if json.loads(data)["code"] == "fall_confirmed"]
    return [
        Row(
            [
                f"{size.alerts} alerts in {size.over_s:g} s: lost",
                str(size.alerts - len(raised)),
                "none",
            ]
        ),
        Row(["  taken and committed within", f"{done_s:.1f} s", f"{size.over_s:g} s"]),
        Row(["  lines a nurse sees", ", ".join(sorted(lines)), "the fall, and one line"]),
        Row(["  the fall, sent to desk", ms([at_s[0] - high_s] if at_s else []), "high first"]),
        Row(["  list of all open ones meanwhile", ms(lists_s), "usable"]),
        Row(["  processor time an alert", f"{1000 * used_s / size.alerts:.1f} ms", ""]),
    ]


async def timers(bench: Bench, size: Size) -> list[Row]:
    """Real processes, killed while timers fall due."""
    return await asyncio.to_thread(_timers, bench, size)


def _timers(bench: Bench, size: Size) -> list[Row]:
    url = bench.app_url.render_as_string(hide_password=False)
    workers = [TimerWorker(url) for _ in range(4)]
    owner, spread_s = bench.superuser_url, 20.0
    try:
        for worker in workers:
            worker.wait_ready()
        waiting_suspicions(
            owner, bench.home.institution_id, SystemClock().now() + timedelta(seconds=5),
            near=size.due, far=size.pending - size.due, first_s=0, spread_s=spread_s,
        )  # fmt: skip
        workers[0].go()
        workers[1].go()
        for turn, share in enumerate((3, 2)):
            due = size.due // share
            wait_until(lambda n=due: how_they_fired(owner)[0]["fired"] >= n, "some fired", 300)
            workers[turn].kill_9()
            workers[turn + 2].go()
        wait_until(lambda: how_they_fired(owner)[0]["fired"] >= size.due, "all fired", 300)
    finally:
        for worker in workers:
            worker.kill_9()
    found, late_s = how_they_fired(owner)
    lost = size.due - found["fired"] + found["left"]
    return [
        Row([f"{size.pending:,} timers pending, {size.due:,} due: after due", ms(late_s), "1 s"]),
        Row(["  lost, fired twice, through two kill -9", f"{lost}, {found['twice']}", "0, 0"]),
    ]


async def away(bench: Bench, size: Size) -> list[Row]:
    """What a desk missed, on its return."""
    server = hub(bench.app_url, bench.directory)
    try:
        await server.ready("/healthz")
        async with bench.client(server) as client:
            client.cookies.set("yuyue_session", bench.cookies[0])
            before = (await client.get("/api/v1/alerts")).json()["position"]
            for number in range(0, size.missed, 10):
                made = [
                    happening(EventKind.DEVICE_OFFLINE, f"pir-{n}", f"away{n}")
                    for n in range(number, number + 10)
                ]
                await bench.send(client, *made)
            head = (await client.get("/api/v1/alerts")).json()["position"]
        desk = Desk(server.port, "/api/v1/live", bench.cookies[0], after=before)
        began_s = time.monotonic()
        task = asyncio.create_task(desk.run())
        await until(lambda: bool(desk.positions) and desk.positions[-1] >= head)
        took_s = time.monotonic() - began_s
        await silence([task])
    finally:
        server.stop()
    in_order = desk.positions == sorted(set(desk.positions))
    whole = len(desk.positions) >= size.missed
    state = f"{took_s:.2f} s, {'in order' if in_order and whole else 'NOT WHOLE'}"
    return [Row([f"{len(desk.positions)} missed moves on return", state, "under 1 s, in order"])]


WORK = {"stream": stream, "flood": flood, "timers": timers, "away": away}


async def measure(parts: Sequence[str], size: Size) -> None:
    table = Table(title=f"alerts, {platform.machine()}, {os.cpu_count()} cores")
    for column in ("what", "reached", "aim", "load"):
        table.add_column(column)
    with tempfile.TemporaryDirectory() as name, Postgres(durable=True) as postgres:
        for part in parts:
            console.print(f"[dim]{part} ...[/]")
            if part == "path":
                rows = [Row(row) for row in await asyncio.to_thread(path, size.presses)]
            else:
                devices = max(size.alerts, size.missed) if part in ("flood", "away") else 0
                bench = await make(postgres, size.desks, devices, Path(name))
                rows = await WORK[part](bench, size)
            for row in rows:
                table.add_row(*row, f"{os.getloadavg()[0]:.1f}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--small", action="store_true", help="little of it, to see that it runs")
    arguments = parser.parse_args()
    parts = [arguments.only] if arguments.only else list(PARTS)
    asyncio.run(measure(parts, SMALL if arguments.small else FULL))


if __name__ == "__main__":
    main()
