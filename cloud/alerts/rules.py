"""From events to alerts: pure rules. Same events, same alerts.

- A suspected fall raises medium; nobody up and nobody answering for ESCALATE_AFTER makes it high.
- A confirmation of the same episode makes the same alert high at once, whoever has answered.
- A recovery marks the alert: the check is still due. With two episodes in it, both must recover.
- Another episode of the same person within MERGE_WINDOW_NS is the same fall seen twice.
- What comes after the staff resolved it: evidence only, except a confirmation after any verdict
  but `true`: the staff did not know of a real fall, so it raises anew, tied to the old alert.
- A call for help is high. It joins an open call that nobody has answered (or one just made);
  someone who calls again after an answer calls anew.
- Every other finding is raised under its code, one open alert per person and code; `..._high` makes
  it high; `..._cleared` and `..._eased` mark it recovered where its code says that it can pass.
- Silent devices of a person are one alert. When nothing that their care plan needs is left, it
  becomes `coverage_blind`: somebody must go and look. It recovers when all of them report again.
- A kind that is no code is a log entry: kept, raising nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cloud.alerts.codes import CODES, RANK, Priority
from cloud.alerts.findings import Verdict
from cloud.alerts.machine import ENDED, UNANSWERED, MoveKind, State
from edge.events import EventKind

RULES_VERSION: Final = "2"
# The same fall reported by two sensors differs by their windows and clocks (alarms.md, 2).
MERGE_WINDOW_NS: Final = 30 * 1_000_000_000
# Lying for a minute after a fall is serious by itself (alarms.md, 1).
ESCALATE_AFTER: Final = timedelta(seconds=60)

FALLS: Final = frozenset({EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED})
RECOVERIES: Final = frozenset({EventKind.FALL_RECOVERED, EventKind.FALL_CANCELLED})
_FALL_CODES: Final = frozenset({"fall_suspected", "fall_confirmed"})
_WORSE: Final = "_high"
_OVER: Final = ("_cleared", "_eased")
# How much of a person can be seen: one episode for each person, told by its last word.
_COVERAGE: Final = frozenset(
    {EventKind.COVERAGE_BLIND, EventKind.COVERAGE_DEGRADED, EventKind.COVERAGE_PROTECTED}
)
_SIGHT: Final = frozenset({"device_offline", "coverage_blind"})
# What a fall that goes on after a recovery sets ringing again (cloud/alerts/machine.py).
_RINGS_BACK: Final = UNANSWERED | {State.ACKNOWLEDGED}


class Timer(StrEnum):
    """What to do with the escalation timer."""

    START = "start"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Happening:
    """What the rules look at of an event."""

    event_id: str
    episode_id: str
    kind: EventKind
    happened_ns: int
    decided_ns: int
    priority: Priority | None = None  # its own, where it is not that of its code


@dataclass(frozen=True, slots=True)
class Known:
    """An alert of the same person and origin: open, or of the same episode."""

    alert_id: uuid.UUID
    state: State
    code: str
    priority: Priority
    recovered: bool
    verdict: Verdict | None
    raised_at: datetime
    happenings: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """A move to make, in the terms of the machine."""

    kind: MoveKind
    code: str | None = None
    priority: Priority | None = None
    recovered: bool | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Which alert (None: a new one) gets which move. No move: the event waits for its episode."""

    move: PlannedMove | None
    alert_id: uuid.UUID | None = None
    timer: Timer | None = None
    follows_id: uuid.UUID | None = None


def decide(happening: Happening, known: Sequence[Known]) -> Decision:
    """What an event that was never seen before does."""
    if happening.kind is EventKind.SOS:
        return _decide_call(happening, known)
    own = _own_episode(happening, known)
    if happening.kind not in FALLS | RECOVERIES:
        return _decide_finding(happening, known, own)
    if happening.kind in RECOVERIES:
        return Decision(None) if own is None else _decide_recovery(happening, own)
    if own is not None and own.state in ENDED:
        return _decide_after_the_end(happening, own)
    target = own or _same_fall(happening, known)
    return _raise(happening) if target is None else _decide_fall(happening, target, own is None)


def escalation_due(happened_at: datetime, raised_at: datetime) -> datetime:
    """When a suspected fall becomes high: counted from the fall, so a late one may be due at once.

    A gateway whose clock is ahead cannot push it back: the time of raising counts if earlier.
    """
    return min(happened_at, raised_at) + ESCALATE_AFTER


def all_recovered(happenings: Sequence[Happening]) -> bool:
    """Whether every episode has a recovery decided after everything else said of it."""
    last_fall_ns: dict[str, int] = {}
    last_recovery_ns: dict[str, int] = {}
    for item in happenings:
        last = last_recovery_ns if _is_over(item.kind) else last_fall_ns
        episode = "coverage" if item.kind in _COVERAGE else item.episode_id
        last[episode] = max(item.decided_ns, last.get(episode, item.decided_ns))
    return all(
        episode in last_recovery_ns and last_recovery_ns[episode] >= fall_ns
        for episode, fall_ns in last_fall_ns.items()
    )


def _is_over(kind: EventKind) -> bool:
    if kind in _COVERAGE:
        return kind is not EventKind.COVERAGE_BLIND
    return kind in RECOVERIES or kind.value.endswith(_OVER)


def code_of(kind: EventKind) -> str | None:
    """The alert code a kind belongs to; None: a log entry."""
    name = kind.value
    if kind in _COVERAGE:
        return "coverage_blind"
    for suffix in (_WORSE, *_OVER):
        if name.removesuffix(suffix) in CODES:
            return name.removesuffix(suffix)
    return None


def _decide_finding(happening: Happening, known: Sequence[Known], own: Known | None) -> Decision:
    """Anything but falls and calls: one open alert for each person and code."""
    code = code_of(happening.kind)
    codes = _SIGHT if code in _SIGHT else {code}
    same = [alert for alert in known if alert.code in codes and alert.state not in ENDED]
    target = max(same, key=lambda alert: alert.raised_at, default=None)
    if code is None or (target is None and _is_over(happening.kind)):
        return Decision(None)
    worse = happening.kind.value.endswith(_WORSE)
    if target is None:
        priority = Priority.HIGH if worse else happening.priority or CODES[code].priority
        move = PlannedMove(MoveKind.RAISE, code, priority, False)
        return Decision(move, follows_id=None if own is None else own.alert_id)
    if _is_over(happening.kind):
        over = CODES[code].passes and not target.recovered
        if over and all_recovered((*target.happenings, happening)):
            return Decision(PlannedMove(MoveKind.RECOVER, recovered=True), target.alert_id)
        return Decision(PlannedMove(MoveKind.EVIDENCE), target.alert_id)
    back = target.recovered and not all_recovered((*target.happenings, happening))
    recovered = False if back else None
    wanted = Priority.HIGH if worse else happening.priority or CODES[code].priority
    newly_blind = code == "coverage_blind" and target.code != code
    if newly_blind or RANK[target.priority] < RANK[wanted]:
        higher = wanted if RANK[target.priority] < RANK[wanted] else None
        new_code = code if newly_blind else None
        move = PlannedMove(MoveKind.UPGRADE, new_code, higher, recovered)
    else:
        kind = MoveKind.EVIDENCE if target is own else MoveKind.REPEAT
        move = PlannedMove(kind, recovered=recovered)
    return Decision(move, target.alert_id)


def _own_episode(happening: Happening, known: Sequence[Known]) -> Known | None:
    """The alert of the same episode: an open one first, else the newest."""
    own = [
        alert
        for alert in known
        if any(item.episode_id == happening.episode_id for item in alert.happenings)
    ]
    return max(own, key=lambda a: (a.state not in ENDED, a.raised_at), default=None)


def _same_fall(happening: Happening, known: Sequence[Known]) -> Known | None:
    """An open fall alert so close in time that it is the same fall; the closest."""

    def distance_ns(alert: Known) -> int:
        return min(
            (
                abs(i.happened_ns - happening.happened_ns)
                for i in alert.happenings
                if i.kind in FALLS
            ),
            default=MERGE_WINDOW_NS + 1,
        )

    near = [
        alert
        for alert in known
        if alert.state not in ENDED
        and alert.code in _FALL_CODES
        and distance_ns(alert) <= MERGE_WINDOW_NS
    ]
    return min(near, key=distance_ns, default=None)


def _raise(happening: Happening, follows_id: uuid.UUID | None = None) -> Decision:
    code = CODES[happening.kind.value]
    suspected = happening.kind is EventKind.FALL_SUSPECTED
    return Decision(
        PlannedMove(MoveKind.RAISE, code.code, code.priority, False),
        timer=Timer.START if suspected else None,
        follows_id=follows_id,
    )


def _decide_fall(happening: Happening, target: Known, other_episode: bool) -> Decision:
    """A fall event for an open alert."""
    confirmed = happening.kind is EventKind.FALL_CONFIRMED
    code = "fall_confirmed" if confirmed and target.code != "fall_confirmed" else None
    high = CODES["fall_confirmed"].priority
    priority = high if confirmed and RANK[target.priority] < RANK[high] else None
    up_again = target.recovered and not all_recovered((*target.happenings, happening))
    recovered = False if up_again else None
    if other_episode:
        kind = MoveKind.REPEAT
    else:
        kind = MoveKind.EVIDENCE if code is None and priority is None else MoveKind.UPGRADE
    timer = None
    if confirmed:
        timer = Timer.CANCEL
    elif up_again and target.state in _RINGS_BACK and target.priority is not high:
        timer = Timer.START
    return Decision(PlannedMove(kind, code, priority, recovered), target.alert_id, timer)


def _decide_recovery(happening: Happening, own: Known) -> Decision:
    if own.state in ENDED:
        return Decision(PlannedMove(MoveKind.EVIDENCE), own.alert_id)
    if own.recovered or not all_recovered((*own.happenings, happening)):
        return Decision(PlannedMove(MoveKind.EVIDENCE), own.alert_id)
    cancelled = happening.kind is EventKind.FALL_CANCELLED
    kind = MoveKind.CANCEL if cancelled else MoveKind.RECOVER
    return Decision(PlannedMove(kind, recovered=True), own.alert_id, Timer.CANCEL)


def _decide_after_the_end(happening: Happening, own: Known) -> Decision:
    knew_of_it = own.verdict is Verdict.TRUE or own.code == "fall_confirmed"
    if happening.kind is EventKind.FALL_CONFIRMED and not knew_of_it:
        return _raise(happening, follows_id=own.alert_id)
    return Decision(PlannedMove(MoveKind.EVIDENCE), own.alert_id)


def _decide_call(happening: Happening, known: Sequence[Known]) -> Decision:
    joins = [
        alert
        for alert in known
        if alert.code == "sos"
        and alert.state not in ENDED
        and (
            alert.state in UNANSWERED
            or any(
                abs(item.happened_ns - happening.happened_ns) <= MERGE_WINDOW_NS
                for item in alert.happenings
            )
        )
    ]
    if not joins:
        return _raise(happening)
    newest = max(joins, key=lambda alert: alert.raised_at)
    return Decision(PlannedMove(MoveKind.REPEAT), newest.alert_id)
