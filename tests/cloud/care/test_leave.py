"""Leave: quiet while out, rounds rest, no return is an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cloud.alerts.timers import work_timers
from cloud.care.leave.service import follow_leaves
from cloud.identity.permissions import Role
from edge.events import EventKind, Reason
from tests.cloud.test_coverage import coverage, online, said
from tests.cloud.world import CHANGES, FakeGateway, World, alerts, fall

HOUR_S = 3600


@pytest.fixture
async def nurse(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.HEAD_NURSE)


async def go(client: httpx.AsyncClient, world: World, hours: float = 4) -> httpx.Response:
    now = world.clock.now()
    said = {
        "out_at": now.isoformat(), "due_back_at": (now + timedelta(hours=hours)).isoformat(),
        "companion": "女儿 王小明", "destination": "家里",
    }  # fmt: skip
    where = f"/api/v1/elders/{world.home.elders[0]}/leaves"
    return await client.post(where, json=said, headers=CHANGES)


async def look(world: World) -> list[dict[str, Any]]:
    async with world.database.tenant(world.home.institution_id) as scope:
        await follow_leaves(scope, world.clock.now())
    found = await alerts(await world.desk())
    return [one for one in found if one["code"] == "no_return" and not one["recovered"]]


async def pauses(client: httpx.AsyncClient, world: World) -> list[str]:
    plan = await client.get(f"/api/v1/elders/{world.home.elders[0]}/watch-plan")
    return [one["reason"] for one in plan.json()["pauses"]]


async def test_out_and_back_in_time(world: World, nurse: httpx.AsyncClient) -> None:
    plan = {"active": True, "version": 0}
    await nurse.put("/api/v1/round-plans", json=plan, headers=CHANGES)
    leave = (await go(nurse, world)).json()
    assert await pauses(nurse, world) == ["leave"]
    world.clock.advance(1)
    (own,) = [
        row
        for row in (await nurse.get("/api/v1/rounds")).json()["rows"]
        if row["elder_id"] == str(world.home.elders[0])
    ]
    assert (own["away"], own["round"]) == (True, None)
    world.clock.advance(2 * HOUR_S)
    where = f"/api/v1/elders/{world.home.elders[0]}/leaves/{leave['id']}/return"
    back = await nurse.post(where, headers=CHANGES)
    assert (back.status_code, back.json()["back_by"]) == (200, "head_nurse 测试")
    assert await pauses(nurse, world) == []
    assert (await nurse.get("/api/v1/leaves")).json()["leaves"] == []
    assert (await nurse.post(where, headers=CHANGES)).status_code == 409


async def test_whoever_comes_back_is_not_late_for_the_rounds_they_were_out_for(
    world: World, nurse: httpx.AsyncClient
) -> None:
    elder = str(world.home.elders[0])
    plan = {"active": True, "version": 0}
    await nurse.put("/api/v1/round-plans", json=plan, headers=CHANGES)

    async def standing() -> str | None:
        rows = (await nurse.get("/api/v1/rounds")).json()["rows"]
        (own,) = [row for row in rows if row["elder_id"] == elder]
        return None if own["round"] is None else str(own["round"]["standing"])

    hourly = {"ability_level": 4}
    await nurse.put(f"/api/v1/elders/{elder}/watch-plan", json=hourly, headers=CHANGES)
    leave = (await go(nurse, world, hours=8)).json()
    world.clock.advance(7 * HOUR_S)
    assert await standing() is None
    where = f"/api/v1/elders/{elder}/leaves/{leave['id']}/return"
    assert (await nurse.post(where, headers=CHANGES)).status_code == 200
    assert await standing() == "ok"
    world.clock.advance(2 * HOUR_S)
    assert await standing() == "missed"


async def test_who_does_not_come_back_is_an_alert_until_they_do(
    world: World, nurse: httpx.AsyncClient
) -> None:
    leave = (await go(nurse, world)).json()
    world.clock.advance(4 * HOUR_S + 60)
    nurse = await world.as_role(Role.HEAD_NURSE)
    assert await look(world) == []
    world.clock.advance(30 * 60)
    (alert,) = await look(world)
    assert alert["elder"]["name"] == "王秀兰"
    assert len(await look(world)) == 1
    assert (await nurse.get("/api/v1/leaves")).json()["leaves"][0]["overdue"]
    where = f"/api/v1/elders/{world.home.elders[0]}/leaves/{leave['id']}"
    later = {"due_back_at": (world.clock.now() + timedelta(hours=2)).isoformat()}
    assert (await nurse.put(where, json=later, headers=CHANGES)).status_code == 200
    assert await look(world) == []
    assert await pauses(nurse, world) == ["leave"]


async def test_impossible_leaves_are_refused(world: World, nurse: httpx.AsyncClient) -> None:
    assert (await go(nurse, world, -1)).status_code == 422
    assert (await go(nurse, world, 24 * 61)).status_code == 422
    assert (await go(nurse, world)).status_code == 200
    again = await go(nurse, world)
    assert (again.status_code, "没有销假" in again.json()["detail"]) == (409, True)


async def out_with_a_band_that_falls_silent(
    world: World, nurse: httpx.AsyncClient
) -> tuple[str, FakeGateway]:
    """On leave, and out of reach of the gateway; the address of the leave."""
    gateway = await online(world)
    await gateway.send(said(world, EventKind.COVERAGE_PROTECTED, Reason("all_working")))
    leave = (await go(nurse, world)).json()
    world.clock.advance(60)
    device, silent = world.home.devices[0], Reason("silent", {"elapsed_h": 0.1, "usual_h": 0.1})
    await gateway.send(
        said(world, EventKind.DEVICE_OFFLINE, silent, device=device, episode="d1"),
        said(world, EventKind.COVERAGE_BLIND, Reason("lost_fall", {"elapsed_h": 0.1})),
    )
    return f"/api/v1/elders/{world.home.elders[0]}/leaves/{leave['id']}/return", gateway


async def later(world: World, minutes: float) -> list[dict[str, Any]]:
    """What stands at the desk after so long, timers worked on the way."""
    for _ in range(round(minutes)):
        world.clock.advance(60)
        await work_timers(world.database, world.clock.now())
    return [one for one in await alerts(await world.desk()) if not one["suppressed"]]


async def test_a_band_that_goes_out_with_its_wearer_calls_nobody(
    world: World, nurse: httpx.AsyncClient
) -> None:
    where, gateway = await out_with_a_band_that_falls_silent(world, nurse)
    assert await later(world, 30) == []
    assert (await coverage(await world.desk()))["state"] == "blind"  # and shown as it is
    device, again = world.home.devices[0], Reason("reporting_again", {"elapsed_h": 0.6})
    await gateway.send(
        said(world, EventKind.DEVICE_OFFLINE_CLEARED, again, device=device, episode="d1"),
        said(world, EventKind.COVERAGE_PROTECTED, Reason("all_working"), episode="e2"),
    )
    assert (await nurse.post(where, headers=CHANGES)).status_code == 200
    assert [one for one in await later(world, 15) if not one["recovered"]] == []


async def test_back_and_still_not_seen_is_an_alert(world: World, nurse: httpx.AsyncClient) -> None:
    where, _ = await out_with_a_band_that_falls_silent(world, nurse)
    assert await later(world, 15) == []
    assert (await nurse.post(where, headers=CHANGES)).status_code == 200
    (alert,) = await later(world, 12)
    assert (alert["code"], alert["priority"]) == ("coverage_blind", "medium")


async def test_a_fall_while_on_leave_rings_at_once(world: World, nurse: httpx.AsyncClient) -> None:
    gateway = await online(world)
    await go(nurse, world)
    world.clock.advance(60)
    await gateway.send(fall(EventKind.FALL_CONFIRMED, world.clock))
    (alert,) = await alerts(await world.desk())
    assert (alert["code"], alert["priority"]) == ("fall_confirmed", "high")
