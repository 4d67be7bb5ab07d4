"""Monthly statements: drafts follow the record, signed ones stay, corrections come after."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import ProgrammingError

from cloud.care.statement.gather import bounds
from cloud.care.statement.lines import Correction, Line, as_told, corrections, digest, plain
from cloud.care.statement.models import ServiceStatement
from cloud.identity.permissions import Role
from tests.cloud.care.order_rows import move_order, ordered
from tests.cloud.care.test_counted_incidents import a_fall
from tests.cloud.care.visit_rows import plan_visits, visited
from tests.cloud.world import CHANGES, World

BUYER = "区民政局"
MARCH, APRIL, MAY = "2026-03-01", "2026-04-01", "2026-05-01"


def line(ref: int, minutes: int) -> Line:
    return Line("2026-03-01T00:00:00Z", "visit", str(ref), "e", "王", "x", minutes, "", "", "", "")


records = st.dictionaries(st.integers(0, 5), st.integers(0, 9)).map(
    lambda held: [line(ref, minutes) for ref, minutes in held.items()]
)


@given(records, records, records)
def test_signed_and_its_corrections_say_what_the_record_says(
    signed: list[Line], then: list[Line], now: list[Line]
) -> None:
    """However often the record changes: what was told in the end is what it says."""
    told = as_told(signed, [])
    first = corrections(told, then, "m")
    second = corrections(as_told(signed, first), now, "m")
    assert as_told(signed, [*first, *second]) == {one.key: one for one in now}
    assert corrections(as_told(signed, [*first, *second]), now, "m") == []
    if now == signed:
        assert corrections(told, now, "m") == []


def test_each_change_is_named() -> None:
    found = corrections(as_told([line(1, 5), line(2, 5)], []), [line(2, 6), line(3, 5)], "m")
    assert found == [
        Correction("m", "withdrawn", line(1, 5), None),
        Correction("m", "changed", line(2, 5), line(2, 6)),
        Correction("m", "added", None, line(3, 5)),
    ]


def test_the_hash_is_of_what_is_said_not_of_how_it_is_ordered() -> None:
    one = {"a": 1, "b": [plain(line(1, 2))]}
    assert digest(one) == digest({"b": [plain(line(1, 2))], "a": 1})
    assert digest(one) != digest({"a": 1, "b": [plain(line(1, 3))]})


def test_a_month_is_a_local_one() -> None:
    assert bounds(date(2026, 2, 1)) == (
        datetime(2026, 1, 31, 16, tzinfo=UTC), datetime(2026, 2, 28, 16, tzinfo=UTC),
    )  # fmt: skip
    assert bounds(date(2026, 12, 1))[1] == datetime(2026, 12, 31, 16, tzinfo=UTC)


async def read(client: httpx.AsyncClient, month: str) -> dict[str, Any]:
    where = "/api/v1/service-statements/one"
    answer = await client.get(where, params={"month": month, "purchaser": BUYER})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def sign(client: httpx.AsyncClient, month: str, sha256: str) -> httpx.Response:
    body = {"month": month, "purchaser": BUYER, "sha256": sha256}
    return await client.post("/api/v1/service-statements", json=body, headers=CHANGES)


async def manager_on(world: World, day: datetime) -> httpx.AsyncClient:
    world.clock.advance((day - world.clock.now()).total_seconds())
    return await world.as_role(Role.MANAGER)


async def served(world: World, manager: httpx.AsyncClient) -> dict[str, Any]:
    """A visit, a meal and an answered fall; the visit."""
    elder = world.home.elders[0]
    await plan_visits(manager, world, elder)
    visit: dict[str, Any] = (await visited(manager, world, elder)).json()
    order = (await ordered(manager, world, elder)).json()
    await move_order(manager, order["id"], "begin", no_place_reason="室内")
    world.clock.advance(600)
    await move_order(manager, order["id"], "finish", confirmed_by="relative", confirmed_name="王芳")
    await a_fall(world, 1)
    return visit


@pytest.fixture
async def manager(world: World) -> httpx.AsyncClient:
    return await world.as_role(Role.MANAGER)


async def test_what_was_served_stands_in_the_month(
    world: World, manager: httpx.AsyncClient
) -> None:
    await served(world, manager)
    # Somebody of another purchaser is not in it.
    await plan_visits(manager, world, world.home.elders[1], purchaser="自费")
    await visited(manager, world, world.home.elders[1])
    draft = await read(manager, MARCH)
    kinds = [one["kind"] for one in draft["lines"]]
    assert kinds.count("visit") == kinds.count("meal") == 1
    assert "device" in kinds
    meal = next(one for one in draft["lines"] if one["kind"] == "meal")
    assert (meal["minutes"], meal["confirmed"]) == (10, "家属 王芳")
    assert {one["elder"] for one in draft["lines"]} == {"王秀兰"}
    assert draft["totals"]["visit"] == {"count": 1, "minutes": 20}
    assert (draft["signed_at"], draft["can_sign"]) == (None, False)
    early = await sign(manager, MARCH, draft["sha256"])
    assert early.json()["errors"][0]["field"] == "body.month"
    buyers = (await manager.get("/api/v1/service-statements", params={"month": MARCH})).json()
    assert [one["purchaser"] for one in buyers["rows"]] == [BUYER, "自费"]


async def test_signed_it_never_changes_and_what_was_wrong_stands_in_the_next(
    world: World, manager: httpx.AsyncClient
) -> None:
    visit = await served(world, manager)
    manager = await manager_on(world, datetime(2026, 4, 2, tzinfo=UTC))
    draft = await read(manager, MARCH)
    assert draft["can_sign"]
    assert (await sign(manager, MARCH, "0" * 64)).json()["code"] == "changed_meanwhile"
    signed = await sign(manager, MARCH, draft["sha256"])
    assert signed.status_code == 200, signed.text
    assert (signed.json()["sha256"], signed.json()["intact"]) == (draft["sha256"], True)
    assert (await sign(manager, MARCH, draft["sha256"])).status_code == 409

    # The visit turns out to have been at the neighbour's.
    where = f"/api/v1/visits/{visit['id']}/corrections"
    await manager.post(where, json={"reason": "是邻居家", "void": True}, headers=CHANGES)
    assert (await read(manager, MARCH))["lines"] == draft["lines"]
    april = await read(manager, APRIL)
    (correction,) = april["corrections"]
    assert (correction["month"], correction["change"]) == (MARCH, "withdrawn")
    assert correction["before"]["ref"] == visit["id"]

    manager = await manager_on(world, datetime(2026, 5, 2, tzinfo=UTC))
    april = await read(manager, APRIL)
    assert (await sign(manager, APRIL, april["sha256"])).status_code == 200
    # Told once, it is not told again.
    assert (await read(manager, MAY))["corrections"] == []


async def test_a_signed_statement_cannot_be_changed_in_the_database(
    world: World, manager: httpx.AsyncClient
) -> None:
    await served(world, manager)
    manager = await manager_on(world, datetime(2026, 4, 2, tzinfo=UTC))
    await sign(manager, MARCH, (await read(manager, MARCH))["sha256"])
    with pytest.raises(ProgrammingError, match="permission denied"):
        await forge(world)


async def forge(world: World) -> None:
    async with world.database.tenant(world.home.institution_id) as scope:
        row = (await scope.session.scalars(scope.select(ServiceStatement))).one()
        row.sha256 = "0" * 64
        await scope.session.flush()


async def test_as_a_table(world: World, manager: httpx.AsyncClient) -> None:
    await served(world, manager)
    query = {"month": MARCH, "purchaser": BUYER}
    answer = await manager.get("/api/v1/service-statements/csv", params=query)
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {"visit", "meal", "device"} <= {row["kind"] for row in rows}
    assert rows[-1]["ref"] == (await read(manager, MARCH))["sha256"]
    assert rows[-1]["section"] == "draft"


async def test_who_may_not_export_records_sees_no_statement(world: World) -> None:
    for role in (Role.DUTY, Role.HEAD_NURSE, Role.ADMIN, Role.FAMILY):
        client = await world.as_role(role)
        assert (await client.get("/api/v1/service-statements")).status_code == 403
