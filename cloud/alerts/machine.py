"""The life of one alert: a pure machine. Its state is what its moves make of it, and nothing else.

    raise -> RAISED -> NOTIFIED -> ACKNOWLEDGED -> ATTENDING -> ARRIVED -> RESOLVED -> CLOSED
               ^___________________________________________________________________|  reopen

A person may skip ahead (who stands at the bed need not press three buttons) but never back; back
to RAISED, ringing again, lead: `reopen`, the end of a shelf, and an upgrade that whoever
acknowledged did not know of. Beside the state stand marks that never end an alert: `recovered`
(the cause has passed, the check is still due), `step` (how far it was escalated), `shelved_until`,
`suppressed`, `second_due` (a policy asks for a second person), `filed` (nobody was ever told).

Only a person ends an alert, with one exception: what recovered while it was held back by its
on-delay, so that nobody was ever told of it, and is low, may be closed by rule.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from cloud.alerts.codes import RANK, Priority
from cloud.alerts.findings import VERDICT_OF, Finding, Injury, Verdict


class State(StrEnum):
    """Where an alert is in its life."""

    RAISED = "raised"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    ATTENDING = "attending"
    ARRIVED = "arrived"
    RESOLVED = "resolved"
    CLOSED = "closed"


class MoveKind(StrEnum):
    """What can be done to an alert, by people or by rules."""

    RAISE = "raise"
    FILE = "file"
    EVIDENCE = "evidence"
    REPEAT = "repeat"
    UPGRADE = "upgrade"
    ESCALATE = "escalate"
    RECOVER = "recover"
    CANCEL = "cancel"
    SUPPRESS = "suppress"
    RELEASE = "release"
    NOTIFY = "notify"
    NOTE = "note"
    ACKNOWLEDGE = "acknowledge"
    TAKE_OVER = "take_over"
    ARRIVE = "arrive"
    RESOLVE = "resolve"
    CLOSE = "close"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    REOPEN = "reopen"


UNANSWERED: Final = frozenset({State.RAISED, State.NOTIFIED})
OPEN: Final = UNANSWERED | {State.ACKNOWLEDGED, State.ATTENDING, State.ARRIVED}
ENDED: Final = frozenset({State.RESOLVED, State.CLOSED})
# What a shelf may last (alarms.md, 2: 8 h at most).
LONGEST_SHELF: Final = timedelta(hours=8)
# From here on a cause that comes back rings again; a lesser one only shows.
_RINGS_BACK: Final = Priority.MEDIUM

# Made by people only, always with a name. UNSHELVE and CLOSE may be a rule's too.
PEOPLES_MOVES: Final = frozenset(
    {
        MoveKind.ACKNOWLEDGE, MoveKind.TAKE_OVER, MoveKind.ARRIVE, MoveKind.RESOLVE,
        MoveKind.SHELVE, MoveKind.REOPEN,
    }
)  # fmt: skip
_IN_PLACE: Final = (
    MoveKind.EVIDENCE, MoveKind.REPEAT, MoveKind.UPGRADE, MoveKind.ESCALATE, MoveKind.RECOVER,
    MoveKind.CANCEL, MoveKind.SUPPRESS, MoveKind.RELEASE, MoveKind.NOTE, MoveKind.SHELVE,
)  # fmt: skip
# Which moves may bring a new code or priority.
_WORSENING: Final = frozenset(
    {MoveKind.EVIDENCE, MoveKind.REPEAT, MoveKind.UPGRADE, MoveKind.ESCALATE}
)
TRANSITIONS: Final = MappingProxyType(
    {
        (None, MoveKind.RAISE): State.RAISED,
        # Heard of too late to be a call: history, and nobody is told.
        (None, MoveKind.FILE): State.CLOSED,
        **{(state, kind): state for state in OPEN for kind in _IN_PLACE},
        (State.RAISED, MoveKind.NOTIFY): State.NOTIFIED,
        **{(state, MoveKind.ACKNOWLEDGE): State.ACKNOWLEDGED for state in UNANSWERED},
        # The second of two persons; refused where nobody waits for one.
        **{(state, MoveKind.ACKNOWLEDGE): state for state in OPEN - UNANSWERED},
        **{
            (state, MoveKind.TAKE_OVER): State.ATTENDING
            for state in (*UNANSWERED, State.ACKNOWLEDGED)
        },
        **{(state, MoveKind.ARRIVE): State.ARRIVED for state in OPEN - {State.ARRIVED}},
        **{(state, MoveKind.RESOLVE): State.RESOLVED for state in OPEN},
        (State.RESOLVED, MoveKind.CLOSE): State.CLOSED,
        (State.RAISED, MoveKind.CLOSE): State.CLOSED,  # by rule, see _close_unheard
        **{(state, MoveKind.UNSHELVE): State.RAISED for state in OPEN},
        **{(state, MoveKind.REOPEN): State.RAISED for state in ENDED},
        **{(state, MoveKind.EVIDENCE): state for state in ENDED},
        **{(state, MoveKind.NOTE): state for state in ENDED},
    }
)


class IllegalMove(ValueError):  # noqa: N818 - reads as what it is
    """A move that the state does not allow, or that lacks what it needs (`lacks`: the field)."""

    def __init__(self, message: str, lacks: str | None = None) -> None:
        super().__init__(message)
        self.lacks = lacks


@dataclass(frozen=True, slots=True)
class Move:
    """One step. `code`, `priority`, `recovered`, `second_due` are new values, None: unchanged.

    `client_time` is the device's own time of it, `at` the server's. `source` makes a move that
    was made elsewhere count once. `rule`: which rule of which book made it.
    """

    kind: MoveKind
    at: datetime
    actor_id: uuid.UUID | None = None
    actor: str | None = None
    client_time: datetime | None = None
    note: str | None = None
    verdict: Verdict | None = None
    finding: Finding | None = None
    injury: Injury | None = None
    cause: str | None = None
    measure: str | None = None
    family: str | None = None
    code: str | None = None
    priority: Priority | None = None
    recovered: bool | None = None
    second_due: bool | None = None
    step: int | None = None
    until: datetime | None = None
    event_id: str | None = None
    source: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """How an alert is, computed from its moves. `rings` counts how often it began to sound.

    `filed`: nobody was ever told of it: `history` (heard of too late), `unheard` (it passed while
    its on-delay held it back).
    """

    state: State
    code: str
    priority: Priority
    recovered: bool
    count: int
    updated_at: datetime
    rings: int = 1
    step: int = 0
    second_due: bool = False
    suppressed: bool = False
    filed: str | None = None
    shelved_until: datetime | None = None
    shelved_by: str | None = None
    verdict: Verdict | None = None
    finding: Finding | None = None
    injury: Injury | None = None
    cause: str | None = None
    measure: str | None = None
    family: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_by_id: uuid.UUID | None = None
    second_by: str | None = None
    second_by_id: uuid.UUID | None = None
    attending_at: datetime | None = None
    attending_by: str | None = None
    attending_by_id: uuid.UUID | None = None
    arrived_at: datetime | None = None
    arrived_by: str | None = None
    arrived_by_id: uuid.UUID | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolved_by_id: uuid.UUID | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    closed_by_id: uuid.UUID | None = None

    @property
    def answered(self) -> bool:
        """Whether as many people as are needed have taken it up."""
        return self.state not in UNANSWERED and not self.second_due


def apply(condition: Condition | None, move: Move) -> Condition:
    """The condition after `move`; None before the first. Raises IllegalMove."""
    state = None if condition is None else condition.state
    target = TRANSITIONS.get((state, move.kind))
    if target is None:
        raise IllegalMove(f"cannot {move.kind} when {state or 'not raised'}")
    if condition is None:
        return _raised(target, move)
    if move.priority is not None or move.code is not None:
        if move.kind not in _WORSENING or state in ENDED:
            raise IllegalMove(f"{move.kind} changes neither code nor priority")
        if RANK[move.priority or condition.priority] < RANK[condition.priority]:
            raise IllegalMove("a priority never falls")
    if move.kind in PEOPLES_MOVES and not move.actor:
        raise IllegalMove(f"{move.kind} needs a person")
    after = replace(
        condition,
        state=target,
        code=move.code or condition.code,
        priority=move.priority or condition.priority,
        recovered=condition.recovered if move.recovered is None else move.recovered,
        second_due=condition.second_due if move.second_due is None else move.second_due,
        count=condition.count + (move.kind is MoveKind.REPEAT),
        step=condition.step if move.step is None else move.step,
        updated_at=move.at,
    )
    special = _SPECIAL.get(move.kind)
    return after if special is None else special(condition, after, move)


def _raised(target: State, move: Move) -> Condition:
    if move.code is None or move.priority is None:
        raise IllegalMove("raise needs code and priority")
    if move.kind is MoveKind.FILE:
        if move.priority is Priority.HIGH:
            raise IllegalMove("a high alert is never only history")
        return Condition(
            target, move.code, move.priority, bool(move.recovered), 1, move.at, rings=0,
            filed="history", closed_at=move.at,
        )  # fmt: skip
    return Condition(
        target, move.code, move.priority, bool(move.recovered), 1, move.at,
        second_due=bool(move.second_due),
    )  # fmt: skip


def _worse(before: Condition, after: Condition, move: Move) -> Condition:
    """An upgrade rings again for whoever answered something lesser, and ends every holding back."""
    rises = RANK[after.priority] > RANK[before.priority] or after.code != before.code
    if before.state in ENDED:
        return after
    back = before.recovered and not after.recovered and RANK[after.priority] >= RANK[_RINGS_BACK]
    if not rises and not back:
        return after
    after = replace(after, suppressed=False, shelved_until=None, shelved_by=None)
    if before.state is State.ARRIVED:
        return after  # somebody is at the bedside and sees more than we
    state = State.RAISED if before.state in UNANSWERED | {State.ACKNOWLEDGED} else before.state
    step = 0 if RANK[after.priority] > RANK[before.priority] else after.step
    return replace(after, state=state, rings=before.rings + 1, step=step)


def _escalate(before: Condition, after: Condition, move: Move) -> Condition:
    if RANK[after.priority] > RANK[before.priority]:
        return _worse(before, after, move)
    if move.step is not None and move.step < 1:
        raise IllegalMove("step: counts from 1", "step")
    return after


def _acknowledge(before: Condition, after: Condition, move: Move) -> Condition:
    if before.state in UNANSWERED:
        return _taken_up(after, move)
    if not before.second_due:
        raise IllegalMove(f"cannot acknowledge when {before.state}")
    if _same_person(before.acknowledged_by_id, before.acknowledged_by, move):
        raise IllegalMove("a second person must acknowledge")
    return replace(after, second_due=False, second_by=move.actor, second_by_id=move.actor_id)


def _taken_up(after: Condition, move: Move) -> Condition:
    return replace(
        after,
        acknowledged_at=move.at, acknowledged_by=move.actor, acknowledged_by_id=move.actor_id,
    )  # fmt: skip


def _take_over(before: Condition, after: Condition, move: Move) -> Condition:
    if before.state in UNANSWERED:
        after = _taken_up(after, move)
    return replace(
        after, attending_at=move.at, attending_by=move.actor, attending_by_id=move.actor_id
    )


def _arrive(before: Condition, after: Condition, move: Move) -> Condition:
    if before.state in UNANSWERED:
        after = _taken_up(after, move)
    # Two people are asked for so that nobody silences an alert from afar: at the bed it is moot.
    return replace(
        after,
        second_due=False,
        arrived_at=move.at, arrived_by=move.actor, arrived_by_id=move.actor_id,
    )  # fmt: skip


def _resolve(before: Condition, after: Condition, move: Move) -> Condition:
    verdict = move.verdict
    if move.finding is not None:
        verdict = VERDICT_OF[move.finding]
        if move.verdict not in (None, verdict):
            raise IllegalMove("verdict: does not go with the finding", "verdict")
    if verdict is None:
        raise IllegalMove("resolve needs a verdict", "verdict")
    if before.second_due and before.arrived_at is None:
        raise IllegalMove("a second person must acknowledge first, or somebody arrive")
    return replace(
        _with_report(after, move),
        verdict=verdict,
        finding=move.finding,
        second_due=False,
        shelved_until=None,
        shelved_by=None,
        resolved_at=move.at,
        resolved_by=move.actor,
        resolved_by_id=move.actor_id,
    )


def _with_report(after: Condition, move: Move) -> Condition:
    return replace(
        after,
        injury=move.injury or after.injury,
        cause=move.cause or after.cause,
        measure=move.measure or after.measure,
        family=move.family or after.family,
    )


def _close(before: Condition, after: Condition, move: Move) -> Condition:
    if before.state is State.RAISED:
        return _close_unheard(before, after, move)
    if not move.actor:
        raise IllegalMove("close needs a person")
    after = _with_report(after, move)
    for name in missing_to_close(after):
        raise IllegalMove(f"{name}: needed to close a high alert", name)
    return replace(after, closed_at=move.at, closed_by=move.actor, closed_by_id=move.actor_id)


def _close_unheard(before: Condition, after: Condition, move: Move) -> Condition:
    unheard = before.suppressed and before.recovered and RANK[before.priority] <= RANK[Priority.LOW]
    if not unheard or move.actor:
        raise IllegalMove("cannot close when raised")
    return replace(after, closed_at=move.at, filed="unheard")


def missing_to_close(condition: Condition) -> list[str]:
    """What a high alert still lacks: what was found, done, and whether the family knows."""
    if condition.priority is not Priority.HIGH or condition.verdict is not Verdict.TRUE:
        return []
    return [name for name in ("injury", "measure", "family") if not getattr(condition, name)]


def _shelve(before: Condition, after: Condition, move: Move) -> Condition:
    if not move.note:
        raise IllegalMove("note: needed to shelve, say why", "note")
    if move.until is None or not move.at < move.until <= move.at + LONGEST_SHELF:
        raise IllegalMove("until: a time within the next 8 hours", "until")
    if before.priority is Priority.HIGH and not before.answered:
        raise IllegalMove("a high alert must be answered before it can be shelved")
    return replace(after, shelved_until=move.until, shelved_by=move.actor)


def _unshelve(before: Condition, after: Condition, move: Move) -> Condition:
    if before.shelved_until is None:
        raise IllegalMove("cannot unshelve: it is not shelved")
    return replace(after, shelved_until=None, shelved_by=None, step=0, rings=before.rings + 1)


def _reopen(before: Condition, after: Condition, move: Move) -> Condition:
    if not move.note:
        raise IllegalMove("note: needed to reopen, say why", "note")
    return Condition(
        State.RAISED, after.code, after.priority, recovered=False, count=after.count,
        updated_at=move.at, rings=before.rings + 1,
    )  # fmt: skip


def _suppress(before: Condition, after: Condition, _move: Move) -> Condition:
    if before.priority is Priority.HIGH:
        raise IllegalMove("a high alert is never suppressed")
    return replace(after, suppressed=True)


def _release(_before: Condition, after: Condition, _move: Move) -> Condition:
    return replace(after, suppressed=False)


_SPECIAL: Final = MappingProxyType(
    {
        MoveKind.EVIDENCE: _worse,
        MoveKind.UPGRADE: _worse,
        MoveKind.REPEAT: _worse,
        MoveKind.ESCALATE: _escalate,
        MoveKind.ACKNOWLEDGE: _acknowledge,
        MoveKind.TAKE_OVER: _take_over,
        MoveKind.ARRIVE: _arrive,
        MoveKind.RESOLVE: _resolve,
        MoveKind.CLOSE: _close,
        MoveKind.SHELVE: _shelve,
        MoveKind.UNSHELVE: _unshelve,
        MoveKind.REOPEN: _reopen,
        MoveKind.SUPPRESS: _suppress,
        MoveKind.RELEASE: _release,
    }
)


def fold(moves: Iterable[Move]) -> Condition:
    """The condition after all moves, in order. Raises IllegalMove."""
    condition: Condition | None = None
    for move in moves:
        condition = apply(condition, move)
    if condition is None:
        raise IllegalMove("an alert without moves")
    return condition


def _same_person(held_id: uuid.UUID | None, held: str | None, move: Move) -> bool:
    if held_id is not None or move.actor_id is not None:
        return held_id == move.actor_id
    return held is not None and held == move.actor


def already_done(condition: Condition, move: Move) -> bool:
    """Whether this person has made this very move: saying it twice is not an error."""
    state, kind = condition.state, move.kind
    if kind is MoveKind.ACKNOWLEDGE:
        first = _same_person(condition.acknowledged_by_id, condition.acknowledged_by, move)
        second = condition.second_by is not None and _same_person(
            condition.second_by_id, condition.second_by, move
        )
        return state in OPEN - UNANSWERED and (first or second)
    if kind is MoveKind.TAKE_OVER:
        held = (condition.attending_by_id, condition.attending_by)
        return state is State.ATTENDING and _same_person(*held, move)
    if kind is MoveKind.ARRIVE:
        held = (condition.arrived_by_id, condition.arrived_by)
        return state is State.ARRIVED and _same_person(*held, move)
    if kind is MoveKind.RESOLVE:
        held = (condition.resolved_by_id, condition.resolved_by)
        verdict = VERDICT_OF[move.finding] if move.finding is not None else move.verdict
        same = condition.verdict is verdict and condition.finding is move.finding
        return state in ENDED and same and _same_person(*held, move)
    if kind is MoveKind.CLOSE:
        held = (condition.closed_by_id, condition.closed_by)
        return state is State.CLOSED and _same_person(*held, move)
    return False
