"""Emergency calls: a press of a button or a pull of a cord is an event by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edge.detector import SnapshotError
from edge.events import DetectorInfo, Event, EventKind, Reason, stable_id
from edge.signals import NS_PER_S, Position, Reading, Signal

# A held or bouncing button reports itself again and again; a person who presses anew after this
# long wants help anew. Longer than any bounce or hold report, shorter than a change of mind.
REPEAT_HOLD_S: Final = 10.0
_REPEAT_HOLD_NS: Final = round(REPEAT_HOLD_S * NS_PER_S)

_NEVER_NS: Final = -(2**62)
_STATE_BYTES: Final = 8


class SosDetector:
    """Turns `sos` readings of value 1 into events; repeats within REPEAT_HOLD_S are one call.

    A late call (a button that was out of reach) is told like any other: nobody's cry is too old.
    """

    def __init__(self) -> None:
        self._last_call_ns: dict[str, int] = {}
        self._info = DetectorInfo("sos", "1", {"repeat_hold_s": REPEAT_HOLD_S})

    @property
    def info(self) -> DetectorInfo:
        """Name, version and settings."""
        return self._info

    @property
    def quantities(self) -> frozenset[str]:
        """Only `sos`."""
        return frozenset({"sos"})

    def open(self, device_id: str, position: Position | None) -> None:
        """Begin a stream; where it is worn does not matter."""
        self._last_call_ns.setdefault(device_id, _NEVER_NS)

    def process(self, signals: Sequence[Signal]) -> list[Event]:
        """One event for each call that is not a repeat of the last."""
        events = []
        for signal in signals:
            if not isinstance(signal, Reading) or signal.quantity != "sos" or signal.value != 1.0:
                continue
            since_last_ns = abs(signal.time_ns - self._last_call_ns[signal.device_id])
            # Never moves back: a late old call must not open the hold of a newer one again.
            self._last_call_ns[signal.device_id] = max(
                signal.time_ns, self._last_call_ns[signal.device_id]
            )
            if since_last_ns >= _REPEAT_HOLD_NS:
                events.append(self._event(signal))
        return events

    def _event(self, reading: Reading) -> Event:
        event_id = stable_id("sos", reading.device_id, reading.time_ns)
        return Event(
            event_id=event_id,
            episode_id=event_id,
            kind=EventKind.SOS,
            device_id=reading.device_id,
            time_ns=reading.time_ns,
            decided_ns=reading.time_ns,
            confidence=1.0,
            reasons=(Reason("sos_pressed"),),
            detector=self._info,
            origin=reading.origin,
        )

    def snapshot(self, device_id: str) -> bytes:
        """The time of the last call."""
        return self._last_call_ns[device_id].to_bytes(_STATE_BYTES, "little", signed=True)

    def restore(self, device_id: str, snapshot: bytes) -> None:
        """Take the time of the last call back. Raises SnapshotError."""
        if len(snapshot) != _STATE_BYTES:
            raise SnapshotError(f"sos state has {_STATE_BYTES} bytes, got {len(snapshot)}")
        self._last_call_ns[device_id] = int.from_bytes(snapshot, "little", signed=True)

    def close(self, device_id: str) -> None:
        """Forget a stream."""
        self._last_call_ns.pop(device_id, None)
