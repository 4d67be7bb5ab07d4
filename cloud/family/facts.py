"""What relatives are told of, read from where it stands. What was not agreed to is never read."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from cloud.alerts.codes import Category
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert
from cloud.alerts.notify.models import Notice
from cloud.clock import LOCAL_ZONE, datetime_from_ns, day_begins, local_date, ns_from_datetime
from cloud.coverage.models import CoverageGap, WatchPause
from cloud.database import TenantScope
from cloud.family.words import AnswerFacts, NightFacts
from cloud.people.family import SHARING, in_force
from cloud.people.models import Consent, FamilyMember
from cloud.records.day import pause_end, read_day
from cloud.records.day_line import outside, totals
from cloud.series.service import SeriesStore
from cloud.series.slots import Interval, merged

# The hours in which old people are in bed as a rule (as docs/care-in-detail.md, rounds at night).
NIGHT_FROM: Final = time(20)
NIGHT_UNTIL: Final = time(8)
# Staff's answers of how far back are told.
ANSWERS_SHOWN: Final = timedelta(days=7)
# What the desk says of somebody who cannot be seen.
_UNSEEN_CODES: Final = ("coverage_blind", "device_offline", "gateway_offline")
_AWAY: Final = ("leave", "hospital")
_NOTICES: Final = 10
_HOUR_NS: Final = 3_600_000_000_000


def night_bounds(morning: date) -> tuple[datetime, datetime]:
    """The night that ends in this morning."""
    before = datetime.combine(morning - timedelta(days=1), NIGHT_FROM, LOCAL_ZONE)
    return before, datetime.combine(morning, NIGHT_UNTIL, LOCAL_ZONE)


async def night_of(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, morning: date, now: datetime
) -> NightFacts:
    """Out of the same line that staff see (records/day_line.py); of a night not over, so far."""
    day = await read_day(scope, store, elder_id, night_bounds(morning), now)
    if day.line.bed is None:
        return NightFacts(watched=False)
    summed = totals(day.line.bed)
    return NightFacts(
        True, summed.in_bed_min, summed.up_min, summed.out_min, summed.unseen_min, summed.up_times
    )


async def alerts_of(
    scope: TenantScope, elder_id: uuid.UUID, begin: datetime, end: datetime
) -> list[Alert]:
    """About the person, of [begin, end), newest first: no drills, nothing that nobody was told."""
    statement = (
        scope.select(Alert)
        .where(
            Alert.elder_id == elder_id,
            Alert.category == Category.PERSON.value,
            Alert.origin != "drill",
            Alert.filed.is_(None),
            Alert.happened_ns >= ns_from_datetime(begin),
            Alert.happened_ns < ns_from_datetime(end),
        )
        .order_by(Alert.happened_ns.desc())
    )
    return list(await scope.session.scalars(statement))


def answer_of(alert: Alert) -> AnswerFacts:
    """Times from when it reached the house: what came late was answered as fast as it could be."""

    def after(at: datetime | None) -> float | None:
        return None if at is None else max(0.0, (at - alert.raised_at).total_seconds())

    return AnswerFacts(
        alert.code, alert.finding, alert.injury, after(alert.acknowledged_at),
        after(alert.arrived_at),
    )  # fmt: skip


def is_over(alert: Alert) -> bool:
    """Resolved: what is still open is told by its own line, without frightening."""
    return alert.state in ENDED


async def staff_know(scope: TenantScope, elder_id: uuid.UUID) -> tuple[str, datetime | None]:
    """Whether somebody has taken note that they cannot be seen: listed, alerted, acknowledged."""
    statement = scope.select(Alert).where(
        Alert.elder_id == elder_id, Alert.code.in_(_UNSEEN_CODES), Alert.origin != "drill",
        Alert.state.not_in(ENDED),
    )  # fmt: skip
    alerts = list(await scope.session.scalars(statement))
    known = [a.acknowledged_at for a in alerts if a.acknowledged_at is not None]
    if known:
        return "acknowledged", max(known)
    if alerts:
        return "alerted", min(a.raised_at for a in alerts)
    return "listed", None


async def pause_now(scope: TenantScope, elder_id: uuid.UUID, now: datetime) -> WatchPause | None:
    """A pause in force; absence before the others."""
    statement = scope.select(WatchPause).where(
        WatchPause.elder_id == elder_id, WatchPause.from_at <= now, WatchPause.until_at > now,
        WatchPause.ended_by.is_(None),
    )  # fmt: skip
    held = list(await scope.session.scalars(statement))
    return min(held, key=lambda p: (p.reason not in _AWAY, p.from_at), default=None)


def is_away(pause: WatchPause | None) -> bool:
    """Known to be out of the house."""
    return pause is not None and pause.reason in _AWAY


async def away_days(scope: TenantScope, elder_id: uuid.UUID, week: tuple[date, date]) -> int:
    """On how many days of [first, last] they were registered as out, for some of the day."""
    begin, end = day_begins(week[0]), day_begins(week[1] + timedelta(days=1))
    statement = scope.select(WatchPause).where(
        WatchPause.elder_id == elder_id, WatchPause.reason.in_(_AWAY), WatchPause.from_at < end,
        WatchPause.until_at > begin,
    )  # fmt: skip
    days: set[date] = set()
    for pause in await scope.session.scalars(statement):
        day = local_date(max(pause.from_at, begin))
        last = local_date(min(pause_end(pause), end) - timedelta(microseconds=1))
        while day <= last:
            days.add(day)
            day += timedelta(days=1)
    return len(days)


async def unseen_hours(
    scope: TenantScope, elder_id: uuid.UUID, begin: datetime, end: datetime
) -> float:
    """How long any of their sensors, or their gateway, told nothing."""
    statement = scope.select(CoverageGap).where(
        CoverageGap.elder_id == elder_id, CoverageGap.from_at < end,
        (CoverageGap.until_at.is_(None)) | (CoverageGap.until_at > begin),
    )  # fmt: skip
    whole = ns_from_datetime(begin), ns_from_datetime(end)
    gaps: list[Interval] = []
    for gap in await scope.session.scalars(statement):
        gap_end = whole[1] if gap.until_at is None else ns_from_datetime(gap.until_at)
        gaps.append((ns_from_datetime(gap.from_at), gap_end))
    seen = outside(whole, merged(gaps))
    return (whole[1] - whole[0] - sum(b - a for a, b in seen)) / _HOUR_NS


async def notices_of(scope: TenantScope, member: FamilyMember) -> list[Notice]:
    """What this relative was told, newest first."""
    statement = (
        scope.select(Notice)
        .where(Notice.family_id == member.id, Notice.kind.in_(("family", "outcome")))
        .order_by(Notice.created_at.desc(), Notice.id)
        .limit(_NOTICES)
    )
    return list(await scope.session.scalars(statement))


def agreed_to(
    member: FamilyMember, consents: Sequence[Consent], kind: str, now: datetime
) -> Consent | None:
    """The consent in force on which this relative sees a kind of thing."""
    return next(
        (
            consent for consent in consents
            if consent.purpose == SHARING and consent.family_member_id == member.id
            and kind in consent.kinds and in_force(consent, now)
        ), None,
    )  # fmt: skip


def happened_at(alert: Alert) -> datetime:
    """When it happened, by the device's time."""
    return datetime_from_ns(alert.happened_ns)
