"""How fast the fall detector is, side by side with what else people build. One core.

    OMP_NUM_THREADS=1 python benchmarks/falls.py [--data ../shared/data/falls] [--streams 2000]

All candidates get the same real recordings (50 Hz), joined into many streams of one-second
blocks (quiet wear is recorded at 32 Hz and fed as if it were 50). Samples are three-axis samples;
each figure is the median of three runs and counts processor time, so that a busy machine does not
change it much.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from edge.fall.detector import FallDetector
from edge.fall.training.recordings import Packs, read_index
from edge.signals import NS_PER_S, Position, Waveform

RATE_HZ = 50
WINDOW = 3 * RATE_HZ
HOP = RATE_HZ // 2
RUNS = 3
DATA = Path(os.environ.get("YUYUE_DATA", Path(__file__).parents[2] / "shared" / "data")) / "falls"


def joined(
    data: Path, streams: int, seconds: int, *, with_falls: bool, dataset: str = ""
) -> np.ndarray:
    """Counts (streams, seconds, RATE_HZ, 3) in milli-g, from recordings end to end."""
    packs = Packs()
    chosen = [
        r
        for r in read_index(data)
        if (r.dataset == dataset if dataset else r.rate_hz == RATE_HZ and r.position == "waist")
        and (with_falls or not r.is_fall)
        and "native" not in r.dataset
    ]
    counts = np.concatenate([packs.counts(r) for r in chosen])
    need = streams * seconds * RATE_HZ
    counts = np.concatenate([counts] * (1 + need // len(counts)))[:need]
    return counts.reshape(streams, seconds, RATE_HZ, 3)


def ours(counts: np.ndarray, position: Position = Position.WAIST) -> Callable[[], int]:
    streams, seconds = counts.shape[:2]
    calls = [
        [
            Waveform(
                f"d{k}", "acceleration", 10**18 + at * NS_PER_S, float(RATE_HZ), 0.001, 16.0,
                counts[k, at], at, 1,
            )
            for k in range(streams)
        ]
        for at in range(seconds)
    ]  # fmt: skip

    def run() -> int:
        detector = FallDetector()
        for k in range(streams):
            detector.open(f"d{k}", position)
        for call in calls:
            detector.process(call)
        return counts.shape[0] * counts.shape[1] * RATE_HZ

    return run


def window_features(windows: np.ndarray) -> np.ndarray:
    """About 20 features of windows (n, WINDOW, 3) in g."""
    magnitude = np.sqrt((windows**2).sum(-1))
    parts = [windows.mean(1), windows.std(1), windows.min(1), windows.max(1)]
    jerk = np.abs(np.diff(magnitude, axis=1))
    more = [
        magnitude.mean(1), magnitude.std(1), magnitude.min(1), magnitude.max(1),
        np.percentile(magnitude, 25, axis=1), np.percentile(magnitude, 75, axis=1),
        jerk.mean(1), jerk.max(1),
    ]  # fmt: skip
    return np.concatenate([*parts, np.stack(more, axis=1)], axis=1)


def sliding(counts: np.ndarray, batched: bool) -> Callable[[], int]:
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    values = counts.reshape(len(counts), -1, 3) / 1000.0
    starts = range(0, values.shape[1] - WINDOW + 1, HOP)
    every = np.concatenate([values[:, s : s + WINDOW] for s in starts])
    features = window_features(every)
    # What it learns does not matter for speed: hard peaks stand in for falls.
    label = features[:, 15] > np.percentile(features[:, 15], 90)
    model = HistGradientBoostingClassifier(max_iter=100).fit(features, label)

    def run() -> int:
        if batched:
            for s in starts:
                model.predict_proba(window_features(values[:, s : s + WINDOW]))
        else:
            for stream in values:
                for s in starts:
                    model.predict_proba(window_features(stream[None, s : s + WINDOW]))
        return values.shape[0] * len(starts) * HOP

    return run


def pure_python(counts: np.ndarray) -> Callable[[], int]:
    streams = [stream.reshape(-1, 3).tolist() for stream in counts]

    def run() -> int:
        falls = samples = 0
        for stream in streams:
            low_at, hit_at = -(10**9), -(10**9)
            for k, (x, y, z) in enumerate(stream):
                squared = x * x + y * y + z * z
                if squared < 360_000:
                    low_at = k
                elif squared > 6_250_000 and k - low_at < 50 and k - hit_at > 100:
                    hit_at = k
                    falls += 1
            samples += len(stream)
        return samples

    return run


def bare_bank(counts: np.ndarray) -> Callable[[], int]:
    sections = butter(2, [0.5, 15.0], btype="bandpass", fs=RATE_HZ, output="sos")

    def run() -> int:
        state = np.zeros((len(sections), len(counts), 2))
        found = 0
        for at in range(counts.shape[1]):
            values = counts[:, at].astype(np.float32) * np.float32(0.001)
            magnitude = np.sqrt((values * values).sum(-1))
            filtered, state = sosfilt(sections, magnitude, axis=1, zi=state)
            found += int((filtered.max(axis=1) > 1.5).sum())
        return counts.shape[0] * counts.shape[1] * RATE_HZ

    return run


def one_pass(counts: np.ndarray) -> Callable[[], int]:
    flat = counts.reshape(-1).astype(np.float32)

    def run() -> int:
        float(flat.sum())
        return len(flat) // 3

    return run


def rate(run: Callable[[], int]) -> float:
    """Million samples a second, median of RUNS."""
    figures = []
    for _ in range(RUNS):
        start = time.process_time()
        samples = run()
        figures.append(samples / (time.process_time() - start) / 1e6)
    return statistics.median(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=30)
    chosen = parser.parse_args()
    size = (chosen.streams, chosen.seconds)
    life = joined(chosen.data, *size, with_falls=False)
    falls = joined(chosen.data, *size, with_falls=True)
    quiet = joined(chosen.data, *size, with_falls=False, dataset="stresspredict")
    few = life[:100]
    cases: list[tuple[str, Callable[[], int]]] = [
        ("ours: scripted daily activities", ours(life)),
        ("ours: the same, judged as worn at the wrist", ours(life, Position.WRIST)),
        ("ours: quiet wear", ours(quiet)),
        ("ours: scripted activities, a fall every half minute", ours(falls)),
        ("(a) 3 s windows, 20 features, boosted trees, one by one", sliding(few[:2], False)),
        ("(b) the same, windows of all streams together", sliding(few, True)),
        ("(c) threshold machine in pure Python", pure_python(few)),
        ("(d) bare bank: norm, band-pass, threshold", bare_bank(life)),
        ("(e) floor: one float32 pass", one_pass(life)),
    ]
    rows = [(name, rate(run)) for name, run in cases]
    mine = rows[0][1]
    print(f"{'':58s} {'M samples/s':>12s} {'ours is':>10s}")
    for name, figure in rows:
        print(f"{name:58s} {figure:12.3f} {mine / figure:9.3g}x")
    print(f"wearables of {RATE_HZ} Hz in real time on this core: {mine * 1e6 / RATE_HZ:,.0f}")
    detector = FallDetector()
    detector.open("d", Position.WAIST)
    for at in range(20):
        detector.process([Waveform("d", "acceleration", 10**18 + at * NS_PER_S, float(RATE_HZ),
                                   0.001, 16.0, life[0, at % chosen.seconds], at, 1)])  # fmt: skip
    print(f"state of one stream (its snapshot): {len(detector.snapshot('d'))} bytes")


if __name__ == "__main__":
    main()
