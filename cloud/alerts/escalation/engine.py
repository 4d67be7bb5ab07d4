"""Carrying a policy out: timers for its steps, and notices for whoever a step names.

Every effect of a step (the move, the notices, the end of its timer) is in one transaction: after a
`kill -9` it has happened or it has not, and another worker does it then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update

from cloud.alerts import store
from cloud.alerts.codes import Priority
from cloud.alerts.escalation.policies import NotOnSpot, Policy, Step, policy_for
from cloud.alerts.escalation.reach import Recipient, reachable, recipients
from cloud.alerts.machine import Condition, Move, MoveKind
from cloud.alerts.models import Alert, AlertTimer
from cloud.alerts.notify.queue import cancel_notices, queue_notices
from cloud.database import TenantScope
from cloud.identity.shifts import pattern_of, shift_at

STEP_TIMER: Final = "step"
SPOT_TIMER: Final = "not_on_spot"
# Nobody is on duty for this alert: a worker raises that as an alert of its own.
NOBODY_TIMER: Final = "nobody_on_duty"
TIMERS: Final = (STEP_TIMER, SPOT_TIMER)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step came to: how many are told, and what to write down."""

    told: int
    move: Move


async def start(scope: TenantScope, alert: Alert, condition: Condition, now: datetime) -> None:
    """It begins to sound (again): step 0 at once, a timer for each of the others."""
    await stop(scope, alert, now)
    if condition.suppressed:
        return
    policy = await policy_for(scope, alert, condition.priority, now)
    for number, step in enumerate(policy.body.steps):
        due_at = await _due(scope, step, now)
        if due_at > now:
            store.start_timer(scope, alert.id, STEP_TIMER, due_at, step=number)
    if policy.body.steps and policy.body.steps[0].after_s == 0:
        await _first_step(scope, alert, condition, policy, now)


async def _due(scope: TenantScope, step: Step, now: datetime) -> datetime:
    if step.after_s is not None:
        return now + timedelta(seconds=step.after_s)
    return shift_at(await pattern_of(scope), now).ends_at


async def _first_step(
    scope: TenantScope, alert: Alert, condition: Condition, policy: Policy, now: datetime
) -> None:
    result = await _tell(scope, alert, condition, policy, number=0, now=now)
    if result.told == 0:
        await store.append_move(scope, alert, condition, result.move)
        await hasten(scope, alert, now)


async def stop(scope: TenantScope, alert: Alert, now: datetime) -> None:
    """Nobody need be told any more."""
    await store.cancel_timers(scope, alert.id, now, *TIMERS)
    await cancel_notices(scope, alert.id, now)


async def answered(scope: TenantScope, alert: Alert, condition: Condition, now: datetime) -> None:
    """Taken up by as many as are needed: from now on what counts is who arrives."""
    await stop(scope, alert, now)
    policy = await policy_for(scope, alert, condition.priority, now)
    if policy.body.not_on_spot is not None and condition.arrived_at is None:
        due_at = now + await _way_there(scope, alert, policy.body.not_on_spot)
        store.start_timer(scope, alert.id, SPOT_TIMER, due_at)


async def _way_there(scope: TenantScope, alert: Alert, rule: NotOnSpot) -> timedelta:
    """How long the way may take: to a home one has to drive."""
    at_home = await store.is_at_home(scope, alert)
    return timedelta(seconds=rule.after_home_s if at_home else rule.after_s)


async def hasten(scope: TenantScope, alert: Alert, now: datetime) -> None:
    """The next step is due now: this one reaches nobody."""
    following = (
        scope.select(AlertTimer)
        .where(
            AlertTimer.alert_id == alert.id, AlertTimer.kind == STEP_TIMER,
            AlertTimer.ended_at.is_(None),
        )
        .order_by(AlertTimer.step)
        .limit(1)
    )  # fmt: skip
    timer = (await scope.session.scalars(following)).first()
    if timer is not None and timer.due_at > now:
        await scope.session.execute(
            update(AlertTimer)
            .where(AlertTimer.institution_id == scope.institution_id, AlertTimer.id == timer.id)
            .values(due_at=now)
        )


async def run_step(
    scope: TenantScope, alert: Alert, condition: Condition, number: int, now: datetime
) -> StepResult | None:
    """Do a step whose time has come; None: it no longer applies."""
    if condition.answered or condition.shelved_until is not None or condition.suppressed:
        return None
    policy = await policy_for(scope, alert, condition.priority, now)
    if number >= len(policy.body.steps):
        return None
    result = await _tell(scope, alert, condition, policy, number=number, now=now)
    if result.told == 0:
        await hasten(scope, alert, now)
    return result


async def _tell(
    scope: TenantScope,
    alert: Alert,
    condition: Condition,
    policy: Policy,
    *,
    number: int,
    now: datetime,
) -> StepResult:
    step = policy.body.steps[number]
    found = await recipients(scope, alert, step.targets, now)
    ready = await reachable(scope, found, now)
    await queue_notices(scope, alert, condition, ready, kind="step", step=number, now=now)
    if number == 0 and alert.origin != "simulated" and not ready:
        store.start_timer(scope, alert.id, NOBODY_TIMER, now)
    said = _said(step, found, ready, policy)
    if not ready or number == 0:
        source = f"step/{condition.rings}/{number}"
        return StepResult(len(ready), Move(MoveKind.NOTE, now, note=said, source=source))
    return StepResult(len(ready), Move(MoveKind.ESCALATE, now, step=number, note=said))


def _said(
    step: Step, found: Sequence[Recipient], ready: Sequence[Recipient], policy: Policy
) -> str:
    targets = ", ".join(step.targets)
    if ready:
        return f"{targets}: {', '.join(person.name for person in ready)} ({policy.source})"
    if found:
        names = ", ".join(person.name for person in found)
        return f"{targets}: no way to reach {names}; skipped ({policy.source})"
    return f"{targets}: nobody; skipped ({policy.source})"


async def run_not_on_spot(
    scope: TenantScope, alert: Alert, condition: Condition, now: datetime
) -> StepResult | None:
    """Acknowledged, but nobody has arrived in time: the next ones hear of it, again and again."""
    if condition.arrived_at is not None or not condition.answered:
        return None
    policy = await policy_for(scope, alert, condition.priority, now)
    rule = policy.body.not_on_spot
    if rule is None:
        return None
    found = await recipients(scope, alert, rule.targets, now)
    ready = await reachable(scope, found, now)
    if not ready:  # the head nurse is away: whoever is on shift
        ready = await reachable(
            scope, await recipients(scope, alert, ["on_shift", "manager"], now), now
        )
    await queue_notices(
        scope, alert, condition, ready, kind="not_on_spot", step=condition.step, now=now
    )
    due_at = now + await _way_there(scope, alert, rule)
    store.start_timer(scope, alert.id, SPOT_TIMER, due_at)
    names = ", ".join(person.name for person in ready) or "nobody"
    note = f"not on the spot: {names} ({policy.source})"
    return StepResult(len(ready), Move(MoveKind.ESCALATE, now, note=note))


async def needs_second(scope: TenantScope, alert: Alert, priority: Priority, now: datetime) -> bool:
    """Whether the policy asks for two people."""
    return (await policy_for(scope, alert, priority, now)).body.second_person
