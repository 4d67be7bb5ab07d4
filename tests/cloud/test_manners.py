"""Bodies that are no bodies: too large, not text, not JSON; each is told, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from cloud.identity.permissions import Role
from cloud.limits import MAX_BYTES, MAX_JSON_BYTES
from tests.cloud.world import World

JSON = {"Content-Type": "application/json"}


def problem(answer: httpx.Response, status: int, field: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    body = answer.json()
    assert body["status"] == status
    assert body["detail"].startswith(field) or body["errors"][0]["field"].startswith(field)


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/users"])
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"x" * (MAX_JSON_BYTES + 1), 413),
        (b'{"username":"\xff\xfe"}', 422),
        (b"[1", 422),
        (b"", 422),
        (b"null", 422),
        (b"[" * 100_000, 422),
        (b'{"username":"\\ud800","name":"x","role":"duty","password":"x"}', 422),
        (b'{"username":1e999}', 422),
    ],
)
async def test_a_body_that_cannot_be(world: World, path: str, content: bytes, status: int) -> None:
    admin = await world.as_role(Role.ADMIN)
    problem(await admin.post(path, content=content, headers=JSON), status, "body")


async def test_a_body_that_does_not_say_how_large_it_is(world: World) -> None:
    admin = await world.as_role(Role.ADMIN)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b'{"a":' * 13_107 + b" "

    answer = await admin.post("/api/v1/users", content=endless(), headers=JSON)
    problem(answer, 413, "body")
    assert sent <= MAX_JSON_BYTES + 2 * 65_536


async def test_other_bodies_may_be_larger_but_not_endless(world: World) -> None:
    admin = await world.as_role(Role.ADMIN)
    large = b"\x00" * (MAX_JSON_BYTES + 1)
    answer = await admin.post("/api/v1/users", content=large, headers={"Content-Type": "image/png"})
    assert answer.status_code == 422
    answer = await admin.post(
        "/api/v1/users", content=b"\x00" * (MAX_BYTES + 1), headers={"Content-Type": "image/png"}
    )
    problem(answer, 413, "body")


@pytest.mark.parametrize(
    "query",
    [{"q": "a\x00b"}, {"limit": "0"}, {"limit": "1e9"}, {"role": "x' OR 1=1 --"}, {"cursor": "🙂"}],
)
async def test_a_query_that_cannot_be(world: World, query: dict[str, Any]) -> None:
    admin = await world.as_role(Role.ADMIN)
    problem(await admin.get("/api/v1/users", params=query), 422, "query")


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE elder; --", "<script>alert(1)</script>", "%s%n", "../../etc"]
)
async def test_fragments_of_other_languages_are_only_text(world: World, text: str) -> None:
    admin = await world.as_role(Role.ADMIN)
    body = {"username": "u1", "name": text, "role": "duty"}
    made = await admin.post("/api/v1/users", json=body)
    assert made.json()["user"]["name"] == text
    found = (await admin.get("/api/v1/users", params={"q": text})).json()["users"]
    assert [user["name"] for user in found] == [text]
    assert made.headers["Content-Type"] == "application/json"
