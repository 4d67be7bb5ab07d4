"""A copy of everything that is kept of one elder, line by line. Measurements have their own."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import text

from cloud.crypto import BadCiphertextError, Keyring
from cloud.database import Base, TenantScope
from cloud.people.service import find_elder
from cloud.places.homes import find_photo, jpeg_of
from cloud.rights.catalogue import DOCUMENTS, HELD, NOT_SHOWN, Held
from cloud.rights.finding import rows_of
from cloud.rotation import SEALED, Sealed

_SEALED: Final = {(one.model.__tablename__, one.column): one for one in SEALED}
# Rows fetched at a time: an elder's years of audit are not held in memory.
_AT_A_TIME: Final = 500


@cache
def _models() -> Mapping[str, Any]:
    """By table. All slices are imported by the time somebody asks."""
    return {str(one.local_table.name): one.class_ for one in Base.registry.mappers}  # type: ignore[attr-defined]


async def copy_lines(
    scope: TenantScope, keyring: Keyring, elder_id: uuid.UUID, now: datetime
) -> AsyncIterator[str]:
    """JSON objects, one a line: first what this is, then rows, each with its table and title."""
    yield _line({
        "about": str(elder_id), "made_at": now.isoformat(),
        "not_in_it": "测量数据另行导出（/series/export）；照片在最后一行",
    })  # fmt: skip
    for held in HELD:
        async for line in _rows(scope, keyring, held, elder_id):
            yield line
    for table in DOCUMENTS:
        async for line in _documents(scope, table, elder_id):
            yield line
    async for line in _photo(scope, keyring, elder_id):
        yield line


async def _rows(
    scope: TenantScope, keyring: Keyring, held: Held, elder_id: uuid.UUID
) -> AsyncIterator[str]:
    model = _models()[held.table]
    condition = text(rows_of(held)).bindparams(elder=elder_id, institution=scope.institution_id)
    statement = scope.select(model).where(condition)
    stream = await scope.session.stream_scalars(
        statement.order_by(*model.__table__.primary_key).execution_options(yield_per=_AT_A_TIME)
    )
    async for row in stream:
        shown = {
            column.key: _shown(keyring, held.table, column.key, row)
            for column in model.__table__.columns
            if column.key not in NOT_SHOWN
        }
        yield _line({"table": held.table, "title": held.zh, "title_en": held.en, "row": shown})


def _shown(keyring: Keyring, table: str, column: str, row: Any) -> object:
    value = getattr(row, column)
    sealed = _SEALED.get((table, column))
    if sealed is not None:
        return _opened(keyring, sealed, row)
    if isinstance(value, bytes):
        return _readable(value)
    if table == "audit_entry" and column == "body":
        return json.loads(value)
    return value


def _opened(keyring: Keyring, sealed: Sealed, row: Any) -> str | None:
    held = getattr(row, sealed.column)
    if held is None:
        return None
    try:
        return _readable(keyring.decrypt_bytes(held, sealed.context(row)))
    except BadCiphertextError:  # sealed by a key that is gone: said, and the rest is handed out
        return "（打不开）"


def _readable(value: bytes) -> str:
    """Text where it is text (JSON of an event, a phone number), else base64."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


async def _documents(scope: TenantScope, table: str, elder_id: uuid.UUID) -> AsyncIterator[str]:
    zh, en, columns, _ = DOCUMENTS[table]
    found = await scope.session.execute(
        text(
            f"SELECT {', '.join(columns)}, body FROM {table}"  # noqa: S608
            " WHERE institution_id = :institution AND position(:elder in body::text) > 0"
        ),
        {"institution": scope.institution_id, "elder": str(elder_id)},
    )
    for *heads, body in found:
        document = json.loads(body) if isinstance(body, str) else body
        lines = list(_naming(document, str(elder_id)))
        row = dict(zip(columns, heads, strict=True)) | {"lines": lines}
        if lines:
            yield _line({"table": table, "title": zh, "title_en": en, "row": row})


def _naming(part: Any, elder_id: str) -> Iterator[Mapping[str, Any]]:
    """The innermost objects of a document that are about an elder."""
    if isinstance(part, Mapping):
        if part.get("elder_id") == elder_id:
            yield part
        else:
            for inner in part.values():
                yield from _naming(inner, elder_id)
    elif isinstance(part, list):
        for inner in part:
            yield from _naming(inner, elder_id)


async def _photo(scope: TenantScope, keyring: Keyring, elder_id: uuid.UUID) -> AsyncIterator[str]:
    elder = await find_elder(scope, elder_id)
    if elder.photo_id is None:
        return
    jpeg = jpeg_of(await find_photo(scope, elder.photo_id), keyring)
    yield _line({
        "table": "photo", "title": "照片", "title_en": "photo",
        "row": {"id": elder.photo_id, "jpeg_base64": base64.b64encode(jpeg).decode()},
    })  # fmt: skip


def _line(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
