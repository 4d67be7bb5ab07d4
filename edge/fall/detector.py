"""Falls from the acceleration of a wearable: impact, decision, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from edge.detector import SnapshotError
from edge.events import DetectorInfo, Event, EventKind, Evidence, Reason, stable_id
from edge.fall.bank import EVIDENCE_BEFORE_S, Bank
from edge.fall.decision import Verdict, cut_window, first_fall, judge
from edge.fall.followup import NO_RECOVERY_S, FollowUp, Outcome
from edge.fall.model import FallModel, committed_model, group_of
from edge.fall.stream import Episode, Stream, pack, unpack
from edge.fall.window import CANDIDATE_G, WINDOW_AFTER_S, WINDOW_BEFORE_S, samples
from edge.signals import NS_PER_S, Int16Array, Position, Signal, Waveform

NAME: Final = "fall"
VERSION: Final = "0.1.0"
QUANTITY: Final = "acceleration"

# Gaps up to this long are bridged by straight lines: one lost one-second block with its jitter.
# Longer ones are not: a line through an unseen impact would be an invention.
FILL_MAX_S: Final = 1.25
# A block that follows the last one by number has lost nothing, whatever its time stamp says;
# beyond this it is a clock step or a pause, not jitter of the radio.
JITTER_MAX_S: Final = 0.25
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
        """Advance the streams of `signals`; other quantities than acceleration are passed over."""
        events: list[Event] = []
        for signal in signals:
            if isinstance(signal, Waveform) and signal.quantity == QUANTITY:
                events.extend(self._block(signal))
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
            "hot_until": int(bank.hot_until[row]),
            "first": first,
        }
        return pack(stream, state, bank.recent(row, first, count - 1))

    def restore(self, device_id: str, snapshot: bytes) -> None:
        """Take a stream back to its snapshot. Raises SnapshotError."""
        stream, state, recent = unpack(device_id, snapshot)
        old = self._streams.get(device_id)
        if old is not None:
            self._release(old)
        if state:
            bank = self._bank(stream.rate_hz)
            if len(recent) > bank.length:
                raise SnapshotError("fall: snapshot holds more samples than a stream has")
            row = bank.add(stream.scale_g, state["anchor_ns"])
            for name in ("count", "segment", "anchor_ns", "anchor_index", "hot_until"):
                getattr(bank, name)[row] = state[name]
            index = np.arange(state["first"], state["count"]) % bank.length
            bank.ring[row, index] = recent
            stream.row = row
        self._streams[device_id] = stream

    def _release(self, stream: Stream) -> None:
        if stream.row >= 0:
            self._banks[stream.rate_hz].remove(stream.row)

    def _bank(self, rate_hz: float) -> Bank:
        if rate_hz not in self._banks:
            self._banks[rate_hz] = Bank(rate_hz)
        return self._banks[rate_hz]

    def _block(self, block: Waveform) -> Iterator[Event]:
        stream = self._streams[block.device_id]
        fresh = self._align(stream, block)
        if fresh is None:
            return
        stream.boot_id, stream.sequence_number = block.boot_id, block.sequence_number
        bank = self._banks[stream.rate_hz]
        for k in range(0, len(fresh), bank.piece):
            yield from self._advance(stream, bank, fresh[k : k + bank.piece])

    def _align(self, stream: Stream, block: Waveform) -> Int16Array | None:
        """The samples to append, gaps filled and overlap cut; None if the block is older."""
        same = (block.rate_hz, block.scale, block.full_scale, block.origin)
        if stream.row < 0 or same != (
            stream.rate_hz, stream.scale_g, stream.full_scale_g, stream.origin,
        ):  # fmt: skip
            self._begin(stream, block)
            return block.counts
        bank, row = self._banks[stream.rate_hz], stream.row
        expected_ns = bank.time_ns(row, int(bank.count[row]))
        offset_s = (block.start_ns - expected_ns) / NS_PER_S
        number = (block.boot_id, block.sequence_number)
        last = (stream.boot_id, stream.sequence_number)
        follows = number == (last[0], last[1] + 1)
        shift = round(offset_s * block.rate_hz)
        if shift == 0:
            return block.counts
        if follows and abs(offset_s) <= JITTER_MAX_S:
            bank.anchor(row, block.start_ns)
            return block.counts
        if shift > 0:
            return self._bridge(stream, bank, block, shift)
        if number > last and block.end_ns <= expected_ns:
            self._gap(stream, bank, block.start_ns, 0.0)  # newer by number: the clock stepped
            return block.counts
        if -shift >= len(block.counts):
            stream.counters.older_blocks += 1
            return None
        return block.counts[-shift:]

    def _begin(self, stream: Stream, block: Waveform) -> None:
        """First block, or a device that changed its ways: nothing before it is comparable."""
        known = stream.row >= 0
        self._release(stream)
        stream.rate_hz, stream.scale_g = block.rate_hz, block.scale
        stream.full_scale_g, stream.origin = block.full_scale, block.origin
        bank = self._bank(block.rate_hz)
        stream.row = bank.add(block.scale, block.start_ns)
        if known:
            self._gap(stream, bank, block.start_ns, 0.0)

    def _bridge(self, stream: Stream, bank: Bank, block: Waveform, missing: int) -> Int16Array:
        row = stream.row
        lost_s = missing / block.rate_hz
        if lost_s > FILL_MAX_S or bank.count[row] == bank.segment[row]:
            self._gap(stream, bank, block.start_ns, lost_s)
            return block.counts
        last = bank.recent(row, int(bank.count[row]) - 1, int(bank.count[row]) - 1)[0]
        share = np.arange(1, missing + 1)[:, None] / (missing + 1)
        line = np.rint(last + (block.counts[0].astype(np.float64) - last) * share)
        stream.counters.filled_samples += missing
        return np.concatenate([line.astype(np.int16), block.counts])

    def _gap(self, stream: Stream, bank: Bank, start_ns: int, lost_s: float) -> None:
        row = stream.row
        stream.counters.gaps += 1
        bank.new_segment(row, start_ns)
        episode = stream.episode
        if episode is not None:
            episode.frozen = True
            episode.second_end = int(bank.count[row]) + bank.piece - 1
            if episode.follow.lost(round(lost_s)) is not None:
                stream.episode = None

    def _advance(self, stream: Stream, bank: Bank, counts: Int16Array) -> Iterator[Event]:
        row = stream.row
        start = int(bank.count[row])
        looks = bank.push(np.array([row]), counts[None])
        episode = stream.episode
        if episode is not None and not episode.frozen:
            room = 6 * (samples(EVIDENCE_AFTER_S + EVIDENCE_BEFORE_S, bank.rate_hz) + bank.piece)
            episode.samples += counts.astype("<i2").tobytes()[: room - len(episode.samples)]
        peaks = bank.due_peaks(row, start) if looks[0] else []
        yield from self._moments(stream, bank, peaks)

    def _moments(self, stream: Stream, bank: Bank, peaks: list[int]) -> Iterator[Event]:
        """Seconds that ended and windows that closed, in the order of their last sample."""
        last = int(bank.count[stream.row]) - 1
        while True:
            episode = stream.episode
            second = episode.second_end if episode is not None else last + 1
            if second <= last and not (peaks and peaks[0] + bank.after < second):
                yield from self._second(stream, bank)
            elif peaks:
                yield from self._candidate(stream, bank, peaks.pop(0))
            else:
                return

    def _candidate(self, stream: Stream, bank: Bank, peak: int) -> Iterator[Event]:
        impact_ns = bank.time_ns(stream.row, peak)
        recent = stream.last_fall_ns
        if recent is not None and 0 <= impact_ns - recent < SAME_FALL_S * NS_PER_S:
            return
        first = max(peak - bank.before, int(bank.segment[stream.row]))
        values_g = bank.recent_g(stream.row, first, peak + bank.after)
        window_g = cut_window(values_g, peak - first, bank.rate_hz)
        verdict = judge(window_g, bank.rate_hz, stream.full_scale_g, self._model, stream.position)
        if verdict.is_fall:
            stream.last_fall_ns = impact_ns
            stream.episode = self._episode(stream, bank, peak, verdict)
            decided = peak + bank.after
            kind = EventKind.FALL_SUSPECTED
            yield self._event(stream, bank, kind, decided, verdict.reasons)

    def _episode(self, stream: Stream, bank: Bank, peak: int, verdict: Verdict) -> Episode:
        decided = peak + bank.after
        start = self._evidence_start(stream, bank, peak)
        held = bank.recent(stream.row, start, int(bank.count[stream.row]) - 1)
        impact_ns = bank.time_ns(stream.row, peak)
        return Episode(
            impact_ns=impact_ns,
            probability=verdict.probability,
            follow=FollowUp(list(verdict.upright_g), group_of(stream.position) == "trunk"),
            second_end=decided + bank.piece,
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
            found = first_fall(
                values_g, bank.rate_hz, stream.full_scale_g, self._model, stream.position
            )
            if found == peak - start:
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
        known = len(episode.samples) if episode.frozen else 6 * (decided - episode.start_index + 1)
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
