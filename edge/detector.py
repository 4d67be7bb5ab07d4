"""The Detector protocol: what every detector in edge/ is, checked by tests/edge/conformance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from edge.events import DetectorInfo, Event
from edge.signals import Position, Signal


class SnapshotError(ValueError):
    """A snapshot that this detector cannot take back: damaged, or made by another version."""


@runtime_checkable
class Detector(Protocol):
    """One kind of detection for many streams at once. A stream is one device, named by its id.

    Deterministic in event time: the same signals of a stream, in any chunking and beside any other
    streams, give the same events. It never looks at a clock. Memory per stream is constant.
    """

    @property
    def info(self) -> DetectorInfo:
        """Name, version and settings, stored with every event."""
        ...

    @property
    def quantities(self) -> frozenset[str]:
        """The quantities it wants to be fed."""
        ...

    def open(self, device_id: str, position: Position | None) -> None:
        """Begin a stream, or learn that its position changed. Known and unchanged: does nothing."""
        ...

    def process(self, signals: Sequence[Signal]) -> list[Event]:
        """Advance the streams of `signals` (each opened before), in order; return what was decided.

        Signals of one device must come in time order; an older one is ignored and counted.
        """
        ...

    def snapshot(self, device_id: str) -> bytes:
        """The whole state of one stream."""
        ...

    def restore(self, device_id: str, snapshot: bytes) -> None:
        """Take a stream back to its snapshot. Raises SnapshotError."""
        ...

    def close(self, device_id: str) -> None:
        """Forget a stream."""
        ...
