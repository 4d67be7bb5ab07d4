"""What gateway and cloud say to each other: records, batches, heartbeat, registry.

The HTTP side of it is written down in docs/wire.md. Plain frozen dataclasses, so that msgspec
encodes and checks them as they are (bytes travel as base64 in JSON).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from edge.events import Event
from edge.gateway_wire import Gap, LocalAction
from edge.signals import Int16Array, Origin, Position, Reading, SignalError, Waveform
from edge.subject import Subject

# Readers refuse a batch of another major version instead of guessing.
WIRE_VERSION: Final = 1


class Lane(StrEnum):
    """Urgent never waits for bulk: each lane has its own numbers and its own sender."""

    URGENT = "urgent"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class WaveformRecord:
    """A Waveform as it travels: `counts` little-endian int16, C order, (n, channels)."""

    device_id: str
    quantity: str
    start_ns: int
    rate_hz: float
    scale: float
    full_scale: float
    channels: int
    counts: bytes
    sequence_number: int
    boot_id: int
    origin: Origin
    clock_uncertainty_s: float | None = None


@dataclass(frozen=True, slots=True)
class RejectedFrame:
    """A frame that could not be used: what, from where, when, and why. Never silently dropped.

    `reason` is a short stable code for counting (`truncated`, `future_time`, `unassigned_device`
    ...); `detail` is the sentence for a person. `frame` holds at most its first 512 bytes.
    """

    source: str
    received_ns: int
    reason: str
    detail: str
    frame: bytes
    device_id: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One numbered entry of a lane. Exactly one of the six bodies is set.

    `stored_ns` is when the gateway's outbox committed it.
    """

    seq: int
    stored_ns: int
    event: Event | None = None
    reading: Reading | None = None
    waveform: WaveformRecord | None = None
    rejected: RejectedFrame | None = None
    gap: Gap | None = None
    local: LocalAction | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one lane in order, `records[k].seq == first_seq + k`.

    `outbox_id` names the outbox that gave the numbers: a gateway whose disk was replaced starts
    again at 1 under a new id, and the cloud must not take that for a repetition.
    """

    version: int
    outbox_id: str
    lane: Lane
    first_seq: int
    sent_ns: int
    records: list[Record]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Everything up to and including this number is committed in the cloud."""

    acknowledged_through: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """How much a lane still holds. `oldest_stored_ns` is None when it is empty."""

    pending: int
    oldest_stored_ns: int | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The gateway is alive and says how it is. Sent every HEARTBEAT_INTERVAL_S, and on start.

    `machine_clock_offset_s`: the machine's clock minus the cloud's, as last measured (`sent_ns` is
    put right already). `mains` and `battery_percent`: of the machine, where it has a battery.
    `local_alarm`: off, ready or alarming. `devices_heard`: in the last minute.
    `source_details`: figures of each source: scanner restarts, adapter recoveries, connections;
    under `ble:intervals_s` the learned advertising interval by device.
    """

    sent_ns: int
    started_ns: int
    software_version: str
    outbox_id: str
    urgent: LaneState
    bulk: LaneState
    rejected_total: int
    registry_version: int
    sources: dict[str, bool]
    machine_clock_offset_s: float | None = None
    settings_version: int = 0
    settings_error: str | None = None
    outbox_bytes: int | None = None
    disk_free_bytes: int | None = None
    mains: bool | None = None
    battery_percent: float | None = None
    local_alarm: str = "off"
    devices_heard: int | None = None
    source_details: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeartbeatReply:
    """`received_ns` lets the gateway see its clock offset; a newer `registry_version`: fetch it."""

    received_ns: int
    registry_version: int


# Three missed beats make 90 s, the limit after which a gateway counts as offline (alarms.md).
HEARTBEAT_INTERVAL_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class RegisteredDevice:
    """Whose device it is now. `place` is text for a person: `2 楼 护理一区 203-1 床`.

    `link`: how to reach it, by key (docs/devices.md): `ble_address`, `ble_key`, `ble_profiles` ...
    It holds secrets, so it is never logged and never part of a frame.
    """

    device_id: str
    model: str
    position: Position | None
    elder_id: str | None
    elder_name: str | None
    place: str | None
    assigned_from_ns: int
    link: dict[str, str] = field(default_factory=dict)
    # Kinds of data the person agreed to (edge/consent.py). None: no person is meant, all may pass.
    allowed_kinds: list[str] | None = None


@dataclass(frozen=True, slots=True)
class RegistryDocument:
    """All devices a gateway may speak for, as of `version` (grows with every change).

    `subjects`: whom this gateway watches over. One gateway for each, so that nothing is told twice.
    `simulation_key`: in hexadecimal, what proves the tags of simulated devices (`edge.marks`); with
    it, nothing that says it is not live is taken without a tag.
    """

    version: int
    gateway_id: str
    institution_name: str
    devices: list[RegisteredDevice]
    subjects: list[Subject] = field(default_factory=list)
    simulation_key: str = ""


def waveform_to_record(waveform: Waveform) -> WaveformRecord:
    """The travelling form of a block."""
    return WaveformRecord(
        device_id=waveform.device_id,
        quantity=waveform.quantity,
        start_ns=waveform.start_ns,
        rate_hz=waveform.rate_hz,
        scale=waveform.scale,
        full_scale=waveform.full_scale,
        channels=waveform.counts.shape[1],
        counts=np.ascontiguousarray(waveform.counts, dtype="<i2").tobytes(),
        sequence_number=waveform.sequence_number,
        boot_id=waveform.boot_id,
        origin=waveform.origin,
        clock_uncertainty_s=waveform.clock_uncertainty_s,
    )


def counts_from_bytes(counts: bytes, channels: int) -> Int16Array:
    """Shape (n, channels) int16 from its travelling form. Raises SignalError on a ragged length."""
    if channels < 1 or len(counts) % (2 * channels):
        raise SignalError("counts", f"{len(counts)} bytes are not rows of {channels} int16")
    return np.frombuffer(counts, dtype="<i2").reshape(-1, channels).astype(np.int16, copy=False)


def waveform_from_record(record: WaveformRecord) -> Waveform:
    """Back to a block. Raises SignalError naming the field."""
    return Waveform(
        device_id=record.device_id,
        quantity=record.quantity,
        start_ns=record.start_ns,
        rate_hz=record.rate_hz,
        scale=record.scale,
        full_scale=record.full_scale,
        counts=counts_from_bytes(record.counts, record.channels),
        sequence_number=record.sequence_number,
        boot_id=record.boot_id,
        origin=record.origin,
        clock_uncertainty_s=record.clock_uncertainty_s,
    )
