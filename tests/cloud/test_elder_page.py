"""An elder's page: what it says is what each call says by itself, and it asks few questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from cloud.devices.service import Subject, add_device, assign
from cloud.identity.permissions import GRANTS, Permission, Role
from edge.events import EventKind
from edge.wire import Lane
from tests.cloud.records import fill_records
from tests.cloud.world import World, fall, reading

# The pool's ping, who asks (session and institution; login and user), the tables, the newest
# values, the audit. One more would be a round trip for each of 50 pages a second.
MOST_QUESTIONS = 6


@contextmanager
def questions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement sent to PostgreSQL, SQLAlchemy's and the driver's own."""
    asked: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(self: Any, query: Any, *more: Any, **named: Any) -> Any:
        asked.append(str(query))
        return await execute(self, query, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.AsyncCursor, "execute", counted)
        yield asked


async def page_of(client: httpx.AsyncClient, elder: object) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/elders/{elder}/page")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def fill(world: World) -> None:
    await fill_records(world, world.home)
    gateway = world.gateway()
    await gateway.beat()
    await gateway.send(*(reading(world.clock, ago_s=n) for n in range(1, 40)), lane=Lane.BULK)
    await gateway.send(fall(EventKind.FALL_SUSPECTED, world.clock))


async def test_the_page_says_what_each_call_says_by_itself(world: World) -> None:
    await fill(world)
    async with world.database.tenant(world.home.institution_id) as scope:
        await add_device(scope, "radar-1", "radar-1", None, world.clock.now(), kind="radar")
        room = Subject(None, None, world.home.room_id)
        await assign(scope, "radar-1", room, world.clock.now())
    manager = await world.as_role(Role.MANAGER)
    for elder in world.home.elders:
        page = await page_of(manager, elder)
        path = f"/api/v1/elders/{elder}"
        assert page["record"] == (await manager.get(path)).json()
        assert page["devices"] == (await manager.get(f"{path}/devices")).json()["devices"]
        contacts = (await manager.get(f"{path}/contacts")).json()["contacts"]
        assert page["contacts"] == contacts
        alerts = (await manager.get("/api/v1/alerts", params={"view": "open"})).json()["alerts"]
        assert page["open_alerts"] == [a for a in alerts if a["elder"]["id"] == str(elder)]
        everybody = (await manager.get("/api/v1/coverage")).json()["elders"]
        assert page["coverage"] in everybody
        assert page["coverage"]["elder_id"] == str(elder)
    first = await page_of(manager, world.home.elders[0])
    assert first["open_alerts"]
    assert first["contacts"]
    assert [(item["quantity"], item["value"]) for item in first["latest"]] == [("heart_rate", 71.0)]
    assert "radar-1" in {device["device_id"] for device in first["devices"]}


async def test_a_page_asks_few_questions_however_much_there_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(world)
    manager = await world.as_role(Role.MANAGER)
    await page_of(manager, world.home.elders[0])
    async with world.database.tenant(world.home.institution_id) as scope:
        for number in range(20):
            name = f"more-{number}"
            await add_device(scope, name, "button-1", None, world.clock.now(), kind="button")
            owner = Subject(world.home.elders[0], None, None)
            await assign(scope, name, owner, world.clock.now())
    with questions(monkeypatch) as asked:
        page = await page_of(manager, world.home.elders[0])
    assert len(page["devices"]) > 20
    assert len(asked) <= MOST_QUESTIONS, "\n".join(asked)


async def test_who_may_not_see_coverage_or_measurements_gets_none(world: World) -> None:
    await fill(world)
    assessor = await world.as_role(Role.ASSESSOR)
    granted = GRANTS[Role.ASSESSOR]
    page = await page_of(assessor, world.home.elders[0])
    assert (page["coverage"] is not None) == (Permission.COVERAGE_READ in granted)
    assert bool(page["open_alerts"]) == (Permission.ALERTS_READ in granted)
    assert bool(page["latest"]) == (Permission.SERIES_READ in granted)


async def test_an_elder_of_another_institution_is_not_there(world: World) -> None:
    manager = await world.as_role(Role.MANAGER)
    answer = await manager.get(f"/api/v1/elders/{world.other.elders[0]}/page")
    assert answer.status_code == 404
