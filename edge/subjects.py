"""Everybody who is watched through many devices: detectors, fusion and derived readings, together.

Like the engine of device streams it holds no clock and no thread: what it returns depends only on
what it was fed, in that order, and on how far time was moved on.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from edge.bed.detector import BedDetector
from edge.coverage.detector import CoverageDetector
from edge.detector import SnapshotError
from edge.events import Event, EventKind
from edge.fusion.detector import FusionDetector
from edge.inactivity.detector import InactivityDetector
from edge.room.detector import RoomDetector
from edge.signals import Reading, Signal, Waveform
from edge.subject import Capability, Sensor, Subject, SubjectDetector, SubjectSettings
from edge.vitals.bank import VitalsBank
from edge.vitals.spot import VitalsDetector

_MAGIC: Final = b"YSU1"
_LENGTH_BYTES: Final = 4
_CRC_BYTES: Final = 4
_HEAD: Final = len(_MAGIC) + _CRC_BYTES
# Mostly empty tables: level 1 makes 2 KB of 40.
_ZLIB_LEVEL: Final = 1

_ABOUT_ELDER: Final = frozenset(
    {EventKind.COVERAGE_BLIND, EventKind.COVERAGE_DEGRADED, EventKind.COVERAGE_PROTECTED}
)
# A sensor that several share cannot tell who of them moves.
_NOT_SHARED: Final = frozenset({Capability.INACTIVITY})


class SubjectEngine:
    """Subjects by id. One subject's fault never touches another: the caller feeds them apart."""

    def __init__(self) -> None:
        self._bed = BedDetector()
        self._room = RoomDetector()
        self._coverage = CoverageDetector()
        self._fusion = FusionDetector()
        self._inactivity = InactivityDetector()
        self._personal: tuple[SubjectDetector, ...] = (
            self._inactivity, self._bed, VitalsDetector(), self._room,
        )  # fmt: skip
        self._detectors: tuple[SubjectDetector, ...] = (
            self._coverage, *self._personal, self._fusion,
        )  # fmt: skip
        self._names = frozenset(detector.info.name for detector in self._detectors)
        self._subjects: dict[str, Subject] = {}
        self._of_device: dict[str, list[str]] = {}
        self._dirty: set[str] = set()
        self._bank = VitalsBank()
        self._beds: set[str] = set()
        self._dirty_beds: set[str] = set()

    @property
    def coverage(self) -> CoverageDetector:
        """To ask what can be seen of somebody now."""
        return self._coverage

    @property
    def inactivity(self) -> InactivityDetector:
        """To ask for deadlines."""
        return self._inactivity

    # -- who is watched ----------------------------------------------------------------------

    def subjects(self) -> dict[str, Subject]:
        """Everybody watched now, by id."""
        return dict(self._subjects)

    def open(self, subject: Subject) -> None:
        """Begin to watch, or take changed settings: what was learned stays. Raises SignalError."""
        if self._subjects.get(subject.subject_id) == subject:
            return
        known = subject.subject_id in self._subjects
        self._subjects[subject.subject_id] = subject
        try:
            for detector in self._detectors:
                detector.open(subject.subject_id, _settings_for(detector, subject))
        except ValueError:
            if not known:
                self.close(subject.subject_id)
            raise
        self._route()
        self._dirty.add(subject.subject_id)

    def close(self, subject_id: str) -> None:
        """Forget somebody, and all that was learned."""
        self._subjects.pop(subject_id, None)
        self._dirty.discard(subject_id)
        for detector in self._detectors:
            detector.close(subject_id)
        self._route()

    def _route(self) -> None:
        self._of_device = {}
        for subject in self._subjects.values():
            for sensor in (*subject.settings.sensors, *subject.shared):
                self._of_device.setdefault(sensor.device_id, []).append(subject.subject_id)

    def watching(self, device_id: str) -> Sequence[str]:
        """Who is watched through a device."""
        return self._of_device.get(device_id, ())

    # -- readings made of waveforms ----------------------------------------------------------

    def derive(self, signals: Sequence[Signal]) -> list[Reading]:
        """Readings made of bed motion: they go on like any device's. Raises what is a fault."""
        blocks = [s for s in signals if isinstance(s, Waveform) and s.quantity == "bed_motion"]
        for block in blocks:
            if block.device_id not in self._beds:
                self._bank.open(block.device_id)
                self._beds.add(block.device_id)
            self._dirty_beds.add(block.device_id)
        return self._bank.process(blocks) if blocks else []

    def forget_bed(self, device_id: str) -> None:
        """A bed sensor that is somebody else's now: the person in it has other habits."""
        self._bank.close(device_id)
        self._beds.discard(device_id)
        self._dirty_beds.discard(device_id)

    def take_dirty_beds(self) -> dict[str, bytes]:
        """Snapshots of the bed streams that advanced since this was last asked."""
        dirty, self._dirty_beds = self._dirty_beds, set()
        return {device_id: self._bank.snapshot(device_id) for device_id in sorted(dirty)}

    def restore_bed(self, device_id: str, snapshot: bytes) -> None:
        """Take a bed stream back. Raises SnapshotError."""
        self._bank.open(device_id)
        self._bank.restore(device_id, snapshot)
        self._beds.add(device_id)

    # -- time and signals --------------------------------------------------------------------

    def process(
        self, subject_id: str, signals: Sequence[Signal], events: Sequence[Event] = ()
    ) -> list[Event]:
        """Take this subject's signals, and events that streams of their devices have told.

        Returns everything to tell, `events` among it (one fall seen twice under one episode).
        """
        self._dirty.add(subject_id)
        waiting = sorted(events, key=lambda event: (event.decided_ns, event.event_id))
        told: list[Event] = []
        for signal in signals:
            at_ns = signal.end_ns if isinstance(signal, Waveform) else signal.time_ns
            while waiting and waiting[0].decided_ns <= at_ns:
                told += self._tell(subject_id, [waiting.pop(0)])
            told += self._take(subject_id, signal)
        return told + self._tell(subject_id, waiting)

    def advance(self, subject_id: str, until_ns: int) -> list[Event]:
        """Nothing more came before `until_ns`: what falls due by then."""
        found = [
            event
            for detector in self._detectors
            if detector is not self._fusion
            for event in detector.advance(subject_id, until_ns)
        ]
        told = self._tell(subject_id, found) + self._bed_again(subject_id)
        told += self._mine(subject_id, self._fusion.advance(subject_id, until_ns))
        if told:
            self._dirty.add(subject_id)
        return told

    def missed(self, subject_id: str, until_ns: int) -> None:
        """Nobody listened until `until_ns`: no device was silent, and nobody inactive, for that."""
        self._coverage.missed(subject_id, until_ns)
        self._inactivity.missed(subject_id, until_ns)
        self._dirty.add(subject_id)

    def _take(self, subject_id: str, signal: Signal) -> list[Event]:
        subject = self._subjects[subject_id]
        mine = signal.device_id in {sensor.device_id for sensor in subject.settings.sensors}
        at_ns = signal.end_ns if isinstance(signal, Waveform) else signal.time_ns
        found = self._coverage.process(subject_id, [signal])
        for detector in self._personal:
            if mine and signal.quantity in detector.quantities:
                found += detector.process(subject_id, [signal])
            else:  # what fell due before must be told before
                found += detector.advance(subject_id, at_ns)
        told = self._tell(subject_id, found) + self._bed_again(subject_id)
        if mine and signal.quantity in self._fusion.quantities:
            told += self._mine(subject_id, self._fusion.process(subject_id, [signal]))
        return told

    def _tell(self, subject_id: str, events: Sequence[Event]) -> list[Event]:
        if not events:
            return []
        found = self._mine(subject_id, events)
        # Stable: what one detector says of one instant stays in its order.
        found.sort(key=lambda event: event.decided_ns)
        return self._mine(subject_id, self._fusion.observe(subject_id, found))

    def _bed_again(self, subject_id: str) -> list[Event]:
        if self._bed.watch(subject_id).state.occupancy.occupied is not True:
            return []
        return self._mine(subject_id, self._fusion.back_in_bed(subject_id))

    def _mine(self, subject_id: str, events: Sequence[Event]) -> list[Event]:
        """Marked as this subject's; without what belongs to the room that several share.

        What a device's own stream has told stays as it is: whose it is, is asked of the device.
        """
        subject = self._subjects[subject_id]
        shared = {sensor.device_id for sensor in subject.shared}
        return [
            event
            if event.subject_id == subject_id or event.detector.name not in self._names
            else replace(event, subject_id=subject_id)
            for event in events
            if event.device_id not in shared
            and (subject.elder_id is not None or event.kind not in _ABOUT_ELDER)
        ]

    # -- snapshots ---------------------------------------------------------------------------

    def snapshot(self, subject_id: str) -> bytes:
        """The whole state of one subject in every detector."""
        parts = [(d.info.name, d.info.version, d.snapshot(subject_id)) for d in self._detectors]
        header = json.dumps([[name, version, len(part)] for name, version, part in parts]).encode()
        body = zlib.compress(
            len(header).to_bytes(_LENGTH_BYTES, "little")
            + header
            + b"".join(part for _, _, part in parts),
            _ZLIB_LEVEL,
        )
        return _MAGIC + zlib.crc32(body).to_bytes(_CRC_BYTES, "little") + body

    def take_dirty_snapshots(self) -> dict[str, bytes]:
        """Snapshots of the subjects that moved since this was last asked."""
        dirty, self._dirty = self._dirty, set()
        return {subject_id: self.snapshot(subject_id) for subject_id in sorted(dirty)}

    def restore(self, subject_id: str, snapshot: bytes) -> list[str]:
        """Take an opened subject back; names of detectors that could not take their part.

        They begin anew; the others keep what they have learned. Raises SnapshotError when the whole
        is damaged, and then changes nothing.
        """
        parts = _parts(snapshot)
        refused = []
        for detector in self._detectors:
            version, part = parts.get(detector.info.name, ("", b""))
            if version != detector.info.version or not _took(detector, subject_id, part):
                detector.close(subject_id)
                detector.open(subject_id, _settings_for(detector, self._subjects[subject_id]))
                refused.append(detector.info.name)
        return refused


def _took(detector: SubjectDetector, subject_id: str, part: bytes) -> bool:
    try:
        detector.restore(subject_id, part)
    except SnapshotError:
        return False
    return True


def _settings_for(detector: SubjectDetector, subject: Subject) -> SubjectSettings:
    """Only coverage looks at what several share."""
    if not isinstance(detector, CoverageDetector) or not subject.shared:
        return subject.settings
    shared: tuple[Sensor, ...] = tuple(
        replace(sensor, capabilities=sensor.serves - _NOT_SHARED) for sensor in subject.shared
    )
    return replace(subject.settings, sensors=(*subject.settings.sensors, *shared))


def _parts(snapshot: bytes) -> dict[str, tuple[str, bytes]]:
    """Detector name -> (version, state). Raises SnapshotError."""
    packed = snapshot[_HEAD:]
    if snapshot[:_HEAD] != _MAGIC + zlib.crc32(packed).to_bytes(_CRC_BYTES, "little"):
        raise SnapshotError("not a snapshot of a subject, or damaged")
    body = zlib.decompress(packed)
    at = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "little")
    parts = {}
    for name, version, length in json.loads(body[_LENGTH_BYTES:at]):
        parts[name] = (version, body[at : at + length])
        at += length
    return parts
