"""Inactivity of a person, told from absence and dead sensors. Card: docs/models/inactivity.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

from edge.events import DetectorInfo, Event, EventKind, Reason, stable_id
from edge.inactivity import bulk, snapshot
from edge.inactivity.devices import QUANTITY_INDEX
from edge.inactivity.explain import reasons_of
from edge.inactivity.limits import Limits
from edge.inactivity.missed import missed
from edge.inactivity.state import NONE_NS, Finding, Rule
from edge.inactivity.watch import Watch
from edge.signals import QUANTITIES, Origin, Reading, Signal
from edge.subject import SubjectSettings

VERSION: Final = "2"
_ORIGINS: Final = tuple(Origin)
_HIGH: Final = frozenset({EventKind.INACTIVITY_HIGH, EventKind.NO_RETURN_HIGH})
_CLEARED: Final = frozenset({EventKind.INACTIVITY_CLEARED, EventKind.NO_RETURN_CLEARED})
# A fixed limit is a guess; a learned one is as sure as its false alarms are rare. High means that
# half as much again has passed without anybody being seen.
_CONFIDENCE: Final = MappingProxyType({"fixed": 0.3, "learned": 0.6, "high": 0.8, "cleared": 1.0})


@dataclass(frozen=True, slots=True)
class Deadline:
    """When silence becomes an alarm if nothing more comes, and why.

    `kind` is `inactivity`, or `no_return` when the person is believed to be out.
    """

    kind: EventKind
    time_ns: int
    silent_since_ns: int
    reasons: tuple[Reason, ...]


class InactivityDetector:
    """Learns each person's day; see edge.subject.SubjectDetector for the contract."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._info = DetectorInfo("inactivity", VERSION, dict(asdict(Limits())))
        self.unknown_devices = 0

    @property
    def info(self) -> DetectorInfo:
        """Name, version and default settings."""
        return self._info

    @property
    def quantities(self) -> frozenset[str]:
        """Every quantity: any report shows that a device lives."""
        return frozenset(QUANTITIES)

    @property
    def late(self) -> int:
        """Activities that came too late to change anything."""
        return sum(watch.state.late for watch in self._watches.values())

    def open(self, subject_id: str, settings: SubjectSettings) -> None:
        """Begin a subject, or take changed settings. Raises SignalError."""
        watch = self._watches.get(subject_id)
        if watch is None:
            self._watches[subject_id] = Watch(settings)
        elif watch.settings != settings:
            watch.configure(settings)

    def process(self, subject_id: str, signals: Sequence[Signal]) -> list[Event]:
        """Take signals in the order of time; return what was decided on the way."""
        watch = self._watches[subject_id]
        events: list[Event] = []
        findings: list[Finding] = []
        for signal in signals:
            device = watch.devices.ids.get(signal.device_id)
            if device is None:
                self.unknown_devices += 1
                continue
            if isinstance(signal, Reading):
                quantity, value = QUANTITY_INDEX.get(signal.quantity, -1), signal.value
                time_ns = signal.time_ns
            else:
                quantity, value, time_ns = -1, 0.0, signal.end_ns
            watch.take(device, quantity, value, time_ns, findings)
            self._tell(subject_id, watch, findings, events)
            watch.state.origin = _ORIGINS.index(signal.origin)
        return events

    def process_block(self, subject_id: str, block: bulk.Block) -> list[Event]:
        """The same for many readings at once: same events, a small part of the time."""
        watch = self._watches[subject_id]
        events: list[Event] = []
        findings: list[Finding] = []
        for start, stop in bulk.days(watch, block.time_ns):
            bulk.take_day(watch, block.part(start, stop), findings)
            self._tell(subject_id, watch, findings, events)
        return events

    def advance(self, subject_id: str, until_ns: int) -> list[Event]:
        """Nothing more came before `until_ns`: return what falls due by then."""
        watch = self._watches[subject_id]
        events: list[Event] = []
        findings: list[Finding] = []
        watch.advance(until_ns, findings)
        self._tell(subject_id, watch, findings, events)
        return events

    def missed(self, subject_id: str, until_ns: int) -> None:
        """Nobody listened until `until_ns`: that was not the silence of a person."""
        missed(self._watches[subject_id], until_ns)

    def deadline(self, subject_id: str) -> Deadline | None:
        """The next moment of alarm if nothing more comes; None before anybody was ever seen."""
        watch = self._watches[subject_id]
        if watch.state.last_ns == NONE_NS:
            return None
        time_ns, state = watch.outlook()
        rule = Rule(state.deadline_rule)
        return Deadline(
            kind=EventKind.NO_RETURN if rule == Rule.NO_RETURN else EventKind.INACTIVITY,
            time_ns=time_ns,
            silent_since_ns=state.deadline_from_ns,
            reasons=reasons_of(watch, state, rule, time_ns),
        )

    def snapshot(self, subject_id: str) -> bytes:
        """The whole state of one subject (not its settings)."""
        return snapshot.dump(self._watches[subject_id])

    def restore(self, subject_id: str, snapshot_bytes: bytes) -> None:
        """Take an opened subject back to its snapshot. Raises SnapshotError."""
        snapshot.load(self._watches[subject_id], snapshot_bytes)

    def close(self, subject_id: str) -> None:
        """Forget a subject."""
        self._watches.pop(subject_id, None)

    def _tell(
        self, subject_id: str, watch: Watch, findings: list[Finding], events: list[Event]
    ) -> None:
        """Make events of the findings, and empty the list."""
        if findings:
            events.extend(self._event(subject_id, watch, finding) for finding in findings)
            findings.clear()

    def _event(self, subject_id: str, watch: Watch, finding: Finding) -> Event:
        names = {k: name for name, k in watch.devices.ids.items()}
        return Event(
            event_id=stable_id("inactivity", subject_id, finding.kind, finding.time_ns),
            episode_id=stable_id("inactivity", subject_id, finding.episode_ns),
            kind=finding.kind,
            device_id=names.get(finding.device, subject_id),
            time_ns=finding.time_ns,
            decided_ns=finding.time_ns,
            confidence=_confidence(finding),
            reasons=finding.reasons,
            detector=DetectorInfo("inactivity", VERSION, dict(asdict(watch.limits))),
            origin=_ORIGINS[finding.origin],
        )


def _confidence(finding: Finding) -> float:
    if finding.kind in _CLEARED:
        return _CONFIDENCE["cleared"]
    if any(reason.code == "still_learning" for reason in finding.reasons):
        return _CONFIDENCE["fixed"]
    return _CONFIDENCE["high" if finding.kind in _HIGH else "learned"]
