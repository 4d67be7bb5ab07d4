"""Counted of visits: those that fell due on a day, and were made by then."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from cloud.bureau.tally import Span, Tally
from cloud.care.visits.service import past_dues
from cloud.clock import local_date
from cloud.database import TenantScope

_A_MOMENT = timedelta(microseconds=1)


def due_day(due_at: datetime) -> date:
    """A visit is due until its day is over: midnight belongs to the day before."""
    return local_date(due_at - _A_MOMENT)


async def count_visits(scope: TenantScope, span: Span, tally: Tally) -> None:
    """Each due date of each person once: who was not there yet may still be met in time."""
    tally.begin("visits")
    for dues in (await past_dues(scope, span.begin)).values():
        for one in dues:
            if one.due_at <= span.end:
                tally.add(due_day(one.due_at), "visits", part=one.met, whole=1)
