"""The database is brought to this software's version, once, and never back."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

import tests.cloud.test_tenancy  # noqa: F401 - imports all models
from cloud.database import Base, libpq_arguments
from cloud.migrate import NewerDatabaseError, migrate
from tests.support.postgres import Postgres

GOOD = ("200", "201", "204", "302")


def test_models_and_migrations_say_the_same(postgres: Postgres, database_name: str) -> None:
    engine = create_engine(postgres.owner_url(database_name))
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


def is_ours(_thing: object, name: str, kind: str, *_: object) -> bool:
    """Tables and columns (keys and indexes are only in the migrations), without partitions."""
    partition = name.startswith("series_") and name not in Base.metadata.tables
    return kind in ("table", "column") and not partition


def test_a_newer_database_is_left_alone(postgres: Postgres, database_name: str) -> None:
    owner = postgres.owner_url(database_name)
    with psycopg.connect(**libpq_arguments(owner)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerDatabaseError, match="9999"):
        migrate(owner)
    with psycopg.connect(**libpq_arguments(owner)) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row == ("9999",)


def test_several_processes_may_start_at_a_time(postgres: Postgres) -> None:
    name = postgres.empty()
    with ThreadPoolExecutor(3) as pool:
        revisions = list(pool.map(migrate, [postgres.owner_url(name)] * 3))
    assert len(set(revisions)) == 1
    postgres.drop(name)


def test_openapi_needs_no_database() -> None:
    """Also the contract with the web: every answer has a model, every call a good name."""
    code = "from cloud.cli import app; app(['openapi'])"
    root = Path(__file__).parents[2]
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=root, timeout=60
    )
    document = json.loads(output.stdout)
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    for path, _, operation in operations:
        answer = next(
            operation["responses"][code] for code in GOOD if code in operation["responses"]
        )
        content = answer.get("content", {})
        if content and "application/json" not in content:
            continue
        schema = content.get("application/json", {}).get("schema", {})
        assert (
            "$ref" in schema
            or path.endswith(("/live", ".pdf", "/export", "/document"))
            or not {"204", "302"}.isdisjoint(operation["responses"])
        ), path
