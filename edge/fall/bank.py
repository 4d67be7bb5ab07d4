"""Recent samples of many streams of one sampling rate, as arrays.

Sample indices of a stream grow without end; a `segment` is a run of samples without an
unfillable gap, and nothing before its start is ever used.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.fall.window import (
    CANDIDATE_G,
    PEAK_GUARD_S,
    WINDOW_AFTER_S,
    IndexArray,
    samples,
    squared_g2,
    window_span,
)
from edge.signals import NS_PER_S, FloatArray, Int16Array

# What the ring holds: evidence of 6 s before an impact, the 2 s until its decision, and one
# piece of up to 1 s that arrives at once. In whole pieces, so that a block of one piece is one
# copy: 10 pieces, at 50 Hz 3 KB per stream.
EVIDENCE_BEFORE_S: Final = 6.0
PIECE_S: Final = 1.0
_RING_PIECES: Final = 1 + round((EVIDENCE_BEFORE_S + WINDOW_AFTER_S + PIECE_S) / PIECE_S)
# The quick look at whole blocks works in float32; this margin is far above its rounding error,
# so it never overlooks what the exact look would find.
_QUICK_MARGIN: Final = 0.999
# Sample times are whole ns: this much of a step is rounding and not time.
_STEP_ROUNDING: Final = 1e-6


class Bank:
    """State of the streams of one rate. Arrays have one row per stream; rows are reused."""

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.piece = samples(PIECE_S, rate_hz)
        self.length = _RING_PIECES * self.piece
        self.guard = samples(PEAK_GUARD_S, rate_hz)
        self.before, self.after = window_span(rate_hz)
        self.ring: Int16Array = np.zeros((0, self.length, 3), dtype=np.int16)
        self.scale_g: FloatArray = np.zeros(0)
        self.count: IndexArray = np.zeros(0, dtype=np.int64)
        self.segment: IndexArray = np.zeros(0, dtype=np.int64)
        self.anchor_ns: IndexArray = np.zeros(0, dtype=np.int64)
        self.anchor_index: IndexArray = np.zeros(0, dtype=np.int64)
        # Per piece of the ring: may a candidate be in it? Kept so that calm pieces cost nothing.
        self.hot: npt.NDArray[np.bool_] = np.zeros((0, _RING_PIECES), dtype=np.bool_)
        self._free: list[int] = []

    def add(self, scale_g: float, start_ns: int) -> int:
        """Take a row for a new stream whose first sample is at `start_ns`."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        self.scale_g[row] = scale_g
        for column in (self.count, self.segment, self.anchor_index):
            column[row] = 0
        self.anchor_ns[row] = start_ns
        self.hot[row] = False
        return row

    def remove(self, row: int) -> None:
        """Give a row back."""
        self._free.append(row)

    @property
    def is_empty(self) -> bool:
        """Whether no stream is left."""
        return len(self._free) == len(self.count)

    def _grow(self) -> None:
        old = len(self.count)
        new = max(1, 2 * old)
        self._free.extend(range(new - 1, old - 1, -1))
        self.ring = np.concatenate([self.ring, np.zeros((new - old, self.length, 3), np.int16)])
        self.hot = np.concatenate([self.hot, np.zeros((new - old, _RING_PIECES), np.bool_)])
        self.scale_g = np.resize(self.scale_g, new)
        for name in ("count", "segment", "anchor_ns", "anchor_index"):
            setattr(self, name, np.resize(getattr(self, name), new))

    def time_ns(self, row: int, index: int) -> int:
        """Time of a sample: counted from the anchor, so that block borders leave no rounding."""
        steps = index - int(self.anchor_index[row])
        return int(self.anchor_ns[row]) + round(steps * NS_PER_S / self.rate_hz)

    def index_at(self, row: int, time_ns: int) -> int:
        """The first sample of a row, come or to come, that is not before `time_ns`."""
        steps = (time_ns - int(self.anchor_ns[row])) * self.rate_hz / NS_PER_S
        return int(self.anchor_index[row]) + math.ceil(steps - _STEP_ROUNDING)

    def steps_off(self, rows: IndexArray, start_ns: IndexArray) -> IndexArray:
        """By how many samples (r,) blocks that start at `start_ns` (r,) are off."""
        steps = self.count[rows] - self.anchor_index[rows]
        expected_ns = self.anchor_ns[rows] + np.rint(steps * (NS_PER_S / self.rate_hz)).astype(
            np.int64
        )
        off: IndexArray = np.rint((start_ns - expected_ns) * (self.rate_hz / NS_PER_S)).astype(
            np.int64
        )
        return off

    def anchor(self, row: int, start_ns: int) -> None:
        """The next sample of this stream is at `start_ns`."""
        self.anchor_ns[row] = start_ns
        self.anchor_index[row] = self.count[row]

    def new_segment(self, row: int, start_ns: int) -> None:
        """Forget the samples so far: what comes next does not follow them."""
        self.segment[row] = self.count[row]
        self.anchor(row, start_ns)

    def push(self, rows: IndexArray, counts: Int16Array) -> npt.NDArray[np.bool_]:
        """Append `counts` (r, n, 3), n <= `piece`, to `rows`; say which rows need a closer look."""
        size = counts.shape[1]
        start = self.count[rows]
        whole = start // self.piece
        if size == self.piece and bool((whole * self.piece == start).all()):
            pieces = self.ring.reshape(len(self.ring), _RING_PIECES, self.piece, 3)
            pieces[rows, whole % _RING_PIECES] = counts
        else:
            self.ring[rows[:, None], (start[:, None] + np.arange(size)) % self.length] = counts
        self.count[rows] = start + size
        squares = counts.astype(np.float32)
        squares *= squares
        squared = squares[:, :, 0] + squares[:, :, 1] + squares[:, :, 2]
        limit = (_QUICK_MARGIN * CANDIDATE_G / self.scale_g[rows]) ** 2
        hot = squared.max(axis=1) >= limit
        last = (start + size - 1) // self.piece
        fresh = last * self.piece >= start  # the block begins the piece it ends in
        self.hot[rows[fresh], last[fresh] % _RING_PIECES] = False
        self.hot[rows[hot], whole[hot] % _RING_PIECES] = True
        self.hot[rows[hot], last[hot] % _RING_PIECES] = True
        low, high = start - self.after, start + size - 1 - self.after
        early: npt.NDArray[np.bool_] = self.hot[rows, low // self.piece % _RING_PIECES]
        late: npt.NDArray[np.bool_] = self.hot[rows, high // self.piece % _RING_PIECES]
        return np.logical_or(early, late)

    def recent(self, row: int, first: int, last: int) -> Int16Array:
        """Samples `first`..`last` (inclusive) of a row, shape (n, 3)."""
        held: Int16Array = self.ring[row, np.arange(first, last + 1) % self.length]
        return held

    def recent_g(self, row: int, first: int, last: int) -> FloatArray:
        """The same in g."""
        return self.recent(row, first, last) * np.float64(self.scale_g[row])

    def due_peaks(self, rows: IndexArray, size: int) -> tuple[IndexArray, IndexArray]:
        """Candidates whose window was completed by the last `size` samples of each row.

        Returns places in `rows` and sample indices, by row and then by time.
        """
        low = self.count[rows] - size - self.after
        # A piece is no longer than the guard, so there is at most one candidate in it, and where
        # a row's highest due sample is too low there is none.
        index = low[:, None] + np.arange(size)
        due = self._squared(rows, index, self._due(rows, low, index))
        best = due.argmax(axis=1)
        top = due[np.arange(len(due)), best]
        place = np.flatnonzero(top >= CANDIDATE_G * CANDIDATE_G)
        peaks = low[place] + best[place]
        around = np.concatenate([np.arange(-self.guard, 0), np.arange(1, self.guard + 1)])
        index = peaks[:, None] + around
        near = self._squared(rows[place], index, self._gather(rows[place], index))
        found = (near[:, : self.guard] < top[place, None]).all(axis=1)
        found &= (near[:, self.guard :] <= top[place, None]).all(axis=1)
        return place[found], peaks[found]

    def _due(self, rows: IndexArray, low: IndexArray, index: IndexArray) -> Int16Array:
        """Samples `index` (r, n) of `rows`, which begin at `low`: a whole piece in one copy."""
        if index.shape[1] == self.piece and not (low % self.piece).any():
            pieces = self.ring.reshape(len(self.ring), _RING_PIECES, self.piece, 3)
            held: Int16Array = pieces[rows, low // self.piece % _RING_PIECES]
            return held
        return self._gather(rows, index)

    def _squared(self, rows: IndexArray, index: IndexArray, counts: Int16Array) -> FloatArray:
        """Squared magnitude in g^2 of samples `index` (r, n) of `rows`; -1 before the segment."""
        squared = squared_g2(counts, self.scale_g[rows, None])
        squared[index < self.segment[rows, None]] = -1.0
        return squared

    def windows(self, rows: IndexArray, peaks: IndexArray) -> Int16Array:
        """Decision windows (n, before + 1 + after, 3), counts.

        A missing beginning repeats the first sample.
        """
        index = peaks[:, None] + np.arange(-self.before, self.after + 1)
        return self._gather(rows, np.maximum(index, self.segment[rows, None]))

    def _gather(self, rows: IndexArray, index: IndexArray) -> Int16Array:
        """Samples `index` (r, n) of `rows`, shape (r, n, 3)."""
        flat = index % self.length
        flat += rows[:, None] * self.length
        held: Int16Array = self.ring.reshape(-1, 3).take(flat, axis=0)
        return held
