"""Rounds and turning: when due, how checked, what a missed one does."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.care.rounds.models import RoundCheck
from cloud.care.rounds.plan import (
    DEFAULT_LEVELS,
    Frequency,
    LevelPlan,
    Standing,
    planned_times,
    round_due,
    turning_due,
)
from cloud.care.rounds.schemas import RoundCheckIn
from cloud.care.rounds.service import take_checks
from cloud.care.rounds.watch import follow_rounds
from cloud.coverage.plans import AssessedLevelIn, take_assessed_level
from cloud.errors import BadFieldError
from cloud.identity.models import User
from cloud.identity.permissions import Role
from cloud.identity.service import Principal
from cloud.identity.shifts import DEFAULT_PATTERN, ZONE, shift_at
from cloud.places.models import Unit
from edge.signals import NS_PER_S, Reading
from edge.wire import Lane
from tests.cloud.world import CHANGES, World, alerts

NO_GRACE = timedelta(0)
# Shifts of one length: "twice per shift" and "every 4 h" are then the same, as the table means it.
EIGHT_HOURS = (("早班", 7 * 60, 15 * 60), ("中班", 15 * 60, 23 * 60), ("夜班", 23 * 60, 7 * 60))
NIGHT = datetime(2026, 3, 1, 22, 0, tzinfo=ZONE)


def due_at(
    level: int,
    seen: datetime,
    now: datetime,
    pattern: tuple[tuple[str, int, int], ...] = DEFAULT_PATTERN,
) -> datetime:
    return round_due(DEFAULT_LEVELS[level], pattern, seen, now, NO_GRACE).due_at


# The patrol table of the domain page, at night and by day (shifts of 9, 8 and 7 hours).
@pytest.mark.parametrize(
    ("level", "night", "morning", "turning_min"),
    [(0, 2, 1, None), (1, 2, 2, None), (2, 4, 2, None), (3, 4, 4, 120), (4, 9, 8, 120)],
)
def test_the_patrol_table(level: int, night: int, morning: int, turning_min: int | None) -> None:
    plan = DEFAULT_LEVELS[level]
    at_night = shift_at(DEFAULT_PATTERN, NIGHT)
    by_day = shift_at(DEFAULT_PATTERN, NIGHT + timedelta(hours=10))
    assert (planned_times(plan, at_night), planned_times(plan, by_day)) == (night, morning)
    assert plan.turning_min == turning_min


def test_a_night_that_asks_for_more_counts_from_its_start() -> None:
    seen = NIGHT - timedelta(hours=6)
    now = NIGHT + timedelta(minutes=1)
    # Once by day: seen at 16:00 is enough until 23:00, then the night asks for every 4.5 hours.
    assert due_at(0, seen, now) == seen + timedelta(hours=7)
    just_before = NIGHT - timedelta(minutes=10)
    assert due_at(0, just_before, now) == NIGHT + timedelta(hours=4, minutes=30)
    assert due_at(4, just_before, now) == just_before + timedelta(hours=1)


@given(st.integers(0, 3), st.integers(0, 24 * 60), st.integers(0, 12 * 60))
def test_a_higher_level_is_never_looked_in_on_later(level: int, start: int, ago: int) -> None:
    now = NIGHT + timedelta(minutes=start)
    seen = now - timedelta(minutes=ago)
    assert due_at(level + 1, seen, now, EIGHT_HOURS) <= due_at(level, seen, now, EIGHT_HOURS)


@given(st.integers(0, 4), st.integers(0, 24 * 60), st.integers(0, 600), st.integers(0, 600))
def test_seen_later_is_due_no_sooner(level: int, start: int, ago: int, more: int) -> None:
    now = NIGHT + timedelta(minutes=start)
    later = now - timedelta(minutes=ago)
    assert due_at(level, later - timedelta(minutes=more), now) <= due_at(level, later, now)


def test_standings() -> None:
    plan = LevelPlan(Frequency(every_min=60), Frequency(every_min=60))
    grace = timedelta(minutes=15)

    def standing(minutes: int) -> Standing:
        now = NIGHT + timedelta(minutes=minutes)
        return round_due(plan, DEFAULT_PATTERN, NIGHT, now, grace).standing

    assert [standing(m) for m in (44, 45, 75, 76)] == [
        Standing.OK, Standing.DUE, Standing.DUE, Standing.MISSED,
    ]  # fmt: skip
    assert turning_due(120, NIGHT, NIGHT + timedelta(minutes=120), grace).standing is Standing.DUE


@pytest.fixture
async def head(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.HEAD_NURSE)


async def begin(head: httpx.AsyncClient, **changes: Any) -> None:
    wanted = {"active": True, "version": 0} | changes
    answer = await head.put("/api/v1/round-plans", json=wanted, headers=CHANGES)
    assert answer.status_code == 200, answer.text


async def rows(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/v1/rounds")
    assert answer.status_code == 200, answer.text
    return {row["elder_name"]: row for row in answer.json()["rows"]}


async def check(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    said = {"id": str(uuid.uuid4())} | body
    return await client.post("/api/v1/rounds/checks", json=said, headers=CHANGES)


async def assessed(world: World, level: int, number: int = 0) -> None:
    now = world.clock.now()
    async with world.database.tenant(world.home.institution_id) as scope:
        told = AssessedLevelIn(level, now.date(), uuid.uuid4(), now)
        await take_assessed_level(scope, world.home.elders[number], told)


async def look(world: World) -> list[dict[str, Any]]:
    """One look of the watch; the rounds' alerts that are open and not recovered."""
    async with world.database.tenant(world.home.institution_id) as scope:
        await follow_rounds(scope, world.clock.now())
    found = await alerts(await world.desk())
    return [one for one in found if one["code"] == "round_missed" and not one["recovered"]]


async def test_a_new_level_changes_the_rounds_and_asks_for_turning(
    world: World, head: httpx.AsyncClient
) -> None:
    assert (await rows(head))["王秀兰"]["round"] is None
    await begin(head)
    before = (await rows(head))["王秀兰"]
    assert (before["level"], before["turning"]) == (0, None)
    await assessed(world, 4)
    after = (await rows(head))["王秀兰"]
    assert after["level"] == 4
    assert after["round"]["due_at"] < before["round"]["due_at"]
    assert after["turning"] is not None


async def test_a_missed_round_is_one_alert_of_the_unit_until_all_are_seen(
    world: World, head: httpx.AsyncClient
) -> None:
    await begin(head)
    await assessed(world, 4)
    await assessed(world, 4, 1)
    world.clock.advance(70 * 60)
    assert await look(world) == []
    world.clock.advance(6 * 60)
    (alert,) = await look(world)
    assert (await look(world))[0]["id"] == alert["id"]
    desk = await world.desk()
    for number in (0, 1):
        answer = await check(desk, elder_id=str(world.home.elders[number]))
        assert answer.status_code == 200, answer.text
    assert await look(world) == []
    seen = (await rows(head))["王秀兰"]["round"]
    assert (seen["last_way"], seen["last_by"], seen["standing"]) == ("bed_list", "周敏", "ok")


async def test_nothing_rings_before_a_plan_runs(world: World) -> None:
    world.clock.advance(24 * 3600)
    assert await look(world) == []


async def test_who_was_not_there_was_not_seen(world: World, head: httpx.AsyncClient) -> None:
    await begin(head)
    elder = str(world.home.elders[0])
    world.clock.advance(600)
    await check(head, elder_id=elder, finding="not_there")
    assert (await rows(head))["王秀兰"]["round"]["last_at"] is None


async def test_a_tag_names_the_bed_and_a_check_sent_twice_is_one(
    world: World, head: httpx.AsyncClient
) -> None:
    await begin(head)
    unknown = await check(head, tag="tag-of-nobody")
    assert (unknown.status_code, "标签" in unknown.json()["detail"]) == (422, True)
    tag = {"tag": "tag-203-1", "bed_id": str(world.home.beds[0])}
    answer = await head.post("/api/v1/round-tags", json=tag, headers=CHANGES)
    assert answer.status_code == 204
    one = str(uuid.uuid4())
    first = (await check(head, id=one, tag="tag-203-1")).json()
    world.clock.advance(60)
    assert (await check(head, id=one, tag="tag-203-1")).json() == first
    assert (first["elder_name"], first["way"]) == ("王秀兰", "tag")


async def test_turning_needs_a_position_and_counts_as_seen(
    world: World, head: httpx.AsyncClient
) -> None:
    await begin(head)
    await assessed(world, 4)
    world.clock.advance(1800)
    elder = str(world.home.elders[0])
    refused = await check(head, elder_id=elder, kind="turning")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.position")
    await check(head, elder_id=elder, kind="turning", position="left")
    row = (await rows(head))["王秀兰"]
    assert row["turning"]["last_at"] == row["round"]["last_at"] is not None


async def test_a_round_by_sensor_needs_the_rule_a_sleeper_and_then_a_person(
    world: World, head: httpx.AsyncClient
) -> None:
    elder = str(world.home.elders[0])
    await begin(head)
    refused = await check(head, elder_id=elder, by_sensor=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "sensor_not_allowed")
    await begin(head, sensor_allowed=True, version=1)
    refused = await check(head, elder_id=elder, by_sensor=True)
    assert refused.json()["code"] == "sensor_blind"
    now_ns = world.clock.now_ns()
    told = [
        Reading("wearable-1", name, now_ns - 30 * NS_PER_S, value)
        for name, value in (("in_bed", 1.0), ("respiration_rate", 14.0))
    ]
    await world.gateway().send(*told, lane=Lane.BULK)
    taken = await check(head, elder_id=elder, by_sensor=True)
    assert (taken.status_code, taken.json()["way"]) == (200, "sensor")
    again = await check(head, elder_id=elder, by_sensor=True)
    assert again.json()["code"] == "go_in_person"
    world.clock.advance(1)
    await check(head, elder_id=elder)
    async with world.database.tenant(world.home.institution_id) as scope:
        (unit,) = await scope.session.scalars(scope.select(Unit))
    sheet = (await head.get("/api/v1/rounds/sheet", params={"unit_id": str(unit.id)})).json()
    (row,) = [one for one in sheet["rows"] if one["elder_id"] == elder]
    assert (row["in_person"], row["by_sensor"], row["turnings"]) == (1, 1, 0)


async def test_a_look_by_sensor_is_of_now_and_never_written_down_later(
    world: World, head: httpx.AsyncClient
) -> None:
    """What a mattress says at four is no proof that anybody was looked in on at two."""
    elder, now = str(world.home.elders[0]), world.clock.now()
    await begin(head, sensor_allowed=True)
    told = [
        Reading("wearable-1", name, world.clock.now_ns() - 30 * NS_PER_S, value)
        for name, value in (("in_bed", 1.0), ("respiration_rate", 14.0))
    ]
    await world.gateway().send(*told, lane=Lane.BULK)
    at = (now - timedelta(hours=2)).isoformat()
    refused = await check(head, elder_id=elder, by_sensor=True, at=at)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.at")
    assert (await rows(head))["王秀兰"]["round"]["last_at"] is None
    taken = await check(head, elder_id=elder, by_sensor=True, at=now.isoformat())
    assert taken.status_code == 200
    turned = await check(head, elder_id=elder, by_sensor=True, kind="turning", position="left")
    assert (turned.status_code, turned.json()["code"]) == (409, "sensor_not_allowed")


async def test_a_higher_level_makes_nobody_late_for_the_time_before(
    world: World, head: httpx.AsyncClient
) -> None:
    """Filed at noon, a level that asks for rounds every hour and for turning is due from noon."""
    await begin(head)
    world.clock.advance(5 * 3600)
    await check(head, elder_id=str(world.home.elders[0]))
    world.clock.advance(3 * 3600)
    before = {one["id"] for one in await look(world)}
    await assessed(world, 4)
    row = (await rows(head))["王秀兰"]
    assert (row["round"]["standing"], row["turning"]["standing"]) == ("due", "due")
    assert {one["id"] for one in await look(world)} <= before
    world.clock.advance(16 * 60)
    row = (await rows(head))["王秀兰"]
    assert (row["round"]["standing"], row["turning"]["standing"]) == ("missed", "missed")


@given(st.integers(0, 4), st.integers(0, 600), st.integers(0, 600))
def test_each_interval_that_passes_unseen_is_a_further_miss(
    level: int, ago: int, more: int
) -> None:
    grace, now = timedelta(minutes=15), NIGHT + timedelta(hours=2)
    due = round_due(
        DEFAULT_LEVELS[level], DEFAULT_PATTERN, now - timedelta(minutes=ago), now, grace
    )
    miss = due.last_miss(now, grace)
    assert (miss is not None) == (due.standing is Standing.MISSED)
    if miss is not None:
        assert due.due_at + grace <= miss <= now < miss + due.interval
        later = due.last_miss(now + timedelta(minutes=more), grace)
        assert later is not None
        assert later >= miss


async def test_a_resolved_call_holds_off_until_a_further_miss(
    world: World, head: httpx.AsyncClient
) -> None:
    await begin(head)
    await assessed(world, 4)  # every hour, 15 minutes of grace: missed at 1:15, 2:15, ...
    world.clock.advance(80 * 60)
    (alert,) = await look(world)
    desk = await world.desk()
    body = {"move": "resolve", "client_time": world.clock.now().isoformat(), "finding": "real"}
    answer = await desk.post(f"/api/v1/alerts/{alert['id']}/moves", json=body, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    world.clock.advance(30)
    assert await look(world) == []
    world.clock.advance(50 * 60)
    assert await look(world) == []
    world.clock.advance(6 * 60)
    (again,) = await look(world)
    assert again["id"] != alert["id"]
    elder = str(world.home.elders[0])
    await check(desk, elder_id=elder, kind="turning", position="left")
    assert await look(world) == []


async def test_two_first_plans_at_once_settle(head: httpx.AsyncClient) -> None:
    plan = {"active": True, "version": 0}
    answers = await asyncio.gather(
        *(head.put("/api/v1/round-plans", json=plan, headers=CHANGES) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def unit_of(world: World) -> str:
    async with world.database.tenant(world.home.institution_id) as scope:
        return str((await scope.session.scalars(scope.select(Unit))).one().id)


async def test_a_units_own_plan_by_day_and_its_load(world: World, head: httpx.AsyncClient) -> None:
    await assessed(world, 4)
    unit_id = await unit_of(world)
    by_day = {"level": 4, "night": {"every_min": 60}, "day": {"every_min": 30}, "turning_min": 90}
    wanted = {"unit_id": unit_id, "active": True, "levels": [by_day], "version": 0}
    answer = await head.post("/api/v1/round-plans/load", json=wanted, headers=CHANGES)
    (unit,) = answer.json()["units"]
    assert unit["people"] == {"0": 1, "4": 1}
    now, then = unit["now"], unit["wanted"]
    assert [one["shift"] for one in then] == ["早班", "中班", "夜班"]
    # One of level 4, and one of level 0 who is seen once in 8 hours by day.
    assert [one["rounds_per_h"] for one in (now[0], then[0])] == [1.12, 2.12]
    assert [one["turnings_per_h"] for one in (now[2], then[2])] == [0.5, 0.67]
    assert now[2]["rounds_per_h"] == then[2]["rounds_per_h"]
    assert (await head.get("/api/v1/round-plans")).json()["plans"][0]["version"] == 0
    await head.put("/api/v1/round-plans", json=wanted, headers=CHANGES)
    plans = (await head.get("/api/v1/round-plans")).json()["plans"]
    assert [plan["unit_name"] for plan in plans] == [None, "2 楼 护理一区"]
    # 02:13 UTC is the early shift: half an hour from now on.
    row = (await rows(head))["王秀兰"]
    due = datetime.fromisoformat(row["round"]["due_at"])
    assert due == world.clock.now() + timedelta(minutes=30)


async def test_labels_open_the_check_in_and_a_renewed_tag_does_not(
    world: World, head: httpx.AsyncClient
) -> None:
    unit_id = await unit_of(world)
    empty = (await head.get("/api/v1/round-tags", params={"unit_id": unit_id})).json()
    assert [one["tag"] for one in empty["labels"]] == [None, None]
    made = await head.post("/api/v1/round-tags/fill", json={"unit_id": unit_id}, headers=CHANGES)
    labels = made.json()["labels"]
    assert labels[0]["address"] == f"http://cloud.test/care/rounds?tag={labels[0]['tag']}"
    assert labels[0]["qr_svg"].startswith("<svg")
    again = await head.post("/api/v1/round-tags/fill", json={"unit_id": unit_id}, headers=CHANGES)
    assert again.json()["labels"] == labels
    seen = await check(head, tag=labels[0]["tag"])
    assert seen.json()["elder_name"] == "王秀兰"
    bed = {"bed_id": labels[0]["bed_id"]}
    renewed = await head.post("/api/v1/round-tags/renew", json=bed, headers=CHANGES)
    assert renewed.status_code == 204
    assert (await check(head, tag=labels[0]["tag"])).status_code == 422
    fresh = (await head.get("/api/v1/round-tags", params={"unit_id": unit_id})).json()["labels"]
    assert (await check(head, tag=fresh[0]["tag"])).json()["elder_name"] == "王秀兰"


async def test_bad_plans_are_refused_in_words(head: httpx.AsyncClient) -> None:
    both = {"level": 0, "night": {"per_shift": 2, "every_min": 60}, "day": {"per_shift": 1}}
    answer = await head.put(
        "/api/v1/round-plans", json={"active": True, "levels": [both]}, headers=CHANGES
    )
    assert answer.status_code == 422
    await begin(head)
    stale = await head.put("/api/v1/round-plans", json={"active": False}, headers=CHANGES)
    assert stale.json()["code"] == "changed_meanwhile"


async def test_several_checks_are_taken_all_or_none(world: World) -> None:
    """As a phone that was without a network would send them; sent again they stay as they are."""
    first, second = world.home.elders[:2]
    now = world.clock.now()

    def check(elder_id: uuid.UUID, ago: timedelta) -> RoundCheckIn:
        return RoundCheckIn(id=uuid.uuid4(), elder_id=elder_id, at=now - ago)

    both = [check(first, timedelta(hours=2)), check(second, timedelta(hours=1))]
    too_old = check(first, timedelta(hours=25))
    async with world.database.tenant(world.home.institution_id) as scope:
        user = (await scope.session.scalars(scope.select(User))).first()
        assert user is not None
        who, store = Principal(scope, user, None, now), world.app.state.series
        with pytest.raises(BadFieldError):
            await take_checks(who, store, [both[0], too_old], now)
        assert (await scope.session.scalars(scope.select(RoundCheck))).all() == []
        taken = await take_checks(who, store, both, now)
        assert [row.elder_id for row in taken] == [first, second]
        assert [row.at for row in taken] == [one.at for one in both]
        later = now + timedelta(minutes=5)
        again = await take_checks(who, store, [*both, check(second, timedelta(0))], later)
        assert [row.recorded_at for row in again] == [now, now, later]
