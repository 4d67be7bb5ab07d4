"""The nightly job: days that are over become numbers, numbers become the list of the morning.

Idempotent per day: a day's numbers and scores are upserts, a case is opened where none is open.
One transaction a day; a lock of the institution keeps two workers apart, a killed one leaves whole
days behind and the next goes on from there. Time is passed in.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from cloud.care.discovery import gather
from cloud.care.discovery.change import HISTORY_DAYS
from cloud.care.discovery.features import Feature, day_of
from cloud.care.discovery.models import (
    DiscoveryCase,
    DiscoveryDay,
    DiscoveryMove,
    DiscoveryRun,
    DiscoveryScore,
)
from cloud.care.discovery.need import (
    RAISED_FOR,
    Answer,
    Need,
    Reason,
    answerable,
    need_of,
)
from cloud.care.discovery.vocabulary import DISMISSALS
from cloud.care.discovery.words import say
from cloud.clock import local_date
from cloud.database import Database, TenantScope
from cloud.series.service import SeriesStore

# Gateways that were without a line send late: the days before the last are worked out once more.
_AGAIN_DAYS: Final = 2
# Scores older than this are history that nobody draws.
_KEEP: Final = timedelta(days=400)
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('discovery ' || :institution, 0))"


async def run_nightly(
    database: Database, store: SeriesStore, institution_id: uuid.UUID, now: datetime
) -> int:
    """Do what is due; how many days were worked out. Nothing to do: one question."""
    last = day_of(now) - timedelta(days=1)
    async with database.tenant(institution_id) as scope:
        wanted = await _days_due(scope, last)
    for day in wanted:
        async with database.tenant(institution_id) as scope:
            await _lock(scope)
            await work_out_day(scope, store, day, now)
    async with database.tenant(institution_id) as scope:
        await _lock(scope)
        run = await _run_of(scope, last)
        if run is None or run.scored_at is None:
            await score_day(scope, last, now)
    return len(wanted)


async def _lock(scope: TenantScope) -> None:
    await scope.session.execute(text(_LOCK), {"institution": str(scope.institution_id)})


async def _run_of(scope: TenantScope, day: date) -> DiscoveryRun | None:
    statement = scope.select(DiscoveryRun).where(DiscoveryRun.day == day)
    return (await scope.session.scalars(statement)).one_or_none()


async def _days_due(scope: TenantScope, last: date) -> list[date]:
    """Days of the window that were never worked out, and those before a new one once more."""
    since = await gather.watched_since(scope)
    if since is None:
        return []
    first = max(since, last - timedelta(days=HISTORY_DAYS - 1))
    statement = scope.select(DiscoveryRun).where(DiscoveryRun.day >= first)
    done = {run.day for run in await scope.session.scalars(statement)}
    if last in done:
        return []
    window = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    again = last - timedelta(days=_AGAIN_DAYS)
    return [day for day in window if day not in done or day >= again]


async def work_out_day(scope: TenantScope, store: SeriesStore, day: date, now: datetime) -> None:
    """The numbers of one day for everybody, anew."""
    found = await gather.days_of_all(scope, store, day, now)
    rows = [
        {
            "institution_id": scope.institution_id, "elder_id": one.elder_id, "day": day,
            "origin": one.origin, "features": one.features, "watched": one.watched,
            "away": one.away, "computed_at": now,
        }
        for one in found
    ]  # fmt: skip
    if rows:
        wanted = insert(DiscoveryDay).values(rows)
        fresh = {
            name: wanted.excluded[name]
            for name in ("origin", "features", "watched", "away", "computed_at")
        }
        key = [DiscoveryDay.institution_id, DiscoveryDay.elder_id, DiscoveryDay.day]
        await scope.session.execute(wanted.on_conflict_do_update(index_elements=key, set_=fresh))
    run = insert(DiscoveryRun).values(
        institution_id=scope.institution_id, day=day, computed_at=now, elders=len(rows), listed=0
    )
    await scope.session.execute(
        run.on_conflict_do_update(
            index_elements=[DiscoveryRun.institution_id, DiscoveryRun.day],
            set_={"computed_at": now, "elders": len(rows)},
        )
    )


async def score_day(scope: TenantScope, day: date, now: datetime) -> int:
    """Everybody's need at the end of `day`; cases opened and brought up to date. How many."""
    days, newest = await _history(scope, day)
    answers = await answers_of(scope, day - RAISED_FOR)
    cases = await _cases(scope)
    found = await gather.people(scope, newest, day, now)
    scores, listed = [], 0
    for elder_id, person in found.items():
        need = need_of(days[elder_id], person, answers[elder_id], day)
        listed += need.listed
        reasons = [told(reason) for reason in need.reasons]
        scores.append(
            {
                "institution_id": scope.institution_id, "elder_id": elder_id, "day": day,
                "score": need.score, "listed": need.listed, "reasons": reasons,
                "unknown": list(need.unknown),
            }
        )  # fmt: skip
        origin = newest[elder_id].origin if elder_id in newest else "live"
        _follow(scope, elder_id, need, reasons, cases.get(elder_id, ()), day, now, origin)
    await _keep_scores(scope, scores, day)
    run = insert(DiscoveryRun).values(
        institution_id=scope.institution_id, day=day, computed_at=now, scored_at=now,
        elders=len(scores), listed=listed,
    )  # fmt: skip
    await scope.session.execute(
        run.on_conflict_do_update(
            index_elements=[DiscoveryRun.institution_id, DiscoveryRun.day],
            set_={"scored_at": now, "elders": len(scores), "listed": listed},
        )
    )
    return listed


async def _keep_scores(scope: TenantScope, scores: list[dict[str, Any]], day: date) -> None:
    if scores:
        wanted = insert(DiscoveryScore).values(scores)
        fresh = {n: wanted.excluded[n] for n in ("score", "listed", "reasons", "unknown")}
        key = [DiscoveryScore.institution_id, DiscoveryScore.elder_id, DiscoveryScore.day]
        await scope.session.execute(wanted.on_conflict_do_update(index_elements=key, set_=fresh))
    where = {"institution": scope.institution_id, "before": day - _KEEP}
    for table in ("discovery_score", "discovery_day"):
        await scope.session.execute(
            text(f"DELETE FROM {table} WHERE institution_id = :institution AND day < :before"),  # noqa: S608
            where,
        )


def told(reason: Reason) -> dict[str, Any]:
    """A reason as it is kept: its points, what they are made of, and its words."""
    zh, en = say(reason)
    return {
        "kind": reason.kind, "group": reason.group, "points": round(reason.points, 2),
        "hard": reason.hard, "factor": reason.factor, "values": dict(reason.values),
        "text_zh": zh, "text_en": en,
    }  # fmt: skip


async def _history(
    scope: TenantScope, day: date
) -> tuple[defaultdict[uuid.UUID, dict[date, dict[Feature, float | None]]],
           dict[uuid.UUID, gather.ElderDay]]:  # fmt: skip
    """Everybody's days, and the newest of each. Only days of the newest's origin are compared."""
    statement = (
        scope.select(DiscoveryDay)
        .where(DiscoveryDay.day > day - timedelta(days=HISTORY_DAYS), DiscoveryDay.day <= day)
        .order_by(DiscoveryDay.day.desc())
    )
    days: defaultdict[uuid.UUID, dict[date, dict[Feature, float | None]]] = defaultdict(dict)
    newest: dict[uuid.UUID, gather.ElderDay] = {}
    origin: dict[uuid.UUID, str] = {}
    for row in await scope.session.scalars(statement):
        if row.day == day:
            newest[row.elder_id] = gather.ElderDay(
                row.elder_id, row.origin, watched=row.watched, away=row.away
            )
        one = newest.get(row.elder_id)
        if one is not None and one.watched_days == (day - row.day).days:
            one.watched_days += row.watched and not row.away
        if row.features:
            own = origin.setdefault(row.elder_id, row.origin)
            if own == row.origin:
                days[row.elder_id][row.day] = {
                    Feature(name): value for name, value in row.features.items()
                }
    for elder_id, one in newest.items():
        one.origin = origin.get(elder_id, one.origin)
    return days, newest


async def answers_of(
    scope: TenantScope, since: date
) -> defaultdict[uuid.UUID, list[Answer]]:  # fmt: skip
    """What people said of the kinds of reasons of each elder."""
    statement = scope.select(DiscoveryCase).where(DiscoveryCase.ended_at.is_not(None))
    found: defaultdict[uuid.UUID, list[Answer]] = defaultdict(list)
    for case in await scope.session.scalars(statement):
        if case.ended_at is None or (on := local_date(case.ended_at)) < since:
            continue
        why = DISMISSALS.get(case.reason_code or "", ("", ""))[0]
        found[case.elder_id] += [
            Answer(kind, confirmed=case.state == "confirmed", on=on, why=why)
            for kind in {reason["kind"] for reason in case.reasons}
            if answerable(kind)
        ]
    return found


async def _cases(scope: TenantScope) -> dict[uuid.UUID, list[DiscoveryCase]]:
    """Newest first, by elder."""
    statement = scope.select(DiscoveryCase).order_by(DiscoveryCase.ended_at.desc().nulls_first())
    found: dict[uuid.UUID, list[DiscoveryCase]] = defaultdict(list)
    for case in await scope.session.scalars(statement):
        found[case.elder_id].append(case)
    return found


def _follow(  # noqa: PLR0917 - what one night says of one elder
    scope: TenantScope, elder_id: uuid.UUID, need: Need, reasons: list[dict[str, Any]],
    cases: Sequence[DiscoveryCase], day: date, now: datetime, origin: str,
) -> None:  # fmt: skip
    """An open case is brought up to date; a new one opened where it may be."""
    held = next((case for case in cases if case.ended_at is None), None)
    if held is not None:
        held.day, held.score, held.listed = day, need.score, need.listed
        held.reasons, held.unknown = reasons, list(need.unknown)
        return
    last = cases[0] if cases else None
    if not need.listed or not may_open(last, reasons, local_date(now)):
        return
    case = DiscoveryCase(
        id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id, opened_on=day,
        day=day, score=need.score, listed=True, origin=origin, reasons=reasons,
        unknown=list(need.unknown), state="open", version=1,
    )  # fmt: skip
    scope.session.add(case)
    scope.session.add(
        DiscoveryMove(
            institution_id=scope.institution_id, case_id=case.id, at=now, by="", move="listed",
            note="", detail={"score": need.score},
        )
    )  # fmt: skip


def may_open(
    last: DiscoveryCase | None, reasons: Sequence[Mapping[str, Any]], today: date
) -> bool:  # fmt: skip
    """After an answer nobody is listed before the day it named, but for a hard signal that is new:
    a further fall, or sight that was lost since.
    """
    if last is None or last.ask_again_on is None or today >= last.ask_again_on:
        return True
    known = {_signal(reason) for reason in last.reasons if reason["hard"]}
    return any(reason["hard"] and _signal(reason) not in known for reason in reasons)


def _signal(reason: Mapping[str, Any]) -> tuple[str, object]:
    return str(reason["kind"]), reason["values"].get("on")
