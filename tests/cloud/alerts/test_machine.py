"""The life of one alert: any moves in any order, by two people at once, against a model of it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud.alerts import machine
from cloud.alerts.codes import RANK, Priority
from cloud.alerts.findings import VERDICT_OF, Finding, Injury, Verdict
from cloud.alerts.machine import (
    ENDED,
    LONGEST_SHELF,
    OPEN,
    PEOPLES_MOVES,
    TRANSITIONS,
    UNANSWERED,
    Condition,
    IllegalMove,
    Move,
    MoveKind,
    State,
)

NOW = datetime(2026, 3, 1, 2, 13, tzinfo=UTC)
PEOPLE = {uuid.UUID(int=7): "周敏", uuid.UUID(int=8): "吴倩"}
FIRST, SECOND = PEOPLE
HIGH, MEDIUM, LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW


def by(who: uuid.UUID | None, kind: MoveKind, at_s: float = 1.0, **more: object) -> Move:
    at = NOW + timedelta(seconds=at_s)
    return Move(kind, at, actor_id=who, actor=None if who is None else PEOPLE[who], **more)  # type: ignore[arg-type]


def raised(priority: Priority = MEDIUM, code: str = "fall_suspected", **more: object) -> Condition:
    move = Move(MoveKind.RAISE, NOW, code=code, priority=priority, **more)  # type: ignore[arg-type]
    return machine.apply(None, move)


def after(condition: Condition, *moves: Move) -> Condition:
    for move in moves:
        condition = machine.apply(condition, move)
    return condition


ACK = by(FIRST, MoveKind.ACKNOWLEDGE)
GO = by(FIRST, MoveKind.TAKE_OVER)
ARRIVE = by(FIRST, MoveKind.ARRIVE)
REAL_FALL = by(FIRST, MoveKind.RESOLVE, finding=Finding.REAL_FALL)
CONFIRMED = Move(MoveKind.UPGRADE, NOW, code="fall_confirmed", priority=HIGH)
AGAIN = Move(MoveKind.REPEAT, NOW, recovered=False)
PASSED = Move(MoveKind.RECOVER, NOW, recovered=True)
REPORT = {"injury": Injury.NONE, "measure": "扶起，观察", "family": "told"}


def test_one_life_from_the_first_sound_to_the_file() -> None:
    condition = after(raised(), Move(MoveKind.NOTIFY, NOW), ACK, GO, ARRIVE, REAL_FALL)
    assert condition.state is State.RESOLVED
    assert condition.verdict is Verdict.TRUE
    closed = after(condition, by(SECOND, MoveKind.CLOSE))
    assert (closed.state, closed.closed_by) == (State.CLOSED, "吴倩")


@pytest.mark.parametrize(
    ("answers", "state", "rings"),
    [
        ((), State.RAISED, 2),
        ((ACK,), State.RAISED, 2),  # acknowledged something lesser: it rings again
        ((ACK, GO), State.ATTENDING, 2),  # on the way, told that it is worse
        ((ACK, GO, ARRIVE), State.ARRIVED, 1),  # at the bedside: knows more than we
    ],
)
def test_a_confirmed_fall_rings_again(
    answers: tuple[Move, ...], state: State, *, rings: int
) -> None:
    condition = after(raised(), *answers, CONFIRMED)
    assert (condition.state, condition.rings, condition.priority) == (state, rings, HIGH)


def test_a_fall_that_goes_on_after_a_recovery_rings_again() -> None:
    condition = after(raised(), PASSED, ACK, AGAIN)
    assert (condition.state, condition.rings, condition.recovered) == (State.RAISED, 2, False)
    quiet = after(raised(LOW, "not_worn"), PASSED, ACK, AGAIN)
    assert (quiet.state, quiet.rings) == (State.ACKNOWLEDGED, 1)


def test_an_upgrade_ends_every_holding_back() -> None:
    shelve = by(FIRST, MoveKind.SHELVE, note="家属陪同", until=NOW + timedelta(hours=1))
    condition = after(raised(), Move(MoveKind.SUPPRESS, NOW), shelve)
    assert condition.suppressed
    assert condition.shelved_until is not None
    condition = after(condition, CONFIRMED)
    assert not condition.suppressed
    assert condition.shelved_until is None
    assert condition.state is State.RAISED


def test_two_people_must_acknowledge_where_a_policy_asks() -> None:
    condition = after(raised(HIGH, second_due=True), ACK)
    assert (condition.state, condition.answered) == (State.ACKNOWLEDGED, False)
    assert machine.already_done(condition, ACK)
    with pytest.raises(IllegalMove, match="second person"):
        after(condition, ACK)
    with pytest.raises(IllegalMove, match="second person"):
        after(condition, REAL_FALL)
    both = after(condition, by(SECOND, MoveKind.ACKNOWLEDGE))
    assert both.answered
    assert both.second_by == "吴倩"
    assert machine.already_done(both, by(SECOND, MoveKind.ACKNOWLEDGE))
    assert after(condition, ARRIVE).answered  # at the bedside it is moot


@pytest.mark.parametrize("missing", ["injury", "measure", "family"])
def test_a_high_alert_closes_with_its_report_only(missing: str) -> None:
    resolved = after(raised(HIGH), REAL_FALL)
    report = {name: value for name, value in REPORT.items() if name != missing}
    with pytest.raises(IllegalMove, match=missing) as caught:
        after(resolved, by(FIRST, MoveKind.CLOSE, **report))
    assert caught.value.lacks == missing
    assert after(resolved, by(FIRST, MoveKind.CLOSE, **REPORT)).state is State.CLOSED


def test_a_false_alarm_needs_no_report() -> None:
    condition = after(raised(HIGH), by(FIRST, MoveKind.RESOLVE, finding=Finding.SAT_HARD))
    assert condition.verdict is Verdict.FALSE
    assert after(condition, by(FIRST, MoveKind.CLOSE)).state is State.CLOSED


@pytest.mark.parametrize(
    ("hours", "note", "says"),
    [(0, "x", "until"), (-1, "x", "until"), (8.1, "x", "until"), (2, "", "note")],
)
def test_a_shelf_has_a_reason_and_an_end(hours: float, note: str, says: str) -> None:
    until = NOW + timedelta(seconds=1, hours=hours)
    with pytest.raises(IllegalMove, match=says):
        after(raised(), by(FIRST, MoveKind.SHELVE, note=note, until=until))


def test_a_shelf_gives_back_what_it_took() -> None:
    until = NOW + LONGEST_SHELF
    shelved = after(raised(), ACK, by(FIRST, MoveKind.SHELVE, note="换电池", until=until))
    assert shelved.state is State.ACKNOWLEDGED
    back = after(shelved, Move(MoveKind.UNSHELVE, until))
    assert (back.state, back.shelved_until, back.rings) == (State.RAISED, None, 2)
    with pytest.raises(IllegalMove, match="not shelved"):
        after(back, Move(MoveKind.UNSHELVE, until))
    with pytest.raises(IllegalMove, match="answered"):
        after(raised(HIGH), by(FIRST, MoveKind.SHELVE, note="x", until=until))


def test_reopening_needs_a_reason_and_starts_anew() -> None:
    closed = after(raised(HIGH), REAL_FALL, by(FIRST, MoveKind.CLOSE, **REPORT))
    with pytest.raises(IllegalMove, match="note"):
        after(closed, by(SECOND, MoveKind.REOPEN))
    again = after(closed, by(SECOND, MoveKind.REOPEN, note="右髋疼，再查"))
    assert (again.state, again.verdict, again.rings) == (State.RAISED, None, 2)
    assert again.acknowledged_at is None


def test_every_finding_counts_as_something() -> None:
    assert set(VERDICT_OF) == set(Finding)
    with pytest.raises(IllegalMove, match="does not go with"):
        after(raised(), replace(REAL_FALL, verdict=Verdict.FALSE))


def test_only_people_end_an_alert() -> None:
    into_the_end = {
        kind for (state, kind), to in TRANSITIONS.items() if to in ENDED and state in OPEN
    }
    assert into_the_end == {MoveKind.RESOLVE, MoveKind.CLOSE}
    assert MoveKind.RESOLVE in PEOPLES_MOVES


PRIORITIES = st.sampled_from([None, *Priority])
NOTES = st.sampled_from([None, "说明"])


class LifeOfAnAlert(RuleBasedStateMachine):
    """Allowed moves change what they should, others change nothing; nothing is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.condition: Condition | None = None
        self.moves: list[Move] = []
        self.second = 1
        self.evidence = 0

    def try_move(self, move: Move) -> bool:
        """Make it if it is allowed; whether it was."""
        before = self.condition
        try:
            self.condition = machine.apply(before, move)
        except IllegalMove:
            assert self.condition is before
            return False
        self.moves.append(move)
        self.check_step(before, self.condition, move)
        return True

    def at(self) -> datetime:
        self.second += 1
        return NOW + timedelta(seconds=self.second)

    def check_step(self, before: Condition | None, after: Condition, move: Move) -> None:
        if before is None:
            return
        assert RANK[after.priority] >= RANK[before.priority]
        if after.state in ENDED and before.state in OPEN:
            by_rule = move.actor is None
            unheard = before.suppressed and before.recovered and RANK[before.priority] <= RANK[LOW]
            assert unheard if by_rule else move.kind is MoveKind.RESOLVE
        if before.state in ENDED and after.state in OPEN:
            assert move.kind is MoveKind.REOPEN
        back_to_sound = after.state in UNANSWERED and before.state not in UNANSWERED
        if back_to_sound:
            assert after.rings == before.rings + 1
        if before.priority is not HIGH and after.priority is HIGH and before.state in OPEN:
            assert after.state is State.ARRIVED or after.rings > before.rings
            assert not after.suppressed
            assert after.shelved_until is None

    @precondition(lambda self: self.condition is None)
    @rule(priority=st.sampled_from(Priority), second=st.booleans())
    def raise_it(self, priority: Priority, *, second: bool) -> None:
        move = Move(MoveKind.RAISE, NOW, code="c", priority=priority, second_due=second)
        assert self.try_move(move)

    @precondition(lambda self: self.condition is not None)
    @rule(
        kind=st.sampled_from(sorted(set(MoveKind) - PEOPLES_MOVES)),
        priority=PRIORITIES,
        recovered=st.sampled_from([None, True, False]),
        step=st.sampled_from([None, 0, 1, 2]),
    )
    def by_rule(
        self, kind: MoveKind, priority: Priority | None, *, recovered: bool | None, step: int | None
    ) -> None:
        move = Move(
            kind, self.at(), priority=priority, recovered=recovered,
            step=step if kind is MoveKind.ESCALATE else None,
        )  # fmt: skip
        assert self.condition is not None
        falls = priority is not None and RANK[priority] < RANK[self.condition.priority]
        made = self.try_move(move)
        over = self.condition.state in ENDED and priority is not None
        if kind is MoveKind.EVIDENCE and not falls and not over:
            assert made  # what a sensor says is never refused
            self.evidence += 1

    @precondition(lambda self: self.condition is not None)
    @rule(
        kind=st.sampled_from(sorted(PEOPLES_MOVES | {MoveKind.CLOSE, MoveKind.UNSHELVE})),
        who=st.sampled_from(list(PEOPLE)),
        finding=st.sampled_from([None, *Finding]),
        full_report=st.booleans(),
        note=NOTES,
    )
    def by_person(
        self,
        kind: MoveKind,
        who: uuid.UUID,
        *,
        finding: Finding | None,
        full_report: bool,
        note: str | None,
    ) -> None:
        self.try_move(self.persons(kind, who, finding, full_report=full_report, note=note))

    def persons(
        self,
        kind: MoveKind,
        who: uuid.UUID,
        finding: Finding | None,
        *,
        full_report: bool,
        note: str | None,
    ) -> Move:
        at = self.at()
        report = REPORT if full_report and kind in (MoveKind.RESOLVE, MoveKind.CLOSE) else {}
        return Move(
            kind, at, actor_id=who, actor=PEOPLE[who], note=note,
            finding=finding if kind is MoveKind.RESOLVE else None,
            until=at + timedelta(hours=1) if kind is MoveKind.SHELVE else None, **report,  # type: ignore[arg-type]
        )  # fmt: skip

    @precondition(lambda self: self.condition is not None)
    @rule(
        kinds=st.tuples(*[st.sampled_from(sorted(PEOPLES_MOVES))] * 2),
        finding=st.sampled_from(Finding),
    )
    def two_people_at_once(self, kinds: tuple[MoveKind, MoveKind], finding: Finding) -> None:
        """Both decided on the same screen; one after the other reaches the server.

        The second is made, or done already, or refused: and then the first still stands as it was.
        """
        first, second = (
            self.persons(kind, who, finding, full_report=True, note="说明")
            for kind, who in zip(kinds, PEOPLE, strict=True)
        )
        if not self.try_move(first):
            return
        held = self.condition
        if not self.try_move(second):
            assert self.condition is held
            if first.kind is MoveKind.ACKNOWLEDGE and second.kind is MoveKind.ACKNOWLEDGE:
                assert held is not None
                assert held.answered

    @precondition(lambda self: self.condition is not None)
    @invariant()
    def is_what_its_moves_say(self) -> None:
        condition = self.condition
        assert condition is not None
        assert condition == machine.fold(self.moves)
        assert (condition.verdict is not None) == (
            condition.state is State.RESOLVED
            or (condition.state is State.CLOSED and condition.resolved_at is not None)
        )
        if condition.state is State.CLOSED and condition.verdict is Verdict.TRUE:
            assert condition.priority is not HIGH or condition.injury is not None
        if condition.state in (State.ACKNOWLEDGED, State.ATTENDING, State.ARRIVED):
            assert condition.acknowledged_by is not None
        kept = sum(move.kind is MoveKind.EVIDENCE for move in self.moves)
        assert kept == self.evidence
        assert condition.count == sum(
            move.kind in (MoveKind.RAISE, MoveKind.REPEAT) for move in self.moves
        )


LifeOfAnAlert.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestLifeOfAnAlert = pytest.mark.timeout(180)(LifeOfAnAlert.TestCase)
