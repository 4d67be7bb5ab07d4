from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.detector import SnapshotError
from edge.signals import NS_PER_S, FloatArray, Int16Array, Reading, Waveform
from edge.vitals import respiration
from edge.vitals.bank import VitalsBank
from edge.vitals.training import ballistocardiogram
from edge.vitals.training.ballistocardiogram import mean_rate, simulate
from edge.vitals.training.cli import mean_over_windows, run_bank
from edge.vitals.training.recordings import blocks

RATE_HZ = 100.0


def sleeper(
    minutes: float, rate_per_min: float = 60, snr_db: float = 5, seed: int = 3
) -> Int16Array:
    rng = np.random.default_rng(seed)
    beats = round(minutes * rate_per_min) + 5
    rr_s = 60 / rate_per_min * (1 + 0.04 * rng.standard_normal(beats))
    counts = simulate(rr_s, RATE_HZ, snr_db, seed).counts
    return counts[: round(minutes * 60 * RATE_HZ)]


def values(readings: list[Reading], quantity: str) -> list[float]:
    return [reading.value for reading in readings if reading.quantity == quantity]


@pytest.mark.parametrize("rate_per_min", [45, 60, 80, 105])
@pytest.mark.parametrize("snr_db", [10, 0])
def test_heart_rate_of_simulated_sleepers_of_many_shapes(rate_per_min: int, snr_db: int) -> None:
    errors: list[float] = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        rr_s = 60 / rate_per_min * (1 + 0.04 * rng.standard_normal(12 * rate_per_min))
        simulated = simulate(rr_s, RATE_HZ, snr_db, seed)
        readings = run_bank("bed", simulated.counts, RATE_HZ)
        ends_s = np.arange(360.0, 660.0, 60.0)
        answers = mean_over_windows(readings, "heart_rate", ends_s)
        truth = np.array([mean_rate(simulated.beats_s, end - 60, end) for end in ends_s])
        errors += list(np.abs(answers - truth)[np.isfinite(answers)])
    assert len(errors) >= 5
    assert np.mean(errors) < 2


@pytest.mark.parametrize("per_min", [8.0, 12.0, 18.5, 30.0])
def test_breathing_rate_of_a_clean_signal(per_min: float) -> None:
    time_s = np.arange(600) / 10
    window = np.sin(2 * np.pi * per_min / 60 * time_s)[None, :]
    found = respiration.breathing(respiration.resample(window, 600))
    assert found.rate[0] == pytest.approx(per_min, abs=0.3)
    assert found.disagreement[0] < 1


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_nobody_and_has_no_vital_signs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = (50 * rng.standard_normal(round(900 * RATE_HZ))).astype(np.int16)
    readings = run_bank("bed", noise, RATE_HZ)
    assert values(readings, "heart_rate_quality") == [0.0] * 85
    assert values(readings, "respiration_rate_quality") == [0.0] * 85
    for quantity in ("heart_rate", "respiration_rate", "in_bed"):
        assert values(readings, quantity) == []


def test_a_movement_takes_the_values_away_and_shows_as_movement() -> None:
    counts = sleeper(20).astype(np.int64)
    rng = np.random.default_rng(2)
    moved = slice(round(900 * RATE_HZ), round(905 * RATE_HZ))
    counts[moved] += np.round(20_000 * rng.standard_normal(moved.stop - moved.start)).astype(
        np.int64
    )
    # A body that shifts moves the whole level, not only noise.
    counts[moved] += np.linspace(0, 20_000, moved.stop - moved.start).astype(np.int64)
    clipped = np.clip(counts, -32768, 32767).astype(np.int16)
    readings = run_bank("bed", clipped, RATE_HZ)
    before = [r for r in readings if 840 * NS_PER_S <= r.time_ns <= 900 * NS_PER_S]
    during = [r for r in readings if 910 * NS_PER_S <= r.time_ns <= 960 * NS_PER_S]
    assert values(before, "respiration_rate")
    assert not values(during, "respiration_rate")
    assert not values(during, "heart_rate")
    assert max(values(during, "body_movement")) >= 0.3
    assert max(values(before, "body_movement")) == 0.0


def test_an_empty_bed_is_told_within_two_minutes_and_taken_again() -> None:
    rng = np.random.default_rng(4)
    empty = (20 * rng.standard_normal(round(300 * RATE_HZ))).astype(np.int16)
    counts = np.concatenate([sleeper(15), empty, sleeper(5, seed=5)])
    readings = run_bank("bed", counts, RATE_HZ)
    told = {r.time_ns // NS_PER_S: r.value for r in readings if r.quantity == "in_bed"}
    assert told[900] == 1
    assert told[1020] == 0
    assert told[1200] == 0
    assert told[1260] == 1
    assert not [
        r for r in readings if r.quantity == "heart_rate" and 1020 <= r.time_ns // NS_PER_S <= 1200
    ]


@pytest.mark.parametrize("pause_s", [25, 45, 60])
@pytest.mark.parametrize("snr_db", [5.0, 10.0])
def test_who_stops_breathing_has_not_left(
    monkeypatch: pytest.MonkeyPatch, pause_s: int, snr_db: float
) -> None:
    # Breath three times as strong beside the heart as usual: what is left in a pause looks small.
    monkeypatch.setattr(ballistocardiogram, "_BREATHING_TIMES", 24.0)
    counts = sleeper(20, snr_db=snr_db)
    monkeypatch.setattr(ballistocardiogram, "_BREATHING_TIMES", 0.0)
    heart_alone = sleeper(20, snr_db=snr_db)
    pause = slice(round(900 * RATE_HZ), round((900 + pause_s) * RATE_HZ))
    counts[pause] = heart_alone[pause] + counts[pause.start]
    readings = run_bank("bed", counts, RATE_HZ)
    told = [r.value for r in readings if r.quantity == "in_bed" and r.time_ns > 300 * NS_PER_S]
    assert len(told) == 90
    assert set(told) == {1.0}


@pytest.mark.parametrize("snr_db", [0.0, 5.0, 10.0])
@pytest.mark.parametrize("seed", range(4))
def test_who_has_left_is_not_kept_in_bed_by_noise(snr_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    empty = (20 * rng.standard_normal(round(600 * RATE_HZ))).astype(np.int16)
    readings = run_bank("bed", np.concatenate([sleeper(15, 70, snr_db, seed), empty]), RATE_HZ)
    told = {r.time_ns // NS_PER_S: r.value for r in readings if r.quantity == "in_bed"}
    assert told[900] == 1
    assert {told[at] for at in range(970, 1510, 10)} == {0.0}


@pytest.mark.parametrize("seed", [7, 22, 34])  # of 40: their noise repeats as breath does
def test_the_noise_of_a_bed_just_left_has_no_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    empty = (20 * rng.standard_normal(round(120 * RATE_HZ))).astype(np.int16)
    readings = run_bank("bed", np.concatenate([sleeper(15, seed=seed % 3), empty]), RATE_HZ)
    assert not [
        r for r in readings if r.quantity == "respiration_rate" and r.time_ns >= 960 * NS_PER_S
    ]


def test_a_gap_is_not_bridged() -> None:
    sent = list(blocks("bed", sleeper(10), RATE_HZ))
    bank = VitalsBank()
    bank.open("bed")
    readings = bank.process(sent[:40] + sent[41:])
    missing = set(range(410, 470, 10))
    assert not missing & {r.time_ns // NS_PER_S for r in readings}
    assert 470 in {r.time_ns // NS_PER_S for r in readings}
    assert bank.counters("bed") == {"older_blocks": 0, "unusable_blocks": 0, "gaps": 1}


def test_old_blocks_and_slow_rates_are_counted_and_change_nothing() -> None:
    sent = list(blocks("bed", sleeper(2), RATE_HZ))
    bank = VitalsBank()
    bank.open("bed")
    bank.process(sent)
    saved = bank.snapshot("bed")
    assert bank.process([sent[3]]) == []
    slow = Waveform("bed", "bed_motion", 0, 2.0, 1.0, 100.0, np.zeros((4, 1), np.int16), 99, 1)
    assert bank.process([slow]) == []
    assert bank.counters("bed") == {"older_blocks": 1, "unusable_blocks": 1, "gaps": 0}
    bank.restore("bed", saved)
    assert bank.counters("bed")["older_blocks"] == 0


def test_a_damaged_snapshot_is_refused() -> None:
    bank = VitalsBank()
    bank.open("bed")
    bank.process(list(blocks("bed", sleeper(2), RATE_HZ)))
    saved = bank.snapshot("bed")
    for broken in (b"", saved[:-2], saved[:50] + b"?" + saved[51:]):
        with pytest.raises(SnapshotError):
            bank.restore("bed", broken)
    assert bank.snapshot("bed") == saved


SIGNALS: dict[str, FloatArray | Int16Array] = {
    "a": sleeper(4, 55, seed=11),
    "b": sleeper(4, 75, seed=12),
    "c": sleeper(4, 95, snr_db=0, seed=13),
}


@settings(max_examples=15, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 71), max_size=6),
    sizes=st.lists(st.sampled_from([25, 100, 333, 1000, 6000]), min_size=1, max_size=5),
)
def test_any_chunking_company_and_restart_gives_the_same_readings(
    cuts: list[int], sizes: list[int]
) -> None:
    expected = {name: run_bank(name, counts, RATE_HZ) for name, counts in SIGNALS.items()}
    sent = []
    for name, counts in SIGNALS.items():
        start, number = 0, 0
        while start < len(counts):
            part = counts[start : start + sizes[number % len(sizes)]]
            start_ns = round(start * NS_PER_S / RATE_HZ)
            sent.append(
                Waveform(
                    name, "bed_motion", start_ns, RATE_HZ, 1.0, 32767.0, part[:, None], number, 1
                )
            )
            start, number = start + len(part), number + 1
    sent.sort(key=lambda block: block.start_ns)
    bank = VitalsBank()
    for name in SIGNALS:
        bank.open(name)
    found: list[Reading] = []
    for begin, end in pairwise(sorted({0, len(sent), *(cut * len(sent) // 72 for cut in cuts)})):
        found += bank.process(sent[begin:end])
        saved = {name: bank.snapshot(name) for name in SIGNALS}
        bank = VitalsBank()
        for name, state in saved.items():
            bank.open(name)
            bank.restore(name, state)
            assert bank.snapshot(name) == state
    for name in SIGNALS:
        own = [r for r in found if r.device_id == name]
        assert sorted(own, key=lambda r: (r.time_ns, r.quantity)) == expected[name]
