"""A list of 200,000 people against 1,000,000 records: read, hashed, compared, written down.

    python -m benchmarks.matching [--rows 200000] [--records 1000000]

Records are copied in, the list goes the way of a clerk's upload: sealed file, worker, process of
its own, comparison in PostgreSQL. While it runs, somebody else asks for a page every 100 ms: how
long they wait is told too. Asked for: under two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import time
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from cloud.app import create_app
from cloud.care.matching.models import ListState, MatchingList, file_context
from cloud.care.matching.worker import MatchingWorker
from cloud.database import Database, libpq_arguments
from cloud.identity.permissions import Role
from cloud.people.citizen_number import check_character
from cloud.people.record import number_purpose
from cloud.people.search_keys import name_pinyin
from cloud.seed_people import FAMILY_NAMES, GIVEN
from cloud.settings import Settings
from tests.cloud.world import Home, ManualClock, World, make_home
from tests.support.postgres import Postgres

ASKED_S = 120.0
PAGE_EVERY_S = 0.1
OK = 200
# Of ten people of the list nine are on record, one of twenty with another name.
_ON_RECORD = 0.9
_OTHER_NAME = 0.05
_WITHOUT_NUMBER = 0.1
console = Console(width=100)
Person = tuple[str, date, str]  # name, birth date, citizen number


def people(count: int) -> Iterator[Person]:
    """Nobody's: no place has a code that begins with 99."""
    dice = random.Random(1)  # noqa: S311 - a benchmark
    names = [family + given for family in FAMILY_NAMES for each in GIVEN.values() for given in each]
    first_day = date(1926, 1, 1)
    for order in range(count):
        birth = first_day + timedelta(days=order % 12_000)
        seventeen = f"99{order // 12_000 % 10_000:04}{birth:%Y%m%d}{order % 1000:03}"
        yield dice.choice(names), birth, seventeen + check_character(seventeen)


def fill(url: Any, home: Home, count: int, progress: Progress) -> None:
    """Records with blind indexes, copied in as superuser without the triggers of single changes."""
    keyring, purpose = Settings().keyring, number_purpose(home.institution_id)
    task = progress.add_task("records", total=count)
    pinyin: dict[str, str] = {}
    since = "2026-01-01T00:00:00Z"
    with psycopg.connect(**libpq_arguments(url)) as connection:
        connection.execute("SET session_replication_role = replica")
        columns = (
            "id, institution_id, name, sex, birth_date, care_note, created_at, name_pinyin,"
            " search_keys, citizen_number_index"
        )
        with connection.cursor().copy(f"COPY elder ({columns}) FROM STDIN") as copy:
            for order, (name, birth, number) in enumerate(people(count)):
                if name not in pinyin:
                    pinyin[name] = name_pinyin(name)
                copy.write_row(
                    (uuid.UUID(int=order + 1), home.institution_id, name, "female", birth, "",
                     since, pinyin[name], "", keyring.blind_index(number, purpose))
                )  # fmt: skip
                if order % 10_000 == 0:
                    progress.update(task, completed=order)
        progress.update(task, completed=count)
    with psycopg.connect(**libpq_arguments(url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE elder")


def a_list(rows: int, records: int) -> bytes:
    """CSV in GBK, as dirty as lists are."""
    dice = random.Random(2)  # noqa: S311 - a benchmark
    stride = max(1, records // rows)
    lines = ["序号,姓名,身份证号码,出生日期,救助类别"]
    for order, (name, birth, number) in enumerate(people(rows * stride)):
        if order % stride:
            continue
        called = "欧阳" + name[1:] if dice.random() < _OTHER_NAME else name
        stranger = "98" + number[2:17]
        theirs = number if dice.random() < _ON_RECORD else stranger + check_character(stranger)
        shown = "" if dice.random() < _WITHOUT_NUMBER else theirs
        status = dice.choice(("城市低保", "农村低保", "特困人员", "低保边缘"))
        lines.append(f"{order + 1}, {called} ,{shown},{birth:%Y年%m月%d日},{status}")
    return "\r\n".join(lines).encode("gb18030")


async def put_list(database: Database, home: Home, content: bytes, clock: ManualClock) -> uuid.UUID:
    now, list_id = clock.now(), uuid.uuid4()
    async with database.tenant(home.institution_id) as scope:
        scope.session.add(
            MatchingList(
                id=list_id, institution_id=home.institution_id, source="基准", purpose="基准",
                field="economic_status", legal_basis="基准", as_of=date(2026, 2, 28),
                file_sha256=hashlib.sha256(content).digest(), state=ListState.QUEUED,
                file_sealed=Settings().keyring.encrypt_bytes(content, file_context(list_id)),
                uploaded_at=now, uploaded_by="基准", expires_on=date(2026, 6, 1),
            )
        )  # fmt: skip
    return list_id


async def ask_meanwhile(world: World, stop: asyncio.Event) -> list[float]:
    """Milliseconds that somebody else waits for a page of elders."""
    nurse = await world.as_role(Role.HEAD_NURSE)
    waits: list[float] = []
    while not stop.is_set():
        begin = time.perf_counter()
        answer = await nurse.get("/api/v1/elders", params={"limit": 50})
        if answer.status_code != OK:
            raise SystemExit(answer.text)
        waits.append((time.perf_counter() - begin) * 1000)
        await asyncio.sleep(PAGE_EVERY_S)
    return waits


async def measure(url: Any, app_url: Any, rows: int, records: int) -> Table:
    database, clock = Database(app_url), ManualClock()
    home = await make_home(database, clock, "bench")
    other = await make_home(database, clock, "other")
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console) as bar:
        fill(url, home, records, bar)
        content = a_list(rows, records)
        list_id = await put_list(database, home, content, clock)
        app = create_app(Settings(), database, clock, with_tasks=False)
        world = World(app, database, clock, home, other)
        stop = asyncio.Event()
        asking = asyncio.create_task(ask_meanwhile(world, stop), name="page")
        task = bar.add_task(f"list of {rows:,}", total=None)
        begin = time.perf_counter()
        await MatchingWorker(database, Settings().keys_text, clock).once()
        took_s = time.perf_counter() - begin
        stop.set()
        waits = sorted(await asking)
        bar.update(task, total=1, completed=1)
    table = Table(title=f"{rows:,} rows against {records:,} records")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_row("file", f"{len(content) / 1e6:.1f} MB")
    table.add_row("all of it", f"{took_s:.1f} s (asked: {ASKED_S:.0f} s)")
    table.add_row("a page meanwhile, median", f"{waits[len(waits) // 2]:.0f} ms")
    table.add_row("a page meanwhile, slowest", f"{waits[-1]:.0f} ms")
    clerk = await world.as_role(Role.ASSESSOR)
    found = (await clerk.get(f"/api/v1/matching-lists/{list_id}")).json()
    if found["state"] != "ready":
        raise SystemExit(found["note"])
    for difference, count in sorted(found["counts"].items()):
        table.add_row(difference, f"{count:,}")
    await world.close()
    await database.close()
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with Postgres() as postgres:
        name = postgres.clone()
        table = asyncio.run(
            measure(
                postgres.superuser_url(name), postgres.app_url(name), arguments.rows,
                arguments.records,
            )
        )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    main()
