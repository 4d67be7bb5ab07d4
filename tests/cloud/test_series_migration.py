"""A database of the layout before (0005) keeps every reading, minute and hour."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import numpy as np
import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import cloud.migrate
from cloud.clock import datetime_from_ns, ns_from_datetime
from cloud.database import Database, libpq_arguments
from cloud.devices.attribution import DeviceSpan
from cloud.migrate import migrate
from cloud.series.postgres import PostgresSeries
from cloud.series.slots import SLOT, Unit, slots_of_readings, summarise
from edge.signals import NS_PER_S
from tests.cloud.world import START
from tests.support.postgres import Postgres

NOW_NS = ns_from_datetime(START)
DAY_NS = 86_400 * NS_PER_S
MINUTE_COLUMNS = ("slot", "count", "first_ns", "last_ns", "min_ns", "max_ns", "first_value",
                  "last_value", "min_value", "max_value", "sum_value")  # fmt: skip


def test_the_old_layout_is_carried_over(postgres: Postgres) -> None:
    name = postgres.empty()
    upgrade_to(postgres, name, "0005")
    institution = uuid.uuid4()
    at = np.sort(NOW_NS - np.arange(200) * 1_117 * NS_PER_S)  # two and a half days
    values = 60.0 + np.arange(200) % 11
    gone = NOW_NS - 90 * DAY_NS + np.arange(4) * NS_PER_S  # only a minute is left of these
    with psycopg.connect(**libpq_arguments(postgres.superuser_url(name))) as connection:
        connection.execute(
            "INSERT INTO institution (id, name, created_at) VALUES (%s, '旧院', now())",
            [institution],
        )
        connection.execute(
            "INSERT INTO series_key (institution_id, device_id, quantity, origin)"
            " VALUES (%s, 'w', 'heart_rate', 'live')", [institution],
        )  # fmt: skip
        for index, (time_ns, value) in enumerate(zip(at.tolist(), values.tolist(), strict=True)):
            connection.execute(
                "INSERT INTO series_reading VALUES (%s, 1, %s, %s, %s)",
                [institution, time_ns, value, 0.25 if index % 2 else None],
            )
        for times, marks, kept in ((at, values, Unit.MINUTE), (at, values, Unit.HOUR),
                                   (gone, np.full(4, 99.0), Unit.MINUTE)):  # fmt: skip
            raw = slots_of_readings(np.zeros(len(times), np.int64), times, marks)
            table = "series_minute" if kept is Unit.MINUTE else "series_hour"
            for slot in summarise(raw, kept):
                connection.execute(
                    f"INSERT INTO {table} (institution_id, series_id, {', '.join(MINUTE_COLUMNS)})"  # noqa: S608
                    f" VALUES (%s, 1{', %s' * len(MINUTE_COLUMNS)})",
                    [institution, *(slot[column].item() for column in MINUTE_COLUMNS)],
                )
    migrate(postgres.owner_url(name))

    async def check() -> None:
        database = Database(postgres.app_url(name))
        store = PostgresSeries(database)
        raw = slots_of_readings(np.zeros(len(at), np.int64), at, values)
        span = DeviceSpan("w", NOW_NS - 10 * DAY_NS, NOW_NS + 1)
        for packed in (False, True):
            async with database.tenant(institution) as scope:
                held = await store.readings(scope, "w", "heart_rate", 0, NOW_NS + 1)
                assert [(r.time_ns, r.value) for r in held] == list(
                    zip(at.tolist(), values.tolist(), strict=True)
                )
                assert [r.clock_uncertainty_s for r in held[:2]] == [None, 0.25]
                for unit in (Unit.MINUTE, Unit.HOUR):
                    (track,) = await store.tracks(scope, [span], "heart_rate", unit)
                    for column in SLOT.names or ():
                        if column != "series":
                            expected = summarise(raw, unit)[column].tolist()
                            assert track.slots[column].tolist() == expected, (packed, column)
                old = DeviceSpan("w", NOW_NS - 100 * DAY_NS, NOW_NS - 80 * DAY_NS)
                (track,) = await store.tracks(scope, [old], "heart_rate", Unit.MINUTE)
                assert (track.slots["count"].tolist(), track.slots["max_value"].tolist()) == (
                    [4], [99.0],
                )  # fmt: skip
            await store.keep(datetime_from_ns(NOW_NS))
        await database.close()

    asyncio.run(check())
    postgres.drop(name)


def upgrade_to(postgres: Postgres, name: str, revision: str) -> None:
    config = Config()
    migrations = Path(cloud.migrate.__file__).parent / "migrations"
    config.set_main_option("script_location", str(migrations))
    engine = create_engine(postgres.owner_url(name))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
