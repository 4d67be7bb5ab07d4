"""How the MQTT source hands other people's messages to the drivers: the message as it came, with
what the definition of its device says about it.
"""

from __future__ import annotations

import msgspec


class Binding(msgspec.Struct, frozen=True, array_like=True):
    """Which part of a message is which quantity.

    `path`: the name of a property (Zigbee2MQTT) or a template (Home Assistant). `words`: what the
    texts mean, in lower case; without words it is a number, times `factor` plus `offset`. `above`:
    a number over it is 1, else 0. `is_event`: it tells of a moment, other words mean nothing.
    """

    quantity: str
    path: str
    words: dict[str, float] | None = None
    factor: float = 1.0
    offset: float = 0.0
    above: float | None = None
    is_event: bool = False


class Definition(msgspec.Struct, frozen=True, array_like=True):
    """What a topic of a device holds. `origin`: not from a person, when it says so."""

    bindings: tuple[Binding, ...]
    origin: str | None = None


class StateFrame(msgspec.Struct, frozen=True, array_like=True):
    """A message, then the encoded definition: the quarantine shows the beginning."""

    payload: bytes
    definition: bytes


_ENCODER = msgspec.msgpack.Encoder()


def encoded(definition: Definition) -> bytes:
    """Made once when the definition is heard of, not with every message."""
    return _ENCODER.encode(definition)


def state_frame(payload: bytes, definition: bytes) -> bytes:
    """The payload of a frame."""
    return _ENCODER.encode(StateFrame(payload, definition))
