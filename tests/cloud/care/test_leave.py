"""Leave: quiet while out, rounds rest, no return is an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from cloud.care.leave.service import follow_leaves
from cloud.identity.permissions import Role
from tests.cloud.world import CHANGES, World, alerts

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
