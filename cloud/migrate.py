"""Bring the database to this software's version, once, however many processes start at a time."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from cloud.database import libpq_arguments

# Any constant of our own; all processes that migrate wait for each other on it.
_LOCK_KEY: Final = 0x7975_7965_0001


class NewerDatabaseError(RuntimeError):
    """The database was migrated by newer software: old software must not touch it."""


def migrate(owner_url: URL) -> str:
    """Run what is missing; the revision afterwards. Raises NewerDatabaseError."""
    config = _config()
    script = ScriptDirectory.from_config(config)
    (head,) = script.get_heads()
    with psycopg.connect(**libpq_arguments(owner_url), autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
        current = _current_revision(lock)
        known = {revision.revision for revision in script.walk_revisions()}
        if current is not None and current not in known:
            raise NewerDatabaseError(
                f"the database is at revision {current}, which this software does not know "
                f"(it knows up to {head}): install the newer version again"
            )
        if current != head:
            engine = create_engine(owner_url, poolclass=NullPool)
            with engine.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            engine.dispose()
    return head


@cache
def head_revision() -> str:
    """The revision this software needs."""
    (head,) = ScriptDirectory.from_config(_config()).get_heads()
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _current_revision(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
    exists = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
    if exists is None or exists[0] is None:
        return None
    row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return None if row is None else str(row[0])
