"""A fall is suspected within seconds, then confirmed or recovered, the same way every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.detector import Detector, SnapshotError
from edge.events import Event, EventKind
from edge.fall.detector import FallDetector
from edge.fall.reasons import REASONS
from edge.fall.replay import ReplayError, replay
from edge.reasons import say
from edge.signals import NS_PER_S, Origin, Position

KINDS = {"suspected": EventKind.FALL_SUSPECTED, "confirmed": EventKind.FALL_CONFIRMED}


def run(signals, position=Position.WAIST) -> list[Event]:
    detector = FallDetector()
    for device_id in {s.device_id for s in signals}:
        detector.open(device_id, position)
    return [event for signal in signals for event in detector.process([signal])]


def kinds(events: list[Event]) -> list[str]:
    return [event.kind.removeprefix("fall_") for event in events]


def test_it_is_a_detector():
    assert isinstance(FallDetector(), Detector)


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 34.0, 50.0, 104.0, 200.0])
@pytest.mark.parametrize("position", [Position.WAIST, Position.WRIST, Position.CHEST])
def test_a_fall_and_lying_still_is_suspected_then_confirmed(made_fall, blocks, rate_hz, position):
    events = run(blocks(made_fall(rate_hz), rate_hz), position)
    assert kinds(events) == ["suspected", "confirmed"]
    suspected, confirmed = events
    assert suspected.episode_id == confirmed.episode_id
    assert suspected.event_id != confirmed.event_id
    impact_ns = blocks(made_fall(rate_hz), rate_hz)[0].start_ns + 8 * NS_PER_S
    assert abs(suspected.time_ns - impact_ns) < 0.1 * NS_PER_S
    assert suspected.decided_ns - suspected.time_ns <= 2.5 * NS_PER_S
    assert 15 <= (confirmed.decided_ns - confirmed.time_ns) / NS_PER_S <= 22


@pytest.mark.parametrize("full_scale_g", [2.0, 4.0, 8.0])
def test_a_clipped_impact_is_still_a_fall_and_says_so(made_fall, blocks, full_scale_g):
    counts = made_fall(50.0, full_scale_g=full_scale_g)
    events = run(blocks(counts, 50.0, full_scale=full_scale_g))
    assert kinds(events) == ["suspected", "confirmed"]
    assert ("impact_beyond_range" in {r.code for r in events[0].reasons}) == (full_scale_g < 8.0)


def test_getting_up_is_recovered_and_not_confirmed(made_fall, blocks):
    events = run(blocks(made_fall(50.0, up_again=True), 50.0))
    assert kinds(events) == ["suspected", "recovered"]
    assert {r.code for r in events[1].reasons} == {"upright_again", "active_again"}


def test_getting_up_after_confirmation_is_still_told(made_fall, blocks):
    lying, up = made_fall(50.0, after_s=25.0), made_fall(50.0, after_s=25.0, up_again=True)
    events = run(blocks(np.concatenate([lying, up[-50 * 18 :]]), 50.0))
    assert kinds(events) == ["suspected", "confirmed", "recovered"]
    assert len({event.episode_id for event in events}) == 1


def test_lying_down_again_and_again_is_no_fall(blocks):
    quiet = np.tile(np.int16([0, -1000, 50]), (50 * 60, 1))
    assert run(blocks(quiet, 50.0)) == []


def dropped_device(rate_hz: float, height_m: float, seed: int) -> np.ndarray:
    """Counts of a device that slips from a hand, flies, bounces and lies on the floor."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(-8.0, 30.0, 1.0 / rate_hz)
    flight_s = np.sqrt(2 * height_m / 9.81)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    values = np.where(time_s[:, None] < 0, [0.0, 0.0, 1.0], turn[0])
    held = time_s < -flight_s
    values[held] += rng.normal(0.0, 0.15, (held.sum(), 3))
    values[(time_s >= -flight_s) & (time_s < 0)] = 0.0
    for bounce, at_s in enumerate([0.0, 0.18, 0.28]):
        first = int(np.searchsorted(time_s, at_s - 1e-9))
        values[first + 1 : first + round(0.09 * rate_hz)] = 0.0
        values[first] = turn[1] * 9.0 / (bounce + 1)
    values += rng.normal(0.0, 0.02, values.shape)
    return np.rint(1000.0 * np.clip(values, -8.0, 8.0)).astype(np.int16)


@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 100.0])
@pytest.mark.parametrize("position", [Position.WAIST, Position.WRIST])
@pytest.mark.parametrize("height_m", [0.5, 0.75, 1.0])
def test_a_device_dropped_on_the_floor_is_not_a_person_falling(blocks, rate_hz, position, height_m):
    for seed in range(5):
        counts = dropped_device(rate_hz, height_m, seed)
        assert run(blocks(counts, rate_hz, full_scale=8.0), position) == []


@pytest.mark.parametrize("rate_hz", [25.0, 34.0, 50.0, 200.0])
@pytest.mark.parametrize("sizes", [[1], [7, 50, 3], [400], [1500]])
def test_any_chunking_gives_the_same_events(made_fall, blocks, rate_hz, sizes):
    counts = made_fall(rate_hz)
    sizes = [min(size, round(59 * rate_hz)) for size in sizes]
    assert run(blocks(counts, rate_hz, sizes)) == run(blocks(counts, rate_hz))


def test_streams_do_not_disturb_each_other(made_fall, blocks):
    one = blocks(made_fall(50.0), 50.0, device_id="a")
    two = blocks(made_fall(34.0, up_again=True), 34.0, device_id="b")
    together = run([s for pair in zip(one, two, strict=True) for s in pair])
    assert [e for e in together if e.device_id == "a"] == run(one)
    assert [e for e in together if e.device_id == "b"] == run(two)


@pytest.mark.parametrize("rate_hz", [34.0, 50.0])
def test_the_evidence_alone_leads_to_the_same_decisions(made_fall, blocks, rate_hz):
    for event in run(blocks(made_fall(rate_hz), rate_hz)):
        evidence = event.evidence
        assert evidence is not None
        assert 5.9 <= (evidence.moment_ns - evidence.start_ns) / NS_PER_S <= 6.1
        again = [e for e in replay(event) if e.kind is event.kind]
        assert [(e.event_id, e.time_ns, e.confidence, e.reasons) for e in again] == [
            (event.event_id, event.time_ns, event.confidence, event.reasons)
        ]


def test_the_evidence_is_the_devices_own_counts(made_fall, blocks):
    counts = made_fall(50.0)
    for event in run(blocks(counts, 50.0)):
        held = np.frombuffer(event.evidence.counts, "<i2").reshape(-1, 3)
        assert np.array_equal(held, counts[100 : 100 + len(held)])


def test_a_replay_with_other_weights_is_refused(made_fall, blocks):
    event = run(blocks(made_fall(50.0), 50.0))[0]
    other = replace(event.detector, settings=event.detector.settings | {"weights": "other"})
    with pytest.raises(ReplayError, match="weights"):
        replay(replace(event, detector=other))
    with pytest.raises(ReplayError, match="evidence"):
        replay(replace(event, evidence=None))


@pytest.mark.parametrize("origin", list(Origin))
def test_origin_is_carried(made_fall, blocks, origin):
    events = run(blocks(made_fall(50.0), 50.0, origin=origin))
    assert {event.origin for event in events} == {origin}


@pytest.mark.parametrize("cut", [3, 9, 10, 12, 20])
def test_snapshot_and_restore_in_mid_fall_changes_nothing(made_fall, blocks, cut):
    signals = blocks(made_fall(50.0), 50.0)
    first, second = FallDetector(), FallDetector()
    first.open("band-1", Position.WAIST)
    events = first.process(signals[:cut])
    second.restore("band-1", first.snapshot("band-1"))
    assert events + second.process(signals[cut:]) == run(signals)


def test_a_damaged_snapshot_is_refused(made_fall, blocks):
    detector = FallDetector()
    detector.open("band-1", Position.WAIST)
    detector.process(blocks(made_fall(50.0), 50.0)[:9])
    good = detector.snapshot("band-1")
    for bad in (b"", b"nonsense", good[:-1], good[:40] + b"X" + good[41:]):
        with pytest.raises(SnapshotError):
            detector.restore("band-1", bad)


def test_duplicates_and_older_blocks_are_counted_and_change_nothing(made_fall, blocks):
    signals = blocks(made_fall(50.0), 50.0)
    noisy = [s for pair in zip(signals, signals, strict=True) for s in pair]
    noisy.insert(20, signals[2])
    detector = FallDetector()
    detector.open("band-1", Position.WAIST)
    assert detector.process(noisy) == run(signals)
    assert detector.counters("band-1")["older_blocks"] == len(signals) + 1


def test_a_lost_block_before_the_fall_is_bridged(made_fall, blocks):
    signals = blocks(made_fall(50.0), 50.0)
    del signals[5]
    assert kinds(run(signals)) == ["suspected", "confirmed"]


def test_a_long_gap_while_lying_delays_the_confirmation(made_fall, blocks):
    signals = blocks(made_fall(50.0, after_s=40.0), 50.0)
    del signals[14:20]
    events = run(signals)
    assert kinds(events) == ["suspected", "confirmed"]
    assert events[1].decided_ns - run(blocks(made_fall(50.0), 50.0))[1].decided_ns > 5 * NS_PER_S


def test_a_clock_stepped_back_does_not_deafen_the_stream(made_fall, blocks):
    before = blocks(made_fall(50.0)[: 50 * 5], 50.0)
    after = blocks(made_fall(50.0), 50.0, start_ns=before[0].start_ns - 3600 * NS_PER_S)
    after = [replace(s, sequence_number=s.sequence_number + 5) for s in after]
    assert kinds(run(before + after)) == ["suspected", "confirmed"]


def test_time_stamps_that_jitter_lose_nothing(made_fall, blocks):
    rng = np.random.default_rng(1)
    signals = [
        replace(s, start_ns=s.start_ns + int(rng.integers(0, 120_000_000)))
        for s in blocks(made_fall(50.0), 50.0)
    ]
    detector = FallDetector()
    detector.open("band-1", Position.WAIST)
    assert kinds(detector.process(signals)) == ["suspected", "confirmed"]
    assert detector.counters("band-1") == {"older_blocks": 0, "filled_samples": 0, "gaps": 0}


def test_a_rate_measured_anew_for_each_block_is_one_rate(made_fall, blocks):
    rng = np.random.default_rng(2)
    signals = [
        replace(s, rate_hz=50.0 * (1.0 + float(rng.uniform(-0.01, 0.01))))
        for s in blocks(made_fall(50.0), 50.0)
    ]
    assert kinds(run(signals)) == ["suspected", "confirmed"]


def test_another_range_in_mid_life_begins_anew_and_keeps_the_episode(made_fall, blocks):
    counts = made_fall(50.0, after_s=40.0)
    first, second = counts[: 50 * 14], counts[50 * 14 :] // 2
    later_ns = 1_780_000_014 * NS_PER_S
    signals = blocks(first, 50.0) + [
        replace(s, sequence_number=s.sequence_number + 14)
        for s in blocks(second, 50.0, start_ns=later_ns, scale=0.002, full_scale=8.0)
    ]
    assert kinds(run(signals)) == ["suspected", "confirmed"]


def test_streams_of_many_rates_come_and_go_without_a_trace(blocks):
    detector = FallDetector()
    still = np.tile(np.int16([0, -1000, 50]), (200, 1))
    for k in range(50):
        detector.open(f"d{k}", Position.WAIST)
        detector.process(blocks(still, 20.0 + k, device_id=f"d{k}"))
        detector.close(f"d{k}")
    assert not detector._banks


def test_a_second_fall_is_a_second_episode(made_fall, blocks):
    counts = np.concatenate([made_fall(50.0, up_again=True), made_fall(50.0)])
    events = run(blocks(counts, 50.0))
    assert kinds(events) == ["suspected", "recovered", "suspected", "confirmed"]
    assert len({event.episode_id for event in events}) == 2


def test_every_reason_reads_well_in_both_languages(made_fall, blocks):
    reasons = [r for e in run(blocks(made_fall(50.0), 50.0)) for r in e.reasons]
    assert {r.code for r in reasons} <= set(REASONS)
    for reason in reasons:
        assert "{" not in say(REASONS, reason, "zh") + say(REASONS, reason, "en")


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("dataset", "position"), [("sisfall", "waist"), ("umafall", "chest"), ("weda", "wrist")]
)
def test_real_falls_are_suspected_and_their_evidence_replays(library, blocks, dataset, position):
    for skip in range(5):
        recording = library.find(dataset, position, fall=True, skip=skip)
        counts = library.counts(recording)
        events = run(blocks(counts, recording.rate_hz), Position(position))
        assert kinds(events)[:1] == ["suspected"]
        assert [e.event_id for e in replay(events[0])] == [events[0].event_id]
