"""Rows of several tables in one round trip: PostgreSQL makes them JSON, here they are rows again.

For pages that show much of one thing: the price of a page is its round trips. What is made here
belongs to no session: to be read, never to be changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

import msgspec
from psycopg import AsyncCursor
from sqlalchemy import Date, DateTime, LargeBinary, Uuid
from sqlalchemy import inspect as inspect_model
from sqlalchemy.types import TypeEngine

from cloud.database import TenantBase

Model = TypeVar("Model", bound=TenantBase)


async def read_json(
    cursor: AsyncCursor[Any], statement: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """The object that a statement makes as the text of its only column and row."""
    await cursor.execute(statement, values)
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("the statement answers one row")
    found: dict[str, Any] = msgspec.json.decode(row[0])
    return found


def rows_of(model: type[Model], items: Iterable[Mapping[str, Any]] | None) -> list[Model]:
    """Rows that came as `row_to_json`; None: there was none to aggregate."""
    return [row_of(model, item) for item in items or ()]


def row_of(model: type[Model], item: Mapping[str, Any]) -> Model:
    """One row that came as `row_to_json`. Deferred columns are left out."""
    values = {}
    for name, convert in _readers(model):
        value = item[name]
        values[name] = value if convert is None or value is None else convert(value)
    return model(**values)


@cache
def _readers(model: type[TenantBase]) -> tuple[tuple[str, Callable[[str], Any] | None], ...]:
    columns = inspect_model(model).column_attrs
    return tuple(
        (attribute.key, _reader(attribute.columns[0].type))
        for attribute in columns
        if not attribute.deferred
    )


def _reader(kind: TypeEngine[Any]) -> Callable[[str], Any] | None:
    if isinstance(kind, Uuid):
        return uuid.UUID
    if isinstance(kind, DateTime):
        return datetime.fromisoformat
    if isinstance(kind, Date):
        return date.fromisoformat
    if isinstance(kind, LargeBinary):
        return _bytes
    return None


def _bytes(text: str) -> bytes:
    """`\\x0aff`, as PostgreSQL writes bytes in JSON."""
    return bytes.fromhex(text.removeprefix("\\x"))
