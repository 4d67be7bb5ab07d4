"""What goes to InfluxDB and what comes back; the write path against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.rest import ApiException

from cloud.database import Database
from cloud.series.columns import columns_of
from cloud.series.influx import InfluxSeries
from cloud.series.influx_client import InfluxClient, SeriesBusyError
from cloud.series.influx_text import (
    InfluxAnswerError,
    delete_predicate,
    flux_string,
    flux_time,
    last,
    read_csv,
    reading_lines,
    readings_in,
    select,
    slot_lines,
    slots_in,
    time_ns_of,
)
from cloud.series.slots import Unit, slots_of_readings, summarise
from edge.signals import NS_PER_S, Origin, Reading
from edge.wire import Lane
from tests.cloud.conftest import Seeded
from tests.cloud.world import World, reading
from tests.support.influx_double import InfluxDouble, influx_double
from tests.support.victoria import PROGRAM, victoria_metrics

# The example of an answer in the documentation of annotated CSV (InfluxDB 2.7), a second table
# with other columns behind it, as for a field of another type.
DOCUMENTED = (
    "#group,false,false,true,true,false,false,true,true,true,true\r\n"
    "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,"
    "string,string,string\r\n"
    "#default,mean,,,,,,,,,\r\n"
    ",result,table,_start,_stop,_time,_value,_field,_measurement,host,region\r\n"
    ",,0,2022-12-31T05:41:24Z,2023-01-31T05:41:24.001Z,2023-01-01T00:52:00Z,15.43,mem,m,A,east\r\n"
    ",,1,2022-12-31T05:41:24Z,2023-01-31T05:41:24.001Z,2023-01-01T00:52:00Z,59.25,mem,m,B,east\r\n"
    "\r\n"
    "#group,false,false,true,false\r\n#datatype,string,long,string,long\r\n#default,_result,,,\r\n"
    ",result,table,_field,_value\r\n,,2,count,7\r\n\r\n"
)
FAILED = (
    "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n"
    ",Failed to parse query,897\r\n"
)
READINGS = [
    Reading("w,1 =x", "heart_rate", 1_700_000_000_123_456_789, 61.5, Origin.LIVE, 0.02),
    Reading("w,1 =x", "heart_rate", 1_700_000_001_000_000_001, 62.0),
    Reading("b", "spo2", 1_700_000_000_000_000_000, 97.0, Origin.SIMULATED),
]


def test_the_documented_answer_is_read() -> None:
    rows = list(read_csv(DOCUMENTED))
    assert [row["_value"] for row in rows] == ["15.43", "59.25", "7"]
    assert rows[0]["host"] == "A"
    assert (rows[0]["result"], rows[2]["result"]) == ("mean", "_result")
    assert time_ns_of(rows[0]["_time"]) == 1_672_534_320_000_000_000
    with pytest.raises(InfluxAnswerError, match="Failed to parse query"):
        list(read_csv(FAILED))
    assert list(read_csv("\r\n")) == []


@given(st.integers(0, 2**62))
def test_times_keep_their_nanoseconds(time_ns: int) -> None:
    assert time_ns_of(flux_time(time_ns)) == time_ns


def test_line_protocol() -> None:
    lines = reading_lines("i-1", columns_of(READINGS)).decode().splitlines()
    tags = r"device=w\,1\ \=x,institution=i-1,origin=live,quantity=heart_rate"
    other = "device=b,institution=i-1,origin=simulated,quantity=spo2"
    assert lines == [
        f"reading,{tags} value=61.5,uncertainty=0.02 1700000000123456789",
        f"reading,{tags} value=62.0 1700000001000000001",
        f"reading,{other} value=97.0 1700000000000000000",
    ]
    raw = slots_of_readings(np.zeros(1, np.int64), np.array([61 * NS_PER_S]), np.array([60.5]))
    (line,) = (
        slot_lines("i", ("d", "q", "live"), summarise(raw, Unit.MINUTE), Unit.MINUTE)
        .decode()
        .splitlines()
    )
    assert line.endswith(" 60000000000")
    assert "count=1i,first_ns=61000000000i" in line


def test_flux_is_what_it_should_be_and_nothing_gets_out_of_its_string() -> None:
    query = last(
        select("yuyue_raw", "reading", {"institution": "i", "device": 'a"${b}\\'}, 1, 10**9)
    )
    assert query == (
        'from(bucket: "yuyue_raw")\n'
        "  |> range(start: 1970-01-01T00:00:00.000000001Z, stop: 1970-01-01T00:00:01.000000000Z)\n"
        '  |> filter(fn: (r) => r["_measurement"] == "reading" and r["device"] == '
        '"a\\"\\${b}\\\\" and r["institution"] == "i")\n'
        "  |> last()\n"
    )
    assert flux_string("心率") == '"心率"'
    assert delete_predicate({"institution": "i", "device": 'x" OR "1"="1'}) == (
        'device="x\\" OR \\"1\\"=\\"1" AND institution="i"'
    )


@pytest.fixture
def double() -> Iterator[tuple[str, InfluxDouble]]:
    with influx_double() as made:
        yield made


@pytest.fixture
async def client(double: tuple[str, InfluxDouble]) -> AsyncIterator[InfluxClient]:
    made = InfluxClient(double[0], "double", "yuyue")
    yield made
    await made.close()


async def test_a_moment_of_trouble_is_waited_out(
    client: InfluxClient, double: tuple[str, InfluxDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.series.influx_client._RETRY_S", (0.0, 0.0, 0.0))
    lines = reading_lines("i", columns_of(READINGS))
    double[1].refuse = [503, 429, 500]
    await client.write("raw", lines)
    assert len(double[1].points) == 4  # three values, one uncertainty
    double[1].refuse = [503] * 4
    with pytest.raises(SeriesBusyError) as told:
        await client.write("raw", lines)
    assert (told.value.status, told.value.code) == (503, "busy")
    assert told.value.headers == {"Retry-After": "5"}
    double[1].refuse = [400]
    with pytest.raises(ApiException):  # our own fault is not tried again
        await client.write("raw", lines)


async def test_what_comes_during_a_write_goes_together_in_the_next(
    client: InfluxClient, double: tuple[str, InfluxDouble]
) -> None:
    many = [Reading("a", "heart_rate", number, 60.0) for number in range(20)]
    await asyncio.gather(
        *(client.write("raw", reading_lines("i", columns_of([one]))) for one in many)
    )
    assert len(double[1].points) == 20
    assert double[1].writes == 3  # one alone, sixteen, three


async def test_only_who_is_refused_is_told(
    client: InfluxClient, double: tuple[str, InfluxDouble]
) -> None:
    # the first alone; two together, refused; the one of them refused again, the other not
    double[1].refuse = [0, 400, 400, 0]
    lines = [
        reading_lines("i", columns_of([Reading("a", "heart_rate", number, 60.0)]))
        for number in range(3)
    ]
    writes = (client.write("raw", one) for one in lines)
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(answer, ApiException) for answer in answers] == [False, True, False]
    assert len(double[1].points) == 2


async def test_whoever_goes_away_does_not_take_others_along(
    client: InfluxClient, double: tuple[str, InfluxDouble]
) -> None:
    lines = [
        reading_lines("i", columns_of([Reading("a", "heart_rate", number, 60.0)]))
        for number in range(4)
    ]
    tasks = [asyncio.ensure_future(client.write("raw", one)) for one in lines]
    await asyncio.sleep(0)
    tasks[0].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answer is None for answer in answers] == [False, True, True, True]
    assert {point[4] for point in double[1].points} >= {1, 2, 3}


async def test_what_was_written_is_read(
    client: InfluxClient, double: tuple[str, InfluxDouble]
) -> None:
    await client.write("raw", reading_lines("i", columns_of(READINGS[2:])))
    answer = await client.ask(select("yuyue_raw", "reading", {"institution": "i"}, 0, 2**62))
    times, values, uncertainty = readings_in(answer)["b", "spo2", "simulated"]
    assert (times, values) == ([READINGS[2].time_ns], [97.0])
    assert np.isnan(uncertainty).all()
    assert slots_in("", Unit.HOUR) == {}


async def test_ingest_into_influxdb_answers_busy_and_takes_it_later(
    world: World, client: InfluxClient, double: tuple[str, InfluxDouble],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Nothing is acknowledged that the series store has not taken."""
    monkeypatch.setattr("cloud.series.influx_client._RETRY_S", ())
    world.app.state.series = InfluxSeries(client, world.database)
    gateway = world.gateway()
    double[1].refuse = [503]
    batch = gateway.batch(reading(world.clock), lane=Lane.BULK)
    answer = await gateway.post(msgspec.json.encode(batch))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert await gateway.send(reading(world.clock), lane=Lane.BULK) == 1
    assert list(double[1].points.values()) == ["71.0"]


@pytest.mark.skipif(PROGRAM is None, reason="victoria-metrics is not installed")
async def test_a_real_server_takes_what_is_written(database: Database, seeded: Seeded) -> None:
    """VictoriaMetrics takes line protocol at /api/v2/write; it keeps milliseconds."""
    home = seeded.home.institution_id
    start_ns = 1_760_000_000 * NS_PER_S
    sent = [
        Reading(f"bed-{bed}", "heart_rate", start_ns + at * 60 * NS_PER_S, 60.0 + bed + at / 8)
        for at in range(50) for bed in range(20)
    ]  # fmt: skip
    with victoria_metrics() as url:
        client = InfluxClient(url, "any", "yuyue")
        store = InfluxSeries(client, database)
        await store.prepare([start_ns], start_ns + 3600 * NS_PER_S)
        for _ in range(2):  # the second time changes nothing
            async with database.tenant(home) as scope:
                await store.append(scope, [], sent)
        await client.close()
        async with httpx.AsyncClient(base_url=url) as victoria:
            await victoria.get("/internal/force_flush")
            selector = {"match[]": "reading_value"}
            answer = await victoria.get("/api/v1/export", params=selector)
    found = set()
    for line in answer.text.splitlines():
        row = json.loads(line)
        assert row["metric"]["institution"] == str(home)
        assert (row["metric"]["quantity"], row["metric"]["origin"]) == ("heart_rate", "live")
        device = row["metric"]["device"]
        found |= {(device, at, v) for at, v in zip(row["timestamps"], row["values"], strict=True)}
    assert found == {(r.device_id, r.time_ns // 10**6, r.value) for r in sent}
