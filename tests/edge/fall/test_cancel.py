"""The wearer's own cancel: told once, in its time, and only for a fall that is being followed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.events import Event, EventKind
from edge.fall.detector import FallDetector
from edge.fall.episodes import CANCEL_WINDOW_S
from edge.fall.replay import replay
from edge.signals import NS_PER_S, Origin, Position, Reading, Signal, Waveform
from edge.words import explain_event

IMPACT_S = 8  # of the made-up fall


def press(signals: list[Waveform], at_s: float, origin: Origin = Origin.LIVE) -> Reading:
    """A press `at_s` after the impact."""
    time_ns = signals[0].start_ns + round((IMPACT_S + at_s) * NS_PER_S)
    return Reading("band-1", "fall_cancel", time_ns, 1.0, origin)


def in_order(*signals: Signal) -> list[Signal]:
    """As they come in: a block when its last sample is known."""
    return sorted(signals, key=lambda s: s.end_ns if isinstance(s, Waveform) else s.time_ns)


def run(signals: list[Signal]) -> list[Event]:
    detector = FallDetector()
    detector.open("band-1", Position.WRIST)
    return [event for signal in signals for event in detector.process([signal])]


def kinds(events: list[Event]) -> list[str]:
    return [event.kind.removeprefix("fall_") for event in events]


@pytest.mark.parametrize(
    ("at_s", "expected"),
    [
        (-1.0, ["suspected", "confirmed"]),  # before there was anything to cancel
        (1.0, ["suspected", "confirmed"]),
        (2.5, ["suspected", "cancelled"]),
        (10.0, ["suspected", "cancelled"]),
        (25.0, ["suspected", "confirmed", "cancelled"]),  # slow hands, after the confirmation
        (CANCEL_WINDOW_S + 3.0, ["suspected", "confirmed"]),  # too late: staff are on their way
    ],
)
def test_a_cancel_counts_within_its_window(made_fall, blocks, at_s, expected):
    signals = blocks(made_fall(50.0, after_s=40.0), 50.0)
    events = run(in_order(*signals, press(signals, at_s)))
    assert kinds(events) == expected
    if "cancelled" in expected:
        event = events[-1]
        assert event.decided_ns == press(signals, at_s).time_ns
        assert event.episode_id == events[0].episode_id
        assert explain_event(event) == [f"佩戴者本人在 {at_s - 2:.0f} 秒后取消了报警"]


def test_a_second_press_and_a_release_change_nothing(made_fall, blocks):
    signals = blocks(made_fall(50.0), 50.0)
    once = run(in_order(*signals, press(signals, 4.0)))
    presses = [press(signals, 4.0), press(signals, 4.4), press(signals, 9.0)]
    release = replace(press(signals, 4.2), value=0.0)
    assert run(in_order(*signals, *presses, release)) == once


def test_a_press_without_a_fall_is_nothing(made_fall, blocks):
    signals = blocks(made_fall(50.0)[: 50 * 6], 50.0)
    assert run(in_order(*signals, press(signals, -4.0))) == []
    assert run([press(signals, -8.0)]) == []


@pytest.mark.parametrize("pressed", list(Origin))
def test_a_press_cancels_only_what_is_of_its_own_origin(made_fall, blocks, pressed):
    signals = blocks(made_fall(50.0), 50.0)
    events = run(in_order(*signals, press(signals, 4.0, pressed)))
    assert ("cancelled" in kinds(events)) == (pressed is Origin.LIVE)


@pytest.mark.parametrize("sizes", [[1], [7, 50, 3], [700], [2900]])
def test_any_chunking_gives_the_same_cancel(made_fall, blocks, sizes):
    signals = blocks(made_fall(50.0), 50.0)
    expected = run(in_order(*signals, press(signals, 4.3)))
    other = blocks(made_fall(50.0), 50.0, sizes)
    assert run(in_order(*other, press(signals, 4.3))) == expected


def test_a_press_that_comes_late_still_counts_by_its_own_time(made_fall, blocks):
    signals = blocks(made_fall(50.0), 50.0)
    late = [*signals[:18], press(signals, 4.3), *signals[18:]]
    assert run(late) == run(in_order(*signals, press(signals, 4.3)))


def test_a_waiting_press_survives_a_restart(made_fall, blocks):
    signals = blocks(made_fall(50.0), 50.0)
    ordered = in_order(*signals, press(signals, 4.3))
    cut = ordered.index(press(signals, 4.3)) + 1  # pressed, and its second is not in yet
    first, second = FallDetector(), FallDetector()
    first.open("band-1", Position.WRIST)
    events = first.process(ordered[:cut])
    second.restore("band-1", first.snapshot("band-1"))
    assert events + second.process(ordered[cut:]) == run(ordered)


def test_a_cancel_is_repeated_from_its_evidence(made_fall, blocks):
    signals = blocks(made_fall(50.0), 50.0)
    event = run(in_order(*signals, press(signals, 4.3)))[-1]
    again = [e for e in replay(event) if e.kind is EventKind.FALL_CANCELLED]
    assert [(e.event_id, e.decided_ns, e.reasons) for e in again] == [
        (event.event_id, event.decided_ns, event.reasons)
    ]
