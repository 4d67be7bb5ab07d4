"""Taking in batches: exactly once, in order, nothing lost, nothing blocked."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy import table as sql_table

from cloud.database import Database
from cloud.devices.service import Subject, assign
from cloud.errors import TooManyTriesError
from cloud.ingest.limits import MAX_BULK_AT_A_TIME, IngestGate
from cloud.ingest.models import Quarantine
from cloud.series.postgres import PostgresSeries
from edge.events import EventKind
from edge.signals import NS_PER_S, Reading
from edge.wire import Lane, RejectedFrame
from tests.cloud.world import World, alerts, fall, reading, waveform


async def quarantine(world: World) -> list[Quarantine]:
    async with world.database.tenant(world.home.institution_id) as scope:
        return list(await scope.session.scalars(scope.select(Quarantine).order_by(Quarantine.id)))


async def count_readings(world: World) -> int:
    async with world.database.tenant(world.home.institution_id) as scope:
        return sum(day.count for day in await world.app.state.series.inventory(scope))


async def count(world: World, table: str) -> int:
    async with world.database.tenant(world.home.institution_id) as scope:
        rows = await scope.session.scalar(select(func.count()).select_from(sql_table(table)))
        return int(rows or 0)


async def test_a_batch_is_stored_and_acknowledged(world: World) -> None:
    gateway = world.gateway()
    assert await gateway.send(fall(EventKind.FALL_SUSPECTED, world.clock)) == 1
    bulk = [waveform(world.clock, number=n) for n in range(5)]
    assert await gateway.send(*bulk, reading(world.clock), lane=Lane.BULK, zipped=True) == 6

    series = PostgresSeries(world.database)
    async with world.database.tenant(world.home.institution_id) as scope:
        until_ns = world.clock.now_ns()
        span = ("wearable-1", "acceleration", until_ns - 60 * NS_PER_S, until_ns)
        stored = await series.waveforms(scope, *span)
    assert [block.sequence_number for block in stored] == [0, 1, 2, 3, 4]
    assert (stored[4].counts == bulk[4].counts).all()
    assert len(await alerts(await world.desk())) == 1
    assert await quarantine(world) == []


async def test_a_repeated_batch_changes_nothing(world: World) -> None:
    gateway = world.gateway()
    batch = gateway.batch(fall(EventKind.FALL_SUSPECTED, world.clock), reading(world.clock))
    content = msgspec.json.encode(batch)
    for _ in range(3):
        answer = await gateway.post(content)
        assert (answer.status_code, answer.json()) == (200, {"acknowledged_through": 2})
    assert await count(world, "alert_event") == 1
    assert await count(world, "alert_move") == 1
    assert await count(world, "live_event") == 1
    assert await count_readings(world) == 1


async def test_overlap_is_skipped_and_the_rest_taken(world: World) -> None:
    gateway = world.gateway()
    await gateway.send(reading(world.clock, ago_s=3), reading(world.clock, ago_s=2))
    batch = gateway.batch(reading(world.clock, ago_s=2), reading(world.clock, ago_s=1), first_seq=2)
    answer = await gateway.post(msgspec.json.encode(batch))
    assert answer.json() == {"acknowledged_through": 3}
    assert await count_readings(world) == 3


async def test_a_gap_is_refused_with_the_number_expected(world: World) -> None:
    gateway = world.gateway()
    await gateway.send(reading(world.clock))
    batch = gateway.batch(reading(world.clock, ago_s=0.5), first_seq=5)
    answer = await gateway.post(msgspec.json.encode(batch))
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["expected_seq"]) == ("sequence_gap", 2)
    assert await count_readings(world) == 1


async def test_lanes_outboxes_and_gateways_count_on_their_own(world: World) -> None:
    first, second, stranger = world.gateway(), world.gateway(), world.gateway(world.other)
    second.outbox_id = "outbox-2"
    assert await first.send(reading(world.clock, ago_s=1)) == 1
    assert await first.send(reading(world.clock, ago_s=2), lane=Lane.BULK) == 1
    assert await second.send(reading(world.clock, ago_s=3)) == 1
    assert await stranger.send(reading(world.clock, ago_s=4)) == 1
    assert await count(world, "ingest_lane") == 3


async def test_the_same_batch_twice_at_the_same_time_counts_once(world: World) -> None:
    gateway = world.gateway()
    content = msgspec.json.encode(
        gateway.batch(fall(EventKind.FALL_CONFIRMED, world.clock), reading(world.clock))
    )
    answers = await asyncio.gather(*(gateway.post(content) for _ in range(5)))
    assert [answer.json() for answer in answers] == [{"acknowledged_through": 2}] * 5
    assert await count(world, "alert_move") == 1
    assert await count(world, "live_event") == 1


@pytest.mark.parametrize(
    ("content", "headers", "status", "code", "named"),
    [
        (b"", {}, 422, "bad_batch", ""),
        (b"nonsense", {}, 422, "bad_batch", ""),
        (b"[]", {}, 422, "bad_batch", ""),
        (b'{"version":1}', {}, 422, "bad_batch", "outbox_id"),
        (b'{"version":2}', {}, 422, "bad_batch", "version"),
        (b"{}", {"Content-Encoding": "br"}, 415, "bad_batch", "Content-Encoding"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "bad_batch", "Content-Type"),
        (b"not gzip", {"Content-Encoding": "gzip"}, 422, "bad_batch", "Content-Encoding"),
        (gzip.compress(b"{}")[:-4], {"Content-Encoding": "gzip"}, 422, "bad_batch", "cut off"),
        (gzip.compress(b"{}") + b"x", {"Content-Encoding": "gzip"}, 422, "bad_batch", "more"),
        (gzip.compress(bytes(9 << 20)), {"Content-Encoding": "gzip"}, 413, "batch_too_large", ""),
        (bytes((8 << 20) + 1), {}, 413, "batch_too_large", "8388608"),
    ],
)  # fmt: skip
async def test_what_is_no_batch_is_refused_and_changes_nothing(
    world: World, content: bytes, headers: dict[str, str], *, status: int, code: str, named: str
) -> None:
    answer = await world.gateway().post(content, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert named in answer.json()["detail"]
    assert await count(world, "ingest_lane") == 0
    assert f'yuyue_ingest_refused_total{{code="{code}"}} 1.0' in await metrics(world)


async def metrics(world: World) -> str:
    return (await world.client().get("/metrics")).text


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"lane": "slow"}, "lane"),
        ({"first_seq": 0}, "first_seq"),
        ({"first_seq": "1"}, "first_seq"),
        ({"first_seq": 2**63}, "first_seq"),
        ({"outbox_id": ""}, "outbox_id"),
        ({"outbox_id": "a\0b"}, "outbox_id"),
        ({"records": [{"seq": 7, "stored_ns": 1}]}, "seq 7"),
        ({"records": {}}, "records"),
    ],
)
async def test_a_bad_frame_names_the_field(
    world: World, changes: dict[str, Any], named: str
) -> None:
    gateway = world.gateway()
    frame = json.loads(msgspec.json.encode(gateway.batch(reading(world.clock)))) | changes
    answer = await gateway.post(json.dumps(frame).encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_batch")
    assert named in answer.json()["detail"]


async def test_too_many_records(world: World) -> None:
    frame = {
        "version": 1, "outbox_id": "o", "lane": "bulk", "first_seq": 1, "sent_ns": 1,
        "records": [{}] * 5001,
    }  # fmt: skip
    answer = await world.gateway().post(json.dumps(frame).encode())
    assert (answer.status_code, answer.json()["code"]) == (413, "batch_too_large")


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer ygw_wrong", "Basic abc"])
async def test_an_unknown_gateway(world: World, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    client = world.client(**headers)
    for method, path in (
        ("POST", "ingest"), ("POST", "gateway/heartbeat"), ("GET", "gateway/registry"),
    ):  # fmt: skip
        answer = await client.request(method, f"/api/v1/{path}", content=b"{}")
        assert (answer.status_code, answer.json()["code"]) == (401, "unknown_gateway")


GOOD: dict[str, Any] = {
    "device_id": "wearable-1", "quantity": "heart_rate", "time_ns": 1, "value": 70.0,
}  # fmt: skip
BAD_RECORDS = [
    pytest.param({}, "bad_record", None, id="no body"),
    pytest.param("text", "bad_record", None, id="not an object"),
    pytest.param({"reading": GOOD | {"quantity": "mood"}}, "unknown_quantity", "wearable-1",
                 id="unknown quantity"),
    pytest.param({"reading": GOOD | {"value": 4000}}, "bad_value", "wearable-1", id="impossible"),
    pytest.param({"reading": GOOD | {"value": None}}, "bad_record", "wearable-1", id="no value"),
    pytest.param({"reading": GOOD | {"device_id": "a b"}}, "bad_device_id", "a b", id="bad id"),
    pytest.param({"reading": GOOD | {"device_id": "x\0"}}, "bad_device_id", "x\ufffd", id="NUL"),
    pytest.param({"reading": GOOD | {"time_ns": -5}}, "bad_time_ns", "wearable-1", id="before"),
    pytest.param({"reading": GOOD | {"time_ns": 2**70}}, "bad_time_ns", "wearable-1", id="far"),
    pytest.param({"reading": GOOD | {"device_id": "nobody-1"}}, "unknown_device", "nobody-1",
                 id="not of this institution"),
    pytest.param({"reading": GOOD}, "unassigned_device", "wearable-1", id="nobody had it in 1970"),
    pytest.param({"reading": GOOD, "event": None, "stored_ns": -1}, "bad_stored_ns", "wearable-1",
                 id="stored before 1970"),
    pytest.param({"event": {"device_id": "wearable-1", "kind": "dance"}}, "bad_record",
                 "wearable-1", id="unknown kind"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "reason", "device_id"), BAD_RECORDS)
async def test_a_bad_record_goes_to_the_quarantine_and_blocks_nobody(
    world: World, bad: Any, reason: str, device_id: str | None
) -> None:
    gateway = world.gateway()
    frame = json.loads(
        msgspec.json.encode(
            gateway.batch(
                reading(world.clock), reading(world.clock, ago_s=2),
                fall(EventKind.FALL_SUSPECTED, world.clock),
            )
        )
    )  # fmt: skip
    frame["records"][1] = {"seq": 2, "stored_ns": 1, **bad} if isinstance(bad, dict) else bad
    answer = await gateway.post(json.dumps(frame).encode())
    assert answer.json() == {"acknowledged_through": 3}
    (row,) = await quarantine(world)
    assert (row.reason, row.device_id, row.found_by) == (reason, device_id, "cloud")
    assert row.gateway_id == world.home.gateway_id
    assert row.detail
    assert json.loads(row.frame) == frame["records"][1]
    assert await count_readings(world) == 1
    assert len(await alerts(await world.desk())) == 1
    status = (await (await world.desk()).get("/api/v1/status")).json()
    assert status["quarantine"] == [{"reason": reason, "count": 1}]
    line = f'yuyue_ingest_quarantined_total{{found_by="cloud",reason="{reason}"}} 1.0'
    assert line in await metrics(world)


async def test_a_frame_the_gateway_rejected_is_kept(world: World) -> None:
    gateway = world.gateway()
    frame = RejectedFrame(
        "mqtt yuyue/v1/x/waveform", world.clock.now_ns(), "truncated", "12 of 340 bytes\0",
        b"YW\x01" * 300, "x",
    )  # fmt: skip
    await gateway.send(frame, RejectedFrame("ble", 1, "Not A Code!", "", b""), lane=Lane.BULK)
    rows = await quarantine(world)
    assert [(row.reason, row.found_by) for row in rows] == [
        ("truncated", "gateway"), ("other", "gateway"),
    ]  # fmt: skip
    assert (rows[0].source, rows[0].detail) == (frame.source, "12 of 340 bytes\ufffd")
    assert len(rows[0].frame) == 512


async def test_five_minutes_ahead_is_too_far(world: World) -> None:
    gateway = world.gateway()
    await gateway.send(reading(world.clock, ago_s=-299), reading(world.clock, ago_s=-301))
    (row,) = await quarantine(world)
    assert (row.reason, row.detail) == ("future_time", "301 s ahead of the cloud")
    assert await count_readings(world) == 1


async def test_damaged_evidence_does_not_cost_the_alert(world: World) -> None:
    gateway = world.gateway()
    frame = json.loads(msgspec.json.encode(gateway.batch(fall(EventKind.SOS, world.clock))))
    frame["records"][0]["event"]["evidence"]["counts"] = "AAAA"
    assert (await gateway.post(json.dumps(frame).encode())).status_code == 200
    desk = await world.desk()
    (alert,) = await alerts(desk)
    detail = (await desk.get(f"/api/v1/alerts/{alert['id']}")).json()
    assert detail["events"][0]["evidence"] is None
    assert [row.reason for row in await quarantine(world)] == ["bad_evidence"]


async def test_data_belongs_to_whoever_had_the_device_then(world: World) -> None:
    """The device goes from the first elder to the second; half-open, to the microsecond."""
    home, clock = world.home, world.clock
    handover = clock.now() - timedelta(minutes=10)
    async with world.database.tenant(home.institution_id) as scope:
        await scope.session.execute(
            text("UPDATE assignment SET valid_until = :at WHERE device_id = 'wearable-1'"),
            {"at": handover},
        )
        await assign(scope, "wearable-1", Subject(home.elders[1], None, None), handover)
    gateway = world.gateway()
    events = [
        fall(EventKind.FALL_SUSPECTED, clock, episode=f"e{ago_s}", ago_s=ago_s)
        for ago_s in (900.0, 600.000001, 600.0, 60.0)
    ]
    await gateway.send(*events)
    shown = await alerts(await world.desk())
    assert [alert["elder"]["name"] for alert in shown] == ["李国强", "李国强", "王秀兰", "王秀兰"]


async def test_a_bed_device_is_of_whoever_lies_in_the_bed(world: World) -> None:
    home = world.home
    async with world.database.tenant(home.institution_id) as scope:
        await scope.session.execute(text("DELETE FROM assignment WHERE device_id = 'wearable-2'"))
        since = world.clock.now() - timedelta(days=1)
        await assign(scope, "wearable-2", Subject(None, home.beds[0], None), since)
    await world.gateway().send(fall(EventKind.SOS, world.clock, device="wearable-2"))
    (alert,) = await alerts(await world.desk())
    assert alert["elder"]["name"] == "王秀兰"
    assert alert["place"]["label"] == "2 楼 护理一区 203-1 床"


async def test_a_room_device_has_a_place_and_nobody(world: World) -> None:
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(text("DELETE FROM assignment WHERE device_id = 'wearable-2'"))
        since = world.clock.now() - timedelta(days=1)
        await assign(scope, "wearable-2", Subject(None, None, world.home.room_id), since)
    await world.gateway().send(fall(EventKind.SOS, world.clock, device="wearable-2"))
    (alert,) = await alerts(await world.desk())
    assert alert["elder"] is None
    assert alert["place"] == {
        "unit": "2 楼 护理一区", "room": "203", "bed": None, "label": "2 楼 护理一区 203 室",
    }  # fmt: skip


async def test_no_answer_before_the_commit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that fails must not have been promised: neither for ingest nor for a move."""
    gateway, desk = world.gateway(), await world.desk()
    await gateway.send(fall(EventKind.SOS, world.clock))
    (alert,) = await alerts(desk)

    # A trigger that fails at commit time only, as a lost connection or a full disk would.
    await break_commits(world.database, "series_segment")
    content = msgspec.json.encode(gateway.batch(reading(world.clock)))
    answer = await gateway.post(content)
    assert answer.status_code == 500
    assert await count_readings(world) == 0

    await break_commits(world.database, "alert_move")
    url = f"/api/v1/alerts/{alert['id']}/moves"
    body = {"move": "acknowledge", "client_time": "2026-03-01T00:00:00Z"}
    assert (await desk.post(url, json=body)).status_code == 500
    assert (await alerts(desk))[0]["state"] == "raised"


async def break_commits(database: Database, table: str) -> None:
    """From now on every transaction that adds to `table` fails when it commits."""
    owner = database.app_url.set(username="yuyue_owner")
    engine = create_engine(owner)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
            )
        )
        connection.execute(
            text(
                f"CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON {table}"
                " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_at_commit()"
            )
        )
    engine.dispose()


async def test_bulk_that_is_too_much_is_told_to_wait(world: World) -> None:
    gate: IngestGate = world.app.state.ingest_gate
    with contextlib.ExitStack() as taken:
        for number in range(MAX_BULK_AT_A_TIME):
            taken.enter_context(gate.bulk(f"other-{number}"))
        await refuses_bulk_and_takes_urgent(world)
    assert gate.bulk_now == 0


async def test_one_gateway_cannot_take_all_places(world: World) -> None:
    gate: IngestGate = world.app.state.ingest_gate
    with gate.bulk(world.home.token), gate.bulk(world.home.token):
        await refuses_bulk_and_takes_urgent(world)
        assert await world.gateway(world.other).send(reading(world.clock), lane=Lane.BULK) == 1


async def test_a_gateway_that_floods_is_told_when_to_come_again(world: World) -> None:
    world.app.state.ingest_gate = IngestGate(records_per_s=1.0, burst_s=3.0)
    gateway = world.gateway()
    bulk = [reading(world.clock, ago_s=float(n)) for n in range(1, 5)]
    await gateway.send(*bulk[:2], lane=Lane.BULK)
    content = msgspec.json.encode(gateway.batch(*bulk[2:], lane=Lane.BULK))
    answer = await gateway.post(content)
    assert (answer.status_code, answer.json()["code"]) == (429, "busy")
    assert answer.headers["Retry-After"] == "1"
    assert await gateway.send(reading(world.clock)) == 1  # urgent goes on
    assert await world.gateway(world.other).send(reading(world.clock), lane=Lane.BULK) == 1


def test_a_batch_larger_than_the_burst_passes_alone() -> None:
    gate = IngestGate(records_per_s=10.0, burst_s=1.0)
    gate.charge("a", 5_000, 0.0)
    with pytest.raises(TooManyTriesError):
        gate.charge("a", 1, 1.0)
    gate.charge("b", 1, 1.0)
    gate.charge("a", 1, 600.0)


async def test_a_revoked_token_is_refused_at_once(world: World) -> None:
    """Though it was good a moment ago."""
    gateway = world.gateway()
    await gateway.send(reading(world.clock))
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(
            text("UPDATE gateway_token SET revoked_at = :at"), {"at": world.clock.now()}
        )
    content = msgspec.json.encode(gateway.batch(reading(world.clock, ago_s=3)))
    for _ in range(2):
        assert (await gateway.post(content)).status_code == 401
    assert await count_readings(world) == 1


async def refuses_bulk_and_takes_urgent(world: World) -> None:
    gateway = world.gateway()
    bulk = msgspec.json.encode(gateway.batch(reading(world.clock), lane=Lane.BULK))
    answer = await gateway.post(bulk)
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["Retry-After"] == "1"
    assert await gateway.send(reading(world.clock, ago_s=9)) == 1  # urgent goes on


async def test_late_data_of_any_day_finds_its_partition(world: World) -> None:
    days = (0.5, 3, 200, 29.5)
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(
            text("UPDATE assignment SET valid_from = '2020-01-01T00:00:00Z'")
        )
    gateway = world.gateway()
    old = Reading("wearable-1", "heart_rate", world.clock.now_ns() - 900 * 86_400 * NS_PER_S, 60.0)
    values = [reading(world.clock, ago_s=day * 86_400) for day in days]
    await gateway.send(*values, old, lane=Lane.BULK)
    async with world.database.tenant(world.home.institution_id) as scope:
        series = PostgresSeries(world.database)
        found = await series.readings(scope, "wearable-1", "heart_rate", 0, world.clock.now_ns())
        rest = (
            "SELECT count(*) FROM series_segment WHERE tableoid = 'series_segment_rest'::regclass"
        )
        in_rest = await scope.session.scalar(text(rest))
    assert found == sorted([*values, old], key=lambda item: item.time_ns)
    assert in_rest == 1
