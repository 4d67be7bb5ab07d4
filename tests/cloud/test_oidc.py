"""Signing in with the house's own accounts, against a provider that really runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from pydantic import SecretStr, ValidationError
from sqlalchemy import text

from cloud.app import create_app
from cloud.audit.actions import Action
from cloud.identity.models import User
from cloud.identity.oidc import ATTEMPT_LASTS, CALLBACK_PATH
from cloud.identity.permissions import Role
from cloud.identity.service import find_user
from cloud.settings import Environment, Settings
from tests.cloud.world import World
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, running_provider

HERE = "http://cloud.test"
BEGIN = "/api/v1/session/oidc"


@pytest.fixture(scope="module")
def running() -> Iterator[OidcProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: OidcProvider, world: World) -> OidcProvider:
    """As it was made, with the clock of the world."""
    fresh = OidcProvider(running.issuer)
    for name in ("person", "changed", "refuses", "asked", "discovered"):
        setattr(running, name, getattr(fresh, name))
    running.key = running.published[0]
    running.redirect_uris = {HERE + CALLBACK_PATH}
    running.now = lambda: world.clock.now().timestamp()
    return running


def settings_for(provider: OidcProvider, **more: Any) -> Settings:
    return Settings(
        oidc_issuer=provider.issuer, oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET), public_url=HERE, oidc_label="单位账号", **more,
    )  # fmt: skip


@pytest.fixture
def app(world: World, provider: OidcProvider) -> FastAPI:
    return create_app(settings_for(provider), world.database, world.clock, with_tasks=False)


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_on(app) as client:
        yield client


def browser_on(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE)


async def knows(world: World, subject: str | None = "hr-4711", **changes: Any) -> User:
    """The first nurse has this subject."""
    async with world.database.tenant(world.home.institution_id) as scope:
        user = await find_user(scope, world.home.usernames[0])
        assert user is not None
        user.oidc_subject = subject
        for name, value in changes.items():
            setattr(user, name, value)
        return user


async def to_the_provider_and_back(
    browser: httpx.AsyncClient, change: Callable[[str], str] = lambda url: url
) -> httpx.Response:
    """As a browser goes: the button, the provider, the way back."""
    begun = await browser.get(BEGIN)
    assert begun.status_code == 302, begun.text
    async with httpx.AsyncClient(trust_env=False) as outside:
        agreed = await outside.get(begun.headers["Location"])
    assert agreed.status_code == 302, agreed.text
    return await browser.get(change(agreed.headers["Location"]))


def failed(answer: httpx.Response) -> str:
    where = urlsplit(answer.headers["Location"])
    assert (answer.status_code, where.path) == (302, "/login")
    assert "yuyue_session" not in answer.cookies
    return parse_qs(where.query)["failed"][0]


async def actions(world: World) -> list[str]:
    manager = await world.as_role(Role.MANAGER)
    entries = (await manager.get("/api/v1/audit")).json()["entries"]
    return [entry["action"] for entry in entries]


async def test_a_nurse_comes_in_with_her_account_of_the_house(
    world: World, browser: httpx.AsyncClient, provider: OidcProvider
) -> None:
    user = await knows(world, must_change_password=True)
    ways = (await browser.get("/api/v1/session/ways")).json()
    assert ways == {"password": True, "oidc": {"label": "单位账号", "start": BEGIN}}
    answer = await to_the_provider_and_back(browser)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("yuyue_session")]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    me = (await browser.get("/api/v1/session")).json()
    # She never used the password that she would have to change.
    assert (me["username"], me["role"], me["restriction"]) == (user.username, "duty", None)
    (asked,) = provider.asked
    assert asked["scope"] == "openid profile"
    assert len(asked["code_challenge"]) == 43
    assert "login.done" in await actions(world)


async def test_who_is_not_known_here_gets_no_account(
    world: World, browser: httpx.AsyncClient, provider: OidcProvider
) -> None:
    before = await count_users(world)
    assert failed(await to_the_provider_and_back(browser)) == "oidc_unknown_user"
    user = await knows(world)
    async with world.database.tenant(world.home.institution_id) as scope:
        (await scope.session.get_one(User, user.id)).disabled_at = world.clock.now()
    assert failed(await to_the_provider_and_back(browser)) == "oidc_unknown_user"
    assert await count_users(world) == before
    assert (await browser.get("/api/v1/session")).status_code == 401


async def count_users(world: World) -> int:
    async with world.database.tenant(world.home.institution_id) as scope:
        return len((await scope.session.scalars(scope.select(User))).all())


async def test_where_a_setting_says_so_an_account_is_made(
    world: World, provider: OidcProvider
) -> None:
    settings = settings_for(provider, oidc_create_in="home 养老院", oidc_create_role="operator")
    app = create_app(settings, world.database, world.clock, with_tasks=False)
    provider.person = {
        "sub": "new-1", "name": "新来\n的", "preferred_username": world.home.usernames[0],
    }  # fmt: skip
    async with browser_on(app) as browser:
        for _ in range(2):  # the second time it is there
            assert (await to_the_provider_and_back(browser)).headers["Location"] == "/"
        me = (await browser.get("/api/v1/session")).json()
    assert me["username"].startswith(f"{world.home.usernames[0]}-")  # that one was taken
    assert (me["name"], me["role"], me["restriction"]) == ("新来 的", "operator", None)
    assert (await actions(world)).count(Action.USER_CREATED) == 1
    # Somebody who was let go is not made anew.
    async with world.database.tenant(world.home.institution_id) as scope:
        user = await find_user(scope, me["username"])
        assert user is not None
        user.disabled_at = world.clock.now()
    async with browser_on(app) as browser:
        assert failed(await to_the_provider_and_back(browser)) == "oidc_unknown_user"


BROKEN: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("issuer", lambda claims: claims | {"iss": "https://elsewhere.test"}),
    ("audience", lambda claims: claims | {"aud": "another-client"}),
    ("authorised party", lambda claims: claims | {"aud": [CLIENT_ID, "x"], "azp": "x"}),
    ("nonce", lambda claims: claims | {"nonce": "of-another-login"}),
    ("no nonce", lambda claims: {k: v for k, v in claims.items() if k != "nonce"}),
    ("expired", lambda claims: claims | {"exp": claims["iat"] - 120}),
    ("from the future", lambda claims: claims | {"iat": claims["iat"] + 600}),
    ("access token", lambda claims: claims | {"at_hash": "AAAA"}),
    ("no subject", lambda claims: {k: v for k, v in claims.items() if k != "sub"}),
    ("odd subject", lambda claims: claims | {"sub": 7}),
    ("odd times", lambda claims: claims | {"exp": "soon"}),
]


async def test_a_token_that_is_not_for_this_login_opens_nothing(
    world: World, browser: httpx.AsyncClient, provider: OidcProvider
) -> None:
    await knows(world)
    for what, change in BROKEN:
        provider.changed = change
        assert failed(await to_the_provider_and_back(browser)) == "oidc_invalid", what


async def test_a_key_that_is_not_the_providers_signs_nothing_and_a_new_one_is_learned(
    world: World, browser: httpx.AsyncClient, provider: OidcProvider
) -> None:
    await knows(world)
    provider.key = RSAKey.generate_key(2048, {"kid": "forged"})
    assert failed(await to_the_provider_and_back(browser)) == "oidc_invalid"
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    assert failed(await to_the_provider_and_back(browser)) == "oidc_invalid"


async def test_the_provider_changes_its_key(
    world: World, app: FastAPI, browser: httpx.AsyncClient, provider: OidcProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await knows(world)
    assert (await to_the_provider_and_back(browser)).headers["Location"] == "/"
    first, new = provider.key, RSAKey.generate_key(2048, {"kid": "two"})
    provider.key, provider.published = new, [first, new]
    monkeypatch.setattr("cloud.identity.oidc._KEYS_AGAIN_S", 0.0)
    assert (await to_the_provider_and_back(browser)).headers["Location"] == "/"
    provider.published = [first]


async def test_an_answer_to_nothing_we_asked(
    world: World, app: FastAPI, browser: httpx.AsyncClient
) -> None:
    await knows(world)
    assert failed(await browser.get(f"{CALLBACK_PATH}?code=x&state=y")) == "oidc_stale"

    def other_state(url: str) -> str:
        return url.replace("state=", "state=x")

    assert failed(await to_the_provider_and_back(browser, other_state)) == "oidc_stale"

    def elsewhere(url: str) -> str:
        return url.replace("iss=", "iss=https%3A%2F%2Felsewhere.test%2F%3F")

    assert failed(await to_the_provider_and_back(browser, elsewhere)) == "oidc_invalid"

    def late(url: str) -> str:
        world.clock.advance(ATTEMPT_LASTS.total_seconds() + 1)
        return url

    assert failed(await to_the_provider_and_back(browser, late)) == "oidc_stale"
    browser.cookies.set("yuyue_oidc", "bm90IG91cnM=", domain="cloud.test")
    assert failed(await browser.get(f"{CALLBACK_PATH}?code=x&state=y")) == "oidc_stale"

    # Somebody else's answer, slipped to this browser: it logs nobody in as them.
    async with browser_on(app) as other, httpx.AsyncClient(trust_env=False) as outside:
        begun = await other.get(BEGIN)
        theirs = (await outside.get(begun.headers["Location"])).headers["Location"]
        assert failed(await browser.get(theirs)) == "oidc_stale"
        # And nobody comes in twice by one answer.
        assert (await other.get(theirs)).headers["Location"] == "/"
        assert failed(await other.get(theirs)) == "oidc_stale"


async def test_the_person_says_no_and_the_provider_is_away(
    world: World, app: FastAPI, browser: httpx.AsyncClient, provider: OidcProvider
) -> None:
    provider.refuses = True
    assert failed(await to_the_provider_and_back(browser)) == "oidc_refused"
    for wrong in ({"issuer": "https://elsewhere.test"}, {"token_endpoint": "javascript:x"}):
        provider.discovered = wrong
        fresh = create_app(settings_for(provider), world.database, world.clock, with_tasks=False)
        async with browser_on(fresh) as other:
            assert failed(await other.get(BEGIN)) == "oidc_unavailable"
    away = Settings(
        oidc_issuer="http://127.0.0.1:9", oidc_client_id=CLIENT_ID, public_url=HERE
    )  # fmt: skip
    gone = create_app(away, world.database, world.clock, with_tasks=False)
    async with browser_on(gone) as other:
        assert failed(await other.get(BEGIN)) == "oidc_unavailable"
    assert (await browser.get("/api/v1/session/ways")).status_code == 200


async def test_a_second_factor_is_not_gone_around(
    world: World, browser: httpx.AsyncClient, provider: OidcProvider
) -> None:
    await knows(world, totp_sealed=b"x", totp_confirmed_at=world.clock.now())
    assert failed(await to_the_provider_and_back(browser)) == "oidc_second_factor"
    provider.person["amr"] = ["pwd", "otp", "mfa"]
    assert (await to_the_provider_and_back(browser)).headers["Location"] == "/"


async def test_an_administrator_needs_two_factors_here_or_there(
    world: World, provider: OidcProvider
) -> None:
    settings = settings_for(provider, require_admin_totp=True)
    app = create_app(settings, world.database, world.clock, with_tasks=False)
    await knows(world, role=Role.ADMIN.value)
    async with browser_on(app) as browser:
        await to_the_provider_and_back(browser)
        assert (await browser.get("/api/v1/session")).json()["restriction"] == "second_factor"
        provider.person["amr"] = ["mfa"]
        await to_the_provider_and_back(browser)
        assert (await browser.get("/api/v1/session")).json()["restriction"] is None


async def test_without_a_provider_there_is_nothing(world: World) -> None:
    client = await world.desk()
    assert (await client.get("/api/v1/session/ways")).json() == {"password": True, "oidc": None}
    for path in (BEGIN, CALLBACK_PATH):
        assert (await client.get(path)).status_code == 404


async def test_the_attempt_is_not_readable_in_the_browser(browser: httpx.AsyncClient) -> None:
    begun = await browser.get(BEGIN)
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
    (cookie,) = begun.headers.get_list("set-cookie")
    assert state not in cookie
    assert "SameSite=lax" in cookie
    assert "HttpOnly" in cookie


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"oidc_issuer": "https://id.test"}, "OIDC_CLIENT_ID"),
        ({"oidc_issuer": "https://id.test", "oidc_client_id": "x"}, "PUBLIC_URL"),
        ({"oidc_issuer": "ldap://id.test"}, "oidc_issuer"),
        (
            {"oidc_issuer": "http://id.test", "oidc_client_id": "x", "public_url": "https://h.test",
             "environment": Environment.PRODUCTION, "cookie_secure": True,
             "database_url": "postgresql://o:long-and-random-9@h/db",
             "data_keys": SecretStr("k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")},
            "OIDC_ISSUER",
        ),
    ],
)  # fmt: skip
def test_half_a_provider_is_refused_at_the_start(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Settings(**values)


async def test_functions_for_this_are_closed_to_the_public(world: World) -> None:
    async with world.database.transaction() as session:
        names = (
            await session.scalars(
                text(
                    "SELECT proname FROM pg_proc WHERE proname IN"
                    " ('oidc_subject_is_taken', 'username_is_taken', 'auth_oidc')"
                    " AND array_to_string(proacl, ',') ~ '(^|,)=X'"
                )
            )
        ).all()
    assert list(names) == []
