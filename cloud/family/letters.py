"""每周一信: a week in facts, for each relative by what they may see; kept, and never rewritten."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import update

from cloud.care.visits.for_family import done_of
from cloud.clock import LOCAL_ZONE, day_begins
from cloud.database import Database, TenantScope
from cloud.errors import NotFoundError
from cloud.family import facts
from cloud.family.models import FamilyLetter
from cloud.family.words import WeekFacts, week_said
from cloud.identity.service import Principal
from cloud.people.family import consents_of, elders_of_user, sees
from cloud.people.models import FamilyMember
from cloud.people.service import find_elder
from cloud.series.service import SeriesStore

# On Monday morning the night to Monday is over, and so is the week.
READY_AT: Final = time(8)
_WEEK: Final = timedelta(days=7)
_KEPT_SHOWN: Final = 60


def week_to_tell(now: datetime) -> date:
    """The Monday of the newest week that can be told."""
    local = now.astimezone(LOCAL_ZONE)
    monday = local.date() - timedelta(days=local.weekday())
    ready = datetime.combine(monday, READY_AT, LOCAL_ZONE)
    return monday - (_WEEK if now >= ready else 2 * _WEEK)


async def due(scope: TenantScope, monday: date) -> list[uuid.UUID]:
    """Relatives with a login who were there in that week and have no letter of it yet."""
    told = scope.select(FamilyLetter).where(FamilyLetter.week == monday)
    statement = scope.select(FamilyMember).where(
        FamilyMember.user_id.is_not(None), FamilyMember.ended_at.is_(None),
        FamilyMember.created_at < day_begins(monday + _WEEK),
        FamilyMember.id.not_in(told.with_only_columns(FamilyLetter.family_id)),
    )  # fmt: skip
    return [row.id for row in await scope.session.scalars(statement.order_by(FamilyMember.id))]


async def write_all(database: Database, store: SeriesStore, now: datetime) -> int:
    """Every letter that is due, each in a transaction of its own; how many."""
    monday, written = week_to_tell(now), 0
    for institution_id in await database.institutions():
        async with database.tenant(institution_id) as scope:
            waiting = await due(scope, monday)
        for family_id in waiting:
            async with database.tenant(institution_id) as scope:
                written += await write(scope, store, family_id, monday, now=now)
    return written


async def write(
    scope: TenantScope, store: SeriesStore, family_id: uuid.UUID, monday: date, *, now: datetime
) -> bool:
    """One letter. False: there is nothing that this relative may be told."""
    statement = scope.select(FamilyMember).where(FamilyMember.id == family_id)
    member = (await scope.session.scalars(statement)).one()
    shares = sees(member, await consents_of(scope, member.elder_id), now)
    if not shares:
        return False
    elder = await find_elder(scope, member.elder_id)
    told = week_said(await _week(scope, store, (elder.name, member, shares), monday, now))
    scope.session.add(
        FamilyLetter(
            id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder.id,
            family_id=member.id, week=monday, made_at=now, shares=sorted(shares),
            text_zh=told.zh, text_en=told.en,
        )
    )  # fmt: skip
    await scope.session.flush()
    return True


async def _week(
    scope: TenantScope, store: SeriesStore, whom: tuple[str, FamilyMember, frozenset[str]],
    monday: date, now: datetime,
) -> WeekFacts:  # fmt: skip
    name, member, shares = whom
    elder_id = member.elder_id
    begin = day_begins(monday)
    end = begin + _WEEK
    mornings = [monday + timedelta(days=n) for n in range(1, 8)]
    nights = answers = unseen_h = away = None
    if "night" in shares:
        nights = [(day, await facts.night_of(scope, store, elder_id, day, now)) for day in mornings]
    if "alerts" in shares:
        found = await facts.alerts_of(scope, elder_id, begin, end)
        answers = [facts.answer_of(alert) for alert in found if facts.is_over(alert)]
    if "coverage" in shares:
        unseen_h = await facts.unseen_hours(scope, elder_id, begin, end)
    if "presence" in shares:
        away = await facts.away_days(scope, elder_id, (monday, monday + timedelta(days=6)))
    visits = None
    if "visits" in shares:
        told = await done_of(scope, elder_id)
        visits = sum(one.outcome == "done" and begin <= one.at < end for one in told)
    return WeekFacts(name, monday, nights, answers, unseen_h, away, visits)


async def letters_of(
    principal: Principal, now: datetime
) -> list[tuple[FamilyLetter, FamilyMember, bool]]:
    """Of this login, newest first; each with whether all that is in it is still shared."""
    scope = principal.scope
    members = {member.id: member for member in await elders_of_user(scope, principal.user.id)}
    if not members:
        return []
    shares = {
        member.id: sees(member, await consents_of(scope, member.elder_id), now)
        for member in members.values()
    }
    rows = await scope.session.scalars(
        scope.select(FamilyLetter)
        .where(FamilyLetter.family_id.in_(members))
        .order_by(FamilyLetter.week.desc(), FamilyLetter.id)
        .limit(_KEPT_SHOWN)
    )
    return [
        (row, members[row.family_id], set(row.shares) <= shares[row.family_id]) for row in rows
    ]  # fmt: skip


async def note_read(principal: Principal, letter_id: uuid.UUID, now: datetime) -> None:
    """The first time counts. Raises NotFoundError."""
    scope = principal.scope
    members = [member.id for member in await elders_of_user(scope, principal.user.id)]
    mine = scope.select(FamilyLetter).where(
        FamilyLetter.id == letter_id, FamilyLetter.family_id.in_(members)
    )
    if (await scope.session.scalars(mine)).one_or_none() is None:
        raise NotFoundError("letter")
    await scope.session.execute(
        update(FamilyLetter)
        .where(
            FamilyLetter.institution_id == scope.institution_id, FamilyLetter.id == letter_id,
            FamilyLetter.read_at.is_(None),
        )
        .values(read_at=now)
    )  # fmt: skip
