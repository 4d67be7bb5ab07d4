"""The watch over people: feeds each subject's detectors, moves their time on, keeps their state.

Used by the pipeline, in its thread. A fault in one subject's detectors stays with that subject.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from edge.detector import SnapshotError
from edge.events import Event
from edge.signals import NS_PER_S, Reading, Signal, Waveform
from edge.subject import Subject
from edge.subjects import SubjectEngine
from edge.wire import RejectedFrame
from gateway.clock import Clock
from gateway.isolation import Fault, isolated
from gateway.metrics import Metrics
from gateway.outbox import Outbox

log = structlog.get_logger(__name__)

# Event time stays this far behind the clock: radio, broker and a busy machine delay readings by
# seconds, and a return to bed that is under way must not be overtaken by its own alarm.
HOLD_S: Final = 20.0
_HOLD_NS: Final = round(HOLD_S * NS_PER_S)
# After a cut the broker and wearables send what they kept: nobody's time may run ahead of it. So
# long without more of it, it is all here; and a device that always lags must not stop time.
CATCH_UP_S: Final = 10.0
# And looked for so often: a machine too busy to read for ten seconds has not heard nothing.
CATCH_UP_LOOKS: Final = 4
CATCH_UP_MAX_S: Final = 600.0
# A pause of ours shorter than the shortest limit of silence (90 s) needs no allowance.
UNWATCHED_S: Final = 60.0
_UNWATCHED_NS: Final = round(UNWATCHED_S * NS_PER_S)

# `/` is in no device id.
_SUBJECT: Final = "subject/"
_BED: Final = "bed/"


@dataclass(frozen=True, slots=True)
class _Behind:
    """Signals of the past are arriving, since and last at these monotonic times.

    `last_look`: how often time had been moved on when the last of them came.
    """

    since_s: float
    last_s: float
    last_look: int
    reached_ns: int

    def is_over(self, now_s: float, look: int) -> bool:
        return now_s - self.last_s > CATCH_UP_S and look - self.last_look >= CATCH_UP_LOOKS


class SubjectWatch:
    """All subjects of one gateway."""

    def __init__(self, outbox: Outbox, metrics: Metrics, clock: Clock) -> None:
        self._engine = SubjectEngine()
        self._outbox = outbox
        self._metrics = metrics
        self._clock = clock
        self._unwatched_since_ns: int | None = None
        self._behind: dict[str, _Behind] = {}
        self._looks = 0

    @property
    def engine(self) -> SubjectEngine:
        """The detectors, to ask them."""
        return self._engine

    # -- who and from where ------------------------------------------------------------------

    def apply(self, subjects: Sequence[Subject]) -> set[str]:
        """Watch these, with these settings; the keys of snapshots that are void now."""
        wanted = {subject.subject_id: subject for subject in subjects}
        gone = self._engine.subjects().keys() - wanted.keys()
        for subject_id in gone:
            self._engine.close(subject_id)
        for subject in subjects:
            opened = isolated(partial(self._engine.open, subject))
            if isinstance(opened, Fault):
                # One person's bad limits must not leave the others unwatched.
                self._metrics.engine_faults.inc()
                log.error("subject_settings_refused", subject=subject.subject_id, why=str(opened))
        return {_SUBJECT + subject_id for subject_id in gone}

    def forget_device(self, device_id: str) -> str:
        """A device in other hands; the key of its snapshot."""
        self._engine.forget_bed(device_id)
        return _BED + device_id

    @staticmethod
    def owns(key: str) -> bool:
        """Whether a snapshot under this key is ours."""
        return key.startswith((_SUBJECT, _BED))

    def restore(self, key: str, snapshot: bytes) -> bool:
        """Take one back; whether it is in use. A damaged one is left, and that part begins anew."""
        kind, _, name = key.partition("/")
        try:
            if kind == "bed":
                self._engine.restore_bed(name, snapshot)
                return True
            if name not in self._engine.subjects():
                return False
            refused = self._engine.restore(name, snapshot)
        except SnapshotError as error:
            self._metrics.snapshots_refused.inc()
            log.warning("snapshot_refused", key=key, why=str(error))
            return False
        if refused:
            self._metrics.snapshots_refused.inc(len(refused))
            log.warning("snapshot_partly_refused", key=key, detectors=refused)
        return True

    def take_dirty_snapshots(self) -> dict[str, bytes]:
        """What moved since this was last asked, under our keys."""
        subjects = self._engine.take_dirty_snapshots()
        beds = self._engine.take_dirty_beds()
        return {_SUBJECT + name: state for name, state in subjects.items()} | {
            _BED + name: state for name, state in beds.items()
        }

    # -- signals and time --------------------------------------------------------------------

    def derive(self, signals: Sequence[Signal]) -> list[Reading]:
        """Readings made of the waveforms among `signals`."""
        derived = isolated(partial(self._engine.derive, signals))
        if not isinstance(derived, Fault):
            return derived
        self._metrics.engine_faults.inc()
        log.error("vitals_begun_anew", exc_info=derived.error)
        for device_id in {signal.device_id for signal in signals}:
            self._engine.forget_bed(device_id)
        return []

    def feed(
        self,
        signals: Sequence[Signal],
        events: Sequence[Event],
        log_through: int,
        refused: list[RejectedFrame],
    ) -> list[Event]:
        """What is told in all, given what device streams have told of the same signals."""
        by_subject: dict[str, list[Signal]] = defaultdict(list)
        for signal in signals:
            for subject_id in self._engine.watching(signal.device_id):
                by_subject[subject_id].append(signal)
        told: list[Event] = []
        heard: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            own = self._own_subject(event.device_id)
            if own is None:
                told.append(event)
            else:
                heard[own].append(event)
        for subject_id in dict.fromkeys([*by_subject, *heard]):
            own_signals, own_events = by_subject[subject_id], heard[subject_id]
            self._note_lag(subject_id, own_signals)
            found = isolated(partial(self._engine.process, subject_id, own_signals, own_events))
            if isinstance(found, Fault):
                found = own_events  # a fall is told whatever else breaks
                self._go_back(subject_id, log_through, found_by=own_signals, refused=refused)
            told += found
        return told

    def advance(self, now_ns: int, *, listening: bool) -> list[Event]:
        """Move everybody's time on, as far as nothing can still be on its way.

        Not while no source is open: the silence is ours then, not theirs.
        """
        if not listening:
            if self._unwatched_since_ns is None:
                self._unwatched_since_ns = now_ns
            return []
        since_ns, self._unwatched_since_ns = self._unwatched_since_ns, None
        if since_ns is not None:
            self.missed(since_ns, now_ns)
        self._looks += 1
        told: list[Event] = []
        for subject_id in self._engine.subjects():
            until_ns = self._until_ns(subject_id, now_ns - _HOLD_NS)
            found = isolated(partial(self._engine.advance, subject_id, until_ns))
            if isinstance(found, Fault):
                self._metrics.engine_faults.inc()
                log.error("subject_failed", subject=subject_id, exc_info=found.error)
                self._begin_anew(subject_id)
            else:
                told += found
        return told

    def _note_lag(self, subject_id: str, signals: Sequence[Signal]) -> None:
        """Whether these are of the past: the newest of the device that is furthest behind."""
        newest_ns: dict[str, int] = {}
        for signal in signals:
            at_ns = signal.end_ns if isinstance(signal, Waveform) else signal.time_ns
            newest_ns[signal.device_id] = max(at_ns, newest_ns.get(signal.device_id, 0))
        oldest_ns = min(newest_ns.values(), default=None)
        if oldest_ns is None or self._clock.now_ns() - oldest_ns <= _HOLD_NS:
            return
        now_s = self._clock.monotonic_s()
        known = self._behind.get(subject_id)
        is_new = known is None or known.is_over(now_s, self._looks)
        since_s = now_s if known is None or is_new else known.since_s
        self._behind[subject_id] = _Behind(since_s, now_s, self._looks, oldest_ns)

    def _until_ns(self, subject_id: str, until_ns: int) -> int:
        """How far time may move on for this subject."""
        behind = self._behind.get(subject_id)
        if behind is None:
            return until_ns
        now_s = self._clock.monotonic_s()
        is_over = behind.is_over(now_s, self._looks)
        if is_over or now_s - behind.since_s > CATCH_UP_MAX_S:
            if is_over:
                del self._behind[subject_id]
            return until_ns
        return min(until_ns, behind.reached_ns)

    def missed(self, from_ns: int, until_ns: int) -> None:
        """We listened to nobody for that time."""
        if until_ns - from_ns < _UNWATCHED_NS:
            return
        log.info("unwatched", seconds=round((until_ns - from_ns) / NS_PER_S))
        for subject_id in self._engine.subjects():
            gone = isolated(partial(self._engine.missed, subject_id, until_ns))
            if isinstance(gone, Fault):
                self._metrics.engine_faults.inc()
                log.error("subject_failed", subject=subject_id, exc_info=gone.error)

    def _own_subject(self, device_id: str) -> str | None:
        """Whose device it is, if it is one person's."""
        subjects = self._engine.subjects()
        for subject_id in self._engine.watching(device_id):
            if any(s.device_id == device_id for s in subjects[subject_id].settings.sensors):
                return subject_id
        return None

    # -- faults ------------------------------------------------------------------------------

    def _go_back(
        self,
        subject_id: str,
        log_through: int,
        *,
        found_by: Sequence[Signal],
        refused: list[RejectedFrame],
    ) -> None:
        """Back to the last snapshot and the log after it, without the signals that broke it."""
        self._metrics.engine_faults.inc()
        again = isolated(partial(self._rebuild, subject_id, log_through))
        if isinstance(again, Fault):
            self._begin_anew(subject_id)
        what = "began anew" if isinstance(again, Fault) else "went on without these signals"
        log.error("subject_failed", subject=subject_id, then=what)
        devices = ", ".join(sorted({signal.device_id for signal in found_by}))
        refused.append(
            RejectedFrame(
                source="engine",
                received_ns=self._clock.now_ns(),
                reason="engine_failed",
                detail=f"the watch over {subject_id} {what}, after a fault with {devices}",
                frame=b"",
            )
        )

    def _rebuild(self, subject_id: str, log_through: int) -> None:
        self._begin_anew(subject_id)
        snapshot_seq, snapshots = self._outbox.snapshots()
        saved = snapshots.get(_SUBJECT + subject_id)
        if saved is not None:
            self._engine.restore(subject_id, saved)
        for chunk in self._logged(subject_id, snapshot_seq, log_through):
            self._engine.process(subject_id, chunk)

    def _logged(self, subject_id: str, after_seq: int, through_seq: int) -> Iterator[list[Signal]]:
        for _, chunk in self._outbox.replay(after_seq, through_seq):
            yield [s for s in chunk if subject_id in self._engine.watching(s.device_id)]

    def _begin_anew(self, subject_id: str) -> None:
        subject = self._engine.subjects()[subject_id]
        self._engine.close(subject_id)
        self._engine.open(subject)
