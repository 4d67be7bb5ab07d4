"""Somebody known to be out takes their devices along: that these fall silent calls nobody yet.

How much of them is seen is shown as it is, blind; only the alert waits. Whoever is back and still
not seen is an alert then. Calls and falls are never held back.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from cloud.alerts.codes import Priority
from cloud.alerts.machine import MoveKind
from cloud.alerts.models import Alert, AlertEvent
from cloud.alerts.rules import Decision, PlannedMove
from cloud.coverage.plans import away_at
from cloud.database import TenantScope
from edge.events import EventKind

# What goes out of the door with them.
QUIET: Final = frozenset({"device_offline", "coverage_blind", "not_worn"})
# A leave may end sooner than was said; a band at the door is heard again within minutes (D).
LOOK_AGAIN: Final = timedelta(minutes=10)
BLIND: Final = "coverage_blind"
# Ends the rule of an alert that waits for somebody's return.
_HELD: Final = ", away"


async def is_away(scope: TenantScope, elder_id: uuid.UUID | None, now: datetime) -> bool:
    """Whether somebody is on leave or in hospital."""
    return elder_id is not None and elder_id in await away_at(scope, now)


async def quieted(
    scope: TenantScope, decision: Decision, code: str, elder_id: uuid.UUID | None,
    *, suppressed: bool, happened_at: datetime, now: datetime,
) -> Decision:  # fmt: skip
    """The decision, held back where its person is out. `code`: of the alert, or of the new one."""
    move = decision.move
    if move is None or code not in QUIET:
        return decision
    is_raise = move.kind is MoveKind.RAISE
    rises = move.kind is MoveKind.UPGRADE and suppressed
    if not (is_raise or rises) or not await is_away(scope, elder_id, now):
        return decision
    rule = decision.rule + _HELD
    if rises:
        planned = PlannedMove(MoveKind.EVIDENCE, recovered=move.recovered)
        return replace(decision, move=planned, rule=rule)
    hold_s = (now - min(happened_at, now) + LOOK_AGAIN).total_seconds()
    quiet = replace(move, priority=Priority.LOW)
    return replace(decision, move=quiet, hold_s=hold_s, rule=rule)


async def due_when_back(scope: TenantScope, alert: Alert) -> tuple[str, Priority] | None:
    """As what an alert is raised that was held back while its person was out; None: as it is."""
    if not alert.rule.endswith(_HELD) or alert.code == "not_worn":
        return None
    statement = scope.select(AlertEvent).where(
        AlertEvent.alert_id == alert.id, AlertEvent.kind == EventKind.COVERAGE_BLIND.value
    )
    blind = (await scope.session.scalars(statement.limit(1))).first() is not None
    return (BLIND if blind else alert.code), Priority.MEDIUM
