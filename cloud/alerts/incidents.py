"""Confirmed falls become incidents: for the register, and for the assessment's 30-day rule."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, case, null, or_, update
from sqlalchemy.dialects.postgresql import insert

from cloud.alerts.findings import Finding, Verdict
from cloud.alerts.machine import Condition, State
from cloud.alerts.models import Alert, Incident
from cloud.alerts.tuning.service import after_confirmed_fall
from cloud.clock import datetime_from_ns
from cloud.database import TenantScope

_FALLS = frozenset({"fall_confirmed", "fall_suspected"})
FALL: Final = frozenset({"fall"})


def is_confirmed() -> ColumnElement[bool]:
    """Seen at the bedside by who resolved the alert; written by hand: reviewed by a head nurse."""
    return or_(Incident.alert_id.is_not(None), Incident.reviewed_at.is_not(None))


async def incidents_of(
    scope: TenantScope, elder_id: uuid.UUID, since: datetime, kinds: Collection[str] = FALL
) -> list[Incident]:
    """An elder's confirmed incidents since, newest first; not what was taken back."""
    statement = (
        scope.select(Incident)
        .where(
            Incident.elder_id == elder_id, Incident.kind.in_(kinds),
            Incident.happened_at >= since, Incident.voided_at.is_(None), is_confirmed(),
        )
        .order_by(Incident.happened_at.desc())
    )  # fmt: skip
    return list(await scope.session.scalars(statement))


async def incidents_since(
    scope: TenantScope, since: datetime, kinds: Collection[str] = FALL
) -> list[Incident]:
    """Everybody's, oldest first; confirmed, and not what was taken back."""
    statement = (
        scope.select(Incident)
        .where(
            Incident.kind.in_(kinds), Incident.happened_at >= since,
            Incident.voided_at.is_(None), is_confirmed(),
        )
        .order_by(Incident.happened_at)
    )  # fmt: skip
    return list(await scope.session.scalars(statement))


def _is_fall(alert: Alert, after: Condition) -> bool:
    if after.finding is not None:
        return after.finding is Finding.REAL_FALL
    return after.verdict is Verdict.TRUE and alert.code in _FALLS


async def keep_incidents(
    scope: TenantScope, alert: Alert, before: Condition, after: Condition, now: datetime
) -> None:
    """Resolved as a real fall: an incident. Reopened: taken back. Drills and tests never count."""
    if alert.origin != "live" or alert.elder_id is None:
        return
    if after.state in (State.RESOLVED, State.CLOSED) and _is_fall(alert, after):
        told = {"injury": after.injury, "cause": after.cause, "measure": after.measure}
        happened_at = datetime_from_ns(alert.happened_ns)
        await scope.session.execute(
            insert(Incident)
            .values(
                id=uuid.uuid4(), institution_id=scope.institution_id, alert_id=alert.id,
                elder_id=alert.elder_id, kind="fall", happened_at=happened_at, recorded_at=now,
                recorded_by=after.resolved_by or "", voided_at=None, **told,
            )
            .on_conflict_do_update(
                index_elements=[Incident.institution_id, Incident.alert_id],
                set_={**_told_again(told), **_anew()},
            )
        )  # fmt: skip
        await after_confirmed_fall(scope, alert.elder_id, now)
    elif before.state in (State.RESOLVED, State.CLOSED) and after.state is State.RAISED:
        await scope.session.execute(
            update(Incident)
            .where(Incident.institution_id == scope.institution_id, Incident.alert_id == alert.id)
            .values(voided_at=now)
        )


def _told_again(told: Mapping[str, object]) -> dict[str, object]:
    """What the register has worked on since is not overwritten by a later move of the alert."""
    return {
        name: case((Incident.version == 1, value), else_=getattr(Incident, name))
        for name, value in told.items()
    }


def _anew() -> dict[str, object]:
    """Found again after it was taken back: what was said of it then is said anew."""
    again = Incident.voided_at.is_not(None)
    names = ("reviewed_at", "reviewed_by", "closed_at", "closed_by")
    cleared = {name: case((again, null()), else_=getattr(Incident, name)) for name in names}
    return {**cleared, "voided_at": None, "void_reason": ""}
