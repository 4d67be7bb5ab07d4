"""Every route by every role, and with another institution's ids: nothing leaks, none is left out.

The routes come from the application, so a new one is covered the day it is added. It must say its
access (cloud/identity/auth.py), and for every `{..._id}` in its path tests/cloud/access_ids.py
must know one that exists. `pytest -s tests/cloud/test_access.py` prints the table.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import make_url

from cloud.app import create_app, openapi_document
from cloud.database import Database
from cloud.identity.models import ApiToken
from cloud.identity.permissions import GRANTS, Permission, Role
from cloud.identity.secrets import new_api_token, token_hash
from cloud.identity.service import find_user
from cloud.identity.tokens import NOT_FOR_TOKENS
from cloud.settings import Settings
from tests.cloud.access import (
    Call,
    calls_of,
    document,
    headers_of,
    other_routes,
    perform,
    staged,
    table,
)
from tests.cloud.access_ids import CHOSEN_BY_THE_CALLER, ids_of
from tests.cloud.world import CHANGES, World
from tests.support.processes import REPOSITORY

# All routes by all roles: some ten seconds alone, more where others work too.
pytestmark = pytest.mark.timeout(300)

# Not calls of the API: the document itself, and the web's files.
STATIC = {"/api/v1/openapi.json", "/{path:path}"}
NOBODY = {**CHANGES, "X-Forwarded-For": "192.0.2.1"}


@pytest.fixture
async def stage(world: World) -> AsyncIterator[FastAPI]:
    """The application on the same database, whose transactions are all taken back."""
    async with staged(world, world.home, world.other) as app:
        yield app


class MadeUp(dict[str, str]):
    """Whatever is asked for has an id that nobody has."""

    def __missing__(self, name: str) -> str:
        return str(uuid.uuid4())


def random_ids(ids: dict[str, str]) -> dict[str, str]:
    return MadeUp((name, str(uuid.uuid4())) for name in ids)


def allowed(call: Call, role: Role) -> bool:
    (access,) = call.access
    return bool(access.any_of & GRANTS[role])


def test_every_role_has_grants_and_every_permission_a_holder() -> None:
    assert set(GRANTS) == set(Role)
    assert frozenset().union(*GRANTS.values()) == set(Permission)
    assert all(Permission.OWN_ACCOUNT in grants for grants in GRANTS.values())


async def test_every_route_says_its_access_once(stage: FastAPI) -> None:
    calls = calls_of(stage)
    silent = [call.label for call in calls if len(call.access) != 1]
    assert silent == [], "say requires(...), PUBLIC or GATEWAY once"
    assert other_routes(stage) == STATIC
    documented = {
        f"{method.upper()} {path}"
        for path, methods in openapi_document()["paths"].items()
        for method in methods
    }
    assert documented <= {call.label for call in calls}


async def test_every_route_by_every_role(world: World, stage: FastAPI) -> None:
    ids = random_ids(await ids_of(world, world.home))
    rows: dict[str, dict[str, str]] = {}
    sessions = {role: await headers_of(world, role) for role in Role}
    for call in calls_of(stage):
        (access,) = call.access
        row = rows[call.label] = {}
        nobody = await perform(stage, call, ids, NOBODY)
        row["nobody"] = "yes" if access.kind == "public" else "-"
        if access.kind != "public":
            assert nobody.status_code == 401, f"{call.label} as nobody: {nobody.text}"
        for role, headers in sessions.items():
            answer = await perform(stage, call, ids, headers)
            said = f"{call.label} as {role}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code < 500, said
            code = answer.json()["code"] if answer.status_code == 403 else ""
            if access.kind == "gateway":  # a person is no gateway
                assert answer.status_code == 401, said
            elif access.kind == "permission" and not allowed(call, role):
                assert code == "forbidden", said
            else:
                assert access.kind == "public" or answer.status_code != 401, said
                assert code != "forbidden", said
            may = access.kind == "public" or (access.kind == "permission" and allowed(call, role))
            row[role.value] = "yes" if may else "-"
    print("\n" + "\n".join(table(rows)))  # noqa: T201


async def test_a_gateway_is_no_person(world: World, stage: FastAPI) -> None:
    ids = random_ids(await ids_of(world, world.home))
    headers = {**CHANGES, "Authorization": f"Bearer {world.home.token}"}
    for call in calls_of(stage):
        if call.access[0].kind == "permission":
            answer = await perform(stage, call, ids, headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "not_logged_in"), call.label


async def test_another_institutions_ids_are_as_unknown_as_made_up_ones(
    world: World, stage: FastAPI
) -> None:
    own = await ids_of(world, world.home)
    theirs = await ids_of(world, world.other)
    walked = 0
    for call in calls_of(stage):
        if not call.path_names or call.access[0].kind != "permission":
            continue
        missing = set(call.path_names) - set(own)
        assert not missing, f"{call.label}: tests/cloud/access_ids.py must know {missing}"
        role = next(role for role in Role if allowed(call, role))
        headers = await headers_of(world, role)
        found = await perform(stage, call, own, headers)
        said = f"{call.label} with own ids: {found.status_code} {found.text[:300]}"
        assert found.status_code not in (401, 403, 404), said
        assert found.status_code < 500, said
        for name in call.path_names:  # one of theirs is enough to be refused
            new_id = str(uuid.uuid4())
            made_up = await perform(stage, call, own | {name: new_id}, headers)
            answer = await perform(stage, call, own | {name: theirs[name]}, headers)
            said = f"{call.label} with their {name}: {answer.status_code} {answer.text[:300]}"
            if (call.label, name) in CHOSEN_BY_THE_CALLER:
                assert answer.text == made_up.text.replace(new_id, theirs[name]), said
                continue
            assert answer.status_code == 404, said
            assert (answer.status_code, answer.content) == (404, made_up.content), said
        walked += 1
    assert walked > 0


async def test_their_ids_inside_a_body_find_nothing(world: World, stage: FastAPI) -> None:
    """Where a body names something by id, another institution's is refused."""
    own = await ids_of(world, world.home)
    theirs = await ids_of(world, world.other)
    for call in calls_of(stage):
        if call.access[0].kind != "permission" or call.method == "GET":
            continue
        _, _, body, kind = call.request(own)
        if body is None or kind != "application/json":
            continue
        named = [name for name in own if own[name].encode() in body]
        if not named:
            continue
        role = next(role for role in Role if allowed(call, role))
        headers = await headers_of(world, role)
        for name in named:
            # two names may mean one thing: `elder_id`, and FHIR's `patient`
            same = [other for other in own if own[other] == own[name]]
            mixed = own | {other: theirs[other] for other in same if other not in call.path_names}
            if mixed == own:
                continue
            answer = await perform(stage, call, mixed, headers)
            said = f"{call.label} with their {name}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code in (404, 409, 422), said


async def test_an_api_token_does_what_it_is_for_and_nothing_else(
    world: World, stage: FastAPI
) -> None:
    """Every call with a token of just its permission, and with one of all others."""
    ids = random_ids(await ids_of(world, world.home))
    for call in calls_of(stage):
        (access,) = call.access
        if access.kind != "permission":
            continue
        role = next(role for role in Role if allowed(call, role))
        others = GRANTS[role] - access.any_of
        for permissions, opens in ((access.any_of & GRANTS[role], True), (others, False)):
            token = await token_of(world, role, permissions - NOT_FOR_TOKENS)
            headers = {**CHANGES, "Authorization": f"Bearer {token}"}
            answer = await perform(stage, call, ids, headers)
            said = f"{call.label} with {sorted(permissions)}: {answer.status_code} {answer.text}"
            assert answer.status_code != 401 or call.streams, said
            assert answer.status_code < 500, said
            refused = answer.status_code == 403 and answer.json()["code"] == "forbidden"
            assert refused == (not opens or not permissions - NOT_FOR_TOKENS), said


async def token_of(world: World, role: Role, permissions: frozenset[Permission]) -> str:
    token = new_api_token()
    async with world.database.tenant(world.home.institution_id) as scope:
        user = await find_user(scope, world.home.username(role))
        assert user is not None
        now = world.clock.now()
        scope.session.add(
            ApiToken(
                id=uuid.uuid4(), institution_id=scope.institution_id, user_id=user.id, name="test",
                token_hash=token_hash(token), permissions=sorted(permissions), created_at=now,
                expires_at=now + timedelta(days=1),
            )
        )  # fmt: skip
    return token


def test_the_document_says_nothing_wrong() -> None:
    """docs/routes-by-role.md may lack the newest calls (`make access-table`), no more."""
    nowhere = Database(make_url("postgresql+psycopg://nobody@/nothing"))
    true = set(document(create_app(Settings(), nowhere, with_tasks=False)))
    said = (REPOSITORY / "docs" / "routes-by-role.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in said if line not in true] == []
    assert len(said) > len(true) * 0.9


async def test_changing_calls_need_the_header(world: World, stage: FastAPI) -> None:
    """Together with SameSite=strict: a page of another site cannot act for who is logged in."""
    ids = random_ids(await ids_of(world, world.home))
    for call in calls_of(stage):
        if call.method in ("GET", "HEAD") or call.access[0].kind == "gateway":
            continue
        role = next((role for role in Role if allowed(call, role)), Role.DUTY)
        headers = await headers_of(world, role)
        answer = await perform(stage, call, ids, {**headers, "X-Yuyue-Request": "0"})
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_header"), call.label
