"""The few MQTT 3.1.1 packets a fleet needs, made and read without objects. Pure.

Source: OASIS MQTT 3.1.1, sections 2.2, 3.1 to 3.4, 3.12 and 3.14. A whole client costs ten times
the processor time for each message (`benchmarks/fleet.py`), and one process could not be 10,000
devices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

DISCONNECT: Final = b"\xe0\x00"
MAX_PACKET_ID: Final = 65_535
MAX_KEEPALIVE_S: Final = 65_535

_CONNECT: Final = 0x10
_CONNACK: Final = 0x20
_PUBLISH_QOS1: Final = b"\x32"
_PUBACK: Final = 0x40
_PINGRESP: Final = 0xD0
_DUPLICATE: Final = 0x08
_CLEAN_SESSION: Final = 0x02
_HAS_PASSWORD: Final = 0x40
_HAS_USERNAME: Final = 0x80
_MAX_REMAINING: Final = 268_435_455
# What a broker may send to a client that subscribes to nothing, and how long each is.
_ANSWERS: Final = {_CONNACK: 4, _PUBACK: 4, _PINGRESP: 2}


class PacketError(ValueError):
    """The other side does not speak as a broker does to one that only publishes."""


@dataclass(slots=True)
class Answers:
    """What one reading of a connection held. `connack` is the return code, None without one."""

    connack: int | None = None
    acknowledged: list[int] = field(default_factory=list)
    rest: bytes = b""


def connect(client_id: str, username: str | None, password: str | None, keepalive_s: int) -> bytes:
    """CONNECT with a clean session. Raises ValueError for a keepalive outside 0..65535 s."""
    if not 0 <= keepalive_s <= MAX_KEEPALIVE_S:
        raise ValueError(f"keepalive_s {keepalive_s}: must be 0..{MAX_KEEPALIVE_S}")
    flags = _CLEAN_SESSION
    payload = _text(client_id)
    if username is not None:
        flags |= _HAS_USERNAME
        payload += _text(username)
        if password is not None:
            flags |= _HAS_PASSWORD
            payload += _text(password)
    body = b"\x00\x04MQTT\x04" + bytes((flags,)) + keepalive_s.to_bytes(2, "big") + payload
    return bytes((_CONNECT,)) + _length(len(body)) + body


def publish(topic: bytes, packet_id: int, payload: bytes) -> bytes:
    """PUBLISH at QoS 1. `topic` as `topic_field` made it."""
    length = len(topic) + 2 + len(payload)
    return b"".join((_PUBLISH_QOS1, _length(length), topic, packet_id.to_bytes(2, "big"), payload))


def again(packet: bytes) -> bytes:
    """The same PUBLISH, marked as one that may have been sent before."""
    return bytes((packet[0] | _DUPLICATE,)) + packet[1:]


def topic_field(topic: str) -> bytes:
    """A topic with its length before it. Raises ValueError for one over 65,535 bytes."""
    return _text(topic)


def read_answers(data: bytes) -> Answers:
    """Take the whole packets off the front of `data`. Raises PacketError for any other kind."""
    answers = Answers()
    at, end = 0, len(data)
    while at < end:
        kind = data[at]
        size = _ANSWERS.get(kind)
        if size is None:
            raise PacketError(f"packet type 0x{kind:02x} is not for a publisher")
        if end - at < size:
            break
        if data[at + 1] != size - 2:
            raise PacketError(f"packet type 0x{kind:02x} has length {data[at + 1]}")
        if kind == _PUBACK:
            answers.acknowledged.append(data[at + 2] << 8 | data[at + 3])
        elif kind == _CONNACK:
            answers.connack = data[at + 3]
        at += size
    answers.rest = data[at:]
    return answers


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) > MAX_PACKET_ID:
        raise ValueError("longer than 65,535 bytes")
    return len(data).to_bytes(2, "big") + data


def _length(value: int) -> bytes:
    if value < 128:  # noqa: PLR2004 - the common case, one byte
        return bytes((value,))
    if value > _MAX_REMAINING:
        raise ValueError(f"{value} bytes are more than one packet holds")
    out = bytearray()
    while value:
        value, low = divmod(value, 128)
        out.append(low | (0x80 if value else 0))
    return bytes(out)
