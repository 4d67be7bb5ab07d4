"""Coverage: silence of a device is its own finding, never taken for quiet of a person."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.coverage.status import Coverage, Gap
from edge.coverage.tracker import (
    GAPS_KEPT,
    MIN_LIMIT_S,
    OK,
    START_GRACE_S,
    UNLEARNED_LIMIT_S,
    DeviceState,
    Finding,
    Report,
    Tracker,
)
from edge.detector import SnapshotError
from edge.events import DetectorInfo, Event, stable_id
from edge.inactivity.devices import QUANTITY_INDEX, Devices
from edge.signals import QUANTITIES, Origin, Reading, Signal
from edge.subject import Sensor, SensorRole, SubjectSettings

VERSION: Final = "2"
_MAGIC: Final = b"YCO1"
_LENGTH: Final = struct.Struct("<I")
_SCALARS: Final = ("opened_ns", "now_ns", "bouts", "bin", "told", "since_ns", "origin")


class CoverageDetector:
    """Watches the devices of each elder; see edge.subject.SubjectDetector for the contract."""

    def __init__(self) -> None:
        self._trackers: dict[str, Tracker] = {}
        self._info = DetectorInfo(
            "coverage",
            VERSION,
            {
                "min_limit_s": MIN_LIMIT_S,
                "unlearned_limit_s": UNLEARNED_LIMIT_S,
                "start_grace_s": START_GRACE_S,
            },
        )
        self.unknown_devices = 0

    @property
    def info(self) -> DetectorInfo:
        """Name, version and settings."""
        return self._info

    @property
    def quantities(self) -> frozenset[str]:
        """Every quantity: any report shows that a device lives."""
        return frozenset(QUANTITIES)

    def open(self, subject_id: str, settings: SubjectSettings) -> None:
        """Begin a subject, or take changed settings."""
        tracker = self._trackers.get(subject_id)
        if tracker is None:
            self._trackers[subject_id] = Tracker(settings)
        elif tracker.settings != settings:
            tracker.configure(settings)

    def process(self, subject_id: str, signals: Sequence[Signal]) -> list[Event]:
        """Take signals in the order of time; return what was decided on the way."""
        tracker = self._trackers[subject_id]
        findings: list[Finding] = []
        for signal in signals:
            device = tracker.devices.ids.get(signal.device_id)
            if device is None:
                self.unknown_devices += 1
                continue
            if signal.quantity == "device_fault":
                continue  # a bridge tells it of a device that it cannot reach: no sign of life
            tracker.take(_report(device, signal), findings)
        return [self._event(subject_id, tracker, finding) for finding in findings]

    def advance(self, subject_id: str, until_ns: int) -> list[Event]:
        """Nothing more came before `until_ns`: return what falls due by then."""
        tracker = self._trackers[subject_id]
        findings: list[Finding] = []
        tracker.advance(until_ns, findings)
        return [self._event(subject_id, tracker, finding) for finding in findings]

    def missed(self, subject_id: str, until_ns: int) -> None:
        """Nobody listened until `until_ns`: that was not the silence of a device."""
        self._trackers[subject_id].missed(until_ns)

    def coverage(self, subject_id: str) -> Coverage:
        """What can be seen of this elder now."""
        return self._trackers[subject_id].coverage()

    def gaps(self, subject_id: str) -> tuple[Gap, ...]:
        """The last times without a device, oldest first; those that last have no end."""
        tracker = self._trackers[subject_id]
        lasting = [
            Gap(sensor.device_id, state.fault_since_ns, None, state.cause)
            for sensor, state in zip(tracker.settings.sensors, tracker.states, strict=True)
            if state.fault != OK
        ]
        return (*tracker.gaps, *sorted(lasting, key=lambda gap: gap.start_ns))

    def snapshot(self, subject_id: str) -> bytes:
        """The whole state of one subject (not its settings)."""
        tracker = self._trackers[subject_id]
        header = json.dumps(
            {
                "scalars": [getattr(tracker, name) for name in _SCALARS],
                "gaps": [dataclasses.astuple(gap) for gap in tracker.gaps],
                "devices": list(tracker.devices.ids),
                "states": [dataclasses.astuple(state) for state in tracker.states],
            }
        ).encode()
        body = b"".join(array.tobytes() for array in tracker.devices.learned_arrays())
        return _MAGIC + _LENGTH.pack(len(header)) + header + body

    def restore(self, subject_id: str, snapshot: bytes) -> None:
        """Take an opened subject back to its snapshot. Raises SnapshotError."""
        settings = self._trackers[subject_id].settings
        self._trackers[subject_id] = _loaded(settings, snapshot)

    def close(self, subject_id: str) -> None:
        """Forget a subject."""
        self._trackers.pop(subject_id, None)

    def _event(self, subject_id: str, tracker: Tracker, finding: Finding) -> Event:
        whole = finding.device < 0
        about = subject_id if whole else tracker.settings.sensors[finding.device].device_id
        return Event(
            event_id=stable_id("coverage", subject_id, finding.kind, about, finding.time_ns),
            episode_id=stable_id("coverage", subject_id, about, finding.since_ns),
            kind=finding.kind,
            device_id=about,
            time_ns=finding.time_ns,
            decided_ns=finding.time_ns,
            confidence=1.0,
            reasons=finding.reasons,
            detector=self._info,
            origin=finding.origin,
        )


def _report(device: int, signal: Signal) -> Report:
    if not isinstance(signal, Reading):
        return Report(device, signal.end_ns, signal.origin)
    return Report(
        device,
        signal.time_ns,
        signal.origin,
        QUANTITY_INDEX.get(signal.quantity, -1),
        signal.value,
        signal.value if signal.quantity == "battery_level" else None,
    )


def _loaded(settings: SubjectSettings, snapshot: bytes) -> Tracker:
    start = len(_MAGIC) + _LENGTH.size
    if snapshot[: len(_MAGIC)] != _MAGIC or len(snapshot) < start:
        raise SnapshotError("not a snapshot of coverage")
    body = start + _LENGTH.unpack_from(snapshot, len(_MAGIC))[0]
    try:
        header = json.loads(snapshot[start:body])
        sensors = tuple(Sensor(str(name), SensorRole.MOTION) for name in header["devices"])
        tracker = Tracker(SubjectSettings(sensors=sensors))
        tracker.states = [DeviceState(*values) for values in header["states"]]
        tracker.gaps = deque((Gap(*values) for values in header["gaps"]), maxlen=GAPS_KEPT)
        for name, value in zip(_SCALARS, header["scalars"], strict=True):
            setattr(tracker, name, Origin(value) if name == "origin" else value)
    except (ValueError, TypeError, KeyError) as error:
        raise SnapshotError(f"damaged header: {error}") from error
    arrays = Devices.learned_arrays(tracker.devices)
    if len(snapshot) != body + sum(array.nbytes for array in arrays):
        raise SnapshotError(f"{len(snapshot)} bytes do not fit {len(sensors)} devices")
    at = body
    for array in arrays:
        stop = at + array.nbytes
        array[...] = np.frombuffer(snapshot[at:stop], dtype=array.dtype).reshape(array.shape)
        at = stop
    tracker.configure(settings)
    return tracker
