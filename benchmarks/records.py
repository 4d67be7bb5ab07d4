"""Records at size: 100,000 elders and 500,000 devices; list, search, attribute.

    python -m benchmarks.records [--elders 100000] [--devices 500000]

Rows are copied in, then lists and searches go through the application as a screen asks for them (in
this process, over real PostgreSQL), in ms. An elder's page is in `benchmarks.cloud`.
"""

from __future__ import annotations

import argparse
import gc
import io
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import numpy as np
import psycopg
import uvloop
from fastapi import FastAPI
from rich.console import Console
from rich.table import Table

from cloud.app import create_app
from cloud.database import Database, libpq_arguments
from cloud.devices.service import assignment_at, assignments_of, subjects_of
from cloud.identity.permissions import Role
from cloud.people.search_keys import name_pinyin, search_keys
from cloud.seed_people import FAMILY_NAMES, GIVEN
from cloud.settings import Settings
from tests.cloud.world import START, Home, ManualClock, World, make_home
from tests.support.postgres import Postgres

CALLS = 200
BATCH = 500
SINCE = START - timedelta(days=60)
console = Console(width=100)


def copy_in(url: object, table: str, columns: str, rows: list[tuple[object, ...]]) -> None:
    text = io.StringIO()
    for row in rows:
        text.write("\t".join("\\N" if v is None else str(v) for v in row) + "\n")
    with (
        psycopg.connect(**libpq_arguments(url)) as connection,  # type: ignore[arg-type]
        connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
    ):
        copy.write(text.getvalue())


def tsvector(name: str, known: dict[str, tuple[str, str]]) -> tuple[str, str]:
    if name not in known:
        keys = " ".join(f"'{key}'" for key in search_keys(name))
        known[name] = (keys, name_pinyin(name))
    return known[name]


def fill(url: object, home: Home, elders: int, devices: int) -> list[str]:
    """Beds, elders, stays; a device at four of five beds and on every elder, the rest spare."""
    dice = random.Random(1)  # noqa: S311 - a benchmark
    institution, since = str(home.institution_id), SINCE.isoformat()
    rooms = [(str(uuid.uuid4()), institution, str(home.room_id)) for _ in range(elders // 2)]
    with psycopg.connect(**libpq_arguments(url)) as connection:  # type: ignore[arg-type]
        row = connection.execute("SELECT unit_id FROM room LIMIT 1").fetchone() or ("",)
    room_rows = [(r[0], institution, str(row[0]), f"R{n:05}") for n, r in enumerate(rooms)]
    copy_in(url, "room", "id, institution_id, unit_id, name", room_rows)
    known: dict[str, tuple[str, str]] = {}
    elder_rows, bed_rows, stay_rows, ids = [], [], [], []
    for n in range(elders):
        elder, bed = str(uuid.uuid4()), str(uuid.uuid4())
        sex = dice.choice(("female", "male"))
        name = dice.choice(FAMILY_NAMES) + dice.choice(GIVEN[sex]) + dice.choice(("", "珍", "明"))
        keys, pinyin = tsvector(name, known)
        born = f"{dice.randint(1930, 1958)}-01-{dice.randint(1, 28):02}"
        elder_rows.append((elder, institution, name, sex, born, "", since, pinyin, keys))
        bed_rows.append((bed, institution, room_rows[n // 2][0], str(n % 2 + 1)))
        stay_rows.append((str(uuid.uuid4()), institution, elder, bed, since))
        ids.append(elder)
    copy_in(
        url, "elder",
        "id, institution_id, name, sex, birth_date, care_note, created_at, name_pinyin,"
        " search_keys",
        elder_rows,
    )  # fmt: skip
    copy_in(url, "bed", "id, institution_id, room_id, name", bed_rows)
    copy_in(url, "stay", "id, institution_id, elder_id, bed_id, valid_from", stay_rows)
    device_ids = [f"bench-{n:06}" for n in range(devices)]
    copy_in(
        url, "device", "institution_id, device_id, model, kind, created_at",
        [(institution, d, "m", "wearable" if n % 5 == 0 else "bed", since)
         for n, d in enumerate(device_ids)],
    )  # fmt: skip
    given = [
        (str(uuid.uuid4()), institution, device,
         ids[n // 5 % elders] if n % 5 == 0 else None,
         None if n % 5 == 0 else bed_rows[n // 5 % elders][0], since)
        for n, device in enumerate(device_ids) if n % 5 < 4 and n // 5 < elders
    ]  # fmt: skip
    copy_in(url, "assignment", "id, institution_id, device_id, elder_id, bed_id, valid_from", given)
    with psycopg.connect(**libpq_arguments(url), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("VACUUM ANALYZE")
    return [row[2] for row in given]


async def timed(call: Callable[[int], Awaitable[object]], calls: int = CALLS) -> list[float]:
    await call(0)
    times = []
    for number in range(calls):
        begin = time.perf_counter()
        await call(number)
        times.append((time.perf_counter() - begin) * 1000)
    return times


async def measure(postgres: Postgres, elders: int, devices: int) -> Table:
    name = postgres.clone()
    url = postgres.superuser_url(name)
    database = Database(postgres.app_url(name), pool_size=10)
    clock = ManualClock()
    home = await make_home(database, clock, "bench")
    other = await make_home(database, clock, "other")
    with console.status(f"{elders} elders, {devices} devices"):
        held = fill(url, home, elders, devices)
    app: FastAPI = create_app(Settings(), database, clock, with_tasks=False)
    gc.collect()
    gc.freeze()  # as the hub's own processes do
    world = World(app, database, clock, home, other)
    nurse = await world.as_role(Role.MANAGER)

    async def get(path: str, **query: object) -> httpx.Response:
        answer = await nurse.get(path, params=query)  # type: ignore[arg-type]
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.text}")
        return answer

    dice = random.Random(2)  # noqa: S311 - a benchmark
    queries = ["王", "wxl", "秀兰", "zhang", "lihua", "R0123", "R01234-2", "w", "陈德明", "xul"]

    async def attribute(number: int) -> None:
        """Whose 500 devices of a batch are: what ingest asks."""
        wanted = dice.sample(held, BATCH)
        async with database.tenant(home.institution_id) as scope:
            intervals = await assignments_of(scope, wanted)
            at = clock.now()
            rows = [assignment_at(rows, at) for rows in intervals.values()]
            await subjects_of(scope, [row for row in rows if row is not None], at)

    table = Table(title=f"{elders:,} elders, {devices:,} devices")
    for column in ("what", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "what" else "right")

    def add(what: str, times: list[float]) -> None:
        p50, p95, p99 = np.percentile(times, (50, 95, 99))
        table.add_row(what, f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}")

    add("elders, first page of 50", await timed(lambda _: get("/api/v1/elders")))
    add("elders, search", await timed(lambda n: get("/api/v1/elders", q=queries[n % len(queries)])))
    add("devices, page of 50", await timed(lambda n: get("/api/v1/devices", after=held[n * 7])))
    add("devices, search", await timed(lambda n: get("/api/v1/devices", q=held[n * 11][:10])))
    add("devices, spare ones", await timed(lambda _: get("/api/v1/devices", state="spare")))
    add(f"attribute {BATCH} devices", await timed(attribute))
    await world.close()
    await database.close()
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elders", type=int, default=100_000)
    parser.add_argument("--devices", type=int, default=500_000)
    arguments = parser.parse_args()
    with Postgres(durable=True) as postgres:
        console.print(uvloop.run(measure(postgres, arguments.elders, arguments.devices)))


if __name__ == "__main__":
    main()
