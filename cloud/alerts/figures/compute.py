"""Figures for the head nurse and the inspector, pure: sections 4 and 5 of the alarm notes.

Live alerts only: tests, drills and simulations never count, and neither does what nobody was told
of (`filed`), which is counted apart. Every share comes with its numbers. Not here, because the hub
cannot know them: gaining entry (it sees the arrival only), call audits and monthly user tests.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from cloud.alerts.codes import Category
from cloud.alerts.findings import Verdict
from cloud.alerts.machine import State
from cloud.alerts.models import Alert
from cloud.identity.shift_models import Duty
from cloud.identity.shifts import ZONE, DutyAs

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
# ISA-18.2 (U): what one person can take in a day, at most; and how urgent alerts should be.
BUDGET_PER_DAY: Final = (150.0, 300.0)
PRIORITY_MIX_PERCENT: Final = {"low": 80.0, "medium": 15.0, "high": 5.0}
# The ten most frequent should be at most this share of all (U).
TOP_SHARE_PERCENT: Final = 5.0
# UK responders (V): 90 % on the spot within 45 min of the decision to send, all within 60 min.
ON_SPOT_45_MIN: Final = (45 * 60.0, 90.0)
ON_SPOT_60_MIN: Final = (60 * 60.0, 100.0)
# UL 1069 (U): a call shown at the station within 10 s. Of the hub (D): decided to cloud 5 s.
SHOWN_10_S: Final = (10.0, 100.0)
CLOUD_5_S: Final = (5.0, 100.0)
_FALLS: Final = frozenset({"fall_suspected", "fall_confirmed"})
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
    p99_s: float | None = None


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
    history: int
    unheard: int
    folded: int
    by_code: dict[str, dict[str, int]]
    by_priority: dict[str, int]
    priority_share: dict[str, Share]
    duty_hours: float
    per_duty_hour: float | None
    per_duty_day: float | None
    answered_60_s: Share
    answered_180_s: Share
    late_answers: list[uuid.UUID]
    on_spot_45_min: Share
    on_spot_60_min: Share
    shown_10_s: Share
    cloud_5_s: Share
    sensor_to_desk: Times
    answer: Times
    arrival: Times
    resolution: Times
    closing: Times
    false: Share
    unclear: Share
    false_by_rule: dict[str, Share]
    unclear_by_rule: dict[str, Share]
    devices: list[SourceFigure]
    top_sources: list[SourceFigure]
    top_share: Share
    floods: int
    chattering: int
    shelved_now: int
    stale: int
    technical_per_device_week: float | None
    per_bed_night: float | None
    falls: int
    false_falls_per_bed_week: float | None


@dataclass(frozen=True, slots=True)
class Around:
    """What the alerts are set against. `hops`: the first time of each hop of each alert."""

    hours: float
    beds: int
    devices: int
    at_home: frozenset[uuid.UUID]
    shelved_now: int
    stale: int
    hops: Mapping[uuid.UUID, Mapping[str, datetime]]


def duty_hours(duties: Iterable[Duty], begin: datetime, end: datetime) -> float:
    """Hours of duty staff in the interval, all together."""
    seconds = sum(
        (min(duty.ends_at, end) - max(duty.starts_at, begin)).total_seconds()
        for duty in duties
        if duty.duty_as == DutyAs.DUTY
    )
    return seconds / 3600


def compute(
    alerts: Sequence[Alert], around: Around, begin: datetime, end: datetime, *, now: datetime
) -> Figures:
    """From alerts in order of their raising."""
    filed = Counter(alert.filed for alert in alerts if alert.filed is not None)
    alerts = [alert for alert in alerts if alert.filed is None]
    told = [alert for alert in alerts if alert.flood_id is None]
    people = [alert for alert in told if alert.category != Category.TECHNICAL]
    answers = _seconds(people, lambda alert: alert.acknowledged_at or alert.resolved_at)
    judged = [alert for alert in alerts if alert.verdict is not None]
    weeks, days = (end - begin) / timedelta(weeks=1), (end - begin) / timedelta(days=1)
    technical = sum(alert.category == Category.TECHNICAL for alert in alerts)
    sources = Counter(alert.device_id for alert in alerts if alert.device_id is not None)
    top = sources.most_common(TOP)
    rules = sorted({alert.code for alert in judged})
    by_priority = Counter(alert.priority for alert in alerts)
    way_home = _way_there(people, around)
    false_falls = sum(a.code in _FALLS and a.verdict == Verdict.FALSE for a in judged)
    return Figures(
        begin=begin,
        end=end,
        alerts=len(alerts),
        history=filed["history"],
        unheard=filed["unheard"],
        folded=len(alerts) - len(told),
        by_code=_by_code(alerts),
        by_priority=dict(by_priority),
        priority_share={
            name: Share(by_priority[name], len(alerts), goal)
            for name, goal in PRIORITY_MIX_PERCENT.items()
        },
        duty_hours=round(around.hours, 1),
        per_duty_hour=_per(len(told), around.hours, 2),
        per_duty_day=_per(24 * len(told), around.hours, 1),
        answered_60_s=_within(answers, len(people), *ANSWERED_60_S),
        answered_180_s=_within(answers, len(people), *ANSWERED_180_S),
        late_answers=[alert.id for alert in people if _answer_s(alert, now) > ANSWERED_180_S[0]],
        on_spot_45_min=_within(way_home, len(way_home), *ON_SPOT_45_MIN),
        on_spot_60_min=_within(way_home, len(way_home), *ON_SPOT_60_MIN),
        shown_10_s=_hop_share(told, around, "committed", "shown", SHOWN_10_S),
        cloud_5_s=_hop_share(alerts, around, "decided", "committed", CLOUD_5_S),
        sensor_to_desk=_times(_between(told, around, "sensed", "shown")),
        answer=_times(answers),
        arrival=_times(_seconds(people, lambda alert: alert.arrived_at)),
        resolution=_times(_seconds(people, lambda alert: alert.resolved_at)),
        closing=_times(_seconds(people, lambda alert: alert.closed_at)),
        false=_share(judged, Verdict.FALSE),
        unclear=_share(judged, Verdict.UNCLEAR),
        false_by_rule={
            code: _share([a for a in judged if a.code == code], Verdict.FALSE) for code in rules
        },
        unclear_by_rule={
            code: _share([a for a in judged if a.code == code], Verdict.UNCLEAR) for code in rules
        },
        devices=[_source(name, judged, count) for name, count in sorted(sources.items())],
        top_sources=[_source(device_id, judged, count) for device_id, count in top],
        top_share=Share(sum(count for _, count in top), len(alerts), TOP_SHARE_PERCENT),
        floods=_floods_by_unit(alerts),
        chattering=_chattering(alerts),
        shelved_now=around.shelved_now,
        stale=around.stale,
        technical_per_device_week=_per(technical, around.devices * weeks, 2),
        per_bed_night=_per(sum(map(_at_night, told)), around.beds * days, 3),
        falls=sum(alert.finding == "real_fall" for alert in alerts),
        false_falls_per_bed_week=_per(false_falls, around.beds * weeks, 3),
    )


def _per(count: float, of: float, digits: int) -> float | None:
    return round(count / of, digits) if of else None


def _way_there(alerts: Iterable[Alert], around: Around) -> list[float]:
    """To homes: seconds from the decision to send somebody to their arrival."""
    times = [(alert.attending_at, alert.arrived_at) for alert in alerts
             if alert.id in around.at_home]  # fmt: skip
    return sorted((to - sent).total_seconds() for sent, to in times if sent and to)


def _between(alerts: Iterable[Alert], around: Around, first: str, last: str) -> list[float]:
    """Seconds between two hops; of what happened while the network was there."""
    found = []
    for alert in alerts:
        hops = around.hops.get(alert.id, {})
        if first in hops and last in hops:
            found.append((hops[last] - hops[first]).total_seconds())
    return sorted(found)


def _hop_share(
    alerts: Iterable[Alert], around: Around, first: str, last: str, goal: tuple[float, float]
) -> Share:
    seconds = _between(alerts, around, first, last)
    return _within(seconds, len(seconds), *goal)


def _floods_by_unit(alerts: Iterable[Alert]) -> int:
    """Each unit has its own people: their floods are counted apart."""
    by_unit: dict[uuid.UUID | None, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_unit[alert.unit_id].append(alert)
    return sum(_floods(rows) for rows in by_unit.values())


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
    """Nearest rank for the percentiles: values that happened."""
    if not seconds:
        return Times(0, None, None)

    def at(percent: int) -> float:
        rank = max(1, -(-len(seconds) * percent // 100))
        return round(seconds[rank - 1], 1)

    return Times(len(seconds), round(median(seconds), 1), at(95), at(99))


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
