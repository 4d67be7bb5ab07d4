"""MQTT packets out of a stream of bytes: messages at once, everything else as it came.

paho reads a packet in three or four calls to the system and hands it through a dozen functions;
that is most of what a message costs. Only PUBLISH of QoS 0 and 1 is read here, all other packets
stay paho's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PUBLISH: Final = 0x30
_QOS_2: Final = 2
_MAX_LENGTH_BYTES: Final = 4  # MQTT 3.1.1 section 2.2.3
_MAX_SHIFT: Final = 7 * (_MAX_LENGTH_BYTES - 1)


@dataclass(frozen=True, slots=True)
class Publish:
    """One message. `mid` is 0 at QoS 0."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    dup: bool
    retain: bool


class PacketReader:
    """Takes bytes in any pieces; gives messages, and other packets whole."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Publish | bytes]:
        """What is complete now. Bytes that cannot be MQTT are given on as they are: paho says so.

        Take everything it gives before the next call.
        """
        buffer = self._buffer + data if self._buffer else data
        at, end = 0, len(buffer)
        while at < end:
            length, shift, body = 0, 0, at + 1
            while True:
                if body >= end:
                    self._buffer = buffer[at:]
                    return
                byte = buffer[body]
                body += 1
                length |= (byte & 0x7F) << shift
                if byte < 0x80:  # noqa: PLR2004  # the continuation bit
                    break
                shift += 7
                if shift > _MAX_SHIFT:
                    self._buffer = b""
                    yield buffer[at:]
                    return
            after = body + length
            if after > end:
                break
            yield _publish(buffer, at, body, after) or buffer[at:after]
            at = after
        self._buffer = buffer[at:]


def _publish(buffer: bytes, at: int, body: int, after: int) -> Publish | None:
    """The message in buffer[at:after]; None for what is left to paho."""
    first = buffer[at]
    qos = first >> 1 & 3
    if first & 0xF0 != _PUBLISH or qos >= _QOS_2:
        return None
    topic_end = body + 2 + (buffer[body] << 8 | buffer[body + 1]) if after - body > 1 else after + 1
    start = topic_end + 2 * (qos > 0)
    if start > after:
        return None
    try:
        topic = buffer[body + 2 : topic_end].decode()
    except UnicodeDecodeError:
        # Refused further on like any other topic that is not ours.
        topic = "invalid-topic"
    mid = buffer[topic_end] << 8 | buffer[topic_end + 1] if qos else 0
    return Publish(topic, buffer[start:after], qos, mid, bool(first & 8), bool(first & 1))
