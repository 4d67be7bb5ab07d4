"""An example of every request body, shown in the OpenAPI document.

They stand in data/examples.json: by the name of the schema, or by `METHOD /path` where the body
has none. A test sends each through the model of its route.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

_FILE: Final = Path(__file__).parent / "data" / "examples.json"


@cache
def examples() -> dict[str, Any]:
    """All of them, by name."""
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def install_examples(app: FastAPI) -> None:
    """The application's document has them."""
    plain = app.openapi
    app.openapi = lambda: app.openapi_schema or _with_examples(plain())  # type: ignore[method-assign]


def _with_examples(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with an example at each body that has one."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            example = examples().get(_name_of(content.get("schema", {})))
            example = examples().get(f"{method.upper()} {path}", example)
            if example is not None:
                content["example"] = example
    return document


def _name_of(schema: dict[str, Any]) -> str:
    """The schema's own name; of an optional body, that of what it may be."""
    for choice in (schema, *schema.get("anyOf", ())):
        if "$ref" in choice:
            return str(choice["$ref"]).rpartition("/")[2]
    return ""
