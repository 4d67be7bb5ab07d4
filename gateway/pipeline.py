"""From frames to committed records and events: the synchronous heart, one group at a time.

Used by one thread only. `prepare` decides and advances the engine, `commit` writes; a commit that
fails is repeated with the same group, because the engine has moved on already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import structlog

from edge.consent import may_pass
from edge.detector import SnapshotError
from edge.events import Event
from edge.fall.limits import own_limit
from edge.marks import Proof
from edge.signals import Origin, Signal, SignalError
from edge.wire import Lane, RegistryDocument, RejectedFrame
from gateway.clock import Clock
from gateway.deliveries import RecentDeliveries
from gateway.drivers import DriverError, match_topic
from gateway.engine import Engine
from gateway.isolation import Fault, isolated
from gateway.metrics import Metrics
from gateway.outbox import Committed, Group, Outbox
from gateway.plausibility import Plausibility
from gateway.quarantine import MAX_FRAME_BYTES, Quarantine
from gateway.registry import Registry
from gateway.sources import BAD_TAG, NO_TAG, Frame
from gateway.subjects import SubjectWatch

log = structlog.get_logger(__name__)

# A restart replays at most this much of the log: seconds of work, whatever the outage was.
SNAPSHOT_INTERVAL_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A group ready to be committed; `strangers` when a device was not in the registry."""

    group: Group
    duplicates: int
    strangers: bool


class Pipeline:
    """Driver, registry, plausibility, engine and outbox, in that order."""

    def __init__(
        self, outbox: Outbox, registry: Registry, engine: Engine, metrics: Metrics, clock: Clock
    ) -> None:
        self._outbox = outbox
        self._registry = registry
        self._engine = engine
        self._metrics = metrics
        self._clock = clock
        self._plausibility = Plausibility(outbox.device_memory())
        self._deliveries = RecentDeliveries(outbox.deliveries())
        self._quarantine = Quarantine()
        self._subjects = SubjectWatch(outbox, metrics, clock)
        self._untold: list[Event] = []
        self._bulk_seq = 0
        self._snapshot_seq = 0
        self._unsaved: dict[str, bytes] = {}
        self._dropped: set[str] = set()
        self._is_ahead = False

    # -- start and registry ------------------------------------------------------------------

    def start(self) -> Committed:
        """Bring the engine to where it was: snapshots, then the log after them.

        Returns what was decided only now. Raises sqlite3.Error.
        """
        for device_id, device in self._registry.assigned().items():
            self._engine.open(device_id, device.position)
        self._set_limits()
        self._subjects.apply(self._registry.subjects())
        self._snapshot_seq, snapshots = self._outbox.snapshots()
        for key in sorted(snapshots):
            if self._subjects.owns(key):
                if not self._subjects.restore(key, snapshots[key]):
                    self._dropped.add(key)
            elif self._registry.device(key) is not None:
                self._restore(key, snapshots[key])
        new_events: list[Event] = []
        through_seq = self._snapshot_seq
        rejected: list[RejectedFrame] = []
        for last_seq, signals in self._outbox.replay(
            self._snapshot_seq, self._outbox.last_seq(Lane.BULK)
        ):
            known = [s for s in signals if self._registry.device(s.device_id) is not None]
            self._subjects.derive(known)  # what it gave is in the log already
            events = self._feed(known, through_seq, rejected)
            through_seq = last_seq
            new_events += self._outbox.commit(Group(events=events)).new_events
        self._outbox.commit(self._group_of_rejected(rejected))
        self._bulk_seq = self._outbox.last_seq(Lane.BULK)
        new_events += self._catch_up()
        log.info(
            "engine_restored",
            streams=len(self._registry.assigned()),
            from_snapshots=len(snapshots),
            replayed=through_seq - self._snapshot_seq,
            new_events=len(new_events),
        )
        return Committed(tuple(new_events), self._bulk_seq)

    def _catch_up(self) -> tuple[Event, ...]:
        """What fell due before the machine went off; the time it was off is nobody's silence."""
        now_ns, alive_ns = self._clock.now_ns(), self._outbox.alive_ns()
        if alive_ns is None or alive_ns > now_ns:
            return ()
        self._untold += self._subjects.advance(alive_ns, listening=True)
        self._subjects.missed(alive_ns, now_ns)
        events = self._commit_untold().new_events
        self.save_snapshots()
        return events

    def apply_registry(self, document: RegistryDocument) -> None:
        """Take over a newer registry. Raises OSError or sqlite3.Error, and then keeps the old.

        Snapshots come first: what is in the log was decided under the old registry, and must not
        be decided again under the new one after a restart.
        """
        self.save_snapshots()
        before = self._registry.assigned()
        self._registry.save(document)
        after = self._registry.assigned()
        gone = before.keys() - after.keys()
        changed_hands = {
            device_id
            for device_id in before.keys() & after.keys()
            if before[device_id].elder_id != after[device_id].elder_id
        }
        for device_id in gone:
            self._engine.close(device_id)
            self._plausibility.forget(device_id)
        for device_id in changed_hands:
            # What was learned of one person says nothing of the next.
            self._engine.close(device_id)
        for device_id in gone | changed_hands:
            self._unsaved.pop(device_id, None)
            self._dropped.add(device_id)
        for device_id, device in after.items():
            self._engine.open(device_id, device.position)
        self._set_limits()
        void = self._subjects.apply(self._registry.subjects())
        void |= {self._subjects.forget_device(name) for name in gone | changed_hands}
        for key in void:
            self._unsaved.pop(key, None)
        self._dropped |= void
        self._outbox.forget_devices(gone)
        self.save_snapshots()
        self._metrics.registry_version.set(document.version)
        log.info(
            "registry_applied", version=document.version, devices=len(after), removed=len(gone)
        )

    def _set_limits(self) -> None:
        """Each wearer's own limit, the model's for everybody else."""
        limits = dict.fromkeys(self._registry.assigned(), 0.0)
        for subject in self._registry.subjects():
            try:
                own = own_limit(subject.settings.overrides)
            except SignalError as error:
                log.warning("subject_settings_refused", subject=subject.subject_id, why=str(error))
                continue
            for sensor in subject.settings.sensors:
                if sensor.device_id in limits:
                    limits[sensor.device_id] = own
        for device_id, limit in limits.items():
            self._engine.set_fall_limit(device_id, limit)

    def _restore(self, device_id: str, snapshot: bytes) -> None:
        try:
            self._engine.restore(device_id, snapshot)
        except SnapshotError as error:
            self._dropped.add(device_id)
            self._metrics.snapshots_refused.inc()
            log.warning("snapshot_refused", device_id=device_id, why=str(error))

    # -- frames ------------------------------------------------------------------------------

    def prepare(self, frames: Sequence[Frame]) -> Prepared:
        """Decide about every frame and advance the engine. Raises nothing of the frames' making."""
        signals: list[Signal] = []
        refused: list[RejectedFrame] = []
        deliveries: list[bytes] = []
        duplicates = 0
        for source, n in Counter(frame.source for frame in frames).items():
            self._metrics.frames.labels(source).inc(n)
        for frame in frames:
            if self._deliveries.is_repeated(frame):
                duplicates += 1
                continue
            try:
                fresh = self._signals_of(frame)
            except DriverError as error:
                refused.append(_rejected(frame, error))
            else:
                if not fresh:
                    duplicates += 1
                    continue
                signals += self._agreed_to(fresh)
            key = self._deliveries.add(frame)
            if key is not None:
                deliveries.append(key)
        self._is_ahead = True
        signals += self._subjects.derive(signals)
        events = self._feed(signals, self._bulk_seq, refused)
        rejected = self._group_of_rejected(refused)
        group = Group(
            signals=signals,
            rejected=rejected.rejected,
            events=events,
            device_memory=self._plausibility.take_dirty(),
            deliveries=deliveries,
            rejected_counts=rejected.rejected_counts,
        )
        strangers = "unassigned_device" in rejected.rejected_counts
        return Prepared(group, duplicates, strangers)

    def commit(self, prepared: Prepared) -> Committed:
        """Write the group. Raises sqlite3.Error; the caller then calls again, with the same one."""
        committed = self._outbox.commit(prepared.group)
        self._bulk_seq = committed.bulk_seq
        self._is_ahead = False
        self._metrics.duplicates.inc(prepared.duplicates)
        for quantity, n in Counter(s.quantity for s in prepared.group.signals).items():
            self._metrics.signals.labels(quantity).inc(n)
        self._tell_of(committed)
        return committed

    def commit_events(self, prepared: Prepared) -> Committed:
        """Only the urgent part of a group that the disk has no room for. Raises sqlite3.Error.

        The rest is committed later, or comes from the broker again and is decided the same: the
        ids of its events are known then.
        """
        committed = self._outbox.commit(Group(events=prepared.group.events))
        self._tell_of(committed)
        return committed

    def advance(self, *, listening: bool) -> Committed:
        """Let time pass for everybody watched. Raises sqlite3.Error; then it is told next time."""
        if self._is_ahead:
            return Committed((), self._bulk_seq)
        now_ns = self._clock.now_ns()
        self._untold += self._subjects.advance(now_ns, listening=listening)
        committed = self._commit_untold()
        if committed.new_events:
            # The log does not know how far time was moved on when this was decided.
            self.save_snapshots()
        if listening:
            self._outbox.note_alive(now_ns)
        return committed

    def _commit_untold(self) -> Committed:
        if not self._untold:
            return Committed((), self._bulk_seq)
        committed = self._outbox.commit(Group(events=self._untold))
        self._untold = []
        self._bulk_seq = committed.bulk_seq
        self._tell_of(committed)
        return committed

    def _tell_of(self, committed: Committed) -> None:
        for event in committed.new_events:
            self._metrics.events.labels(event.kind.value).inc()
            log.info(
                "event_stored",
                event_id=event.event_id,
                kind=event.kind.value,
                device_id=event.device_id,
                origin=event.origin.value,
                confidence=event.confidence,
            )

    def _signals_of(self, frame: Frame) -> list[Signal]:
        """The new signals of a frame. Raises DriverError."""
        if frame.retained:
            raise DriverError(
                "retained_message", "a stored copy of unknown age; publish without the retain flag"
            )
        device_id, driver = match_topic(frame.topic)
        if self._registry.device(device_id) is None:
            raise DriverError("unassigned_device", f"nobody has been assigned {device_id} here")
        if frame.proof is Proof.BAD:
            raise DriverError("bad_simulation_tag", BAD_TAG)
        decoded = isolated(lambda: driver(device_id, frame.payload, frame.received_ns))
        if isinstance(decoded, Fault):
            if isinstance(decoded.error, DriverError):
                raise decoded.error
            log.error("driver_failed", topic=frame.topic, exc_info=decoded.error)
            raise DriverError("driver_failed", f"fault in the driver: {decoded}")
        return self._plausibility.admit(self._proven(frame, decoded), frame.received_ns)

    def _proven(self, frame: Frame, decoded: Sequence[Signal]) -> Sequence[Signal]:
        """A mark mutes an alarm, so it needs a proof; what has the proof stays marked.

        Raises DriverError `untagged_origin`.
        """
        if frame.proof is Proof.GOOD:
            return tuple(
                replace(signal, origin=Origin.SIMULATED) if signal.origin is Origin.LIVE else signal
                for signal in decoded
            )
        if self._registry.simulation_key is None:
            return decoded
        if any(signal.origin is not Origin.LIVE for signal in decoded):
            raise DriverError("untagged_origin", NO_TAG)
        return decoded

    def _agreed_to(self, fresh: Sequence[Signal]) -> list[Signal]:
        """Without what the person did not agree to: it is counted and goes nowhere."""
        allowed = self._registry.allowed_kinds(fresh[0].device_id)
        if allowed is None:
            return list(fresh)
        kept = [signal for signal in fresh if may_pass(signal.quantity, allowed)]
        if len(kept) < len(fresh):
            dropped = Counter(s.quantity for s in fresh if not may_pass(s.quantity, allowed))
            for quantity, n in dropped.items():
                self._metrics.without_consent.labels(quantity).inc(n)
        return kept

    def _group_of_rejected(self, refused: Sequence[RejectedFrame]) -> Group:
        counts = Counter(frame.reason for frame in refused)
        now_s = self._clock.monotonic_s()
        rows = [row for frame in refused for row in self._quarantine.admit(frame, now_s)]
        for reason, n in counts.items():
            self._metrics.rejected.labels(reason).inc(n)
        return Group(rejected=rows, rejected_counts=counts)

    # -- engine ------------------------------------------------------------------------------

    def _feed(
        self, signals: Sequence[Signal], log_through: int, refused: list[RejectedFrame]
    ) -> list[Event]:
        """What device streams and the watch over people decide."""
        events = self._feed_streams(signals, log_through, refused)
        return self._subjects.feed(signals, events, log_through, refused)

    def _feed_streams(
        self, signals: Sequence[Signal], log_through: int, refused: list[RejectedFrame]
    ) -> list[Event]:
        """What the engine decides; a faulty stream begins anew and is told of in `refused`.

        `log_through`: the last bulk number fed before these signals.
        """
        if not signals:
            return []
        decided = isolated(lambda: self._engine.process(signals))
        if not isinstance(decided, Fault):
            return decided
        log.error("engine_failed", exc_info=decided.error)
        events: list[Event] = []
        # How far the failed call came is unknown: every stream in it goes back to its snapshot.
        for device_id in dict.fromkeys(signal.device_id for signal in signals):
            own = [signal for signal in signals if signal.device_id == device_id]
            again = isolated(partial(self._rebuild, device_id, own, log_through))
            if isinstance(again, Fault):
                self._begin_anew(device_id)
                self._metrics.engine_faults.inc()
                log.error("stream_begun_anew", device_id=device_id, exc_info=again.error)
                refused.append(
                    RejectedFrame(
                        source="engine",
                        received_ns=self._clock.now_ns(),
                        reason="engine_failed",
                        detail=f"detection of this device began anew after a fault: {again}",
                        frame=b"",
                        device_id=device_id,
                    )
                )
            else:
                events += again
        return events

    def _rebuild(self, device_id: str, own: Sequence[Signal], log_through: int) -> list[Event]:
        """One stream from its snapshot and the log, then its new signals."""
        self._begin_anew(device_id)
        snapshot_seq, snapshots = self._outbox.snapshots()
        if device_id in snapshots:
            self._engine.restore(device_id, snapshots[device_id])
            self._dropped.discard(device_id)
        events: list[Event] = []
        for _, chunk in self._outbox.replay(snapshot_seq, log_through):
            earlier = [signal for signal in chunk if signal.device_id == device_id]
            events += self._engine.process(earlier)
        return events + self._engine.process(own)

    def _begin_anew(self, device_id: str) -> None:
        device = self._registry.device(device_id)
        self._engine.close(device_id)
        self._engine.open(device_id, device.position if device else None)
        self._unsaved.pop(device_id, None)
        self._dropped.add(device_id)

    # -- now and then ------------------------------------------------------------------------

    def save_snapshots(self) -> None:
        """Save the streams that moved. Raises sqlite3.Error, and keeps them for the next time.

        Does nothing while the engine is ahead of the log: its state includes frames that are not
        held, which the broker will send again after a restart.
        """
        if self._is_ahead:
            return
        self._unsaved.update(self._engine.take_dirty_snapshots())
        self._unsaved.update(self._subjects.take_dirty_snapshots())
        self._dropped -= self._unsaved.keys()
        if self._bulk_seq == self._snapshot_seq and not self._unsaved and not self._dropped:
            return
        self._outbox.save_snapshots(self._bulk_seq, self._unsaved, self._dropped)
        self._snapshot_seq = self._bulk_seq
        self._unsaved = {}
        self._dropped = set()

    def write_held_back(self, *, final: bool = False) -> None:
        """Rows for refused frames that were counted but not written. Raises sqlite3.Error."""
        rows = (
            self._quarantine.flush() if final else self._quarantine.due(self._clock.monotonic_s())
        )
        if rows and not self._is_ahead:
            self._bulk_seq = self._outbox.commit(Group(rejected=rows)).bulk_seq


def _rejected(frame: Frame, error: DriverError) -> RejectedFrame:
    try:
        device_id = match_topic(frame.topic)[0]
    except DriverError:
        device_id = None
    return RejectedFrame(
        source=f"{frame.source}:{frame.topic[:200]}",
        received_ns=frame.received_ns,
        reason=error.reason,
        detail=error.detail,
        frame=frame.payload[:MAX_FRAME_BYTES],
        device_id=device_id,
    )
