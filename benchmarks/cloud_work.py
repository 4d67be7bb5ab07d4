"""What `benchmarks.cloud` times: the plain ways, ours, and VictoriaMetrics, on the same points.

Points arrive as they do: 100 beds, one heart rate a minute each, all beds of a minute together.
`queryable` means committed, with its summaries current. fsync is on.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta

import httpx
import msgspec
import numpy as np
import psycopg
from fastapi import FastAPI
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.client.write.point import Point as InfluxPoint
from pydantic import BaseModel
from rich.console import Console
from rich.progress import track

from cloud.app import create_app
from cloud.clock import datetime_from_ns
from cloud.database import Database, libpq_arguments
from cloud.devices.service import Subject, add_device, assign
from cloud.ingest.fast import decode_fast
from cloud.people.service import add_elder
from cloud.series.columns import ReadingColumns, columns_of
from cloud.series.influx import InfluxSeries
from cloud.series.influx_client import InfluxClient
from cloud.series.influx_text import reading_lines
from cloud.series.postgres import PostgresSeries
from cloud.series.service import Wanted, elder_series
from cloud.settings import Settings
from edge.signals import NS_PER_S, Reading
from edge.wire import Batch, Lane, Record
from tests.cloud.world import START, Home, ManualClock, make_home
from tests.support.postgres import Postgres

BEDS = 100
MINUTE_NS = 60 * NS_PER_S
DAY_NS = 1440 * MINUTE_NS
POINTS = 50_000
READS = 100
TABLES = ("series_segment", "series_day", "series_minute", "series_hour")
JSON = {"Content-Type": "application/json"}
BARE = "CREATE TABLE {} (device text, quantity text, at timestamptz, value float8)"
BARE_CHART = (
    "SELECT date_bin(%s, at, 'epoch') AS b, min(value), max(value) FROM bare_read"
    " WHERE device = %s AND quantity = 'heart_rate' AND at >= %s AND at < %s GROUP BY b ORDER BY b"
)
console = Console(width=110)


class Point(BaseModel):
    """What the plain service takes."""

    device: str
    quantity: str
    at_ns: int
    value: float


def arrivals(start_ns: int, minutes: int) -> Iterator[Reading]:
    random = np.random.default_rng(5)
    for minute in range(minutes):
        values = np.round(62 + 8 * np.sin(minute / 90) + random.normal(0, 3, BEDS), 1).tolist()
        for bed, value in enumerate(values):
            yield Reading(f"bed-{bed:03}", "heart_rate", start_ns + minute * MINUTE_NS, value)


def batches(start_ns: int, size: int, points: int = POINTS) -> list[list[Reading]]:
    everything = list(arrivals(start_ns, points // BEDS))
    return [everything[first : first + size] for first in range(0, len(everything), size)]


def decoded(content: bytes) -> ReadingColumns:
    """What ingest makes of a batch of good readings."""
    batch = decode_fast(content)
    if batch is None or batch.readings is None:
        raise AssertionError("the batch is not what it should be")
    return batch.readings


async def rate(sends: list[Callable[[], Awaitable[object]]], points: int) -> float:
    started = time.perf_counter()
    for send in sends:
        await send()
    return points / (time.perf_counter() - started)


def iso(time_ns: int) -> str:
    return datetime_from_ns(time_ns).isoformat()


class Bench:
    def __init__(self, server: Postgres, name: str, database: Database, home: Home) -> None:
        self.server, self.name, self.database, self.home = server, name, database, home
        self.clock = ManualClock(START + timedelta(days=31))
        self.store = PostgresSeries(database)
        self.start_ns = self.clock.now_ns() // DAY_NS * DAY_NS - 30 * DAY_NS
        settings = Settings(ingest_records_per_s=1e9)
        self.app = create_app(settings, database, self.clock, with_tasks=False)

    async def raw_copy(self, size: int) -> float:
        bodies = batches(self.start_ns, size)
        url = libpq_arguments(self.server.superuser_url(self.name))
        async with await psycopg.AsyncConnection.connect(**url) as connection:
            await connection.execute(BARE.format(f"bare_copy_{size}"))
            await connection.commit()

            async def send(body: list[Reading]) -> None:
                lines = io.StringIO()
                for r in body:
                    at = datetime_from_ns(r.time_ns).isoformat()
                    lines.write(f"{r.device_id}\t{r.quantity}\t{at}\t{r.value}\n")
                cursor = connection.cursor()
                async with cursor.copy(f"COPY bare_copy_{size} FROM STDIN") as copy:
                    await copy.write(lines.getvalue())
                await connection.commit()

            return await rate([lambda b=b: send(b) for b in bodies], POINTS)  # type: ignore[misc]

    async def plain_service(self, size: int) -> float:
        """FastAPI + pydantic + executemany into an indexed table: what one would write first."""

        url = libpq_arguments(self.server.superuser_url(self.name))
        async with await psycopg.AsyncConnection.connect(**url) as connection:
            table = f"bare_plain_{size}"
            await connection.execute(BARE.format(table))
            await connection.execute(f"CREATE UNIQUE INDEX ON {table} (device, quantity, at)")
            await connection.commit()
            app = FastAPI()

            @app.post("/points")
            async def take(points: list[Point]) -> dict[str, int]:
                rows = [(p.device, p.quantity, datetime_from_ns(p.at_ns), p.value) for p in points]
                async with connection.cursor() as cursor:
                    await cursor.executemany(
                        f"INSERT INTO {table} VALUES (%s, %s, %s, %s)"  # noqa: S608
                        " ON CONFLICT DO NOTHING",
                        rows,
                    )
                await connection.commit()
                return {"taken": len(rows)}

            contents = [
                msgspec.json.encode(
                    [
                        {"device": r.device_id, "quantity": r.quantity, "at_ns": r.time_ns,
                         "value": r.value} for r in body
                    ]
                )
                for body in batches(self.start_ns, size)
            ]  # fmt: skip
            return await self._post(app, "/points", contents, JSON)

    def wire(self, start_ns: int, size: int, name: str = "store", points: int = POINTS,
             prefix: str = "") -> list[bytes]:  # fmt: skip
        """Batches as a gateway sends them, numbers and all."""
        contents, seq = [], 1
        for body in batches(start_ns, size, points):
            named = [replace(r, device_id=prefix + r.device_id) for r in body] if prefix else body
            records = [Record(seq + i, r.time_ns, reading=r) for i, r in enumerate(named)]
            batch = Batch(1, name, Lane.BULK, seq, self.clock.now_ns(), records)
            contents.append(msgspec.json.encode(batch))
            seq += len(body)
        return contents

    async def our_store(self, size: int, offset_days: int) -> float:
        """Decoded and checked as ingest does, then the store in a transaction."""
        start_ns = self.start_ns + offset_days * DAY_NS
        contents = self.wire(start_ns, size)
        last_ns = start_ns + POINTS // BEDS * MINUTE_NS
        await self.store.prepare([start_ns, last_ns], self.clock.now_ns())

        async def send(content: bytes) -> None:
            readings = decoded(content)
            async with self.database.tenant(self.home.institution_id) as scope:
                await self.store.append(scope, [], readings)

        return await rate([lambda c=c: send(c) for c in contents], POINTS)  # type: ignore[misc]

    async def our_store_parallel(self, size: int, offset_days: int, connections: int) -> float:
        """The same by several connections at a time, each with beds of its own."""
        start_ns = self.start_ns + offset_days * DAY_NS
        work = [
            self.wire(start_ns, size, "store", POINTS // connections, f"p{part}-")
            for part in range(connections)
        ]
        await self.store.prepare([start_ns, start_ns + DAY_NS], self.clock.now_ns())

        async def one(contents: list[bytes]) -> None:
            for content in contents:
                async with self.database.tenant(self.home.institution_id) as scope:
                    await self.store.append(scope, [], decoded(content))

        started = time.perf_counter()
        await asyncio.gather(*(one(contents) for contents in work))
        return POINTS / (time.perf_counter() - started)

    async def influx_store(
        self, url: str, size: int, offset_days: int, connections: int = 1
    ) -> float:
        """Decode, mark the days, lines, written and taken by VictoriaMetrics.

        `offset_days` 31 is today, as data usually come; a day that is over is marked each time.
        """
        start_ns = self.start_ns + offset_days * DAY_NS
        contents = self.wire(start_ns, size)
        client = InfluxClient(url, "any", "yuyue")
        store = InfluxSeries(client, self.database)
        await store.prepare([start_ns, start_ns + DAY_NS], self.clock.now_ns())

        async def send(content: bytes) -> None:
            async with self.database.tenant(self.home.institution_id) as scope:
                await store.append(scope, [], decoded(content))

        try:
            started = time.perf_counter()

            async def work() -> None:
                while contents:
                    await send(contents.pop())

            await asyncio.gather(*(work() for _ in range(connections)))
            return POINTS / (time.perf_counter() - started)
        finally:
            await client.close()

    async def influx_client_alone(self, url: str, size: int, offset_days: int) -> float:
        """influxdb-client as its documentation shows it: a Point each, written asynchronously."""
        start_ns = self.start_ns + offset_days * DAY_NS
        async with InfluxDBClientAsync(url, "any", org="yuyue") as client:
            writer = client.write_api()

            async def send(body: list[Reading]) -> None:
                points = [
                    InfluxPoint("plain").tag("device", r.device_id).tag("quantity", r.quantity)
                    .field("value", r.value).time(r.time_ns) for r in body
                ]  # fmt: skip
                await writer.write("plain", record=points)

            bodies = batches(start_ns, size)
            return await rate([lambda b=b: send(b) for b in bodies], POINTS)  # type: ignore[misc]

    def lines_alone(self, size: int) -> float:
        """Our line protocol without sending it: the ceiling of this side."""
        bodies = [columns_of(body) for body in batches(self.start_ns, size)]
        started = time.perf_counter()
        for body in bodies:
            reading_lines("i", body)
        return POINTS / (time.perf_counter() - started)

    async def our_ingest(self, size: int, offset_days: int) -> float:
        """All of it: token, numbered records, attribution, quarantine, store, commit, answer."""
        start_ns = self.start_ns + offset_days * DAY_NS
        contents = self.wire(start_ns, size, f"outbox-{size}")
        headers = {
            "Authorization": f"Bearer {self.home.token}", "Content-Type": "application/json",
        }  # fmt: skip
        return await self._post(self.app, "/api/v1/ingest", contents, headers)

    async def _post(
        self, app: FastAPI, path: str, contents: list[bytes], headers: dict[str, str]
    ) -> float:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://b") as client:

            async def send(content: bytes) -> None:
                answer = await client.post(path, content=content, headers=headers)
                answer.raise_for_status()

            return await rate([lambda c=c: send(c) for c in contents], POINTS)  # type: ignore[misc]

    async def load(self, days: int, victoria: str) -> dict[str, float]:
        """`days` of all beds in arrival order, in all three; seconds each."""
        took = {"ours": 0.0, "bare": 0.0, "VictoriaMetrics": 0.0, "packing": 0.0}
        influx = InfluxClient(victoria, "any", "yuyue")
        url = libpq_arguments(self.server.superuser_url(self.name))
        async with await psycopg.AsyncConnection.connect(**url) as connection:
            await connection.execute(f"TRUNCATE {', '.join(TABLES)}")
            await connection.execute(BARE.format("bare_read"))
            await connection.commit()
            for day in track(range(days), description="loading", console=console):
                start_ns = self.start_ns + day * DAY_NS
                for body in batches(start_ns, 5_000, 1440 * BEDS):
                    started = time.perf_counter()
                    await self.store.prepare([body[0].time_ns], self.clock.now_ns())
                    async with self.database.tenant(self.home.institution_id) as scope:
                        await self.store.append(scope, [], body)
                    between = time.perf_counter()
                    async with connection.cursor().copy("COPY bare_read FROM STDIN") as copy:
                        for r in body:
                            at = datetime_from_ns(r.time_ns)
                            await copy.write_row((r.device_id, r.quantity, at, r.value))
                    took["ours"] += between - started
                    took["bare"] += time.perf_counter() - between
                    started = time.perf_counter()
                    await influx.write("raw", reading_lines("read", columns_of(body)))
                    took["VictoriaMetrics"] += time.perf_counter() - started
                await connection.commit()
            started = time.perf_counter()
            await self.store.pack(self.clock.now_ns())
            took["packing"] = time.perf_counter() - started
            await connection.execute("CREATE INDEX ON bare_read (device, quantity, at)")
            await connection.commit()
            await connection.set_autocommit(True)
            await connection.execute("VACUUM ANALYZE")
        await influx.close()
        return took

    async def reads(self, days: int, victoria: str) -> dict[str, list[float]]:
        """Times of one bed's chart in ms, each way; our chart is checked against the bare rows."""
        until_ns = self.start_ns + days * DAY_NS
        width = timedelta(seconds=days * 86_400 / 249)
        times: dict[str, list[float]] = {"ours": [], "bare SQL": [], "VictoriaMetrics": []}
        url = libpq_arguments(self.server.superuser_url(self.name))
        async with (
            await psycopg.AsyncConnection.connect(**url, autocommit=True) as connection,
            httpx.AsyncClient(base_url=victoria) as client,
        ):
            await client.get("/internal/force_flush")
            for number in range(READS):
                bed = number % BEDS
                started = time.perf_counter()
                async with self.database.tenant(self.home.institution_id) as scope:
                    wanted = Wanted("heart_rate", self.start_ns, until_ns, 500)
                    chart = await elder_series(
                        scope, self.store, self.home.elders[bed], wanted, self.clock.now_ns()
                    )
                times["ours"].append((time.perf_counter() - started) * 1e3)
                started = time.perf_counter()
                span = (datetime_from_ns(self.start_ns), datetime_from_ns(until_ns))
                cursor = await connection.execute(BARE_CHART, (width, f"bed-{bed:03}", *span))
                rows = await cursor.fetchall()
                times["bare SQL"].append((time.perf_counter() - started) * 1e3)
                started = time.perf_counter()
                answer = await client.get("/api/v1/query_range", params={
                    "query": f'rollup(reading_value{{device="bed-{bed:03}"}})',
                    "start": self.start_ns // NS_PER_S, "end": until_ns // NS_PER_S,
                    "step": round(width.total_seconds()), "nocache": "1",
                })  # fmt: skip
                series = answer.json()["data"]["result"]
                times["VictoriaMetrics"].append((time.perf_counter() - started) * 1e3)
                if len(series) != 3:
                    raise AssertionError("VictoriaMetrics answers min, max and avg")
                values = [value for _, value in chart.lines[0].points]
                kept = (min(values), max(values))
                if len(values) > 500 or kept != (min(r[1] for r in rows), max(r[2] for r in rows)):
                    raise AssertionError("the chart has lost its extremes")
        return times

    async def storage(self) -> dict[str, float]:
        """Bytes with their indexes."""
        query = (
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.relkind = 'r'"
            " AND c.relname LIKE %s"
        )
        url = libpq_arguments(self.server.superuser_url(self.name))
        async with await psycopg.AsyncConnection.connect(**url) as connection:
            sizes = {}
            for table in (*TABLES, "bare_read"):
                cursor = await connection.execute(query, (table.replace("_", r"\_") + "%",))
                sizes[table] = float((await cursor.fetchone() or (0,))[0])
            return sizes


async def make(server: Postgres) -> Bench:
    name = server.clone()
    database = Database(server.app_url(name))
    clock = ManualClock(START)
    home = await make_home(database, clock, "benchmark")
    home.elders.clear()
    since = START - timedelta(days=60)
    async with database.tenant(home.institution_id) as scope:
        for bed in range(BEDS):
            elder = await add_elder(
                scope, f"老人{bed}", sex="female", birth_date=date(1940, 1, 1), care_note="",
                now=START,
            )  # fmt: skip
            home.elders.append(elder.id)
            await add_device(scope, f"bed-{bed:03}", "mattress", None, START)
            await assign(scope, f"bed-{bed:03}", Subject(elder.id, None, None), since)
    return Bench(server, name, database, home)
