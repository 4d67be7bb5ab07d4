"""A nurse of one unit: no list, no record, no alert and no live stream shows another unit's people.

Walked over every call that duty staff may make, from the application itself: a new list that
forgets its reach fails here the day it is added.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from cloud.alerts.notify.models import Notice
from cloud.identity.models import UserUnit
from cloud.identity.permissions import Role
from cloud.identity.service import find_user
from cloud.identity.shifts import DutyAs, add_duty
from cloud.places.models import Home as PrivateHome
from cloud.places.models import Unit
from cloud.places.service import add_unit
from edge.events import EventKind
from tests.cloud.access import calls_of, headers_of, perform, staged
from tests.cloud.access_ids import ids_of
from tests.cloud.test_live import served, watching  # noqa: F401 - fixture
from tests.cloud.world import World, alerts, fall

pytestmark = pytest.mark.timeout(400)
NAMES = ("王秀兰", "李国强")
OUTSIDE = (403, "outside_unit")
# These lists do show them to who serves the house: else the walk would prove nothing.
LISTS = {
    "GET /api/v1/alerts", "GET /api/v1/assessments-due", "GET /api/v1/coverage",
    "GET /api/v1/device-tasks", "GET /api/v1/devices", "GET /api/v1/elders", "GET /api/v1/places",
    "GET /api/v1/risks/open",
}  # fmt: skip
# Made to reach beyond: they ask for a reason, or are only for one's family.
BEYOND = {
    "GET /api/v1/break-glass/elders", "POST /api/v1/elders/{elder_id}/break-glass",
    # Oversight of the house, by who may: it names who was looked at by an id.
    "GET /api/v1/audit", "GET /api/v1/audit/export", "GET /api/v1/break-glass",
}  # fmt: skip


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def limited(world: World, role: Role = Role.DUTY) -> uuid.UUID:
    """The user of this role serves another unit than that of the elders; the elders' unit."""
    async with world.database.tenant(world.home.institution_id) as scope:
        theirs = (await scope.session.scalars(scope.select(Unit))).first()
        assert theirs is not None
        for home in await scope.session.scalars(scope.select(PrivateHome)):
            home.operator_unit_id = theirs.id
        unit = await add_unit(scope, "5 楼", 5)
        user = await find_user(scope, world.home.username(role))
        assert user is not None
        scope.session.add(
            UserUnit(institution_id=scope.institution_id, user_id=user.id, unit_id=unit.id)
        )
        return theirs.id


@pytest.fixture
async def stage(world: World) -> AsyncIterator[FastAPI]:
    """Everything there is one of, and transactions that are all taken back."""
    async with staged(world, world.home) as app:
        yield app


def tells(answer: httpx.Response, world: World) -> list[str]:
    hidden = (*NAMES, *(str(elder) for elder in world.home.elders))
    return [one for one in hidden if one in answer.text]


async def lists_that_tell(world: World, stage: FastAPI, role: Role) -> set[str]:
    ids = await ids_of(world, world.home)
    # ids_of lets the nurse break a glass; that is another test's.
    world.clock.advance(timedelta(hours=5).total_seconds())
    headers = await headers_of(world, role)
    found = set()
    for call in calls_of(stage):
        about_one = {"elder_id", "alert_id", "home_id"} & set(call.path_names)
        if call.method != "GET" or about_one or call.access[0].kind != "permission":
            continue
        made_up = {name: str(uuid.uuid4()) for name in call.path_names}
        answer = await perform(stage, call, made_up | ids, headers)
        if tells(answer, world) and call.label not in BEYOND:
            found.add(call.label)
    return found


async def test_no_list_shows_people_of_another_unit(world: World, stage: FastAPI) -> None:
    assert await lists_that_tell(world, stage, Role.DUTY) >= LISTS
    await limited(world)
    assert await lists_that_tell(world, stage, Role.DUTY) == set()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
async def test_nor_to_those_who_see_no_records(world: World, stage: FastAPI, role: Role) -> None:
    await limited(world, role)
    assert await lists_that_tell(world, stage, role) == set()


async def test_nothing_of_one_of_them_opens_or_changes(world: World, stage: FastAPI) -> None:
    await limited(world)
    ids = await ids_of(world, world.home)
    world.clock.advance(timedelta(hours=5).total_seconds())
    headers = await headers_of(world, Role.DUTY)
    duty = set(
        (await (await world.as_role(Role.DUTY)).get("/api/v1/session")).json()["permissions"]
    )
    walked = []
    for call in calls_of(stage):
        about_one = {"elder_id", "alert_id", "home_id"} & set(call.path_names)
        if not about_one or call.label in BEYOND or not duty & set(call.access[0].any_of):
            continue
        made_up = {name: str(uuid.uuid4()) for name in call.path_names}
        answer = await perform(stage, call, made_up | ids, headers)
        assert problem(answer) == OUTSIDE, f"{call.label}: {answer.status_code} {answer.text[:200]}"
        walked.append(call.label)
    assert len(walked) > 20


async def test_a_reason_opens_all_of_one_and_nothing_of_the_other(world: World) -> None:
    await limited(world)
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    nurse, head = await world.as_role(Role.DUTY), await world.as_role(Role.HEAD_NURSE)
    assert (await nurse.get("/api/v1/break-glass/elders?q=王")).status_code == 422  # too little
    (found,) = (await nurse.get("/api/v1/break-glass/elders?q=wangxiu")).json()["elders"]
    assert (found["name"], set(found)) == ("王秀兰", {"id", "name", "place"})
    where = f"/api/v1/elders/{found['id']}"
    assert problem(await nurse.get(where)) == OUTSIDE
    opened = await nurse.post(f"{where}/break-glass", json={"reason": "走廊里跌倒，查过敏史"})
    assert opened.status_code == 201
    assert (await nurse.get(where)).status_code == 200
    listed = (await nurse.get("/api/v1/elders")).json()["elders"]
    assert [elder["name"] for elder in listed] == ["王秀兰"]
    (alert,) = await alerts(nurse)
    assert (await nurse.get(f"/api/v1/alerts/{alert['id']}")).status_code == 200
    assert problem(await nurse.get(f"/api/v1/elders/{world.home.elders[1]}")) == OUTSIDE
    (told,) = (await head.get("/api/v1/break-glass?reviewed=false")).json()["opened"]
    assert (told["user_name"], told["elder_name"]) == ("duty 测试", "王秀兰")
    admin = await world.as_role(Role.ADMIN)
    (told,) = (await admin.get("/api/v1/break-glass")).json()["opened"]
    assert told["elder_name"] is None  # runs the system, sees no records
    assert problem(await nurse.get("/api/v1/break-glass")) == (403, "forbidden")
    world.clock.advance(timedelta(hours=4).total_seconds() + 1)
    assert problem(await nurse.get(where)) == OUTSIDE
    assert await alerts(nurse) == []


async def test_who_is_on_duty_there_tonight_sees_them_until_the_shift_ends(world: World) -> None:
    unit_id = await limited(world)
    nurse = await world.as_role(Role.DUTY)
    where = f"/api/v1/elders/{world.home.elders[0]}"
    for unit in (unit_id, None):  # that unit, or the whole house
        assert problem(await nurse.get(where)) == OUTSIDE
        async with world.database.tenant(world.home.institution_id) as scope:
            user = await find_user(scope, world.home.username(Role.DUTY))
            assert user is not None
            begin = world.clock.now()
            await add_duty(
                scope, user.id, DutyAs.DUTY, begin, begin + timedelta(hours=8), now=begin,
                by="test", unit_id=unit,
            )  # fmt: skip
        assert (await nurse.get(where)).status_code == 200
        world.clock.advance(timedelta(hours=8).total_seconds())


async def test_who_was_told_of_an_alert_sees_it_whatever_the_unit(world: World) -> None:
    await limited(world)
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    nurse = await world.as_role(Role.DUTY)
    (alert,) = await alerts(await world.desk())
    where = f"/api/v1/alerts/{alert['id']}"
    assert problem(await nurse.get(where)) == OUTSIDE
    assert problem(await nurse.get(f"/api/v1/alerts/{uuid.uuid4()}")) == (404, "not_found")
    acknowledge = {"move": "acknowledge", "client_time": world.clock.now().isoformat()}
    assert problem(await nurse.post(f"{where}/moves", json=acknowledge)) == OUTSIDE
    async with world.database.tenant(world.home.institution_id) as scope:
        user = await find_user(scope, world.home.username(Role.DUTY))
        assert user is not None
        now = world.clock.now()
        scope.session.add(
            Notice(
                id=uuid.uuid4(), institution_id=scope.institution_id,
                alert_id=uuid.UUID(alert["id"]), kind="step", step=1, ring=1, user_id=user.id,
                recipient="测试", priority="high", urgency=1, origin="live", title="x", body="x",
                state="sent", tries=0, due_at=now, created_at=now,
            )
        )  # fmt: skip
    assert (await nurse.get(where)).status_code == 200
    assert [one["id"] for one in await alerts(nurse)] == [alert["id"]]


async def test_the_live_stream_passes_over_other_units(served: World) -> None:  # noqa: F811
    await limited(served)
    nurse, colleague = await served.as_role(Role.DUTY), await served.desk()
    async with watching(nurse, 0) as narrow, watching(colleague, 0) as wide:
        await narrow.next("ping")
        await wide.next("ping")
        await served.gateway().send(fall(EventKind.FALL_CONFIRMED, served.clock))
        kind, _, told = await wide.next("alert", within_s=5)
        assert (kind, told["elder"]["name"]) == ("alert", "王秀兰")
        with pytest.raises(TimeoutError):
            await narrow.next("alert", within_s=2)
    await asyncio.sleep(0)
