"""A fall limit that a person approved counts at the gateway, from the registry and after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.engine import Engine
from edge.events import EventKind
from edge.fall.detector import FallDetector
from edge.fall.limits import DECIDE_AT
from edge.signals import Position
from edge.subject import Sensor, SensorRole, Subject, SubjectSettings
from edge.wire import RegistryDocument
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.pipeline import Pipeline
from gateway.registry import Registry
from gateway.sources import Frame
from tests.edge.fall.conftest import made_fall
from tests.gateway.blocks import Block
from tests.gateway.cloud_double import registered
from tests.gateway.makers import T0_NS, HandClock, S

__all__ = ["made_fall"]  # a fixture
WEARER = "w-1"
STRICT = 0.8


def document(version: int, limit: float | None) -> RegistryDocument:
    """One wearer, with a limit of their own or without."""
    overrides = {} if limit is None else {DECIDE_AT: limit}
    settings = SubjectSettings(sensors=(Sensor(WEARER, SensorRole.WEARABLE),), overrides=overrides)
    device = replace(registered(WEARER), position=Position.WAIST)
    subject = Subject("e-1", "e-1", settings)
    return RegistryDocument(version, "g-1", "试用养老院", [device], subjects=[subject])


class Gateway:
    """The heart of one, with the real fall detector, on a clock moved by hand."""

    def __init__(self, directory: Path, held: RegistryDocument) -> None:
        self.clock = HandClock()
        self.outbox = Outbox(directory / "outbox.sqlite3", self.clock)
        registry = Registry(directory / "registry.json")
        registry.load()
        if registry.document is None:
            registry.save(held)
        self.detector = FallDetector()
        self.pipeline = Pipeline(
            self.outbox, registry, Engine([self.detector]), Metrics(), self.clock
        )
        self.pipeline.start()

    def feel(self, counts: np.ndarray, boot: int) -> list[float]:
        """How sure it was of the falls it told of this signal."""
        told = []
        for number, first in enumerate(range(0, len(counts) - 49, 50)):
            start_ns = T0_NS + boot * 600 * S + number * S
            body = Block(
                boot_id=boot, sequence_number=number, start_ns=start_ns, scale_nano=1_000_000,
                full_scale_milli=16_000,
                counts=tuple(int(v) for v in counts[first : first + 50].reshape(-1)),
            )  # fmt: skip
            self.clock.ns = start_ns + S
            frame = Frame("test", f"yuyue/v1/{WEARER}/waveform", body.encode(), self.clock.ns)
            told += self.pipeline.commit(self.pipeline.prepare([frame])).new_events
        return [e.confidence for e in told if e.kind is EventKind.FALL_SUSPECTED]


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[list[Gateway]]:
    started: list[Gateway] = [Gateway(tmp_path, document(1, None))]
    yield started
    started[-1].outbox.close()


def test_an_approved_limit_is_the_gateways_too(lives: list[Gateway], made_fall, tmp_path) -> None:
    plain = made_fall(50.0, after_s=8.0)
    upright = plain[:100].mean(axis=0)
    # Half of the movement of a plain fall: told by the model's limit, but not with certainty.
    counts = np.rint(upright + (plain - upright) / 2).astype(np.int16)
    (sure,) = lives[0].feel(counts, 1)
    assert sure < STRICT
    lives[0].pipeline.apply_registry(document(2, STRICT))
    assert lives[0].feel(counts, 2) == []
    # After a restart it comes from the registry on the disk.
    lives[0].outbox.close()
    lives.append(Gateway(tmp_path, document(9, None)))
    assert lives[1].feel(counts, 3) == []
    # Taken back: the model's own limit again.
    lives[1].pipeline.apply_registry(document(3, None))
    assert lives[1].feel(counts, 4) == [pytest.approx(sure, abs=0.02)]
    # A limit that makes no sense leaves the model's.
    lives[1].pipeline.apply_registry(document(4, 2.0))
    assert len(lives[1].feel(counts, 5)) == 1
