"""Bodies of records as bytes, and back."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

import msgspec

from edge.events import Event
from edge.signals import Reading, Signal, SignalError, Waveform
from edge.wire import (
    Record,
    RejectedFrame,
    WaveformRecord,
    waveform_from_record,
    waveform_to_record,
)

_TYPES: Final = MappingProxyType(
    {"event": Event, "reading": Reading, "waveform": WaveformRecord, "rejected": RejectedFrame}
)
_DECODERS: Final[dict[str, msgspec.msgpack.Decoder[Any]]] = {
    kind: msgspec.msgpack.Decoder(type_) for kind, type_ in _TYPES.items()
}
_ENCODER: Final = msgspec.msgpack.Encoder()
SIGNAL_KINDS: Final = ("reading", "waveform")


def encode_signal(signal: Signal) -> tuple[str, bytes]:
    """(kind, body)."""
    if isinstance(signal, Waveform):
        return "waveform", _ENCODER.encode(waveform_to_record(signal))
    return "reading", _ENCODER.encode(signal)


def encode_rejected(frame: RejectedFrame) -> tuple[str, bytes]:
    """(kind, body)."""
    return "rejected", _ENCODER.encode(frame)


def encode_event(event: Event) -> tuple[str, bytes]:
    """(kind, body)."""
    return "event", _ENCODER.encode(event)


def decode_signal(kind: str, body: bytes) -> Signal | None:
    """A signal as it was; None when the body is damaged."""
    try:
        decoded = _DECODERS[kind].decode(body)
        return waveform_from_record(decoded) if kind == "waveform" else decoded
    except (KeyError, msgspec.DecodeError, SignalError):
        return None


def decode_record(seq: int, stored_ns: int, kind: str, body: bytes) -> Record:
    """A record to send. A damaged body becomes a refusal under the same number: no lane stops."""
    try:
        decoded = _DECODERS[kind].decode(body)
    except (KeyError, msgspec.DecodeError) as error:
        damaged = RejectedFrame(
            source="outbox",
            received_ns=stored_ns,
            reason="damaged_record",
            detail=f"a stored {kind[:32]} cannot be read any more: {error}",
            frame=body[:512],
        )
        return Record(seq, stored_ns, rejected=damaged)
    return Record(seq, stored_ns, **{kind: decoded})
