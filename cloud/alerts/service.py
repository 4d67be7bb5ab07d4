"""What is asked of alerts, and what people do to them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, or_, true

from cloud.alerts import lifecycle, machine, store
from cloud.alerts.conditions import condition_of
from cloud.alerts.findings import Finding, Injury, Verdict
from cloud.alerts.flood import FLOOD, MEMBERS_TIMER
from cloud.alerts.machine import ENDED, Condition, IllegalMove, Move, MoveKind
from cloud.alerts.models import Alert
from cloud.alerts.schemas import MoveIn
from cloud.database import TenantScope
from cloud.errors import ForbiddenError, IllegalMoveError, NotFoundError, ProblemError
from cloud.identity.permissions import Permission
from cloud.identity.service import Principal

# `recent` is for a handover: what was resolved within a day, and no more than a desk can show.
RECENT: Final = timedelta(days=1)
MAX_RECENT: Final = 200

# Setting an alert aside or taking it up again is for the head nurse.
_FOR_THE_HEAD_NURSE: Final = frozenset({MoveKind.SHELVE, MoveKind.UNSHELVE, MoveKind.REOPEN})
_ENDING: Final = frozenset({MoveKind.RESOLVE, MoveKind.CLOSE})
# Which fields go with which moves; a field with any other move is a mistake worth telling.
_FIELDS_OF: Final = {
    "verdict": frozenset({MoveKind.RESOLVE}),
    "finding": frozenset({MoveKind.RESOLVE}),
    "injury": _ENDING,
    "cause": _ENDING,
    "measure": _ENDING,
    "family": _ENDING,
    "until": frozenset({MoveKind.SHELVE}),
}


async def open_alerts(scope: TenantScope, seen: ColumnElement[bool] | None = None) -> list[Alert]:
    """All that are not resolved, newest first. Never cut: an alert left out is an alert missed."""
    statement = scope.select(Alert).where(Alert.state.not_in(ENDED), _or_all(seen))
    return list((await scope.session.scalars(_newest_first(statement))).all())


async def open_alerts_of(scope: TenantScope, elder_id: uuid.UUID) -> list[Alert]:
    """All of one elder that are not resolved, newest first."""
    statement = scope.select(Alert).where(Alert.elder_id == elder_id, Alert.state.not_in(ENDED))
    return list((await scope.session.scalars(_newest_first(statement))).all())


async def recent_alerts(
    scope: TenantScope, now: datetime, seen: ColumnElement[bool] | None = None
) -> list[Alert]:
    """Open ones, those resolved and those heard of too late within RECENT, newest first."""
    history = (Alert.filed == "history") & (Alert.raised_at >= now - RECENT)
    statement = scope.select(Alert).where(
        or_(Alert.state.not_in(ENDED), Alert.resolved_at >= now - RECENT, history), _or_all(seen)
    )
    return list((await scope.session.scalars(_newest_first(statement).limit(MAX_RECENT))).all())


async def unclosed_alerts(
    scope: TenantScope, seen: ColumnElement[bool] | None = None
) -> list[Alert]:
    """Resolved ones whose report is not complete, newest first."""
    statement = scope.select(Alert).where(Alert.state == machine.State.RESOLVED, _or_all(seen))
    return list((await scope.session.scalars(_newest_first(statement).limit(MAX_RECENT))).all())


def _or_all(seen: ColumnElement[bool] | None) -> ColumnElement[bool]:
    return true() if seen is None else seen


def _newest_first(statement: Select[Alert]) -> Select[Alert]:
    return statement.order_by(Alert.happened_ns.desc(), Alert.id)


async def find_alert(scope: TenantScope, alert_id: uuid.UUID) -> Alert:
    """One alert. Raises NotFoundError."""
    alert = (
        await scope.session.scalars(scope.select(Alert).where(Alert.id == alert_id))
    ).one_or_none()
    if alert is None:
        raise NotFoundError("alert")
    return alert


async def move_alert(
    principal: Principal, alert_id: uuid.UUID, wanted: MoveIn, now: datetime
) -> tuple[Alert, bool]:
    """A person's move, and whether it changed anything.

    Raises IllegalMoveError, NotFoundError, ForbiddenError, ProblemError (the field is named).
    """
    scope, kind = principal.scope, MoveKind(wanted.move)
    _check_fields(wanted, kind)
    if kind in _FOR_THE_HEAD_NURSE and not principal.may(Permission.ALERT_RULES_MANAGE):
        raise ForbiddenError([Permission.ALERT_RULES_MANAGE])
    alert = await store.lock_alert(scope, alert_id)
    if alert is None:
        raise NotFoundError("alert")
    move = Move(
        kind,
        now,
        actor_id=principal.user.id,
        actor=principal.user.display_name,
        client_time=wanted.client_time,
        note=wanted.note or None,
        verdict=None if wanted.verdict is None else Verdict(wanted.verdict),
        finding=None if wanted.finding is None else Finding(wanted.finding),
        injury=None if wanted.injury is None else Injury(wanted.injury),
        cause=wanted.cause or None,
        measure=wanted.measure or None,
        family=wanted.family,
        until=wanted.until,
    )
    before = condition_of(alert)
    if machine.already_done(before, move):
        return alert, False
    after = await _try_move(scope, alert, before, move)
    if kind is MoveKind.RESOLVE and alert.code == FLOOD:
        # A worker's: what is raised anew takes the lock of decisions before any alert's row.
        store.start_timer(scope, alert.id, MEMBERS_TIMER, now)
    if kind is MoveKind.RESOLVE and lifecycle.closes_at_once(after):
        await lifecycle.make_move(
            scope, alert, after,
            Move(MoveKind.CLOSE, now, actor_id=move.actor_id, actor=move.actor,
                 client_time=move.client_time),
        )  # fmt: skip
    await scope.session.flush()
    return alert, True


def _check_fields(wanted: MoveIn, kind: MoveKind) -> None:
    if kind is MoveKind.RESOLVE and wanted.verdict is None and wanted.finding is None:
        raise ProblemError(422, "bad_request", "verdict: needed to resolve (or a finding)")
    for name, kinds in _FIELDS_OF.items():
        if getattr(wanted, name) is not None and kind not in kinds:
            only = " or ".join(sorted(kinds))
            raise ProblemError(422, "bad_request", f"{name}: only with {only}")


async def _try_move(scope: TenantScope, alert: Alert, before: Condition, move: Move) -> Condition:
    try:
        return await lifecycle.make_move(scope, alert, before, move)
    except IllegalMove as error:
        if error.lacks is not None:
            raise ProblemError(422, "bad_request", str(error), lacks=error.lacks) from error
        by = before.resolved_by or before.attending_by or before.acknowledged_by
        raise IllegalMoveError(move.kind.value, before.state.value, by, str(error)) from error


async def note_pushed(scope: TenantScope, alert_id: uuid.UUID, now: datetime) -> None:
    """The alert has reached the connection of a first screen."""
    await store.note_hop_once(scope, alert_id, "pushed", now, by="live", source="live")
