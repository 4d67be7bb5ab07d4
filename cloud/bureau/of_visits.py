"""Counted of visits: those that fell due on a day, and were made by then."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import select

from cloud.bureau.tally import Span, Tally
from cloud.care.visits.history import as_corrected
from cloud.care.visits.models import Visit
from cloud.care.visits.service import due_rows
from cloud.clock import local_date
from cloud.database import TenantScope

_A_MOMENT = timedelta(microseconds=1)


def due_day(due_at: datetime) -> date:
    """A visit is due until its day is over: midnight belongs to the day before."""
    return local_date(due_at - _A_MOMENT)


async def count_visits(scope: TenantScope, span: Span, tally: Tally) -> None:
    """Each due date of each person once; who was not there yet may still be met in time."""
    tally.begin("visits")
    seen = as_corrected(scope)
    statement = (
        select(Visit.elder_id, Visit.due_at, seen.c.started_at, seen.c.outcome)
        .join(seen, seen.c.id == Visit.id)
        .where(
            Visit.institution_id == scope.institution_id, ~seen.c.void, Visit.due_at > span.begin,
            Visit.due_at <= span.end,
        )
    )  # fmt: skip
    met: dict[tuple[uuid.UUID, datetime], bool] = {}
    for elder_id, due_at, started_at, outcome in await scope.session.execute(statement):
        if due_at is not None:
            in_time = outcome == "done" and started_at <= due_at
            met[elder_id, due_at] = met.get((elder_id, due_at), False) or in_time
    for row in await due_rows(scope, span.until):
        key = (row.elder.id, row.due.due_at)
        if span.begin < row.due.due_at <= span.end:
            met.setdefault(key, False)
    for (_, due_at), in_time in met.items():
        tally.add(due_day(due_at), "visits", part=in_time, whole=1)
