from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.fall.training.recordings import Packs, Recording, read_index
from edge.signals import NS_PER_S, FloatArray, Int16Array, Waveform

DATA = Path(os.environ.get("YUYUE_DATA", Path(__file__).parents[4] / "shared" / "data")) / "falls"
START_NS = 1_780_000_000 * NS_PER_S


class Library:
    """Real recordings by name."""

    def __init__(self, recordings: list[Recording]) -> None:
        self.recordings = recordings
        self._packs = Packs()

    def find(
        self, dataset: str, position: str, *, fall: bool, tail_s: float = 3.0, skip: int = 0
    ) -> Recording:
        found = [
            r
            for r in self.recordings
            if r.dataset == dataset and r.position == position and r.is_fall == fall
        ]
        if fall:
            found = [r for r in found if r.duration_s - r.impact_s > tail_s and r.impact_s > 3.0]
        return found[skip]

    def counts(self, recording: Recording) -> Int16Array:
        return self._packs.counts(recording)


@pytest.fixture(scope="session")
def library() -> Library:
    if not (DATA / "index.csv").is_file():
        pytest.skip(f"fall recordings are not in {DATA}; set YUYUE_DATA (see docs/data.md)")
    return Library(read_index(DATA))


def _blocks(
    counts: Int16Array, rate_hz: float, sizes: list[int] | None = None, **fields: object
) -> list[Waveform]:
    cuts = sizes or [round(rate_hz)]
    defaults: dict[str, object] = {
        "device_id": "band-1", "quantity": "acceleration", "scale": 0.001, "full_scale": 16.0,
        "boot_id": 1, "start_ns": START_NS,
    }  # fmt: skip
    chosen = defaults | fields
    start_ns = int(str(chosen.pop("start_ns")))
    out: list[Waveform] = []
    at = 0
    while at < len(counts):
        size = cuts[len(out) % len(cuts)]
        out.append(
            Waveform(
                start_ns=start_ns + round(at * NS_PER_S / rate_hz),
                rate_hz=rate_hz,
                counts=counts[at : at + size],
                sequence_number=len(out),
                **chosen,  # type: ignore[arg-type]
            )
        )
        at += size
    return out


@pytest.fixture(scope="session")
def blocks() -> Callable[..., list[Waveform]]:
    """Cuts samples into waveform blocks; `sizes` repeats, one second by default."""
    return _blocks


def _fall_g(
    rate_hz: float, *, before_s: float = 8.0, after_s: float = 25.0, up_again: bool = False
) -> FloatArray:
    """Walking, tipping over, dropping, hitting, lying (n, 3) in g; the impact is at `before_s`."""
    rng = np.random.default_rng(5)
    time_s = np.arange(-before_s, after_s, 1.0 / rate_hz)
    upright, lying = np.array([0.0, -1.0, 0.05]), np.array([0.1, -0.15, -0.98])
    share = np.clip((time_s + 0.6) / 0.7, 0.0, 1.0)[:, None]
    values = upright * (1.0 - share) + lying * share
    values[(time_s > -0.45) & (time_s < -0.05)] *= 0.45
    tipping = np.exp(-(((time_s + 0.8) / 0.35) ** 2))[:, None] * [0.25, 0.2, 0.3]
    impact = np.exp(-np.abs(time_s) / 0.045)[:, None] * [1.0, -2.6, -4.2]
    rebound = np.exp(-(((time_s - 0.28) / 0.06) ** 2))[:, None] * [0.3, -0.4, -0.8]
    values = values + tipping + impact + rebound
    walking = time_s < -1.2
    if up_again:
        values[time_s > 6.0] = upright
        walking |= time_s > 6.0
    swing = 0.22 * np.sin(2 * np.pi * 1.8 * time_s)[:, None] * [0.4, 1.0, 0.5]
    values = values + np.where(walking[:, None], swing, 0.0)
    return np.asarray(values + rng.normal(0.0, 0.012, values.shape))


@pytest.fixture(scope="session")
def made_fall() -> Callable[..., Int16Array]:
    """Milli-g counts of a made-up fall, clipped at `full_scale_g`; needs no recordings."""

    def make(rate_hz: float, *, full_scale_g: float = 16.0, **kind: float | bool) -> Int16Array:
        values_g = _fall_g(rate_hz, **kind)  # type: ignore[arg-type]
        return np.rint(1000.0 * np.clip(values_g, -full_scale_g, full_scale_g)).astype(np.int16)

    return make
