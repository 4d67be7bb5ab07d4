"""What the detectors of a subject share: timers in event time, events, snapshots.

A `Watch` is one subject in one detector: plain state and what moves it. A `WatchBank` is the
SubjectDetector around many of them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import (
    Any,
    Final,
    Generic,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from edge.detector import SnapshotError
from edge.events import DetectorInfo, Event, EventKind, Reason, stable_id
from edge.signals import NS_PER_S, Origin, Reading, Signal
from edge.subject import Sensor, SubjectSettings

NEVER_NS: Final = -(2**62)
_MAGIC: Final = b"YYW1"
_CRC_BYTES: Final = 4
_HEAD_BYTES: Final = len(_MAGIC) + _CRC_BYTES


def seconds_ns(seconds: float) -> int:
    """Seconds as integer nanoseconds."""
    return round(seconds * NS_PER_S)


class Voice:
    """Says the events of one subject in one detector. `now_ns` is how far its time has come."""

    def __init__(self, info: DetectorInfo, subject_id: str) -> None:
        self.info = info
        self.subject_id = subject_id
        self.now_ns = NEVER_NS
        self.events: list[Event] = []

    def say(
        self,
        kind: EventKind,
        time_ns: int,
        *reasons: Reason,
        device_id: str = "",
        episode: str = "",
        origin: Origin = Origin.LIVE,
        confidence: float = 1.0,
    ) -> str:
        """Add an event that happened at `time_ns`; returns its episode."""
        device_id = device_id or self.subject_id
        event_id = stable_id(
            self.info.name,
            self.subject_id,
            kind,
            device_id,
            time_ns,
            episode,
            self.now_ns,
            *(reason.code for reason in reasons),
        )
        episode = episode or event_id
        self.events.append(
            Event(
                event_id=event_id,
                episode_id=episode,
                kind=kind,
                device_id=device_id,
                time_ns=time_ns,
                decided_ns=max(self.now_ns, time_ns),
                confidence=confidence,
                reasons=reasons,
                detector=self.info,
                origin=origin,
            )
        )
        return episode


class Watch(Protocol):
    """One subject. Only its bank calls it, and always with `voice.now_ns` moved on first."""

    state: Any  # a dataclass of plain data, the whole of what a restart must not forget

    def configure(self, settings: SubjectSettings) -> None:
        """Take settings, the first time or changed; `state` stays."""
        ...

    def due_ns(self) -> int | None:
        """When something happens by itself next; None when nothing will."""
        ...

    def fall_due(self) -> None:
        """Do what is due at `voice.now_ns`; afterwards `due_ns` has moved on."""
        ...

    def take(self, reading: Reading, sensor: Sensor) -> None:
        """Take a reading, in order within its device and quantity."""
        ...


W = TypeVar("W", bound=Watch)


class _Subject(Generic[W]):
    """A watch, its voice, its sensors, and the last time of each device and quantity."""

    def __init__(self, voice: Voice, watch: W, settings: SubjectSettings) -> None:
        self.voice = voice
        self.watch = watch
        self.sensors = settings.by_device()
        self.last_ns: dict[str, int] = {}
        self.counters = {"unknown_device": 0, "out_of_order": 0}
        self._due_ns: int | None = None
        self._due_known = False

    def due_ns(self) -> int | None:
        """`due_ns` of the watch: asked again only after something may have changed it."""
        if not self._due_known:
            self._due_ns, self._due_known = self.watch.due_ns(), True
        return self._due_ns

    def changed(self) -> None:
        """The watch took something, or was handed out to somebody."""
        self._due_known = False


class WatchBank(Generic[W]):
    """The SubjectDetector protocol over watches of one kind."""

    def __init__(
        self, info: DetectorInfo, quantities: frozenset[str], make: Callable[[Voice], W]
    ) -> None:
        self._info = info
        self._quantities = quantities
        self._make = make
        self._subjects: dict[str, _Subject[W]] = {}

    @property
    def info(self) -> DetectorInfo:
        """Name, version and default settings."""
        return self._info

    @property
    def quantities(self) -> frozenset[str]:
        """The quantities it wants to be fed."""
        return self._quantities

    def counters(self, subject_id: str) -> dict[str, int]:
        """Readings that were not used: of unknown devices, or older than one already used."""
        return dict(self._subjects[subject_id].counters)

    def watch(self, subject_id: str) -> W:
        """The watch of a subject, to read its state or to tell it something now."""
        subject = self._subjects[subject_id]
        subject.changed()
        return subject.watch

    def open(self, subject_id: str, settings: SubjectSettings) -> None:
        """Begin a subject, or take changed settings. Raises SignalError; then nothing changed."""
        subject = self._subjects.get(subject_id)
        if subject is None:
            voice = Voice(self._info, subject_id)
            watch = self._make(voice)
            watch.configure(settings)
            self._subjects[subject_id] = _Subject(voice, watch, settings)
        else:
            subject.changed()
            subject.watch.configure(settings)
            subject.sensors = settings.by_device()
            subject.last_ns = {
                key: last
                for key, last in subject.last_ns.items()
                if key.partition("|")[2] in subject.sensors
            }

    def process(self, subject_id: str, signals: Sequence[Signal]) -> list[Event]:
        """Take readings in order. One that is older than its own device's last is counted only."""
        subject = self._subjects[subject_id]
        for signal in signals:
            if isinstance(signal, Reading) and signal.quantity in self._quantities:
                self._take(subject, signal)
        return _said(subject.voice)

    def advance(self, subject_id: str, until_ns: int) -> list[Event]:
        """Return what falls due by `until_ns`. Never goes back.

        Time begins with the first reading, which may be of the past: a backlog is on its way.
        """
        subject = self._subjects[subject_id]
        if subject.voice.now_ns != NEVER_NS:
            _fall_due(subject, until_ns)
        return _said(subject.voice)

    def begin(self, subject_id: str, at_ns: int) -> None:
        """Let time begin, where no reading has begun it."""
        voice = self._subjects[subject_id].voice
        if voice.now_ns == NEVER_NS:
            voice.now_ns = at_ns

    def snapshot(self, subject_id: str) -> bytes:
        """The whole state of one subject."""
        subject = self._subjects[subject_id]
        head = {
            "name": self._info.name,
            "version": self._info.version,
            "now_ns": subject.voice.now_ns,
            "last_ns": subject.last_ns,
            "counters": subject.counters,
            "state": to_plain(subject.watch.state),
        }
        body = json.dumps(head, separators=(",", ":")).encode()
        return _MAGIC + zlib.crc32(body).to_bytes(_CRC_BYTES, "little") + body

    def restore(self, subject_id: str, snapshot: bytes) -> None:
        """Take an opened subject back to its snapshot. Raises SnapshotError, changing nothing."""
        subject = self._subjects[subject_id]
        head = _open_snapshot(snapshot, self._info)
        try:
            state = from_plain(type(subject.watch.state), head["state"])
            now_ns, last_ns = int(head["now_ns"]), {k: int(v) for k, v in head["last_ns"].items()}
            counters = {key: int(head["counters"][key]) for key in subject.counters}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SnapshotError(f"{self._info.name}: damaged snapshot: {error!r}") from error
        subject.watch.state = state
        subject.changed()
        subject.voice.now_ns, subject.last_ns, subject.counters = now_ns, last_ns, counters

    def close(self, subject_id: str) -> None:
        """Forget a subject."""
        self._subjects.pop(subject_id, None)

    def _take(self, subject: _Subject[W], reading: Reading) -> None:
        sensor = subject.sensors.get(reading.device_id)
        if sensor is None:
            subject.counters["unknown_device"] += 1
            return
        key = f"{reading.quantity}|{reading.device_id}"
        if reading.time_ns < subject.last_ns.get(key, NEVER_NS):
            subject.counters["out_of_order"] += 1
            return
        subject.last_ns[key] = reading.time_ns
        _fall_due(subject, reading.time_ns)
        subject.watch.take(reading, sensor)
        subject.changed()
        # A reading from the past can make something due that is already overdue.
        _fall_due(subject, reading.time_ns)


def _fall_due(subject: _Subject[W], until_ns: int) -> None:
    voice, watch = subject.voice, subject.watch
    until_ns = max(until_ns, voice.now_ns)
    while (due_ns := subject.due_ns()) is not None and due_ns <= until_ns:
        voice.now_ns = max(voice.now_ns, due_ns)
        watch.fall_due()
        subject.changed()
    voice.now_ns = until_ns


def _said(voice: Voice) -> list[Event]:
    events, voice.events = voice.events, []
    return events


def _open_snapshot(snapshot: bytes, info: DetectorInfo) -> dict[str, Any]:
    body = snapshot[_HEAD_BYTES:]
    checksum = zlib.crc32(body).to_bytes(_CRC_BYTES, "little")
    if snapshot[:_HEAD_BYTES] != _MAGIC + checksum:
        raise SnapshotError(f"{info.name}: not a snapshot of this detector, or damaged")
    head: dict[str, Any] = json.loads(body)
    if (head.get("name"), head.get("version")) != (info.name, info.version):
        raise SnapshotError(
            f"snapshot of {head.get('name')} {head.get('version')}, "
            f"but the detector is {info.name} {info.version}"
        )
    return head


def to_plain(value: Any) -> Any:
    """A dataclass of plain data as JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def from_plain(kind: Any, value: Any) -> Any:
    """Back from `to_plain`, by the annotations. Raises KeyError, TypeError or ValueError."""
    if get_origin(kind) in (Union, UnionType):
        if value is None and NoneType in get_args(kind):
            return None
        (kind,) = [option for option in get_args(kind) if option is not NoneType]
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{f.name: from_plain(hints[f.name], value[f.name]) for f in fields(kind)})
    if get_origin(kind) is list:
        return [from_plain(get_args(kind)[0], item) for item in value]
    if get_origin(kind) is dict:
        return {str(key): from_plain(get_args(kind)[1], item) for key, item in value.items()}
    return kind(value)
