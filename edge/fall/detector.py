"""Falls from the acceleration of a wearable: impact, decision, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.detector import SnapshotError
from edge.events import DetectorInfo, Event
from edge.fall.alignment import align, break_off
from edge.fall.bank import Bank
from edge.fall.decision import falls
from edge.fall.episodes import CANCEL_WINDOW_S, QUANTITY, Episodes
from edge.fall.model import GROUPS, FallModel, committed_model, group_of
from edge.fall.stream import Stream, pack, unpack
from edge.fall.window import CANDIDATE_G, IndexArray
from edge.signals import Int16Array, Position, Reading, Signal, Waveform

NAME: Final = "fall"
VERSION: Final = "0.3.0"
CANCEL: Final = "fall_cancel"


_Part = tuple[list[Stream], list[Waveform]]


class FallDetector:
    """A bank of streams, each one wearable.

    Events: suspected, then confirmed or recovered, or cancelled by the wearer.
    """

    def __init__(self, model: FallModel | None = None) -> None:
        self._model = model if model is not None else committed_model()
        self._banks: dict[float, Bank] = {}
        self._streams: dict[str, Stream] = {}
        self._round_number = 0
        self._info = DetectorInfo(
            NAME,
            VERSION,
            {
                "weights": self._model.digest,
                "candidate_g": CANDIDATE_G,
                "decide_at_trunk": self._model.forests["trunk"].decide_at,
                "decide_at_wrist": self._model.forests["wrist"].decide_at,
                "cancel_window_s": CANCEL_WINDOW_S,
            },
        )
        self._episodes = Episodes(NAME, self._model, self._info)

    @property
    def info(self) -> DetectorInfo:
        """Name, version, and the weights and thresholds in use."""
        return self._info

    @property
    def quantities(self) -> frozenset[str]:
        """Acceleration, which every wearable has, and the wearer's cancel."""
        return frozenset({QUANTITY, CANCEL})

    def counters(self, device_id: str) -> dict[str, int]:
        """Blocks ignored as older, samples filled, gaps that could not be filled."""
        counters = self._streams[device_id].counters
        return {
            "older_blocks": counters.older_blocks,
            "filled_samples": counters.filled_samples,
            "gaps": counters.gaps,
        }

    def open(self, device_id: str, position: Position | None) -> None:
        """Begin a stream, or learn that its position changed."""
        stream = self._streams.setdefault(device_id, Stream(device_id, position))
        stream.position = position

    def set_limit(self, device_id: str, decide_at: float) -> None:
        """The wearer's own limit: only what is at least this probable is told. 0: the model's."""
        self._streams[device_id].own_decide_at = decide_at

    def close(self, device_id: str) -> None:
        """Forget a stream."""
        self._release(self._streams.pop(device_id))

    def process(self, signals: Sequence[Signal]) -> list[Event]:
        """Advance the streams of `signals`; other quantities are passed over.

        Events come in the order they were decided.
        """
        events: list[Event] = []
        blocks: list[Waveform] = []
        for signal in signals:
            if signal.quantity == QUANTITY and isinstance(signal, Waveform):
                blocks.append(signal)
            elif signal.quantity == CANCEL and isinstance(signal, Reading) and signal.value == 1.0:
                self._take(blocks, events)
                blocks = []
                self._cancel(signal, events)
        self._take(blocks, events)
        events.sort(key=lambda event: (event.decided_ns, event.device_id))
        return events

    def _cancel(self, reading: Reading, events: list[Event]) -> None:
        """The wearer says that it was no fall. It counts when the samples come to its time."""
        stream = self._streams[reading.device_id]
        stream.keep_cancel(reading.time_ns, reading.origin)
        if stream.row >= 0:
            events.extend(self._episodes.moments(stream, self._banks[stream.rate_hz], []))

    def _take(self, blocks: list[Waveform], events: list[Event]) -> None:
        """The first block of every stream, then the second ones, and so on."""
        while blocks:
            parts, blocks = self._round(blocks)
            for rate_hz, (streams, mine) in parts.items():
                bank = self._banks[rate_hz]
                self._advance(bank, *_aligned(bank, streams, mine), events)

    def snapshot(self, device_id: str) -> bytes:
        """The whole state of one stream: about 3 KB at 50 Hz, more while a fall is followed."""
        stream = self._streams[device_id]
        if stream.row < 0:
            return pack(stream, {}, np.zeros((0, 3), dtype=np.int16))
        bank, row = self._banks[stream.rate_hz], stream.row
        count = int(bank.count[row])
        first = max(int(bank.segment[row]), count - bank.length)
        state = {
            "count": count,
            "segment": int(bank.segment[row]),
            "anchor_ns": int(bank.anchor_ns[row]),
            "anchor_index": int(bank.anchor_index[row]),
            "first": first,
        }
        return pack(stream, state, bank.recent(row, first, count - 1))

    def restore(self, device_id: str, snapshot: bytes) -> None:
        """Take a stream back to its snapshot. Raises SnapshotError."""
        stream, state, recent = unpack(device_id, snapshot)
        old = self._streams.get(device_id)
        if old is not None:
            self._release(old)
            stream.position = old.position  # where it is worn now is for `open` to say
            stream.own_decide_at = old.own_decide_at
        if state:
            bank = self._bank(stream.rate_hz)
            if len(recent) > bank.length:
                raise SnapshotError("fall: snapshot holds more samples than a stream has")
            row = bank.add(stream.scale_g, state["anchor_ns"])
            for name in ("count", "segment", "anchor_ns", "anchor_index"):
                getattr(bank, name)[row] = state[name]
            index = np.arange(state["first"], state["count"]) % bank.length
            bank.ring[row, index] = recent
            bank.hot[row] = True  # what is hot is found again by looking
            stream.row = row
        self._streams[device_id] = stream

    def _release(self, stream: Stream) -> None:
        if stream.row >= 0:
            bank = self._banks[stream.rate_hz]
            bank.remove(stream.row)
            if bank.is_empty:
                del self._banks[stream.rate_hz]

    def _bank(self, rate_hz: float) -> Bank:
        if rate_hz not in self._banks:
            self._banks[rate_hz] = Bank(rate_hz)
        return self._banks[rate_hz]

    def _round(self, blocks: list[Waveform]) -> tuple[dict[float, _Part], list[Waveform]]:
        """The first block of each stream by the rate of its bank, and the blocks left over."""
        self._round_number += 1
        number, known = self._round_number, self._streams
        parts: dict[float, _Part] = {}
        left: list[Waveform] = []
        last_hz, streams, mine = 0.0, list[Stream](), list[Waveform]()
        for block in blocks:
            stream = known[block.device_id]
            if stream.round_number == number:
                left.append(block)
                continue
            stream.round_number = number
            # The usual case first, without a call: nearly all blocks are like the one before.
            if (
                block.scale != stream.scale_g
                or block.rate_hz != stream.rate_hz
                or block.full_scale != stream.full_scale_g
                or block.origin is not stream.origin
            ) and not stream.fits(block):
                self._begin(stream, block)
            rate_hz = stream.rate_hz
            if rate_hz != last_hz:
                last_hz = rate_hz
                streams, mine = parts.setdefault(rate_hz, ([], []))
            streams.append(stream)
            mine.append(block)
        return parts, left

    def _begin(self, stream: Stream, block: Waveform) -> None:
        """First block, or a device that changed its ways: nothing before it is comparable."""
        known = stream.row >= 0
        self._release(stream)
        stream.rate_hz, stream.scale_g = block.rate_hz, block.scale
        stream.full_scale_g, stream.origin = block.full_scale, block.origin
        bank = self._bank(block.rate_hz)
        stream.row = bank.add(block.scale, block.start_ns)
        if known:
            break_off(stream, bank, block.start_ns, 0.0)

    def _advance(
        self, bank: Bank, streams: list[Stream], fresh: list[Int16Array], events: list[Event]
    ) -> None:
        """Append to each stream, piece by piece; streams with pieces of one size go together."""
        while streams:
            lengths = np.fromiter(map(len, fresh), np.int64, len(fresh))
            sizes = np.minimum(lengths, bank.piece)
            if (lengths == sizes[0]).all():
                self._push(bank, streams, fresh, events)
                return
            for size in np.unique(sizes):
                places = np.flatnonzero(sizes == size)
                mine = [streams[k] for k in places]
                self._push(bank, mine, [fresh[k][:size] for k in places], events)
            left = np.flatnonzero(lengths > bank.piece)
            streams = [streams[k] for k in left]
            fresh = [fresh[k][bank.piece :] for k in left]

    def _push(
        self, bank: Bank, streams: list[Stream], pieces: list[Int16Array], events: list[Event]
    ) -> None:
        rows = np.array([stream.row for stream in streams])
        size = len(pieces[0])
        counts = np.concatenate(pieces).reshape(len(pieces), size, 3)
        looks = np.flatnonzero(bank.push(rows, counts))
        impacts = self._impacts(bank, streams, rows, looks, size)
        followed = [k for k, stream in enumerate(streams) if stream.is_followed]
        for place in sorted({*followed, *impacts}):
            stream = streams[place]
            self._episodes.keep_evidence(stream, bank, counts[place])
            events.extend(self._episodes.moments(stream, bank, impacts.get(place, [])))

    def _impacts(
        self, bank: Bank, streams: list[Stream], rows: IndexArray, looks: IndexArray, size: int
    ) -> dict[int, list[tuple[int, float]]]:
        """By place in `streams`: impacts now decided to be falls, with their probabilities."""
        found: dict[int, list[tuple[int, float]]] = {}
        if not len(looks):
            return found
        place, peaks = bank.due_peaks(rows[looks], size)
        place = looks[place]
        group = np.array([group_of(streams[k].position) for k in place])
        for name in GROUPS:
            mine = np.flatnonzero(group == name)
            if not len(mine):
                continue
            position = streams[place[mine[0]]].position
            own = rows[place[mine]]
            windows, scale_g = bank.windows(own, peaks[mine]), bank.scale_g[own]
            called, chance = falls(windows, scale_g, bank.rate_hz, self._model, position)
            for k in np.flatnonzero(called):
                if chance[k] < streams[place[mine[k]]].own_decide_at:
                    continue
                impact = (int(peaks[mine[k]]), float(chance[k]))
                found.setdefault(int(place[mine[k]]), []).append(impact)
        return found


def _aligned(
    bank: Bank, streams: list[Stream], blocks: list[Waveform]
) -> tuple[list[Stream], list[Int16Array]]:
    """What to append to which stream; most blocks simply follow and need no thought."""
    rows = np.array([stream.row for stream in streams])
    steps = bank.steps_off(rows, np.array([block.start_ns for block in blocks]))
    fresh: list[Int16Array | None] = [block.counts for block in blocks]
    for place in np.flatnonzero(steps):
        fresh[place] = align(streams[place], bank, blocks[place])
    for stream, block, counts in zip(streams, blocks, fresh, strict=True):
        if counts is not None:
            stream.boot_id, stream.sequence_number = block.boot_id, block.sequence_number
    kept = [counts for counts in fresh if counts is not None]
    if len(kept) < len(fresh):
        streams = [s for s, counts in zip(streams, fresh, strict=True) if counts is not None]
    return streams, kept
