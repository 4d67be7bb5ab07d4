"""Nothing of another institution can be read or written, in any table there is or will be."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, JSON, text

import cloud.alerts.consoles.models
import cloud.alerts.drills.models
import cloud.alerts.escalation.models
import cloud.alerts.models
import cloud.alerts.notify.models
import cloud.audit.models
import cloud.care.assessment.models
import cloud.coverage.models
import cloud.devices.models
import cloud.identity.models
import cloud.identity.shift_models
import cloud.ingest.models
import cloud.live.models
import cloud.people.models
import cloud.places.models
import cloud.series.models  # noqa: F401 - all tables
from cloud.alerts.models import AlertRelink
from cloud.database import APP_ROLE, Base, Database, libpq_arguments
from cloud.devices.models import GatewayGap
from cloud.identity.models import ApiToken, BreakGlass, RecoveryCode, User, UserUnit
from cloud.identity.permissions import Role
from cloud.places.models import Unit
from cloud.series.models import InfluxDay, SeriesErasure
from edge.events import EventKind
from edge.wire import Lane, RejectedFrame
from tests.cloud.alerts.fill import fill_alert_tables
from tests.cloud.bureau.care_map_rows import fill_care_map
from tests.cloud.bureau.scene import fill_indicators
from tests.cloud.care.assessments import a_draft
from tests.cloud.care.assessments import save as save_assessment
from tests.cloud.care.rows import fill_rounds, fill_shift
from tests.cloud.conftest import Seeded
from tests.cloud.coverage_rows import fill_coverage
from tests.cloud.found import fill_found, found_ids
from tests.cloud.records import fill_records
from tests.cloud.test_ingest import fall, reading, waveform
from tests.cloud.world import CHANGES, START, Home, World, alerts, move
from tests.support.postgres import Postgres

# Belong to no institution; named here so that a new table is a tenant's unless someone says so.
Connection = psycopg.Connection[tuple[object, ...]]
OF_ELDER = (
    "/api/v1/elders/{}/series?quantity=heart_rate&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"
)
# Written by a function of their own, not by requests.
READ_ONLY = {"audit_entry", "audit_head"}
# The database fills it in itself, and lets nobody write it.
ITS_OWN = {"elder_erasure": {"xact"}}
JSONB_OID = psycopg.adapters.types["jsonb"].oid
SHARED = {"login_throttle", "alembic_version", "series_deletion"}
# A care institution has no rows in it: test_accounts.py looks at a bureau.
BUREAUS = {"district_member"}
OUT_OF_REACH = {"organization", "clock_mark"}
TENANT_TABLES = sorted(set(Base.metadata.tables) - SHARED - BUREAUS - OUT_OF_REACH)


@pytest.fixture
async def filled(world: World) -> World:
    """Both institutions have a row in every table."""
    for home in (world.home, world.other):
        gateway = world.gateway(home)
        await gateway.beat()
        await gateway.send(
            fall(EventKind.FALL_SUSPECTED, world.clock), waveform(world.clock),
            reading(world.clock), RejectedFrame("mqtt", 1, "truncated", "", b""),
        )  # fmt: skip
        await fill_accounts(world, home)
        desk = await world.desk(home=home)
        await desk.get(OF_ELDER.format(home.elders[0]))  # audited
        (alert,) = await alerts(desk)
        await move(desk, alert["id"], "acknowledge")
        yesterday = reading(world.clock, ago_s=86_400.0)
        await gateway.send(reading(world.clock, ago_s=2), yesterday, lane=Lane.BULK)
        operator = await world.as_role(Role.OPERATOR, home)
        await operator.post(f"/api/v1/gateways/{home.gateway_id}/code", headers=CHANGES)
        await fill_found(world, home)
        nurse = await world.as_role(Role.HEAD_NURSE, home)
        await nurse.post(f"/api/v1/found-devices/{found_ids(home)['found_id']}/ignore")
        await save_assessment(await world.as_role(Role.ASSESSOR, home), home, a_draft())
        await (await world.as_role(Role.HEAD_NURSE, home)).put(
            "/api/v1/assessment-settings",
            json={"changes_add_up": True, "events_count_together": True, "interval_days": 365},
            headers=CHANGES,
        )
        async with world.database.tenant(home.institution_id) as scope:
            row = SeriesErasure(
                id=uuid.uuid4(), institution_id=home.institution_id, elder_id=home.elders[0],
                erased_at=world.clock.now(), erased_by="test", readings=0, minutes=0, hours=0,
                waveforms=0,
            )  # fmt: skip
            gap = GatewayGap(
                institution_id=home.institution_id, gateway_id=home.gateway_id, gap_id="g1",
                cause="gateway_down", device_ids=[], from_at=world.clock.now(),
                until_at=world.clock.now() + timedelta(minutes=1), records=0,
                received_at=world.clock.now(),
            )  # fmt: skip
            influx = InfluxDay(
                institution_id=home.institution_id, device_id="wearable-1",
                quantity="heart_rate", origin="live", day=1, readings=0, summarised=False,
            )  # fmt: skip
            scope.session.add_all([row, gap, influx])
            scope.session.add(
                AlertRelink(
                    institution_id=home.institution_id, alert_id=uuid.UUID(alert["id"]),
                    at=world.clock.now(), actor="周敏", reason="戴错了人",
                )
            )  # fmt: skip
            await fill_coverage(scope, home, world.clock.now())
        await fill_records(world, home)
        await fill_shift(world, home)
        await fill_alert_tables(world, home)
        assert (await gateway.client.get("/api/v1/gateway/registry")).status_code == 200
        await fill_rounds(world, home)
        await fill_care_map(world, home)
        async with world.database.tenant(home.institution_id) as scope:
            await fill_indicators(scope, world.clock.now())
    await world.app.state.series.pack(world.clock.now_ns())
    return world


async def fill_accounts(world: World, home: Home) -> None:
    now, here = world.clock.now(), home.institution_id
    async with world.database.tenant(here) as scope:
        user = (await scope.session.scalars(scope.select(User).limit(1))).one()
        unit = (await scope.session.scalars(scope.select(Unit).limit(1))).one()
        one = {"id": uuid.uuid4(), "institution_id": here, "user_id": user.id}
        for row in (
            UserUnit(institution_id=here, user_id=user.id, unit_id=unit.id),
            RecoveryCode(**one, code_hash=b"x"),
            ApiToken(
                **one, name="x", token_hash=home.token.encode(), permissions=[], created_at=now,
                expires_at=now + timedelta(days=1),
            ),
            BreakGlass(
                **one, elder_id=home.elders[0], reason="reason", opened_at=now,
                closes_at=now + timedelta(hours=1),
            ),
        ):  # fmt: skip
            scope.session.add(row)


@pytest.fixture
def as_app(postgres: Postgres, database_name: str, seeded: Seeded) -> Iterator[Connection]:
    """As the role of requests, in a transaction of the first institution."""
    with psycopg.connect(**libpq_arguments(postgres.app_url(database_name))) as connection:
        enter(connection, str(seeded.home.institution_id))
        yield connection
        connection.rollback()


def enter(connection: Connection, institution_id: str) -> None:
    connection.execute("SELECT set_config('app.institution_id', %s, true)", [institution_id])


def tenant_column(table: str) -> str:
    return "id" if table == "institution" else "institution_id"


def statement(template: str, table: str) -> sql.Composed:
    return sql.SQL(template).format(
        table=sql.Identifier(table), tenant=sql.Identifier(tenant_column(table))
    )


@pytest.fixture
def everything(
    filled: World, postgres: Postgres, database_name: str, seeded: Seeded
) -> Iterator[Connection]:
    """As superuser, who sees all; both institutions have rows in every table."""
    with psycopg.connect(**libpq_arguments(postgres.superuser_url(database_name))) as connection:
        for table in TENANT_TABLES:
            for home in (seeded.home, seeded.other):
                fill_empty(connection, table, home.institution_id)
        connection.commit()
        yield connection
        connection.rollback()


def fill_empty(connection: Connection, table: str, institution_id: uuid.UUID) -> None:
    """A made-up row where a table has none: row-level security does not ask what it means."""
    query = statement("SELECT 1 FROM {table} WHERE {tenant} = %s LIMIT 1", table)
    if connection.execute(query, [institution_id]).fetchone():
        return
    checks = connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", [table]
    ).fetchall()
    for (name,) in checks:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                sql.Identifier(table), sql.Identifier(str(name))
            )
        )
    columns = Base.metadata.tables[table].columns
    values = {
        column.name: made_up(column.type, table, institution_id)
        for column in columns
        if not column.nullable or column.primary_key
    }
    values[tenant_column(table)] = institution_id
    connection.execute("SET LOCAL session_replication_role = replica")  # keys aside
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        ),
        list(values.values()),
    )
    connection.execute("SET LOCAL session_replication_role = origin")


def made_up(kind: Any, table: str, institution_id: uuid.UUID) -> object:
    if isinstance(kind, ARRAY):
        return []
    if isinstance(kind, JSON):
        return Jsonb({})
    python: type = kind.python_type
    examples: dict[type, object] = {
        # A number may be a key of its own: not the same one for two institutions.
        uuid.UUID: uuid.uuid4(), bool: False, int: 1 + institution_id.int % 10_000, float: 1.0,
        datetime: START,
        date: START.date(), time: START.time(), Decimal: Decimal(1),
        str: f"{table} {institution_id}", bytes: f"{table} {institution_id}".encode(),
    }  # fmt: skip
    return examples[python]


def test_a_tenant_sees_its_own_rows_and_no_others(
    everything: Connection, as_app: Connection, seeded: Seeded
) -> None:
    home, other = seeded.home.institution_id, seeded.other.institution_id
    for table in TENANT_TABLES:
        owners = everything.execute(statement("SELECT DISTINCT {tenant} FROM {table}", table))
        assert {row[0] for row in owners} == {home, other}, table
        seen = as_app.execute(statement("SELECT DISTINCT {tenant} FROM {table}", table))
        assert seen.fetchall() == [(home,)], table
        query = statement("SELECT 1 FROM {table} WHERE {tenant} = %s", table)
        assert as_app.execute(query, [other]).fetchall() == [], table


@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_a_tenant_cannot_change_what_is_of_another(
    everything: Connection, as_app: Connection, seeded: Seeded, verb: str
) -> None:
    change = {
        "UPDATE": "UPDATE {table} SET {tenant} = {tenant} WHERE {tenant} = %s",
        "DELETE": "DELETE FROM {table} WHERE {tenant} = %s",
    }[verb]
    other = [seeded.other.institution_id]
    for table in TENANT_TABLES:
        query = statement(change, table)
        with everything.transaction(force_rollback=True):
            everything.execute("SET LOCAL session_replication_role = replica")  # keys aside
            assert everything.execute(query, other).rowcount > 0, table
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege), as_app.transaction():
            assert as_app.execute(query, other).rowcount == 0, table


def test_a_tenant_cannot_write_in_the_name_of_another(
    everything: Connection, as_app: Connection, seeded: Seeded
) -> None:
    """A copy of the other's row, smuggled in from here."""
    other = [seeded.other.institution_id]
    for table in TENANT_TABLES:
        query = statement("SELECT * FROM {table} WHERE {tenant} = %s LIMIT 1", table)
        cursor = everything.execute(query, other)
        columns = cursor.description or ()
        (row,) = cursor.fetchall()
        copied = {
            column.name: (
                Jsonb(value) if column.type_code == JSONB_OID and value is not None else value
            )
            for column, value in zip(columns, row, strict=True)
            if column.name not in ITS_OWN.get(table, ())
        }
        names, values = list(copied), list(copied.values())
        insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        )
        why = "permission denied" if table in READ_ONLY else "row-level security"
        refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match=why)
        with refused, as_app.transaction():
            as_app.execute(insert, values)


@pytest.mark.usefixtures("filled")
def test_without_a_tenant_nothing_is_seen(postgres: Postgres, database_name: str) -> None:
    with psycopg.connect(**libpq_arguments(postgres.app_url(database_name))) as connection:
        for table in TENANT_TABLES:
            for institution in (None, ""):
                if institution is not None:
                    enter(connection, institution)
                rows = connection.execute(statement("SELECT 1 FROM {table}", table)).fetchall()
                assert rows == [], table
            connection.rollback()


def test_every_table_of_the_database_is_either_protected_or_out_of_reach(
    postgres: Postgres, database_name: str
) -> None:
    """Also tables that no model knows, such as partitions."""
    with psycopg.connect(**libpq_arguments(postgres.superuser_url(database_name))) as everything:
        rows = everything.execute(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                   has_table_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
            FROM pg_class c
            WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
            """,
            [APP_ROLE],
        ).fetchall()
    assert {name for name, _, _ in rows} >= set(TENANT_TABLES) | SHARED
    for name, protected, reachable in rows:
        assert protected or not reachable or name in SHARED, name
        assert not (reachable and name in OUT_OF_REACH), name


def test_a_row_cannot_point_into_another_institution(as_app: Connection, seeded: Seeded) -> None:
    """Foreign keys are checked without row-level security: they hold the institution too."""
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        as_app.execute(
            "INSERT INTO stay (id, institution_id, elder_id, bed_id, valid_from, valid_until)"
            " VALUES (gen_random_uuid(), %s, %s, %s, '2000-01-01', '2000-01-02')",
            [seeded.home.institution_id, seeded.home.elders[0], seeded.other.beds[0]],
        )


FORBIDDEN = [
    "UPDATE alert_move SET at = now()",
    "DELETE FROM alert_move",
    "UPDATE alert_event SET body = ''",
    "UPDATE alert_ledger SET at = now()",
    "DELETE FROM alert_ledger",
    "DELETE FROM quarantine",
    "DELETE FROM alert",
    "UPDATE live_event SET payload = ''",
    "CREATE TABLE mine (id int)",
    "ALTER TABLE alert DISABLE ROW LEVEL SECURITY",
    "SET ROLE yuyue_owner",
    "SELECT 1 FROM series_waveform_rest",
    "INSERT INTO audit_entry SELECT * FROM audit_entry",
    "UPDATE audit_entry SET body = ''",
    "DELETE FROM audit_entry",
    "UPDATE audit_head SET seq = 0",
    "DELETE FROM audit_head",
]


def test_what_requests_may_never_do(as_app: Connection) -> None:
    for change in FORBIDDEN:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_app.transaction():
            as_app.execute(change.encode())


# Allowed only with the proof of an erasure (tests/cloud/rights), so without one nothing is found.
ONLY_ERASING = [
    ("alert_move", "UPDATE alert_move SET note = 'x'"),
    ("alert_event", "DELETE FROM alert_event"),
    ("incident", "DELETE FROM incident"),
]


@pytest.mark.usefixtures("filled")
def test_what_needs_a_proof_finds_nothing_without_one(as_app: Connection) -> None:
    for table, change in ONLY_ERASING:
        held = as_app.execute(statement("SELECT 1 FROM {table} LIMIT 1", table)).fetchall()
        assert held, table
        assert as_app.execute(change.encode()).rowcount == 0, change


async def test_only_the_bound_role_may_serve(postgres: Postgres, database_name: str) -> None:
    for url in (postgres.superuser_url(database_name), postgres.owner_url(database_name)):
        database = Database(url)
        with pytest.raises(RuntimeError, match="must run as yuyue_app"):
            await database.check()
        await database.close()


async def test_the_tenant_ends_with_the_transaction(database: Database, seeded: Seeded) -> None:
    """A pooled connection must not carry one request's institution into the next."""
    async with database.tenant(seeded.home.institution_id) as scope:
        assert await scope.session.scalar(text("SELECT count(*) FROM elder")) == 2
    for _ in range(5):
        async with database.transaction() as session:
            assert await session.scalar(text("SELECT count(*) FROM elder")) == 0
