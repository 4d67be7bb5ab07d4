"""每周一信: made once a week of facts, for each by what they may see, kept and never rewritten."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text

from cloud.family.letters import week_to_tell, write_all
from cloud.identity.permissions import Role
from cloud.people import family
from cloud.people.schemas import WithdrawalIn
from edge.events import EventKind
from tests.cloud.test_elder_day import a_bed
from tests.cloud.test_family import ALL, another, relative
from tests.cloud.world import World, fall

MONDAY = date(2026, 3, 2)


async def letters(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/api/v1/family/letters")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["letters"])


async def write(world: World) -> int:
    return await write_all(world.database, world.app.state.series, world.clock.now())


def to_the_next_monday(world: World) -> None:
    """The world begins on Sunday, 2026-03-01; on from there to Monday in a week, 09:00 in China."""
    wanted = datetime(2026, 3, 9, 1, tzinfo=UTC)
    world.clock.advance((wanted - world.clock.now()).total_seconds())


def test_a_week_can_be_told_from_monday_morning_on() -> None:
    before = datetime(2026, 3, 8, 23, 59, tzinfo=UTC)  # Monday 07:59 in China
    assert week_to_tell(before) == MONDAY - timedelta(days=7)
    assert week_to_tell(before + timedelta(minutes=1)) == MONDAY


async def test_each_gets_a_letter_of_what_they_may_see_once(world: World) -> None:
    await a_bed(world)
    await relative(world, ALL)
    await another(world, ["coverage"])
    world.clock.advance(3 * 86_400)
    await world.gateway().send(fall(EventKind.FALL_CONFIRMED, world.clock))
    to_the_next_monday(world)
    assert await write(world) == 2
    assert await write(world) == 0
    daughter = await world.as_role(Role.FAMILY)
    (hers,) = await letters(daughter)
    assert hers["week"] == "2026-03-02"
    assert "夜里我们看不见" in hers["text_zh"]
    assert "提醒" in hers["text_zh"]
    (his,) = await letters(await world.as_user("home-son", world.home))
    assert "夜里" not in his["text_zh"]
    assert "提醒" not in his["text_zh"]


async def test_a_letter_is_kept_as_it_was_told_and_read_once(world: World) -> None:
    await relative(world, ALL)
    to_the_next_monday(world)
    await write(world)
    daughter = await world.as_role(Role.FAMILY)
    (letter,) = await letters(daughter)
    assert letter["read_at"] is None
    path = f"/api/v1/family/letters/{letter['id']}/read"
    assert (await daughter.post(path)).status_code == 204
    first = (await letters(daughter))[0]["read_at"]
    world.clock.advance(3600)
    assert (await daughter.post(path)).status_code == 204
    assert (await letters(daughter))[0]["read_at"] == first
    assert (await letters(daughter))[0]["text_zh"] == letter["text_zh"]
    son = await another(world, ALL)
    assert (await son.post(path)).status_code == 404
    assert await letters(son) == []


async def test_after_a_withdrawal_a_letter_is_there_but_not_readable(world: World) -> None:
    await relative(world, ALL)
    to_the_next_monday(world)
    await write(world)
    daughter = await world.as_role(Role.FAMILY)
    async with world.database.tenant(world.home.institution_id) as scope:
        (consent,) = await family.consents_of(scope, world.home.elders[0])
        wanted = WithdrawalIn(withdrawn_by="王秀兰", note="")
        await family.withdraw_consent(
            scope, world.home.elders[0], consent.id, wanted, world.clock.now()
        )
    (letter,) = await letters(daughter)
    assert (letter["text_zh"], letter["text_en"]) == (None, None)


async def test_who_may_see_nothing_gets_no_letter(world: World) -> None:
    await relative(world, [])
    to_the_next_monday(world)
    assert await write(world) == 0


async def test_the_database_itself_refuses_to_rewrite_a_letter(world: World) -> None:
    await relative(world, ALL)
    to_the_next_monday(world)
    await write(world)
    refused = False
    try:
        async with world.database.tenant(world.home.institution_id) as scope:
            await scope.session.execute(text("UPDATE family_letter SET text_zh = 'x'"))
    except Exception as error:  # noqa: BLE001 - the driver's own class, wrapped
        refused = "permission denied" in str(error)
    assert refused
