"""The relatives' page: last sign of life, the night, and what cannot be seen, told honestly."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final, Literal, cast

import msgspec

from cloud.alerts.codes import Category
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert, AlertEvent
from cloud.clock import datetime_from_ns, ns_from_datetime
from cloud.coverage.schemas import ElderCoverage
from cloud.coverage.service import coverage_of
from cloud.database import TenantScope
from cloud.family.schemas import (
    CoverageOut,
    FamilyElder,
    FamilyPage,
    MissingOut,
    Mood,
    NightOut,
)
from cloud.identity.service import Principal
from cloud.people.family import consents_of, elders_of_user, sees
from cloud.people.models import FamilyMember
from cloud.people.service import find_elder
from cloud.series.service import SeriesStore, elder_latest
from edge.events import Event, EventKind
from edge.localtime import LocalTime

# Signs that a person gives, not a device: the value must be more than nothing.
SIGNS: Final = frozenset(
    {
        "motion", "motion_count", "presence", "in_bed", "door_open", "steps", "appliance_on",
        "heart_rate", "respiration_rate", "body_movement",
    }
)  # fmt: skip
# Delayed and coarse: enough to be at ease, too little to follow somebody through the day.
QUARTER: Final = timedelta(minutes=15)
# A sign older than this is no reason to be at ease.
RECENT: Final = timedelta(hours=24)
_NIGHT_SHOWN: Final = timedelta(hours=36)
_QUARTER_MIN: Final = 15


async def page_of(principal: Principal, store: SeriesStore, now: datetime) -> FamilyPage:
    """Everybody this login is a relative of."""
    scope = principal.scope
    members = await elders_of_user(scope, principal.user.id)
    return FamilyPage(
        server_time=now, elders=[await _elder(scope, store, member, now) for member in members]
    )


async def _elder(
    scope: TenantScope, store: SeriesStore, member: FamilyMember, now: datetime
) -> FamilyElder:
    elder = await find_elder(scope, member.elder_id)
    shares = sees(member, await consents_of(scope, elder.id), now)
    seen: ElderCoverage = await coverage_of(scope, elder.id, now)
    is_open = await _has_open_alert(scope, elder.id) if "alerts" in shares else None
    sign = await _last_sign(scope, store, elder.id, now) if "presence" in shares else None
    return FamilyElder(
        elder_id=elder.id,
        name=elder.name,
        relationship=member.relationship,
        mood=mood_of(seen, is_open, sign, now, knows=bool({"presence", "alerts"} & shares)),
        last_sign_at=sign,
        night=await _night(scope, elder.id, now) if "night" in shares else None,
        # That nothing can be seen is always told: silence about it would read as "all well".
        coverage=_coverage(seen, in_full="coverage" in shares),
        open_alert=is_open,
        shares=sorted(shares),
    )


def mood_of(
    seen: ElderCoverage, is_open: bool | None, sign: datetime | None, now: datetime, *, knows: bool
) -> Mood:
    """One word. `calm` needs everything to be seen, nothing open, and a recent sign of life."""
    if is_open:
        return "attention"
    if seen.state == "blind":
        return "not_seen"
    if seen.state == "degraded":
        return "partly_seen"
    if not knows:
        return "not_shared"
    if sign is None or now - sign > RECENT:
        return "not_seen"
    return "calm"


def _coverage(seen: ElderCoverage, *, in_full: bool) -> CoverageOut:
    missing = [
        MissingOut(
            what=lack.capability,
            level=cast(Literal["partial", "lost"], lack.level),
            since=lack.since,
        )
        for lack in seen.lacking
    ]
    return CoverageOut(
        state=seen.state,
        since=seen.since,
        cause=seen.cause if in_full else None,
        missing=missing if in_full else [],
    )


async def _has_open_alert(scope: TenantScope, elder_id: uuid.UUID) -> bool:
    """About the person, and not a drill: a relative is not told of trials."""
    statement = scope.select(Alert).where(
        Alert.elder_id == elder_id,
        Alert.category == Category.PERSON.value,
        Alert.origin != "drill",
        Alert.state.not_in(ENDED),
    )
    return (await scope.session.scalars(statement.limit(1))).first() is not None


async def _last_sign(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, now: datetime
) -> datetime | None:
    latest = await elder_latest(scope, store, elder_id, ns_from_datetime(now))
    times = [one.time_ns for one in latest if one.quantity in SIGNS and one.value > 0]
    if not times:
        return None
    at = datetime_from_ns(max(times))
    return at - timedelta(minutes=at.minute % _QUARTER_MIN, seconds=at.second,
                          microseconds=at.microsecond)  # fmt: skip


async def _night(scope: TenantScope, elder_id: uuid.UUID, now: datetime) -> NightOut | None:
    rows = await scope.session.scalars(
        scope.select(AlertEvent)
        .where(
            AlertEvent.kind == EventKind.NIGHT_SUMMARY.value,
            AlertEvent.happened_ns > ns_from_datetime(now - _NIGHT_SHOWN),
        )
        .order_by(AlertEvent.happened_ns.desc())
    )
    for row in rows:
        event = msgspec.json.decode(row.body, type=Event)
        if event.subject_id != str(elder_id):
            continue
        said = {reason.code: reason.values for reason in event.reasons}
        values = said.get("night_in_numbers", {})
        local = LocalTime("Asia/Shanghai")
        day = datetime(1970, 1, 1, tzinfo=now.tzinfo) + timedelta(days=local.day(event.time_ns))
        return NightOut(
            morning=day.date(),
            in_bed_min=_quarters(values.get("in_bed_min", 0.0)),
            up_times=int(values.get("times_up", 0.0)),
            unseen_min=_quarters(values.get("unknown_min", 0.0)),
        )
    return None


def _quarters(minutes: float) -> int:
    return _QUARTER_MIN * round(minutes / _QUARTER_MIN)
