"""The audit: written with what it tells, by nobody but its function, and whole or found broken."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from cloud.audit.actions import Action
from cloud.audit.chain import entries_in_order, entry_hash, head_of, verify
from cloud.audit.models import AuditEntry
from cloud.audit.service import SYSTEM, Actor, record
from cloud.canonical import canonical_json
from cloud.database import Database, libpq_arguments
from cloud.identity.permissions import Role
from tests.cloud.conftest import Seeded
from tests.cloud.world import START, Home, World
from tests.support.postgres import Postgres

NURSE = Actor("user", uuid.UUID(int=7), "周敏", "duty")
SERIES = (
    "/api/v1/elders/{}/series?quantity=heart_rate&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"
)


async def entries(database: Database, home: Home) -> list[AuditEntry]:
    async with database.tenant(home.institution_id) as scope:
        return [entry async for entry in entries_in_order(scope)]


async def write(database: Database, home: Home, count: int, **more: Any) -> None:
    for number in range(count):
        async with database.tenant(home.institution_id) as scope:
            record(
                scope, NURSE, Action.RECORD_CHANGED, START, elder_id=home.elders[0],
                changes={"care_note": ("前", f"后 {number}"), "same": (1, 1)}, **more,
            )  # fmt: skip


async def test_an_entry_says_who_what_when_why(database: Database, seeded: Seeded) -> None:
    await write(
        database, seeded.home, 1, reason="家属要求", subject=("elder", seeded.home.elders[0])
    )
    (entry,) = await entries(database, seeded.home)
    assert json.loads(entry.body) == {
        "at": "2026-03-01T02:13:00.000Z", "action": "record.changed", "reason": "家属要求",
        "actor": {"kind": "user", "id": str(NURSE.id), "name": "周敏", "role": "duty"},
        "elder_id": str(seeded.home.elders[0]), "detail": {},
        "subject": {"kind": "elder", "id": str(seeded.home.elders[0])},
        "changes": {"care_note": {"before": "前", "after": "后 0"}},
    }  # fmt: skip
    assert (entry.seq, entry.actor_id) == (1, NURSE.id)


async def test_what_is_rolled_back_is_not_written_down(database: Database, seeded: Seeded) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with database.tenant(seeded.home.institution_id) as scope:
            record(scope, NURSE, Action.RECORD_CHANGED, START)
            raise ZeroDivisionError
    async with database.tenant(seeded.home.institution_id) as scope:
        record(scope, NURSE, Action.USER_CREATED, START)
        with pytest.raises(ZeroDivisionError):  # noqa: PT012
            async with scope.savepoint():
                record(scope, NURSE, Action.RECORD_CHANGED, START)
                raise ZeroDivisionError
    assert [entry.action for entry in await entries(database, seeded.home)] == ["user.created"]


async def test_writers_at_the_same_time_make_one_chain(database: Database, seeded: Seeded) -> None:
    await asyncio.gather(
        *(write(database, home, 5) for home in (seeded.home, seeded.other) for _ in range(4))
    )
    for home in (seeded.home, seeded.other):
        assert [entry.seq for entry in await entries(database, home)] == list(range(1, 21))
        async with database.tenant(home.institution_id) as scope:
            verdict = await verify(scope)
            assert (verdict.whole, verdict.entries) == (True, 20)
            assert (20, verdict.head) == await head_of(scope)


async def test_an_empty_audit_is_whole(database: Database, seeded: Seeded) -> None:
    async with database.tenant(seeded.home.institution_id) as scope:
        verdict = await verify(scope)
        assert verdict.whole
        assert (await verify(scope, verdict.head)).whole


TAMPERING = {
    "a text changed": ("UPDATE audit_entry SET body = replace(body, '后', '前') WHERE seq = 3", 3),
    "a text and its hash changed": (
        """UPDATE audit_entry SET body = body || ' ', hash = sha256(previous_hash || int8send(seq)
        || convert_to(body || ' ', 'UTF8')) WHERE seq = 3""",
        4,
    ),
    "one taken out": ("DELETE FROM audit_entry WHERE seq = 4", 4),
    "the newest taken out": ("DELETE FROM audit_entry WHERE seq = 8", 8),
    "the first taken out": ("DELETE FROM audit_entry WHERE seq = 1", 1),
    "a column changed": ("UPDATE audit_entry SET elder_id = gen_random_uuid() WHERE seq = 5", 5),
    "who it was changed": ("UPDATE audit_entry SET actor_id = NULL WHERE seq = 5", 5),
    "when it was changed": ("UPDATE audit_entry SET at = at - interval '1 day' WHERE seq = 2", 2),
    "two exchanged": (
        """UPDATE audit_entry a SET body = b.body FROM audit_entry b
        WHERE a.seq IN (6, 7) AND b.seq IN (6, 7) AND a.seq <> b.seq""",
        6,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERING)
async def test_tampering_is_found(
    database: Database, seeded: Seeded, postgres: Postgres, database_name: str, name: str
) -> None:
    await write(database, seeded.home, 8)
    change, found_at = TAMPERING[name]
    with psycopg.connect(**libpq_arguments(postgres.superuser_url(database_name))) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute(change.encode())  # not even the superuser, by accident
        connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
        assert connection.execute(change.encode()).rowcount > 0
    async with database.tenant(seeded.home.institution_id) as scope:
        verdict = await verify(scope)
    assert (verdict.broken_at, bool(verdict.why)) == (found_at, True)


async def test_a_chain_cut_and_its_end_moved_is_found_by_a_hash_kept_elsewhere(
    database: Database, seeded: Seeded, postgres: Postgres, database_name: str
) -> None:
    await write(database, seeded.home, 6)
    async with database.tenant(seeded.home.institution_id) as scope:
        kept = (await verify(scope)).head
    with psycopg.connect(**libpq_arguments(postgres.superuser_url(database_name))) as connection:
        connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM audit_entry WHERE seq > 4")
        connection.execute(
            "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_entry WHERE seq = 4)"
        )
    await write(database, seeded.home, 3)
    async with database.tenant(seeded.home.institution_id) as scope:
        assert (await verify(scope)).whole  # all that the database alone can say
        assert not (await verify(scope, kept)).whole


async def test_the_function_writes_for_its_own_institution_only(database: Database) -> None:
    async with database.transaction() as session:
        with pytest.raises(Exception, match="no institution"):
            await session.execute(text("SELECT audit_append(now(), 'x.y', NULL, NULL, '{}', NULL)"))
        await session.rollback()


async def test_reading_a_record_is_written_down_by_itself(world: World) -> None:
    desk = await world.desk()
    elder = world.home.elders[0]
    for _ in range(3):  # a chart on a wall
        assert (await desk.get(SERIES.format(elder))).status_code == 200
        world.clock.advance(60)
    assert (await desk.get(SERIES.format(world.home.elders[1]))).status_code == 200
    world.clock.advance(15 * 60)
    assert (await desk.get(SERIES.format(elder))).status_code == 200
    await (await world.desk(1)).get(SERIES.format(elder))
    rows = [json.loads(entry.body) for entry in await entries(world.database, world.home)]
    assert [(row["action"], row["actor"]["name"], row["elder_id"]) for row in rows] == [
        ("record.read", "周敏", str(elder)),
        ("record.read", "周敏", str(world.home.elders[1])),
        ("record.read", "周敏", str(elder)),
        ("record.read", "吴倩", str(elder)),
    ]
    assert rows[0]["detail"] == {"call": "get_elder_series"}


async def test_what_was_not_seen_is_not_written_down(world: World) -> None:
    desk = await world.desk()
    assert (await desk.get(SERIES.format(world.other.elders[0]))).status_code == 404
    operator = await world.as_role(Role.OPERATOR)
    assert (await operator.get(SERIES.format(world.home.elders[0]))).status_code == 403
    assert await entries(world.database, world.home) == []


@given(
    st.dictionaries(
        st.text(max_size=10), st.none() | st.booleans() | st.integers() | st.text(max_size=30)
    )
)
def test_the_text_is_the_same_whichever_way_it_was_put(body: dict[str, Any]) -> None:
    turned = dict(reversed(body.items()))
    assert canonical_json(body) == canonical_json(turned)
    assert json.loads(canonical_json(body)) == body
    whole = canonical_json(body)
    if "\\ud" not in json.dumps(body):  # lone surrogates never come this far: JSON bodies refuse
        assert entry_hash(b"0" * 32, 1, whole) != entry_hash(b"0" * 32, 2, whole)


async def test_odd_values_can_be_written_down(database: Database, seeded: Seeded) -> None:
    odd = {
        "nul": ("", "a\x00b"), "long": ("", "x" * 5_000),
        "when": (None, datetime(2026, 1, 1, tzinfo=UTC)),
        "role": (Role.DUTY, Role.ADMIN), "units": ([], [uuid.UUID(int=1)]),
    }  # fmt: skip
    async with database.tenant(seeded.home.institution_id) as scope:
        record(scope, SYSTEM, Action.USER_CHANGED, START, changes=odd)
    (entry,) = await entries(database, seeded.home)
    changes = json.loads(entry.body)["changes"]
    assert changes["nul"]["after"] == "a�b"
    assert len(changes["long"]["after"]) == 2_001
    assert changes["role"] == {"before": "duty", "after": "admin"}
    assert changes["units"]["after"] == [str(uuid.UUID(int=1))]
    much = {str(n): "x" * 2_000 for n in range(40)}
    with pytest.raises(ValueError, match="64000 at most"):
        record(scope, SYSTEM, Action.USER_CHANGED, START, detail=much)
