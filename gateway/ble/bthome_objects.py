"""The objects in a plain BTHome v2 frame, walked by bthome-ble's own table of lengths."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Final

from edge.marks import AIR_TAG_BYTES

_ADDRESS_BYTES: Final = 6
_HAS_ADDRESS: Final = 0b10
_BUTTON: Final = 0x3A
_COMMAND: Final = 0x3B
_DIMMER: Final = 0x3C
# Raw bytes: the simulator writes its mark into each advertisement, inside the seal if it has one;
# its tag comes behind it, where it knows the key.
_RAW: Final = 0x54
_SIMULATED: Final = b"YS"
_MOMENTARY: Final = frozenset({_BUTTON, _COMMAND, _DIMMER})


class ObjectsError(ValueError):
    """An object that is cut off."""


def check_objects(body: bytes) -> None:
    """Raises ObjectsError when the last object is cut off.

    An object id this software does not know ends the walk: what stands before it is good.
    """
    for _ in _objects(body):
        pass


def is_momentary(body: bytes) -> bool:
    """Whether a plain frame tells of a moment (a button, a dimmer) and not of a state."""
    try:
        return any(number in _MOMENTARY for number, _, _ in _objects(body))
    except ObjectsError:
        return False


def is_simulated(body: bytes) -> bool:
    """Whether a plain frame says that the simulator sent it. Raises ObjectsError."""
    return any(_is_mark(number, content) for number, content, _ in _objects(body))


def tag_at(body: bytes) -> int | None:
    """Where the simulator's tag begins in a plain frame; None without one."""
    try:
        return next(
            (
                end - AIR_TAG_BYTES
                for number, content, end in _objects(body)
                if _is_mark(number, content) and len(content) == len(_SIMULATED) + AIR_TAG_BYTES
            ),
            None,
        )
    except ObjectsError:
        return None


def _is_mark(number: int, content: bytes) -> bool:
    own = (len(_SIMULATED), len(_SIMULATED) + AIR_TAG_BYTES)
    return number == _RAW and content.startswith(_SIMULATED) and len(content) in own


def _objects(body: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Number, content (without a length byte) and where it ends, of each."""
    at = 1 + (_ADDRESS_BYTES if body[0] & _HAS_ADDRESS else 0)
    while at < len(body):
        number = body[at]
        known = _lengths().get(number)
        if known is None:
            return
        length, has_length_byte = known
        at += 1
        if has_length_byte:
            if at >= len(body):
                raise ObjectsError(f"object {number:#04x} has no length")
            length = 1 + (body[at] & 0x1F) if number == _COMMAND else body[at]
            at += 1
        begun = at
        at += length
        if at > len(body):
            raise ObjectsError(f"object {number:#04x} is {at - len(body)} bytes short")
        yield number, body[begun:at], at


@functools.cache
def _lengths() -> Mapping[int, tuple[int, bool]]:
    """Object id -> (bytes, whether a length byte comes first)."""
    from bthome_ble.const import MEAS_TYPES  # noqa: PLC0415  # only where Bluetooth is used

    return {
        number: (kind.data_length, kind.data_format in {"raw", "string", "command"})
        for number, kind in MEAS_TYPES.items()
    }
