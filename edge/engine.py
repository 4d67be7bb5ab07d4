"""The engine: feeds every stream's signals to the detectors that want them, in event time.

It holds no clock and no thread. What it returns depends only on what it was fed, so a restart
(snapshot, restore, feed the rest of the log again) and a replay both give the same events.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from edge.detector import Detector, SnapshotError
from edge.events import Event
from edge.fall.detector import FallDetector
from edge.signals import Position, Signal
from edge.sos.detector import SosDetector

_SNAPSHOT_MAGIC: Final = b"YES1"
_HEADER_LENGTH_BYTES: Final = 4


def default_detectors() -> list[Detector]:
    """The detectors a gateway runs in production, fresh."""
    return [FallDetector(), SosDetector()]


class UnknownStreamError(KeyError):
    """A signal of a device that was never opened: the registry did not know whose it is."""


class Engine:
    """Many streams through many detectors; one stream is one device."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        names = [detector.info.name for detector in detectors]
        if len(set(names)) != len(names):
            raise ValueError(f"two detectors share a name: {names}")
        self._detectors = tuple(detectors)
        self._positions: dict[str, Position | None] = {}
        self._dirty: set[str] = set()

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """The detectors, in the order they are asked."""
        return self._detectors

    @property
    def streams(self) -> frozenset[str]:
        """The open streams."""
        return frozenset(self._positions)

    def open(self, device_id: str, position: Position | None) -> None:
        """Begin a stream; again with another position when the device moved on the body."""
        if device_id in self._positions and self._positions[device_id] == position:
            return
        self._positions[device_id] = position
        for detector in self._detectors:
            detector.open(device_id, position)

    def set_fall_limit(self, device_id: str, decide_at: float) -> None:
        """The own limit of whoever wears an open device (edge/fall/limits.py); 0: the model's."""
        for detector in self._detectors:
            if isinstance(detector, FallDetector):
                detector.set_limit(device_id, decide_at)

    def close(self, device_id: str) -> None:
        """Forget a stream (the device is no longer anybody's)."""
        if self._positions.pop(device_id, _ABSENT) is _ABSENT:
            return
        self._dirty.discard(device_id)
        for detector in self._detectors:
            detector.close(device_id)

    def process(self, signals: Sequence[Signal]) -> list[Event]:
        """Advance the streams; events come in the order they were decided (event time).

        Raises UnknownStreamError before anything is changed.
        """
        for signal in signals:
            if signal.device_id not in self._positions:
                raise UnknownStreamError(signal.device_id)
        events: list[Event] = []
        for detector in self._detectors:
            wanted = [signal for signal in signals if signal.quantity in detector.quantities]
            if wanted:
                self._dirty.update(signal.device_id for signal in wanted)
                events.extend(detector.process(wanted))
        events.sort(key=lambda event: (event.decided_ns, event.event_id))
        return events

    def snapshot(self, device_id: str) -> bytes:
        """The whole state of one stream in every detector."""
        parts = {
            detector.info.name: (detector.info.version, detector.snapshot(device_id))
            for detector in self._detectors
        }
        header = json.dumps(
            [[name, version, len(state)] for name, (version, state) in parts.items()]
        ).encode()
        body = b"".join(state for _, state in parts.values())
        length = len(header).to_bytes(_HEADER_LENGTH_BYTES, "little")
        return _SNAPSHOT_MAGIC + length + header + body

    def take_dirty_snapshots(self) -> dict[str, bytes]:
        """Snapshots of the streams that advanced since this was last asked."""
        dirty, self._dirty = self._dirty, set()
        return {device_id: self.snapshot(device_id) for device_id in sorted(dirty)}

    def restore(self, device_id: str, snapshot: bytes) -> None:
        """Take one opened stream back to its snapshot.

        Raises SnapshotError, and leaves the stream as new, when the snapshot is damaged or was made
        by other detectors or versions: a state read wrongly is worse than a state begun anew.
        """
        if device_id not in self._positions:
            raise UnknownStreamError(device_id)
        states = _split_snapshot(snapshot)
        expected = {detector.info.name: detector.info.version for detector in self._detectors}
        found = {name: version for name, (version, _) in states.items()}
        if found != expected:
            raise SnapshotError(f"snapshot of {found}, but the detectors are {expected}")
        try:
            for detector in self._detectors:
                detector.restore(device_id, states[detector.info.name][1])
        except SnapshotError:
            position = self._positions[device_id]
            self.close(device_id)
            self.open(device_id, position)
            raise


_ABSENT: Final = object()


def _split_snapshot(snapshot: bytes) -> dict[str, tuple[str, bytes]]:
    """Detector name -> (version, state). Raises SnapshotError."""
    start = len(_SNAPSHOT_MAGIC) + _HEADER_LENGTH_BYTES
    if snapshot[: len(_SNAPSHOT_MAGIC)] != _SNAPSHOT_MAGIC or len(snapshot) < start:
        raise SnapshotError("not a snapshot of the engine")
    end = start + int.from_bytes(snapshot[len(_SNAPSHOT_MAGIC) : start], "little")
    states: dict[str, tuple[str, bytes]] = {}
    try:
        for name, version, length in json.loads(snapshot[start:end]):
            states[name] = (version, snapshot[end : end + length])
            end += length
    except (ValueError, TypeError) as error:
        raise SnapshotError(f"damaged header: {error}") from error
    if end != len(snapshot):
        raise SnapshotError(f"{len(snapshot)} bytes where the header promises {end}")
    return states
