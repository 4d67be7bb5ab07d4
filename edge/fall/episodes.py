"""One stream's falls from the suspicion on: what follows, the wearer's cancel, and the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from edge.events import DetectorInfo, Event, EventKind, Evidence, Reason, stable_id
from edge.fall.bank import EVIDENCE_BEFORE_S, Bank
from edge.fall.decision import explain_fall, starts_safely, upright_g
from edge.fall.followup import NO_RECOVERY_S, FollowUp, Outcome
from edge.fall.model import FallModel, group_of
from edge.fall.stream import Episode, Stream
from edge.fall.window import WINDOW_AFTER_S, WINDOW_BEFORE_S, samples
from edge.signals import NS_PER_S, FloatArray, Int16Array, Origin

BYTES_PER_SAMPLE: Final = 6
QUANTITY: Final = "acceleration"

# One fall is one episode: further impacts this soon are the same fall (rebound, struggling).
SAME_FALL_S: Final = 10.0
# For so long after a suspicion the wearer's cancel counts: the longest of the 10 to 30 s that the
# alarm notes give (a default of ours there), because old hands are slow. Later it is only kept.
CANCEL_WINDOW_S: Final = 30.0
# Evidence reaches at most this far beyond the impact: as long as anything can be concluded
# for a suspicion. 68 s at 50 Hz are 20 KB, held only while an episode is open.
EVIDENCE_AFTER_S: Final = NO_RECOVERY_S + WINDOW_AFTER_S
# Starts tried for the evidence, in s before the impact: the first from which a fresh detector
# takes the same decision.
_EVIDENCE_STARTS_S: Final = (EVIDENCE_BEFORE_S, 5.0, 4.0, WINDOW_BEFORE_S)
_NEVER: Final = 2**62

_EVENT_OF: Final = {
    Outcome.CONFIRMED: EventKind.FALL_CONFIRMED,
    Outcome.RECOVERED: EventKind.FALL_RECOVERED,
}


class Episodes:
    """The rules of episodes for one set of weights; what is known of each is in its Stream."""

    def __init__(self, name: str, model: FallModel, info: DetectorInfo) -> None:
        self._name, self._model, self._info = name, model, info

    def keep_evidence(self, stream: Stream, bank: Bank, counts: Int16Array) -> None:
        """Add new samples (n, 3) to the evidence of an open episode."""
        episode = stream.episode
        if episode is not None and not episode.frozen:
            limit_s = EVIDENCE_BEFORE_S + EVIDENCE_AFTER_S
            room = BYTES_PER_SAMPLE * samples(limit_s, bank.rate_hz) - len(episode.samples)
            episode.samples += counts.astype("<i2").tobytes()[: max(0, room)]

    def moments(
        self, stream: Stream, bank: Bank, impacts: list[tuple[int, float]]
    ) -> Iterator[Event]:
        """Seconds that ended, windows that closed and cancels, in the order of their last sample.

        `impacts` are the peaks called falls whose windows have closed, with their probabilities.
        """
        last = int(bank.count[stream.row]) - 1
        waiting = list(impacts)
        while True:
            second = stream.episode.second_end if stream.episode is not None else _NEVER
            window = waiting[0][0] + bank.after if waiting else _NEVER
            pressed = bank.index_at(stream.row, stream.cancels[0][0]) if stream.cancels else _NEVER
            first = min(second, window, pressed)
            if first > last:
                return
            if first == second:
                yield from self._second(stream, bank)
            elif first == window:
                yield from self._fall(stream, bank, *waiting.pop(0))
            else:
                yield from self._cancel(stream, bank, *stream.cancels.pop(0))

    def _cancel(self, stream: Stream, bank: Bank, time_ns: int, origin: Origin) -> Iterator[Event]:
        episode = stream.episode
        if episode is None or origin is not stream.origin:  # a simulated press cancels nothing real
            return
        after_s = (time_ns - episode.decided_ns) / NS_PER_S
        if 0.0 <= after_s <= CANCEL_WINDOW_S:
            reason = Reason("cancelled_by_wearer", {"after_s": round(after_s, 1)})
            decided = min(bank.index_at(stream.row, time_ns), int(bank.count[stream.row]) - 1)
            event = self._event(stream, bank, EventKind.FALL_CANCELLED, decided, (reason,))
            stream.episode = None
            yield replace(event, decided_ns=time_ns)

    def _fall(self, stream: Stream, bank: Bank, peak: int, chance: float) -> Iterator[Event]:
        impact_ns = bank.time_ns(stream.row, peak)
        recent = stream.last_fall_ns
        if recent is not None and 0 <= impact_ns - recent < SAME_FALL_S * NS_PER_S:
            return
        window_g = bank.windows(np.array([stream.row]), np.array([peak]))[0] * stream.scale_g
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
            decided_ns=bank.time_ns(stream.row, peak + bank.after),
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
            held = bank.recent(stream.row, start, peak + bank.after)
            if starts_safely(
                held, stream.scale_g, peak - start,
                rate_hz=bank.rate_hz, model=self._model, position=stream.position,
            ):  # fmt: skip
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
        if stream.own_decide_at:
            settings["own_decide_at"] = stream.own_decide_at
        return Event(
            event_id=stable_id(self._name, stream.device_id, kind, episode.impact_ns),
            episode_id=stable_id(self._name, stream.device_id, "episode", episode.impact_ns),
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
