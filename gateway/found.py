"""The list of found devices: heard or announced, accepted by nobody, bounded.

It decodes what strangers say with the same drivers as everybody's, so that the operator sees what
a device measures before accepting it. None of it is stored: it is nobody's data.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.found_wire import MAX_FOUND, FoundDevice, FoundReport, suggested_role
from edge.signals import NS_PER_S, Reading
from gateway.clock import Clock
from gateway.drivers import DriverError, match_topic
from gateway.isolation import Fault, isolated
from gateway.registry import Registry
from gateway.sources import Frame
from gateway.sources.strangers import Stranger, Transport

# A stranger is decoded at most this often: a flood of them costs no more than a look.
DECODE_EVERY_S: Final = 1.0
# Gone for a day is gone; what is only announced stays for as long as it is announced.
FORGET_AFTER_S: Final = 86_400.0
_PROFILE_QUANTITIES: Final = {
    "heart_rate": ("heart_rate",),
    "blood_pressure": ("systolic_pressure", "diastolic_pressure"),
    "thermometer": ("body_temperature",),
    "oximeter": ("spo2", "heart_rate"),
    "glucose": ("blood_glucose",),
    "weight": ("body_weight",),
    "polar": ("acceleration", "heart_rate"),
    "witmotion": ("acceleration", "angular_rate"),
}


@dataclass(slots=True)
class _Entry:
    stranger: Stranger
    first_ns: int
    last_ns: int
    messages: int = 0
    decoded_s: float | None = None
    quantities: dict[str, float | None] = field(default_factory=dict)
    problem: str | None = None


class FoundDevices:
    """Used by the event loop only."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        # Grows when there is somebody new: that is told at once.
        self.newcomers = 0

    def __len__(self) -> int:
        return len(self._entries)

    def meet(self, stranger: Stranger) -> None:
        """Heard, or announced. Somebody who is registered by now is no stranger."""
        if self._registry.device(stranger.device_id) is not None:
            self._entries.pop(stranger.device_id, None)
            return
        now_ns = self._clock.now_ns()
        entry = self._entries.get(stranger.device_id)
        if entry is None:
            self._make_room(now_ns)
            entry = self._entries[stranger.device_id] = _Entry(stranger, now_ns, now_ns)
            self.newcomers += 1
        elif _says_more(stranger, entry.stranger):
            entry.stranger = stranger
        for quantity in (*stranger.quantities, *_of_profiles(stranger)):
            entry.quantities.setdefault(quantity, None)
        if stranger.frame is not None or stranger.rssi_dbm is not None:
            entry.messages += 1
            entry.last_ns = now_ns
            self._entries.move_to_end(stranger.device_id)
        if stranger.problem is not None:
            entry.problem = stranger.problem
        if stranger.frame is not None:
            self._decode(entry, stranger.frame)

    def meet_frames(self, frames: Sequence[Frame]) -> None:
        """Of a group, those of our own topics that nobody has been assigned."""
        for frame in frames:
            family, _, rest = frame.topic.partition("/v1/")
            device_id, _, kind = rest.partition("/")
            if family == "yuyue" and self._registry.device(device_id) is None:
                try:
                    match_topic(frame.topic)
                except DriverError:
                    continue
                self.meet(Stranger(device_id, Transport.MQTT, kind, frame=frame))

    def report(self) -> FoundReport:
        """For the cloud; the latest heard first."""
        for device_id in [d for d in self._entries if self._registry.device(d) is not None]:
            del self._entries[device_id]
        return FoundReport(
            sent_ns=self._clock.now_ns(),
            registry_version=self._registry.version,
            devices=[_found(entry) for entry in reversed(self._entries.values())],
        )

    def _make_room(self, now_ns: int) -> None:
        limit_ns = now_ns - round(FORGET_AFTER_S * NS_PER_S)
        for device_id, entry in list(self._entries.items()):
            if entry.last_ns < limit_ns and entry.messages:
                del self._entries[device_id]
        while len(self._entries) >= MAX_FOUND:
            self._entries.popitem(last=False)

    def _decode(self, entry: _Entry, frame: Frame) -> None:
        now_s = self._clock.monotonic_s()
        if entry.decoded_s is not None and now_s - entry.decoded_s < DECODE_EVERY_S:
            return
        entry.decoded_s = now_s
        try:
            device_id, driver = match_topic(frame.topic)
        except DriverError as error:
            entry.problem = error.reason
            return
        decoded = isolated(lambda: driver(device_id, frame.payload, frame.received_ns))
        if isinstance(decoded, Fault):
            known = isinstance(decoded.error, DriverError)
            entry.problem = decoded.error.reason if known else "driver_failed"  # type: ignore[attr-defined]
            return
        entry.problem = None
        for signal in decoded:
            value = signal.value if isinstance(signal, Reading) else None
            entry.quantities[signal.quantity] = value


def _says_more(new: Stranger, old: Stranger) -> bool:
    """A bridge's definition is not replaced by a bare message, a known name not by none."""
    return bool(new.name or not old.name) and bool(new.quantities or not old.quantities)


def _of_profiles(stranger: Stranger) -> list[str]:
    names = stranger.link.get("ble_profiles", "").split(",")
    return [q for name in names for q in _PROFILE_QUANTITIES.get(name, ())]


def _found(entry: _Entry) -> FoundDevice:
    about = entry.stranger
    return FoundDevice(
        device_id=about.device_id,
        transport=about.transport.value,
        format=about.format,
        first_heard_ns=entry.first_ns,
        last_heard_ns=entry.last_ns,
        messages=entry.messages,
        suggested_role=suggested_role(entry.quantities),
        name=about.name[:100],
        vendor=about.vendor[:100],
        model=about.model[:100],
        description=about.description[:200],
        rssi_dbm=about.rssi_dbm,
        link_quality=about.link_quality,
        quantities=dict(entry.quantities),
        link=dict(about.link),
        problem=entry.problem[:200] if entry.problem else None,
    )
