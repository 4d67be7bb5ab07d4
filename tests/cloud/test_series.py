"""The series store: exactly once, summaries that agree, charts that follow the assignments."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cloud.clock import datetime_from_ns, ns_from_datetime
from cloud.database import Database, TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.devices.service import Subject, add_device, assign
from cloud.people.service import add_elder, add_stay
from cloud.places.service import add_bed
from cloud.series.postgres import PostgresSeries
from cloud.series.service import ElderSeries, Retention, Wanted, elder_latest, elder_series
from cloud.series.slots import SLOT, Gap, Track, Unit, gaps, slots_of_readings, summarise, thin
from edge.signals import NS_PER_S, Origin, Reading
from edge.wire import Lane
from tests.cloud.conftest import Seeded
from tests.cloud.world import START, World, reading
from tests.support.postgres import Postgres

MINUTE_NS = 60 * NS_PER_S
BASE_NS = ns_from_datetime(START) // (86_400 * NS_PER_S) * 86_400 * NS_PER_S
NOW_NS = BASE_NS + 20 * 86_400 * NS_PER_S
PROPERTY = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def heart_rate(device: str, time_ns: int, value: float, origin: Origin = Origin.LIVE) -> Reading:
    return Reading(device, "heart_rate", time_ns, value, origin)


class Bench:
    """A store on a database of its own, driven from tests that are not coroutines."""

    def __init__(self, postgres: Postgres, name: str, home: uuid.UUID) -> None:
        self.runner = asyncio.Runner()
        self.database = Database(postgres.app_url(name))
        self.store = PostgresSeries(self.database)
        self.home = home
        self.numbers = itertools.count()

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def append(self, readings: Sequence[Reading]) -> None:
        await self.store.prepare([item.time_ns for item in readings], NOW_NS)
        async with self.database.tenant(self.home) as scope:
            await self.store.append(scope, [], readings)

    def close(self) -> None:
        self.run(self.database.close())
        self.runner.close()


@pytest.fixture
def bench(postgres: Postgres, seeded: Seeded, database_name: str) -> Iterator[Bench]:
    made = Bench(postgres, database_name, seeded.home.institution_id)
    yield made
    made.close()


# Seconds within three hours, so that minutes and hours are shared, cut and repeated.
times_s = st.integers(0, 3 * 3600)
batches = st.lists(
    st.lists(
        st.tuples(st.sampled_from("ab"), times_s, st.integers(40, 45)), min_size=1, max_size=12
    ),
    min_size=1, max_size=5,
)  # fmt: skip


@PROPERTY
@given(batches)
def test_summaries_are_what_the_readings_say(
    bench: Bench, batches: list[list[tuple[str, int, int]]]
) -> None:
    """Late, repeated and contradicting data: the first of a (device, time) counts, once."""
    number = next(bench.numbers)
    model: dict[tuple[str, int], float] = {}

    async def check() -> None:
        for batch in batches:
            sent = [
                heart_rate(f"{name}{number}", BASE_NS + at_s * NS_PER_S, float(value))
                for name, at_s, value in batch
            ]
            for item in sent:
                model.setdefault((item.device_id, item.time_ns), item.value)
            await bench.append(sent)
            await bench.append(sent[::-1])
        async with bench.database.tenant(bench.home) as scope:
            for device in {device for device, _ in model}:
                span = [DeviceSpan(device, BASE_NS, BASE_NS + 4 * 3600 * NS_PER_S)]
                mine = sorted((at, v) for (name, at), v in model.items() if name == device)
                at, values = map(np.array, zip(*mine, strict=True))
                raw = slots_of_readings(np.zeros(len(at), np.int64), at, values)
                for unit in Unit:
                    (track,) = await bench.store.tracks(scope, span, "heart_rate", unit)
                    expected = summarise(raw, unit) if unit else raw
                    for name in SLOT.names or ():
                        if name not in ("series", "slot"):
                            assert track.slots[name].tolist() == expected[name].tolist(), name

    bench.run(check())


interval = st.tuples(st.integers(0, 40), st.integers(1, 20))


@PROPERTY
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60 * 60), st.integers(40, 180)),
             min_size=1, max_size=40),
    st.lists(interval, min_size=1, max_size=2), interval, st.sampled_from(["own", "bed"]),
    st.integers(8, 30),
)  # fmt: skip
def test_a_chart_is_what_was_measured_while_assigned(  # noqa: PLR0917
    bench: Bench, data: list[tuple[str, int, int]], spans: list[tuple[int, int]],
    corrected: tuple[int, int], by: str, points: int,
) -> None:  # fmt: skip
    """Against a model that knows no summaries; again after the assignment was corrected."""
    number = next(bench.numbers)
    model: dict[tuple[str, int], float] = {}
    for name, at_s, value in data:
        model.setdefault((f"{name}{number}", BASE_NS + at_s * NS_PER_S), float(value))

    async def check() -> None:
        await bench.append([heart_rate(d, at, value) for (d, at), value in model.items()])
        async with bench.database.tenant(bench.home) as scope:
            elder, subject, held = await make_elder(bench, scope, number, by, spans)
            await compare(scope, elder, held)
            await scope.session.execute(
                text("DELETE FROM assignment WHERE device_id = :id"), {"id": f"a{number}"}
            )
            begin, end = as_interval(corrected)
            await assign(scope, f"a{number}", subject, begin, end)
            await compare(scope, elder, held | {f"a{number}": [(begin, end)]})

    async def compare(
        scope: TenantScope, elder: uuid.UUID, held: dict[str, list[tuple[datetime, datetime]]]
    ) -> None:
        span = (BASE_NS, BASE_NS + 3600 * NS_PER_S)
        expected = sorted(
            (device, at, value) for (device, at), value in model.items()
            if span[0] <= at < span[1]
            and any(a <= datetime_from_ns(at) < b for a, b in held.get(device, []))
        )  # fmt: skip
        everything = await chart(bench, scope, elder, span, 1_000)
        assert everything_in(everything) == expected
        few = await chart(bench, scope, elder, span, points)
        drawn = everything_in(few)
        assert len(drawn) <= points
        assert set(drawn) <= set(expected)
        assert {v for _, _, v in drawn} >= extremes(expected)
        for found in few.gaps:
            inside = [at for _, at, _ in expected if found.from_ns < at < found.until_ns]
            assert inside == [], found
        newest = await elder_latest(scope, bench.store, elder, NOW_NS)
        whole = await raw_of(bench, scope, elder)
        assert [i.time_ns for i in newest] == ([max(at for at, _ in whole)] if whole else [])

    bench.run(check())


def extremes(rows: list[tuple[str, int, float]]) -> set[float]:
    values = [value for _, _, value in rows]
    return {min(values), max(values)} if values else set()


def as_interval(minutes: tuple[int, int]) -> tuple[datetime, datetime]:
    begin = datetime_from_ns(BASE_NS) + timedelta(minutes=minutes[0], seconds=7)
    return begin, begin + timedelta(minutes=minutes[1])


async def make_elder(
    bench: Bench, scope: TenantScope, number: int, by: str, spans: list[tuple[int, int]]
) -> tuple[uuid.UUID, Subject, dict[str, list[tuple[datetime, datetime]]]]:
    """An elder with device a (and b over the second interval), directly or by their bed."""
    now = datetime_from_ns(NOW_NS)
    elder = await add_elder(
        scope, "孙桂英", sex="female", birth_date=date(1940, 1, 1), care_note="", now=now
    )
    room = await scope.session.scalar(text("SELECT id FROM room LIMIT 1"))
    bed = await add_bed(scope, room, f"bed-{number}")
    await add_stay(scope, elder.id, bed.id, datetime_from_ns(BASE_NS - MINUTE_NS))
    subject = Subject(elder.id, None, None) if by == "own" else Subject(None, bed.id, None)
    held = {}
    for name, span in zip("ab", spans, strict=False):
        device = f"{name}{number}"
        await add_device(scope, device, "yuyue-wearable-1", None, now)
        await assign(scope, device, subject, *as_interval(span))
        held[device] = [as_interval(span)]
    if f"b{number}" not in held:
        await add_device(scope, f"b{number}", "yuyue-wearable-1", None, now)
    return elder.id, subject, held


async def chart(
    bench: Bench, scope: TenantScope, elder: uuid.UUID, span: tuple[int, int], points: int
) -> ElderSeries:
    wanted = Wanted("heart_rate", *span, points)
    return await elder_series(scope, bench.store, elder, wanted, NOW_NS)


async def raw_of(bench: Bench, scope: TenantScope, elder: uuid.UUID) -> list[tuple[int, float]]:
    whole = await chart(bench, scope, elder, (BASE_NS, BASE_NS + 7200 * NS_PER_S), 10_000)
    return [point for line in whole.lines for point in line.points]


def everything_in(series: ElderSeries) -> list[tuple[str, int, float]]:
    return sorted((line.device_id, *point) for line in series.lines for point in line.points)


def test_a_wide_chart_comes_from_hours_and_keeps_the_peak(bench: Bench) -> None:
    """Twelve days of minutes; one peak, one trough; a silence of five hours stays a gap."""
    silence = range(5_000, 5_300)
    readings = [
        heart_rate("mattress-1", BASE_NS + minute * MINUTE_NS, 60.0 + minute % 7)
        for minute in range(12 * 1440) if minute not in silence
    ]  # fmt: skip
    readings[7_777] = heart_rate("mattress-1", readings[7_777].time_ns, 191.0)
    readings[3_333] = heart_rate("mattress-1", readings[3_333].time_ns, 31.0)

    async def check() -> None:
        await bench.append(readings)
        until_ns = BASE_NS + 12 * 1440 * MINUTE_NS
        async with bench.database.tenant(bench.home) as scope:
            elder = await add_elder(
                scope, "赵福", sex="male", birth_date=date(1940, 1, 1), care_note="", now=START
            )
            await add_device(scope, "mattress-1", "mattress", None, START)
            subject = Subject(elder.id, None, None)
            await assign(scope, "mattress-1", subject, datetime_from_ns(BASE_NS))
            found = await chart(bench, scope, elder.id, (BASE_NS, until_ns), 200)
        assert found.unit is Unit.HOUR
        (line,) = found.lines
        assert len(line.points) <= 200
        assert (readings[7_777].time_ns, 191.0) in line.points
        assert (readings[3_333].time_ns, 31.0) in line.points
        begin_ns = BASE_NS + (silence.start - 1) * MINUTE_NS
        assert [(g.reason, g.until_ns - g.from_ns) for g in found.gaps] == [
            ("no_data", 301 * MINUTE_NS - 1)
        ]
        assert found.gaps[0].from_ns == begin_ns + 1

    bench.run(check())


def test_origins_are_never_mixed(bench: Bench) -> None:
    same_time = [
        heart_rate("twin", BASE_NS, 60.0), heart_rate("twin", BASE_NS, 90.0, Origin.SIMULATED),
    ]  # fmt: skip

    async def check() -> list[Track]:
        await bench.append(same_time)
        async with bench.database.tenant(bench.home) as scope:
            span = [DeviceSpan("twin", BASE_NS, BASE_NS + 1)]
            return await bench.store.tracks(scope, span, "heart_rate", Unit.RAW)

    tracks = bench.run(check())
    assert {t.origin: t.slots["sum_value"].tolist() for t in tracks} == {
        Origin.LIVE: [60.0], Origin.SIMULATED: [90.0],
    }  # fmt: skip


async def test_retention_leaves_minutes_and_a_proof(world: World) -> None:
    store = PostgresSeries(world.database, Retention(raw_days=30, minute_days=730))
    now_ns = world.clock.now_ns()
    days = (40, 29, 1)
    old = [heart_rate("wearable-1", now_ns - day * 86_400 * NS_PER_S, 60.0 + day) for day in days]
    await store.prepare([item.time_ns for item in old], now_ns)
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(text("UPDATE assignment SET valid_from = '2020-01-01Z'"))
        await store.append(scope, [], old)
    assert await store.keep(world.clock.now()) == 2  # waveforms' day and readings' day
    assert await store.keep(world.clock.now()) == 0
    async with world.database.tenant(world.home.institution_id) as scope:
        held = await store.readings(scope, "wearable-1", "heart_rate", 0, now_ns)
        assert held == old[1:]
        span = [DeviceSpan("wearable-1", now_ns - 60 * 86_400 * NS_PER_S, now_ns)]
        (track,) = await store.tracks(scope, span, "heart_rate", Unit.MINUTE)
        assert track.slots["first_ns"].tolist() == [item.time_ns for item in old]
        proof = await scope.session.execute(
            text("SELECT kind, row_count FROM series_deletion ORDER BY kind")
        )
        assert proof.all() == [("reading", 1), ("waveform", 0)]
    # What was dropped cannot be told from a copy: it may not count twice.
    await world.gateway().send(old[0], lane=Lane.BULK)
    async with world.database.tenant(world.home.institution_id) as scope:
        reasons = await scope.session.scalars(text("SELECT reason FROM quarantine"))
        assert list(reasons) == ["expired_time"]


async def test_the_last_day_cannot_be_dropped(database: Database) -> None:
    with pytest.raises(Exception, match="the last day is never dropped"):
        async with database.transaction() as session:
            await session.execute(
                text("SELECT drop_series_partitions('reading', 9223372036854775807, now())")
            )


def test_a_slot_cut_by_its_end_is_left_out_once_its_readings_are_gone(bench: Bench) -> None:
    """The other part of that minute is somebody else's."""

    async def check() -> None:
        await bench.append([heart_rate("w", BASE_NS + s * NS_PER_S, 60.0 + s) for s in (10, 50)])
        await bench.store.pack(NOW_NS)
        async with bench.database.tenant(bench.home) as scope:
            await scope.session.execute(text("DELETE FROM series_day"))
            half = [DeviceSpan("w", BASE_NS, BASE_NS + 30 * NS_PER_S)]
            assert await bench.store.tracks(scope, half, "heart_rate", Unit.MINUTE) == []
            whole = [DeviceSpan("w", BASE_NS, BASE_NS + 60 * NS_PER_S)]
            assert len(await bench.store.tracks(scope, whole, "heart_rate", Unit.MINUTE)) == 1

    bench.run(check())


def test_gaps_name_their_reason() -> None:
    at = np.array([0, 60, 120, 900, 960]) * NS_PER_S
    track = Track("w", Origin.LIVE, slots_of_readings(np.zeros(5, np.int64), at, np.ones(5)))
    found = gaps([track], [(0, 1000 * NS_PER_S)], (0, 2000 * NS_PER_S), Unit.RAW)
    assert found == [
        Gap(120 * NS_PER_S + 1, 900 * NS_PER_S, "no_data"),
        Gap(1000 * NS_PER_S, 2000 * NS_PER_S, "unassigned"),
    ]
    assert gaps([], [], (0, 10), Unit.RAW) == [Gap(0, 10, "unassigned")]
    assert thin(np.empty(0, SLOT), 0, 1, 10) == []


URL = "/api/v1/elders/{}/series"
HOUR = {"quantity": "heart_rate", "from": "2026-03-01T01:30:00Z", "to": "2026-03-01T02:30:00Z"}


async def get(world: World, desk: httpx.AsyncClient, **changes: str) -> httpx.Response:
    return await desk.get(URL.format(world.home.elders[0]), params=HOUR | changes)


async def test_the_desk_reads_a_series(world: World) -> None:
    sent = [reading(world.clock, ago_s=float(ago_s)) for ago_s in (2580, 2520, 2460, 2400, 60)]
    await world.gateway().send(*sent, reading(world.clock, device="wearable-2"))
    desk = await world.desk()
    answer = (await get(world, desk)).json()
    (line,) = answer["lines"]
    assert (line["device_id"], line["values"]) == ("wearable-1", [71.0] * 5)
    assert line["at_ms"] == [item.time_ns // 1_000_000 for item in sent]
    assert answer["unit"] == "1/min"
    assert [gap["reason"] for gap in answer["gaps"]] == ["no_data"]
    assert answer["gaps"][-1]["until_at"] == "2026-03-01T02:12:00.000Z"
    assert [item["value"] for item in answer["latest"]] == [71.0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", "'; DROP TABLE elder"), ("points", "3"), ("points", "5001"),
        ("from", "2026-02-30T00:00:00Z"), ("from", "2026-03-01T00:00:00"), ("to", "yesterday"),
        ("to", "2026-03-01T01:00:00Z"), ("from", "1960-01-01T00:00:00Z"),
        ("to", "2900-01-01T00:00:00Z"),
    ],
)  # fmt: skip
async def test_a_bad_question_names_its_field(world: World, field: str, value: str) -> None:
    answer = await get(world, await world.desk(), **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
    named = answer.json()["errors"][0]["field"]
    assert named in (f"query.{field}", "query.from")


async def test_an_elder_who_is_not_there(world: World) -> None:
    answer = await (await world.desk()).get(URL.format(uuid.uuid4()), params=HOUR)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
