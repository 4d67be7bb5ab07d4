"""Writing down who saw or changed what, when and why: append-only, chained by hashes.

    audit.record(scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=elder.id,
                 changes={"care_note": (old, new)})

The entry is written as one of the last acts of the same transaction: what is rolled back is not
written down, and what is committed is. Entries of one institution form a chain: each holds the
hash of the one before, so taking one out, changing one or putting one in breaks all that follow
(cloud/audit/chain.py). Names of people stand in the entry as they were; never write values of
encrypted fields: name the field, with `SECRET` for its values.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal

from sqlalchemy import text

from cloud.audit.actions import Action
from cloud.canonical import canonical_json
from cloud.database import BEFORE_ALL, TenantScope
from cloud.schema_types import iso_ms

# Stands for the values of fields that are kept encrypted.
SECRET: Final = "(encrypted)"  # noqa: S105 - stands for one
# A chart on a wall asks every minute: one entry tells it for this long.
READ_AGAIN_AFTER: Final = timedelta(minutes=15)
MAX_BODY_CHARS: Final = 64_000
_MAX_VALUE_CHARS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user, a gateway, an API token, or the system itself."""

    kind: Literal["user", "gateway", "token", "system"]
    id: uuid.UUID | None
    name: str
    role: str | None = None


SYSTEM: Final = Actor("system", None, "system")


def record(
    scope: TenantScope,
    actor: Actor,
    action: Action,
    now: datetime,
    *,
    elder_id: uuid.UUID | None = None,
    subject: tuple[str, object] | None = None,
    reason: str | None = None,
    changes: Mapping[str, tuple[object, object]] | None = None,
    detail: Mapping[str, object] | None = None,
    once_within: timedelta | None = None,
) -> None:
    """Write an entry when this transaction commits.

    `subject`: what was acted on, as (kind, id); `changes`: field to (before, after);
    `once_within`: nothing is written where the same actor did the same to the same elder, with
    the same detail, that recently.
    """
    body = canonical_json(
        {
            "at": iso_ms(now),
            "action": action.value,
            "actor": {
                "kind": actor.kind,
                "id": _plain(actor.id),
                "name": actor.name,
                "role": actor.role,
            },
            "elder_id": _plain(elder_id),
            "subject": None if subject is None else {"kind": subject[0], "id": _plain(subject[1])},
            "reason": reason,
            "changes": {
                name: {"before": _plain(before), "after": _plain(after)}
                for name, (before, after) in (changes or {}).items()
                if before != after or before == SECRET
            },
            "detail": _plain(detail or {}),
        }
    )
    if len(body) > MAX_BODY_CHARS:
        raise ValueError(f"an audit entry of {len(body)} characters; {MAX_BODY_CHARS} at most")
    values = {
        "at": now,
        "action": action.value,
        "actor_id": actor.id,
        "elder_id": elder_id,
        "body": body,
        "not_since": None if once_within is None else now - once_within,
    }

    async def append() -> None:
        await scope.session.execute(
            text("SELECT audit_append(:at, :action, :actor_id, :elder_id, :body, :not_since)"),
            values,
        )

    # Before the live position: two locks that every transaction takes in the same order.
    scope.before_commit(("audit", uuid.uuid4()), append, rank=BEFORE_ALL)


def record_read(
    scope: TenantScope, actor: Actor, elder_id: uuid.UUID, call: str, now: datetime
) -> None:
    """Someone saw something of an elder's record; `call` says what, by the name of the call."""
    record(
        scope,
        actor,
        Action.RECORD_READ,
        now,
        elder_id=elder_id,
        detail={"call": call},
        once_within=READ_AGAIN_AFTER,
    )


def _plain(value: object) -> Any:
    """As JSON, long texts cut."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, datetime):
        return iso_ms(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    # NUL: PostgreSQL's text cannot hold it.
    shown = str(value).replace("\x00", "�")
    return shown if len(shown) <= _MAX_VALUE_CHARS else shown[:_MAX_VALUE_CHARS] + "…"
