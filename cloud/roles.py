"""Who may do what in the database: `yuyue_owner` owns the tables, `yuyue_app` serves requests.

Row-level security binds `yuyue_app`, which is neither superuser nor owner nor may bypass it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from cloud.database import APP_ROLE, libpq_arguments, normal_url
from cloud.embedded import EmbeddedServer
from cloud.settings import Settings

OWNER_ROLE: Final = "yuyue_owner"
DATABASE_NAME: Final = "yuyue"
_LOCK_KEY: Final = 0x7975_7965_0002


def prepare_embedded(server: EmbeddedServer, database: str = DATABASE_NAME) -> tuple[URL, URL]:
    """Roles and database on an embedded server. Returns the owner's and the app's address."""
    with psycopg.connect(**libpq_arguments(server.superuser_url), autocommit=True) as connection:
        # Two processes may start at a time on a new directory: one after the other.
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
        for role in (OWNER_ROLE, APP_ROLE):
            _ensure_role(connection, role, None)
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        if exists.fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(database), sql.Identifier(OWNER_ROLE)
                )
            )
    url = server.superuser_url.set(database=database)
    return url.set(username=OWNER_ROLE), url.set(username=APP_ROLE)


def server_urls(settings: Settings) -> tuple[URL, URL]:
    """The owner's and the app's address on a server given by URL."""
    owner = normal_url(settings.database_url)
    if settings.app_database_url:
        return owner, normal_url(settings.app_database_url)
    return owner, owner.set(username=APP_ROLE, password=derived_app_password(owner))


def derived_app_password(owner: URL) -> str | None:
    """A password for the app's role that every process of ours can compute and nobody else."""
    if not owner.password:
        return None
    secret = str(owner.password).encode()
    return hmac.new(secret, f"{APP_ROLE} of {owner.database}".encode(), hashlib.sha256).hexdigest()


def prepare_server(owner: URL, app: URL) -> None:
    """Make the app's role on a server by URL, where the owner may; else say what is missing."""
    if app.username != APP_ROLE:
        raise ValueError(f"YUYUE_CLOUD_APP_DATABASE_URL: the user must be {APP_ROLE}")
    with psycopg.connect(**libpq_arguments(owner), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE])
        may = connection.execute(
            "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if may is not None and may[0]:
            _ensure_role(connection, APP_ROLE, app.password)
        elif found.fetchone() is None:
            raise RuntimeError(
                f"role {APP_ROLE} is missing and {owner.username} may not create it; run: "
                f"CREATE ROLE {APP_ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '...'"
            )


def _ensure_role(connection: psycopg.Connection[Any], role: str, password: object) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    name = sql.Identifier(role)
    if found is None:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOCREATEDB NOCREATEROLE NOINHERIT").format(name)
        )
    if password is not None:
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(str(password)))
        )
