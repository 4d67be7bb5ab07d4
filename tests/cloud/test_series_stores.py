"""One contract, every series store: whatever happens, what is read is what was measured.

InfluxDB: against a stand-in that speaks its documented protocol, always; against a real server
where YUYUE_TEST_INFLUXDB_URL names one (with YUYUE_TEST_INFLUXDB_TOKEN, YUYUE_TEST_INFLUXDB_ORG).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloud.clock import datetime_from_ns, ns_from_datetime
from cloud.database import Database, TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.series.influx import InfluxSeries
from cloud.series.influx_client import InfluxClient
from cloud.series.postgres import PostgresSeries
from cloud.series.service import Retention, SeriesStore
from cloud.series.slots import SLOT, Unit, slots_of_readings, summarise
from edge.signals import NS_PER_S, Origin, Reading
from tests.cloud.conftest import Seeded
from tests.cloud.world import START
from tests.support.influx_double import InfluxDouble, influx_double
from tests.support.postgres import Postgres

DAY_NS = 86_400 * NS_PER_S
NOW_NS = ns_from_datetime(START)
# Two days ago and yesterday are over, today is not.
BASE_NS = NOW_NS // DAY_NS * DAY_NS - 2 * DAY_NS
SPAN_S = 2 * 86_400 + 7_201
REAL_URL = os.environ.get("YUYUE_TEST_INFLUXDB_URL", "")
RETENTION = Retention(raw_days=30, minute_days=730)
PROPERTY = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass
class Bench:
    """A store on a database of its own, driven from tests that are not coroutines."""

    runner: asyncio.Runner
    database: Database
    store: SeriesStore
    home: uuid.UUID
    other: uuid.UUID
    numbers: Iterator[int]
    double: InfluxDouble | None = None

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def append(self, readings: list[Reading], home: uuid.UUID | None = None) -> None:
        await self.store.prepare([item.time_ns for item in readings], NOW_NS)
        async with self.database.tenant(home or self.home) as scope:
            await self.store.append(scope, [], readings)


@pytest.fixture(
    params=[
        "postgres",
        "influxdb-double",
        pytest.param(
            "influxdb",
            marks=pytest.mark.skipif(
                not REAL_URL, reason="YUYUE_TEST_INFLUXDB_URL names no InfluxDB 2 server"
            ),
        ),
    ]
)
def bench(
    request: pytest.FixtureRequest, postgres: Postgres, seeded: Seeded, database_name: str
) -> Iterator[Bench]:
    with asyncio.Runner() as runner, influx_double() as (url, double):
        database = Database(postgres.app_url(database_name))
        store: SeriesStore
        client = None
        if request.param == "postgres":
            store = PostgresSeries(database, RETENTION)
        elif request.param == "influxdb-double":
            client = InfluxClient(url, "double", "yuyue")
            store = InfluxSeries(client, database, RETENTION)
        else:
            token = os.environ["YUYUE_TEST_INFLUXDB_TOKEN"]
            org = os.environ.get("YUYUE_TEST_INFLUXDB_ORG", "yuyue")
            client = InfluxClient(REAL_URL, token, org, prefix=f"test_{uuid.uuid4().hex[:12]}")
            client.ensure_buckets(RETENTION)
            store = InfluxSeries(client, database, RETENTION)
        ids = (seeded.home.institution_id, seeded.other.institution_id)
        made = Bench(runner, database, store, *ids, itertools.count(), double)
        yield made
        if client is not None:
            made.run(client.close())
        made.run(database.close())


def heart_rate(
    device: str,
    time_ns: int,
    value: float,
    origin: Origin = Origin.LIVE,
    unsure: float | None = None,
) -> Reading:
    return Reading(device, "heart_rate", time_ns, value, origin, unsure)


# Few hours, so that slots are shared, cut and repeated; of three days, so that some are over.
times_s = st.builds(lambda day, s: day * 86_400 + s, st.integers(0, 2), st.integers(0, 7_200))
batches = st.lists(
    st.tuples(st.sampled_from("ab"), times_s, st.integers(40, 45)), min_size=1, max_size=12
)
spans = st.tuples(times_s, st.integers(1, 100_000))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), batches),
        st.tuples(st.just("again"), batches),
        st.tuples(st.just("keep"), st.none()),
        st.tuples(st.just("erase"), spans),
    ),
    min_size=1, max_size=7,
)  # fmt: skip


@PROPERTY
@given(steps, spans)
def test_what_is_read_is_what_was_measured(
    bench: Bench, steps: list[tuple[str, Any]], asked: tuple[int, int]
) -> None:
    """Late, repeated and contradicting data, days packed meanwhile, a person erased."""
    number = next(bench.numbers)
    model: dict[tuple[str, int], float] = {}

    async def check() -> None:
        for kind, what in steps:
            if kind in ("add", "again"):
                sent = [
                    heart_rate(f"{name}{number}", BASE_NS + at * NS_PER_S, float(value))
                    for name, at, value in what
                ]
                for item in sent:
                    key = (item.device_id, item.time_ns)
                    if not bench.store.first_stays or key not in model:
                        model[key] = item.value
                await bench.append(sent)
                if kind == "again":
                    await bench.append(sent)
            elif kind == "keep":
                await bench.store.keep(datetime_from_ns(NOW_NS))
            else:
                gone = DeviceSpan(f"a{number}", *bounds(what))
                before = {k for k in model if k[0] == gone.device_id
                          and gone.from_ns <= k[1] < gone.until_ns}  # fmt: skip
                async with bench.database.tenant(bench.home) as scope:
                    erased = await bench.store.erase(scope, [gone])
                assert erased.readings == len(before)
                for key in before:
                    del model[key]
        async with bench.database.tenant(bench.home) as scope:
            for name in "ab":
                await compare(bench, scope, f"{name}{number}", model, bounds(asked))

    bench.run(check())


def bounds(span: tuple[int, int]) -> tuple[int, int]:
    return BASE_NS + span[0] * NS_PER_S, BASE_NS + (span[0] + span[1]) * NS_PER_S


async def compare(
    bench: Bench, scope: TenantScope, device: str, model: dict[tuple[str, int], float],
    asked: tuple[int, int],
) -> None:  # fmt: skip
    everything = (BASE_NS, BASE_NS + SPAN_S * NS_PER_S)
    mine = sorted((at, v) for (name, at), v in model.items() if name == device)
    found = await bench.store.readings(scope, device, "heart_rate", *everything)
    assert [(r.time_ns, r.value) for r in found] == mine
    counts: dict[int, int] = {}
    for at, _ in mine:
        counts[at // DAY_NS] = counts.get(at // DAY_NS, 0) + 1
    held = await bench.store.inventory(scope)
    assert {d.day: d.count for d in held if d.device_id == device} == counts
    inside = [(at, v) for at, v in mine if asked[0] <= at < asked[1]]
    span = DeviceSpan(device, *asked)
    newest = await bench.store.latest(scope, [span])
    assert [(n.time_ns, n.value) for n in newest] == inside[-1:]
    assert await bench.store.newest(scope, [span], "heart_rate") == newest
    assert await bench.store.newest(scope, [span], "in_bed") == []
    for unit in Unit:
        tracks = await bench.store.tracks(scope, [span], "heart_rate", unit)
        if not inside:
            assert tracks == []
            continue
        (track,) = tracks
        slots = track.slots
        # Finer at the ends, but each reading counted once, and the extremes kept in their places.
        assert int(slots["count"].sum()) == len(inside)
        assert float(slots["sum_value"].sum()) == sum(v for _, v in inside)
        assert slots["min_value"].min() == min(v for _, v in inside)
        assert slots["max_value"].max() == max(v for _, v in inside)
        points = dict(inside)
        for part in ("first", "last", "min", "max"):
            for at, value in zip(slots[f"{part}_ns"], slots[f"{part}_value"], strict=True):
                assert points[int(at)] == value
        if mine and asked[0] <= mine[0][0] and mine[-1][0] < asked[1]:
            at, values = (np.array(column) for column in zip(*mine, strict=True))
            raw = slots_of_readings(np.zeros(len(at), np.int64), at, values)
            expected = summarise(raw, unit) if unit else raw
            for name in SLOT.names or ():
                if name not in ("series", "slot"):
                    assert slots[name].tolist() == expected[name].tolist(), (unit, name)


def test_origins_quantities_and_institutions_are_apart(bench: Bench) -> None:
    sent = [
        heart_rate("twin", NOW_NS - NS_PER_S, 60.0, unsure=0.02),
        heart_rate("twin", NOW_NS - NS_PER_S, 90.0, Origin.SIMULATED),
        Reading("twin", "spo2", NOW_NS - 3 * NS_PER_S, 97.0),
    ]

    async def check() -> None:
        await bench.append(sent)
        await bench.append([heart_rate("twin", NOW_NS - NS_PER_S, 120.0)], bench.other)
        span = DeviceSpan("twin", NOW_NS - 60 * NS_PER_S, NOW_NS)
        async with bench.database.tenant(bench.home) as scope:
            found = await bench.store.readings(scope, "twin", "heart_rate", span.from_ns, NOW_NS)
            assert sorted(found, key=lambda r: r.value) == sent[:2]
            newest = await bench.store.latest(scope, [span])
            assert [(n.quantity, n.origin, n.value) for n in newest] == [
                ("heart_rate", Origin.LIVE, 60.0), ("heart_rate", Origin.SIMULATED, 90.0),
                ("spo2", Origin.LIVE, 97.0),
            ]  # fmt: skip
            tracks = await bench.store.tracks(scope, [span], "heart_rate", Unit.RAW)
            assert {t.origin: t.slots["sum_value"].tolist() for t in tracks} == {
                Origin.LIVE: [60.0], Origin.SIMULATED: [90.0],
            }  # fmt: skip
            assert await bench.store.quantities(scope) == [
                ("twin", "heart_rate"), ("twin", "spo2"),
            ]  # fmt: skip
            await bench.store.erase(scope, [span])
            assert await bench.store.latest(scope, [span]) == []
        async with bench.database.tenant(bench.other) as scope:
            (mine,) = await bench.store.readings(scope, "twin", "heart_rate", 0, NOW_NS)
            assert mine.value == 120.0

    bench.run(check())


def test_summaries_whose_readings_are_gone(bench: Bench) -> None:
    """As another store hands them over: they are read, and erased where a span touches them."""
    old_ns = BASE_NS - 100 * DAY_NS
    at = old_ns + np.arange(0, 4 * 3_600, 20) * NS_PER_S
    raw = slots_of_readings(np.zeros(len(at), np.int64), at, 60.0 + np.arange(len(at)) % 9)
    key = ("old", "heart_rate", "live")

    async def check() -> None:
        await bench.store.prepare([NOW_NS], NOW_NS)
        async with bench.database.tenant(bench.home) as scope:
            for unit in (Unit.MINUTE, Unit.HOUR):
                await bench.store.append_slots(scope, key, unit, summarise(raw, unit))
        await bench.store.keep(datetime_from_ns(NOW_NS))
        whole = DeviceSpan("old", old_ns, old_ns + 4 * 3_600 * NS_PER_S)
        async with bench.database.tenant(bench.home) as scope:
            for unit, count in ((Unit.MINUTE, 240), (Unit.HOUR, 4)):
                (track,) = await bench.store.tracks(scope, [whole], "heart_rate", unit)
                assert (len(track.slots), track.slots["count"].sum()) == (count, len(at))
            (newest,) = await bench.store.latest(scope, [whole])
            assert newest.time_ns == at[-1]
            cut = DeviceSpan("old", old_ns + 90 * NS_PER_S, old_ns + 150 * NS_PER_S)
            erased = await bench.store.erase(scope, [cut])
            assert (erased.readings, erased.minutes, erased.hours) == (0, 2, 1)
            (track,) = await bench.store.tracks(scope, [whole], "heart_rate", Unit.MINUTE)
            assert len(track.slots) == 238

    bench.run(check())


def test_too_old_is_said_before_it_is_stored(bench: Bench) -> None:
    """Either store names a time; what is older cannot be told from a copy any more."""

    async def check() -> None:
        horizon_ns = await bench.store.prepare([NOW_NS - 400 * DAY_NS], NOW_NS)
        assert horizon_ns <= NOW_NS - RETENTION.raw_days * DAY_NS
        assert await bench.store.prepare([], NOW_NS) <= horizon_ns

    bench.run(check())


def test_many_quantities_at_once_are_the_same_as_each_alone(bench: Bench) -> None:
    """Of devices that changed hands, of the other institution nothing; days packed or not."""
    sent = [
        reading
        for minute in range(0, 3000, 7)
        for reading in (
            heart_rate("one", NOW_NS - minute * 60 * NS_PER_S, 60.0 + minute % 9),
            Reading("two", "in_bed", NOW_NS - minute * 60 * NS_PER_S, float(minute % 2)),
        )
    ]
    spans = [
        DeviceSpan("one", NOW_NS - 2 * DAY_NS, NOW_NS - DAY_NS),
        DeviceSpan("one", NOW_NS - DAY_NS // 2, NOW_NS + 1),
        DeviceSpan("two", NOW_NS - DAY_NS, NOW_NS + 1),
        DeviceSpan("three", NOW_NS - DAY_NS, NOW_NS),
    ]
    wanted = ["heart_rate", "in_bed", "spo2"]

    async def check() -> None:
        await bench.append(sent)
        await bench.append([heart_rate("one", NOW_NS - 60 * NS_PER_S, 120.0)], bench.other)
        await bench.store.keep(datetime_from_ns(NOW_NS))
        async with bench.database.tenant(bench.home) as scope:
            for unit in (Unit.RAW, Unit.MINUTE):
                many = await bench.store.tracks_of_many(scope, spans, wanted, unit)
                assert list(many) == wanted
                for quantity in wanted:
                    alone = await bench.store.tracks(scope, spans, quantity, unit)
                    assert [(t.device_id, t.origin) for t in many[quantity]] == [
                        (t.device_id, t.origin) for t in alone
                    ]
                    for one, other in zip(many[quantity], alone, strict=True):
                        for name in ("first_ns", "first_value", "count"):
                            assert one.slots[name].tolist() == other.slots[name].tolist()

    bench.run(check())
