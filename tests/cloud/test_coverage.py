"""What can be seen of whom: as the gateway says, and blind where it can say nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from cloud.alerts.lost_gateways import follow_lost_gateways
from cloud.alerts.timers import work_timers
from cloud.coverage.service import follow_gateways
from cloud.devices.service import Subject, add_device, assign
from cloud.identity.permissions import Role
from edge.events import DetectorInfo, Event, EventKind, Reason
from edge.gateway_wire import Gap, GapCause
from edge.signals import NS_PER_S, Origin
from edge.wire import Lane, RegistryDocument
from tests.cloud.world import FakeGateway, World, alerts

DETECTOR = DetectorInfo("coverage", "1")


def said(
    world: World, kind: EventKind, *reasons: Reason, device: str | None = None,
    episode: str = "e1", ago_s: float = 1.0, subject: str | None = None,
) -> Event:  # fmt: skip
    elder = subject or str(world.home.elders[0])
    at_ns = world.clock.now_ns() - round(ago_s * NS_PER_S)
    return Event(
        f"{episode}/{kind}/{ago_s}", episode, kind, device or elder, at_ns, at_ns, 1.0, reasons,
        DETECTOR, Origin.LIVE, subject_id=elder,
    )  # fmt: skip


async def coverage(client: httpx.AsyncClient, number: int = 0) -> dict[str, Any]:
    answer = await client.get("/api/v1/coverage")
    assert answer.status_code == 200, answer.text
    by_name = {line["elder_name"]: line for line in answer.json()["elders"]}
    return by_name[("王秀兰", "李国强")[number]]


async def online(world: World) -> FakeGateway:
    gateway = world.gateway()
    assert (await gateway.beat()).status_code == 200
    return gateway


async def test_until_the_gateway_has_spoken_nobody_is_well(world: World) -> None:
    desk = await world.desk()
    before = await coverage(desk)
    assert (before["state"], before["cause"]) == ("blind", "gateway_offline")
    gateway = await online(world)
    heard = await coverage(desk)
    assert (heard["state"], heard["cause"]) == ("blind", "not_reported")
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, Reason("all_working")))
    after = await coverage(desk)
    assert (after["state"], after["cause"], after["lacking"]) == ("protected", None, [])
    assert await alerts(desk) == []


async def test_what_is_missing_since_when_and_the_gaps(world: World) -> None:
    gateway, desk = await online(world), await world.desk()
    device, hour = world.home.devices[0], {"elapsed_h": 1.0}
    silent = Reason("silent", {"elapsed_h": 1.0, "usual_h": 0.3})
    await gateway.send(
        said(world, EventKind.COVERAGE_PROTECTED, Reason("all_working"), ago_s=7200),
        said(world, EventKind.DEVICE_OFFLINE, silent, Reason("alarm_device"), device=device,
             episode="d1", ago_s=60),
        said(world, EventKind.COVERAGE_BLIND, Reason("lost_fall", hour), ago_s=60),
    )  # fmt: skip
    line = await coverage(desk)
    since = (world.clock.now() - timedelta(seconds=3660)).isoformat(timespec="milliseconds")
    since = since.replace("+00:00", "Z")
    assert line["state"] == "blind"
    assert line["cause"] is None
    assert line["lacking"] == [{"capability": "fall", "level": "lost", "since": since}]
    assert [(d["device_id"], d["role"], d["since"], d["cause"]) for d in line["silent"]] == [
        (device, "wearable", since, "unknown")
    ]
    (alert,) = await alerts(desk)
    assert (alert["code"], alert["priority"]) == ("coverage_blind", "medium")
    assert alert["elder"]["name"] == "王秀兰"
    assert "跌倒监测已失效 1.0 小时" in str(
        (await desk.get(f"/api/v1/alerts/{alert['id']}")).json()
    )

    world.clock.advance(60)
    await gateway.send(
        said(world, EventKind.DEVICE_OFFLINE_CLEARED, Reason("reporting_again", hour),
             device=device, episode="d1"),
        said(world, EventKind.COVERAGE_PROTECTED, Reason("all_working"), episode="e2"),
    )  # fmt: skip
    line = await coverage(desk)
    assert (line["state"], line["silent"]) == ("protected", [])
    world.clock.advance(31)  # the off-delay
    await work_timers(world.database, world.clock.now())
    (alert,) = await alerts(desk)
    assert alert["recovered"]
    detail = (await desk.get(f"/api/v1/coverage/{world.home.elders[0]}")).json()
    (gap,) = detail["gaps"]
    assert gap["device_id"] == device
    assert gap["until_at"] > gap["from_at"]


async def test_what_the_gateway_missed_is_told_with_its_cause(world: World) -> None:
    gateway, desk = await online(world), await world.desk()
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, Reason("all_working")))
    device, other = world.home.devices[:2]
    now_ns = int(world.clock.now().timestamp()) * NS_PER_S

    def gap(name: str, cause: GapCause, ago_s: int, **more: Any) -> Gap:
        at_ns = now_ns - ago_s * NS_PER_S
        return Gap(gap_id=name, cause=cause, from_ns=at_ns, until_ns=at_ns + 60 * NS_PER_S, **more)

    await gateway.send(
        gap("g1", GapCause.SOURCE_DOWN, 900, source="ble:hci0"),
        gap("g2", GapCause.GATEWAY_DOWN, 600),
        gap("g3", GapCause.THINNED, 300, device_ids=(device,), records=120),
        gap("g4", GapCause.DROPPED, 200, device_ids=(other,), records=5),
        gap("g5", GapCause.SOURCE_DOWN, 40 * 86_400, source="mqtt"),
        lane=Lane.BULK,
    )
    gaps = (await desk.get(f"/api/v1/coverage/{world.home.elders[0]}")).json()["gaps"]
    assert [(g["cause"], g["source"], g["device_id"], g["records"]) for g in gaps] == [
        ("thinned", None, device, 120),
        ("gateway_down", None, None, 0),
        ("source_down", "ble:hci0", None, 0),
    ]


async def test_an_old_word_never_replaces_a_newer_one(world: World) -> None:
    gateway, desk = await online(world), await world.desk()
    await gateway.send(said(world, EventKind.COVERAGE_BLIND, Reason("lost_fall"), ago_s=5))
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, episode="e0", ago_s=500))
    assert (await coverage(desk))["state"] == "blind"


async def lost(world: World) -> int:
    async with world.database.tenant(world.home.institution_id) as scope:
        return await follow_lost_gateways(scope, world.clock.now())


async def test_a_gateway_that_falls_silent_is_one_alert_until_it_is_back(world: World) -> None:
    desk = await world.desk()
    assert await lost(world) == 0  # never heard: it is being set up
    gateway = await online(world)
    world.clock.advance(89)
    assert await lost(world) == 0
    world.clock.advance(2)
    assert [await lost(world), await lost(world)] == [1, 0]
    (alert,) = await alerts(desk)
    assert (alert["code"], alert["priority"], alert["recovered"]) == (
        "gateway_offline", "medium", False,
    )  # fmt: skip
    assert alert["late_s"] == pytest.approx(91, abs=1)
    await gateway.beat()
    assert [await lost(world), await lost(world)] == [1, 0]
    (alert,) = await alerts(desk)
    assert alert["recovered"]
    # Silent again before anybody has looked: the same alert stands again.
    world.clock.advance(91)
    assert [await lost(world), await lost(world)] == [1, 0]
    (again,) = await alerts(desk)
    assert (again["id"], again["recovered"]) == (alert["id"], False)


async def test_a_silent_gateway_makes_everybody_blind(world: World) -> None:
    gateway, desk = await online(world), await world.desk()
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, Reason("all_working")))
    world.clock.advance(89)
    assert (await coverage(desk))["state"] == "protected"
    world.clock.advance(2)
    line = await coverage(desk)
    assert (line["state"], line["cause"]) == ("blind", "gateway_offline")
    async with world.database.tenant(world.home.institution_id) as scope:
        assert await follow_gateways(scope, world.clock.now()) == 2
        assert await follow_gateways(scope, world.clock.now()) == 0
    world.clock.advance(600)
    await gateway.beat()
    assert (await coverage(desk))["state"] == "protected"
    async with world.database.tenant(world.home.institution_id) as scope:
        assert await follow_gateways(scope, world.clock.now()) == 2
    gaps = (await desk.get(f"/api/v1/coverage/{world.home.elders[0]}")).json()["gaps"]
    assert [(gap["cause"], gap["device_id"]) for gap in gaps] == [("gateway_offline", None)]


async def test_a_gateway_that_hears_nothing_makes_everybody_blind(world: World) -> None:
    gateway, desk = await online(world), await world.desk()
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, Reason("all_working")))
    await gateway.beat(sources={"mqtt": False})
    assert (await coverage(desk))["cause"] == "source_down"
    await gateway.beat(sources={"mqtt": False, "ble": True})
    assert (await coverage(desk))["state"] == "protected"


async def registry(gateway: FakeGateway) -> RegistryDocument:
    answer = await gateway.client.get("/api/v1/gateway/registry")
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=RegistryDocument)


async def test_the_registry_tells_who_is_watched_with_what(world: World) -> None:
    gateway, nurse = await online(world), await world.as_role(Role.HEAD_NURSE)
    elder = str(world.home.elders[0])
    async with world.database.tenant(world.home.institution_id) as scope:
        since = world.clock.now() - timedelta(days=1)
        for name, subject in (
            ("mat-1", Subject(None, world.home.beds[0], None)),
            ("smoke-203", Subject(None, None, world.home.room_id)),
        ):
            await add_device(scope, name, "other", None, since)
            await assign(scope, name, subject, since)
    for name, body in (
        ("mat-1", {"role": "bed", "room_kind": "bedroom", "report_interval_s": 60}),
        ("smoke-203", {"role": "smoke"}),
    ):
        answer = await nurse.put(f"/api/v1/devices/{name}/sensor", json=body)
        assert answer.status_code == 204, answer.text
    before = await registry(gateway)
    plan = {
        "ability_level": 3, "requires": ["fall", "bed"], "lives_alone": False,
        "overrides": {"bed.no_return_s": 300},
    }  # fmt: skip
    answer = await nurse.put(f"/api/v1/elders/{elder}/watch-plan", json=plan)
    assert answer.status_code == 200, answer.text
    pause = {
        "from_at": world.clock.now().isoformat(), "reason": "hospital",
        "until_at": (world.clock.now() + timedelta(days=2)).isoformat(),
    }  # fmt: skip
    answer = await nurse.post(f"/api/v1/elders/{elder}/watch-pauses", json=pause)
    assert answer.status_code == 200, answer.text
    document = await registry(gateway)
    assert document.version > before.version
    subjects = {subject.subject_id: subject for subject in document.subjects}
    assert subjects.keys() == {elder, str(world.home.elders[1]), str(world.home.room_id)}
    mine = subjects[elder]
    sensors = mine.settings.by_device()
    assert {name: str(sensor.role) for name, sensor in sensors.items()} == {
        "wearable-1": "wearable", "mat-1": "bed",
    }  # fmt: skip
    assert (sensors["mat-1"].room, sensors["mat-1"].report_interval_s) == ("203", 60.0)
    assert [sensor.device_id for sensor in mine.shared] == ["smoke-203"]
    assert mine.settings.ability_level == 3
    assert mine.settings.requires == {"fall", "bed"}
    assert [pause.reason for pause in mine.settings.pauses] == ["hospital"]
    room = subjects[str(world.home.room_id)]
    assert room.elder_id is None
    assert [sensor.device_id for sensor in room.settings.sensors] == ["smoke-203"]

    (kept,) = answer.json()["pauses"]
    back = await nurse.delete(f"/api/v1/elders/{elder}/watch-pauses/{kept['id']}")
    assert back.json()["pauses"] == []
    assert not (await registry(gateway)).subjects[0].settings.pauses


async def test_one_gateway_for_each_unit(world: World) -> None:
    gateway, admin = await online(world), await world.as_role(Role.ADMIN)
    assert len((await registry(gateway)).subjects) == 2
    path = f"/api/v1/gateways/{world.home.gateway_id}/area"
    unknown = await admin.put(path, json={"unit_ids": [str(world.home.gateway_id)]})
    assert unknown.status_code == 422
    assert "unit_ids" in unknown.json()["detail"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"overrides": {"inactivity.min_limit_s": -5}}, "inactivity.min_limit_s"),
        ({"overrides": {"bed.no_return_s": 0}}, "bed.no_return_s"),
        ({"timezone": "Nowhere/Land"}, "timezone"),
        ({"ability_level": 9}, "ability_level"),
        ({"requires": ["mind_reading"]}, "requires"),
    ],
)
async def test_a_plan_that_no_detector_would_take_is_refused(
    world: World, body: dict[str, Any], names: str
) -> None:
    nurse = await world.as_role(Role.HEAD_NURSE)
    path = f"/api/v1/elders/{world.home.elders[0]}/watch-plan"
    answer = await nurse.put(path, json=body)
    assert answer.status_code == 422, answer.text
    assert names in answer.text
    assert (await nurse.get(path)).json()["updated_at"] is None


async def test_findings_of_strangers_are_kept_apart(world: World) -> None:
    gateway, desk = await online(world), await world.desk()
    for stranger in (str(world.other.elders[0]), "not-an-id"):
        await gateway.send(said(world, EventKind.INACTIVITY, subject=stranger, episode=stranger))
    assert await alerts(desk) == []
    status = (await desk.get("/api/v1/status")).json()
    assert {"reason": "unknown_subject", "count": 2} in status["quarantine"]


async def test_a_finding_is_the_elders_whatever_device_saw_it(world: World) -> None:
    """A sensor of a room that several pass says nothing of who it is; the finding does."""
    gateway, desk = await online(world), await world.desk()
    finding = said(world, EventKind.INACTIVITY, Reason("silent_since", {
        "hour": 6.0, "minute": 55.0, "elapsed_h": 3.0}), device=world.home.devices[1])  # fmt: skip
    await gateway.send(finding, lane=Lane.URGENT)
    (alert,) = await alerts(desk)
    assert (alert["code"], alert["elder"]["name"]) == ("inactivity", "王秀兰")
    assert alert["place"]["bed"] == "1"
