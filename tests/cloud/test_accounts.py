"""Users and their accounts: made, changed, let go; second factors; tokens; several institutions."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest

from cloud.app import DemoDataError, create_app
from cloud.audit.chain import entries_in_order
from cloud.crypto import new_key
from cloud.identity.passwords import weakness
from cloud.identity.permissions import GRANTS, Permission, Role
from cloud.identity.service import add_institution, add_user
from cloud.identity.users import MAY_APPOINT
from cloud.settings import Settings
from tests.cloud.world import PASSWORD, Home, ManualClock, World

GOOD = "湖边的三棵老樟树"  # eight signs are too few; see below
STRONG = "three-old-camphor-trees"
USERS = "/api/v1/users"


def new(role: Role = Role.DUTY, **more: Any) -> dict[str, Any]:
    return {"username": "xiaochen", "name": "陈晓", "role": role.value, **more}


async def log_in(world: World, username: str, password: str, **more: str) -> httpx.Response:
    client = world.client()
    answer = await client.post(
        "/api/v1/session", json={"username": username, "password": password, **more}
    )
    answer.extensions["client"] = client
    return answer


async def made(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(USERS, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def acts(world: World, home: Home) -> list[tuple[str, str]]:
    async with world.database.tenant(home.institution_id) as scope:
        rows = [json.loads(entry.body) async for entry in entries_in_order(scope)]
    return [(row["action"], row["actor"]["name"]) for row in rows]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_from_made_to_let_go(world: World) -> None:
    admin = await world.as_role(Role.ADMIN)
    user = await made(admin, new())
    first = await log_in(world, "xiaochen", user["password"])
    client: httpx.AsyncClient = first.extensions["client"]
    assert first.json()["restriction"] == "password_change"
    assert first.json()["permissions"] == ["own_account"]
    assert problem(await client.get("/api/v1/alerts")) == (403, "password_change_needed")
    change = {"password": user["password"], "new_password": STRONG}
    assert (await client.put("/api/v1/account/password", json=change)).status_code == 204
    assert (await client.get("/api/v1/alerts")).status_code == 200

    at = f"{USERS}/{user['user']['id']}"
    assert (await admin.post(f"{at}/disable")).json()["disabled_at"]
    assert (await client.get("/api/v1/alerts")).status_code == 401
    assert problem(await log_in(world, "xiaochen", STRONG)) == (401, "bad_login")
    assert (await admin.post(f"{at}/enable")).json()["disabled_at"] is None
    assert (await log_in(world, "xiaochen", STRONG)).status_code == 200
    reset = (await admin.post(f"{at}/password-reset")).json()["password"]
    assert problem(await log_in(world, "xiaochen", STRONG)) == (401, "bad_login")
    assert (await log_in(world, "xiaochen", reset)).status_code == 200
    told = await acts(world, world.home)
    assert [action for action, _ in told] == [
        "user.created", "login.done", "password.changed", "user.disabled", "user.enabled",
        "login.done", "password.reset", "login.failed", "login.done",
    ]  # fmt: skip
    assert ("user.created", "admin 测试") in told


@pytest.mark.parametrize("actor", list(MAY_APPOINT))
async def test_nobody_makes_or_touches_whom_they_may_not(world: World, actor: Role) -> None:
    client, admin = await world.as_role(actor), await world.as_role(Role.ADMIN)
    listed = (await admin.get(USERS)).json()["users"]
    for role in Role:
        body = {**new(role), "username": f"u-{role}"}
        answer = await client.post(USERS, json=body)
        target = next(u for u in listed if u["username"] == f"home-{role}")
        removal = await client.delete(f"{USERS}/{target['id']}/second-factor")
        if role in MAY_APPOINT[actor]:
            assert answer.status_code == 201
            assert removal.status_code == 200
        else:
            assert problem(answer) == (403, "not_yours_to_appoint")
            assert problem(removal) == (403, "not_yours_to_appoint")


async def test_changing_needs_the_version_that_was_read(world: World) -> None:
    admin = await world.as_role(Role.ADMIN)
    at = f"{USERS}/{(await made(admin, new()))['user']['id']}"
    assert problem(await admin.patch(at, json={"name": "陈小"})) == (428, "version_needed")
    etag = (await admin.get(at)).headers["ETag"]
    done = await admin.patch(at, json={"role": "head_nurse"}, headers={"If-Match": etag})
    assert (done.status_code, done.json()["role"]) == (200, "head_nurse")
    late = await admin.patch(at, json={"name": "陈小"}, headers={"If-Match": etag})
    assert problem(late) == (412, "changed_meanwhile")
    assert (await admin.get(at)).json()["name"] == "陈晓"


async def test_the_last_administrator_stays(world: World) -> None:
    admin = await world.as_role(Role.ADMIN)
    (me,) = (await admin.get(f"{USERS}?role=admin")).json()["users"]
    at = f"{USERS}/{me['id']}"
    assert problem(await admin.post(f"{at}/disable")) == (409, "own_account")
    demote = await admin.patch(at, json={"role": "duty"}, headers={"If-Match": '"1"'})
    assert problem(demote) == (409, "own_role")
    second = await made(admin, {**new(Role.ADMIN), "username": "second"})
    assert (await admin.post(f"{USERS}/{second['user']['id']}/disable")).status_code == 200


@pytest.mark.parametrize(
    ("change", "field", "status"),
    [
        ({"username": "home-duty1"}, "username", 409),
        ({"username": "other-duty1"}, "username", 409),  # unique over all institutions
        ({"username": "a b"}, "username", 422),
        ({"username": "x" * 41}, "username", 422),
        ({"name": " "}, "name", 422),
        ({"name": "a\x00b"}, "name", 422),
        ({"role": "king"}, "role", 422),
        ({"unit_ids": [str(uuid.uuid4())]}, "unit_ids", 422),
        ({"salary": 3}, "salary", 422),
    ],
)
async def test_a_wrong_user_is_refused_by_field(
    world: World, change: dict[str, Any], field: str, status: int
) -> None:
    admin = await world.as_role(Role.ADMIN)
    answer = await admin.post(USERS, json=new() | change)
    assert answer.status_code == status, answer.text
    assert field in answer.json()["errors"][0]["field"]
    assert "xiaochen" not in (await admin.get(USERS)).text


async def test_users_by_page_and_by_name(world: World) -> None:
    admin = await world.as_role(Role.ADMIN)
    everyone, cursor = [], ""
    while cursor is not None:
        page = (
            await admin.get(
                USERS, params={"limit": 3, "cursor": cursor} if cursor else {"limit": 3}
            )
        ).json()
        everyone += [user["username"] for user in page["users"]]
        cursor = page["next_cursor"]
    assert everyone == sorted(everyone)
    assert set(everyone) == {f"home-{role}" for role in Role} | set(world.home.usernames)
    found = (await admin.get(USERS, params={"q": "周"})).json()["users"]
    assert [user["username"] for user in found] == ["home-duty1"]
    assert (await admin.get(USERS, params={"q": "%"})).json()["users"] == []


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "WzFd", "WyJhIiwiYiJd", "WyJhXHUwMDAwIiwiYiJd", "中"]
)
async def test_a_cursor_that_is_none(world: World, cursor: str) -> None:
    admin = await world.as_role(Role.ADMIN)
    answer = await admin.get(USERS, params={"cursor": cursor})
    assert problem(answer) == (422, "bad_request")
    assert answer.json()["errors"][0]["field"] == "query.cursor"


@pytest.mark.parametrize(
    "password",
    ["short", "1234567890", "a123456789", "Password123!", "woaini1314520", "abcabcabcabc",
     "home-duty1-2026", "周敏周敏周敏喜欢夜班", "aaaaaaaaaabb", "qwertyuiop", GOOD, "x" * 129],
)  # fmt: skip
async def test_a_weak_password_is_refused_with_a_reason(world: World, password: str) -> None:
    desk = await world.desk()
    body = {"password": PASSWORD, "new_password": password}
    answer = await desk.put("/api/v1/account/password", json=body)
    assert problem(answer) == (422, "bad_request")
    assert answer.json()["errors"][0]["field"] == "body.new_password"
    assert password not in answer.text


@pytest.mark.parametrize("password", [STRONG, "湖边的三棵老樟树和一只猫", "m4x-q8t-zz-71k"])
def test_a_good_password(password: str) -> None:
    assert weakness(password, ("zhiban1", "周敏")) is None


async def test_an_open_screen_is_not_enough(world: World) -> None:
    desk = await world.desk()
    body = {"password": "guess", "new_password": STRONG}
    for _ in range(10):
        answer = await desk.put("/api/v1/account/password", json=body)
        assert problem(answer) == (422, "bad_request")
    assert problem(await desk.put("/api/v1/account/password", json=body)) == (429, "busy")
    assert (await log_in(world, world.home.usernames[0], PASSWORD)).status_code == 200


async def test_one_sees_and_ends_ones_logins(world: World) -> None:
    phone, desk = await world.desk(), await world.desk()
    colleague = await world.desk(1)
    sessions = (await desk.get("/api/v1/account/sessions")).json()["sessions"]
    assert sorted(item["current"] for item in sessions) == [False, True]
    (other,) = (item["id"] for item in sessions if not item["current"])
    assert (await colleague.delete(f"/api/v1/account/sessions/{other}")).status_code == 404
    assert (await desk.delete(f"/api/v1/account/sessions/{other}")).status_code == 204
    assert (await phone.get("/api/v1/session")).status_code == 401
    again = await world.desk()
    change = {"password": PASSWORD, "new_password": STRONG}
    assert (await desk.put("/api/v1/account/password", json=change)).status_code == 204
    assert (await again.get("/api/v1/session")).status_code == 401
    assert (await desk.get("/api/v1/session")).status_code == 200


async def enrol(client: httpx.AsyncClient, clock: ManualClock) -> tuple[pyotp.TOTP, list[str]]:
    begun = await client.post("/api/v1/account/second-factor", json={"password": PASSWORD})
    assert begun.status_code == 200, begun.text
    assert begun.json()["qr_svg"].startswith("<svg")
    totp = pyotp.parse_uri(begun.json()["uri"])
    assert isinstance(totp, pyotp.TOTP)
    wrong = await client.post("/api/v1/account/second-factor/confirm", json={"code": "000000"})
    assert wrong.status_code == 422
    body = {"code": totp.at(clock.now())}
    confirmed = await client.post("/api/v1/account/second-factor/confirm", json=body)
    assert confirmed.status_code == 200, confirmed.text
    return totp, confirmed.json()["recovery_codes"]


async def test_a_second_factor(world: World, clock: ManualClock) -> None:
    name = world.home.username(Role.ADMIN)
    totp, recovery = await enrol(await world.as_role(Role.ADMIN), clock)
    assert problem(await log_in(world, name, PASSWORD)) == (401, "second_factor_needed")
    assert problem(await log_in(world, name, "wrong", code="123456")) == (401, "bad_login")
    used = totp.at(clock.now())
    assert problem(await log_in(world, name, PASSWORD, code=used)) == (401, "bad_second_factor")
    clock.advance(60)
    assert (await log_in(world, name, PASSWORD, code=totp.at(clock.now()))).status_code == 200
    again = await log_in(world, name, PASSWORD, code=totp.at(clock.now()))
    assert problem(again) == (401, "bad_second_factor")  # each code once
    clock.advance(60)
    late = totp.at(clock.now() - timedelta(seconds=90))
    assert problem(await log_in(world, name, PASSWORD, code=late)) == (401, "bad_second_factor")
    assert len(set(recovery)) == 10
    assert all(re.fullmatch(r"[a-z2-9]{5}-[a-z2-9]{5}", code) for code in recovery)
    assert (await log_in(world, name, PASSWORD, code=recovery[0].upper())).status_code == 200
    spent = await log_in(world, name, PASSWORD, code=recovery[0])
    assert problem(spent) == (401, "bad_second_factor")


async def test_second_factors_are_kept_sealed(world: World, clock: ManualClock) -> None:
    client = await world.as_role(Role.ADMIN)
    totp, recovery = await enrol(client, clock)
    async with world.database.tenant(world.home.institution_id) as scope:
        from sqlalchemy import text

        kept = str(
            (await scope.session.execute(text("SELECT u::text FROM user_account u"))).all()
            + (await scope.session.execute(text("SELECT r::text FROM recovery_code r"))).all()
        )
    assert totp.secret not in kept
    assert totp.secret.encode().hex() not in kept
    assert not any(code in kept or code.encode().hex() in kept for code in recovery)


async def test_production_administrators_need_one(world: World, clock: ManualClock) -> None:
    app = create_app(Settings(require_admin_totp=True), world.database, clock, with_tasks=False)
    strict = World(app, world.database, clock, world.home, world.other)
    admin = await strict.as_role(Role.ADMIN)
    me = (await admin.get("/api/v1/session")).json()
    assert (me["restriction"], me["permissions"]) == ("second_factor", ["own_account"])
    assert problem(await admin.get(USERS)) == (403, "second_factor_setup_needed")
    assert (await (await strict.desk()).get("/api/v1/alerts")).status_code == 200
    await enrol(admin, clock)
    assert (await admin.get(USERS)).status_code == 200
    await strict.close()


async def test_how_long_a_login_lasts_is_by_role(world: World, clock: ManualClock) -> None:
    hours = {Role.DUTY: 12, Role.ADMIN: 1, Role.ASSESSOR: 2, Role.FAMILY: 30 * 24}
    clients = {role: await world.as_role(role) for role in hours}
    for role, client in clients.items():
        clock.advance(90)  # use writes the role's own time down
        assert (await client.get("/api/v1/session")).status_code == 200
        me = (await client.get("/api/v1/session")).json()
        until = clock.now() + timedelta(hours=hours[role])
        assert me["session_expires_at"] == until.isoformat(timespec="milliseconds").replace(
            "+00:00", "Z"
        ), role


async def test_tries_wait_longer_each_time(world: World, clock: ManualClock) -> None:
    name = world.home.usernames[0]
    waits = []
    for _ in range(3):
        for _ in range(10):
            assert (await log_in(world, name, "guess")).status_code == 401
        refused = await log_in(world, name, PASSWORD)
        waits.append(int(refused.headers["Retry-After"]))
        clock.advance(waits[-1] + 1)
    assert waits == [300, 600, 1200]
    for _ in range(11):
        await log_in(world, name, "guess")
    admin = await world.as_role(Role.ADMIN)
    (user,) = (await admin.get(USERS, params={"q": name})).json()["users"]
    assert problem(await log_in(world, name, PASSWORD)) == (429, "busy")
    assert (await admin.post(f"{USERS}/{user['id']}/unlock")).status_code == 204
    assert (await log_in(world, name, PASSWORD)).status_code == 200


def token_body(clock: ManualClock, *permissions: str, days: int = 30) -> dict[str, Any]:
    until = (clock.now() + timedelta(days=days)).isoformat()
    return {"name": "省平台对接", "permissions": permissions, "expires_at": until}


async def test_a_token_does_what_it_names_and_ends(world: World, clock: ManualClock) -> None:
    admin = await world.as_role(Role.ADMIN)
    issued = await admin.post("/api/v1/tokens", json=token_body(clock, "status_read"))
    secret = issued.json()["secret"]
    program = world.client(Authorization=f"Bearer {secret}")
    assert (await program.get("/api/v1/status")).status_code == 200
    assert problem(await program.get("/api/v1/alerts")) == (403, "forbidden")
    assert problem(await program.get("/api/v1/session")) == (403, "forbidden")
    assert secret not in (await admin.get("/api/v1/tokens")).text
    token_id = issued.json()["token"]["id"]
    other = await world.as_role(Role.ADMIN, world.other)
    assert (await other.delete(f"/api/v1/tokens/{token_id}")).status_code == 404
    assert (await admin.delete(f"/api/v1/tokens/{token_id}")).status_code == 204
    assert problem(await program.get("/api/v1/status")) == (401, "not_logged_in")

    again = (
        await admin.post("/api/v1/tokens", json=token_body(clock, "status_read", days=1))
    ).json()
    program = world.client(Authorization=f"Bearer {again['secret']}")
    assert (await program.get("/api/v1/status")).status_code == 200
    clock.advance(86_401)
    assert problem(await program.get("/api/v1/status")) == (401, "not_logged_in")


@pytest.mark.parametrize(
    ("permissions", "days", "field"),
    [
        (["records_read"], 30, "permissions"),  # an administrator has none to give
        (["users_manage"], 30, "permissions"),
        (["own_account"], 30, "permissions"),
        ([], 30, "permissions"),
        (["status_read"], 400, "expires_at"),
        (["status_read"], -1, "expires_at"),
    ],
)
async def test_a_token_that_may_not_be(
    world: World, clock: ManualClock, permissions: list[str], days: int, field: str
) -> None:
    admin = await world.as_role(Role.ADMIN)
    answer = await admin.post("/api/v1/tokens", json=token_body(clock, *permissions, days=days))
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["field"]


async def test_several_institutions_of_one_organization(world: World, clock: ManualClock) -> None:
    async with world.database.transaction() as session:
        here = await add_institution(session, "江北院", clock.now(), organization="渝悦养老集团")
        await add_user(
            here, "jituan", "集团护士长", role=Role.HEAD_NURSE, password=PASSWORD, now=clock.now()
        )
    async with world.database.transaction() as session:
        there = await add_institution(session, "南岸院", clock.now(), organization="渝悦养老集团")
        await add_user(
            there, "nanan", "南岸管理员", role=Role.ADMIN, password=PASSWORD, now=clock.now()
        )
    admin = (await log_in(world, "nanan", PASSWORD)).extensions["client"]
    stranger = await world.as_role(Role.ADMIN)
    link = {"username": "jituan", "role": "duty"}
    assert (await stranger.post(f"{USERS}/links", json=link)).status_code == 404
    linked = await admin.post(f"{USERS}/links", json=link)
    assert (linked.status_code, linked.json()["linked"]) == (201, True)

    nurse = (await log_in(world, "jituan", PASSWORD)).extensions["client"]
    places = (await nurse.get("/api/v1/account/institutions")).json()["institutions"]
    assert [(p["institution"]["name"], p["role"], p["current"]) for p in places] == [
        ("南岸院", "duty", False), ("江北院", "head_nurse", True),
    ]  # fmt: skip
    target = {"institution_id": places[0]["institution"]["id"]}
    entered = await nurse.put("/api/v1/session/institution", json=target)
    assert (entered.json()["role"], entered.json()["institution"]["name"]) == ("duty", "南岸院")
    assert (await nurse.get("/api/v1/session")).json()["role"] == "duty"
    not_hers = {"institution_id": str(world.home.institution_id)}
    assert (await nurse.put("/api/v1/session/institution", json=not_hers)).status_code == 404
    body = {"password": PASSWORD, "new_password": STRONG}
    assert problem(await nurse.put("/api/v1/account/password", json=body)) == (
        409,
        "linked_account",
    )
    # Gone at home is gone everywhere.
    async with world.database.tenant(here.institution_id) as scope:
        from cloud.identity.service import find_user

        user = await find_user(scope, "jituan")
        assert user is not None
        user.disabled_at = clock.now()
    assert (await nurse.get("/api/v1/session")).status_code == 401


def test_what_a_role_may_appoint_it_cannot_use_to_rise() -> None:
    """Nobody makes a user who may more than they, except administrators, who make all."""
    for role, appointed in MAY_APPOINT.items():
        assert Permission.USERS_MANAGE in GRANTS[role]
        if role is not Role.ADMIN:
            assert all(
                GRANTS[other] <= GRANTS[role] | {Permission.FAMILY_READ} for other in appointed
            )
    assert {role for role, grants in GRANTS.items() if Permission.USERS_MANAGE in grants} == set(
        MAY_APPOINT
    )


async def test_production_does_not_start_on_the_demos_database(world: World) -> None:
    safe = {
        "environment": "production", "cookie_secure": True, "data_keys": f"k:{new_key()}",
        "database_url": "postgresql://owner@db/yuyue",
    }  # fmt: skip
    app = create_app(Settings(**safe), world.database, world.clock, with_tasks=False)  # type: ignore[arg-type]
    async with app.router.lifespan_context(app):
        pass
    async with world.database.transaction() as session:
        await add_institution(session, "渝悦示范养老院", world.clock.now(), demo=True)
    with pytest.raises(DemoDataError, match="demo"):
        async with app.router.lifespan_context(app):
            pass
    demo = create_app(Settings(), world.database, world.clock, with_tasks=False)
    async with demo.router.lifespan_context(demo):
        pass
