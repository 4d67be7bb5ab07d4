"""Logging in, staying in, being thrown out."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import make_url, text

from cloud.app import create_app
from cloud.crypto import new_key
from cloud.database import Database
from cloud.identity.secrets import new_password, token_hash
from cloud.settings import Settings
from tests.cloud.world import CHANGES, PASSWORD, ManualClock, World


async def log_in(world: World, username: str, password: str = PASSWORD) -> httpx.Response:
    body = {"username": username, "password": password}
    return await world.client().post("/api/v1/session", json=body)


async def test_in_and_out(world: World) -> None:
    client = world.client()
    body = {"username": world.home.usernames[0], "password": PASSWORD}
    answer = await client.post("/api/v1/session", json=body)
    me = answer.json()
    assert (me["name"], me["role"], me["institution"]["name"]) == ("周敏", "duty", "home 养老院")
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert (await client.get("/api/v1/session")).json() == me
    assert (await client.delete("/api/v1/session")).status_code == 204
    client.cookies.set("yuyue_session", cookie.split("=", 1)[1].split(";")[0])
    again = await client.get("/api/v1/session")
    assert (again.status_code, again.json()["code"]) == (401, "not_logged_in")


async def test_the_database_holds_no_token(world: World) -> None:
    client = await world.desk()
    token = client.cookies["yuyue_session"]
    async with world.database.tenant(world.home.institution_id) as scope:
        rows = (await scope.session.scalars(text("SELECT token_hash FROM user_session"))).all()
    assert rows == [token_hash(token)]
    assert token.encode() not in rows


@pytest.mark.parametrize(
    "wrong", [("home-duty1", "x"), ("nobody", PASSWORD), ("home-duty1'--", "x")]
)
async def test_a_wrong_login_says_no_more_than_that(world: World, wrong: tuple[str, str]) -> None:
    answer = await log_in(world, *wrong)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_login")
    assert "Set-Cookie" not in answer.headers


async def test_a_disabled_user_is_out_at_once(world: World) -> None:
    client = await world.desk()
    async with world.database.tenant(world.home.institution_id) as scope:
        await scope.session.execute(
            text("UPDATE user_account SET disabled_at = :at"), {"at": world.clock.now()}
        )
    assert (await client.get("/api/v1/session")).status_code == 401
    assert (await log_in(world, world.home.usernames[0])).status_code == 401


async def test_guessing_is_slowed_down(world: World, clock: ManualClock) -> None:
    name = world.home.usernames[0]
    for _ in range(10):
        assert (await log_in(world, name, "guess")).status_code == 401
    refused = await log_in(world, name, PASSWORD)  # right, but too late
    assert (refused.status_code, refused.json()["code"]) == (429, "busy")
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert (await log_in(world, world.home.usernames[1])).status_code == 200  # others go on
    clock.advance(301)
    assert (await log_in(world, name)).status_code == 200


async def test_guesses_at_the_same_time_count_too(world: World) -> None:
    name = world.home.usernames[0]
    answers = await asyncio.gather(*(log_in(world, name, "guess") for _ in range(14)))
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 4


async def test_a_good_login_forgives(world: World) -> None:
    name = world.home.usernames[0]
    for _ in range(2):
        for _ in range(6):
            await log_in(world, name, "typing error")
        assert (await log_in(world, name)).status_code == 200


async def test_idle_and_longest_life(world: World, clock: ManualClock) -> None:
    client, idle = await world.desk(), await world.desk(1)
    for _ in range(16):
        clock.advance(10 * 3600)
        assert (await client.get("/api/v1/session")).status_code == 200
    clock.advance(9 * 3600)  # 169 h: used all the time, over all the same
    assert (await client.get("/api/v1/session")).status_code == 401
    assert (await idle.get("/api/v1/session")).status_code == 401


async def test_a_cookie_in_production(world: World) -> None:
    settings = Settings(
        environment="production", cookie_secure=True, database_url="postgresql://x@y/z",
        data_keys=f"k:{new_key()}",
    )  # type: ignore[arg-type]  # fmt: skip
    app = create_app(settings, world.database, world.clock, with_tasks=False)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://c", headers=CHANGES
    ) as client:
        body = {"username": world.home.usernames[0], "password": PASSWORD}
        answer = await client.post("/api/v1/session", json=body)
        assert answer.headers["Set-Cookie"].startswith("__Host-yuyue_session=")
        assert "Secure" in answer.headers["Set-Cookie"]
        assert (await client.get("/api/v1/session")).status_code == 200


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"environment": "production", "cookie_secure": True}, "DATABASE_URL"),
        ({"environment": "production", "database_url": "postgresql://x@y/z"}, "COOKIE_SECURE"),
        ({"port": 70_000}, "port"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Settings(**values)  # type: ignore[arg-type]


def test_passwords_are_random_and_can_be_typed() -> None:
    passwords = {new_password() for _ in range(200)}
    assert len(passwords) == 200
    assert all(len(p) == 17 and not set(p) & set("il1o0") for p in passwords)


async def test_a_database_that_is_away_is_busy_not_broken(clock: ManualClock) -> None:
    nowhere = Database(make_url("postgresql+psycopg://yuyue_app@/x?host=/nowhere"))
    app = create_app(Settings(), nowhere, clock, with_tasks=False)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://c") as client:
        for path in ("/healthz", "/api/v1/gateway/registry"):
            answer = await client.get(path, headers={"Authorization": "Bearer x"})
            assert (answer.status_code, answer.json()["code"]) == (503, "busy")
            assert answer.headers["Retry-After"] == "2"
    await nowhere.close()
