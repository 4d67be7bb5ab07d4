"""What the core asks for, out of the database: two statements for the hours of all elders' days,
and a few for what the record and the alerts say. Nothing here judges.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import text

from cloud.alerts.models import Alert
from cloud.care.assessment import service as assessment
from cloud.care.assessment.counted import triggers
from cloud.care.discovery.change import BASELINE_DAYS
from cloud.care.discovery.features import (
    HOUR_NS,
    QUANTITIES,
    Placed,
    Slot,
    day_features,
    first_hour,
)
from cloud.care.discovery.need import Alerts, Person
from cloud.care.tasks.service import refused_since
from cloud.care.visits.history import refusals_since
from cloud.clock import datetime_from_ns, local_date, ns_from_datetime
from cloud.coverage.models import AssessedLevel, CoverageGap, WatchPause, WatchPlan
from cloud.coverage.subjects import level_in_force
from cloud.database import TenantScope
from cloud.devices.attribution import DeviceSpan
from cloud.people.age import age_on
from cloud.people.models import Elder, ElderFact
from cloud.series.postgres import PostgresSeries
from cloud.series.service import SeriesStore
from cloud.series.slots import Unit
from edge.signals import Origin

_DAY_HOURS: Final = 24
# Away for more than half of a day's waking hours: it says nothing of how they live.
_AWAY_FOR: Final = timedelta(hours=8)
_AWAY: Final = ("leave", "hospital")
_ALERTS_RECENT: Final = timedelta(days=7)
_ALERTS_USUAL: Final = timedelta(days=BASELINE_DAYS)
_USUAL_WEEKS: Final = BASELINE_DAYS / 7
_REFUSED_WITHIN: Final = timedelta(days=60)

# An elder's own devices, those of their bed, and those of rooms that are theirs alone: their room,
# and all rooms of a home, where nobody else stays there meanwhile.
_SPANS: Final = """
WITH here AS MATERIALIZED (
    SELECT s.elder_id, s.bed_id, b.room_id, r.home_id,
        greatest(s.valid_from, :begin) AS from_at,
        least(coalesce(s.valid_until, :end), :end) AS until_at
    FROM stay s
    JOIN bed b ON b.institution_id = s.institution_id AND b.id = s.bed_id
    JOIN room r ON r.institution_id = b.institution_id AND r.id = b.room_id
    WHERE s.institution_id = :institution AND s.valid_from < :end
        AND (s.valid_until IS NULL OR s.valid_until > :begin)
), held AS MATERIALIZED (
    SELECT a.device_id, a.elder_id, a.bed_id, a.room_id,
        greatest(a.valid_from, :begin) AS from_at,
        least(coalesce(a.valid_until, :end), :end) AS until_at
    FROM assignment a
    WHERE a.institution_id = :institution AND a.valid_from < :end
        AND (a.valid_until IS NULL OR a.valid_until > :begin)
), alone AS MATERIALIZED (
    SELECT h.* FROM here h WHERE NOT EXISTS (
        SELECT FROM here o WHERE o.elder_id <> h.elder_id
            AND o.from_at < h.until_at AND o.until_at > h.from_at
            AND (o.room_id = h.room_id OR o.home_id = h.home_id)
    )
), span AS (
    SELECT elder_id, device_id, from_at, until_at FROM held WHERE elder_id IS NOT NULL
    UNION ALL
    SELECT h.elder_id, a.device_id, greatest(h.from_at, a.from_at), least(h.until_at, a.until_at)
    FROM here h JOIN held a ON a.bed_id = h.bed_id
    UNION ALL
    SELECT h.elder_id, a.device_id, greatest(h.from_at, a.from_at), least(h.until_at, a.until_at)
    FROM alone h JOIN held a ON a.room_id = h.room_id
    UNION ALL
    SELECT h.elder_id, a.device_id, greatest(h.from_at, a.from_at), least(h.until_at, a.until_at)
    FROM alone h
    JOIN room r ON r.institution_id = :institution AND r.home_id = h.home_id
        AND r.id <> h.room_id
    JOIN held a ON a.room_id = r.id
)
SELECT s.elder_id, s.device_id, s.from_at, s.until_at,
    coalesce(p.role, d.role, d.kind) AS role, coalesce(p.room_kind, '') AS room_kind
FROM span s
JOIN device d ON d.institution_id = :institution AND d.device_id = s.device_id
LEFT JOIN sensor p ON p.institution_id = d.institution_id AND p.device_id = d.device_id
WHERE s.from_at < s.until_at AND (d.retired_at IS NULL OR d.retired_at > :begin)
"""
_HOURS: Final = """
SELECT k.device_id, k.quantity, k.origin, h.slot, h.count, h.first_ns, h.last_ns, h.first_value,
    h.last_value, h.min_value, h.max_value, h.sum_value
FROM series_key k
JOIN series_hour h ON h.institution_id = k.institution_id AND h.series_id = k.id
WHERE k.institution_id = :institution AND k.quantity = ANY(:quantities)
    AND h.slot >= :first AND h.slot < :end
"""
_SINCE: Final = "SELECT min(valid_from) FROM assignment WHERE institution_id = :institution"


@dataclass(slots=True)
class ElderDay:
    """What a day of one elder came to. `watched`: had devices that make features."""

    elder_id: uuid.UUID
    origin: str = Origin.LIVE.value
    features: dict[str, float] = field(default_factory=dict)
    watched: bool = False
    away: bool = False
    # Filled in by the nightly job from the days before: consecutive days watched and there.
    watched_days: int = 0


@dataclass(frozen=True, slots=True)
class _Span:
    from_ns: int
    until_ns: int
    placed: Placed


_MAKES_FEATURES: Final = frozenset({"motion", "radar", "bed", "wearable", "outer_door"})


async def watched_since(scope: TenantScope) -> date | None:
    """The day of the first device of anybody; None: there is none."""
    first = await scope.session.scalar(text(_SINCE), {"institution": scope.institution_id})
    return None if first is None else local_date(first)


async def days_of_all(
    scope: TenantScope, store: SeriesStore, day: date, now: datetime
) -> list[ElderDay]:
    """The day of everybody who has devices, or is known to be away."""
    first = first_hour(day)
    begin, end = (datetime_from_ns(hour * HOUR_NS) for hour in (first, first + _DAY_HOURS))
    spans: dict[uuid.UUID, dict[str, list[_Span]]] = defaultdict(lambda: defaultdict(list))
    where = {"institution": scope.institution_id, "begin": begin, "end": end}
    for row in await scope.session.execute(text(_SPANS), where):
        # A home's only door is the one out; an institution's doors are not asked here.
        placed = Placed("outer_door" if row.role == "door" else row.role, row.room_kind)
        span = _Span(ns_from_datetime(row.from_at), ns_from_datetime(row.until_at), placed)
        spans[row.elder_id][row.device_id].append(span)
    hours = await _hours(scope, store, spans, first)
    blind = await _blind(scope, begin, end, now)
    away = await _away(scope, begin, end)
    found = {elder_id: ElderDay(elder_id, away=True) for elder_id in away}
    for elder_id, devices in spans.items():
        one = found.setdefault(elder_id, ElderDay(elder_id))
        one.watched = any(s.placed.role in _MAKES_FEATURES for own in devices.values() for s in own)
        by_origin = _own_hours(devices, hours)
        one.origin = _origin_of(by_origin)
        if not one.away:
            places = {device: own[0].placed for device, own in devices.items()}
            unseen = {device: blind[device] | blind[str(elder_id)] for device in devices}
            told = day_features(places, by_origin.get(one.origin, ()), day, unseen)
            one.features = {name.value: round(value, 3) for name, value in told.items()}
    return list(found.values())


def _own_hours(
    devices: Mapping[str, list[_Span]], hours: Mapping[str, list[tuple[str, Slot]]]
) -> dict[str, list[Slot]]:
    """By origin. An hour in which a device changed hands is somebody else's too: left out."""
    found: dict[str, list[Slot]] = defaultdict(list)
    for device, own in devices.items():
        for origin, slot in hours.get(device, ()):
            begin_ns = slot.hour * HOUR_NS
            if any(s.from_ns <= begin_ns and begin_ns + HOUR_NS <= s.until_ns for s in own):
                found[origin].append(slot)
    return found


def _origin_of(by_origin: Mapping[str, list[Slot]]) -> str:
    """What is live counts alone; simulated data only where there is nothing else."""
    if by_origin.get(Origin.LIVE.value) or not by_origin:
        return Origin.LIVE.value
    return max(by_origin, key=lambda origin: len(by_origin[origin]))


async def _hours(
    scope: TenantScope, store: SeriesStore,
    spans: Mapping[uuid.UUID, Mapping[str, list[_Span]]], first: int,
) -> dict[str, list[tuple[str, Slot]]]:  # fmt: skip
    """(origin, hour) by device."""
    found: dict[str, list[tuple[str, Slot]]] = defaultdict(list)
    if isinstance(store, PostgresSeries):
        where = {
            "institution": scope.institution_id, "quantities": list(QUANTITIES),
            "first": first, "end": first + _DAY_HOURS,
        }  # fmt: skip
        for device, quantity, origin, *rest in await scope.session.execute(text(_HOURS), where):
            found[device].append((origin, Slot(device, quantity, *rest)))
        return found
    devices = {device for own in spans.values() for device in own}
    whole = [
        DeviceSpan(device, first * HOUR_NS, (first + _DAY_HOURS) * HOUR_NS) for device in devices
    ]
    for quantity in QUANTITIES:
        for track in await store.tracks(scope, whole, quantity, Unit.HOUR):
            for slot in track.slots:
                found[track.device_id].append(
                    (
                        track.origin.value,
                        Slot(
                            track.device_id, quantity, int(slot["slot"]), int(slot["count"]),
                            int(slot["first_ns"]), int(slot["last_ns"]),
                            float(slot["first_value"]), float(slot["last_value"]),
                            float(slot["min_value"]), float(slot["max_value"]),
                            float(slot["sum_value"]),
                        ),
                    )
                )  # fmt: skip
    return found


async def _blind(
    scope: TenantScope, begin: datetime, end: datetime, now: datetime
) -> defaultdict[str, set[int]]:
    """Hours of known gaps: by device id; of a whole gateway by the elder's id."""
    statement = scope.select(CoverageGap).where(
        CoverageGap.from_at < end,
        CoverageGap.until_at.is_(None) | (CoverageGap.until_at > begin),
    )
    found: defaultdict[str, set[int]] = defaultdict(set)
    for gap in await scope.session.scalars(statement):
        key = gap.device_id or (None if gap.elder_id is None else str(gap.elder_id))
        if key is not None:
            from_h = ns_from_datetime(max(gap.from_at, begin)) // HOUR_NS
            until_h = -(-ns_from_datetime(min(gap.until_at or now, end)) // HOUR_NS)
            found[key].update(range(from_h, until_h))
    return found


async def _away(scope: TenantScope, begin: datetime, end: datetime) -> set[uuid.UUID]:
    statement = scope.select(WatchPause).where(
        WatchPause.from_at < end, WatchPause.until_at > begin, WatchPause.reason.in_(_AWAY),
    )  # fmt: skip
    return {
        pause.elder_id
        for pause in await scope.session.scalars(statement)
        if min(pause.until_at, end) - max(pause.from_at, begin) > _AWAY_FOR
    }


async def people(
    scope: TenantScope, days: Mapping[uuid.UUID, ElderDay], today: date, now: datetime
) -> dict[uuid.UUID, Person]:
    """Everybody in care, as the record, the alerts, the assessments and the visits have them."""
    facts = await _facts(scope)
    plans = {row.elder_id: row for row in await scope.session.scalars(scope.select(WatchPlan))}
    levels = {row.elder_id: row for row in await scope.session.scalars(scope.select(AssessedLevel))}
    latest = await assessment.latest_filed(scope)
    interval = timedelta(days=(await assessment.settings_of(scope)).interval_days)
    fallen = await triggers(scope, latest, now)
    alerts = await _alerts(scope, days, now)
    refused = await _refusals(scope, now - _REFUSED_WITHIN)
    found = {}
    for elder in await scope.session.scalars(
        scope.select(Elder).where(Elder.archived_at.is_(None))
    ):
        own, plan, level = facts[elder.id], plans.get(elder.id), levels.get(elder.id)
        last, one = latest.get(elder.id), days.get(elder.id)
        alone = plan is not None and plan.lives_alone is True
        known = plan is not None and not plan.follows_assessment
        found[elder.id] = Person(
            age=age_on(elder.birth_date, today),
            level=level_in_force(plan, level) if known or level is not None else None,
            living=_living(own, alone=alone),
            economic=_known(own.get("economic_status")),
            never_assessed=last is None,
            overdue_days=0
            if last is None
            else max(0, (today - (last.reference_date + interval)).days),
            second_fall_on=local_date(fallen[elder.id].at) if elder.id in fallen else None,
            alerts=alerts.get(elder.id, {}),
            refused=refused.get(elder.id, 0),
            watched_days=0 if one is None else one.watched_days,
            away=one is not None and one.away,
        )
    return found


async def _refusals(scope: TenantScope, since: datetime) -> Counter[uuid.UUID]:
    """How often each elder's visits were refused, asked for or not.

    A refused check-in ends the task that asked for it at the same moment: that is one refusal.
    One that was taken back is none, nor is the task that it ended.
    """
    visits = await refusals_since(scope, since)
    moments = {moment for moment, stands in visits.items() if stands}
    moments |= await refused_since(scope, since) - visits.keys()
    return Counter(elder_id for elder_id, _ in moments)


def _known(value: object) -> str | None:
    return value if isinstance(value, str) and value != "unknown" else None


def _living(facts: Mapping[str, object], *, alone: bool) -> frozenset[str]:
    """The four are different things; the service list's fields say two of them in other words."""
    said = {
        "lives_alone": alone or facts.get("lives_alone") is True or facts.get("living") == "alone",
        "empty_nest": facts.get("empty_nest") is True or facts.get("living") == "couple_only",
        "children_away": facts.get("children_away") is True,
        "no_kin": facts.get("no_kin") is True or facts.get("no_supporter") is True,
    }
    return frozenset(name for name, holds in said.items() if holds)


async def _facts(scope: TenantScope) -> defaultdict[uuid.UUID, dict[str, object]]:
    """The newest of each field."""
    found: defaultdict[uuid.UUID, dict[str, object]] = defaultdict(dict)
    statement = scope.select(ElderFact).order_by(
        ElderFact.as_of, ElderFact.recorded_at, ElderFact.id
    )
    for fact in await scope.session.scalars(statement):
        found[fact.elder_id][fact.field] = fact.value
    return found


async def _alerts(
    scope: TenantScope, days: Mapping[uuid.UUID, ElderDay], now: datetime
) -> dict[uuid.UUID, dict[str, Alerts]]:
    """Alerts about persons by code: not tests and drills, not what was found false."""
    statement = scope.select(Alert).where(
        Alert.category == "person", Alert.elder_id.is_not(None),
        Alert.raised_at >= now - _ALERTS_RECENT - _ALERTS_USUAL, Alert.raised_at < now,
        Alert.verdict.is_(None) | Alert.verdict.not_in(("false", "test")),
    ).with_only_columns(Alert.elder_id, Alert.code, Alert.origin, Alert.raised_at)  # fmt: skip
    counts: dict[uuid.UUID, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for elder_id, code, origin, raised_at in await scope.session.execute(statement):
        if elder_id is None:
            continue
        one = days.get(elder_id)
        if origin == (Origin.LIVE.value if one is None else one.origin):
            counts[elder_id][code][raised_at < now - _ALERTS_RECENT] += 1
    return {
        elder_id: {code: Alerts(recent, usual / _USUAL_WEEKS) for code, (recent, usual) in own}
        for elder_id, own in _items(counts)
    }


def _items(
    counts: Mapping[uuid.UUID, Mapping[str, list[int]]],
) -> Iterable[tuple[uuid.UUID, Iterable[tuple[str, list[int]]]]]:
    return ((elder_id, own.items()) for elder_id, own in counts.items())
