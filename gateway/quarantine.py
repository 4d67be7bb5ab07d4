"""Refused frames: every one is counted, a flood of the same writes a row a minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge.wire import RejectedFrame

# wire.py: `frame` holds at most its first 512 bytes.
MAX_FRAME_BYTES: Final = 512
WINDOW_S: Final = 60.0
# A stranger's device sends once a second for ever: one row a minute says all there is to say.
# Anything else is evidence of a fault, and the first rows of a minute show its pattern.
_ROWS_PER_WINDOW: Final = {"unassigned_device": 1}
_DEFAULT_ROWS_PER_WINDOW: Final = 20
# Bounds memory against made-up device ids; what is beyond is told together.
MAX_KEYS: Final = 1024


@dataclass(slots=True)
class _Window:
    started_s: float
    rows: int = 0
    held_back: int = 0
    last: RejectedFrame | None = None


class Quarantine:
    """Decides which refused frames become rows. Times are monotonic seconds, passed in."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str | None, str], _Window] = {}

    def admit(self, frame: RejectedFrame, now_s: float) -> list[RejectedFrame]:
        """The rows to write now: the frame itself, or nothing while its minute is used up."""
        key = (frame.device_id, frame.reason)
        if key not in self._windows and len(self._windows) >= MAX_KEYS:
            key = (None, frame.reason)
        window = self._windows.setdefault(key, _Window(now_s))
        if window.rows < _ROWS_PER_WINDOW.get(frame.reason, _DEFAULT_ROWS_PER_WINDOW):
            window.rows += 1
            return [frame]
        window.held_back += 1
        window.last = frame
        return []

    def due(self, now_s: float) -> list[RejectedFrame]:
        """Rows for what was held back in windows that are over; call it every few seconds."""
        rows = []
        for key, window in list(self._windows.items()):
            if now_s - window.started_s < WINDOW_S:
                continue
            if window.last is None:
                del self._windows[key]
                continue
            rows.append(_standing_for(window.last, window.held_back))
            # That row is the first of the next window, so a flood writes one a window.
            self._windows[key] = _Window(now_s, rows=1)
        return rows

    def flush(self) -> list[RejectedFrame]:
        """Rows for everything held back, when the process ends."""
        rows = [
            _standing_for(window.last, window.held_back)
            for window in self._windows.values()
            if window.last is not None
        ]
        self._windows.clear()
        return rows


def _standing_for(last: RejectedFrame, held_back: int) -> RejectedFrame:
    return RejectedFrame(
        source=last.source,
        received_ns=last.received_ns,
        reason=last.reason,
        detail=f"{last.detail} (this row stands for {held_back} frames)",
        frame=last.frame,
        device_id=last.device_id,
    )
