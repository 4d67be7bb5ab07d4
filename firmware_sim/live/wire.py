"""What the devices of a world say, message by message. Pure: the time is passed in.

    for parcel in parcels(world, devices, stage): ...

The same world, devices and stage give the same topics and payloads, byte for byte.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from typing import Any, Final

import numpy as np

from edge.signals import NS_PER_S, QUANTITIES, Waveform
from edge.subject import SensorRole
from firmware_sim.buildings.plan import Meter
from firmware_sim.devices.wearable import (
    FLAG_CLOCK_SET,
    FLAG_SIMULATED,
    QUANTITY_ACCELERATION,
    QUANTITY_BED_MOTION,
    Block,
    encode_block,
)
from firmware_sim.live import air, gatt_health, polar
from firmware_sim.live.shapes import LiveDevice
from firmware_sim.scenarios.schema import FaultKind, Shape
from firmware_sim.transports.bridges import DiscoveredDevice, Message, ZigbeeBridge, ZigbeeDevice
from firmware_sim.transports.mqtt import readings_topic, waveform_topic
from firmware_sim.world.raw_bed import RawBed
from firmware_sim.world.track import QUANTITY_NAMES, Track
from firmware_sim.world.world import World

# What is said later than this after its time was held back by a link or a power cut.
HELD_S: Final = 30.0
# How a bridge learns that a device is gone: the broker misses one and a half keep-alives (60 s) of
# a device of its own; Zigbee2MQTT pings what has mains power after ten minutes.
_GONE_AFTER_S: Final = {Shape.HOME_ASSISTANT: 90.0, Shape.ZIGBEE2MQTT: 600.0}
_ON_MAINS: Final = frozenset({"presence", "air_temperature"})
# A stuck device goes on talking; while the broker is away nobody can say who is gone.
_NOBODY_SAYS: Final = frozenset({FaultKind.STUCK, FaultKind.BROKER_AWAY})
# Repeated as they are by the device itself: the state a run that begins in the middle opens with.
_STATES: Final = frozenset({"motion", "presence", "in_bed", "door_open"})
# Falls of one device in one run are told apart by their block numbers.
_BLOCKS_PER_FALL: Final = 10_000
# A meter's records go on counting from run to run, in 16 bits: a gateway asks for those after the
# last it knows. A month of two a day in a run; a thousand runs.
_RECORDS_PER_RUN: Final = 64
_RECORD_NUMBERS: Final = 2**16
_BASE: Final = "zigbee2mqtt"
_LINK_QUALITY: Final = 120
CLOCK_UNCERTAINTY_MS: Final = 20


@dataclass(frozen=True, slots=True)
class Parcel:
    """One publication at `at_s` seconds of the world; `line` is the connection that sends it."""

    at_s: float
    line: str
    message: Message


@dataclass(frozen=True, slots=True)
class Stage:
    """Which part of the world is played, `[from_s, until_s)`, and the boot counter of a device."""

    from_s: float
    until_s: float
    boot_id_of: Callable[[str], int]


class Voices:
    """Turns values into messages, device by device; remembers what a bridge would remember."""

    def __init__(
        self, world: World, devices: Sequence[LiveDevice], boot_id_of: Callable[[str], int]
    ):
        self._world = world
        self._boot_id_of = boot_id_of
        self.devices = devices
        zigbee = {
            d.hub_id: ZigbeeDevice(
                d.hub_id, _friendly_name(d), d.quantities, description=_DESCRIPTION
            )
            for d in devices
            if d.shape is Shape.ZIGBEE2MQTT
        }
        self._bridge = ZigbeeBridge(zigbee, _BASE)
        self._zone = world.scenario.starts_at.tzinfo or UTC
        self._records: dict[int, int] = defaultdict(int)
        self._advertised: dict[int, tuple[int, dict[str, float]]] = {}
        self._discovered = {
            d.hub_id: DiscoveredDevice(
                d.hub_id.removeprefix("ha-"), _friendly_name(d), d.quantities
            )
            for d in devices
            if d.shape is Shape.HOME_ASSISTANT
        }

    def announce(self) -> list[tuple[str, Message]]:
        """What bridges and devices tell when they come: (line, message)."""
        told = [(_BASE, m) for m in self._bridge.announce()] if self._bridge.devices else []
        for device in self.devices:
            one = self._discovered.get(device.hub_id)
            if one is not None:
                told += [(line_of(device), m) for m in one.announce()]
                told += [(line_of(device), m) for m in one.availability(online=True)]
        return told

    def goodbye(self) -> list[tuple[str, Message]]:
        """All announcements taken back: nothing of a run stays in the broker."""
        told = [(line, _emptied(m)) for line, m in self.announce()]
        return told + ([(_BASE, m) for m in self._bridge.goodbye()] if self._bridge.devices else [])

    def say(
        self, device: LiveDevice, at_ns: int, values: Mapping[str, tuple[int, float]]
    ) -> list[Message]:
        """One report: quantity -> (its time in ns by the device's clock, value)."""
        plain = {quantity: value for quantity, (_, value) in values.items()}
        match device.shape:
            case Shape.ZIGBEE2MQTT:
                return self._bridge.state(device.hub_id, _LINK_QUALITY, _iso(at_ns), **plain)
            case Shape.HOME_ASSISTANT:
                return self._discovered[device.hub_id].state(**plain)
            case Shape.BLUETOOTH:
                if device.sensor.role is SensorRole.SPOT_VITALS:
                    measured_ns = max(time_ns for time_ns, _ in values.values())
                    return self._measured(device, measured_ns, plain)
                return self._on_air(device, plain)
            case Shape.OURS:
                return [Message(readings_topic(device.hub_id), senml(values))]

    def _on_air(self, device: LiveDevice, values: Mapping[str, float]) -> list[Message]:
        """As `air.Radios` takes them. A strap has no word for steps: they stay with it."""
        if device.sensor.role is SensorRole.WEARABLE:
            told = []
            if "heart_rate" in values:
                told.append(Message(air.HEART_RATE, air.heart_rate(values["heart_rate"])))
            return told + _battery(values)
        number, known = self._advertised.get(device.number, (0, {}))
        known = {**known, **values}
        self._advertised[device.number] = (number + 1, known)
        return [Message(air.ADVERTISEMENT, air.bthome(number, known))]

    def _measured(
        self, device: LiveDevice, measured_ns: int, values: Mapping[str, float]
    ) -> list[Message]:
        """A meter's measurement, dated by its clock, and its battery."""
        said = _battery(values)
        date = gatt_health.date_time(measured_ns, self._zone)
        number = 0
        if counts_records(device):
            number = self._boot_id_of(device.hub_id) * _RECORDS_PER_RUN
            number = (number + self._records[device.number]) % _RECORD_NUMBERS
        body = gatt_health.measurement(device.meter, values, date, number)
        if body is not None:
            self._records[device.number] += 1
            said.append(Message(air.MEASUREMENT, body))
        return said

    def availability(self, device: LiveDevice, *, online: bool) -> list[Message]:
        """Whether the bridge reaches it; nothing for a device of ours."""
        if device.shape is Shape.ZIGBEE2MQTT:
            return self._bridge.availability(device.hub_id, online=online)
        one = self._discovered.get(device.hub_id)
        return [] if one is None else one.availability(online=online)

    def block(self, device: LiveDevice, waveform: Waveform) -> Message:
        """A wearable's second of acceleration, or some seconds of a bed's motion."""
        number = (waveform.boot_id - 1) * _BLOCKS_PER_FALL + waveform.sequence_number
        is_bed = waveform.quantity == "bed_motion"
        block = Block(
            boot_id=self._boot_id_of(device.hub_id),
            sequence_number=number,
            start_ns=waveform.start_ns,
            rate_mhz=round(waveform.rate_hz * 1000),
            scale_nano=round(waveform.scale * 1e9),
            full_scale_milli=round(waveform.full_scale * 1000),
            counts=waveform.counts,
            flags=FLAG_SIMULATED | FLAG_CLOCK_SET,
            quantity=QUANTITY_BED_MOTION if is_bed else QUANTITY_ACCELERATION,
            clock_uncertainty_ms=CLOCK_UNCERTAINTY_MS,
        )
        return Message(waveform_topic(device.hub_id), encode_block(block))

    @staticmethod
    def packets(device: LiveDevice, waveform: Waveform) -> list[tuple[float, Message]]:
        """The same second on the air: seconds from its start, and a band's sample or a frame."""
        if device.is_strap:
            frames = polar.acceleration(waveform)
            return [(after_s, Message(polar.POLAR, frame)) for after_s, frame in frames]
        return [
            (number / waveform.rate_hz, Message(air.INERTIAL, packet))
            for number, packet in enumerate(air.inertial(waveform))
        ]


_DESCRIPTION: Final = "Simulated sensor"


def _battery(values: Mapping[str, float]) -> list[Message]:
    """On the air: its level, where it is told."""
    if "battery_level" not in values:
        return []
    return [Message(gatt_health.BATTERY, bytes([round(values["battery_level"])]))]


def _friendly_name(device: LiveDevice) -> str:
    return f"sim {device.resident.dwelling.label} {device.sensor.device_id}"


def _emptied(message: Message) -> Message:
    return Message(message.topic, b"", retain=True)


def line_of(device: LiveDevice) -> str:
    """The connection of a device: a bridge's, its adapter's, or its own."""
    if device.shape is Shape.BLUETOOTH:
        return air.AIR + device.adapter
    return _BASE if device.shape is Shape.ZIGBEE2MQTT else device.sensor.device_id


def counts_records(device: LiveDevice) -> bool:
    """Whether it has a memory of numbered records behind its connection."""
    is_on_air = device.shape is Shape.BLUETOOTH
    is_meter = device.sensor.role is SensorRole.SPOT_VITALS
    return is_on_air and is_meter and device.meter is Meter.GLUCOSE


def senml(values: Mapping[str, tuple[int, float]]) -> bytes:
    """A pack, marked simulated. Whole seconds apart from the rest: floats keep nanoseconds so."""
    base_s = min(time_ns for time_ns, _ in values.values()) // NS_PER_S
    records: list[dict[str, Any]] = [
        {
            "n": quantity,
            "u": QUANTITIES[quantity].unit,
            "v": value,
            "t": (time_ns - base_s * NS_PER_S) / NS_PER_S,
        }
        for quantity, (time_ns, value) in values.items()
    ]
    records[0] = {"bt": base_s, "origin": "simulated", **records[0]}
    return json.dumps(records).encode()


def _iso(at_ns: int) -> str:
    seconds, rest_ns = divmod(at_ns, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // 1_000_000 * 1000)
    return moment.isoformat(timespec="milliseconds")


def parcels(world: World, voices: Voices, stage: Stage) -> Iterator[Parcel]:
    """Everything that is said in the played part, in order of time."""
    return merge(
        _readings(world, voices, stage), iter(_blocks(world, voices, stage)),
        iter(_availability(world, voices, stage)), *_motion(world, voices, stage),
        key=lambda parcel: parcel.at_s,
    )  # fmt: skip


def _readings(world: World, voices: Voices, stage: Stage) -> Iterator[Parcel]:
    track = _told(world.track, voices.devices)
    yield from _opening(world, voices, track, stage)
    order = (track.sent_s >= stage.from_s) & (track.sent_s < stage.until_s)
    part = track.keep(order)
    # One message holds what one device said at one moment, and each quantity once.
    at_s, device, values = 0.0, -1, dict[str, tuple[int, float]]()
    for sent_s, time_s, number, quantity, value in zip(
        part.sent_s.tolist(), part.time_s.tolist(), part.device.tolist(),
        part.quantity.tolist(), part.value.tolist(), strict=True,
    ):  # fmt: skip
        name = QUANTITY_NAMES[quantity]
        if (sent_s, number) != (at_s, device) or name in values:
            if values:
                yield from _parcels(world, voices, at_s, device, values)
            at_s, device, values = sent_s, number, {}
        values[name] = (_ns(world, time_s), value)
    if values:
        yield from _parcels(world, voices, at_s, device, values)


def _parcels(
    world: World, voices: Voices, at_s: float, device: int, values: dict[str, tuple[int, float]]
) -> list[Parcel]:
    one = voices.devices[device]
    said = voices.say(one, _ns(world, at_s), values)
    return [Parcel(at_s, line_of(one), message) for message in said]


def _ns(world: World, seconds: float) -> int:
    return world.start_ns + round(seconds * NS_PER_S)


def _told(track: Track, devices: Sequence[LiveDevice]) -> Track:
    """Devices without a clock lose what they cannot deliver, but for the last state of each."""
    has_clock = np.array([device.has_clock for device in devices], dtype=np.bool_)
    held = ~has_clock[track.device] & (track.sent_s - track.time_s > HELD_S)
    if not held.any():
        return track
    last: dict[tuple[int, int], int] = {}
    for row in np.flatnonzero(held).tolist():
        key = (int(track.device[row]), int(track.quantity[row]))
        if key not in last or track.time_s[last[key]] <= track.time_s[row]:
            last[key] = row
    held[list(last.values())] = False
    return track.keep(~held)


def _opening(world: World, voices: Voices, track: Track, stage: Stage) -> Iterator[Parcel]:
    """A run that begins in the middle opens with the states as they stand, as after a restart."""
    before = track.keep(track.sent_s < stage.from_s)
    newest: dict[int, dict[str, float]] = defaultdict(dict)
    for device, quantity, value in zip(
        before.device.tolist(), before.quantity.tolist(), before.value.tolist(), strict=True
    ):
        if QUANTITY_NAMES[quantity] in _STATES:
            newest[device][QUANTITY_NAMES[quantity]] = value
    from_ns = _ns(world, stage.from_s)
    for device in sorted(newest):
        values = {name: (from_ns, value) for name, value in newest[device].items()}
        yield from _parcels(world, voices, stage.from_s, device, values)


def _blocks(world: World, voices: Voices, stage: Stage) -> list[Parcel]:
    """The acceleration of falls, each second when it is over."""
    of_id = {device.sensor.device_id: device for device in voices.devices}
    told: list[Parcel] = []
    for first_s, make in world.falls():
        if not stage.from_s <= first_s < stage.until_s:
            continue
        for waveform in make():
            device = of_id[waveform.device_id]
            start_s = (waveform.start_ns - world.start_ns) / NS_PER_S
            if device.shape is Shape.BLUETOOTH:
                told += [
                    Parcel(start_s + after_s, line_of(device), message)
                    for after_s, message in voices.packets(device, waveform)
                ]
                continue
            end_ns = waveform.start_ns + len(waveform.counts) * NS_PER_S / waveform.rate_hz
            at_s = (end_ns - world.start_ns) / NS_PER_S
            told.append(Parcel(at_s, line_of(device), voices.block(device, waveform)))
    return sorted(told, key=lambda parcel: parcel.at_s)


def _motion(world: World, voices: Voices, stage: Stage) -> list[Iterator[Parcel]]:
    """The raw motion of each bed that sends it, each block when it is over."""
    of_id = {device.sensor.device_id: device for device in voices.devices}

    def of_bed(bed: RawBed) -> Iterator[Parcel]:
        device = of_id[bed.device_id]
        for waveform in bed.blocks(stage.from_s, stage.until_s):
            at_s = (waveform.end_ns - world.start_ns) / NS_PER_S
            yield Parcel(at_s, line_of(device), voices.block(device, waveform))

    return [of_bed(bed) for bed in world.raw_beds]


def _availability(world: World, voices: Voices, stage: Stage) -> list[Parcel]:
    """Devices that a bridge sees go and come back."""
    told: list[Parcel] = []
    for outage in world.outages:
        device = voices.devices[outage.device]
        gone_after_s = _GONE_AFTER_S.get(device.shape)
        if gone_after_s is None or outage.kind in _NOBODY_SAYS:
            continue
        if device.shape is Shape.ZIGBEE2MQTT and not set(device.quantities) & _ON_MAINS:
            continue  # a battery sensor is given a day before it is called away
        moments = [(outage.from_s + gone_after_s, False)]
        if outage.kind is not FaultKind.BROKEN:
            moments.append((outage.until_s, True))
        if outage.until_s - outage.from_s <= gone_after_s:
            continue
        told += [
            Parcel(at_s, line_of(device), message)
            for at_s, online in moments
            if stage.from_s <= at_s < stage.until_s
            for message in voices.availability(device, online=online)
        ]
    return sorted(told, key=lambda parcel: parcel.at_s)
