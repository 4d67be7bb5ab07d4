"""From events to alerts: pure rules. Same events, same alerts. Their numbers are data: the book
(cloud/alerts/rulebook.py). Each decision names its rule.

- A suspected fall raises medium; nobody up and nobody answering for a minute makes it high.
- A confirmation of the same episode makes the same alert high at once, whoever has answered.
- A recovery marks the alert: the check is still due. With two episodes in it, both must recover.
- Another episode of the same person within the merge window is the same fall seen twice; so is
  one of their room, where nobody can say whose it is.
- What comes after the staff resolved it: evidence only, except a confirmation after any verdict
  but `true`: the staff did not know of a real fall, so it raises anew, tied to the old alert.
- A call for help is high. It joins an open call that nobody has answered (or one just made);
  someone who calls again after an answer calls anew.
- Every other finding is raised under its code, one open alert per person and code; `..._high` makes
  it high; `..._cleared` and `..._eased` mark it recovered where its code says that it can pass.
- Silent devices of a person are one alert. When nothing that their care plan needs is left, it
  becomes `coverage_blind`: somebody must go and look. It recovers when all of them report again.
- What is low and chatters is held back for its on-delay; a recovery counts after the off-delay.
- What is heard of late and is no call any more is history: kept as an alert that nobody is told of.
- A kind that is no code is a log entry: kept, raising nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cloud.alerts.codes import CODES, RANK, Priority
from cloud.alerts.findings import Verdict
from cloud.alerts.machine import ENDED, UNANSWERED, MoveKind, State
from cloud.alerts.rulebook import RuleBookBody, default_book
from edge.events import Event, EventKind

_NS_PER_S: Final = 1_000_000_000

FALLS: Final = frozenset({EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED})
RECOVERIES: Final = frozenset({EventKind.FALL_RECOVERED, EventKind.FALL_CANCELLED})
FALL_CODES: Final = frozenset({"fall_suspected", "fall_confirmed"})
_WORSE: Final = "_high"
_OVER: Final = ("_cleared", "_eased")
# How much of a person can be seen: one episode for each person, told by its last word.
_COVERAGE: Final = frozenset(
    {EventKind.COVERAGE_BLIND, EventKind.COVERAGE_DEGRADED, EventKind.COVERAGE_PROTECTED}
)
_SIGHT: Final = frozenset({"device_offline", "coverage_blind"})
# What a fall that goes on after a recovery sets ringing again (cloud/alerts/machine.py).
_RINGS_BACK: Final = UNANSWERED | {State.ACKNOWLEDGED}
# Only what is this little urgent waits for its on-delay.
_HELD: Final = frozenset({Priority.LOW, Priority.INFO})


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
    late_s: float = 0.0  # how long after it happened we hear of it
    over: bool = False  # its end is known already: it came in the same batch


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
    # Of the room, where nobody can say whose it is: only for a fall that is seen twice.
    of_room: bool = False


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """A move to make, in the terms of the machine."""

    kind: MoveKind
    code: str | None = None
    priority: Priority | None = None
    recovered: bool | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Which alert (None: a new one) gets which move. No move: the event waits for its episode.

    `rule` names what decided. `hold_s`: nobody is told for so long (on-delay). `settle_s`: the
    recovery counts after so long (off-delay), None: no change; 0: a recovery that was waited for is
    off.
    """

    move: PlannedMove | None
    alert_id: uuid.UUID | None = None
    timer: Timer | None = None
    follows_id: uuid.UUID | None = None
    rule: str = "wait"
    hold_s: float = 0.0
    settle_s: float | None = None


def decide(
    happening: Happening, known: Sequence[Known], book: RuleBookBody | None = None
) -> Decision:
    """What an event that was never seen before does."""
    book = book or default_book()
    decision = _decide(happening, known, book)
    if decision.move is None or decision.move.kind is not MoveKind.RAISE:
        return decision
    return _told_or_filed(happening, decision, decision.move, book)


def _decide(happening: Happening, known: Sequence[Known], book: RuleBookBody) -> Decision:
    mine = [alert for alert in known if not alert.of_room]
    if happening.kind is EventKind.SOS:
        return _decide_call(happening, mine, _ns(book.merge.call_window_s))
    own = _own_episode(happening, known)
    if happening.kind not in FALLS | RECOVERIES:
        return _decide_finding(happening, mine, own, book)
    if happening.kind in RECOVERIES:
        return Decision(None) if own is None else _decide_recovery(happening, own)
    if own is not None and own.state in ENDED:
        return _decide_after_the_end(happening, own)
    target = own or _same_fall(happening, known, _ns(book.merge.fall_window_s))
    return _raise(happening) if target is None else _decide_fall(happening, target, own is None)


def _told_or_filed(
    happening: Happening, decision: Decision, move: PlannedMove, book: RuleBookBody
) -> Decision:
    """A new alert: for people now, after its on-delay, or history only."""
    code, priority = str(move.code), move.priority or Priority.INFO
    if book.is_history(code, priority, happening.late_s, over=happening.over):
        filed = replace(move, kind=MoveKind.FILE)
        return replace(decision, move=filed, timer=None, rule="late.history")
    on_s = book.delay_of(code).on_s if priority in _HELD else 0.0
    if on_s:
        return replace(decision, hold_s=on_s, rule=f"{decision.rule}, delay.on")
    return decision


def _ns(seconds: float) -> int:
    return round(seconds * _NS_PER_S)


def escalation_due(
    happened_at: datetime, raised_at: datetime, book: RuleBookBody | None = None
) -> datetime:
    """When a suspected fall becomes high: counted from the fall, so a late one may be due at once.

    A gateway whose clock is ahead cannot push it back: the time of raising counts if earlier.
    """
    after_s = (book or default_book()).suspicion_becomes_high_after_s
    return min(happened_at, raised_at) + timedelta(seconds=after_s)


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


def episodes_over(events: Iterable[Event]) -> frozenset[str]:
    """Of events that came together: episodes whose last word is that they are over."""
    last: dict[str, Event] = {}
    for event in events:
        held = last.get(event.episode_id)
        if held is None or event.decided_ns >= held.decided_ns:
            last[event.episode_id] = event
    return frozenset(episode for episode, event in last.items() if _is_over(event.kind))


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


def _decide_finding(
    happening: Happening, known: Sequence[Known], own: Known | None, book: RuleBookBody
) -> Decision:
    """Anything but falls and calls: one open alert for each person and code."""
    code = code_of(happening.kind)
    codes = _SIGHT if code in _SIGHT else {code}
    same = [alert for alert in known if alert.code in codes and alert.state not in ENDED]
    target = max(same, key=lambda alert: alert.raised_at, default=None)
    if code is None:
        return Decision(None, rule="log")
    if target is None and _is_over(happening.kind):
        if own is None:
            return Decision(None)
        return Decision(PlannedMove(MoveKind.EVIDENCE), own.alert_id, rule="after_the_end")
    worse = happening.kind.value.endswith(_WORSE)
    if target is None:
        priority = Priority.HIGH if worse else happening.priority or CODES[code].priority
        move = PlannedMove(MoveKind.RAISE, code, priority, False)
        return Decision(move, follows_id=None if own is None else own.alert_id, rule="raise")
    if _is_over(happening.kind):
        return _decide_passed(happening, target, book)
    return _decide_again(happening, target, code, is_own=target is own)


def _decide_passed(happening: Happening, target: Known, book: RuleBookBody) -> Decision:
    """The cause has passed: at once, or if it stays away for the off-delay."""
    over = CODES[target.code].passes and not target.recovered
    if not over or not all_recovered((*target.happenings, happening)):
        return Decision(PlannedMove(MoveKind.EVIDENCE), target.alert_id, rule="evidence")
    off_s = book.delay_of(target.code).off_s
    if off_s:
        move = PlannedMove(MoveKind.EVIDENCE)
        return Decision(move, target.alert_id, rule="delay.off", settle_s=off_s)
    return Decision(
        PlannedMove(MoveKind.RECOVER, recovered=True), target.alert_id, rule="recovered"
    )


def _decide_again(happening: Happening, target: Known, code: str, *, is_own: bool) -> Decision:
    """An open alert's finding goes on, comes again, or gets worse."""
    worse = happening.kind.value.endswith(_WORSE)
    back = target.recovered and not all_recovered((*target.happenings, happening))
    recovered = False if back else None
    wanted = Priority.HIGH if worse else happening.priority or CODES[code].priority
    newly_blind = code == "coverage_blind" and target.code != code
    if newly_blind or RANK[target.priority] < RANK[wanted]:
        higher = wanted if RANK[target.priority] < RANK[wanted] else None
        new_code = code if newly_blind else None
        move = PlannedMove(MoveKind.UPGRADE, new_code, higher, recovered)
        return Decision(move, target.alert_id, rule="upgrade", settle_s=0.0)
    kind = MoveKind.EVIDENCE if is_own else MoveKind.REPEAT
    rule = "evidence" if is_own else "repeat"
    return Decision(
        PlannedMove(kind, recovered=recovered), target.alert_id, rule=rule, settle_s=0.0
    )


def _own_episode(happening: Happening, known: Sequence[Known]) -> Known | None:
    """The alert of the same episode: an open one first, else the newest."""
    own = [
        alert
        for alert in known
        if any(item.episode_id == happening.episode_id for item in alert.happenings)
    ]
    return max(own, key=lambda a: (a.state not in ENDED, a.raised_at), default=None)


def _same_fall(happening: Happening, known: Sequence[Known], window_ns: int) -> Known | None:
    """An open fall alert so close in time that it is the same fall; the closest."""

    def distance_ns(alert: Known) -> int:
        return min(
            (
                abs(i.happened_ns - happening.happened_ns)
                for i in alert.happenings
                if i.kind in FALLS
            ),
            default=window_ns + 1,
        )

    near = [
        alert
        for alert in known
        if alert.state not in ENDED and alert.code in FALL_CODES and distance_ns(alert) <= window_ns
    ]
    # A person's own before the room's.
    return min(near, key=lambda alert: (alert.of_room, distance_ns(alert)), default=None)


def _raise(happening: Happening, follows_id: uuid.UUID | None = None) -> Decision:
    code = CODES[happening.kind.value]
    suspected = happening.kind is EventKind.FALL_SUSPECTED
    return Decision(
        PlannedMove(MoveKind.RAISE, code.code, code.priority, False),
        timer=Timer.START if suspected else None,
        follows_id=follows_id,
        rule="raise" if follows_id is None else "confirmed_after_the_end",
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
    rule = "same_fall" if other_episode else kind.value
    return Decision(PlannedMove(kind, code, priority, recovered), target.alert_id, timer, rule=rule)


def _decide_recovery(happening: Happening, own: Known) -> Decision:
    if own.state in ENDED:
        return Decision(PlannedMove(MoveKind.EVIDENCE), own.alert_id, rule="after_the_end")
    if own.recovered or not all_recovered((*own.happenings, happening)):
        return Decision(PlannedMove(MoveKind.EVIDENCE), own.alert_id, rule="evidence")
    cancelled = happening.kind is EventKind.FALL_CANCELLED
    kind = MoveKind.CANCEL if cancelled else MoveKind.RECOVER
    move = PlannedMove(kind, recovered=True)
    return Decision(move, own.alert_id, Timer.CANCEL, rule="recovered")


def _decide_after_the_end(happening: Happening, own: Known) -> Decision:
    knew_of_it = own.verdict is Verdict.TRUE or own.code == "fall_confirmed"
    if happening.kind is EventKind.FALL_CONFIRMED and not knew_of_it:
        return _raise(happening, follows_id=own.alert_id)
    return Decision(PlannedMove(MoveKind.EVIDENCE), own.alert_id, rule="after_the_end")


def _decide_call(happening: Happening, known: Sequence[Known], window_ns: int) -> Decision:
    joins = [
        alert
        for alert in known
        if alert.code == "sos"
        and alert.state not in ENDED
        and (
            alert.state in UNANSWERED
            or any(
                abs(item.happened_ns - happening.happened_ns) <= window_ns
                for item in alert.happenings
            )
        )
    ]
    if not joins:
        return _raise(happening)
    newest = max(joins, key=lambda alert: alert.raised_at)
    return Decision(PlannedMove(MoveKind.REPEAT), newest.alert_id, rule="same_call")
