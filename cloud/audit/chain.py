"""The chain of an institution's audit: how it is hashed, and whether it is whole."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from cloud.audit.models import AuditEntry, AuditHead
from cloud.database import TenantScope
from cloud.schema_types import iso_ms

_PAGE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `broken_at` None: whole, and `head` is what to keep elsewhere."""

    entries: int
    head: bytes
    broken_at: int | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, changed or put in."""
        return self.broken_at is None


def first_hash(institution_id: uuid.UUID) -> bytes:
    """What the first entry points at."""
    return hashlib.sha256(str(institution_id).encode()).digest()


def entry_hash(previous: bytes, seq: int, body: str) -> bytes:
    """The hash of an entry; `audit_append` in PostgreSQL makes the same."""
    return hashlib.sha256(previous + seq.to_bytes(8, "big") + body.encode("utf-8")).digest()


async def entries_in_order(scope: TenantScope, after: int = 0) -> AsyncIterator[AuditEntry]:
    """All entries after a number, page by page."""
    while True:
        statement = (
            scope.select(AuditEntry)
            .where(AuditEntry.seq > after)
            .order_by(AuditEntry.seq)
            .limit(_PAGE)
        )
        page = (await scope.session.scalars(statement)).all()
        for entry in page:
            yield entry
            after = entry.seq
            scope.session.expunge(entry)
        if len(page) < _PAGE:
            return


async def head_of(scope: TenantScope) -> tuple[int, bytes]:
    """The number and the hash of the newest entry."""
    head = (await scope.session.scalars(scope.select(AuditHead))).one_or_none()
    return (0, first_hash(scope.institution_id)) if head is None else (head.seq, head.hash)


async def verify(
    scope: TenantScope,
    kept_head: bytes | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Walk the whole chain. `kept_head`: a hash kept elsewhere, which must be in it.

    Without one, who can rewrite the database can also rewrite the whole chain from some entry to
    its end: keep the head of each verification somewhere else.
    """
    head_seq, head_hash = await head_of(scope)
    previous, seq, kept_seen = first_hash(scope.institution_id), 0, kept_head is None
    async for entry in entries_in_order(scope):
        if entry.seq > head_seq:
            break  # written meanwhile
        why = _wrong(entry, seq + 1, previous)
        if why:
            return Verdict(seq, previous, seq + 1, why)
        previous, seq = entry.hash, entry.seq
        kept_seen = kept_seen or previous == kept_head
        progress(seq)
    if (seq, previous) != (head_seq, head_hash):
        return Verdict(seq, previous, seq + 1, "entries at the end are missing")
    if not kept_seen and kept_head != first_hash(scope.institution_id):
        return Verdict(seq, previous, seq, "the hash kept elsewhere is not in the chain")
    return Verdict(seq, previous)


def _wrong(entry: AuditEntry, expected_seq: int, previous: bytes) -> str:
    if entry.seq != expected_seq:
        return f"entry {expected_seq} is missing"
    if entry.previous_hash != previous:
        return "does not follow the entry before it"
    if entry.hash != entry_hash(previous, entry.seq, entry.body):
        return "its text is not what was written"
    body = json.loads(entry.body)
    columns = {
        "at": iso_ms(entry.at),
        "action": entry.action,
        "elder_id": None if entry.elder_id is None else str(entry.elder_id),
        "actor": None if entry.actor_id is None else str(entry.actor_id),
    }
    told = {key: body[key] for key in ("at", "action", "elder_id")}
    told["actor"] = body["actor"]["id"]
    return "" if columns == told else "its columns are not what its text says"
