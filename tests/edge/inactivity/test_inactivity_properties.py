"""What holds for every home and every stream of readings."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from edge.inactivity.bulk import Block
from edge.inactivity.detector import InactivityDetector
from edge.signals import NS_PER_S, Reading
from edge.subject import SubjectDetector
from tests.edge.inactivity.homes import (
    BATH,
    BEDROOM,
    DOOR,
    KITCHEN,
    MAT,
    MONDAY_NS,
    RADAR,
    SETTINGS,
    SMOKE,
    WEEK_NS,
    block_of,
    plain_days,
)

FAST = settings(
    max_examples=40, deadline=None, print_blob=False, suppress_health_check=[HealthCheck.too_slow]
)

WHAT = (
    (BEDROOM, "motion", 1.0), (BEDROOM, "motion", 0.0), (BATH, "motion", 1.0),
    (KITCHEN, "motion", 1.0), (KITCHEN, "motion", 1.0), (KITCHEN, "battery_level", 80.0),
    (DOOR, "door_open", 1.0), (DOOR, "door_open", 0.0), (MAT, "in_bed", 1.0),
    (MAT, "in_bed", 0.0), (RADAR, "presence", 1.0), (RADAR, "presence", 0.0),
    (SMOKE, "battery_level", 99.0),
)  # fmt: skip
# Seconds between readings: mostly busy, sometimes long enough for every rule to speak.
STEPS = st.one_of(
    st.integers(0, 120), st.integers(0, 900), st.integers(900, 30_000), st.integers(7_200, 200_000)
)


class Stream(list[Reading]):
    """Readings that do not print themselves by the thousand."""

    def __repr__(self) -> str:
        return f"<{len(self)} readings, the last: {list(self[-20:])}>"


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """A few learned days, then anything."""
    days = draw(st.sampled_from((0, 3, 12)))
    readings = plain_days(days)
    time_ns = readings[-1].time_ns if readings else MONDAY_NS
    for (device_id, quantity, value), step_s in draw(
        st.lists(st.tuples(st.sampled_from(WHAT), STEPS), min_size=1, max_size=120)
    ):
        time_ns += step_s * NS_PER_S
        readings.append(Reading(device_id, quantity, time_ns, value))
    return Stream(readings)


def opened(**overrides: float) -> InactivityDetector:
    detector = InactivityDetector()
    detector.open(
        "e1", replace(SETTINGS, overrides={f"inactivity.{k}": v for k, v in overrides.items()})
    )
    return detector


def test_it_is_a_subject_detector() -> None:
    assert isinstance(InactivityDetector(), SubjectDetector)


@FAST
@given(streams(), st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_chunks_and_idle_advances_change_nothing(stream: list[Reading], sizes: list[int]) -> None:
    whole, chunked = opened(), opened()
    end_ns = stream[-1].time_ns + 40 * 3600 * NS_PER_S
    expected = whole.process("e1", stream) + whole.advance("e1", end_ns)
    events, start, turn = [], 0, 0
    while start < len(stream):
        stop = start + sizes[turn % len(sizes)]
        events += chunked.process("e1", stream[start:stop])
        if stop < len(stream):
            midway = (stream[stop - 1].time_ns + stream[stop].time_ns) // 2
            events += chunked.advance("e1", midway)
        start, turn = stop, turn + 1
    events += chunked.advance("e1", end_ns)
    assert events == expected
    assert chunked.snapshot("e1") == whole.snapshot("e1")


@FAST
@given(streams(), st.integers(0, 400))
def test_columns_give_the_same_as_readings(stream: list[Reading], cut: int) -> None:
    single, columns = opened(), opened()
    expected = single.process("e1", stream)
    block = block_of(stream)
    n = len(stream)
    cut = min(cut, n)
    events = columns.process_block("e1", block.part(0, cut))
    events += columns.process_block("e1", block.part(cut, n))
    assert events == expected
    assert columns.snapshot("e1") == single.snapshot("e1")
    assert columns.deadline("e1") == single.deadline("e1")
    end_ns = stream[-1].time_ns + 40 * 3600 * NS_PER_S
    assert columns.advance("e1", end_ns) == single.advance("e1", end_ns)
    assert columns.snapshot("e1") == single.snapshot("e1")


@FAST
@given(streams(), st.integers(0, 400))
def test_a_snapshot_in_mid_stream_changes_nothing(stream: list[Reading], cut: int) -> None:
    cut = min(cut, len(stream))
    steady, resumed = opened(), opened()
    expected = steady.process("e1", stream)
    first = opened()
    events = first.process("e1", stream[:cut])
    resumed.restore("e1", first.snapshot("e1"))
    assert resumed.snapshot("e1") == first.snapshot("e1")
    events += resumed.process("e1", stream[cut:])
    assert events == expected
    assert resumed.snapshot("e1") == steady.snapshot("e1")


@FAST
@given(streams())
def test_a_deadline_is_never_before_its_event(stream: list[Reading]) -> None:
    detector = opened()
    for reading in stream:
        detector.process("e1", [reading])
        deadline = detector.deadline("e1")
        if deadline is not None and detector._watches["e1"].state.stage == 0:
            assert deadline.time_ns > reading.time_ns or deadline.silent_since_ns < reading.time_ns
            assert deadline.time_ns > deadline.silent_since_ns


@FAST
@given(streams(), st.floats(0.01, 5.0), st.floats(1.0, 10.0))
def test_more_allowed_false_alarms_never_mean_a_later_deadline(
    stream: list[Reading], allowed: float, factor: float
) -> None:
    strict, lenient = (
        opened(false_alarms_per_week=allowed),
        opened(false_alarms_per_week=allowed * factor),
    )
    strict.process("e1", stream)
    lenient.process("e1", stream)
    ours, theirs = strict.deadline("e1"), lenient.deadline("e1")
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert theirs.time_ns <= ours.time_ns


@FAST
@given(streams(), st.integers(-100, 100))
def test_whole_weeks_later_everything_is_the_same(stream: list[Reading], weeks: int) -> None:
    shift_ns = weeks * WEEK_NS
    here, there = opened(), opened()
    moved = [replace(reading, time_ns=reading.time_ns + shift_ns) for reading in stream]
    before = here.process("e1", stream)
    after = there.process("e1", moved)
    assert [(e.kind, e.time_ns + shift_ns, e.reasons) for e in before] == [
        (e.kind, e.time_ns, e.reasons) for e in after
    ]


@FAST
@given(streams())
def test_memory_of_a_person_does_not_grow(stream: list[Reading]) -> None:
    detector = opened()
    detector.process("e1", stream)
    assert len(detector.snapshot("e1")) < 256 * 1024


def test_an_empty_block_is_nothing() -> None:
    block: Block = block_of([])
    assert opened().process_block("e1", block) == []
