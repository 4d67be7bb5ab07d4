"""A message whose meaning another message told before: bindings to readings.

Both of the bridges' drivers use it; they differ only in how a binding finds its value.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from edge.signals import NS_PER_S, Origin, Reading, Signal, SignalError
from gateway.drivers.base import DriverError, stated_origin
from gateway.mqtt.frames import Binding, Definition, StateFrame
from gateway.mqtt.templates import Context, NoValueError, rendered

_FRAMES: Final = msgspec.msgpack.Decoder(StateFrame)
_DEFINITIONS: Final = msgspec.msgpack.Decoder(Definition)
# What a message is held to be older than its own `last_seen` says, before it is the bridge's news
# of an old state. Clocks of one house differ by less.
STALE_AFTER_S: Final = 10.0
_MS_PER_S: Final = 1000.0
# Longer texts are not among anybody's words.
_MAX_WORD: Final = 64

Lookup = Callable[[Binding, Context], Any]


@functools.lru_cache(maxsize=4096)
def _definition(encoded: bytes) -> Definition:
    return _DEFINITIONS.decode(encoded)


def unpacked(payload: bytes) -> tuple[Context, Definition]:
    """The message and what is known of it. Raises DriverError `bad_frame`."""
    try:
        frame = _FRAMES.decode(payload)
        return Context(frame.payload), _definition(frame.definition)
    except msgspec.DecodeError as error:
        raise DriverError("bad_frame", str(error)) from error


def readings(
    device_id: str, context: Context, definition: Definition, lookup: Lookup, received_ns: int
) -> Sequence[Signal]:
    """One reading a quantity that the message holds. Raises DriverError."""
    time_ns, uncertainty_s = received_ns, None
    content = _object(context)
    seen_ns = _last_seen_ns(content)
    if seen_ns is not None and received_ns - seen_ns > STALE_AFTER_S * NS_PER_S:
        # A bridge that starts tells the states it remembers: true at their own time, no news.
        time_ns, uncertainty_s = seen_ns, STALE_AFTER_S
    origin = _origin(content.get("yuyue_origin", definition.origin))
    found: dict[str, Signal] = {}
    for binding in definition.bindings:
        value = _value(binding, context, lookup)
        if value is None:
            continue
        known = found.get(binding.quantity)
        # Two of one quantity (gas and carbon monoxide): the one that is on counts.
        if isinstance(known, Reading) and known.value >= value:
            continue
        try:
            found[binding.quantity] = Reading(
                device_id, binding.quantity, time_ns, value, origin, uncertainty_s
            )
        except SignalError as error:
            raise DriverError("bad_value", f"{binding.path[:64]}: {error}") from error
    return tuple(found.values())


def _object(context: Context) -> dict[str, Any]:
    """The JSON object a message is; nothing where it is something else."""
    if not context.text.lstrip().startswith("{"):
        return {}
    try:
        content = context.json
    except NoValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _value(binding: Binding, context: Context, lookup: Lookup) -> float | None:
    """None where the message says nothing of it."""
    try:
        raw = lookup(binding, context)
    except NoValueError:
        return None
    if raw is None:
        return None
    if binding.words is not None:
        word = rendered(raw).lower()[:_MAX_WORD]
        value = binding.words.get(word)
        if value is None and not binding.is_event and word not in _NO_VALUE:
            raise DriverError(
                "bad_value",
                f"{binding.path[:64]}: {word!r} is none of {', '.join(sorted(binding.words))}",
            )
        return value
    if isinstance(raw, str) and raw.strip().lower() in _NO_VALUE:
        return None
    try:
        number = float(raw)
    except (TypeError, ValueError):
        raise DriverError(
            "bad_value", f"{binding.path[:64]}: {str(raw)[:40]!r} is no number"
        ) from None
    if not math.isfinite(number):
        return None
    if binding.above is not None:
        return float(number * binding.factor > binding.above)
    return number * binding.factor + binding.offset


# What firmware writes where it has nothing to say.
_NO_VALUE: Final = frozenset({"", "none", "null", "unknown", "unavailable", "nan"})


def _origin(stated: object) -> Origin:
    return Origin.LIVE if stated is None else stated_origin("yuyue_origin", str(stated))


def _last_seen_ns(content: dict[str, Any]) -> int | None:
    """Zigbee2MQTT's `last_seen`: milliseconds since 1970, or ISO 8601 with a zone."""
    stated = content.get("last_seen")
    if isinstance(stated, int | float) and not isinstance(stated, bool):
        seconds = stated / _MS_PER_S
        return round(seconds * NS_PER_S) if 0 < seconds < 2**33 else None
    if isinstance(stated, str):
        try:
            moment = datetime.fromisoformat(stated)
        except ValueError:
            return None
        return round(moment.timestamp() * NS_PER_S) if moment.tzinfo is not None else None
    return None
