"""Zigbee2MQTT's own account of its devices: `bridge/devices`, to definitions.

https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html and .../usage/exposes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from edge.signals import QUANTITIES
from gateway.mqtt.frames import Binding, Definition
from gateway.mqtt.quantities import UNITS, ZIGBEE2MQTT, Rule, is_radar

# 300 devices with the longest definitions there are; a message beyond that is no device list.
MAX_LIST_BYTES: Final = 8 * 1024**2
MAX_DEVICES: Final = 1000
_IEEE: Final = re.compile(r"0x[0-9a-f]{16}")
# A name becomes a topic that is subscribed: no wildcards, nothing of the broker's own.
_NAME: Final = re.compile(r"[^#+$\0][^#+\0]{0,199}")
_PUBLISHED: Final = 0b001  # of `access`
_MAX_DEPTH: Final = 4

OFFLINE: Final = {"offline": 1.0, "online": 0.0}


class ZigbeeListError(ValueError):
    """A device list that cannot be read."""


@dataclass(frozen=True, slots=True)
class ZigbeeDevice:
    """One device of the list."""

    device_id: str
    name: str
    vendor: str
    model: str
    description: str
    definition: Definition


class _Definition(msgspec.Struct):
    model: str = ""
    vendor: str = ""
    description: str = ""
    exposes: list[dict[str, Any]] = []


class _Entry(msgspec.Struct):
    ieee_address: str
    friendly_name: str
    type: str = ""
    disabled: bool = False
    definition: _Definition | None = None
    yuyue_origin: str | None = None


_DECODER: Final = msgspec.json.Decoder(list[_Entry])


def devices_of(payload: bytes) -> dict[str, ZigbeeDevice]:
    """By device id. Raises ZigbeeListError."""
    if len(payload) > MAX_LIST_BYTES:
        raise ZigbeeListError(f"{len(payload)} bytes; at most {MAX_LIST_BYTES}")
    try:
        entries = _DECODER.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ZigbeeListError(f"bridge/devices: {error}") from error
    found: dict[str, ZigbeeDevice] = {}
    for entry in entries:
        if entry.type == "Coordinator" or entry.disabled or entry.definition is None:
            continue
        if not _IEEE.fullmatch(entry.ieee_address) or not _NAME.fullmatch(entry.friendly_name):
            continue
        if len(found) >= MAX_DEVICES:
            raise ZigbeeListError(f"more than {MAX_DEVICES} devices")
        made = entry.definition
        found[entry.ieee_address] = ZigbeeDevice(
            device_id=entry.ieee_address,
            name=entry.friendly_name,
            vendor=made.vendor[:100],
            model=made.model[:100],
            description=made.description[:200],
            definition=Definition(tuple(_bindings(made)), entry.yuyue_origin),
        )
    return found


def _bindings(made: _Definition) -> Iterator[Binding]:
    exposes = list(_flat(made.exposes, 0))
    names = frozenset(str(expose.get("name")) for expose in exposes)
    taken: set[tuple[str, str]] = set()
    for expose in exposes:
        name, path = str(expose.get("name")), expose.get("property")
        rule = ZIGBEE2MQTT.get(name)
        access = expose.get("access", _PUBLISHED)
        if rule is None or not isinstance(path, str) or not isinstance(access, int):
            continue
        if not access & _PUBLISHED:
            continue
        quantity = rule.quantity
        if name == "occupancy":
            quantity = "presence" if is_radar(made.description, names) else "motion"
        binding = _binding(expose, rule, quantity, path)
        # Of two of a kind (two endpoints, two thermometers) the first counts.
        if binding is not None and (name, quantity) not in taken:
            taken.add((name, quantity))
            yield binding


def _flat(exposes: list[dict[str, Any]], depth: int) -> Iterator[dict[str, Any]]:
    """Properties, also those inside `switch` and the like."""
    for expose in exposes:
        features = expose.get("features")
        if "property" in expose and "name" in expose:
            yield expose
        elif isinstance(features, list) and depth < _MAX_DEPTH:
            yield from _flat([f for f in features if isinstance(f, dict)], depth + 1)


def _binding(expose: dict[str, Any], rule: Rule, quantity: str, path: str) -> Binding | None:
    """None for a type that is not what the table knows."""
    kind = expose.get("type")
    if kind == "binary" and rule.words is not None and not rule.is_event:
        words = {str(expose.get("value_on", True)).lower(): 1.0}
        words[str(expose.get("value_off", False)).lower()] = 0.0
        return Binding(quantity, path, words)
    if kind == "enum" and rule.words is not None:
        return Binding(quantity, path, dict(rule.words), is_event=rule.is_event)
    if kind == "numeric" and rule.words is None:
        own = "W" if rule.above is not None else QUANTITIES[quantity].unit
        unit = expose.get("unit")
        factor, offset = UNITS.get((own, str(unit)), (1.0, 0.0)) if unit else (1.0, 0.0)
        if unit and (own, str(unit)) not in UNITS and str(unit) != own:
            return None
        return Binding(quantity, path, None, factor, offset, rule.above)
    return None
