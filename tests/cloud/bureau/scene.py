"""A bureau with both test institutions as members, and days of theirs to count."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg

from cloud.bureau.job import follow, recount
from cloud.clock import local_date
from cloud.database import Database, TenantScope, libpq_arguments
from cloud.identity.models import User
from cloud.identity.permissions import Role
from cloud.identity.secrets import hash_password
from cloud.identity.service import add_institution
from tests.cloud.world import PASSWORD, START, Home, World, open_session
from tests.support.postgres import Postgres

DISTRICTS = (("500109", "北碚区"), ("500108", "南岸区"))


@dataclass(frozen=True)
class Bureau:
    """An institution without beds, and its inspector's user name."""

    institution_id: uuid.UUID
    user_id: uuid.UUID


async def make_bureau(database: Database, now: datetime, name: str = "某某市民政局") -> Bureau:
    async with database.transaction() as session:
        scope = await add_institution(session, name, now, kind="bureau")
        user = User(
            id=uuid.uuid4(), institution_id=scope.institution_id, username=f"inspector-{name}",
            display_name="督查员", role=Role.DISTRICT_VIEWER.value,
            password_hash=await hash_password(PASSWORD), created_at=now,
        )  # fmt: skip
        scope.session.add(user)
    return Bureau(scope.institution_id, user.id)


def admit(
    postgres: Postgres, database_name: str, bureau: Bureau, home: Home, district: int = 0,
    *, events: bool = True,
) -> None:  # fmt: skip
    """By the owner's hand, as an administrator of the database would."""
    with psycopg.connect(**libpq_arguments(postgres.owner_url(database_name))) as connection:
        connection.execute(
            "SELECT admit_to_district(%s, %s, %s, %s, %s)",
            [bureau.institution_id, home.institution_id, *DISTRICTS[district], events],
        )


async def inspector(world: World, bureau: Bureau) -> httpx.AsyncClient:
    client = world.client()
    async with world.database.tenant(bureau.institution_id) as scope:
        user = await scope.session.get_one(User, bureau.user_id)
        token = open_session(scope, user, world.clock.now())
    client.cookies.set("yuyue_session", token)
    return client


async def count(world: World, home: Home | None = None, days: int = 40) -> None:
    now = world.clock.now()
    async with world.database.tenant((home or world.home).institution_id) as scope:
        await recount(scope, local_date(now - timedelta(days=days)), local_date(now), now)


async def fill_indicators(scope: TenantScope, now: datetime) -> None:
    """A row in every table of oversight."""
    await follow(scope, now)


async def sheet(client: httpx.AsyncClient, month: str = "2026-03") -> dict[str, Any]:
    answer = await client.get("/api/v1/bureau/sheet", params={"month": f"{month}-01"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def figure(said: dict[str, Any], indicator: str, node: str = "all", kind: str = "") -> Any:
    (found,) = [
        f for f in said["figures"]
        if (f["node"], f["indicator"], f["kind"]) == (node, indicator, kind)
    ]  # fmt: skip
    return found


@dataclass
class Stage:
    """A bureau that counts both test institutions, and its inspector."""

    world: World
    bureau: Bureau
    client: httpx.AsyncClient


async def staged(
    world: World, postgres: Postgres, database_name: str, *, other_shows_events: bool
) -> Stage:
    """In two districts."""
    bureau = await make_bureau(world.database, START)
    admit(postgres, database_name, bureau, world.home, 0)
    admit(postgres, database_name, bureau, world.other, 1, events=other_shows_events)
    return Stage(world, bureau, await inspector(world, bureau))
