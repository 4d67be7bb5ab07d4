"""An elder's day over the API: by the assignments as they are now, in few questions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from cloud.coverage.models import WatchPause
from cloud.devices.service import Subject, add_device, assign
from cloud.identity.permissions import Role
from edge.events import EventKind
from edge.gateway_wire import Gap, GapCause
from edge.signals import NS_PER_S, Reading
from edge.wire import Lane
from tests.cloud.test_elder_page import questions
from tests.cloud.world import World, fall

HOUR_S = 3600.0
# Ping, who asks (2), the tables, the keys of series, their segments, their days, the audit.
MOST_QUESTIONS = 8


def said(world: World, quantity: str, ago_s: float, value: float, device: str = "mat-1") -> Reading:
    return Reading(device, quantity, world.clock.now_ns() - round(ago_s * NS_PER_S), value)


async def a_bed(world: World, *, deaf_h: tuple[float, float] = (0, 0)) -> None:
    """A mat in the first bed, and a night on it that is over (it is 10:13 in China).

    Nothing comes of the hours ago `deaf_h`, older first.
    """
    ago = timedelta(days=3)
    async with world.database.tenant(world.home.institution_id) as scope:
        since = world.clock.now() - ago
        await add_device(scope, "mat-1", "mat", None, since, kind="bed", label="床垫")
        await assign(scope, "mat-1", Subject(None, world.home.beds[0], None), since)
    beats = [said(world, "battery_level", n * 600.0, 90.0) for n in range(1, 100)]
    night = [
        said(world, "in_bed", 12 * HOUR_S, 1.0), said(world, "in_bed", 5 * HOUR_S, 0.0),
        said(world, "in_bed", 4.9 * HOUR_S, 1.0), said(world, "in_bed", 3 * HOUR_S, 0.0),
    ]  # fmt: skip
    heart = [said(world, "heart_rate", n * 60.0, 60.0 + n % 5) for n in range(200, 700)]
    begin, end = (world.clock.now_ns() - round(h * HOUR_S * NS_PER_S) for h in deaf_h)
    heard = [one for one in (*beats, *night, *heart) if not begin <= one.time_ns < end]
    await world.gateway().send(*heard, lane=Lane.BULK)


async def day_of(client: httpx.AsyncClient, elder: UUID, **query: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/elders/{elder}/day", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_day_tells_bed_heart_alerts_and_devices(world: World) -> None:
    await a_bed(world)
    await world.gateway().send(fall(EventKind.FALL_CONFIRMED, world.clock))
    nurse, elder = await world.as_role(Role.DUTY), world.home.elders[0]
    day = await day_of(nurse, elder)
    assert day["day"] == "2026-03-01"
    assert day["from_at"] == "2026-02-28T16:00:00.000Z"
    assert [s["state"] for s in day["bed"]] == ["in_bed", "up", "in_bed", "up"]
    assert day["bed"][-1]["until_at"] == day["server_time"]
    assert day["totals"]["up_times"] == 2
    assert day["totals"]["unseen_min"] == 0
    (heart,) = day["vitals"]
    assert (heart["quantity"], heart["unit"]) == ("heart_rate", "1/min")
    assert min(heart["low"]) >= 60.0
    (alert,) = day["alerts"]
    assert (alert["code"], alert["name_zh"]) == ("fall_confirmed", "跌倒")
    assert day["changes"] == []
    assert day["blind"] == []


async def test_the_line_follows_a_correction(world: World) -> None:
    """The mat was the other bed's all along: the night moves, and leaves nothing behind."""
    await a_bed(world)
    manager = await world.as_role(Role.MANAGER)
    first, second = world.home.elders
    history = (await manager.get("/api/v1/devices/mat-1/history")).json()["assignments"]
    body = {
        "bed_id": str(world.home.beds[1]), "valid_from": history[0]["valid_from"],
        "valid_until": None, "reason": "装错了床",
    }  # fmt: skip
    answer = await manager.put(f"/api/v1/assignments/{history[0]['id']}", json=body)
    assert answer.status_code == 200, answer.text
    assert (await day_of(manager, first))["bed"] is None
    assert (await day_of(manager, first))["vitals"] == []
    moved = await day_of(manager, second)
    assert [s["state"] for s in moved["bed"]] == ["in_bed", "up", "in_bed", "up"]


async def test_a_gap_of_the_gateway_is_unseen_and_named(world: World) -> None:
    await a_bed(world, deaf_h=(8, 6))
    now_ns = world.clock.now_ns()
    gap = Gap(
        gap_id="g-1", cause=GapCause.SOURCE_DOWN, source="mqtt", device_ids=(),
        from_ns=now_ns - round(8 * HOUR_S * NS_PER_S),
        until_ns=now_ns - round(6 * HOUR_S * NS_PER_S), records=0,
    )  # fmt: skip
    await world.gateway().send(gap, lane=Lane.URGENT)
    day = await day_of(await world.as_role(Role.DUTY), world.home.elders[0])
    assert [s["state"] for s in day["bed"]] == ["in_bed", "unseen", "up", "in_bed", "up"]
    (hole,) = day["holes"]
    assert (hole["cause"], hole["device_id"]) == ("source_down", None)
    assert len(day["blind"]) == 1


async def test_leave_that_ended_early_is_drawn_as_it_was(world: World) -> None:
    await a_bed(world)
    now, elder = world.clock.now(), world.home.elders[0]
    nurse = await world.as_role(Role.DUTY)
    body = {
        "from_at": (now - timedelta(hours=2)).isoformat(),
        "until_at": (now + timedelta(hours=9)).isoformat(), "reason": "leave",
    }  # fmt: skip
    path = f"/api/v1/elders/{elder}/watch-pauses"
    plan = (await nurse.post(path, json=body)).json()
    assert (await day_of(nurse, elder))["bed"][-1]["state"] == "out"
    world.clock.advance(600)
    await nurse.delete(f"{path}/{plan['pauses'][0]['id']}")
    world.clock.advance(600)
    day = await day_of(nurse, elder)
    assert [s["state"] for s in day["bed"]][-2:] == ["out", "up"]
    assert day["pauses"][0]["until_at"] == day["bed"][-2]["until_at"]
    async with world.database.tenant(world.home.institution_id) as scope:
        (pause,) = await scope.session.scalars(scope.select(WatchPause))
        assert pause.ended_at is not None


async def test_a_day_asks_few_questions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await a_bed(world)
    nurse, elder = await world.as_role(Role.MANAGER), world.home.elders[0]
    await day_of(nurse, elder)
    with questions(monkeypatch) as asked:
        await day_of(nurse, elder)
    assert len(asked) <= MOST_QUESTIONS, "\n".join(asked)


async def test_packed_days_and_summaries_are_told_too(world: World) -> None:
    await a_bed(world)
    nurse, elder = await world.as_role(Role.DUTY), world.home.elders[0]
    before = await day_of(nurse, elder)
    world.clock.advance(2 * 24 * HOUR_S)
    await world.app.state.series.pack(world.clock.now_ns())
    nurse = await world.as_role(Role.DUTY)
    packed = await day_of(nurse, elder, day="2026-03-01")
    assert packed["bed"][:3] == before["bed"][:3]
    assert packed["vitals"][0]["mean"] == before["vitals"][0]["mean"]
    world.clock.advance(60 * 24 * HOUR_S)
    nurse = await world.as_role(Role.DUTY)
    old = await day_of(nurse, elder, day="2026-03-01")
    assert old["slot_s"] == 60
    assert old["bed"][:3] == before["bed"][:3]


async def test_what_cannot_be_asked_is_refused_by_name(world: World) -> None:
    nurse, elder = await world.as_role(Role.DUTY), world.home.elders[0]
    path = f"/api/v1/elders/{elder}/day"
    answer = await nurse.get(path, params={"day": "2026-03-02"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.day")
    assert (await nurse.get(path, params={"day": "gestern"})).status_code == 422
    other = f"/api/v1/elders/{world.other.elders[0]}/day"
    assert (await nurse.get(other)).status_code == 404
    operator = await world.as_role(Role.OPERATOR)
    assert (await operator.get(path)).status_code == 403
    assessor = await world.as_role(Role.ASSESSOR)
    assert (await day_of(assessor, elder))["alerts"] is None
