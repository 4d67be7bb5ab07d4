"""Vital signs of many beds at once: bed motion blocks in, readings out.

Not a detector: what it gives are readings like any device's (`respiration_rate`, `heart_rate`,
their qualities, `body_movement`, `in_bed`), which then go to the detectors and to the series.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.detector import SnapshotError
from edge.signals import NS_PER_S, FloatArray, Int16Array, Origin, Reading, Signal, Waveform
from edge.vitals import heart, respiration, still
from edge.vitals.still import HISTORY, HOP_S, PER_WINDOW, History, Look

QUANTITY: Final = "bed_motion"
VERSION: Final = "0.2.0"
# Below this the breathing band is not all there.
MIN_RATE_HZ: Final = 4.0
# A block that follows the last one by number has lost nothing; beyond this its clock has stepped.
JITTER_MAX_S: Final = 0.25
# Two ways of finding the breathing rate may differ by this much (out-of-night figures: the card).
MAX_DISAGREEMENT: Final = 2.0
# Below, the simulated errors over 5 /min become more than 3 in 100 (the card).
MIN_HEART_QUALITY: Final = 0.25
# An empty bed swings less than this share of a sleeper's usual swing, for two reports; a body is
# back above the second.
_EMPTY_SHARE: Final = 0.15
_BODY_SHARE: Final = 0.3
_EMPTY_REPORTS: Final = 2
_BREATH_REPORTS: Final = 2
# A second that swings this many times the usual 10 s swing has movement in it.
_MOVED: Final = 2.0
_SECONDS: Final = round(HOP_S)
_MAGIC: Final = b"YVB1"
_CRC_BYTES: Final = 4
_LENGTH_BYTES: Final = 4
_HEAD: Final = len(_MAGIC) + _CRC_BYTES
Trace = Callable[[str, int, Look, History], None]


@dataclass(slots=True)
class _Place:
    """Where a stream is in its series of blocks."""

    rate_hz: float = 0.0
    scale: float = 0.0
    boot_id: int = 0
    sequence_number: int = -1
    end_ns: int = 0
    count: int = 0  # samples since the last gap
    occupied: bool | None = None
    empty_reports: int = 0
    breath_reports: int = 0
    origin: Origin = Origin.LIVE
    older_blocks: int = 0
    gaps: int = 0
    unusable_blocks: int = 0


class _Bed:
    """One stream: its place, the last minute of samples, and the history of swings."""

    def __init__(self) -> None:
        self.place = _Place()
        self.samples: Int16Array = np.zeros(0, dtype=np.int16)
        self.filled = 0
        self.history = History()

    @property
    def window(self) -> int:
        """Samples in 60 s."""
        return round(respiration.WINDOW_S * self.place.rate_hz)

    @property
    def hop(self) -> int:
        """Samples in 10 s."""
        return round(HOP_S * self.place.rate_hz)

    def restart(self, block: Waveform) -> None:
        """After a gap or a change of rate or scale nothing before counts."""
        place = self.place
        place.rate_hz, place.scale, place.count = block.rate_hz, block.scale, 0
        if len(self.samples) != 2 * self.window:
            self.samples = np.zeros(2 * self.window, dtype=np.int16)
        self.filled = 0

    def add(self, counts: Int16Array) -> None:
        """Append at most one hop of samples."""
        if self.filled + len(counts) > len(self.samples):
            keep = self.window
            self.samples[:keep] = self.samples[self.filled - keep : self.filled]
            self.filled = keep
        self.samples[self.filled : self.filled + len(counts)] = counts
        self.filled += len(counts)
        self.place.count += len(counts)

    def minute(self) -> Int16Array:
        """A copy of the last 60 s."""
        return self.samples[self.filled - self.window : self.filled].copy()


@dataclass(frozen=True, slots=True, eq=False)
class _Due:
    """A full window that waits to be judged with the others."""

    device_id: str
    end_ns: int
    samples: Int16Array


class VitalsBank:
    """A bank of bed motion streams. Same rules as a Detector: deterministic, any chunking."""

    def __init__(self, trace: Trace | None = None) -> None:
        self._beds: dict[str, _Bed] = {}
        self._trace = trace

    @property
    def quantities(self) -> frozenset[str]:
        """Only `bed_motion`."""
        return frozenset({QUANTITY})

    def open(self, device_id: str) -> None:
        """Begin a stream; a known one stays as it is."""
        self._beds.setdefault(device_id, _Bed())

    def close(self, device_id: str) -> None:
        """Forget a stream."""
        self._beds.pop(device_id, None)

    def counters(self, device_id: str) -> dict[str, int]:
        """Blocks not used: older than the last, too slow a rate; and gaps."""
        place = self._beds[device_id].place
        return {
            "older_blocks": place.older_blocks,
            "unusable_blocks": place.unusable_blocks,
            "gaps": place.gaps,
        }

    def process(self, signals: Sequence[Signal]) -> list[Reading]:
        """Advance the streams (each opened before); readings in the order of their time."""
        dues: dict[float, list[_Due]] = {}
        for signal in signals:
            if isinstance(signal, Waveform) and signal.quantity == QUANTITY:
                self._block(signal, dues)
        readings = [reading for group in dues.values() for reading in self._judge(group)]
        readings.sort(key=lambda reading: (reading.time_ns, reading.device_id, reading.quantity))
        return readings

    def _block(self, block: Waveform, dues: dict[float, list[_Due]]) -> None:
        bed = self._beds[block.device_id]
        place = bed.place
        if block.rate_hz < MIN_RATE_HZ:
            place.unusable_blocks += 1
            return
        after = (block.boot_id, block.sequence_number)
        if after <= (place.boot_id, place.sequence_number):
            place.older_blocks += 1
            return
        follows = after == (place.boot_id, place.sequence_number + 1)
        near = abs(block.start_ns - place.end_ns) <= JITTER_MAX_S * NS_PER_S
        if not (follows and near) or (block.rate_hz, block.scale) != (place.rate_hz, place.scale):
            place.gaps += place.count > 0
            bed.restart(block)
        place.boot_id, place.sequence_number = after
        place.origin, place.end_ns = block.origin, block.end_ns
        counts = block.counts[:, 0]
        done = 0
        while done < len(counts):
            piece = min(bed.hop - place.count % bed.hop, len(counts) - done)
            bed.add(counts[done : done + piece])
            done += piece
            if place.count % bed.hop == 0 and place.count >= bed.window:
                end_ns = block.start_ns + round(done * NS_PER_S / block.rate_hz)
                due = _Due(block.device_id, end_ns, bed.minute())
                dues.setdefault(block.rate_hz, []).append(due)

    def _judge(self, dues: list[_Due]) -> list[Reading]:
        """Windows of one rate, all at once; then each bed's own history, in order."""
        rate_hz = self._beds[dues[0].device_id].place.rate_hz
        counts = np.stack([due.samples for due in dues]).astype(np.float64)
        slow = respiration.resample(counts, respiration.SAMPLES)
        breath = respiration.breathing(slow)
        by_second = np.ptp(slow.reshape(len(dues), -1, round(respiration.RATE_HZ)), axis=2)
        swings = np.ptp(slow.reshape(len(dues), PER_WINDOW, -1), axis=2)
        fives = np.ptp(slow.reshape(len(dues), 2 * PER_WINDOW, -1), axis=2)
        local = fives.max(axis=1) / np.maximum(np.median(fives, axis=1), 1e-9)
        beats = None
        if rate_hz >= heart.MIN_RATE_HZ:
            last = counts[:, -round(heart.WINDOW_S * rate_hz) :]
            beats = heart.heart(respiration.resample(last, heart.SAMPLES))
        readings: list[Reading] = []
        for k, due in enumerate(dues):
            look = Look(
                swings[k],
                float(local[k]),
                float(breath.regularity[k]),
                float(breath.disagreement[k]),
                float(breath.spread[k]),
            )
            pulse = None if beats is None else (float(beats.rate[k]), float(beats.quality[k]))
            rate = float(breath.rate[k])
            readings += self._report(due, look, rate, pulse, by_second[k, -_SECONDS:])
        return readings

    def _report(
        self,
        due: _Due,
        look: Look,
        rate: float,
        pulse: tuple[float, float] | None,
        by_second: FloatArray,
    ) -> list[Reading]:
        bed = self._beds[due.device_id]
        if bed.history.count == 0:
            for swing in look.swings[:-1]:
                bed.history.add(float(swing))
        if self._trace is not None:
            self._trace(due.device_id, due.end_ns, look, bed.history)
        moved = still.moving(look, bed.history) >= still.MOVING_FROM
        usual = bed.history.quantiles()[2] if bed.history.count else float(look.swings[-1])
        beats = pulse is not None and pulse[1] >= MIN_HEART_QUALITY
        self._occupancy(bed, look, usual, beats=beats)
        if bed.place.occupied is not False:
            bed.history.add(float(look.swings[-1]))
            bed.history.check_takeover(look)
        # The noise of a bed just left repeats now and then. Where a heart would be heard and is
        # not, no rate is told of it; a slow stream cannot tell it from shallow breath.
        may_be_empty = pulse is not None and bed.place.empty_reports > 0
        quiet = not moved and bed.place.occupied is True and not may_be_empty
        steady = quiet and look.disagreement <= MAX_DISAGREEMENT
        movement = float(np.mean(by_second > _MOVED * usual))
        values = {
            "body_movement": movement,
            "respiration_rate_quality": look.regularity if steady else 0.0,
        }
        if steady:
            values["respiration_rate"] = rate
        if pulse is not None:
            counted = quiet and beats
            values["heart_rate_quality"] = pulse[1] if counted else 0.0
            if counted:
                values["heart_rate"] = pulse[0]
        if bed.place.occupied is not None:
            values["in_bed"] = float(bed.place.occupied)
        origin = bed.place.origin
        return [
            Reading(due.device_id, name, due.end_ns, round(value, 2), origin)
            for name, value in values.items()
        ]

    @staticmethod
    def _occupancy(bed: _Bed, look: Look, usual: float, *, beats: bool) -> None:
        """Known once somebody was seen to breathe there; empty is a small swing without life.

        Who stops breathing lies as still as an empty bed, but for the heart: where it is heard, it
        keeps them in. Once they have left it is gone with the second report (three parts of ten
        seconds must agree on it); noise alone is taken for a heart in 2 windows of 1,000.
        """
        place, swing = bed.place, float(look.swings[-1])
        if place.occupied is None:
            # Noise looks like breath now and then: it takes breath beyond doubt, and twice.
            place.breath_reports = place.breath_reports + 1 if look.breathes else 0
            place.occupied = True if place.breath_reports >= _BREATH_REPORTS else None
            return
        empty = swing < _EMPTY_SHARE * usual and not look.breathes and not beats
        place.empty_reports = place.empty_reports + 1 if empty else 0
        if place.occupied and place.empty_reports >= _EMPTY_REPORTS:
            place.occupied = False
        elif not place.occupied and (swing > _BODY_SHARE * usual or look.breathes):
            place.occupied = True

    def snapshot(self, device_id: str) -> bytes:
        """The whole state of one stream: at 100 Hz 12 KB of samples and up to 12 KB of swings."""
        bed = self._beds[device_id]
        place = {name: getattr(bed.place, name) for name in _Place.__slots__}
        kept = min(bed.filled, bed.window)
        known = min(bed.history.count, HISTORY)
        head = json.dumps(
            {"version": VERSION, "place": place, "kept": kept, "swings": bed.history.count}
        ).encode()
        samples = bed.samples[bed.filled - kept : bed.filled]
        body = (
            len(head).to_bytes(_LENGTH_BYTES, "little")
            + head
            + samples.astype("<i2").tobytes()
            + bed.history.swings[:known].astype("<f4").tobytes()
        )
        return _MAGIC + zlib.crc32(body).to_bytes(_CRC_BYTES, "little") + body

    def restore(self, device_id: str, snapshot: bytes) -> None:
        """Take a stream back to its snapshot. Raises SnapshotError, changing nothing."""
        body = snapshot[_HEAD:]
        if snapshot[:_HEAD] != _MAGIC + zlib.crc32(body).to_bytes(_CRC_BYTES, "little"):
            raise SnapshotError("vitals bank: not a snapshot of this bank, or damaged")
        start = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "little")
        head = json.loads(body[_LENGTH_BYTES:start])
        if head["version"] != VERSION:
            raise SnapshotError(f"vitals bank: snapshot version {head['version']} is not {VERSION}")
        bed = _Bed()
        bed.place = _Place(**{**head["place"], "origin": Origin(head["place"]["origin"])})
        split = start + 2 * head["kept"]
        bed.samples = np.zeros(2 * bed.window, dtype=np.int16)
        bed.filled = head["kept"]
        bed.samples[: bed.filled] = np.frombuffer(body[start:split], dtype="<i2")
        swings = np.frombuffer(body[split:], dtype="<f4")
        bed.history.count = head["swings"]
        bed.history.swings[: len(swings)] = swings
        self._beds[device_id] = bed
