"""Falls from the acceleration of a wearable: impact, decision, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from edge.detector import SnapshotError
from edge.events import DetectorInfo, Event, EventKind, Evidence, Reason, stable_id
from edge.fall.alignment import align, break_off
from edge.fall.bank import EVIDENCE_BEFORE_S, Bank
from edge.fall.decision import explain_fall, falls, starts_safely, upright_g
from edge.fall.followup import NO_RECOVERY_S, FollowUp, Outcome
from edge.fall.model import GROUPS, FallModel, committed_model, group_of
from edge.fall.stream import Episode, Stream, pack, unpack
from edge.fall.window import (
    CANDIDATE_G,
    WINDOW_AFTER_S,
    WINDOW_BEFORE_S,
    IndexArray,
    samples,
)
from edge.signals import NS_PER_S, FloatArray, Int16Array, Position, Signal, Waveform

NAME: Final = "fall"
VERSION: Final = "0.2.0"
QUANTITY: Final = "acceleration"
BYTES_PER_SAMPLE: Final = 6

# One fall is one episode: further impacts this soon are the same fall (rebound, struggling).
SAME_FALL_S: Final = 10.0
# Evidence reaches at most this far beyond the impact: as long as anything can be concluded
# for a suspicion. 68 s at 50 Hz are 20 KB, held only while an episode is open.
EVIDENCE_AFTER_S: Final = NO_RECOVERY_S + WINDOW_AFTER_S
# Starts tried for the evidence, in s before the impact: the first from which a fresh detector
# takes the same decision.
_EVIDENCE_STARTS_S: Final = (EVIDENCE_BEFORE_S, 5.0, 4.0, WINDOW_BEFORE_S)

_EVENT_OF: Final = {
    Outcome.CONFIRMED: EventKind.FALL_CONFIRMED,
    Outcome.RECOVERED: EventKind.FALL_RECOVERED,
}


class FallDetector:
    """A bank of streams, each one wearable. Events: suspected, then confirmed or recovered."""

    def __init__(self, model: FallModel | None = None) -> None:
        self._model = model if model is not None else committed_model()
        self._banks: dict[float, Bank] = {}
        self._streams: dict[str, Stream] = {}
        self._info = DetectorInfo(
            NAME,
            VERSION,
            {
                "weights": self._model.digest,
                "candidate_g": CANDIDATE_G,
                "decide_at_trunk": self._model.forests["trunk"].decide_at,
                "decide_at_wrist": self._model.forests["wrist"].decide_at,
            },
        )

    @property
    def info(self) -> DetectorInfo:
        """Name, version, and the weights and thresholds in use."""
        return self._info

    @property
    def quantities(self) -> frozenset[str]:
        """Acceleration only: every wearable has it."""
        return frozenset({QUANTITY})

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

    def close(self, device_id: str) -> None:
        """Forget a stream."""
        self._release(self._streams.pop(device_id))

    def process(self, signals: Sequence[Signal]) -> list[Event]:
        """Advance the streams of `signals`; other quantities than acceleration are passed over.

        Events come in the order they were decided.
        """
        events: list[Event] = []
        blocks = [s for s in signals if isinstance(s, Waveform) and s.quantity == QUANTITY]
        for now in _rounds(blocks):
            for bank, streams, bank_blocks in self._by_bank(now):
                self._advance(bank, *_aligned(bank, streams, bank_blocks), events)
        events.sort(key=lambda event: (event.decided_ns, event.device_id))
        return events

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

    def _by_bank(
        self, blocks: Iterable[Waveform]
    ) -> list[tuple[Bank, list[Stream], list[Waveform]]]:
        """Blocks and their streams, by the bank they go to."""
        parts: dict[float, tuple[list[Stream], list[Waveform]]] = {}
        for block in blocks:
            stream = self._streams[block.device_id]
            if not stream.fits(block):
                self._begin(stream, block)
            streams, mine = parts.setdefault(stream.rate_hz, ([], []))
            streams.append(stream)
            mine.append(block)
        return [(self._banks[rate_hz], *part) for rate_hz, part in parts.items()]

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
            sizes = np.minimum([len(counts) for counts in fresh], bank.piece)
            for size in np.unique(sizes):
                places = np.flatnonzero(sizes == size)
                mine = [streams[k] for k in places]
                self._push(bank, mine, [fresh[k][:size] for k in places], events)
            left = [k for k, counts in enumerate(fresh) if len(counts) > bank.piece]
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
        followed = [k for k, stream in enumerate(streams) if stream.episode is not None]
        for place in sorted({*followed, *impacts}):
            stream = streams[place]
            self._keep_evidence(stream, bank, counts[place])
            events.extend(self._moments(stream, bank, impacts.get(place, [])))

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
            windows_g = bank.windows_g(rows[place[mine]], peaks[mine])
            position = streams[place[mine[0]]].position
            called, chance = falls(windows_g, bank.rate_hz, self._model, position)
            for k in np.flatnonzero(called):
                impact = (int(peaks[mine[k]]), float(chance[k]))
                found.setdefault(int(place[mine[k]]), []).append(impact)
        return found

    def _keep_evidence(self, stream: Stream, bank: Bank, counts: Int16Array) -> None:
        episode = stream.episode
        if episode is not None and not episode.frozen:
            limit_s = EVIDENCE_BEFORE_S + EVIDENCE_AFTER_S
            room = BYTES_PER_SAMPLE * samples(limit_s, bank.rate_hz) - len(episode.samples)
            episode.samples += counts.astype("<i2").tobytes()[: max(0, room)]

    def _moments(
        self, stream: Stream, bank: Bank, impacts: list[tuple[int, float]]
    ) -> Iterator[Event]:
        """Seconds that ended and windows that closed, in the order of their last sample."""
        last = int(bank.count[stream.row]) - 1
        waiting = list(impacts)
        while True:
            second = stream.episode.second_end if stream.episode is not None else last + 1
            if second <= last and not (waiting and waiting[0][0] + bank.after < second):
                yield from self._second(stream, bank)
            elif waiting:
                yield from self._fall(stream, bank, *waiting.pop(0))
            else:
                return

    def _fall(self, stream: Stream, bank: Bank, peak: int, chance: float) -> Iterator[Event]:
        impact_ns = bank.time_ns(stream.row, peak)
        recent = stream.last_fall_ns
        if recent is not None and 0 <= impact_ns - recent < SAME_FALL_S * NS_PER_S:
            return
        window_g = bank.windows_g(np.array([stream.row]), np.array([peak]))[0]
        stream.last_fall_ns = impact_ns
        stream.episode = self._episode(stream, bank, peak, chance, window_g)
        reasons = explain_fall(window_g, bank.rate_hz, stream.full_scale_g, chance)
        yield self._event(stream, bank, EventKind.FALL_SUSPECTED, peak + bank.after, reasons)

    def _episode(
        self, stream: Stream, bank: Bank, peak: int, chance: float, window_g: FloatArray
    ) -> Episode:
        start = self._evidence_start(stream, bank, peak)
        held = bank.recent(stream.row, start, int(bank.count[stream.row]) - 1)
        impact_ns = bank.time_ns(stream.row, peak)
        upright = [float(x) for x in upright_g(window_g, bank.rate_hz)]
        return Episode(
            impact_ns=impact_ns,
            probability=chance,
            follow=FollowUp(upright, group_of(stream.position) == "trunk"),
            second_end=peak + bank.after + bank.piece,
            # Counted back from the impact, so that a replay puts the impact at the same ns.
            start_ns=impact_ns - round((peak - start) * NS_PER_S / bank.rate_hz),
            start_index=start,
            rate_hz=bank.rate_hz,
            scale_g=stream.scale_g,
            samples=bytearray(held.astype("<i2").tobytes()),
        )

    def _evidence_start(self, stream: Stream, bank: Bank, peak: int) -> int:
        """Where evidence begins: the earliest start that is proven to give the same decision."""
        segment = int(bank.segment[stream.row])
        oldest = max(segment, int(bank.count[stream.row]) - bank.length)
        for before_s in _EVIDENCE_STARTS_S:
            start = max(peak - samples(before_s, bank.rate_hz), oldest)
            values_g = bank.recent_g(stream.row, start, peak + bank.after)
            if starts_safely(values_g, peak - start, bank.rate_hz, self._model, stream.position):
                return start
        return max(peak - bank.before, oldest)

    def _second(self, stream: Stream, bank: Bank) -> Iterator[Event]:
        episode = stream.episode
        if episode is None:
            return
        end = episode.second_end
        values_g = bank.recent_g(stream.row, end - bank.piece + 1, end)
        episode.second_end = end + bank.piece
        concluded = episode.follow.second(values_g)
        if concluded is None:
            return
        outcome, reasons = concluded
        if outcome in _EVENT_OF:
            yield self._event(stream, bank, _EVENT_OF[outcome], end, reasons)
        if outcome is not Outcome.CONFIRMED:
            stream.episode = None

    def _event(
        self,
        stream: Stream,
        bank: Bank,
        kind: EventKind,
        decided: int,
        reasons: tuple[Reason, ...],
    ) -> Event:
        episode = stream.episode
        assert episode is not None  # noqa: S101  every event belongs to an open episode
        known = len(episode.samples)
        if not episode.frozen:
            known = BYTES_PER_SAMPLE * (decided - episode.start_index + 1)
        evidence = Evidence(
            quantity=QUANTITY,
            unit="g",
            start_ns=episode.start_ns,
            rate_hz=episode.rate_hz,
            scale=episode.scale_g,
            channels=3,
            counts=bytes(episode.samples[:known]),
            moment_ns=episode.impact_ns,
        )
        settings = self._info.settings | {
            "position": str(stream.position or ""),
            "full_scale_g": stream.full_scale_g,
        }
        return Event(
            event_id=stable_id(NAME, stream.device_id, kind, episode.impact_ns),
            episode_id=stable_id(NAME, stream.device_id, "episode", episode.impact_ns),
            kind=kind,
            device_id=stream.device_id,
            time_ns=episode.impact_ns,
            decided_ns=bank.time_ns(stream.row, decided),
            confidence=episode.probability,
            reasons=reasons,
            detector=replace(self._info, settings=settings),
            origin=stream.origin,
            evidence=evidence,
        )


def _aligned(
    bank: Bank, streams: list[Stream], blocks: list[Waveform]
) -> tuple[list[Stream], list[Int16Array]]:
    """What to append to which stream; most blocks simply follow and need no thought."""
    rows = np.array([stream.row for stream in streams])
    steps = bank.steps_off(rows, np.array([block.start_ns for block in blocks]))
    fresh: list[Int16Array | None] = [block.counts for block in blocks]
    for place in np.flatnonzero(steps):
        fresh[place] = align(streams[place], bank, blocks[place])
    kept: list[Int16Array] = []
    used: list[Stream] = []
    for stream, block, counts in zip(streams, blocks, fresh, strict=True):
        if counts is not None:
            stream.boot_id, stream.sequence_number = block.boot_id, block.sequence_number
            kept.append(counts)
            used.append(stream)
    return used, kept


def _rounds(blocks: Sequence[Waveform]) -> Iterable[list[Waveform]]:
    """The first block of every stream, then the second ones, and so on."""
    rounds: list[list[Waveform]] = []
    seen: dict[str, int] = {}
    for block in blocks:
        number = seen.get(block.device_id, 0)
        seen[block.device_id] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(block)
    return rounds
