"""Gateways: made, enrolled by a code, told what to do, renewed, shut out; and what they missed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from cloud.devices.enrolment import CODE_LIFE, OVERLAP
from cloud.devices.gaps import gaps_between
from cloud.identity.permissions import Role
from edge.events import DetectorInfo, Event, EventKind
from edge.gateway_wire import Gap, GapCause, LocalAction, LocalActionKind, gateway_device_id
from edge.signals import NS_PER_S, Origin, Reading
from edge.wire import Batch, Lane, Record
from tests.cloud.world import CHANGES, FakeGateway, ManualClock, World, alerts, fall

ENROLL = "/api/v1/gateway/enroll"


async def operator(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.OPERATOR)


async def create(client: httpx.AsyncClient, name: str = "三楼网关", **more: Any) -> dict[str, Any]:
    answer = await client.post("/api/v1/gateways", json={"name": name, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def enroll(world: World, code: str, address: str = "192.0.2.9") -> httpx.Response:
    transport = httpx.ASGITransport(world.app, client=(address, 1))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://c", headers=CHANGES
    ) as client:
        body = {"code": code, "software_version": "0.1.0", "hostname": "box"}
        return await client.post(ENROLL, json=body)


def machine(world: World, token: str) -> FakeGateway:
    client = world.client(Authorization=f"Bearer {token}")
    client.headers["Content-Type"] = "application/json"
    return FakeGateway(client, world.clock)


async def config(gateway: FakeGateway, **have: Any) -> httpx.Response:
    return await gateway.client.get("/api/v1/gateway/config", params=have)


async def test_a_code_makes_a_machine_the_gateway_once(world: World) -> None:
    client = await operator(world)
    made = await create(client, settings={"ble_adapters": "hci0", "mqtt_port": 8883})
    assert made["gateway"]["state"] == "never"
    first = await enroll(world, made["code"].lower().replace("-", " "))
    assert first.status_code == 200, first.text
    enrolment = first.json()
    assert enrolment["name"] == "三楼网关"
    assert enrolment["settings"] == {"ble_adapters": "hci0", "mqtt_port": 8883}
    again = await enroll(world, made["code"])
    assert (again.status_code, again.json()["code"]) == (401, "bad_code")
    assert (await machine(world, enrolment["token"]).beat()).status_code == 200
    (seen,) = [
        g
        for g in (await client.get("/api/v1/gateways")).json()["gateways"]
        if g["name"] == "三楼网关"
    ]
    assert (seen["state"], seen["software_version"], seen["code_expires_at"]) == (
        "online", "0.1.0", None,
    )  # fmt: skip


async def test_two_machines_with_one_code(world: World) -> None:
    made = await create(await operator(world))
    answers = await asyncio.gather(*(enroll(world, made["code"], f"192.0.2.{n}") for n in (1, 2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


async def test_a_code_ends_with_its_time_and_with_the_next_one(
    world: World, clock: ManualClock
) -> None:
    client = await operator(world)
    made = await create(client)
    newer = await client.post(f"/api/v1/gateways/{made['gateway']['id']}/code")
    assert (await enroll(world, made["code"])).status_code == 401
    clock.advance(CODE_LIFE.total_seconds())
    assert (await enroll(world, newer.json()["code"])).status_code == 401


async def test_guessing_is_stopped(world: World) -> None:
    codes = [(await enroll(world, f"ABCD-EFGH-JK{n:02}")).json()["code"] for n in range(12)]
    assert codes == ["bad_code"] * 10 + ["busy"] * 2
    made = await create(await operator(world))
    assert (await enroll(world, made["code"], "192.0.2.77")).status_code == 200


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"mqtt_port": 0}, "mqtt_port"),
        ({"ble_adapters": "eth0"}, "ble_adapters"),
        ({"ble_timezone": "Mars"}, "ble_timezone"),
        ({"local_alarm_channels": ["nonsense"]}, "local_alarm_channels"),
        ({"mqtt_password": "x"}, "mqtt_username"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_settings_that_cannot_be(world: World, settings: dict[str, Any], field: str) -> None:
    client = await operator(world)
    path = f"/api/v1/gateways/{world.home.gateway_id}/settings"
    answer = await client.put(path, json=settings)
    assert answer.status_code == 422
    assert field in answer.text
    assert (await client.get(path)).json()["settings_version"] == 1


async def test_settings_reach_a_gateway_and_secrets_are_not_told_again(world: World) -> None:
    client = await operator(world)
    path = f"/api/v1/gateways/{world.home.gateway_id}/settings"
    secret = {"mqtt_username": "g", "mqtt_password": "hidden", "local_alarm_channels": ["json://a"]}
    put = await client.put(path, json=secret)
    assert put.json()["settings"]["mqtt_password"] == "********"
    shown = (await client.get(path)).json()["settings"]
    assert "hidden" not in str(shown)
    shown["mqtt_port"] = 1884
    assert (await client.put(path, json=shown)).json()["settings_version"] == 3
    told = (await config(world.gateway())).json()
    assert told["settings"] == {**secret, "mqtt_port": 1884}
    unchanged = (await client.put(path, json=shown)).json()
    assert unchanged["settings_version"] == 3


async def test_a_waiting_gateway_hears_of_a_change_at_once(world: World) -> None:
    client = await operator(world)
    gateway = world.gateway()
    now = (await config(gateway)).json()
    have = {name: now[name] for name in ("settings_version", "registry_version")}
    bell = world.app.state.gateway_bell
    listening = asyncio.create_task(bell.listen(lambda: None))
    try:
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(config(gateway, **have, wait_s=20))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        path = f"/api/v1/gateways/{world.home.gateway_id}/settings"
        await client.put(path, json={"local_alarm_delay_s": 5})
        async with asyncio.timeout(3):
            told = (await waiting).json()
        assert told["settings"] == {"local_alarm_delay_s": 5.0}
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_both_tokens_work_until_the_new_one_has_been_used_for_a_while(
    world: World, clock: ManualClock
) -> None:
    client, old = await operator(world), world.gateway()
    path = f"/api/v1/gateways/{world.home.gateway_id}"
    assert (await client.post(f"{path}/rotate")).json()["rotating"] is True
    assert (await config(old)).json()["rotate_token"] is True
    lost = (await old.client.post("/api/v1/gateway/token")).json()["token"]
    token = (await old.client.post("/api/v1/gateway/token")).json()["token"]
    assert (await machine(world, lost).beat()).status_code == 401  # never saved: void
    clock.advance(3 * 86_400)  # it went away before it could use it
    assert (await old.beat()).status_code == 200
    new = machine(world, token)
    assert (await config(new)).json()["rotate_token"] is False
    assert (await old.beat()).status_code == 200
    clock.advance(OVERLAP.total_seconds())
    assert (await old.beat()).status_code == 401
    assert (await new.beat()).status_code == 200


async def test_a_revoked_gateway_is_out_at_once_and_comes_back_by_a_code(world: World) -> None:
    client, old = await operator(world), world.gateway()
    path = f"/api/v1/gateways/{world.home.gateway_id}"
    await client.post(f"{path}/revoke")
    assert (await old.beat()).json()["code"] == "unknown_gateway"
    assert (await client.post(f"{path}/rotate")).json()["code"] == "revoked"
    code = (await client.post(f"{path}/code")).json()["code"]
    enrolment = (await enroll(world, code)).json()
    assert enrolment["gateway_id"] == str(world.home.gateway_id)
    assert (await machine(world, enrolment["token"]).beat()).status_code == 200


async def test_a_name_is_taken_once(world: World) -> None:
    answer = await (await operator(world)).post("/api/v1/gateways", json={"name": "网关-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


# -- what it missed, and what was done at it ---------------------------------------------------


async def send(gateway: FakeGateway, lane: Lane, **body: Any) -> None:
    seq, now_ns = gateway.next_seq[lane], gateway.clock.now_ns()
    batch = Batch(1, gateway.outbox_id, lane, seq, now_ns, [Record(seq, now_ns, **body)])
    answer = await gateway.post(msgspec.json.encode(batch))
    assert answer.status_code == 200, answer.text
    gateway.next_seq[lane] += 1


async def test_gaps_are_kept_once_and_found_by_device(world: World, clock: ManualClock) -> None:
    gateway, now_ns = world.gateway(), clock.now_ns()
    ago = now_ns - 3600 * NS_PER_S
    thinned = Gap("g1", GapCause.THINNED, ago, ago + NS_PER_S, None, ("wearable-1",), 60)
    down = Gap("g2", GapCause.GATEWAY_DOWN, ago, now_ns)
    for gap in (thinned, thinned, down):
        await send(gateway, Lane.BULK, gap=gap)
    client = await operator(world)
    rows = (await client.get(f"/api/v1/gateways/{world.home.gateway_id}/gaps")).json()["gaps"]
    assert sorted(row["cause"] for row in rows) == ["gateway_down", "thinned"]
    async with world.database.tenant(world.home.institution_id) as scope:
        now = clock.now()
        ours = await gaps_between(scope, now.replace(hour=0), now, device_ids=["wearable-1"])
        others = await gaps_between(scope, now.replace(hour=0), now, device_ids=["wearable-2"])
    assert {gap.gap_id for gap in ours} == {"g1", "g2"}
    assert {gap.gap_id for gap in others} == {"g2"}


async def test_a_gap_that_cannot_be_is_refused_and_told(world: World, clock: ManualClock) -> None:
    gateway = world.gateway()
    await send(gateway, Lane.BULK, gap=Gap("g", GapCause.DROPPED, 10, 10))
    (row,) = (await (await world.desk()).get("/api/v1/status")).json()["quarantine"]
    assert row["reason"] == "bad_until_ns"


def local(event: Event, clock: ManualClock, **more: Any) -> LocalAction:
    values = {
        "action_id": "a1", "event_id": event.event_id, "kind": LocalActionKind.ACKNOWLEDGED,
        "time_ns": clock.now_ns() - 1000 * NS_PER_S, "by": "张护士",
    }  # fmt: skip
    return LocalAction(**values | more)


async def test_an_acknowledgement_at_the_gateway_is_a_move_with_its_own_time(
    world: World, clock: ManualClock
) -> None:
    gateway = world.gateway()
    event = fall(EventKind.FALL_CONFIRMED, clock, ago_s=1700)
    await gateway.send(event)
    raised = local(event, clock, action_id="a0", kind=LocalActionKind.RAISED, by="gateway")
    for action in (raised, local(event, clock), local(event, clock)):
        await send(gateway, Lane.URGENT, local=action)
    desk = await world.desk()
    (alert,) = await alerts(desk)
    assert alert["state"] == "acknowledged"
    assert alert["acknowledged_by"] == "张护士 @ 网关-1"
    assert alert["late_s"] == 1700
    detail = (await desk.get(f"/api/v1/alerts/{alert['id']}")).json()
    (move,) = [m for m in detail["moves"] if m["move"] == "acknowledge"]
    assert (move["actor"], move["client_time"]) == ("张护士 @ 网关-1", "2026-03-01T01:56:20.000Z")
    hops = {row["hop"]: row["at"] for row in detail["ledger"]}
    assert hops["local_acknowledged"] == "2026-03-01T01:56:20.000Z"
    assert "local_raised" in hops


async def test_a_local_action_about_nothing_is_told(world: World, clock: ManualClock) -> None:
    gateway = world.gateway()
    await send(gateway, Lane.URGENT, local=local(fall(EventKind.SOS, clock), clock))
    (row,) = (await (await world.desk()).get("/api/v1/status")).json()["quarantine"]
    assert row["reason"] == "no_such_event"


async def test_the_machine_speaks_for_itself_and_no_other_gateway_for_it(
    world: World, clock: ManualClock
) -> None:
    device_id = gateway_device_id(str(world.home.gateway_id))
    event = Event(
        "m1", "m1", EventKind.MAINS_LOST, device_id, clock.now_ns(), clock.now_ns(), 1.0, (),
        DetectorInfo("power", "1"), Origin.LIVE,
    )  # fmt: skip
    gateway = world.gateway()
    await gateway.send(event)
    await gateway.send(Reading(device_id, "mains_power", clock.now_ns(), 0.0), lane=Lane.BULK)
    desk = await world.desk()
    (alert,) = await alerts(desk)
    assert (alert["code"], alert["elder"], alert["category"]) == ("mains_lost", None, "technical")
    status = (await desk.get("/api/v1/status")).json()
    assert status["quarantine"] == []
    assert device_id not in [d["device_id"] for d in status["devices"]["devices"]]
    await gateway.send(
        Reading(gateway_device_id("of-another"), "mains_power", clock.now_ns(), 0.0),
        lane=Lane.BULK,
    )
    (row,) = (await desk.get("/api/v1/status")).json()["quarantine"]
    assert row["reason"] == "unknown_device"
