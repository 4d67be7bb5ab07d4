"""The contract: every request body has an example, and the example is taken by its route."""

from __future__ import annotations

from typing import Any

import jsonschema
import msgspec
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter
from sqlalchemy import make_url

from cloud.app import create_app, openapi_document
from cloud.database import Database
from cloud.examples import examples
from cloud.settings import Settings
from edge.found_wire import FoundReport
from edge.gateway_wire import EnrolRequest
from edge.wire import Batch, Heartbeat

# What gateways say is decoded by msgspec: the document only says that it is an object.
OF_GATEWAYS = {
    "POST /api/v1/ingest": Batch,
    "POST /api/v1/gateway/heartbeat": Heartbeat,
    "POST /api/v1/gateway/enroll": EnrolRequest,
    "POST /api/v1/gateway/found": FoundReport,
}
DOCUMENT = openapi_document()
BODIES = {
    f"{method.upper()} {path}": operation["requestBody"]["content"]["application/json"]
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
}


def body_types() -> dict[str, Any]:
    """What each route takes, by `METHOD /path`."""
    app = create_app(Settings(), Database(make_url("postgresql+psycopg://nobody@/nothing")))
    found = {}
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.dependant.body_params:
            (body,) = route.dependant.body_params
            for method in route.methods or ():
                found[f"{method} {route.path}"] = body.field_info.annotation
    return found


BODY_TYPES = body_types()


@pytest.mark.parametrize("call", BODIES)
def test_a_body_has_an_example_that_its_route_takes(call: str) -> None:
    assert "example" in BODIES[call], f"{call}: add one to cloud/data/examples.json"
    example = BODIES[call]["example"]
    schema = BODIES[call]["schema"] | {"components": DOCUMENT["components"]}
    jsonschema.validate(example, schema)
    if call in OF_GATEWAYS:
        msgspec.json.decode(msgspec.json.encode(example), type=OF_GATEWAYS[call])
    else:
        TypeAdapter(BODY_TYPES[call]).validate_json(msgspec.json.encode(example))


def test_every_schema_has_a_name_of_its_own() -> None:
    """Two classes of one name become `a__b__Name`, which no client can call by its name."""
    assert [name for name in DOCUMENT["components"]["schemas"] if "__" in name] == []


def test_no_example_is_left_over() -> None:
    used = {content["schema"].get("$ref", "").rpartition("/")[2] for content in BODIES.values()}
    used |= {
        choice.get("$ref", "").rpartition("/")[2]
        for content in BODIES.values()
        for choice in content["schema"].get("anyOf", ())
    }
    assert set(examples()) - used - set(BODIES) == set()
