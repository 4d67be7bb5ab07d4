"""An emergency call is told once, and never lost because it is late."""

import pytest

from edge.detector import SnapshotError
from edge.events import Event, EventKind
from edge.signals import NS_PER_S, Origin, Reading
from edge.sos.detector import REPEAT_HOLD_S, SosDetector

T0_NS = 1_790_000_000 * NS_PER_S


def press(at_s: float, value: float = 1.0, origin: Origin = Origin.LIVE) -> Reading:
    return Reading("button-1", "sos", T0_NS + round(at_s * NS_PER_S), value, origin)


def run(*readings: Reading) -> list[Event]:
    detector = SosDetector()
    detector.open("button-1", None)
    return detector.process(readings)


@pytest.mark.parametrize(
    ("readings", "calls"),
    [
        ([press(0)], 1),
        ([press(0, value=0.0)], 0),
        ([press(0), press(1), press(REPEAT_HOLD_S - 0.1)], 1),
        ([press(0), press(REPEAT_HOLD_S)], 2),
        ([press(0), press(9), press(18), press(27)], 1),  # held without end: one call
        ([press(0), press(-3600)], 2),  # a call from an hour ago arrives late
        ([press(0), press(-3600), press(1)], 2),  # and does not make the first one new again
    ],
)
def test_calls_are_told_once(readings: list[Reading], calls: int) -> None:
    assert len(run(*readings)) == calls


def test_the_event_says_who_when_and_where_from() -> None:
    (event,) = run(press(5, origin=Origin.DRILL))
    assert event.kind is EventKind.SOS
    assert event.device_id == "button-1"
    assert event.time_ns == T0_NS + 5 * NS_PER_S
    assert event.origin is Origin.DRILL
    assert run(press(5))[0].event_id == event.event_id  # the same press has the same id


def test_a_restart_within_the_hold_does_not_call_again() -> None:
    first, second = SosDetector(), SosDetector()
    first.open("button-1", None)
    first.process([press(0)])
    second.open("button-1", None)
    second.restore("button-1", first.snapshot("button-1"))
    assert second.process([press(1)]) == []
    with pytest.raises(SnapshotError):
        second.restore("button-1", b"short")
