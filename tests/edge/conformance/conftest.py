"""Finds every detector of device streams in edge/ and makes signals for what it listens to.

Detectors of subjects (edge/subject.py) follow another protocol and are not looked for here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

import edge
from edge.detector import Detector
from edge.signals import NS_PER_S, QUANTITIES, Origin, Position, Reading, Signal, Waveform

START_NS = 1_780_272_000 * NS_PER_S  # a Monday at midnight in China
WAVEFORM_RATE_HZ = {"acceleration": 50.0, "angular_rate": 50.0, "bed_motion": 50.0}


def discover() -> list[type]:
    """Every class in an `edge.*.detector` module that is a detector when made without arguments."""
    found = []
    for module_info in pkgutil.walk_packages(edge.__path__, "edge."):
        if not module_info.name.endswith(".detector") or module_info.name == "edge.detector":
            continue
        module = importlib.import_module(module_info.name)
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__ == module.__name__ and isinstance_of_protocol(cls):
                found.append(cls)
    return found


def isinstance_of_protocol(cls: type) -> bool:
    wanted = ("info", "quantities", "open", "process", "snapshot", "restore", "close")
    return all(hasattr(cls, name) for name in wanted) and not hasattr(cls, "advance")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "make_detector" in metafunc.fixturenames:
        classes = discover()
        metafunc.parametrize("make_detector", classes, ids=[c.__name__ for c in classes])


def _body_g(rng: np.random.Generator, rate_hz: float, seconds: int) -> np.ndarray:
    """Rest, walking, and hard falls that end in lying: something for any motion detector."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    values = np.tile([0.02, -1.0, 0.05], (len(time_s), 1))
    for at_s in range(20, seconds, 90):
        walking = (time_s > at_s - 15) & (time_s < at_s - 1)
        values[walking] += 0.25 * np.sin(2 * np.pi * 1.8 * time_s[walking])[:, None] * [0.4, 1, 0.5]
        values[(time_s > at_s - 0.45) & (time_s < at_s - 0.05)] *= 0.4
        values[(time_s >= at_s) & (time_s < at_s + 45)] = [0.1, -0.15, -0.98]
        delay_s = time_s - at_s
        values += np.exp(-np.abs(delay_s) / 0.045)[:, None] * [1.0, -2.6, -4.2]
        values += np.exp(-(((delay_s - 0.3) / 0.06) ** 2))[:, None] * [0.3, -0.4, -0.8]
    return values + rng.normal(0.0, 0.012, values.shape)


def _waveforms(quantity: str, device_id: str, seconds: int, seed: int) -> list[Signal]:
    rng = np.random.default_rng(seed)
    rate_hz = WAVEFORM_RATE_HZ[quantity]
    channels = QUANTITIES[quantity].channels
    body = _body_g(rng, rate_hz, seconds)[:, :channels]
    counts = np.rint(1000.0 * np.clip(body, -8.0, 8.0)).astype(np.int16)
    size = round(rate_hz)
    return [
        Waveform(
            device_id=device_id,
            quantity=quantity,
            start_ns=START_NS + round(at * NS_PER_S / rate_hz),
            rate_hz=rate_hz,
            scale=0.001,
            full_scale=8.0,
            counts=counts[at : at + size],
            sequence_number=at // size,
            boot_id=1,
        )
        for at in range(0, len(counts), size)
    ]


def _readings(quantity: str, device_id: str, seconds: int, seed: int) -> list[Signal]:
    rng = np.random.default_rng(seed)
    description = QUANTITIES[quantity]
    low, high = description.low, min(description.high, description.low + 1000.0)
    whole = high <= 1.0
    times_s = np.sort(rng.uniform(0, seconds, max(4, seconds // 15)))
    values = rng.integers(0, 2, len(times_s)) if whole else rng.uniform(low, high, len(times_s))
    return [
        Reading(device_id, quantity, START_NS + int(t * 1e9), float(v))
        for t, v in zip(times_s, values, strict=True)
    ]


def _signals(
    quantities: frozenset[str], *, device_id: str = "d-1", seconds: int = 240, seed: int = 1
) -> list[Signal]:
    out: list[Signal] = []
    for quantity in sorted(quantities):
        make = _waveforms if quantity in WAVEFORM_RATE_HZ else _readings
        out += make(quantity, device_id, seconds, seed)
    return sorted(out, key=time_of)


def time_of(signal: Signal) -> int:
    """When the last of it was known: a stream's signals come in this order."""
    return signal.end_ns if isinstance(signal, Waveform) else signal.time_ns


@pytest.fixture(scope="session")
def signals_for() -> Callable[..., list[Signal]]:
    """Signals in time order for a set of quantities."""
    return _signals


def _moved(signal: Signal, shift_ns: int) -> Signal:
    if isinstance(signal, Waveform):
        return replace(signal, start_ns=signal.start_ns + shift_ns)
    return replace(signal, time_ns=signal.time_ns + shift_ns)


@pytest.fixture(scope="session")
def moved() -> Callable[[Signal, int], Signal]:
    """The same signal at another time."""
    return _moved


def _rechunk(signals: Sequence[Signal], sizes: Sequence[int]) -> list[Signal]:
    out: list[Signal] = []
    number: dict[tuple[str, str], int] = {}
    for signal in signals:
        if not isinstance(signal, Waveform):
            out.append(signal)
            continue
        at = 0
        while at < len(signal.counts):
            key = (signal.device_id, signal.quantity)
            k = number.get(key, 0)
            size = sizes[k % len(sizes)]
            part = signal.counts[at : at + size]
            start_ns = signal.start_ns + round(at * NS_PER_S / signal.rate_hz)
            out.append(replace(signal, counts=part, start_ns=start_ns, sequence_number=k))
            number[key] = k + 1
            at += size
    return sorted(out, key=time_of)


@pytest.fixture(scope="session")
def rechunk() -> Callable[[Sequence[Signal], Sequence[int]], list[Signal]]:
    """The same samples in blocks of other sizes."""
    return _rechunk


@pytest.fixture
def fresh(make_detector: type) -> Callable[..., Detector]:
    """A new detector with the given streams opened."""

    def make(*device_ids: str) -> Detector:
        detector: Detector = make_detector()
        for device_id in device_ids or ("d-1",):
            detector.open(device_id, Position.WAIST)
        return detector

    return make


@pytest.fixture(scope="session")
def origins() -> list[Origin]:
    return list(Origin)
