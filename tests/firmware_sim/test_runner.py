"""Pace: nothing leaves before it was measured, nothing comes from the future."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.devices.wearable import Wearable
from firmware_sim.runner import ArraySource, Runner, rest_after, start_ns_for
from tests.firmware_sim.fake_clock import START_NS, FakeClock

RATE_HZ = 50.0


async def run(duration_s: float, speed: float, rate_hz: float = RATE_HZ) -> list[tuple[int, int]]:
    """(time of sending, time just after the last sample) of every block, in ns."""
    clock = FakeClock()
    n = round(duration_s * rate_hz)
    source = ArraySource(np.ones((n, 3)), rate_hz)
    start_ns = start_ns_for(clock.now_ns(), source.duration_s, speed)
    wearable = Wearable("wearable-0001", 1, start_ns, rate_hz, 8.0)
    sent: list[tuple[int, int]] = []

    def send(message: bytes) -> None:
        (count,) = struct.unpack_from("<H", message, 6)
        (first_ns,) = struct.unpack_from("<q", message, 16)
        sent.append((clock.now_ns(), first_ns + round(count * 1e9 / rate_hz)))

    await Runner(clock, source, wearable, send, speed).run()
    return sent


async def test_real_pace_sends_each_second_when_it_is_over() -> None:
    sent = await run(10.5, 1.0)
    assert [round((sent_ns - START_NS) / 1e9, 3) for sent_ns, _ in sent] == [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10.5,
    ]  # fmt: skip
    assert all(abs(sent_ns - end_ns) < 1_000 for sent_ns, end_ns in sent)


async def test_faster_takes_less_time_and_ends_about_now() -> None:
    sent = await run(100.0, 20.0)
    assert len(sent) == 100
    last_sent_ns, last_end_ns = sent[-1]
    assert last_sent_ns - START_NS == pytest.approx(5e9, rel=1e-6)
    assert last_end_ns == pytest.approx(last_sent_ns, abs=1_000)
    assert sent[0][1] == pytest.approx(START_NS - 94e9, abs=1_000)


@given(
    duration_s=st.floats(0.1, 400.0),
    speed=st.floats(0.05, 2000.0),
    rate_hz=st.sampled_from([20.0, 25.0, 34.0, 50.0, 200.0]),
)
async def test_never_from_the_future(duration_s: float, speed: float, rate_hz: float) -> None:
    for sent_ns, end_ns in await run(duration_s, speed, rate_hz):
        assert end_ns <= sent_ns + 1_000  # a microsecond of rounding


def test_endless_source_cannot_be_hurried() -> None:
    with pytest.raises(ValueError, match="for-s"):
        start_ns_for(START_NS, None, 2.0)
    assert start_ns_for(START_NS, None, 1.0) == START_NS


def test_speed_must_be_positive() -> None:
    with pytest.raises(ValueError, match="speed"):
        start_ns_for(START_NS, 10.0, 0.0)


async def test_duration_cuts_an_endless_source_and_each_block_is_asked_before() -> None:
    class Endless:
        rate_hz = RATE_HZ

        def read(self, n: int) -> np.ndarray:
            return np.zeros((n, 3))

    sent: list[bytes] = []
    asked: list[int] = []
    runner = Runner(
        FakeClock(), Endless(), Wearable("wearable-0001", 1, START_NS, RATE_HZ, 8.0),
        sent.append, duration_s=3.2, before_block=lambda: asked.append(len(sent)),
    )  # fmt: skip
    await runner.run()
    assert [struct.unpack_from("<H", message, 6)[0] for message in sent] == [50, 50, 50, 10]
    assert asked == [0, 1, 2, 3]


def test_rest_holds_the_last_posture_at_one_g() -> None:
    samples_g = np.concatenate([np.tile([0.0, 0.0, 1.0], (100, 1)), np.tile([0.7, 0, 0], (60, 1))])
    rest = rest_after(samples_g, RATE_HZ, 20.0, seed=1)
    assert rest.shape == (1000, 3)
    assert rest.mean(axis=0) == pytest.approx([1.0, 0.0, 0.0], abs=0.002)
    assert 0.002 < rest.std(axis=0).max() < 0.02
    assert (rest == rest_after(samples_g, RATE_HZ, 20.0, seed=1)).all()
