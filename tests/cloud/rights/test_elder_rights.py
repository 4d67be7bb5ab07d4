"""Somebody gets a copy of all that is kept of them; and it goes, once it may."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cloud.database import TenantScope
from cloud.identity.permissions import Role
from cloud.rights.catalogue import FILE_KEPT, HELD, Fate
from cloud.rights.finding import rows_of
from tests.cloud.access_ids import fill, ids_of
from tests.cloud.world import CHANGES, World

DAY_S = 86_400


async def counts_of(scope: TenantScope, elder_id: object) -> dict[str, int]:
    where = {"institution": scope.institution_id, "elder": elder_id}
    found = {}
    for held in HELD:
        statement = text(f"SELECT count(*) FROM {held.table} WHERE {rows_of(held)}")  # noqa: S608
        found[held.table] = int((await scope.session.execute(statement, where)).scalar_one())
    return found


async def counted(world: World, number: int = 0) -> dict[str, int]:
    async with world.database.tenant(world.home.institution_id) as scope:
        return await counts_of(scope, world.home.elders[number])


async def erase(manager: httpx.AsyncClient, world: World) -> dict[str, Any]:
    where = f"/api/v1/elders/{world.home.elders[0]}/erase"
    answer = await manager.post(where, json={"reason": "本人要求删除"}, headers=CHANGES)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def end_care(world: World) -> None:
    """The stay and the home bed are over; five years and two days pass."""
    async with world.database.tenant(world.home.institution_id) as scope:
        for statement in (
            "UPDATE stay SET valid_until = :now WHERE valid_until IS NULL",
            "UPDATE home_bed SET ended_at = :now, step = 'ended' WHERE ended_at IS NULL",
        ):
            await scope.session.execute(text(statement), {"now": world.clock.now()})
    world.clock.advance(FILE_KEPT.total_seconds() + 2 * DAY_S)


@pytest.fixture
async def full(world: World) -> World:
    """A house with one of nearly everything."""
    await fill(world, world.home)
    await ids_of(world, world.home)
    return world


async def test_a_copy_has_a_row_of_every_table_and_nothing_of_another(full: World) -> None:
    manager = await full.as_role(Role.MANAGER)
    elder_id = str(full.home.elders[0])
    answer = await manager.get(f"/api/v1/elders/{elder_id}/record/export")
    assert answer.status_code == 200
    head, *rows = [json.loads(line) for line in answer.text.splitlines()]
    assert head["about"] == elder_id
    held = await counted(full)
    told: dict[str, int] = {}
    for row in rows:
        told[row["table"]] = told.get(row["table"], 0) + 1
    filled = {table for table, count in held.items() if count}
    assert len(filled) > 30, sorted(held.keys() - filled)
    assert {table: told.get(table, 0) for table in filled - {"audit_entry"}} == {
        table: held[table] for table in filled - {"audit_entry"}
    }
    (elder,) = [row["row"] for row in rows if row["table"] == "elder"]
    assert elder["citizen_number_sealed"] is None or elder["citizen_number_sealed"].isascii()
    contacts = [row["row"]["phone_sealed"] for row in rows if row["table"] == "elder_contact"]
    assert all(phone is None or phone.strip("+ -").isdigit() for phone in contacts)
    assert not [key for row in rows for key in row["row"] if key.endswith(("_hash", "_index"))]
    assert str(full.home.elders[1]) not in {row["row"].get("elder_id") for row in rows}


async def test_while_care_lasts_only_what_need_not_be_kept_goes(full: World) -> None:
    manager = await full.as_role(Role.MANAGER)
    before = await counted(full)
    said = await erase(manager, full)
    assert (said["whole"], said["in_care"]) == (False, True)
    after = await counted(full)
    for held in HELD:
        gone = held.fate is Fate.NOW
        grown = held.table in {"audit_entry", "series_erasure", "elder_erasure"}
        assert grown or after[held.table] == (0 if gone else before[held.table]), held.table
    kept = {one["table"]: one["why"] for one in said["kept"]}
    assert "五年" in kept["assessment"]
    assert "family_letter" not in kept
    page = await manager.get(f"/api/v1/elders/{full.home.elders[0]}")
    assert page.status_code == 200


async def test_once_the_file_may_go_the_person_is_nowhere(full: World) -> None:
    elder_id, other = full.home.elders[0], await counted(full, 1)
    await end_care(full)
    manager = await full.as_role(Role.MANAGER)
    said = await erase(manager, full)
    assert said["whole"], said
    assert said["counts"]["elder"] == 1
    kept = {held.table for held in HELD if held.fate is Fate.KEPT}
    left = {table: count for table, count in (await counted(full)).items() if count}
    assert left.keys() <= kept, left
    assert {"elder_erasure", "audit_entry"} <= left.keys()
    async with full.database.tenant(full.home.institution_id) as scope:
        for table in ("alert", "alert_move", "alert_event", "matching_row", "notice"):
            rows = await scope.session.execute(text(f"SELECT t::text FROM {table} t"))  # noqa: S608
            assert not [row for (row,) in rows if str(elder_id) in row], table
    # The other elder is as before, but for what the clock adds.
    after = await counted(full, 1)
    assert {table: after[table] for table in other if table != "audit_entry"} == {
        table: count for table, count in other.items() if table != "audit_entry"
    }
    assert (await manager.get(f"/api/v1/elders/{elder_id}")).status_code == 404
    assert (await manager.get("/api/v1/audit/verification")).json()["whole"] is True


async def test_append_only_tables_stay_so_without_a_proof(full: World) -> None:
    for statement in ("DELETE FROM visit", "DELETE FROM visit_correction",
                      "UPDATE alert_move SET note = 'x'", "DELETE FROM consent"):  # fmt: skip
        async with full.database.tenant(full.home.institution_id) as scope:
            done = await scope.session.execute(text(statement))
            assert done.rowcount == 0, statement  # type: ignore[attr-defined]
    # A proof opens the rows of its own elder only, and only to its own transaction.
    async with full.database.tenant(full.home.institution_id) as scope:
        await scope.session.execute(
            text(
                "INSERT INTO elder_erasure (id, institution_id, elder_id, erased_at, erased_by,"
                " reason, whole, counts) VALUES (gen_random_uuid(), :institution, :elder, now(),"
                " 'x', 'x', false, '{}')"
            ),
            {"institution": full.home.institution_id, "elder": full.home.elders[1]},
        )
        kept = await scope.session.execute(
            text("DELETE FROM elder_fact WHERE elder_id = :elder"), {"elder": full.home.elders[0]}
        )
        assert kept.rowcount == 0  # type: ignore[attr-defined]
    async with full.database.tenant(full.home.institution_id) as scope:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with scope.savepoint():
                await scope.session.execute(text("UPDATE elder_erasure SET xact = 1"))
        changed = await scope.session.execute(text("UPDATE elder_erasure SET counts = '{}'"))
        assert changed.rowcount == 0  # type: ignore[attr-defined]
