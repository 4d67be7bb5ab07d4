"""All that was measured of one elder: handed out whole, and taken away for good."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from cloud.clock import NS_PER_S
from cloud.database import Database
from cloud.devices.service import Subject, assign
from cloud.identity.permissions import Role
from cloud.series.choose import series_store
from cloud.series.influx import InfluxSeries
from cloud.series.influx_client import InfluxClient
from cloud.series.move import Journal, MoveError, Mover
from cloud.series.postgres import PostgresSeries
from cloud.series.slots import Unit, slots_of_readings, summarise
from cloud.settings import Settings
from edge.signals import Reading
from edge.wire import Lane
from tests.cloud.world import World, reading, waveform
from tests.support.influx_double import influx_double

DAY_S = 86_400.0


async def measure(world: World) -> list[Reading]:
    """Of both wearables; wearable-1 changed hands ten minutes ago."""
    home, handover = world.home, world.clock.now() - timedelta(minutes=10)
    async with world.database.tenant(home.institution_id) as scope:
        await scope.session.execute(
            text("UPDATE assignment SET valid_until = :at WHERE device_id = 'wearable-1'"),
            {"at": handover},
        )
        await assign(scope, "wearable-1", Subject(home.elders[1], None, None), handover)
    ages_s = (3 * DAY_S, 2 * DAY_S + 0.5, 3600.0, 601.0, 600.0, 5.0)
    sent = [reading(world.clock, ago_s=age_s) for age_s in ages_s]
    other = reading(world.clock, device="wearable-2")
    await world.gateway().send(*sent, other, waveform(world.clock), lane=Lane.BULK)
    await world.app.state.series.pack(world.clock.now_ns())
    return sent


async def test_an_elder_gets_what_was_measured_of_them_and_no_more(world: World) -> None:
    sent = await measure(world)
    await make_old_summaries(world)
    manager = await world.as_role(Role.MANAGER)
    url = f"/api/v1/elders/{world.home.elders[0]}/series/export"
    answer = await manager.get(url)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    readings = [row for row in rows if row["kind"] == "reading"]
    at = [str(np.datetime64(r.time_ns, "ns")) + "Z" for r in sent[:4]]
    assert [row["at"] for row in readings] == at
    assert {row["value"] for row in readings} == {71.0}
    assert [(r["kind"], r["count"], r["highest"]) for r in rows if r["kind"] == "minute"] == [
        ("minute", 2, 81.0)
    ]
    table = list(csv.DictReader(io.StringIO((await manager.get(url + "?format=csv")).text)))
    assert [row["at"] for row in table if row["kind"] == "reading"] == at
    assert len(table) == len(rows)
    async with world.database.tenant(world.home.institution_id) as scope:
        told = await scope.session.scalar(
            text("SELECT count(*) FROM audit_entry WHERE body LIKE '%record.exported%'")
        )
    assert told == 2


async def make_old_summaries(world: World) -> None:
    """A minute of ten days ago whose readings are gone; the device was the elder's then."""
    at = world.clock.now_ns() - 10 * 86_400 * NS_PER_S + np.array([0, NS_PER_S])
    raw = slots_of_readings(np.zeros(2, np.int64), at, np.array([80.0, 81.0]))
    async with world.database.tenant(world.home.institution_id) as scope:
        key = ("wearable-1", "heart_rate", "live")
        store: PostgresSeries = world.app.state.series
        await store.append_slots(scope, key, Unit.MINUTE, summarise(raw, Unit.MINUTE))


async def test_erasing_takes_all_of_one_elder_and_nothing_of_the_other(world: World) -> None:
    sent = await measure(world)
    manager = await world.as_role(Role.MANAGER)
    url = f"/api/v1/elders/{world.home.elders[0]}/series/erase"
    assert (await manager.post(url, json={"reason": ""})).status_code == 422
    erased = (await manager.post(url, json={"reason": "家属申请删除"})).json()
    assert erased["readings"] == 4
    assert (await manager.post(url, json={"reason": "again"})).json()["readings"] == 0
    async with world.database.tenant(world.home.institution_id) as scope:
        store: PostgresSeries = world.app.state.series
        now_ns = world.clock.now_ns()
        left = await store.readings(scope, "wearable-1", "heart_rate", 0, now_ns)
        assert left == sent[4:]
        assert len(await store.readings(scope, "wearable-2", "heart_rate", 0, now_ns)) == 1
        proof = await scope.session.execute(
            text("SELECT readings, erased_by FROM series_erasure ORDER BY readings DESC")
        )
        assert [row.readings for row in proof] == [4, 0]


async def test_only_some_may(world: World) -> None:
    url = f"/api/v1/elders/{world.home.elders[0]}/series"
    for role, status in ((Role.DUTY, 403), (Role.ADMIN, 403), (Role.FAMILY, 403)):
        client = await world.as_role(role)
        assert (await client.get(url + "/export")).status_code == status
        assert (await client.post(url + "/erase", json={"reason": "why"})).status_code == status


async def test_series_move_to_another_store_and_back(
    world: World, database: Database, tmp_path: Path
) -> None:
    """Copied, compared, gone on with after an interruption; late data is copied again."""
    await measure(world)
    await make_old_summaries(world)
    now_ns = world.clock.now_ns()
    source = series_store(Settings(), database)
    with influx_double() as (url, double):
        client = InfluxClient(url, "double", "yuyue")
        target = InfluxSeries(client, database)
        steps: list[tuple[int, int]] = []

        async def move() -> tuple[int, int, int]:
            journal = Journal(tmp_path / "move.jsonl")
            journal.load()
            mover = Mover(database, source, target, journal)
            moved = await mover.move(now_ns, lambda done, total: steps.append((done, total)))
            return moved.readings, moved.days, moved.skipped

        assert await move() == (7, 4, 0)
        assert steps[-1] == (4, 4)
        assert await move() == (0, 0, 4)
        with (tmp_path / "move.jsonl").open("a") as torn:
            torn.write('["half a li')
        await world.gateway().send(reading(world.clock, ago_s=7200.0))
        readings, days, skipped = await move()
        assert (days, skipped) == (1, 3)
        assert readings >= 2
        async with database.tenant(world.home.institution_id) as scope:
            for store in (source, target):
                counts = [(d.device_id, d.day, d.count) for d in await store.inventory(scope)]
                assert sum(count for _, _, count in counts) == 8
        lost = next(iter(double.points))
        del double.points[lost]
        (tmp_path / "move.jsonl").unlink()
        forgetful = InfluxSeries(client, database)

        async def swallow(*_: object) -> None:
            """Takes it and keeps nothing."""

        client.write = swallow  # type: ignore[method-assign,assignment]
        double.points.clear()
        mover = Mover(database, source, forgetful, Journal(tmp_path / "other.jsonl"))
        with pytest.raises(MoveError, match="are not in the target"):
            await mover.move(now_ns, lambda *_: None)
        await client.close()
