"""What every detector in edge/ keeps to, whatever it detects."""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
import types
from dataclasses import replace

import numpy as np
import pytest

from edge.detector import Detector, SnapshotError
from edge.events import Event
from edge.signals import NS_PER_S, QUANTITIES, Origin, Position, Reading, Waveform

# What a detector may hold more at the end than after its first half hour: an open episode's
# evidence is 20 KB, and it may be open at one end and not at the other. A leak of one byte a second
# would be 600 KB a week.
HELD_GROWTH_BYTES = 40_000
# All that the interpreter and numpy hold: they keep freed small objects and buffers, tens of bytes
# each, for reuse, and fill those stores ever more slowly (10 KB in the first hour, 3.5 KB in the
# fourth, 87 KB in a week). This catches what `held_bytes` cannot see: a cache of a module.
TRACED_GROWTH_BYTES = 100_000
WEEK_NS = 7 * 86_400 * NS_PER_S


def by_decision(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda e: (e.decided_ns, e.event_id))


def one_by_one(detector: Detector, signals) -> list[Event]:
    return [event for signal in signals for event in detector.process([signal])]


def test_it_says_who_it_is_and_what_it_wants(fresh):
    detector = fresh()
    assert isinstance(detector, Detector)
    assert detector.info.name
    assert detector.info.version
    json.dumps(detector.info.settings)
    assert detector.quantities
    assert detector.quantities <= set(QUANTITIES)


def test_live_equals_replay(fresh, signals_for):
    signals = signals_for(fresh().quantities)
    live = one_by_one(fresh(), signals)
    assert by_decision(live) == by_decision(fresh().process(signals))
    assert by_decision(live) == by_decision(one_by_one(fresh(), signals))


def test_events_are_well_formed(fresh, signals_for):
    signals = signals_for(fresh().quantities, seconds=600)
    events = one_by_one(fresh(), signals)
    ids = [event.event_id for event in events]
    assert len(set(ids)) == len(ids)
    for event in events:
        assert event.device_id == "d-1"
        assert event.time_ns <= event.decided_ns
        assert 0.0 <= event.confidence <= 1.0
        assert event.reasons
        assert event.detector.name == fresh().info.name
        if event.evidence is not None:
            assert len(event.evidence.counts) <= 200_000
            assert event.evidence.start_ns <= event.evidence.moment_ns


@pytest.mark.parametrize("sizes", [[1], [7, 31, 2], [50], [25]])
def test_any_chunking_gives_the_same_events(fresh, signals_for, rechunk, sizes):
    signals = signals_for(fresh().quantities)
    expected = by_decision(fresh().process(signals))
    assert by_decision(one_by_one(fresh(), rechunk(signals, sizes))) == expected


def test_streams_do_not_disturb_each_other(fresh, signals_for):
    quantities = fresh().quantities
    mine = signals_for(quantities, device_id="d-1", seed=1)
    others = signals_for(quantities, device_id="d-2", seed=2)
    mixed = [signal for pair in zip(mine, others, strict=True) for signal in pair]
    together = fresh("d-1", "d-2").process(mixed)
    alone = fresh().process(mine)
    assert by_decision([e for e in together if e.device_id == "d-1"]) == by_decision(alone)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.09, 0.1, 0.3, 0.7])
def test_snapshot_and_restore_change_nothing(fresh, signals_for, share):
    signals = signals_for(fresh().quantities)
    cut = int(share * len(signals))
    expected = by_decision(fresh().process(signals))
    before, after = fresh(), fresh()
    events = before.process(signals[:cut])
    after.restore("d-1", before.snapshot("d-1"))
    assert by_decision(events + after.process(signals[cut:])) == expected
    # Taking a snapshot must not change the stream it is taken of.
    assert by_decision(events + before.process(signals[cut:])) == expected


def test_a_damaged_snapshot_is_refused(fresh, signals_for):
    detector = fresh()
    detector.process(signals_for(detector.quantities)[:30])
    good = detector.snapshot("d-1")
    for bad in (b"", b"not a snapshot", good[: len(good) // 2]):
        with pytest.raises(SnapshotError):
            detector.restore("d-1", bad)


@pytest.mark.parametrize("weeks", [-3, 1, 52])
def test_time_shifts_do_not_matter(fresh, signals_for, moved, weeks):
    signals = signals_for(fresh().quantities)
    expected = by_decision(fresh().process(signals))
    shifted = by_decision(fresh().process([moved(s, weeks * WEEK_NS) for s in signals]))
    assert [
        (e.kind, e.time_ns - weeks * WEEK_NS, e.decided_ns - weeks * WEEK_NS, e.confidence)
        for e in shifted
    ] == [(e.kind, e.time_ns, e.decided_ns, e.confidence) for e in expected]


def test_duplicates_and_late_copies_change_nothing(fresh, signals_for):
    # A device that repeats every block, and an old one now and then. Late readings are the
    # driver's to drop: a reading has no number.
    signals = signals_for(fresh().quantities)
    if not any(isinstance(s, Waveform) for s in signals):
        pytest.skip("it takes no waveforms")
    noisy = []
    for k, signal in enumerate(signals):
        noisy.append(signal)
        if isinstance(signal, Waveform):
            noisy.append(signal)
            if k > 10 and k % 7 == 0 and isinstance(signals[k - 9], Waveform):
                noisy.append(signals[k - 9])
    assert by_decision(fresh().process(noisy)) == by_decision(fresh().process(signals))


@pytest.mark.parametrize("seed", range(3))
def test_gaps_and_lost_blocks_are_survived(fresh, signals_for, seed):
    signals = signals_for(fresh().quantities, seconds=400)
    rng = np.random.default_rng(seed)
    kept = [s for s in signals if rng.random() > 0.2]
    hole = len(kept) // 3
    detector = fresh()
    events = one_by_one(detector, kept[:hole] + kept[hole + 20 :])
    assert all(event.time_ns <= event.decided_ns for event in events)
    assert len(detector.snapshot("d-1")) < 100_000


@pytest.mark.parametrize("level", [-32768, 0, 32767])
def test_values_at_the_limits_are_survived(fresh, signals_for, level):
    extreme = []
    for signal in signals_for(fresh().quantities, seconds=60):
        if isinstance(signal, Waveform):
            extreme.append(replace(signal, counts=np.full_like(signal.counts, level)))
        elif isinstance(signal, Reading):
            description = QUANTITIES[signal.quantity]
            extreme.append(
                replace(signal, value=max(description.low, min(description.high, level)))
            )
    for event in fresh().process(extreme):
        assert np.isfinite(event.confidence)
        assert all(np.isfinite(list(reason.values.values())).all() for reason in event.reasons)


@pytest.mark.parametrize("origin", list(Origin))
def test_origin_is_carried(fresh, signals_for, origin):
    signals = [replace(s, origin=origin) for s in signals_for(fresh().quantities)]
    assert {event.origin for event in fresh().process(signals)} <= {origin}


def test_closing_forgets_and_opening_again_does_nothing(fresh, signals_for):
    signals = signals_for(fresh().quantities)
    expected = by_decision(fresh().process(signals))
    detector = fresh()
    detector.process(signals)
    detector.close("d-1")
    detector.open("d-1", Position.WAIST)
    first = detector.process(signals[:15])
    detector.open("d-1", Position.WAIST)
    assert by_decision(first + detector.process(signals[15:])) == expected


def test_memory_does_not_grow_over_an_hour(fresh, signals_for, moved):
    tracemalloc.start()
    try:
        detector = fed(fresh(), signals_for, moved, parts=range(3))
        before = held_bytes(detector), tracemalloc.get_traced_memory()[0]
        fed(detector, signals_for, moved, parts=range(3, 9))
        after = held_bytes(detector), tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after[0] - before[0] < HELD_GROWTH_BYTES
    assert after[1] - before[1] < TRACED_GROWTH_BYTES


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_does_not_grow_over_a_week(fresh, signals_for, moved):
    detector = fed(fresh(), signals_for, moved, parts=range(3))
    before = held_bytes(detector)
    fed(detector, signals_for, moved, parts=range(3, 7 * 24 * 6))
    assert held_bytes(detector) - before < HELD_GROWTH_BYTES
    assert len(detector.snapshot("d-1")) < 100_000


def fed(detector: Detector, signals_for, moved, parts: range) -> Detector:
    """The detector after these parts of ten minutes each."""
    signals = signals_for(detector.quantities, seconds=600)
    size = len([s for s in signals if isinstance(s, Waveform)])
    for part in parts:
        for signal in signals:
            later = moved(signal, part * 600 * NS_PER_S)
            if isinstance(later, Waveform):
                number = later.sequence_number + part * size
                later = replace(later, sequence_number=number)
            detector.process([later])
    return detector


def held_bytes(detector: Detector) -> int:
    """Bytes of all that can be reached from a detector, but for code."""
    code = (type, types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType)
    gc.collect()
    seen: dict[int, object] = {}
    waiting: list[object] = [detector]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, code):
            continue
        seen[id(item)] = item
        waiting += gc.get_referents(item)
    return sum(sys.getsizeof(item) for item in seen.values())
