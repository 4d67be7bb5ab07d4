"""Calls every route of the application as anybody, with requests made from its OpenAPI document."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.app import create_app
from cloud.database import Database, _finish
from cloud.identity.auth import Access, access_of
from cloud.identity.permissions import GRANTS, Permission, Role
from cloud.identity.tokens import NOT_FOR_TOKENS
from cloud.settings import Settings
from tests.cloud.access_ids import VALUES, fill
from tests.cloud.world import CHANGES, Home, World

_STREAM = "text/event-stream"


class _TakenBack(Exception):  # noqa: N818 - not an error
    """Ends a transaction that went well."""


class Rehearsal(Database):
    """Every transaction is taken back at its end: calls leave no trace, in any order."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        with contextlib.suppress(_TakenBack):
            async with super().transaction() as session:
                yield session
                await _finish(session)
                raise _TakenBack


@asynccontextmanager
async def staged(world: World, *homes: Home) -> AsyncIterator[FastAPI]:
    """The application on the same database: one of everything there, and no call leaves a trace."""
    for home in homes:
        await fill(world, home)
    database = Rehearsal(world.database.app_url)
    yield create_app(Settings(), database, world.clock, with_tasks=False)
    await database.close()


async def headers_of(world: World, role: Role, home: Home | None = None) -> dict[str, str]:
    """Of somebody of that role who is logged in, for calls that change something too."""
    client = await world.as_role(role, home)
    return {**CHANGES, "Cookie": f"yuyue_session={client.cookies['yuyue_session']}"}


@dataclass(frozen=True)
class Call:
    """One method of one route."""

    method: str
    path: str
    access: tuple[Access, ...]
    operation: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def path_names(self) -> list[str]:
        return [p["name"] for p in self.operation.get("parameters", []) if p["in"] == "path"]

    @property
    def streams(self) -> bool:
        answers = self.operation.get("responses", {}).get("200", {}).get("content", {})
        return _STREAM in answers

    def request(self, ids: Mapping[str, str]) -> tuple[str, str, bytes | None, str]:
        """Address, query, body and its kind; everything required is there, ids from `ids`."""
        path, query = self.path, {}
        for parameter in self.operation.get("parameters", []):
            name = parameter["name"]
            if parameter["in"] == "path":
                path = path.replace("{" + name + "}", ids[name])
            elif parameter["in"] == "query" and (parameter.get("required") or name in ids):
                query[name] = _value(name, parameter["schema"], self.schemas, ids)
        body, kind = None, "application/json"
        content = self.operation.get("requestBody", {}).get("content", {})
        if content:
            kind, described = next(iter(content.items()))
            value = _value("", described.get("schema", {}), self.schemas, ids)
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return path, urlencode(query), body, kind


def calls_of(app: FastAPI) -> list[Call]:
    """All of them, from the application itself, also those that the document leaves out."""
    document = app.openapi()
    schemas = document.get("components", {}).get("schemas", {})
    calls = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            path = str(route.path)
            access = tuple(access_of(route.dependant))
            for method in sorted(route.methods or ()):
                operation = document["paths"].get(path, {}).get(method.lower(), {})
                calls.append(Call(method, path, access, operation, schemas))
    return calls


def other_routes(app: FastAPI) -> set[str]:
    """What is served without the API's machinery."""
    return {
        str(route.path)
        for route in iter_route_contexts(app.routes)
        if not isinstance(route.original_route, APIRoute)
    }


def _value(
    name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], ids: Mapping[str, str]
) -> Any:
    if name in ids:
        return ids[name]
    if name.endswith("_ids") and name[:-1] in ids:
        return [ids[name[:-1]]]
    if name in VALUES:
        return VALUES[name]
    schema = _resolved(schema, schemas)
    for key in ("example", "default", "const"):
        if schema.get(key) is not None:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        wanted = set(schema.get("required", ()))
        return {
            key: _value(key, part, schemas, ids)
            for key, part in schema.get("properties", {}).items()
            if key in wanted or key in ids or (key.endswith("_ids") and key[:-1] in ids)
        }
    if kind == "array":
        count = schema.get("minItems", 0)
        return [_value("", schema.get("items", {}), schemas, ids) for _ in range(count)]
    return _scalar(kind, schema)


def _scalar(kind: str, schema: Mapping[str, Any]) -> Any:
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    if kind == "boolean":
        return True
    formats = {
        "uuid": str(uuid.uuid4()), "date-time": "2026-03-01T00:00:00Z", "date": "2026-03-01",
        "time": "08:00:00",
    }  # fmt: skip
    return formats.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
            continue
        choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if not choices:
            return schema
        schema = next(c for c in choices if c.get("type") != "null")


async def perform(
    app: FastAPI, call: Call, ids: Mapping[str, str], headers: Mapping[str, str]
) -> httpx.Response:
    """Call it; of a stream only the first words are waited for."""
    path, query, body, kind = call.request(ids)
    if call.streams:
        return await _first_words(app, call.method, path, query, headers)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://cloud.test") as client:
        wanted = {
            "If-Match": '"1"',
            **headers,
            **({"Content-Type": kind} if body is not None else {}),
        }
        url = f"{path}?{query}" if query else path
        return await client.request(call.method, url, content=body, headers=wanted)


async def _first_words(
    app: FastAPI, method: str, path: str, query: str, headers: Mapping[str, str]
) -> httpx.Response:
    started: dict[str, Any] = {}
    body = bytearray()

    async def receive() -> dict[str, Any]:
        # The caller hangs up as soon as it is asked again.
        return {"type": "http.disconnect"} if started else {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        body.extend(message.get("body", b""))

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "scheme": "http", "server": ("cloud.test", 80), "client": ("127.0.0.1", 1),
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    return httpx.Response(started["status"], headers=started["headers"], content=bytes(body))


def table(rows: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Routes down, roles across."""
    columns = list(next(iter(rows.values())))
    width = max(len(label) for label in rows)
    yield " " * width + " " + " ".join(columns)
    for label, cells in rows.items():
        marks = " ".join(cells[column].center(len(column)) for column in columns)
        yield f"{label:<{width}} {marks}".rstrip()


def document(app: FastAPI) -> Iterator[str]:
    """docs/routes-by-role.md: who may make each call, with a token too, and within what reach."""
    yield "# Every call by every role"
    yield ""
    yield (
        "Made by `make access-table` from the application; `tests/cloud/test_access.py` and "
        "`test_unit_limits.py` call each of them"
    )
    yield (
        "as everybody. **Token**: an API token may have the permission. **Units**: who serves "
        "certain units is refused (403 `outside_unit`)"
    )
    yield "for what lies outside them; lists leave it out."
    yield ""
    yield f"| Call | {' | '.join(role.value for role in Role)} | Token | Units |"
    yield f"|---|{'---|' * (len(Role) + 2)}"
    for call in sorted(calls_of(app), key=lambda call: (call.path, call.method)):
        yield f"| `{call.label}` | {' | '.join(_marks(call))} |"


def _marks(call: Call) -> list[str]:
    (access,) = call.access
    if access.kind == "public":
        return ["●" for _ in Role] + ["", "anybody"]
    if access.kind == "gateway":
        return ["" for _ in Role] + ["", "a gateway"]
    roles = ["●" if access.any_of & GRANTS[role] else "" for role in Role]
    token = "●" if access.any_of - NOT_FOR_TOKENS else ""
    guarded = {"elder_id", "alert_id", "home_id"} & set(call.path_names)
    beyond = access.any_of & {Permission.BREAK_GLASS, Permission.FAMILY_READ}
    return [*roles, token, "●" if guarded and not beyond else ""]


if __name__ == "__main__":
    from sqlalchemy import make_url

    nowhere = Database(make_url("postgresql+psycopg://nobody@/nothing"))
    print("\n".join(document(create_app(Settings(), nowhere, with_tasks=False))))  # noqa: T201
