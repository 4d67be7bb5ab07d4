"""Which desks can be believed: sound on, stream alive, heard of just now."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_

from cloud.alerts.consoles.models import Console
from cloud.database import TenantScope

# A desk says how it is every 10 s; three missed, and nobody can count on it.
BEAT_S: Final = 10.0
SILENT_AFTER: Final = timedelta(seconds=3 * BEAT_S)


def is_healthy(console: Console, now: datetime) -> bool:
    """Whether somebody in front of it would hear an alert now."""
    return (
        console.closed_at is None
        and console.audio == "running"
        and console.live
        and now - console.last_seen_at < SILENT_AFTER
    )


def healthy_now(now: datetime) -> ColumnElement[bool]:
    """The same for the database."""
    return and_(
        Console.closed_at.is_(None),
        Console.audio == "running",
        Console.live,
        Console.last_seen_at > now - SILENT_AFTER,
    )


async def healthy_users(scope: TenantScope, now: datetime) -> set[uuid.UUID]:
    """Users with a healthy desk."""
    statement = scope.select(Console).where(healthy_now(now)).with_only_columns(Console.user_id)
    return set(await scope.session.scalars(statement))
