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
# Times further than this from the grid of their chunk, in steps, are no sensor's clock: stamps
# rounded to a ms are off by 0.1 at 200 Hz.
_OFF_GRID_STEPS: Final = 0.15
# Samples that arrive later than this and do not catch up come after a loss; less is the radio
# (the stream takes the same for jitter). Faster than this share of their time they catch up.
_LATE_S: Final = 0.25
_HURRY: Final = 0.5


class Chunks:
    """Chunks of a recording as waveform blocks of one stream; a chunk with a gap becomes two.

    Times on an even grid are the sensor's own: what is missing between them was lost. Times off
    any grid are those of arrival: a sample is never early, so the earliest ones tell the clock,
    late ones that catch up were only held up, and what stays late has lost samples before it.
    """

    def __init__(self, device_id: str, rate_hz: float) -> None:
        self._device_id, self._rate_hz = device_id, rate_hz
        self._number = 0
        self._end_s = 0.0
        self._arrivals = False

    def blocks(self, acc: FloatArray, t: FloatArray) -> list[Waveform]:
        """Blocks of samples `acc` (n, 3) in g at `t` (n,) in s, n > 0."""
        steps = (t - t[0]) * self._rate_hz
        self._arrivals |= bool(np.abs(steps - np.rint(steps)).max() > _OFF_GRID_STEPS)
        if self._arrivals:
            if not self._number:
                self._end_s = float((t - np.arange(len(t)) / self._rate_hz).min())
            return self._arrived(acc, t)
        gaps = np.flatnonzero(np.diff(steps) > _GAP_STEPS) + 1
        out = []
        for part in np.split(np.arange(len(t)), gaps):
            lost = (t[part[0]] - self._end_s) * self._rate_hz > _GAP_STEPS - 1.0
            out.append(self._block(acc[part], float(t[part[0]]), lost=lost))
        return out

    def _arrived(self, acc: FloatArray, t: FloatArray) -> list[Waveform]:
        late_s = t - (self._end_s + np.arange(len(t)) / self._rate_hz)
        least_s = np.minimum.accumulate(late_s[::-1])[::-1]
        held_up = (t[-1] - t[0]) * self._rate_hz < _HURRY * (len(t) - 1)
        cut = len(t) if held_up else int(np.searchsorted(least_s, _LATE_S, side="right"))
        out = []
        if cut:
            shift_s = 0.0 if held_up else max(float(least_s[0]), -_LATE_S)
            out.append(self._block(acc[:cut], self._end_s + shift_s, lost=False))
        if cut < len(t):
            start_s = float(t[cut] - late_s[cut] + least_s[cut])
            out.append(self._block(acc[cut:], start_s, lost=True))
        return out

    def _block(self, acc: FloatArray, start_s: float, *, lost: bool) -> Waveform:
        self._number += 2 if lost else 1
        self._end_s = start_s + len(acc) / self._rate_hz
        counts = np.clip(np.rint(acc / _SCALE_G), -_INT16_MAX - 1, _INT16_MAX).astype(np.int16)
        return Waveform(
            device_id=self._device_id,
            quantity=QUANTITY,
            start_ns=_EPOCH_NS + round(start_s * NS_PER_S),
            rate_hz=self._rate_hz,
            scale=_SCALE_G,
            full_scale=_FULL_SCALE_G,
            counts=counts,
            sequence_number=self._number,
            boot_id=1,
        )


class Scored:
    """`push` recordings chunk by chunk; the answer is true when a fall is suspected."""

    def __init__(self, fs: float, position: str, model: FallModel | None = None) -> None:
        self._detector = FallDetector(model)
        self._detector.open(_DEVICE, Position(position))
        self._chunks = Chunks(_DEVICE, fs)
        self.events: list[Event] = []

    def push(self, acc: FloatArray, gyr: FloatArray | None, t: FloatArray) -> bool:
        """Samples `acc` (n, 3) in g at `t` (n,) in s; `gyr` is not used."""
        del gyr
        if not len(t):
            return False
        events = self._detector.process(self._chunks.blocks(acc, t))
        self.events += events
        return any(event.kind is EventKind.FALL_SUSPECTED for event in events)


def factory(fs: float, position: str) -> Scored:
    """A fresh detector for one recording at `fs` Hz, worn at `position`."""
    return Scored(fs, position)
