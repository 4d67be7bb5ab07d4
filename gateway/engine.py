"""What the pipeline needs of `edge.engine.Engine`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge.events import Event
from edge.signals import Position, Signal


class Engine(Protocol):
    """Streams of devices through detectors."""

    def open(self, device_id: str, position: Position | None) -> None: ...  # noqa: D102
    def set_fall_limit(self, device_id: str, decide_at: float) -> None: ...  # noqa: D102
    def close(self, device_id: str) -> None: ...  # noqa: D102
    def process(self, signals: Sequence[Signal]) -> list[Event]: ...  # noqa: D102
    def take_dirty_snapshots(self) -> dict[str, bytes]: ...  # noqa: D102
    def restore(self, device_id: str, snapshot: bytes) -> None: ...  # noqa: D102
