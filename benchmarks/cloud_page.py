"""An elder's page at a steady rate while a gateway sends: the hub's own processes, over TCP.

The hub runs as `yuyue cloud serve` runs it (workers of uvicorn, all background work), the gateway
and the screens in processes of their own, on the same cores. Open loop: a slow answer does not hold
back the next question, and its waiting counts.
"""

from __future__ import annotations

import asyncio
import http.client
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event as Stop
from pathlib import Path

import httpx
import msgspec

from benchmarks.alerts_far_ends import Server, hub
from benchmarks.cloud_work import BEDS, batches
from cloud.clock import SystemClock
from cloud.database import Database
from cloud.devices.service import Subject, add_device, assign
from cloud.identity.permissions import Role
from cloud.identity.service import find_user
from cloud.people.service import add_elder
from edge.signals import NS_PER_S
from edge.wire import Batch, Lane, Record
from tests.cloud.world import CHANGES, START, Home, ManualClock, make_home, open_session
from tests.support.postgres import Postgres

BATCH = 500
WARM_UP_S = 3.0


@dataclass(frozen=True)
class PageLoad:
    """What was asked and what came."""

    workers: int
    times_ms: list[float]
    points_per_s: float


@dataclass(frozen=True)
class Pace:
    """Where a gateway sends to, and how fast."""

    port: int
    token: str
    points_per_s: float


def gateway(pace: Pace, bodies: list[bytes], stop: Stop, sent: multiprocessing.Queue[int]) -> None:
    """A gateway's process: a batch at a time, paced."""
    connection = http.client.HTTPConnection("127.0.0.1", pace.port, timeout=30)
    headers = {"Authorization": f"Bearer {pace.token}", "Content-Type": "application/json"}
    began_s, taken = time.monotonic(), 0
    for number, body in enumerate(bodies):
        if stop.wait(max(0.0, began_s + number * BATCH / pace.points_per_s - time.monotonic())):
            break
        connection.request("POST", "/api/v1/ingest", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"ingest: {answer.status} {text[:200]!r}")
        taken += BATCH
    sent.put(taken)


async def house(database: Database) -> tuple[Home, str]:
    """100 beds with a mattress each; the home and the cookie of its manager."""
    clock = ManualClock(SystemClock().now())
    home = await make_home(database, clock, "benchmark")
    home.elders.clear()
    now = clock.now()
    async with database.tenant(home.institution_id) as scope:
        for bed in range(BEDS):
            elder = await add_elder(
                scope, f"老人{bed}", sex="female", birth_date=START.date().replace(year=1940),
                care_note="", now=now,
            )  # fmt: skip
            home.elders.append(elder.id)
            await add_device(scope, f"bed-{bed:03}", "mattress", None, now)
            since = now.replace(year=now.year - 1)
            await assign(scope, f"bed-{bed:03}", Subject(elder.id, None, None), since)
        user = await find_user(scope, home.username(Role.MANAGER))
        if user is None:
            raise LookupError("make_home made no manager")
        return home, open_session(scope, user, now)


@dataclass(frozen=True)
class Asked:
    """A filled database, who asks, and of whom; `devices` send meanwhile."""

    name: str
    token: str
    cookie: str
    elders: Sequence[object]
    devices: Sequence[str]


async def pages(
    postgres: Postgres, directory: Path, *, workers: int, per_s: int, seconds: float,
    points_per_s: float,
) -> PageLoad:  # fmt: skip
    """ms from when each page was due to its last byte, in a house of 100 beds."""
    name = postgres.clone()
    database = Database(postgres.app_url(name))
    home, cookie = await house(database)
    await database.close()
    devices = [f"bed-{bed:03}" for bed in range(BEDS)]
    asked = Asked(name, home.token, cookie, home.elders, devices)
    return await pages_of(
        postgres, directory, asked, workers=workers, per_s=per_s, seconds=seconds,
        points_per_s=points_per_s,
    )  # fmt: skip


async def pages_of(
    postgres: Postgres, directory: Path, asked: Asked, *, workers: int, per_s: int,
    seconds: float, points_per_s: float,
) -> PageLoad:  # fmt: skip
    """The same of any filled database."""
    now_ns = time.time_ns()
    minute_ns = 60 * NS_PER_S
    count = round((seconds + WARM_UP_S + 5) * points_per_s / BATCH)
    base_ns = now_ns // minute_ns * minute_ns - (count * BATCH // BEDS + 10) * minute_ns
    bodies, number_of = [], {f"bed-{bed:03}": bed for bed in range(BEDS)}
    for number, readings in enumerate(batches(base_ns, BATCH, count * BATCH)):
        first = 1 + number * BATCH
        records = [
            Record(
                first + i, r.time_ns,
                reading=replace(r, device_id=asked.devices[number_of[r.device_id]]),
            )
            for i, r in enumerate(readings)
        ]  # fmt: skip
        bodies.append(msgspec.json.encode(Batch(1, "page", Lane.BULK, first, now_ns, records)))
    server = hub(postgres.app_url(asked.name), directory, workers=workers)
    spawn = multiprocessing.get_context("spawn")
    stop, sent = spawn.Event(), spawn.Queue()
    pace = Pace(server.port, asked.token, points_per_s)
    sending = spawn.Process(target=gateway, args=(pace, bodies, stop, sent))
    try:
        await server.ready("/readyz")
        sending.start()
        await asyncio.sleep(WARM_UP_S)
        began_s = time.monotonic()
        times = await _ask(server, asked, per_s, seconds)
        stop.set()
        taken = await asyncio.to_thread(sent.get, True, 60)
        took_s = time.monotonic() - began_s + WARM_UP_S
    finally:
        stop.set()
        sending.join(30)
        server.stop()
    return PageLoad(workers, times, taken / took_s)


async def _ask(server: Server, asked: Asked, per_s: int, seconds: float) -> list[float]:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(
        base_url=server.url, headers=CHANGES, timeout=30, limits=limits, trust_env=False
    ) as client:
        client.cookies.set("yuyue_session", asked.cookie)

        async def one(number: int, due_s: float) -> float:
            elder = asked.elders[number * 13 % len(asked.elders)]
            answer = await client.get(f"/api/v1/elders/{elder}/page")
            answer.raise_for_status()
            return 1000 * (time.perf_counter() - due_s)

        for number in range(20):  # connections, prepared statements
            await one(number, 0.0)
        began_s, tasks = time.perf_counter(), []
        for number in range(round(seconds * per_s)):
            due_s = began_s + number / per_s
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            tasks.append(asyncio.create_task(one(number, due_s)))
        return [await task for task in tasks]
