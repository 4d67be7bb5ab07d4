"""The incident register (事故登记): falls by alerts, the rest by hand; reviewed and closed."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from cloud.alerts.models import Alert, Incident
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.care.incidents.machine import IncidentState, IncidentStep, Told, after, lacks
from cloud.care.incidents.models import IncidentMove
from cloud.database import TenantScope
from cloud.errors import BadFieldError, ChangedMeanwhileError, NotFoundError, ProblemError
from cloud.identity.service import Principal
from cloud.people.reach import reach_of
from cloud.people.service import bed_of, find_elder
from cloud.places.service import bed_names
from cloud.schema_types import iso_ms

# Two of one kind and person this close may be one that was written down twice (D).
SAME_WITHIN: Final = timedelta(hours=2)
OLDEST: Final = timedelta(days=366)
_CLOCK_AHEAD: Final = timedelta(minutes=2)
MAX_ROWS: Final = 1000
# What an incident is as told; the rest of the row is what was done to it.
TOLD: Final = (
    "kind", "happened_at", "place", "description", "injury", "cause", "measure", "follow_up",
    "follow_up_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What happened, as it is told."""

    kind: str
    happened_at: datetime
    place: str
    description: str
    injury: str | None
    cause: str | None
    measure: str | None
    follow_up: str
    follow_up_on: date | None


def state_of(row: Incident) -> IncidentState:
    """Where it is."""
    if row.voided_at is not None:
        return IncidentState.VOIDED
    if row.closed_at is not None:
        return IncidentState.CLOSED
    return IncidentState.REPORTED if row.reviewed_at is None else IncidentState.REVIEWED


async def find(scope: TenantScope, incident_id: uuid.UUID, *, lock: bool = False) -> Incident:
    """Raises NotFoundError."""
    statement = scope.select(Incident).where(Incident.id == incident_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = (await scope.session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundError("incident")
    return found


async def between(
    scope: TenantScope, begin: datetime, end: datetime, hidden: Collection[uuid.UUID] = ()
) -> list[Incident]:
    """What happened in an interval, newest first, also what was taken back."""
    statement = (
        scope.select(Incident)
        .where(
            Incident.happened_at >= begin, Incident.happened_at < end,
            Incident.elder_id.not_in(hidden),
        )
        .order_by(Incident.happened_at.desc(), Incident.id)
        .limit(MAX_ROWS + 1)
    )  # fmt: skip
    return list(await scope.session.scalars(statement))


async def moves_of(scope: TenantScope, incident_id: uuid.UUID) -> list[IncidentMove]:
    """What was done to it, in order."""
    statement = (
        scope.select(IncidentMove)
        .where(IncidentMove.incident_id == incident_id)
        .order_by(IncidentMove.id)
    )
    return list(await scope.session.scalars(statement))


async def report(
    principal: Principal, incident_id: uuid.UUID, elder_id: uuid.UUID, told: Report, *,
    alert_id: uuid.UUID | None, separate: bool, now: datetime,
) -> Incident:  # fmt: skip
    """Once, however often it is sent. Raises NotFoundError, BadFieldError, ProblemError (409)."""
    scope = principal.scope
    await find_elder(scope, elder_id)
    await (await reach_of(principal)).require_elder(elder_id)
    known = scope.select(Incident).where(Incident.id == incident_id)
    if (held := (await scope.session.scalars(known)).one_or_none()) is not None:
        if held.elder_id != elder_id:
            raise ProblemError(409, "conflict", "这个编号已用在另一条事故上。")
        return held
    _check(told, now)
    if alert_id is not None:
        await _require_alert(scope, alert_id, elder_id)
    if not separate:
        await _refuse_twice(scope, elder_id, told)
    place = told.place or await _place_of(scope, elder_id, told.happened_at)
    row = Incident(
        id=incident_id, institution_id=scope.institution_id, alert_id=alert_id, elder_id=elder_id,
        recorded_at=now, recorded_by=principal.user.display_name, voided_at=None,
        **{name: getattr(told, name) for name in TOLD} | {"place": place},
    )  # fmt: skip
    scope.session.add(row)
    await scope.session.flush()
    _note(principal, row, "report", now=now)
    audit.record(
        scope, principal.actor, Action.RECORD_CREATED, now, elder_id=elder_id,
        subject=("incident", row.id), detail={"kind": row.kind},
    )  # fmt: skip
    await scope.session.flush()
    return row


async def change(
    principal: Principal, incident_id: uuid.UUID, told: Report, version: int, now: datetime
) -> Incident:
    """Raises NotFoundError, BadFieldError, ProblemError (409)."""
    row = await _step_begins(principal, incident_id, IncidentStep.CHANGE, version)
    _check(told, now)
    if iso_ms(told.happened_at) == iso_ms(row.happened_at):
        told = replace(told, happened_at=row.happened_at)  # as it was read: to the millisecond
    if row.alert_id is not None and (told.kind, told.happened_at) != (row.kind, row.happened_at):
        raise BadFieldError("kind", "报警带来的事故，类别和时间以报警为准")
    changes = {
        name: [_plain(getattr(row, name)), _plain(getattr(told, name))]
        for name in TOLD
        if getattr(row, name) != getattr(told, name)
    }
    for name in TOLD:
        setattr(row, name, getattr(told, name))
    _not_reviewed(row)
    return await _step_ends(principal, row, IncidentStep.CHANGE, changes=changes, now=now)


async def move(
    principal: Principal, incident_id: uuid.UUID, step: IncidentStep, *, words: str,
    version: int, now: datetime,
) -> Incident:  # fmt: skip
    """Review, send back, close, open again, void. Raises NotFoundError, ProblemError, ..."""
    row = await _step_begins(principal, incident_id, step, version)
    told = Told(row.injury, row.cause, row.measure, row.follow_up, row.follow_up_on)
    if missing := lacks(step, told, words):
        raise BadFieldError(*missing[0])
    if step is IncidentStep.VOID and row.alert_id is not None:
        raise ProblemError(
            409, "voided_by_alert", "这条事故来自报警：请在值班页重新打开报警并改结论。"
        )
    name = principal.user.display_name
    if step is IncidentStep.REVIEW:
        row.reviewed_at, row.reviewed_by, row.review = now, name, words.strip()
    elif step is IncidentStep.CLOSE:
        row.closed_at, row.closed_by, row.outcome = now, name, words.strip()
    elif step is IncidentStep.VOID:
        row.voided_at, row.void_reason = now, words.strip()
    else:
        _not_reviewed(row)
    return await _step_ends(principal, row, step, words=words, now=now)


async def _step_begins(
    principal: Principal, incident_id: uuid.UUID, step: IncidentStep, version: int
) -> Incident:
    row = await find(principal.scope, incident_id, lock=True)
    await (await reach_of(principal)).require_elder(row.elder_id)
    if row.version != version:
        raise ChangedMeanwhileError("这条事故")
    state = state_of(row)
    if after(state, step) is None:
        raise ProblemError(
            409, "illegal_step", "这条事故现在不能这样处理。", state=state.value, step=step.value
        )
    return row


async def _step_ends(
    principal: Principal, row: Incident, step: IncidentStep, *, now: datetime,
    words: str = "", changes: dict[str, Any] | None = None,
) -> Incident:  # fmt: skip
    row.version += 1
    changes = changes or {}
    _note(principal, row, step.value, words=words.strip(), changes=changes, now=now)
    audit.record(
        principal.scope, principal.actor, Action.RECORD_CHANGED, now, elder_id=row.elder_id,
        subject=("incident", row.id), reason=words.strip() or None,
        changes={name: (old, new) for name, (old, new) in changes.items()},
        detail={"step": step.value},
    )  # fmt: skip
    await principal.scope.session.flush()
    return row


def _not_reviewed(row: Incident) -> None:
    row.reviewed_at = row.reviewed_by = row.closed_at = row.closed_by = None
    row.review = row.outcome = ""


def _note(
    principal: Principal, row: Incident, step: str, *, now: datetime, words: str = "",
    changes: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    principal.scope.session.add(
        IncidentMove(
            institution_id=row.institution_id, incident_id=row.id, move=step, at=now,
            by=principal.user.display_name, words=words, changes=changes or {},
        )
    )  # fmt: skip


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _check(told: Report, now: datetime) -> None:
    if not now - OLDEST <= told.happened_at <= now + _CLOCK_AHEAD:
        raise BadFieldError("happened_at", "发生时间应在过去一年之内")
    if (told.follow_up == "") != (told.follow_up_on is None):
        raise BadFieldError("follow_up_on", "后续事项和日期要一起填")


async def _require_alert(scope: TenantScope, alert_id: uuid.UUID, elder_id: uuid.UUID) -> None:
    statement = scope.select(Alert).where(Alert.id == alert_id)
    alert = (await scope.session.scalars(statement)).one_or_none()
    if alert is None or alert.elder_id != elder_id:
        raise BadFieldError("alert_id", "没有这位老人的这条报警")
    held = scope.select(Incident).where(Incident.alert_id == alert_id)
    if (await scope.session.scalars(held)).first() is not None:
        raise ProblemError(409, "alert_registered", "这条报警已经登记过事故。")


async def _refuse_twice(scope: TenantScope, elder_id: uuid.UUID, told: Report) -> None:
    statement = scope.select(Incident).where(
        Incident.elder_id == elder_id, Incident.kind == told.kind, Incident.voided_at.is_(None),
        Incident.happened_at > told.happened_at - SAME_WITHIN,
        Incident.happened_at < told.happened_at + SAME_WITHIN,
    )  # fmt: skip
    near = (await scope.session.scalars(statement)).first()
    if near is not None:
        raise ProblemError(
            409, "maybe_the_same",
            "两小时内已登记过这位老人的同类事故；若确是另一次，请注明后再提交。",
            incident_id=str(near.id),
        )  # fmt: skip


async def _place_of(scope: TenantScope, elder_id: uuid.UUID, at: datetime) -> str:
    bed_id = await bed_of(scope, elder_id, at)
    return "" if bed_id is None else (await bed_names(scope, [bed_id]))[bed_id].label
