"""The nightly look at verdicts, and what a person decides about it."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from cloud.alerts.findings import Verdict
from cloud.alerts.models import Alert, AlertEvent, Incident
from cloud.alerts.tuning.models import TuningProposal
from cloud.alerts.tuning.propose import Case, Proposal, propose
from cloud.audit import service as audit
from cloud.audit.actions import Action
from cloud.clock import datetime_from_ns
from cloud.coverage.models import WatchPlan
from cloud.coverage.plans import set_override
from cloud.database import TenantScope
from cloud.errors import ConflictError, NotFoundError
from cloud.identity.service import Principal
from edge.events import Event, EventKind
from edge.fall.detector import NAME, VERSION
from edge.fall.limits import DECIDE_AT
from edge.fall.model import committed_model, group_of
from edge.replay import Outcome, replay
from edge.signals import Position

# Habits change: what is older says little. A default of ours.
LOOK_BACK: Final = timedelta(days=60)
_FALLS: Final = frozenset({EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED})
_CODES: Final = ("fall_suspected", "fall_confirmed")
_BY_RULE: Final = "nightly"


@dataclass(frozen=True, slots=True)
class _Judged:
    """A judged alert with its windows."""

    alert: Alert
    events: tuple[Event, ...]

    @property
    def group(self) -> str:
        """Which trees judge it."""
        position = str(self.events[0].detector.settings.get("position", "")) if self.events else ""
        return group_of(Position(position) if position else None)


async def propose_for_all(scope: TenantScope, now: datetime) -> int:
    """The nightly job of one institution: how many proposals are open afterwards."""
    judged = await _judged(scope, now - LOOK_BACK)
    # Some hundred windows take seconds: not on the loop that serves the desks.
    cases = await asyncio.to_thread(_replayed, judged)
    falls = [
        (row.group, case)
        for row, case in cases
        if case.verdict is Verdict.TRUE and row.alert.elder_id is not None
    ]
    by_elder: dict[uuid.UUID, list[tuple[_Judged, Case]]] = defaultdict(list)
    for row, case in cases:
        if row.alert.elder_id is not None:
            by_elder[row.alert.elder_id].append((row, case))
    fallen = await _fallen(scope, by_elder)
    plans = {row.elder_id: row for row in await scope.session.scalars(scope.select(WatchPlan))}
    open_ones = 0
    for elder_id, rows in sorted(by_elder.items(), key=lambda item: str(item[0])):
        groups = {row.group for row, _ in rows}
        plan = plans.get(elder_id)
        own_limit = 0.0 if plan is None else float(plan.overrides.get(DECIDE_AT, 0.0))
        base = max(committed_model().forests[group].decide_at for group in groups)
        held = max(base, own_limit)
        others = [case for group, case in falls if group in groups]
        found = None
        if elder_id not in fallen:
            found = propose([case for _, case in rows], others, held=held)
        open_ones += await _keep(scope, elder_id, found, rows, held=held, now=now)
    return open_ones


async def _judged(scope: TenantScope, since: datetime) -> list[_Judged]:
    """Live fall alerts with a verdict that says something, and their windows."""
    verdicts = (Verdict.TRUE.value, Verdict.FALSE.value, Verdict.UNCLEAR.value)
    alerts = list(
        await scope.session.scalars(
            scope.select(Alert)
            .where(
                Alert.origin == "live", Alert.code.in_(_CODES), Alert.verdict.in_(verdicts),
                Alert.raised_at >= since,
            )
            .order_by(Alert.raised_at)
        )
    )  # fmt: skip
    bodies: dict[uuid.UUID, list[Event]] = defaultdict(list)
    rows = await scope.session.scalars(
        scope.select(AlertEvent).where(AlertEvent.alert_id.in_([alert.id for alert in alerts]))
    )
    for row in rows:
        if row.alert_id is not None and row.kind in _FALLS:
            bodies[row.alert_id].append(msgspec.json.decode(row.body, type=Event))
    return [_Judged(alert, tuple(bodies[alert.id])) for alert in alerts]


def _replayed(judged: Iterable[_Judged]) -> list[tuple[_Judged, Case]]:
    """Those whose windows the detector of today decides as the one of then did."""
    found = []
    for row in judged:
        chances, alone = [], True
        for event in row.events:
            if event.detector.name != NAME:
                alone = False  # a radar saw it too: a wearable's limit would have spared nothing
                continue
            again = replay(event)
            if again.outcome is Outcome.SAME:
                chances += [e.confidence for e in again.decided if e.kind in _FALLS]
        if chances:
            verdict = Verdict(str(row.alert.verdict))
            found.append((row, Case(row.alert.id, verdict, max(chances), alone)))
    return found


async def _fallen(scope: TenantScope, elder_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Who of them ever had a confirmed fall."""
    statement = scope.select(Incident).where(
        Incident.elder_id.in_(list(elder_ids)), Incident.kind == "fall",
        Incident.voided_at.is_(None),
    )  # fmt: skip
    return {row.elder_id for row in await scope.session.scalars(statement)}


async def _keep(
    scope: TenantScope,
    elder_id: uuid.UUID,
    found: Proposal | None,
    rows: Sequence[tuple[_Judged, Case]],
    *,
    held: float,
    now: datetime,
) -> bool:
    """Write the proposal in place of an open one that says something else. Whether one is open."""
    statement = scope.select(TuningProposal).where(
        TuningProposal.elder_id == elder_id, TuningProposal.setting == DECIDE_AT
    )
    known = list(await scope.session.scalars(statement.with_for_update()))
    waiting = next((row for row in known if row.state == "open"), None)
    if waiting is not None:
        if found is not None and waiting.proposed == found.proposed:
            waiting.spared, waiting.judged = len(found.spared), len(rows)
            waiting.kept_true, waiting.cases = found.kept_true, _told(rows, found)
            return True
        _end(waiting, "withdrawn", _BY_RULE, now)
        await scope.session.flush()
    # What a person refused is not asked again unless more speaks for it.
    refused = [row for row in known if row.state == "refused" and row.proposed >= 0]
    if found is None or any(
        row.proposed == found.proposed and row.spared >= len(found.spared) for row in refused
    ):
        return False
    scope.session.add(
        TuningProposal(
            id=uuid.uuid4(), institution_id=scope.institution_id, elder_id=elder_id,
            setting=DECIDE_AT, made_at=now, detector=f"{NAME} {VERSION}", held=held,
            proposed=found.proposed, since=now - LOOK_BACK, judged=len(rows),
            spared=len(found.spared), missed=len(found.missed), kept_true=found.kept_true,
            cases=_told(rows, found), state="open",
        )
    )  # fmt: skip
    await scope.session.flush()
    return True


def _told(
    rows: Sequence[tuple[_Judged, Case]], found: Proposal
) -> list[dict[str, str | float | bool]]:
    spared = {case.alert_id for case in found.spared}
    return [
        {
            "alert_id": str(case.alert_id), "verdict": case.verdict.value, "chance": case.chance,
            "spared": case.alert_id in spared,
            "happened_at": datetime_from_ns(row.alert.happened_ns).isoformat(),
        }
        for row, case in rows
    ]  # fmt: skip


def _end(row: TuningProposal, state: str, by: str, now: datetime, note: str | None = None) -> None:
    row.state, row.decided_by, row.decided_at, row.note = state, by, now, note


async def decide(
    principal: Principal, proposal_id: uuid.UUID, now: datetime, *, approve: bool, note: str | None
) -> TuningProposal:
    """A person says yes or no. Yes reaches the gateway with its next registry.

    Raises NotFoundError; ConflictError where it was decided, or a fall was confirmed since.
    """
    scope = principal.scope
    statement = scope.select(TuningProposal).where(TuningProposal.id == proposal_id)
    row = (await scope.session.scalars(statement.with_for_update())).one_or_none()
    if row is None:
        raise NotFoundError("proposal")
    if row.state != "open":
        raise ConflictError("approve", f"it is {row.state} already")
    if approve and await _fallen(scope, [row.elder_id]):
        raise ConflictError("approve", "a fall of this person was confirmed: never looser after it")
    by = principal.user.display_name
    _end(row, "approved" if approve else "refused", by, now, note)
    if approve:
        await set_override(scope, row.elder_id, DECIDE_AT, row.proposed, by=by, now=now)
    audit.record(
        scope, principal.actor, Action.RULES_CHANGED, now, elder_id=row.elder_id,
        subject=("tuning_proposal", row.id), changes={DECIDE_AT: (row.held, row.proposed)},
        detail={"approved": approve, "note": note, "spared": row.spared, "missed": row.missed},
    )  # fmt: skip
    await scope.session.flush()
    return row


async def after_confirmed_fall(scope: TenantScope, elder_id: uuid.UUID, now: datetime) -> None:
    """Whatever was loosened, or was about to be, is taken back at once: nobody need approve it."""
    statement = scope.select(TuningProposal).where(
        TuningProposal.elder_id == elder_id, TuningProposal.state.in_(("open", "approved"))
    )
    rows = list(await scope.session.scalars(statement.with_for_update()))
    for row in rows:
        state = "withdrawn" if row.state == "open" else "undone"
        _end(row, state, row.decided_by or "rule", now, "a fall was confirmed")
    if any(row.state == "undone" for row in rows):
        await set_override(scope, elder_id, DECIDE_AT, None, by="rule", now=now)
