"""From the bytes of a batch to records: pure. One bad record never spoils its neighbours."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

import msgspec

from cloud.errors import BadBatchError, BatchTooLargeError
from cloud.series.columns import ReadingColumns
from edge.events import Event, Evidence
from edge.gateway_wire import Gap, LocalAction
from edge.signals import QUANTITIES, Reading, SignalError, Waveform
from edge.wire import (
    WIRE_VERSION,
    Heartbeat,
    Lane,
    Record,
    RejectedFrame,
    counts_from_bytes,
    waveform_from_record,
)

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
MAX_RECORDS: Final = 5_000
# As the gateway keeps of a rejected frame.
MAX_FRAME_BYTES: Final = 512
# A record that may hold an event is kept whole: it is all there is of what happened.
MAX_EVENT_FRAME_BYTES: Final = 256 * 1024
_MAX_TEXT: Final = 1_000
# Figures in one heartbeat: 256 learned intervals, and some of each source.
_MAX_DETAILS: Final = 600
_MAX_STATE: Final = 40
_MAX_GAP_DEVICES: Final = 1_000
MAX_ID: Final = 200
DEVICE_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
# A code to count by, also a label of a metric: nothing free may pass.
_REASON: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
# PostgreSQL's bigint, and far beyond the year 2200.
MAX_NS: Final = 2**63 - 1
_MAX_BOOT: Final = 2**32 - 1

Body = Event | Reading | Waveform | RejectedFrame | Gap | LocalAction


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a record cannot be used."""

    reason: str
    detail: str
    source: str
    device_id: str | None
    frame: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `evidence_fault`: the event counts, its evidence was dropped."""

    seq: int
    stored_ns: int
    body: Body | Unusable
    raw: bytes
    evidence_fault: str | None = None


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """A batch whose frame is right: entries in order, or readings by column (`fast`)."""

    outbox_id: str
    lane: Lane
    first_seq: int
    entries: list[Entry]
    readings: ReadingColumns | None = None
    content: bytes = b""

    def raw(self, seq: int) -> bytes:
        """A record as it came."""
        return bytes(_frame.decode(self.content).records[seq - self.first_seq])


class _Version(msgspec.Struct):
    version: int


class _Frame(msgspec.Struct):
    outbox_id: str
    lane: Lane
    first_seq: int
    sent_ns: int
    records: list[msgspec.Raw]


class _Numbers(msgspec.Struct):
    seq: int | None = None
    stored_ns: int | None = None


_version = msgspec.json.Decoder(_Version)
_frame = msgspec.json.Decoder(_Frame)
_numbers = msgspec.json.Decoder(_Numbers)
_record = msgspec.json.Decoder(Record)
_anything = msgspec.json.Decoder(dict[str, Any])
_heartbeat = msgspec.json.Decoder(Heartbeat)
Decoded = TypeVar("Decoded")


def unpack(body: bytes, encoding: str) -> bytes:
    """The body as JSON text. Raises BadBatchError, BatchTooLargeError (also for gzip bombs)."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise BadBatchError(f"Content-Encoding: gzip or none, got {encoding[:40]!r}", 415)
    unzip = zlib.decompressobj(wbits=31)
    try:
        unpacked = unzip.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise BadBatchError(f"Content-Encoding: not gzip: {error}") from error
    if len(unpacked) > MAX_BODY_BYTES:
        raise BatchTooLargeError(f"more than {MAX_BODY_BYTES} bytes when unpacked")
    if not unzip.eof or unzip.unused_data:
        raise BadBatchError("Content-Encoding: the gzip data is cut off or followed by more")
    return unpacked


def decode_heartbeat(body: bytes) -> Heartbeat:
    """A heartbeat. Raises BadBatchError naming the field."""
    beat = _decode(_heartbeat.decode, body)
    times = [beat.sent_ns, beat.started_ns]
    times += [lane.oldest_stored_ns or 0 for lane in (beat.urgent, beat.bulk)]
    if not all(0 <= time_ns <= MAX_NS for time_ns in times):
        raise BadBatchError("a time is not nanoseconds since 1970")
    counts = [beat.urgent.pending, beat.bulk.pending]
    if not all(0 <= count < 2**31 for count in counts) or not 0 <= beat.rejected_total <= MAX_NS:
        raise BadBatchError("a count is negative or impossible")
    texts = (beat.software_version, beat.outbox_id, beat.local_alarm, beat.settings_error or "")
    details = [*beat.source_details, *(k for own in beat.source_details.values() for k in own)]
    if len(details) > _MAX_DETAILS:
        raise BadBatchError(f"source_details: more than {_MAX_DETAILS} figures")
    if any("\0" in item for item in (*texts, *beat.sources, *details)):
        raise BadBatchError("a text holds a NUL")
    _check_machine(beat)
    return beat


def _check_machine(beat: Heartbeat) -> None:
    """What the gateway says of its machine. Raises BadBatchError."""
    sizes = (beat.outbox_bytes, beat.disk_free_bytes, beat.settings_version)
    if not all(0 <= size <= MAX_NS for size in sizes if size is not None):
        raise BadBatchError("a size or version is negative or impossible")
    if beat.devices_heard is not None and not 0 <= beat.devices_heard < 2**31:
        raise BadBatchError(f"devices_heard: cannot be {beat.devices_heard}")
    if beat.battery_percent is not None and not 0 <= beat.battery_percent <= 100:  # noqa: PLR2004
        raise BadBatchError(f"battery_percent: must be 0..100, got {beat.battery_percent}")
    if beat.machine_clock_offset_s is not None and not math.isfinite(beat.machine_clock_offset_s):
        raise BadBatchError("machine_clock_offset_s: must be a number")
    if len(beat.local_alarm) > _MAX_STATE or len(beat.settings_error or "") > _MAX_TEXT:
        raise BadBatchError("local_alarm, settings_error: too long")


def decode_batch(body: bytes) -> DecodedBatch:
    """Raises BadBatchError naming the field, or BatchTooLargeError."""
    version = _decode(_version.decode, body).version
    if version != WIRE_VERSION:
        raise BadBatchError(f"version: this cloud speaks {WIRE_VERSION}, got {version}")
    frame = _decode(_frame.decode, body)
    if len(frame.records) > MAX_RECORDS:
        raise BatchTooLargeError(f"{len(frame.records)} records, at most {MAX_RECORDS}")
    if not 0 < len(frame.outbox_id) <= MAX_ID or "\0" in frame.outbox_id:
        raise BadBatchError(f"outbox_id: must be 1 to {MAX_ID} characters")
    if not 1 <= frame.first_seq <= MAX_NS - MAX_RECORDS:
        raise BadBatchError(f"first_seq: cannot be {frame.first_seq}")
    entries = [
        _entry(bytes(raw), frame.first_seq + index) for index, raw in enumerate(frame.records)
    ]
    return DecodedBatch(frame.outbox_id, frame.lane, frame.first_seq, entries)


def _decode(decode: Callable[[bytes], Decoded], body: bytes) -> Decoded:
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBatchError(str(error)) from error


def _entry(raw: bytes, expected_seq: int) -> Entry:
    try:
        numbers = _numbers.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        numbers = _Numbers()
    if numbers.seq is not None and numbers.seq != expected_seq:
        raise BadBatchError(f"records: seq {numbers.seq} where {expected_seq} was due")
    stored_ns = numbers.stored_ns or 0
    fault = None
    body: Body | Unusable
    try:
        record = _record.decode(raw)
        body = _body(record)
        if isinstance(body, Event):
            fault = _evidence_fault(body.evidence)
    except (msgspec.DecodeError, SignalError, UnicodeDecodeError, RecursionError) as error:
        body = unusable(raw, *_reason(error))
        stored_ns = min(max(stored_ns, 0), MAX_NS)
    return Entry(expected_seq, stored_ns, body, raw, fault)


def _body(record: Record) -> Body:
    """The one body that is set, checked. Raises SignalError naming the field."""
    rejected, gap, local = record.rejected, record.gap, record.local
    bodies = [b for b in (record.event, record.reading, record.waveform, rejected, gap, local) if b]
    if len(bodies) != 1:
        raise SignalError("record", f"must hold one body, got {len(bodies)}")
    _check_time("stored_ns", record.stored_ns)
    if record.waveform is not None:
        _check_device(record.waveform.device_id)
        _check_time("start_ns", record.waveform.start_ns)
        waveform = waveform_from_record(record.waveform)
        if waveform.boot_id > _MAX_BOOT or waveform.sequence_number > MAX_NS:
            raise SignalError("boot_id", "a number is beyond what a device counts")
        _check_uncertainty(waveform.clock_uncertainty_s)
        return waveform
    if record.reading is not None:
        _check_device(record.reading.device_id)
        _check_time("time_ns", record.reading.time_ns)
        _check_uncertainty(record.reading.clock_uncertainty_s)
        return record.reading
    if record.event is not None:
        _check_event(record.event)
        return record.event
    if gap is not None:
        return _checked_gap(gap)
    if local is not None:
        return _checked_local(local)
    return _clean_rejected(cast(RejectedFrame, rejected))


def _checked_gap(gap: Gap) -> Gap:
    _check_id("gap_id", gap.gap_id)
    _check_time("from_ns", gap.from_ns)
    _check_time("until_ns", gap.until_ns)
    if gap.until_ns <= gap.from_ns:
        raise SignalError("until_ns", "must be after from_ns")
    if not 0 <= gap.records <= MAX_NS:
        raise SignalError("records", f"cannot be {gap.records}")
    if len(gap.device_ids) > _MAX_GAP_DEVICES:
        raise SignalError("device_ids", f"at most {_MAX_GAP_DEVICES}, else none for all")
    for device_id in gap.device_ids:
        _check_device(device_id)
    return replace(gap, source=None if gap.source is None else _clean(gap.source)[:MAX_ID])


def _checked_local(action: LocalAction) -> LocalAction:
    _check_id("action_id", action.action_id)
    _check_id("event_id", action.event_id)
    _check_time("time_ns", action.time_ns)
    if not action.by.strip():
        raise SignalError("by", "somebody or something did it")
    return replace(action, by=_clean(action.by)[:MAX_ID], note=_clean(action.note))


def _check_device(device_id: str) -> None:
    if not DEVICE_ID.fullmatch(device_id):
        raise SignalError("device_id", f"cannot be {device_id[:80]!r}")


def _check_time(field: str, time_ns: int) -> None:
    if not 0 <= time_ns <= MAX_NS:
        raise SignalError(field, f"cannot be {time_ns}")


def _check_uncertainty(uncertainty_s: float | None) -> None:
    if uncertainty_s is not None and not (math.isfinite(uncertainty_s) and uncertainty_s >= 0):
        raise SignalError("clock_uncertainty_s", f"cannot be {uncertainty_s}")


def _check_event(event: Event) -> None:
    _check_device(event.device_id)
    if event.subject_id is not None:
        _check_device(event.subject_id)
    _check_time("time_ns", event.time_ns)
    _check_time("decided_ns", event.decided_ns)
    if not 0.0 <= event.confidence <= 1.0:
        raise SignalError("confidence", f"must be 0..1, got {event.confidence}")
    for field, value in (
        ("event_id", event.event_id),
        ("episode_id", event.episode_id),
        ("detector.name", event.detector.name),
        ("detector.version", event.detector.version),
    ):
        _check_id(field, value)


def _check_id(field: str, value: str) -> None:
    if not 0 < len(value) <= MAX_ID or "\0" in value:
        raise SignalError(field, f"must be 1 to {MAX_ID} characters")


def _evidence_fault(evidence: Evidence | None) -> str | None:
    """What is wrong with the evidence: no reason to lose the event."""
    if evidence is None:
        return None
    if evidence.quantity not in QUANTITIES:
        return f"evidence.quantity: unknown quantity {evidence.quantity[:80]!r}"
    for field in ("rate_hz", "scale"):
        value = getattr(evidence, field)
        if not (math.isfinite(value) and value > 0):
            return f"evidence.{field}: must be a positive number, got {value}"
    if not (0 <= evidence.start_ns <= MAX_NS and 0 <= evidence.moment_ns <= MAX_NS):
        return "evidence: a time is not nanoseconds since 1970"
    try:
        counts_from_bytes(evidence.counts, evidence.channels)
    except SignalError as error:
        return f"evidence.{error}"
    return None


def _clean_rejected(frame: RejectedFrame) -> RejectedFrame:
    _check_time("received_ns", frame.received_ns)
    return RejectedFrame(
        source=_clean(frame.source),
        received_ns=frame.received_ns,
        reason=frame.reason if _REASON.fullmatch(frame.reason) else "other",
        detail=_clean(frame.detail),
        frame=frame.frame[:MAX_FRAME_BYTES],
        device_id=None if frame.device_id is None else _clean(frame.device_id)[:MAX_ID],
    )


def _clean(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_MAX_TEXT]


def _reason(error: Exception) -> tuple[str, str]:
    """Code and sentence for a record that could not be decoded."""
    cause = error if isinstance(error, SignalError) else error.__cause__
    if isinstance(cause, SignalError):
        if cause.field == "quantity":
            return "unknown_quantity", str(error)
        return f"bad_{cause.field.replace('.', '_')}", str(error)
    return "bad_record", str(error)


def unusable(raw: bytes, reason: str, detail: str) -> Unusable:
    """A record for the quarantine, with as much of its source as can be read."""
    try:
        content = _anything.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = {}
    source, device_id = "record", None
    for kind in ("event", "reading", "waveform", "rejected", "gap", "local"):
        inner = content.get(kind)
        if isinstance(inner, dict):
            source = kind
            wanted = inner.get("device_id")
            device_id = _clean(wanted)[:MAX_ID] if isinstance(wanted, str) else None
            break
    keep = MAX_FRAME_BYTES if source in ("reading", "waveform", "gap") else MAX_EVENT_FRAME_BYTES
    return Unusable(reason, _clean(detail), source, device_id, raw[:keep])
