"""The rules over whole nights of one person: nothing lost, nothing hidden, nothing told twice."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cloud.alerts import flood, machine
from cloud.alerts.codes import CODES, RANK, Priority
from cloud.alerts.findings import Verdict
from cloud.alerts.machine import ENDED, Condition, Move, MoveKind
from cloud.alerts.rulebook import RuleBookBody, default_book
from cloud.alerts.rules import Happening, Known, code_of, decide
from edge.events import EventKind

BOOK = default_book()
S_NS = 1_000_000_000
START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW_NS = round(BOOK.merge.fall_window_s * S_NS)
SUSPECTED, CONFIRMED = EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED


@dataclass
class Case:
    """An alert as the store would keep it."""

    alert_id: uuid.UUID
    raised_at: datetime
    condition: Condition
    happenings: list[Happening] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    held: bool = False


@dataclass
class Person:
    """Everything told of one person, decided event by event."""

    cases: list[Case] = field(default_factory=list)
    waiting: list[Happening] = field(default_factory=list)

    def take(self, item: Happening, at: datetime) -> Case | None:
        decision = decide(item, [_known(case) for case in self.cases], BOOK)
        if decision.move is None:
            self.waiting.append(item)
            return None
        planned = decision.move
        move = Move(
            planned.kind, at, code=planned.code, priority=planned.priority,
            recovered=planned.recovered, event_id=item.event_id, rule=decision.rule,
        )  # fmt: skip
        if decision.alert_id is None:
            number = uuid.UUID(int=len(self.cases) + 1)
            case = Case(number, at, machine.apply(None, move), held=decision.hold_s > 0)
            self.cases.append(case)
        else:
            case = next(c for c in self.cases if c.alert_id == decision.alert_id)
            case.condition = machine.apply(case.condition, move)
        case.happenings.append(item)
        case.priorities.append(case.condition.priority)
        case.rules.append(decision.rule)
        return case

    def resolve(self, case: Case, verdict: Verdict, at: datetime) -> None:
        if case.condition.state not in ENDED:
            move = Move(MoveKind.RESOLVE, at, actor="周敏", verdict=verdict)
            case.condition = machine.apply(case.condition, move)


def _known(case: Case) -> Known:
    c = case.condition
    return Known(
        case.alert_id, c.state, c.code, c.priority, c.recovered, c.verdict, case.raised_at,
        tuple(case.happenings),
    )  # fmt: skip


_KINDS = st.sampled_from(sorted(EventKind))
_STEP = st.tuples(
    _KINDS,
    st.integers(0, 5),  # which episode
    st.floats(-20, 90),  # seconds on, or back: what was late
    st.sampled_from([0.0, 0.0, 0.0, 300.0, 90_000.0]),  # how late it is heard of
    st.sampled_from([None, None, None, *Verdict]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_STEP, max_size=25))
def test_a_night_of_one_person(steps: list[tuple[Any, ...]]) -> None:
    person, at_s = Person(), 1000.0
    for number, (kind, episode, on_s, late_s, verdict) in enumerate(steps):
        at_s = max(0.0, at_s + on_s)
        at = START + timedelta(seconds=at_s + late_s)
        happened_ns = round(at_s * S_NS)
        item = Happening(
            f"{number}", f"{kind.value.split('_')[0]}{episode}", kind, happened_ns, happened_ns,
            late_s=late_s,
        )  # fmt: skip
        open_before = [c for c in person.cases if c.condition.state not in ENDED]
        case = person.take(item, at)
        if case is None:
            # Only what raises nothing by itself may wait: an end, or a log entry.
            assert code_of(kind) is None or kind.value.endswith(
                ("_cleared", "_eased", "_recovered", "_cancelled", "_degraded", "_protected")
            )
            continue
        assert case.rules[-1] not in {"", "wait"}
        _holds_for_a_fall(item, case, open_before)
        if verdict is not None:
            person.resolve(case, verdict, at)
    told = [h.event_id for case in person.cases for h in case.happenings]
    told += [h.event_id for h in person.waiting]
    assert sorted(told) == sorted(str(number) for number in range(len(steps)))
    for case in person.cases:
        # Urgency never falls, and what is high is neither filed nor held back.
        assert [RANK[p] for p in case.priorities] == sorted(RANK[p] for p in case.priorities)
        if case.condition.priority is Priority.HIGH:
            assert case.condition.filed is None
        if case.held:
            assert case.priorities[0] in {Priority.LOW, Priority.INFO}


def _holds_for_a_fall(item: Happening, case: Case, open_before: list[Case]) -> None:
    if item.kind not in (SUSPECTED, CONFIRMED):
        return
    if item.kind is CONFIRMED and case.condition.state not in ENDED:
        assert case.condition.priority is Priority.HIGH  # at once
        assert case.condition.code == "fall_confirmed"
    others = [
        h for c in open_before for h in c.happenings
        if h.kind in (SUSPECTED, CONFIRMED) and c.condition.code.startswith("fall_")
    ]  # fmt: skip
    near = any(abs(h.happened_ns - item.happened_ns) <= WINDOW_NS for h in others)
    same = any(h.episode_id == item.episode_id for c in open_before for h in c.happenings)
    known_before = any(
        h.episode_id == item.episode_id for h in case.happenings if h.event_id != item.event_id
    )
    if near and not known_before:
        assert case in open_before  # one fall, several sensors: one alert
    if not near and not same and not known_before:
        assert case not in open_before  # a second fall is its own


@given(st.permutations(["mat", "radar", "wrist", "camera"]), st.floats(0, 30))
def test_one_fall_of_four_sensors_is_one_alert_in_any_order(order: list[str], far_s: float) -> None:
    person = Person()
    for number, sensor in enumerate(order):
        happened_ns = round((100 + (far_s if sensor == "radar" else 0)) * S_NS)
        item = Happening(sensor, sensor, SUSPECTED, happened_ns, happened_ns)
        person.take(item, START + timedelta(seconds=100 + number))
    (case,) = person.cases
    assert (case.condition.count, len(case.happenings)) == (4, 4)


@given(
    code=st.sampled_from(sorted(CODES)), priority=st.sampled_from(list(Priority)),
    recent=st.integers(0, 5000), late_s=st.floats(0, 1e7), over=st.booleans(),
)  # fmt: skip
def test_what_is_high_is_never_hidden(
    code: str, priority: Priority, recent: int, late_s: float, *, over: bool
) -> None:
    folded = flood.folds(BOOK, code, priority, recent=recent)
    history = BOOK.is_history(code, priority, late_s, over=over)
    if priority is Priority.HIGH:
        assert not folded
        assert not history
    if recent < BOOK.flood.more_than or code == "flood":
        assert not folded
    if late_s < BOOK.late.late_after_s:
        assert not history


LATE = [
    ("a fall of yesterday is still a call", EventKind.FALL_CONFIRMED, 86_400, False, "raise"),
    ("a suspicion half an hour ago", SUSPECTED, 1_680, False, "raise"),
    ("... of somebody who got up by himself", SUSPECTED, 1_680, True, "raise"),
    ("... six hours ago", SUSPECTED, 21_600, True, "file"),
    ("long in the bathroom, by now out of it", EventKind.BATH_DWELL, 1_680, True, "file"),
    ("... still in it", EventKind.BATH_DWELL, 1_680, False, "raise"),
    ("... too long ago to mean anything", EventKind.BATH_DWELL, 20_000, False, "file"),
    ("... high is never only history", EventKind.BATH_DWELL_HIGH, 20_000, True, "raise"),
    ("two minutes are not late", EventKind.BATH_DWELL, 119, True, "raise"),
]


@pytest.mark.parametrize(
    ("kind", "late_s", "over", "expected"), [pytest.param(*row[1:], id=row[0]) for row in LATE]
)
def test_late_truth(kind: EventKind, late_s: float, *, over: bool, expected: str) -> None:
    item = Happening("1", "e", kind, S_NS, S_NS, late_s=late_s, over=over)
    decision = decide(item, [], BOOK)
    assert decision.move is not None
    assert decision.move.kind.value == expected
    assert decision.rule == ("late.history" if expected == "file" else "raise")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delays": {"sos": {"on_s": 5}}}, "delays.sos.on_s: only what is low may be held back"),
        ({"delays": {"smoke": {"off_s": 5}}}, "delays.smoke.off_s: it does not pass by itself"),
        ({"delays": {"nothing": {}}}, "delays: no such code nothing"),
        ({"flood": {"more_than": 10, "within_s": 600, "folds": [{"priority": "high"}]}},
         "high alerts are never folded"),
        ({"flood": {"more_than": 10, "within_s": 600, "folds": [{"priority": "medium"}]}},
         "of medium ones only technical codes"),
        ({"flood": {"more_than": 10, "within_s": 600,
                    "folds": [{"priority": "medium", "codes": ["bath_dwell"]}]}},
         "of medium ones only technical codes"),
    ],
)  # fmt: skip
def test_a_book_that_could_hide_something_is_refused(change: dict[str, Any], message: str) -> None:
    body = default_book().model_dump(exclude={"version"})
    with pytest.raises(ValidationError, match=message):
        RuleBookBody.model_validate(body | change)


def test_a_book_of_the_house_counts() -> None:
    merge = BOOK.merge.model_copy(update={"fall_window_s": 10.0})
    book = BOOK.model_copy(update={"merge": merge})
    first = Happening("1", "a", SUSPECTED, 100 * S_NS, 100 * S_NS)
    person = Person()
    person.take(first, START)
    second = replace(first, event_id="2", episode_id="b", happened_ns=115 * S_NS)
    known = [_known(case) for case in person.cases]
    assert decide(second, known, BOOK).rule == "same_fall"
    assert decide(second, known, book).rule == "raise"
