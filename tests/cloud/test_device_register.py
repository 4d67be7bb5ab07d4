"""Devices over their life: taken in, tested weekly, faulty with a stopgap, retired."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cloud.alerts.late_stopgaps import follow_late_stopgaps
from cloud.devices.register import STOPGAP_WITHIN, TEST_EVERY
from cloud.identity.permissions import Role
from cloud.schema_types import iso_ms
from tests.cloud.world import World, alerts

BUTTON = {"id": "button-7", "model": "call-1", "kind": "button", "label": "床头", "serial": "SN7"}


async def ok(answering: Any) -> Any:
    answer: httpx.Response = await answering
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def manager(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.MANAGER)


async def test_a_device_is_taken_in_given_and_found(
    world: World, manager: httpx.AsyncClient
) -> None:
    made = await ok(manager.post("/api/v1/devices", json=BUTTON))
    assert (made["condition"], made["place"], made["silent"]) == ("ok", None, False)
    twice = await manager.post("/api/v1/devices", json=BUTTON)
    assert (twice.status_code, twice.json()["errors"][0]["field"]) == (409, "body.id")
    bad = await manager.post("/api/v1/devices", json={**BUTTON, "id": "no spaces"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "body.id")

    async def ids(**query: str) -> list[str]:
        page = await ok(manager.get("/api/v1/devices", params=query))
        return [device["device_id"] for device in page["devices"]]

    assert await ids(state="spare") == ["button-7"]
    given = {"bed_id": str(world.home.beds[0]), "at": world.clock.now().isoformat()}
    await ok(manager.post("/api/v1/devices/button-7/assignments", json=given))
    assert await ids(state="spare") == []
    assert await ids(state="assigned") == ["button-7", "wearable-1", "wearable-2"]
    assert await ids(q="butt") == await ids(q="SN7") == await ids(kind="button") == ["button-7"]
    assert await ids(q="%") == []
    first = await ok(manager.get("/api/v1/devices", params={"limit": 2}))
    rest = await ok(manager.get("/api/v1/devices", params={"limit": 2, "after": first["next"]}))
    assert (len(first["devices"]), rest["next"]) == (2, None)
    assert [d["device_id"] for d in rest["devices"]] == ["wearable-1", "wearable-2"]
    device = await ok(manager.get("/api/v1/devices/button-7"))
    assert (device["elder_name"], device["place"]) == ("王秀兰", "2 楼 护理一区 203-1 床")
    assert device["silent"] is True
    elder = await ok(manager.get(f"/api/v1/elders/{world.home.elders[0]}/devices"))
    assert [d["device_id"] for d in elder["devices"]] == ["button-7", "wearable-1"]


async def test_weekly_tests_fall_due(world: World, manager: httpx.AsyncClient) -> None:
    async def due() -> list[str]:
        tasks = await ok((await world.desk()).get("/api/v1/device-tasks"))
        return [device["device_id"] for device in tasks["tests_due"]]

    assert await due() == ["wearable-1", "wearable-2"]
    carer = await world.desk()
    tested = await ok(carer.post("/api/v1/devices/wearable-1/tests", json={"passed": True}))
    assert tested["test_due_at"] == iso_ms(world.clock.now() + TEST_EVERY)
    assert await due() == ["wearable-2"]
    world.clock.advance(TEST_EVERY.total_seconds() - 1)
    assert await due() == ["wearable-2"]
    world.clock.advance(1)
    assert await due() == ["wearable-2", "wearable-1"]
    carer = await world.desk()
    failed = {"passed": False, "note": "按下没有反应"}
    device = await ok(carer.post("/api/v1/devices/wearable-2/tests", json=failed))
    assert (device["condition"], device["fault"]["description"]) == ("faulty", "按下没有反应")
    assert await due() == ["wearable-1"]
    manager = await world.as_role(Role.MANAGER)
    history = await ok(manager.get("/api/v1/devices/wearable-2/history"))
    assert [(test["passed"], test["tester"]) for test in history["tests"]] == [(False, "周敏")]


async def test_a_vital_fault_starts_a_clock_of_two_hours(world: World) -> None:
    carer = await world.desk()
    told = {"description": "不亮"}
    device = await ok(carer.post("/api/v1/devices/wearable-1/faults", json=told))
    fault = device["fault"]
    assert fault["stopgap_due_at"] == iso_ms(world.clock.now() + STOPGAP_WITHIN)
    assert (fault["elder_name"], fault["is_overdue"]) == ("王秀兰", False)
    again = await carer.post("/api/v1/devices/wearable-1/faults", json=told)
    assert again.status_code == 409
    world.clock.advance(STOPGAP_WITHIN.total_seconds())
    tasks = await ok(carer.get("/api/v1/device-tasks"))
    assert (tasks["stopgaps_overdue"], tasks["faults"][0]["is_overdue"]) == (1, True)
    path = f"/api/v1/device-faults/{fault['id']}"
    nothing = await carer.put(f"{path}/stopgap", json={"way": "substitute"})
    assert nothing.json()["errors"][0]["field"] == "body.substitute_device_id"
    strange = {"way": "substitute", "substitute_device_id": "nobody-knows"}
    assert (await carer.put(f"{path}/stopgap", json=strange)).status_code == 422
    set_ = await ok(carer.put(f"{path}/stopgap", json={"way": "staff", "note": "每 15 分钟查看"}))
    assert (set_["is_overdue"], set_["stopgap_by"]) == (False, "周敏")
    assert (await carer.put(f"{path}/end", json={})).status_code == 403
    manager = await world.as_role(Role.MANAGER)
    device = await ok(manager.put(f"{path}/end", json={}))
    assert (device["condition"], device["fault"]) == ("ok", None)
    assert (await carer.put(f"{path}/stopgap", json={"way": "staff"})).status_code == 409
    tasks = await ok(carer.get("/api/v1/device-tasks"))
    assert tasks["faults"] == []
    assert "wearable-1" in [device["device_id"] for device in tasks["tests_due"]]


async def test_what_only_measures_the_room_has_no_clock(
    world: World, manager: httpx.AsyncClient
) -> None:
    await ok(manager.post("/api/v1/devices", json={**BUTTON, "kind": "climate"}))
    given = {"room_id": str(world.home.room_id), "at": world.clock.now().isoformat()}
    await ok(manager.post("/api/v1/devices/button-7/assignments", json=given))
    told = {"description": "读数不变"}
    device = await ok(manager.post("/api/v1/devices/button-7/faults", json=told))
    assert device["fault"]["stopgap_due_at"] is None
    faulty = await manager.post("/api/v1/devices/button-7/assignments", json=given)
    assert faulty.status_code == 409


async def test_a_retired_device_is_nobodys(world: World, manager: httpx.AsyncClient) -> None:
    await ok(manager.post("/api/v1/devices/wearable-1/faults", json={"description": "进水"}))
    world.clock.advance(timedelta(hours=1).total_seconds())
    gone = {"reason": "损坏"}
    device = await ok(manager.post("/api/v1/devices/wearable-1/retirement", json=gone))
    assert (device["condition"], device["elder_id"], device["fault"]) == ("retired", None, None)
    history = await ok(manager.get("/api/v1/devices/wearable-1/history"))
    assert history["assignments"][0]["valid_until"] == iso_ms(world.clock.now())
    given = {"elder_id": str(world.home.elders[0]), "at": world.clock.now().isoformat()}
    for path, body in (
        ("assignments", given), ("retirement", gone), ("tests", {"passed": True}),
        ("faults", {"description": "x"}),
    ):  # fmt: skip
        answer = await manager.post(f"/api/v1/devices/wearable-1/{path}", json=body)
        assert answer.status_code == 409, path
    registry = (await world.gateway().client.get("/api/v1/gateway/registry")).json()
    assert [device["device_id"] for device in registry["devices"]] == ["wearable-2"]


async def test_a_late_stopgap_is_an_alert_until_something_stands_in(world: World) -> None:
    carer = await world.desk()

    async def look() -> int:
        async with world.database.tenant(world.home.institution_id) as scope:
            return await follow_late_stopgaps(scope, world.clock.now())

    told = {"description": "不亮"}
    device = await ok(carer.post("/api/v1/devices/wearable-1/faults", json=told))
    world.clock.advance(STOPGAP_WITHIN.total_seconds() - 1)
    assert (await look(), await alerts(carer)) == (0, [])
    world.clock.advance(1)
    assert [await look() for _ in range(2)] == [1, 0]
    (alert,) = await alerts(carer)
    assert (alert["code"], alert["priority"]) == ("stopgap_overdue", "medium")
    assert (alert["elder"]["name"], alert["device_id"]) == ("王秀兰", "wearable-1")
    path = f"/api/v1/device-faults/{device['fault']['id']}/stopgap"
    await ok(carer.put(path, json={"way": "staff", "note": "每 15 分钟查看"}))
    assert [await look() for _ in range(2)] == [1, 0]
    (alert,) = await alerts(carer)
    assert alert["recovered"]
