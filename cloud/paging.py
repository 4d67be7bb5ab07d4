"""Long lists in pages: a cursor names the last row seen, so pages neither skip nor repeat.

    rows = await session.scalars(
        scope.select(User).where(*after(cursor, User.username, User.id))
        .order_by(User.username, User.id).limit(limit + 1)
    )
    items, next_cursor = page(rows.all(), limit, lambda user: (user.username, user.id))

Rows that are added or removed meanwhile do not shift the others. A cursor is not a secret; it is
opaque so that clients do not build their own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Query
from sqlalchemy import ColumnElement, tuple_

from cloud.errors import ProblemError

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_MAX_CURSOR_CHARS: Final = 500
Row = TypeVar("Row")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="rows a page")]
Cursor = Annotated[
    str | None,
    Query(max_length=_MAX_CURSOR_CHARS, description="`next_cursor` of the page before"),
]


def page(
    rows: Sequence[Row], limit: int, key: Callable[[Row], tuple[object, ...]]
) -> tuple[Sequence[Row], str | None]:
    """The page, of `limit + 1` rows read, and the cursor of the next one if there is one."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], _encode(key(rows[limit - 1]))


def after(cursor: str | None, *columns: Any, descending: bool = False) -> list[ColumnElement[bool]]:
    """The condition that a row comes after the cursor, in the order of the columns.

    Raises ProblemError 422 for a cursor that is none of these columns.
    """
    if cursor is None:
        return []
    values = _decode(cursor, [column.type.python_type for column in columns])
    here, there = tuple_(*columns), tuple_(*values)
    return [here < there if descending else here > there]


def _encode(key: tuple[object, ...]) -> str:
    text = json.dumps([_plain(part) for part in key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(part: object) -> object:
    if isinstance(part, datetime):
        return part.isoformat()
    return part if isinstance(part, int | str) else str(part)


def _decode(cursor: str, kinds: Sequence[type]) -> list[object]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return [_read(part, kind) for part, kind in zip(list(parts), kinds, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        errors = [{"field": "query.cursor", "message": "not a cursor of this list"}]
        raise ProblemError(
            422, "bad_request", "query.cursor: take it from `next_cursor`.", errors=errors
        ) from error


def _read(part: object, kind: type) -> object:
    if isinstance(part, str):
        if "\x00" in part:
            raise ValueError("NUL")
        if kind is UUID:
            return UUID(part)
        if kind is datetime:
            moment = datetime.fromisoformat(part)
            if moment.tzinfo is None:
                raise ValueError(part)
            return moment
        if kind is str:
            return part
    if kind is int and isinstance(part, int) and abs(part) < 2**63:
        return part
    raise ValueError(part)
