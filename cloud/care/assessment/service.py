"""Rules of assessments: drafts that travel, filing, what holds now and what is due."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.assessment.around import mistakes_of, with_around
from cloud.care.assessment.counted import (
    COUNTED_AS,
    Trigger,
    at_least,
    contest_mistakes,
    counted,
    incidents_for,
    record_of,
    triggers,
)
from cloud.care.assessment.form import load_form
from cloud.care.assessment.models import Assessment, AssessmentSettings
from cloud.care.assessment.schemas import DraftIn, SettingsIO
from cloud.care.assessment.scoring import (
    Circumstances,
    Draft,
    FormError,
    Mistake,
    Result,
    RuleSettings,
    assess,
)
from cloud.care.tasks import service as tasks
from cloud.care.tasks.models import CareTask
from cloud.clock import local_date
from cloud.coverage.plans import AssessedLevelIn, take_assessed_level
from cloud.database import TenantScope
from cloud.errors import NotFoundError, ProblemError
from cloud.identity.service import Principal
from cloud.people.models import Elder
from cloud.people.service import find_elder

# Mark U in the domain page; some homes use 180 days. A setting of the institution.
DEFAULT_INTERVAL_DAYS: Final = 365
# Two assessors and the signature of whoever gave the information (mark U).
ASSESSORS_NEEDED: Final = 2
# Nobody assesses for the future; a tablet whose clock is a day ahead is not refused.
_MAX_AHEAD: Final = timedelta(days=1)
DEFAULTS: Final = SettingsIO(
    changes_add_up=True, events_count_together=True, interval_days=DEFAULT_INTERVAL_DAYS
)


@dataclass(frozen=True, slots=True)
class Due:
    """An elder whose assessment is due; `due_on` None: never assessed."""

    elder: Elder
    last: Assessment | None
    due_on: date | None
    trigger: Trigger | None = None
    asked: CareTask | None = None


async def settings_of(scope: TenantScope) -> SettingsIO:
    """How this institution reads the open points."""
    row = (await scope.session.scalars(scope.select(AssessmentSettings))).one_or_none()
    if row is None:
        return DEFAULTS
    return SettingsIO(
        changes_add_up=row.changes_add_up,
        events_count_together=row.events_count_together,
        interval_days=row.interval_days,
    )


async def change_settings(principal: Principal, wanted: SettingsIO, now: datetime) -> None:
    """From now on; what is filed keeps the reading of its day."""
    scope = principal.scope
    before = await settings_of(scope)
    values = wanted.model_dump() | {"updated_at": now}
    await scope.session.execute(
        insert(AssessmentSettings)
        .values(institution_id=scope.institution_id, **values)
        .on_conflict_do_update(index_elements=[AssessmentSettings.institution_id], set_=values)
    )
    changes = {
        name: (getattr(before, name), value)
        for name, value in wanted.model_dump().items()
        if getattr(before, name) != value
    }
    audit.record(scope, principal.actor, Action.RULES_CHANGED, now, changes=changes)


async def save_draft(
    principal: Principal, elder_id: uuid.UUID, assessment_id: uuid.UUID, draft: DraftIn,
    now: datetime,
) -> Assessment:  # fmt: skip
    """Keep a draft under the id its tablet gave it; sent twice it is kept once.

    Raises NotFoundError, FormError, ProblemError (409 where somebody else has changed it).
    """
    scope = principal.scope
    await find_elder(scope, elder_id)
    work_out(draft.answers, circumstances_of(draft), DEFAULTS)
    if mistakes := mistakes_of(draft.around.problems, draft.around.diagnoses):
        raise FormError(tuple(mistakes))
    _check_dates(draft, now)
    found = await _locked(scope, assessment_id)
    if found is None:
        if draft.version != 0:
            raise NotFoundError("assessment")
        found = Assessment(
            id=assessment_id,
            institution_id=scope.institution_id,
            elder_id=elder_id,
            version=0,
            created_at=now,
            created_by_id=principal.user.id,
        )
        scope.session.add(found)
        audit.record(
            scope, principal.actor, Action.RECORD_CREATED, now, elder_id=elder_id,
            subject=("assessment", assessment_id),
        )  # fmt: skip
    elif found.elder_id != elder_id:
        raise NotFoundError("assessment")
    elif _says_the_same(found, draft):
        return found
    _refuse_filed(found)
    _refuse_stale(found, draft.version)
    _take(found, draft)
    found.version += 1
    found.updated_at = now
    await scope.session.flush()
    return found


async def file(
    principal: Principal, assessment_id: uuid.UUID, version: int, now: datetime
) -> Assessment:
    """Make it an assessment: full, signed, worked out, and never changed again.

    Raises NotFoundError, FormError (what is missing), ProblemError (409).
    """
    scope = principal.scope
    found = await _locked(scope, assessment_id)
    if found is None:
        raise NotFoundError("assessment")
    if found.filed_at is not None and found.version == version + 1:
        return found  # the answer to the first try was lost
    _refuse_filed(found)
    _refuse_stale(found, version)
    await _count_incidents(scope, found)
    settings = await settings_of(scope)
    around = with_around(Circumstances(**found.circumstances), found.around)
    found.circumstances = asdict(around)
    result = work_out(found.answers, around, settings)
    _refuse_unready(found, result)
    assert isinstance(result, Result)  # noqa: S101 - a draft was refused above
    found.result = asdict(result)
    found.rules_version = result.rules_version
    found.total, found.first_level = result.total, result.first_level
    found.final_level = result.final_level
    found.filed_at = found.updated_at = now
    found.filed_by_id = principal.user.id
    found.version += 1
    audit.record(
        scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=found.elder_id,
        subject=("assessment", found.id), detail={"final_level": result.final_level},
    )  # fmt: skip
    await scope.session.flush()
    level = AssessedLevelIn(result.final_level, found.reference_date, found.id, now)
    await take_assessed_level(scope, found.elder_id, level)
    await tasks.end_all(
        scope, found.elder_id, "assessment", f"评估完成，基准日 {found.reference_date}",
        principal.actor.name, now,
    )  # fmt: skip
    return found


async def find(scope: TenantScope, assessment_id: uuid.UUID) -> Assessment:
    """Raises NotFoundError."""
    found = (
        await scope.session.scalars(scope.select(Assessment).where(Assessment.id == assessment_id))
    ).one_or_none()
    if found is None:
        raise NotFoundError("assessment")
    return found


async def of_elder(scope: TenantScope, elder_id: uuid.UUID) -> list[Assessment]:
    """All of an elder, newest first; drafts before what is filed."""
    statement = (
        scope.select(Assessment)
        .where(Assessment.elder_id == elder_id)
        .order_by(Assessment.filed_at.desc().nulls_first(), Assessment.created_at.desc())
    )
    return list(await scope.session.scalars(statement))


async def current_level(scope: TenantScope, elder_id: uuid.UUID) -> int | None:
    """The level that holds now; None: never assessed."""
    latest = (await latest_filed(scope, [elder_id])).get(elder_id)
    return None if latest is None else latest.final_level


async def latest_filed(
    scope: TenantScope, elder_ids: Sequence[uuid.UUID] | None = None
) -> dict[uuid.UUID, Assessment]:
    """The newest filed assessment of each elder."""
    newest = (
        select(Assessment.id)
        .ext(distinct_on(Assessment.elder_id))
        .where(Assessment.institution_id == scope.institution_id, Assessment.filed_at.is_not(None))
        .order_by(Assessment.elder_id, Assessment.reference_date.desc(), Assessment.filed_at.desc())
    )
    if elder_ids is not None:
        newest = newest.where(Assessment.elder_id.in_(elder_ids))
    rows = await scope.session.scalars(scope.select(Assessment).where(Assessment.id.in_(newest)))
    return {row.elder_id: row for row in rows}


async def due_list(scope: TenantScope, today: date, within_days: int, now: datetime) -> list[Due]:
    """Who is due by then: events first, then who was asked for, never assessed, overdue."""
    settings = await settings_of(scope)
    interval = timedelta(days=settings.interval_days)
    latest = await latest_filed(scope)
    fallen = await triggers(
        scope, latest, now, kinds=COUNTED_AS, together=settings.events_count_together
    )
    # Of several the earliest due, which comes first.
    asked = {
        task.elder_id: task for task in reversed(await tasks.open_tasks(scope, kind="assessment"))
    }
    due: list[Due] = []
    for elder in await scope.session.scalars(
        scope.select(Elder).where(Elder.archived_at.is_(None))
    ):
        last = latest.get(elder.id)
        due_on = None if last is None else last.reference_date + interval
        trigger = fallen.get(elder.id)
        if trigger is not None and last is not None:
            due_on = min(due_on or date.max, local_date(trigger.at))
        task = asked.get(elder.id)
        if task is not None and last is not None:
            due_on = min(due_on or date.max, task.due_on)
        soon = due_on is None or due_on <= today + timedelta(days=within_days)
        if trigger is not None or task is not None or soon:
            due.append(Due(elder, last, due_on, trigger, task))
    return sorted(
        due,
        key=lambda one: (
            one.trigger is None, one.asked is None, one.due_on or date.min, one.elder.name
        ),
    )  # fmt: skip


async def count_filed(scope: TenantScope) -> int:
    """How many assessments an institution has filed."""
    statement = select(func.count()).where(
        Assessment.institution_id == scope.institution_id, Assessment.filed_at.is_not(None)
    )
    return int((await scope.session.scalars(statement)).one())


def work_out(
    answers: dict[str, Any], circumstances: Circumstances, settings: SettingsIO
) -> Result | Draft:
    """Score and level by an institution's reading. Raises FormError."""
    rules = RuleSettings(settings.changes_add_up, settings.events_count_together)
    return assess(answers, circumstances, rules)


def circumstances_of(draft: DraftIn) -> Circumstances:
    """For the rules."""
    return Circumstances(**draft.circumstances.model_dump())


async def _locked(scope: TenantScope, assessment_id: uuid.UUID) -> Assessment | None:
    statement = scope.select(Assessment).where(Assessment.id == assessment_id).with_for_update()
    return (await scope.session.scalars(statement)).one_or_none()


def _take(found: Assessment, draft: DraftIn) -> None:
    found.reason, found.reason_note = draft.reason, draft.reason_note
    found.reference_date = draft.reference_date
    found.answers = dict(draft.answers)
    found.circumstances = draft.circumstances.model_dump()
    found.informant = draft.informant.model_dump()
    found.assessors = list(draft.assessors)
    found.incidents = {"contested": _contested(draft)}
    found.around = draft.around.model_dump()


def _says_the_same(found: Assessment, draft: DraftIn) -> bool:
    return found.version == draft.version + 1 and (
        found.answers == draft.answers
        and found.circumstances == draft.circumstances.model_dump()
        and found.informant == draft.informant.model_dump()
        and found.assessors == draft.assessors
        and found.incidents.get("contested", []) == _contested(draft)
        and found.around == draft.around.model_dump()
        and (found.reason, found.reason_note, found.reference_date)
        == (draft.reason, draft.reason_note, draft.reference_date)
    )


def _contested(draft: DraftIn) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in draft.contested]


async def _count_incidents(scope: TenantScope, found: Assessment) -> None:
    """Confirmed incidents of the 30 days count by themselves. Raises FormError."""
    incidents = await incidents_for(scope, found.elder_id, found.reference_date)
    contested = found.incidents.get("contested", [])
    if mistakes := contest_mistakes(contested, incidents):
        raise FormError(tuple(mistakes))
    counting, counts = counted(incidents, [uuid.UUID(one["incident_id"]) for one in contested])
    said = found.circumstances.get("risk_events", {})
    found.circumstances = found.circumstances | {"risk_events": at_least(said, counts)}
    found.incidents = record_of(counting, contested)


def _check_dates(draft: DraftIn, now: datetime) -> None:
    if draft.reference_date > (now + _MAX_AHEAD).date():
        mistake = Mistake("reference_date", "评估基准日期还没有到", "is in the future")
        raise FormError((mistake,))


def _refuse_filed(found: Assessment) -> None:
    if found.filed_at is not None:
        raise ProblemError(
            409, "already_filed", "这份评估已经提交，不能再改；有疑问请另做一份复评。",
        )  # fmt: skip


def _refuse_stale(found: Assessment, version: int) -> None:
    if version != found.version:
        raise ProblemError(
            409,
            "changed_meanwhile",
            "这份评估已在别处修改过，请先看最新内容。",
            version=found.version,
        )


def _refuse_unready(found: Assessment, result: Result | Draft) -> None:
    mistakes: list[Mistake] = []
    if isinstance(result, Draft):
        items = load_form().items
        mistakes += [
            Mistake(code, f"{items[code].zh}：还没有选", f"{items[code].en}: not answered")
            for code in result.missing
        ]
    if len({name.strip() for name in found.assessors if name.strip()}) < ASSESSORS_NEEDED:
        mistakes.append(Mistake("assessors", "需要两名评估员签名", "two assessors must sign"))
    informant = found.informant
    if not (str(informant.get("name", "")).strip() and informant.get("signed")):
        mistakes.append(
            Mistake("informant", "信息提供者还没有签名", "whoever gave the information must sign")
        )
    if mistakes:
        raise FormError(tuple(mistakes))
