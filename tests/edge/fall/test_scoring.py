"""The scoring adapter: times that are the sensor's, and times that are only those of arrival."""

from __future__ import annotations

import numpy as np
import pytest

from edge.events import EventKind
from edge.fall.scoring import Chunks, Scored
from edge.signals import NS_PER_S, FloatArray

RATE_HZ = 20.0
IMPACT_S = 8.0


def alarms_s(values_g: FloatArray, time_s: FloatArray, chunk: int = 4) -> list[float]:
    scored = Scored(RATE_HZ, "waist")
    out = []
    for at in range(0, len(time_s), chunk):
        part = slice(at, at + chunk)
        if scored.push(values_g[part], None, time_s[part]):
            out.append(float(time_s[part][-1]))
    confirmed = [e for e in scored.events if e.kind is EventKind.FALL_CONFIRMED]
    assert len(confirmed) == len(out)
    return out


def arrival(kind: str, n: int) -> FloatArray:
    """Times (n,) at which samples of RATE_HZ arrive over different radios."""
    true_s = np.arange(n) / RATE_HZ
    rng = np.random.default_rng(3)
    if kind == "even":
        return true_s
    if kind == "packets":  # four samples in one packet, which bears the time of the last
        return np.ceil((np.arange(n) + 1) / 4.0) * 4.0 / RATE_HZ
    if kind == "jitter":
        return np.maximum.accumulate(true_s + rng.exponential(0.03, n))
    if kind == "held up":  # nothing for 0.4 s, then all of it at once
        late_s = true_s.copy()
        held = (true_s > 5.0) & (true_s < 5.4)
        late_s[held] = 5.4 + np.arange(held.sum()) * 0.001
        return np.maximum.accumulate(late_s + rng.exponential(0.004, n))
    return true_s * 1.03 + rng.exponential(0.01, n)  # "slow": the rate told is 3 % too high


@pytest.mark.parametrize("kind", ["even", "packets", "jitter", "held up", "slow"])
def test_a_fall_is_found_whatever_the_radio_does_to_its_times(made_fall, kind):
    values_g = made_fall(RATE_HZ) / 1000.0
    time_s = np.sort(arrival(kind, len(values_g)))
    (alarm_s,) = alarms_s(values_g, time_s)
    assert 1.9 < alarm_s - IMPACT_S < 2.9


@pytest.mark.parametrize("kind", ["packets", "jitter", "slow"])
def test_late_samples_are_not_taken_for_lost_ones(kind):
    chunks = Chunks("d", RATE_HZ)
    time_s = np.sort(arrival(kind, 400))
    values_g = np.zeros((400, 3))
    blocks = [
        block
        for at in range(0, 400, 4)
        for block in chunks.blocks(values_g[at : at + 4], time_s[at : at + 4])
    ]
    numbers = [block.sequence_number for block in blocks]
    assert numbers == list(range(numbers[0], numbers[0] + len(blocks)))


def test_what_stays_away_is_lost_and_moves_the_rest():
    chunks = Chunks("d", RATE_HZ)
    rng = np.random.default_rng(1)
    kept = np.r_[0:100, 120:200]  # a second is missing
    time_s = np.sort(kept / RATE_HZ + rng.exponential(0.01, len(kept)))
    blocks = [
        block
        for at in range(0, len(kept), 4)
        for block in chunks.blocks(np.zeros((4, 3)), time_s[at : at + 4])
    ]
    steps = np.diff([block.sequence_number for block in blocks])
    assert (steps == 2).sum() == 1
    span_s = (blocks[-1].end_ns - blocks[0].start_ns) / NS_PER_S
    assert span_s == pytest.approx(10.0, abs=0.1)
