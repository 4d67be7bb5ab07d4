"""Visits as they count: with their newest correction, and what of them a due date needs."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, false, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.expression import Subquery

from cloud.care.visits.catalogue import ways
from cloud.care.visits.models import Visit, VisitCorrection, VisitFollowup
from cloud.care.visits.plan import Done
from cloud.database import TenantScope


@dataclass(frozen=True, slots=True)
class Counted:
    """A visit that took place, as corrected."""

    id: uuid.UUID
    elder_id: uuid.UUID
    way: str
    outcome: str
    started_at: datetime
    ended_at: datetime
    by: str

    @property
    def done(self) -> Done:
        """For the due date."""
        return Done(self.started_at, ways()[self.way].remote)


@dataclass(frozen=True, slots=True)
class Past:
    """What there has been: the visits a due date may need, and the last attempt of any outcome."""

    done: tuple[Counted, ...]
    attempt: Counted | None


NOTHING = Past((), None)


def as_corrected(scope: TenantScope) -> Subquery:
    """Every visit of the institution with its newest correction; `void` where it was none."""
    newest = (
        select(VisitCorrection)
        .ext(distinct_on(VisitCorrection.visit_id))
        .where(VisitCorrection.institution_id == scope.institution_id)
        .order_by(VisitCorrection.visit_id, VisitCorrection.at.desc())
        .subquery()
    )
    return (
        select(
            Visit.institution_id, Visit.id, Visit.elder_id, Visit.way, Visit.outcome, Visit.by,
            Visit.recorded_at, Visit.due_at, Visit.interval_days,
            func.coalesce(newest.c.started_at, Visit.started_at).label("started_at"),
            func.coalesce(newest.c.ended_at, Visit.ended_at).label("ended_at"),
            func.coalesce(newest.c.void, false()).label("void"),
        )
        .outerjoin(newest, newest.c.visit_id == Visit.id)
        .where(Visit.institution_id == scope.institution_id)
        .subquery()
    )  # fmt: skip


async def counted_between(scope: TenantScope, since: datetime, until: datetime) -> list[Counted]:
    """Everybody's that began in [since, until), by time."""
    seen = as_corrected(scope)
    statement = (
        select(seen)
        .where(seen.c.institution_id == scope.institution_id, ~seen.c.void)
        .where(seen.c.started_at >= since, seen.c.started_at < until)
        .order_by(seen.c.started_at, seen.c.id)
    )
    return [_counted(row) for row in await scope.session.execute(statement)]


async def refusals_since(
    scope: TenantScope, since: datetime
) -> dict[tuple[uuid.UUID, datetime], bool]:
    """Refused visits by elder and when they were written down; False: taken back since."""
    seen = as_corrected(scope)
    statement = select(seen.c.elder_id, seen.c.recorded_at, seen.c.void).where(
        seen.c.institution_id == scope.institution_id, seen.c.outcome == "refused",
        seen.c.recorded_at >= since,
    )  # fmt: skip
    return {
        (elder_id, recorded_at): not void
        for elder_id, recorded_at, void in await scope.session.execute(statement)
    }


async def pasts(scope: TenantScope, elder_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Past]:
    """By elder. Of the visits that were done: the last in person, and the calls since."""
    if not elder_ids:
        return {}
    seen = as_corrected(scope)
    remote = [key for key, way in ways().items() if way.remote]
    last = (
        select(seen.c.elder_id, func.max(seen.c.started_at).label("at"))
        .where(seen.c.institution_id == scope.institution_id, ~seen.c.void)
        .where(seen.c.outcome == "done", seen.c.way.not_in(remote))
        .where(seen.c.elder_id.in_(elder_ids))
        .group_by(seen.c.elder_id)
        .subquery()
    )
    statement = (
        select(seen)
        .outerjoin(last, last.c.elder_id == seen.c.elder_id)
        .where(
            seen.c.institution_id == scope.institution_id, ~seen.c.void,
            seen.c.outcome == "done", seen.c.elder_id.in_(elder_ids),
            and_(seen.c.started_at >= func.coalesce(last.c.at, seen.c.started_at)),
        )
        .order_by(seen.c.started_at)
    )  # fmt: skip
    done: dict[uuid.UUID, list[Counted]] = defaultdict(list)
    for row in await scope.session.execute(statement):
        done[row.elder_id].append(_counted(row))
    newest = (
        select(seen)
        .ext(distinct_on(seen.c.elder_id))
        .where(seen.c.institution_id == scope.institution_id, ~seen.c.void)
        .where(seen.c.elder_id.in_(elder_ids))
        .order_by(seen.c.elder_id, seen.c.started_at.desc(), seen.c.recorded_at.desc())
    )
    attempts = {row.elder_id: _counted(row) for row in await scope.session.execute(newest)}
    return {
        elder_id: Past(tuple(done[elder_id]), attempts.get(elder_id))
        for elder_id in attempts.keys() | done.keys()
    }


async def done_since(scope: TenantScope, since: datetime) -> dict[uuid.UUID, list[Done]]:
    """By elder, visits that took place, as corrected."""
    seen = as_corrected(scope)
    statement = select(seen).where(
        seen.c.institution_id == scope.institution_id, ~seen.c.void, seen.c.outcome == "done",
        seen.c.started_at > since,
    )  # fmt: skip
    found: dict[uuid.UUID, list[Done]] = defaultdict(list)
    for row in await scope.session.execute(statement):
        remote = ways()[row.way].remote
        planned = row.due_at is not None
        found[row.elder_id].append(Done(row.started_at, remote, row.interval_days, planned))
    return found


def _counted(row: object) -> Counted:
    return Counted(*(getattr(row, name) for name in Counted.__slots__))


async def visits_of(scope: TenantScope, elder_id: uuid.UUID, limit: int) -> list[Visit]:
    """An elder's, newest first, also those that were none."""
    statement = (
        scope.select(Visit)
        .where(Visit.elder_id == elder_id)
        .order_by(Visit.started_at.desc(), Visit.id)
        .limit(limit)
    )
    return list(await scope.session.scalars(statement))


async def corrections_of(
    scope: TenantScope, visit_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[VisitCorrection]]:
    """By visit, newest last."""
    found: dict[uuid.UUID, list[VisitCorrection]] = defaultdict(list)
    if visit_ids:
        statement = scope.select(VisitCorrection).where(VisitCorrection.visit_id.in_(visit_ids))
        for row in await scope.session.scalars(statement.order_by(VisitCorrection.at)):
            found[row.visit_id].append(row)
    return found


async def followups(
    scope: TenantScope, *, elder_id: uuid.UUID | None = None, is_open: bool = False
) -> Sequence[VisitFollowup]:
    """The earliest due first."""
    statement = scope.select(VisitFollowup).order_by(VisitFollowup.due_on, VisitFollowup.id)
    if elder_id is not None:
        statement = statement.where(VisitFollowup.elder_id == elder_id)
    if is_open:
        statement = statement.where(VisitFollowup.done_at.is_(None))
    return list(await scope.session.scalars(statement))
