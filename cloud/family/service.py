"""The relatives' page: last sign of life, the night, and what cannot be seen, told honestly."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final, Literal, cast, get_args

from cloud.alerts.codes import Category
from cloud.alerts.machine import ENDED
from cloud.alerts.models import Alert
from cloud.clock import LOCAL_ZONE, datetime_from_ns, local_date, ns_from_datetime
from cloud.coverage.schemas import ElderCoverage, PauseReason
from cloud.coverage.service import coverage_of
from cloud.database import TenantScope
from cloud.family import facts
from cloud.family.schemas import (
    AnswerOut,
    AnswersOut,
    CoverageOut,
    FamilyElder,
    FamilyNoticeOut,
    FamilyPage,
    MissingOut,
    Mood,
    NightOut,
    PauseNow,
    RightOut,
)
from cloud.family.words import (
    AnswerFacts,
    CoverageFacts,
    answer_said,
    answers_said,
    coverage_said,
    night_said,
    quarters,
)
from cloud.identity.service import Principal
from cloud.people.family import consents_of, elders_of_user, sees
from cloud.people.models import Consent, FamilyMember
from cloud.people.schemas import FamilyKind
from cloud.people.service import find_elder
from cloud.series.service import SeriesStore, elder_latest

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
_SOON: Final = timedelta(minutes=5)
_RECENT_ANSWERS: Final = 5
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
    consents = await consents_of(scope, elder.id)
    shares = sees(member, consents, now)
    seen: ElderCoverage = await coverage_of(scope, elder.id, now)
    is_open = await _has_open_alert(scope, elder.id) if "alerts" in shares else None
    sign = await _last_sign(scope, store, elder.id, now) if "presence" in shares else None
    pause = await facts.pause_now(scope, elder.id, now) if shares else None
    away = "presence" in shares and facts.is_away(pause)
    return FamilyElder(
        elder_id=elder.id,
        name=elder.name,
        relationship=member.relationship,
        mood=mood_of(
            seen, is_open, sign, now, knows=bool({"presence", "alerts"} & shares), away=away
        ),
        last_sign_at=sign,
        night=await _night(scope, store, elder.id, now) if "night" in shares else None,
        # That nothing can be seen is always told: silence about it would read as "all well".
        coverage=await _coverage(scope, seen, now, in_full="coverage" in shares),
        open_alert=is_open,
        answers=await _answers(scope, elder.id, now) if "alerts" in shares else None,
        pause=None if pause is None else PauseNow(
            from_at=pause.from_at, until_at=pause.until_at,
            reason=cast(PauseReason, pause.reason) if "presence" in shares else None,
        ),
        notices=await _notices(scope, member) if "alerts" in shares else [],
        shares=sorted(shares),
        rights=[_right(member, consents, kind, now) for kind in get_args(FamilyKind)],
    )  # fmt: skip


def mood_of(
    seen: ElderCoverage, is_open: bool | None, sign: datetime | None, now: datetime, *,
    knows: bool, away: bool = False,
) -> Mood:  # fmt: skip
    """One word. `calm` needs everything to be seen, nothing open, and a recent sign of life."""
    if is_open:
        return "attention"
    if seen.state == "blind":
        return "not_seen"
    if seen.state == "degraded":
        return "partly_seen"
    if not knows:
        return "not_shared"
    if away:
        return "away"
    if sign is None or now - sign > RECENT:
        return "not_seen"
    return "calm"


async def _coverage(
    scope: TenantScope, seen: ElderCoverage, now: datetime, *, in_full: bool
) -> CoverageOut:
    missing = [
        MissingOut(
            what=lack.capability,
            level=cast(Literal["partial", "lost"], lack.level),
            since=lack.since,
        )
        for lack in seen.lacking
    ]
    cause = seen.cause if in_full else None
    missing = missing if in_full else []
    staff, staff_since = "listed", None
    if seen.state != "protected":
        staff, staff_since = await facts.staff_know(scope, seen.elder_id)
    told = coverage_said(
        CoverageFacts(
            seen.state, _clock(seen.since, now), cause,
            [(lack.what, _clock(lack.since, now)) for lack in missing], staff,
        )
    )  # fmt: skip
    return CoverageOut(
        state=seen.state, since=seen.since, cause=cause, missing=missing,
        staff=cast(Literal["listed", "alerted", "acknowledged"], staff), staff_since=staff_since,
        text_zh=told.zh, text_en=told.en,
    )  # fmt: skip


def _clock(at: datetime | None, now: datetime) -> str | None:
    """In the house's time; of another day with its date."""
    if at is None:
        return None
    local = at.astimezone(LOCAL_ZONE)
    same = local.date() == local_date(now)
    return f"{local:%H:%M}" if same else f"{local:%m-%d %H:%M}"


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


async def _night(
    scope: TenantScope, store: SeriesStore, elder_id: uuid.UUID, now: datetime
) -> NightOut:
    morning = local_date(now)
    night = await facts.night_of(scope, store, elder_id, morning, now)
    told = night_said(night)
    return NightOut(
        morning=morning, watched=night.watched, so_far=now < facts.night_bounds(morning)[1],
        in_bed_min=quarters(night.in_bed_min), up_times=night.up_times,
        out_min=quarters(night.out_min), unseen_min=quarters(night.unseen_min),
        text_zh=told.zh, text_en=told.en,
    )  # fmt: skip


async def _answers(scope: TenantScope, elder_id: uuid.UUID, now: datetime) -> AnswersOut:
    found = await facts.alerts_of(scope, elder_id, now - facts.ANSWERS_SHOWN, now + _SOON)
    over = [(alert, facts.answer_of(alert)) for alert in found if facts.is_over(alert)]
    told = answers_said([answer for _, answer in over])
    answered = [a.answered_s for _, a in over if a.answered_s is not None]
    arrived = [a.arrived_s for _, a in over if a.arrived_s is not None]
    return AnswersOut(
        days=facts.ANSWERS_SHOWN.days, count=len(over),
        median_answered_s=median(answered) if answered else None,
        median_arrived_s=median(arrived) if arrived else None,
        text_zh=told.zh, text_en=told.en,
        recent=[_answer(alert, answer) for alert, answer in over[:_RECENT_ANSWERS]],
    )  # fmt: skip


def _answer(alert: Alert, answer: AnswerFacts) -> AnswerOut:
    told = answer_said(answer)
    return AnswerOut(
        happened_at=facts.happened_at(alert), answered_s=answer.answered_s,
        arrived_s=answer.arrived_s, text_zh=told.zh, text_en=told.en,
    )  # fmt: skip


async def _notices(scope: TenantScope, member: FamilyMember) -> list[FamilyNoticeOut]:
    return [
        FamilyNoticeOut(at=row.created_at, text=row.body, delivered=row.state == "sent")
        for row in await facts.notices_of(scope, member)
    ]


def _right(
    member: FamilyMember, consents: Sequence[Consent], kind: FamilyKind, now: datetime
) -> RightOut:
    consent = facts.agreed_to(member, consents, kind, now)
    allowed = kind in member.may_see
    state: Literal["seen", "not_allowed", "not_agreed"] = "seen" if allowed else "not_allowed"
    if consent is None and allowed:
        state = "not_agreed"
    shown = consent if state == "seen" else None
    return RightOut(
        kind=kind, state=state, signer_name=None if shown is None else shown.signer_name,
        since=None if shown is None else shown.valid_from,
        until=None if shown is None else shown.valid_until,
    )  # fmt: skip
