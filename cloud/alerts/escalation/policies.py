"""Escalation policies: their shape, the defaults, and which one counts for an alert."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from cloud.alerts.codes import Priority
from cloud.alerts.escalation.models import EscalationPolicy
from cloud.alerts.models import Alert
from cloud.database import TenantScope
from cloud.identity.shifts import pattern_of, shift_at
from cloud.schema_types import ApiModel

Target = Literal[
    "unit_duty", "on_shift", "head_nurse", "manager", "family_home", "helpers",
    "any_head_nurse", "any_manager", "any_operator",
]  # fmt: skip
MAX_STEPS: Final = 10


class Step(ApiModel):
    """One step: how long after the alert began to sound, and who is told."""

    after_s: float | None = Field(default=None, ge=0, le=7 * 86_400)
    at: Literal["shift_end"] | None = None
    targets: list[Target] = Field(min_length=1)
    call_out: bool = Field(default=False, description="the desk calls it out loud")

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if (self.after_s is None) == (self.at is None):
            raise ValueError("after_s or at: exactly one of them")
        return self


class NotOnSpot(ApiModel):
    """Acknowledged, but nobody has arrived."""

    after_s: float = Field(gt=0)
    after_home_s: float = Field(gt=0)
    targets: list[Target] = Field(min_length=1)


class PolicyBody(ApiModel):
    """What a policy says."""

    steps: list[Step] = Field(max_length=MAX_STEPS)
    not_on_spot: NotOnSpot | None = None
    second_person: bool = False
    family_notice: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [step.after_s for step in self.steps if step.after_s is not None]
        if times != sorted(times):
            raise ValueError("steps: after_s must not fall")
        return self


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that counts, and where it comes from (`default 1`, or its name and id)."""

    body: PolicyBody
    source: str


@cache
def _defaults() -> dict[str, Any]:
    text = (files("cloud.alerts") / "data" / "policies.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def default_policy(priority: Priority, code: str) -> Policy:
    """The design default."""
    document = _defaults()
    body = document["by_code"].get(code) or document["policies"][priority.value]
    return Policy(PolicyBody.model_validate(body), f"default {document['version']}")


def _weight(row: EscalationPolicy) -> tuple[bool, bool, bool, datetime]:
    return (
        row.elder_id is not None, row.unit_id is not None, row.shift is not None, row.created_at,
    )  # fmt: skip


async def policy_for(scope: TenantScope, alert: Alert, priority: Priority, now: datetime) -> Policy:
    """The most specific policy of the house, else the default."""
    if alert.code in _defaults()["by_code"]:
        return default_policy(priority, alert.code)
    rows = list(
        await scope.session.scalars(
            scope.select(EscalationPolicy).where(
                EscalationPolicy.priority == priority.value, EscalationPolicy.retired_at.is_(None)
            )
        )
    )
    if not rows:
        return default_policy(priority, alert.code)
    shift = shift_at(await pattern_of(scope), now).name
    fitting = [
        row
        for row in rows
        if row.elder_id in (None, alert.elder_id)
        and row.unit_id in (None, alert.unit_id)
        and row.shift in (None, shift)
    ]
    if not fitting:
        return default_policy(priority, alert.code)
    best = max(fitting, key=_weight)
    return Policy(PolicyBody.model_validate(best.body), f"{best.name} {best.id}")


async def add_policy(
    scope: TenantScope,
    name: str,
    priority: Priority,
    body: PolicyBody,
    *,
    now: datetime,
    by: str,
    unit_id: uuid.UUID | None = None,
    elder_id: uuid.UUID | None = None,
    shift: str | None = None,
) -> EscalationPolicy:
    """A policy; an earlier one for the very same place, person, shift and priority retires."""
    same = scope.select(EscalationPolicy).where(
        EscalationPolicy.priority == priority.value,
        EscalationPolicy.unit_id.is_not_distinct_from(unit_id),
        EscalationPolicy.elder_id.is_not_distinct_from(elder_id),
        EscalationPolicy.shift.is_not_distinct_from(shift),
        EscalationPolicy.retired_at.is_(None),
    )
    for row in await scope.session.scalars(same):
        row.retired_at = now
    policy = EscalationPolicy(
        id=uuid.uuid4(), institution_id=scope.institution_id, name=name, priority=priority.value,
        unit_id=unit_id, elder_id=elder_id, shift=shift,
        body=body.model_dump(mode="json", exclude_none=True), created_at=now, created_by=by,
    )  # fmt: skip
    scope.session.add(policy)
    await scope.session.flush()
    return policy
