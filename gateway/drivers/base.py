"""What a driver is: a pure function from a frame's bytes to signals, or a DriverError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge.marks import origin_of
from edge.signals import Origin, Signal


class DriverError(ValueError):
    """A frame that is refused whole. `reason` is the code to count, `detail` the sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def stated_origin(label: str, stated: str) -> Origin:
    """Of a mark in a text. An unknown one is refused: it must not pass for a person.

    Raises DriverError naming the label.
    """
    try:
        return origin_of(stated)
    except ValueError:
        raise DriverError(
            "bad_value", f"{label}: {stated[:32]!r} is not live, simulated or drill"
        ) from None


class Driver(Protocol):
    """Decodes one kind of frame. `received_ns` stamps what the device could not date itself."""

    def __call__(self, device_id: str, payload: bytes, received_ns: int) -> Sequence[Signal]:
        """The frame's signals. Raises DriverError, and nothing else, whatever the bytes are."""
        ...
