"""Telling the screens: positions strictly in commit order, for each institution.

The position is drawn as the very last thing of a transaction, by updating the institution's row of
`live_head`. That row stays locked until the commit, so the next position can only be drawn after
this one is visible: a reader that has seen N will never find something new below N. The numbers
have no gaps either, since a rollback takes the number back.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, text, update
from sqlalchemy.dialects.postgresql import insert

from cloud.database import AFTER_ALL, TenantScope
from cloud.live.models import LiveEvent, LiveHead

CHANNEL: Final = "yuyue_live"
# A desk that was off over a long weekend still gets its replay; after that it reloads.
RETENTION: Final = timedelta(days=7)
_COLLECTED: Final = "live news"


@dataclass(frozen=True, slots=True)
class Head:
    """The last position, and the highest one that is no longer kept."""

    position: int
    forgotten_through: int


@dataclass(frozen=True, slots=True)
class _News:
    """One thing to tell: what of, and who writes it."""

    kind: str
    now: datetime
    subject_id: uuid.UUID | None
    what: Any
    write: Writer | None


# The payloads of several things of a kind, as they are at the end of the transaction.
Writer = Callable[[TenantScope, Sequence[Any], datetime], Awaitable[Sequence[str]]]


def publish_at_commit(
    scope: TenantScope,
    key: Hashable,
    kind: str,
    now: datetime,
    *,
    subject_id: uuid.UUID | None = None,
    what: object = None,
    write: Writer | None = None,
) -> None:
    """Tell the screens when this transaction commits; once for each key, with the last payload.

    Without `write` the payload is made when it is sent.
    """
    news = _News(kind, now, subject_id, what, write)

    async def collect() -> None:
        scope.session.info.setdefault(_COLLECTED, []).append(news)

    async def publish() -> None:
        await _publish(scope, scope.session.info.pop(_COLLECTED, []))

    scope.before_commit((kind, key), collect)
    scope.before_commit(_COLLECTED, publish, rank=AFTER_ALL)


async def _publish(scope: TenantScope, news: Sequence[_News]) -> None:
    """Everything the transaction has to tell, in few statements: a flood has much."""
    bodies: dict[int, str] = {}
    for write in {item.write for item in news if item.write is not None}:
        numbers = [number for number, item in enumerate(news) if item.write is write]
        whats, now = [news[number].what for number in numbers], news[numbers[-1]].now
        bodies |= dict(zip(numbers, await write(scope, whats, now), strict=True))
    last = await _draw_positions(scope, len(news))
    for number, item in enumerate(news):
        scope.session.add(
            LiveEvent(
                institution_id=scope.institution_id,
                position=last - len(news) + 1 + number,
                kind=item.kind,
                subject_id=item.subject_id,
                payload=bodies.get(number),
                created_at=item.now,
            )
        )
    await scope.session.execute(
        text("SELECT pg_notify(:channel, :payload)"),
        {"channel": CHANNEL, "payload": str(scope.institution_id)},
    )


async def _draw_positions(scope: TenantScope, count: int) -> int:
    """The last of `count` new positions."""
    statement = (
        insert(LiveHead)
        .values(institution_id=scope.institution_id, position=count)
        .on_conflict_do_update(
            index_elements=[LiveHead.institution_id], set_={"position": LiveHead.position + count}
        )
        .returning(LiveHead.position)
    )
    return int((await scope.session.execute(statement)).scalar_one())


async def read_head(scope: TenantScope) -> Head:
    """Where the stream is."""
    row = (await scope.session.scalars(scope.select(LiveHead))).one_or_none()
    return Head(0, 0) if row is None else Head(row.position, row.forgotten_through)


async def read_after(scope: TenantScope, position: int, limit: int) -> list[LiveEvent]:
    """What came after `position`, in order."""
    statement = (
        scope.select(LiveEvent)
        .where(LiveEvent.position > position)
        .order_by(LiveEvent.position)
        .limit(limit)
    )
    return list((await scope.session.scalars(statement)).all())


async def forget_old(scope: TenantScope, now: datetime) -> int:
    """Drop what is older than RETENTION; the number of events dropped."""
    session = scope.session
    through = (
        await session.execute(
            scope.select(LiveEvent)
            .where(LiveEvent.created_at < now - RETENTION)
            .with_only_columns(func.max(LiveEvent.position))
        )
    ).scalar()
    if through is None:
        return 0
    # Positions come in commit order, times nearly so: dropping by position leaves no holes.
    dropped = await session.execute(
        delete(LiveEvent)
        .where(LiveEvent.institution_id == scope.institution_id, LiveEvent.position <= through)
        .returning(LiveEvent.position)
    )
    await session.execute(
        update(LiveHead)
        .where(LiveHead.institution_id == scope.institution_id)
        .values(forgotten_through=through)
    )
    return len(dropped.all())
