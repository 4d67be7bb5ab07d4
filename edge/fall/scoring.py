"""The detector as the scoring tool wants it: one recording, pushed in chunks."""

from __future__ import annotations

from typing import Final

import numpy as np

from edge.events import Event, EventKind
from edge.fall.detector import FallDetector
from edge.fall.episodes import QUANTITY
from edge.fall.model import FallModel
from edge.signals import NS_PER_S, FloatArray, Position, Waveform

_DEVICE: Final = "scored"
_SCALE_G: Final = 0.001  # recordings hold milli-g
_EPOCH_NS: Final = 1_700_000_000 * NS_PER_S  # any fixed time: decisions do not depend on it
# Range that is never reached: the tool does not tell the sensor's.
_FULL_SCALE_G: Final = 32.0
_INT16_MAX: Final = 32767
# Samples further apart than this many steps have lost some between them.
_GAP_STEPS: Final = 1.5


class Scored:
    """`push` recordings chunk by chunk; the answer is true when a fall is suspected."""

    def __init__(self, fs: float, position: str, model: FallModel | None = None) -> None:
        self._rate_hz = fs
        self._detector = FallDetector(model)
        self._detector.open(_DEVICE, Position(position))
        self._number = 0
        self._end_s = 0.0
        self.events: list[Event] = []

    def push(self, acc: FloatArray, gyr: FloatArray | None, t: FloatArray) -> bool:
        """Samples `acc` (n, 3) in g at `t` (n,) in s; `gyr` is not used."""
        del gyr
        if not len(t):
            return False
        gaps = np.flatnonzero(np.diff(t) * self._rate_hz > _GAP_STEPS) + 1
        events = []
        for part in np.split(np.arange(len(t)), gaps):
            events += self._detector.process([self._block(acc[part], t[part])])
        self.events += events
        return any(event.kind is EventKind.FALL_SUSPECTED for event in events)

    def _block(self, acc: FloatArray, t: FloatArray) -> Waveform:
        lost = (t[0] - self._end_s) * self._rate_hz > _GAP_STEPS - 1.0
        self._number += 2 if lost else 1
        self._end_s = float(t[-1]) + 1.0 / self._rate_hz
        counts = np.clip(np.rint(acc / _SCALE_G), -_INT16_MAX - 1, _INT16_MAX).astype(np.int16)
        return Waveform(
            device_id=_DEVICE,
            quantity=QUANTITY,
            start_ns=_EPOCH_NS + round(float(t[0]) * NS_PER_S),
            rate_hz=self._rate_hz,
            scale=_SCALE_G,
            full_scale=_FULL_SCALE_G,
            counts=counts,
            sequence_number=self._number,
            boot_id=1,
        )


def factory(fs: float, position: str) -> Scored:
    """A fresh detector for one recording at `fs` Hz, worn at `position`."""
    return Scored(fs, position)
