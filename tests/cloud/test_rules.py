"""Events to alerts, and the life of an alert: pure, so tried in every order there is."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.alerts import machine, rules
from cloud.alerts.codes import CODES, Priority
from cloud.alerts.findings import Verdict
from cloud.alerts.grading import priority_of
from cloud.alerts.machine import Condition, Move, MoveKind, State
from cloud.alerts.rulebook import default_book
from cloud.alerts.rules import Decision, Happening, Known, decide
from edge.events import DetectorInfo, Event, EventKind, Reason
from edge.signals import Origin

NOW = datetime(2026, 3, 1, 2, 13, tzinfo=UTC)
S_NS = 1_000_000_000
MERGE_WINDOW_NS = round(default_book().merge.fall_window_s * S_NS)
SUSPECTED, CONFIRMED = EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED
RECOVERED, CANCELLED = EventKind.FALL_RECOVERED, EventKind.FALL_CANCELLED


def happening(kind: EventKind, episode: str = "e1", at_s: float = 100.0) -> Happening:
    at_ns = round(at_s * S_NS)
    return Happening(f"{episode}/{kind}/{at_s}", episode, kind, at_ns, at_ns)


def known(
    *happenings: Happening,
    state: State = State.RAISED,
    code: str = "fall_suspected",
    priority: Priority = Priority.MEDIUM,
    recovered: bool = False,
    verdict: Verdict | None = None,
) -> Known:
    return Known(
        uuid.UUID(int=1), state, code, priority, recovered, verdict, NOW, tuple(happenings)
    )


def told(decision: Decision) -> tuple[str | None, bool, str | None]:
    """Which move, whether on a new alert, which timer."""
    kind = None if decision.move is None else decision.move.kind.value
    timer = None if decision.timer is None else decision.timer.value
    return kind, decision.alert_id is None, timer


FIRST = happening(SUSPECTED)
TRUE, FALSE, TEST = Verdict.TRUE, Verdict.FALSE, Verdict.TEST
HIGH, RESOLVED = Priority.HIGH, State.RESOLVED
TABLE = [
    ("a suspected fall raises and waits", SUSPECTED, "e1", 100, [], ("raise", True, "start")),
    ("a confirmed one raises at once", CONFIRMED, "e1", 100, [], ("raise", True, None)),
    ("a call raises at once", EventKind.SOS, "e1", 100, [], ("raise", True, None)),
    ("a recovery of nothing waits", RECOVERED, "e1", 100, [], (None, True, None)),
    ("a confirmation upgrades its own", CONFIRMED, "e1", 110, [known(FIRST)],
     ("upgrade", False, "cancel")),
    ("... also when acknowledged", CONFIRMED, "e1", 110,
     [known(FIRST, state=State.ACKNOWLEDGED)], ("upgrade", False, "cancel")),
    ("a recovery marks", RECOVERED, "e1", 120, [known(FIRST)], ("recover", False, "cancel")),
    ("a cancel marks", CANCELLED, "e1", 120, [known(FIRST)], ("cancel", False, "cancel")),
    ("another fall 30 s later is the same", SUSPECTED, "e2", 130, [known(FIRST)],
     ("repeat", False, None)),
    ("... 30.1 s later is its own", SUSPECTED, "e2", 130.1, [known(FIRST)],
     ("raise", True, "start")),
    ("... 30 s earlier (late) is the same", SUSPECTED, "e2", 70, [known(FIRST)],
     ("repeat", False, None)),
    ("a fall does not join a call", SUSPECTED, "e2", 101, [known(FIRST, code="sos")],
     ("raise", True, "start")),
    ("a fall does not join a resolved one", SUSPECTED, "e2", 101,
     [known(FIRST, state=RESOLVED, verdict=TRUE)], ("raise", True, "start")),
    ("recovered, but the other sensor has not", RECOVERED, "e1", 120,
     [known(FIRST, happening(SUSPECTED, "e2", 105))], ("evidence", False, None)),
    ("both recovered", RECOVERED, "e1", 120,
     [known(FIRST, happening(SUSPECTED, "e2", 105), happening(RECOVERED, "e2", 110))],
     ("recover", False, "cancel")),
    ("a recovery decided before the fall was", RECOVERED, "e1", 90, [known(FIRST)],
     ("evidence", False, None)),
    ("down again after a recovery", SUSPECTED, "e2", 125,
     [known(FIRST, happening(RECOVERED, "e1", 120), recovered=True)], ("repeat", False, "start")),
    ("... also when acknowledged", SUSPECTED, "e2", 125,
     [known(FIRST, happening(RECOVERED, "e1", 120), recovered=True, state=State.ACKNOWLEDGED)],
     ("repeat", False, "start")),
    ("... but not when somebody is there", SUSPECTED, "e2", 125,
     [known(FIRST, happening(RECOVERED, "e1", 120), recovered=True, state=State.ARRIVED)],
     ("repeat", False, None)),
    ("confirmed after a recovery", CONFIRMED, "e1", 125,
     [known(FIRST, happening(RECOVERED, "e1", 120), recovered=True)],
     ("upgrade", False, "cancel")),
    ("confirmed after `false`: nobody knew", CONFIRMED, "e1", 110,
     [known(FIRST, state=RESOLVED, verdict=FALSE)], ("raise", True, None)),
    ("confirmed after `test`", CONFIRMED, "e1", 110,
     [known(FIRST, state=RESOLVED, verdict=TEST)], ("raise", True, None)),
    ("confirmed after `true`: they know", CONFIRMED, "e1", 110,
     [known(FIRST, state=RESOLVED, verdict=TRUE)], ("evidence", False, None)),
    ("a late suspicion after the end", SUSPECTED, "e1", 99,
     [known(FIRST, state=RESOLVED, verdict=FALSE)], ("evidence", False, None)),
    ("a late recovery after the end", RECOVERED, "e1", 130,
     [known(FIRST, state=RESOLVED, verdict=FALSE)], ("evidence", False, None)),
    ("a second call nobody answered", EventKind.SOS, "e2", 900,
     [known(happening(EventKind.SOS), code="sos", priority=HIGH)], ("repeat", False, None)),
    ("a call right after an answer", EventKind.SOS, "e2", 130,
     [known(happening(EventKind.SOS), code="sos", priority=HIGH, state=State.ACKNOWLEDGED)],
     ("repeat", False, None)),
    ("a call long after an answer", EventKind.SOS, "e2", 131,
     [known(happening(EventKind.SOS), code="sos", priority=HIGH, state=State.ACKNOWLEDGED)],
     ("raise", True, None)),
    ("inactivity", EventKind.INACTIVITY, "e1", 100, [], ("raise", True, None)),
    ("worse inactivity", EventKind.INACTIVITY_HIGH, "e1", 200,
     [known(happening(EventKind.INACTIVITY), code="inactivity")], ("upgrade", False, None)),
    ("inactivity is over", EventKind.INACTIVITY_CLEARED, "e1", 200,
     [known(happening(EventKind.INACTIVITY), code="inactivity")], ("recover", False, None)),
    ("smoke does not pass by itself", EventKind.SMOKE_CLEARED, "e1", 200,
     [known(happening(EventKind.SMOKE), code="smoke", priority=HIGH)], ("evidence", False, None)),
    ("worse after `false`", EventKind.INACTIVITY_HIGH, "e1", 200,
     [known(happening(EventKind.INACTIVITY), code="inactivity", state=RESOLVED, verdict=FALSE)],
     ("raise", True, None)),
    ("a log entry", EventKind.NIGHT_SUMMARY, "e1", 100, [], (None, True, None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "episode", "at_s", "alerts", "expected"),
    [pytest.param(*row[1:], id=row[0]) for row in TABLE],
)
def test_what_an_event_does(
    kind: EventKind,
    episode: str,
    at_s: float,
    *,
    alerts: list[Known],
    expected: tuple[str | None, bool, str | None],
) -> None:
    decision = decide(happening(kind, episode, at_s), alerts)
    assert told(decision) == expected
    if decision.alert_id is None and decision.move is not None:
        code = decision.move.code
        assert code is not None
        worse = kind is EventKind.INACTIVITY_HIGH
        assert decision.move.priority is (Priority.HIGH if worse else CODES[code].priority)


def test_a_confirmation_after_false_is_tied_to_the_old_alert() -> None:
    old = known(FIRST, state=RESOLVED, verdict=FALSE)
    assert decide(happening(CONFIRMED, at_s=110), [old]).follows_id == old.alert_id


def test_the_nearest_of_two_open_falls_is_joined() -> None:
    near = replace(known(happening(SUSPECTED, "near", 95)), alert_id=uuid.UUID(int=2))
    far = known(happening(SUSPECTED, "far", 80))
    assert decide(FIRST, [far, near]).alert_id == near.alert_id


@pytest.mark.parametrize(
    ("happened_ago_s", "due_in_s"), [(0, 60), (5, 55), (60, 0), (1800, -1740), (-200, 60)]
)
def test_when_a_suspected_fall_becomes_high(happened_ago_s: int, due_in_s: int) -> None:
    due = rules.escalation_due(NOW - timedelta(seconds=happened_ago_s), NOW)
    assert due == NOW + timedelta(seconds=due_in_s)


def test_every_kind_there_is_has_a_rule() -> None:
    """Raises under a code of the table; or is the end of something, or a log entry."""
    for kind in EventKind:
        planned = decide(happening(kind), []).move
        ends = kind in rules.RECOVERIES or kind.value.endswith(("_cleared", "_eased"))
        ends = ends or kind in (EventKind.COVERAGE_DEGRADED, EventKind.COVERAGE_PROTECTED)
        if planned is None:
            assert ends or rules.code_of(kind) is None, kind
        else:
            assert planned.code in CODES, kind


def test_the_code_table_is_of_the_domain() -> None:
    assert CODES["sos"].priority is CODES["fall_confirmed"].priority is Priority.HIGH
    assert CODES["fall_suspected"].priority is Priority.MEDIUM
    assert all(row.code == code and row.name_zh and row.name_en for code, row in CODES.items())


@given(st.permutations([("e1", SUSPECTED, 100), ("e1", CONFIRMED, 110), ("e1", RECOVERED, 120)]))
def test_one_episode_ends_the_same_in_every_order(
    order: list[tuple[str, EventKind, float]],
) -> None:
    """Through rules and machine: one high alert, recovered; or the recovery waits for its fall."""
    condition: Condition | None = None
    seen: list[Happening] = []
    waiting: list[Happening] = []
    for episode, kind, at_s in order:
        item = happening(kind, episode, at_s)
        for each in (item, *waiting):
            alerts = [] if condition is None else [as_known(condition, seen)]
            decision = decide(each, alerts)
            if decision.move is None:
                waiting = [each]
                break
            plan = decision.move
            move = Move(
                plan.kind, NOW, code=plan.code, priority=plan.priority, recovered=plan.recovered
            )
            assert (decision.alert_id is None) == (condition is None)
            condition = machine.apply(condition, move)
            seen.append(each)
    assert condition is not None
    assert (condition.code, condition.priority) == ("fall_confirmed", Priority.HIGH)
    assert (condition.recovered, condition.count) == (True, 1)


def as_known(condition: Condition, happenings: list[Happening]) -> Known:
    return known(
        *happenings,
        state=condition.state,
        code=condition.code,
        priority=condition.priority,
        recovered=condition.recovered,
    )


@given(st.integers(-2 * MERGE_WINDOW_NS, 2 * MERGE_WINDOW_NS))
def test_two_falls_are_one_within_the_window_only(distance_ns: int) -> None:
    other = replace(FIRST, episode_id="e2", happened_ns=FIRST.happened_ns + distance_ns)
    joined = decide(other, [known(FIRST)]).alert_id is not None
    assert joined == (abs(distance_ns) <= MERGE_WINDOW_NS)


OFFLINE, BACK = EventKind.DEVICE_OFFLINE, EventKind.DEVICE_OFFLINE_CLEARED
BLIND, DEGRADED = EventKind.COVERAGE_BLIND, EventKind.COVERAGE_DEGRADED
PROTECTED = EventKind.COVERAGE_PROTECTED


def test_silent_devices_and_a_blind_elder_are_one_alert() -> None:
    code, priority, recovered = "device_offline", Priority.LOW, False
    first = happening(OFFLINE, "pir-1", 100.0)
    raised = decide(first, []).move
    assert raised is not None
    assert (raised.kind, raised.code, raised.priority) == (MoveKind.RAISE, code, priority)
    so_far = [first]
    for item, over in (
        (happening(OFFLINE, "pir-2", 200.0), False),
        (happening(BLIND, "elder-a", 200.0), False),
        (happening(DEGRADED, "elder-b", 300.0), False),
        (happening(BACK, "pir-2", 300.0), False),
        (happening(PROTECTED, "elder-c", 400.0), False),
        (happening(BACK, "pir-1", 400.0), True),
        (happening(BLIND, "elder-d", 500.0), False),
    ):
        alert = known(*so_far, code=code, priority=priority, recovered=recovered)
        decision = decide(item, [alert])
        assert decision.move is not None
        assert decision.alert_id == alert.alert_id, item
        code = decision.move.code or code
        priority = decision.move.priority or priority
        recovered = recovered if decision.move.recovered is None else decision.move.recovered
        recovered = recovered or bool(decision.settle_s)  # as after its off-delay
        assert recovered is over, item
        if item.kind is BLIND:
            assert (code, priority) == ("coverage_blind", Priority.MEDIUM)
        so_far.append(item)


def test_seeing_everything_raises_nothing() -> None:
    assert decide(happening(PROTECTED, "elder-a"), []).move is None
    assert decide(happening(DEGRADED, "elder-a"), []).move is None


@pytest.mark.parametrize(
    ("kind", "reasons", "priority"),
    [
        (OFFLINE, [Reason("silent"), Reason("alarm_device")], Priority.MEDIUM),
        (OFFLINE, [Reason("silent")], Priority.LOW),
        (EventKind.BATTERY_LOW, [Reason("battery", {"percent": 4.0})], Priority.MEDIUM),
        (EventKind.BATTERY_LOW, [Reason("battery", {"percent": 12.0})], Priority.LOW),
        (EventKind.GEOFENCE, [Reason("left_zone"), Reason("needs_company")], Priority.HIGH),
        (EventKind.GEOFENCE, [Reason("left_zone")], Priority.MEDIUM),
    ],
)
def test_what_the_detector_says_makes_it_more_urgent(
    kind: EventKind, reasons: list[Reason], priority: Priority
) -> None:
    event = Event(
        "e", "e", kind, "d", 0, 0, 1.0, tuple(reasons), DetectorInfo("x", "1"), Origin.LIVE
    )
    own = replace(happening(kind), priority=priority_of(event))
    raised = decide(own, []).move
    assert raised is not None
    assert raised.priority is priority
    low = known(happening(kind, "e0"), code=str(raised.code), priority=Priority.LOW)
    move = decide(own, [low]).move
    assert move is not None
    assert move.priority is (None if priority is Priority.LOW else priority)
