"""Shift handover: two signatures over facts, and what is missing is called out."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from cloud.care.handover.service import find, is_whole, moves_of
from cloud.care.handover.watch import follow_handovers
from cloud.identity.permissions import Role
from cloud.identity.shifts import DEFAULT_PATTERN, ZONE, shift_after, shift_at, shift_before
from cloud.places.models import Unit
from edge.events import EventKind
from tests.cloud.world import CHANGES, PASSWORD, World, alerts, fall

# START is 10:13 by the clock of the house: the early shift, which ends at 15:00.
TO_THE_END_S = (4 * 60 + 47) * 60


def signed(username: str, **more: Any) -> dict[str, Any]:
    return {"username": username, "password": PASSWORD} | more


@pytest.fixture
async def unit_id(world: World) -> str:
    async with world.database.tenant(world.home.institution_id) as scope:
        return str((await scope.session.scalars(scope.select(Unit))).one().id)


@pytest.fixture
async def desk(world: World) -> httpx.AsyncClient:
    """Half an hour before the early shift ends."""
    world.clock.advance(TO_THE_END_S - 1800)
    return await world.desk()


def shift_start(world: World) -> str:
    return shift_at(DEFAULT_PATTERN, world.clock.now()).starts_at.isoformat()


async def sheet(client: httpx.AsyncClient, unit_id: str, starts_at: str) -> dict[str, Any]:
    query = {"unit_id": unit_id, "shift_starts_at": starts_at}
    answer = await client.get("/api/v1/handovers/sheet", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def give(
    client: httpx.AsyncClient, world: World, unit_id: str, starts_at: str, **more: Any
) -> httpx.Response:
    read = await sheet(client, unit_id, starts_at)
    wanted = {
        "unit_id": unit_id, "shift_starts_at": starts_at, "read_sha256": read["sha256"],
        "revision": read["revision"], "signature": signed(world.home.usernames[0]),
    } | more  # fmt: skip
    return await client.post("/api/v1/handovers", json=wanted, headers=CHANGES)


async def receive(
    client: httpx.AsyncClient, world: World, unit_id: str, starts_at: str, step: str, **more: Any
) -> httpx.Response:
    read = await sheet(client, unit_id, starts_at)
    wanted = {
        "snapshot_sha256": read["given"]["sha256"], "read_sha256": read["given"]["read_sha256"],
        "signature": signed(world.home.usernames[1]),
    } | more  # fmt: skip
    where = f"/api/v1/handovers/{read['handover']['id']}/{step}"
    return await client.post(where, json=wanted, headers=CHANGES)


def field_of(answer: httpx.Response) -> str:
    """Which field was wrong."""
    assert answer.status_code == 422, answer.text
    return str(answer.json()["errors"][0]["field"])


def test_shifts_follow_each_other() -> None:
    night = shift_at(DEFAULT_PATTERN, datetime(2026, 3, 1, 23, 0, tzinfo=ZONE))
    morning = shift_after(DEFAULT_PATTERN, night)
    assert (morning.name, morning.starts_at) == ("早班", night.ends_at)
    assert shift_before(DEFAULT_PATTERN, morning) == night
    with_gap = (("白班", 8 * 60, 16 * 60), ("夜班", 20 * 60, 6 * 60))
    day = shift_at(with_gap, datetime(2026, 3, 1, 17, 0, tzinfo=ZONE))
    assert (day.name, shift_after(with_gap, day).name) == ("白班", "夜班")


async def test_given_changed_taken(world: World, desk: httpx.AsyncClient, unit_id: str) -> None:
    start = shift_start(world)
    note = {"id": str(uuid.uuid4()), "text": "午饭只吃了一半，说胃胀", "important": True}
    where = f"/api/v1/elders/{world.home.elders[0]}/observations"
    assert (await desk.post(where, json=note, headers=CHANGES)).status_code == 200
    assert (await desk.post(where, json=note, headers=CHANGES)).status_code == 200
    assert len((await desk.get(where)).json()["notes"]) == 1
    given = await give(desk, world, unit_id, start, words="李国强家属下午来")
    assert (given.status_code, given.json()["state"], given.json()["giver"]) == (
        200, "given", "周敏",
    )  # fmt: skip
    before = await sheet(desk, unit_id, start)
    noted = [line for line in before["given"]["lines"] if line["section"] == "observations"]
    assert ["胃胀" in line["zh"] and line["elder"] for line in noted] == ["王秀兰"]
    assert before["given"]["changes"] == []

    # A fall between the two signatures: it must be read before the second.
    await world.gateway().send(fall(EventKind.SOS, world.clock))
    stale = await receive(
        desk, world, unit_id, start, "take", read_sha256=before["given"]["read_sha256"]
    )
    assert (stale.status_code, stale.json()["code"]) == (409, "facts_changed")
    (change,) = (await sheet(desk, unit_id, start))["given"]["changes"]
    assert (change["before"], change["after"]["section"]) == (None, "open_alerts")
    taken = await receive(desk, world, unit_id, start, "take")
    assert (taken.json()["state"], taken.json()["taker"]) == ("taken", "吴倩")

    detail = (await desk.get(f"/api/v1/handovers/{taken.json()['id']}")).json()
    assert [(one["move"], one["by"], one["whole"]) for one in detail["moves"]] == [
        ("give", "周敏", True), ("take", "吴倩", True),
    ]  # fmt: skip
    assert "紧急呼叫" in detail["moves"][1]["changes"][0]["after"]["zh"]
    again = await give(desk, world, unit_id, start)
    assert (again.status_code, again.json()["code"]) == (409, "already_taken")
    async with world.database.tenant(world.home.institution_id) as scope:
        found = await find(scope, uuid.UUID(taken.json()["id"]))
        move = (await moves_of(scope, found.id))[0]
        move.body = move.body.replace("胃胀", "很好")
        assert not is_whole(move)
        scope.session.expunge(move)


async def test_an_objection_goes_back_to_the_giver(
    world: World, desk: httpx.AsyncClient, unit_id: str
) -> None:
    start = shift_start(world)
    await give(desk, world, unit_id, start)
    wordless = await receive(desk, world, unit_id, start, "object", words=" ")
    assert field_of(wordless) == "body.words"
    objected = await receive(desk, world, unit_id, start, "object", words="203-1 的药没有写")
    assert objected.json()["state"] == "objected"
    read = await sheet(desk, unit_id, start)
    assert (read["given"]["objection"], read["given"]["objected_by"]) == (
        "203-1 的药没有写",
        "吴倩",
    )
    refused = await receive(desk, world, unit_id, start, "take")
    assert (refused.status_code, refused.json()["code"]) == (409, "objected")
    assert (await give(desk, world, unit_id, start, words="药在 14:00 给过")).status_code == 200
    taken = await receive(desk, world, unit_id, start, "take")
    assert (taken.json()["state"], taken.json()["revision"]) == ("taken", 2)


async def test_a_signature_is_proved_and_by_two_people(
    world: World, desk: httpx.AsyncClient, unit_id: str
) -> None:
    start = shift_start(world)
    first = world.home.usernames[0]
    wrong = await give(desk, world, unit_id, start, signature=signed(first, password="falsch"))
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (
        422,
        "body.signature.password",
    )
    bare = await give(desk, world, unit_id, start, signature={})
    assert bare.status_code == 422
    other = signed(world.other.usernames[0])
    assert (await give(desk, world, unit_id, start, signature=other)).status_code == 422
    relative = signed(world.home.username(Role.FAMILY))
    refused = await give(desk, world, unit_id, start, signature=relative)
    assert (refused.status_code, refused.json()["code"]) == (403, "signer_may_not")
    stranger = signed(world.home.username(Role.ASSESSOR))
    refused = await give(desk, world, unit_id, start, signature=stranger)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_on_shift")
    assert (await sheet(desk, unit_id, start))["handover"] is None
    assert (await give(desk, world, unit_id, start)).status_code == 200
    refused = await receive(desk, world, unit_id, start, "take", signature=signed(first))
    assert (refused.status_code, refused.json()["code"]) == (409, "same_person")
    refused = await receive(desk, world, unit_id, start, "take", signature=stranger)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_next_shift")


async def test_who_is_not_on_the_roster_can_be_named(
    world: World, desk: httpx.AsyncClient, unit_id: str
) -> None:
    start = shift_start(world)
    staff = {one["name"]: one["id"] for one in (await sheet(desk, unit_id, start))["staff"]}
    nobody = await give(desk, world, unit_id, start, named_id=str(uuid.uuid4()))
    assert field_of(nobody) == "body.named_id"
    given = await give(desk, world, unit_id, start, named_id=staff["assessor 测试"])
    assert given.json()["named"] == "assessor 测试"
    stand_in = signed(world.home.username(Role.ASSESSOR))
    taken = await receive(desk, world, unit_id, start, "take", signature=stand_in)
    assert taken.json()["taker"] == "assessor 测试"


async def test_two_at_once_settle_cleanly(
    world: World, desk: httpx.AsyncClient, unit_id: str
) -> None:
    start = shift_start(world)
    both = [signed(name) for name in world.home.usernames]
    answers = await asyncio.gather(
        *(give(desk, world, unit_id, start, signature=one) for one in both)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (lost,) = (one for one in answers if one.status_code == 409)
    assert lost.json()["code"] == "changed_meanwhile"
    # Whoever gave, the head nurse and the manager (both on the roster) take at once.
    roles = (Role.HEAD_NURSE, Role.MANAGER)
    answers = await asyncio.gather(
        *(
            receive(desk, world, unit_id, start, "take", signature=signed(world.home.username(r)))
            for r in roles
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    history = await desk.get("/api/v1/handovers", params={"unit_id": unit_id})
    (row,) = history.json()["history"]
    assert row["state"] == "taken"


async def test_not_too_early_and_not_for_a_made_up_shift(world: World, unit_id: str) -> None:
    desk, start = await world.desk(), shift_start(world)
    early = await give(desk, world, unit_id, start)
    assert (early.status_code, early.json()["code"]) == (409, "too_early")
    made_up = (world.clock.now() - timedelta(hours=1)).isoformat()
    query = {"unit_id": unit_id, "shift_starts_at": made_up}
    refused = await desk.get("/api/v1/handovers/sheet", params=query)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (
        422,
        "body.shift_starts_at",
    )


async def look(world: World) -> list[dict[str, Any]]:
    async with world.database.tenant(world.home.institution_id) as scope:
        await follow_handovers(scope, world.clock.now())
    found = await alerts(await world.desk())
    return [one for one in found if one["code"] == "handover_missing" and not one["recovered"]]


async def test_a_missing_handover_is_called_out_until_it_is_taken(
    world: World, desk: httpx.AsyncClient, unit_id: str
) -> None:
    world.clock.advance(3600)
    assert await look(world) == []  # nothing rings before it is switched on
    world.clock.advance(-3600)
    head = await world.as_role(Role.HEAD_NURSE)
    settings = {"active": True, "limit_min": 30, "earliest_min": 120, "version": 0}
    answer = await head.put("/api/v1/handover-settings", json=settings, headers=CHANGES)
    assert answer.status_code == 200
    stale = await head.put("/api/v1/handover-settings", json=settings, headers=CHANGES)
    assert stale.json()["code"] == "changed_meanwhile"
    start = shift_start(world)
    world.clock.advance(1800 + 29 * 60)
    assert await look(world) == []
    world.clock.advance(2 * 60)
    (alert,) = await look(world)
    assert (await look(world))[0]["id"] == alert["id"]
    overview = (await desk.get("/api/v1/handovers", params={"unit_id": unit_id})).json()
    assert [one["missing"] for one in overview["shifts"]] == [True, False]
    assert (await give(desk, world, unit_id, start)).status_code == 200
    assert len(await look(world)) == 1
    assert (await receive(desk, world, unit_id, start, "take")).status_code == 200
    assert await look(world) == []


async def test_a_resolved_call_rings_again_only_for_a_further_shift(
    world: World, desk: httpx.AsyncClient, unit_id: str
) -> None:
    head = await world.as_role(Role.HEAD_NURSE)
    settings = {"active": True, "limit_min": 30, "earliest_min": 120, "version": 0}
    await head.put("/api/v1/handover-settings", json=settings, headers=CHANGES)
    world.clock.advance(2 * 3600)
    (alert,) = await look(world)
    body = {"move": "resolve", "client_time": world.clock.now().isoformat(), "finding": "real"}
    resolved = await desk.post(f"/api/v1/alerts/{alert['id']}/moves", json=body, headers=CHANGES)
    assert resolved.status_code == 200, resolved.text
    assert await look(world) == []
    world.clock.advance(3600)
    assert await look(world) == []
    world.clock.advance(6 * 3600)  # the late shift ended at 22:00 and nobody took it
    (second,) = await look(world)
    assert second["id"] != alert["id"]
