"""The life of one alert: a pure machine. Its state is what its moves make of it, and nothing else.

                 acknowledge                  resolve
    raise -> RAISED ---------> ACKNOWLEDGED ----------> RESOLVED
               \\________________resolve_________________/

Rules' moves (repeat, upgrade, escalate, recover ...) change priority, code, count or the mark
`recovered`, never the state: only a person ends an alert. Once resolved, only evidence is added.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cloud.alerts.codes import RANK, Priority


class State(StrEnum):
    """Where an alert is in its life."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class MoveKind(StrEnum):
    """What can be done to an alert, by people or by rules."""

    RAISE = "raise"
    EVIDENCE = "evidence"
    REPEAT = "repeat"
    UPGRADE = "upgrade"
    ESCALATE = "escalate"
    RECOVER = "recover"
    CANCEL = "cancel"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class Verdict(StrEnum):
    """What the staff found."""

    TRUE = "true"
    FALSE = "false"
    UNCLEAR = "unclear"
    TEST = "test"


PEOPLES_MOVES: Final = frozenset({MoveKind.ACKNOWLEDGE, MoveKind.RESOLVE})
_IN_PLACE: Final = (
    MoveKind.EVIDENCE,
    MoveKind.REPEAT,
    MoveKind.UPGRADE,
    MoveKind.RECOVER,
    MoveKind.CANCEL,
)
TRANSITIONS: Final = MappingProxyType(
    {
        (None, MoveKind.RAISE): State.RAISED,
        (State.RAISED, MoveKind.ACKNOWLEDGE): State.ACKNOWLEDGED,
        (State.RAISED, MoveKind.RESOLVE): State.RESOLVED,
        (State.ACKNOWLEDGED, MoveKind.RESOLVE): State.RESOLVED,
        # Nobody has answered: the only state in which waiting makes it worse.
        (State.RAISED, MoveKind.ESCALATE): State.RAISED,
        **{(State.RAISED, kind): State.RAISED for kind in _IN_PLACE},
        **{(State.ACKNOWLEDGED, kind): State.ACKNOWLEDGED for kind in _IN_PLACE},
        (State.RESOLVED, MoveKind.EVIDENCE): State.RESOLVED,
    }
)


class IllegalMove(ValueError):  # noqa: N818 - reads as what it is
    """A move that the state does not allow, or that lacks what it needs."""


@dataclass(frozen=True, slots=True)
class Move:
    """One step. `code`, `priority` and `recovered` are new values, None: unchanged.

    `is_local`: a person at a gateway that was alone; the gateway knows a name, not an account.
    """

    kind: MoveKind
    at: datetime
    actor_id: uuid.UUID | None = None
    actor: str | None = None
    client_time: datetime | None = None
    note: str | None = None
    verdict: Verdict | None = None
    code: str | None = None
    priority: Priority | None = None
    recovered: bool | None = None
    event_id: str | None = None
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """How an alert is, computed from its moves."""

    state: State
    code: str
    priority: Priority
    recovered: bool
    count: int
    updated_at: datetime
    verdict: Verdict | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_by_id: uuid.UUID | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolved_by_id: uuid.UUID | None = None


def apply(condition: Condition | None, move: Move) -> Condition:
    """The condition after `move`; None before the first. Raises IllegalMove."""
    state = None if condition is None else condition.state
    target = TRANSITIONS.get((state, move.kind))
    if target is None:
        raise IllegalMove(f"cannot {move.kind} when {state or 'not raised'}")
    if condition is None:
        if move.code is None or move.priority is None:
            raise IllegalMove("raise needs code and priority")
        return Condition(target, move.code, move.priority, bool(move.recovered), 1, move.at)
    if move.priority is not None and RANK[move.priority] < RANK[condition.priority]:
        raise IllegalMove("a priority never falls")
    after = replace(
        condition,
        state=target,
        code=move.code or condition.code,
        priority=move.priority or condition.priority,
        recovered=condition.recovered if move.recovered is None else move.recovered,
        count=condition.count + (move.kind is MoveKind.REPEAT),
        updated_at=move.at,
    )
    return _answered(after, move) if move.kind in PEOPLES_MOVES else after


def _answered(condition: Condition, move: Move) -> Condition:
    if move.actor_id is None and not (move.is_local and move.actor):
        raise IllegalMove(f"{move.kind} needs a person")
    if move.kind is MoveKind.ACKNOWLEDGE:
        return replace(
            condition,
            acknowledged_at=move.at,
            acknowledged_by=move.actor,
            acknowledged_by_id=move.actor_id,
        )
    if move.verdict is None:
        raise IllegalMove("resolve needs a verdict")
    return replace(
        condition,
        verdict=move.verdict,
        resolved_at=move.at,
        resolved_by=move.actor,
        resolved_by_id=move.actor_id,
    )


def fold(moves: Iterable[Move]) -> Condition:
    """The condition after all moves, in order. Raises IllegalMove."""
    condition: Condition | None = None
    for move in moves:
        condition = apply(condition, move)
    if condition is None:
        raise IllegalMove("an alert without moves")
    return condition


def already_done(condition: Condition, move: Move) -> bool:
    """Whether this person has made this very move: saying it twice is not an error."""
    if move.kind is MoveKind.ACKNOWLEDGE:
        return (
            condition.state is State.ACKNOWLEDGED and condition.acknowledged_by_id == move.actor_id
        )
    return (
        condition.state is State.RESOLVED
        and condition.resolved_by_id == move.actor_id
        and condition.verdict is move.verdict
    )
