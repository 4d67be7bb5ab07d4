"""Vital signs of 500 beds at 100 Hz on one core, beside the same sums in plain Python.

    OMP_NUM_THREADS=1 python -m benchmarks.bed_vitals [--beds 500] [--seconds 120]

Real time means: the seconds of signal worked off are more than the seconds it took. The plain
version does the autocorrelation of the heart's envelope and of the breath, the bulk of the work,
with Python floats and loops, for one window; it leaves the filters out, in its own favour.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from edge.signals import NS_PER_S, Waveform
from edge.vitals import heart, respiration
from edge.vitals.bank import VitalsBank
from edge.vitals.training.ballistocardiogram import simulate

RATE_HZ = 100.0
SHAPES = 8


def blocks_by_second(beds: int, seconds: int) -> list[list[Waveform]]:
    rng = np.random.default_rng(1)
    sleepers = [
        simulate(rng.normal(0.95, 0.05, 2 * seconds + 20), RATE_HZ, 5.0, seed).counts
        for seed in range(SHAPES)
    ]
    size = round(RATE_HZ)
    return [
        [
            Waveform(
                f"bed-{bed}",
                "bed_motion",
                second * NS_PER_S,
                RATE_HZ,
                1.0,
                32767.0,
                sleepers[bed % SHAPES][second * size : (second + 1) * size, None],
                second,
                1,
            )
            for bed in range(beds)
        ]
        for second in range(seconds)
    ]


def plain_autocorrelation(values: list[float], lags: int) -> list[float]:
    n = len(values)
    return [
        sum(values[k] * values[k + lag] for k in range(n - lag)) / (n - lag) for lag in range(lags)
    ]


def plain_window_s() -> float:
    """Seconds that one window costs in plain Python: 60 s of breath, five 10 s parts of heart."""
    rng = np.random.default_rng(2)
    breath = [float(v) for v in rng.normal(size=respiration.SAMPLES)]
    part = [float(v) for v in rng.normal(size=round(10 * heart.RATE_HZ))]
    started = time.process_time()
    plain_autocorrelation(breath, 120)
    for _ in range(5):
        plain_autocorrelation(part, 85)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beds", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=120)
    arguments = parser.parse_args()
    seconds = blocks_by_second(arguments.beds, arguments.seconds)
    bank = VitalsBank()
    for bed in range(arguments.beds):
        bank.open(f"bed-{bed}")
    slowest = 0.0
    readings = 0
    started_cpu, started = time.process_time(), time.perf_counter()
    for blocks in seconds:
        before = time.process_time()
        readings += len(bank.process(blocks))
        slowest = max(slowest, time.process_time() - before)
    cpu_s, wall_s = time.process_time() - started_cpu, time.perf_counter() - started
    windows = arguments.beds * max(0, arguments.seconds // 10 - 5)
    plain_s = plain_window_s()
    print(
        f"{arguments.beds} beds at {RATE_HZ:.0f} Hz, {arguments.seconds} s of signal: "
        f"{cpu_s:.2f} s of one core ({wall_s:.2f} s wall), {arguments.seconds / cpu_s:.1f} times "
        f"real time; slowest second {slowest:.2f} s; {windows} windows, {readings} readings"
    )
    steady = cpu_s / max(windows, 1)
    print(
        f"plain Python, one window: {plain_s * 1e3:.0f} ms; bank, one window with everything: "
        f"{steady * 1e3:.2f} ms; ratio {plain_s / steady:.0f}"
    )


if __name__ == "__main__":
    main()
