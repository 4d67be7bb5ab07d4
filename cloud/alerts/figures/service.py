"""Figures for the head nurse and the inspector: sections 4 and 5 of the alarm notes.

Live alerts only: tests, drills and simulations never count. Every share comes with its numbers.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from cloud.alerts.codes import Category
from cloud.alerts.findings import Verdict
from cloud.alerts.machine import ENDED, State
from cloud.alerts.models import Alert
from cloud.database import TenantScope
from cloud.identity.shift_models import Duty
from cloud.identity.shifts import ZONE, DutyAs, duties_between
from cloud.people.service import stays_at

# UK TSA (V): 97.5 % answered within 60 s, 99 % within 180 s; each later one is investigated.
ANSWERED_60_S: Final = (60.0, 97.5)
ANSWERED_180_S: Final = (180.0, 99.0)
# EEMUA 191 (V): about six an hour for one person; more than ten in ten minutes is a flood.
BUDGET_PER_HOUR: Final = 6.0
FLOOD_COUNT: Final = 10
FLOOD_WINDOW: Final = timedelta(minutes=10)
# ISA-18.2 (U): the same one three times within a minute; active for longer than a day.
CHATTER_COUNT: Final = 3
CHATTER_WINDOW: Final = timedelta(minutes=1)
STALE_AFTER: Final = timedelta(hours=24)
TOP: Final = 10
_NIGHT_FROM_H, _NIGHT_UNTIL_H = 22, 6


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`; percent None where there is nothing to take a share of."""

    part: int
    whole: int
    goal_percent: float | None = None

    @property
    def percent(self) -> float | None:
        """In percent, to a tenth."""
        return None if not self.whole else round(100 * self.part / self.whole, 1)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds, of `count` alerts."""

    count: int
    median_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class SourceFigure:
    """A device with its alerts and what they turned out to be."""

    device_id: str
    alerts: int
    false: Share
    unclear: Share


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything of an interval."""

    begin: datetime
    end: datetime
    alerts: int
    by_code: dict[str, dict[str, int]]
    by_priority: dict[str, int]
    duty_hours: float
    per_duty_hour: float | None
    answered_60_s: Share
    answered_180_s: Share
    late_answers: list[uuid.UUID]
    answer: Times
    arrival: Times
    resolution: Times
    false: Share
    unclear: Share
    false_by_rule: dict[str, Share]
    top_sources: list[SourceFigure]
    top_share: Share
    floods: int
    chattering: int
    shelved_now: int
    stale: int
    technical_per_device_week: float | None
    per_bed_night: float | None
    falls: int


async def figures_of(
    scope: TenantScope,
    begin: datetime,
    end: datetime,
    now: datetime,
    unit_id: uuid.UUID | None = None,
) -> Figures:
    """The figures of [begin, end), of one unit or the house."""
    statement = scope.select(Alert).where(
        Alert.origin == "live", Alert.raised_at >= begin, Alert.raised_at < end
    )
    if unit_id is not None:
        statement = statement.where(Alert.unit_id == unit_id)
    alerts = [
        alert
        for alert in await scope.session.scalars(statement.order_by(Alert.raised_at))
        if alert.verdict != Verdict.TEST
    ]
    duties = await duties_between(scope, begin, end)
    if unit_id is not None:
        duties = [duty for duty in duties if duty.unit_id in (None, unit_id)]
    beds = len(await stays_at(scope, min(now, end)))
    return compute(alerts, duty_hours(duties, begin, end), beds, begin, end, now=now)


def duty_hours(duties: Iterable[Duty], begin: datetime, end: datetime) -> float:
    """Hours of duty staff in the interval, all together."""
    seconds = sum(
        (min(duty.ends_at, end) - max(duty.starts_at, begin)).total_seconds()
        for duty in duties
        if duty.duty_as == DutyAs.DUTY
    )
    return seconds / 3600


def compute(
    alerts: Sequence[Alert],
    hours: float,
    beds: int,
    begin: datetime,
    end: datetime,
    *,
    now: datetime,
) -> Figures:
    """Pure: from alerts in order of their raising."""
    people = [alert for alert in alerts if alert.category != Category.TECHNICAL]
    answers = _seconds(people, lambda alert: alert.acknowledged_at or alert.resolved_at)
    judged = [alert for alert in alerts if alert.verdict is not None]
    devices = {alert.device_id for alert in alerts if alert.device_id is not None}
    weeks = (end - begin) / timedelta(weeks=1)
    nights = (end - begin) / timedelta(days=1)
    technical = sum(alert.category == Category.TECHNICAL for alert in alerts)
    sources = Counter(alert.device_id for alert in alerts if alert.device_id is not None)
    top = sources.most_common(TOP)
    return Figures(
        begin=begin,
        end=end,
        alerts=len(alerts),
        by_code=_by_code(alerts),
        by_priority=dict(Counter(alert.priority for alert in alerts)),
        duty_hours=round(hours, 1),
        per_duty_hour=None if not hours else round(len(alerts) / hours, 2),
        answered_60_s=_within(answers, len(people), *ANSWERED_60_S),
        answered_180_s=_within(answers, len(people), *ANSWERED_180_S),
        late_answers=[alert.id for alert in people if _answer_s(alert, now) > ANSWERED_180_S[0]],
        answer=_times(answers),
        arrival=_times(_seconds(people, lambda alert: alert.arrived_at)),
        resolution=_times(_seconds(people, lambda alert: alert.resolved_at)),
        false=_share(judged, Verdict.FALSE),
        unclear=_share(judged, Verdict.UNCLEAR),
        false_by_rule={
            code: _share([a for a in judged if a.code == code], Verdict.FALSE)
            for code in sorted({alert.code for alert in judged})
        },
        top_sources=[_source(device_id, judged, count) for device_id, count in top],
        top_share=Share(sum(count for _, count in top), len(alerts)),
        floods=_floods(alerts),
        chattering=_chattering(alerts),
        shelved_now=sum(alert.shelved_until is not None for alert in alerts),
        stale=sum(
            alert.state not in ENDED and now - alert.raised_at > STALE_AFTER for alert in alerts
        ),
        technical_per_device_week=round(technical / len(devices) / weeks, 2)
        if devices and weeks
        else None,
        per_bed_night=round(sum(map(_at_night, alerts)) / beds / nights, 3)
        if beds and nights
        else None,
        falls=sum(alert.finding == "real_fall" for alert in alerts),
    )


def _answer_s(alert: Alert, now: datetime) -> float:
    at = alert.acknowledged_at or alert.resolved_at
    if at is None and alert.state == State.CLOSED:
        return 0.0  # closed by rule before anybody was told
    return ((at or now) - alert.raised_at).total_seconds()


def _by_code(alerts: Iterable[Alert]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for alert in alerts:
        found[alert.code][alert.priority] += 1
    return {code: dict(counts) for code, counts in sorted(found.items())}


def _seconds(alerts: Iterable[Alert], when: Callable[[Alert], datetime | None]) -> list[float]:
    times = [(when(alert), alert.raised_at) for alert in alerts]
    return sorted((at - raised).total_seconds() for at, raised in times if at is not None)


def _within(seconds: Sequence[float], whole: int, limit_s: float, goal: float) -> Share:
    return Share(sum(value <= limit_s for value in seconds), whole, goal)


def _times(seconds: Sequence[float]) -> Times:
    """Nearest rank for the 95th percentile: a value that happened."""
    if not seconds:
        return Times(0, None, None)
    rank = max(1, -(-len(seconds) * 95 // 100))
    return Times(len(seconds), round(median(seconds), 1), round(seconds[rank - 1], 1))


def _share(judged: Sequence[Alert], verdict: Verdict) -> Share:
    return Share(sum(alert.verdict == verdict for alert in judged), len(judged))


def _source(device_id: str, judged: Sequence[Alert], count: int) -> SourceFigure:
    own = [alert for alert in judged if alert.device_id == device_id]
    return SourceFigure(device_id, count, _share(own, Verdict.FALSE), _share(own, Verdict.UNCLEAR))


def _floods(alerts: Sequence[Alert]) -> int:
    """Stretches in which more than FLOOD_COUNT came within FLOOD_WINDOW, each counted once."""
    floods, in_flood_until = 0, None
    times = [alert.raised_at for alert in alerts]
    for index, at in enumerate(times):
        first = index - FLOOD_COUNT
        if first >= 0 and at - times[first] <= FLOOD_WINDOW:
            if in_flood_until is None or times[first] > in_flood_until:
                floods += 1
            in_flood_until = at
    return floods


def _chattering(alerts: Sequence[Alert]) -> int:
    """Alerts that came three times within a minute from one source, by their own counts too."""
    found = 0
    recent: dict[tuple[str, str | None], list[datetime]] = defaultdict(list)
    for alert in alerts:
        key = (alert.code, alert.device_id)
        recent[key] = [at for at in recent[key] if alert.raised_at - at <= CHATTER_WINDOW]
        recent[key].append(alert.raised_at)
        busy = alert.count >= CHATTER_COUNT and alert.updated_at - alert.raised_at <= CHATTER_WINDOW
        if len(recent[key]) >= CHATTER_COUNT or busy:
            found += 1
    return found


def _at_night(alert: Alert) -> bool:
    hour = alert.raised_at.astimezone(ZONE).hour
    return hour >= _NIGHT_FROM_H or hour < _NIGHT_UNTIL_H
