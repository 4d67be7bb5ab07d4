"""The floor at a glance: what is not known is never shown as well, and units keep to themselves."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cloud.coverage.models import WatchPause
from cloud.coverage.schemas import ElderCoverage
from cloud.devices.service import Subject, add_device, assign
from cloud.identity.models import UserUnit
from cloud.identity.permissions import Role
from cloud.identity.service import find_user
from cloud.places.service import add_bed, add_room, add_unit
from cloud.records.floor import bed_state
from edge.signals import Position, Reading
from edge.wire import Lane
from tests.cloud.world import World

FLOOR = "/api/v1/floor"


async def beds(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    answer = await client.get(FLOOR)
    assert answer.status_code == 200, answer.text
    return {
        f"{room['name']}-{bed['name']}": bed
        for unit in answer.json()["units"]
        for room in unit["rooms"]
        for bed in room["beds"]
    }


def line(**changes: Any) -> ElderCoverage:
    values: dict[str, Any] = {
        "elder_id": uuid.uuid4(), "elder_name": "王秀兰", "place": None, "state": "protected",
        "since": None, "cause": None, "gateway": None, "lacking": [], "silent": [],
        "origin": "live",
    }  # fmt: skip
    return ElderCoverage(**values | changes)


@pytest.mark.parametrize(
    ("known", "presence", "away", "state"),
    [
        (line(), "in_bed", False, "in_bed"),
        (line(), "up", False, "up"),
        (line(), None, False, "unknown"),
        (line(state="degraded"), "in_bed", False, "degraded"),
        (line(state="blind"), "in_bed", False, "blind"),
        (line(state="blind", cause="gateway_offline"), "in_bed", False, "blind"),
        (line(state="blind", cause="no_devices"), None, False, "unknown"),
        (None, "in_bed", False, "unknown"),
        (line(state="blind"), None, True, "out"),
    ],
)
def test_the_worst_that_is_known_is_shown(
    known: ElderCoverage | None, presence: Any, away: bool, state: str
) -> None:
    assert bed_state(known, presence, away=away) == state


@pytest.mark.parametrize(
    ("known", "presence", "state"),
    [
        (line(), None, "watched"),
        (line(), "in_bed", "in_bed"),
        (line(state="blind"), None, "blind"),
        (line(state="degraded"), None, "degraded"),
        (line(state="blind", cause="no_devices"), None, "unknown"),
    ],
)
def test_who_is_watched_by_a_band_only_is_not_unknown(
    known: ElderCoverage, presence: Any, state: str
) -> None:
    assert bed_state(known, presence, away=False, bed_sensor=False) == state


async def test_the_newest_word_of_a_bed_sensor_and_what_covers_it(world: World) -> None:
    home, now = world.home, world.clock.now()
    async with world.database.tenant(home.institution_id) as scope:
        device = await add_device(scope, "bed-1", "yuyue-bed-1", Position.WAIST, now)
        device.role = "bed"
        since = now - timedelta(days=1)
        await assign(scope, "bed-1", Subject(None, home.beds[0], None), since)
    gateway, at_ns = world.gateway(), world.clock.now_ns()
    for ago_s, value in ((600, 1.0), (60, 0.0)):
        said = Reading("bed-1", "in_bed", at_ns - ago_s * 10**9, value)
        await gateway.send(said, lane=Lane.BULK)
    found = await beds(await world.desk())
    assert found["203-1"]["presence"] == "up"
    assert found["203-1"]["since"] == "2026-03-01T02:12:00.000Z"
    # nobody has reported that they are watched over: up or in bed, it is not shown as well
    assert found["203-1"]["state"] == "blind"
    assert (found["203-2"]["presence"], found["203-2"]["state"]) == (None, "blind")
    async with world.database.tenant(home.institution_id) as scope:
        scope.session.add(
            WatchPause(
                id=uuid.uuid4(), institution_id=home.institution_id, elder_id=home.elders[0],
                from_at=now - timedelta(hours=1), until_at=now + timedelta(hours=1),
                reason="leave", created_at=now, created_by="test", ended_by=None,
            )
        )  # fmt: skip
    assert (await beds(await world.desk()))["203-1"]["state"] == "out"
    async with world.database.tenant(home.institution_id) as scope:  # back before the time
        pause = (await scope.session.scalars(scope.select(WatchPause))).one()
        pause.ended_by = "test"
    assert (await beds(await world.desk()))["203-1"]["state"] == "blind"


async def test_who_serves_a_unit_sees_that_unit(world: World) -> None:
    home = world.home
    async with world.database.tenant(home.institution_id) as scope:
        unit = await add_unit(scope, "3 楼", 2)
        for own, name in ((unit, "301"), (await add_unit(scope, "4 楼", 3), "401")):
            room = await add_room(scope, own.id, name)
            await add_bed(scope, room.id, "1")
        user = await find_user(scope, home.usernames[0])
        assert user is not None
        scope.session.add(
            UserUnit(institution_id=home.institution_id, user_id=user.id, unit_id=unit.id)
        )
    one = await world.desk()
    # the unit they serve, and the one they are on duty for tonight
    assert set(await beds(one)) == {"301-1", "203-1", "203-2"}
    assert (await one.get(FLOOR)).json()["limited"] is True
    other = await world.desk(1)
    assert {"301-1", "401-1", "203-1", "203-2"} <= set(await beds(other))
    assert (await beds(other))["301-1"]["state"] == "empty"
    assert (await other.get(FLOOR)).json()["limited"] is False


async def test_names_are_for_who_may_read_records(world: World) -> None:
    found = await beds(await world.as_role(Role.ADMIN))
    assert {bed["elder_name"] for bed in found.values()} == {None}
    assert {bed["state"] for bed in found.values()} == {"unknown"}
    assert (await (await world.as_role(Role.ASSESSOR)).get(FLOOR)).status_code == 403
    theirs = await beds(await world.desk(home=world.other))
    assert not {bed["id"] for bed in theirs.values()} & {str(bed) for bed in world.home.beds}
