"""Home Assistant's MQTT discovery: config messages, to entities.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery : one message an entity, or one a
device (`homeassistant/device/.../config` with `components`); keys may be abbreviated, `~` stands
for a base topic. Only what measures is taken: sensors, binary sensors, events, device triggers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final

import msgspec

from edge.signals import QUANTITIES
from gateway.mqtt import quantities as q
from gateway.mqtt.frames import Binding
from gateway.mqtt.templates import TemplateError, compiled

MAX_CONFIG_BYTES: Final = 64 * 1024
MAX_COMPONENTS: Final = 200
MEASURING: Final = frozenset({"sensor", "binary_sensor", "event", "device_automation"})
_TOPIC: Final = re.compile(r"[^#+$\0][^#+\0]{0,250}")
_CONFIG: Final = re.compile(r"[^/]+/([a-z_]+)/((?:[A-Za-z0-9_-]+/)?[A-Za-z0-9_-]+)/config")
_ID_CHARS: Final = re.compile(r"[^A-Za-z0-9_.:-]+")
_MAX_ID: Final = 64
PREFIX: Final = "ha-"
_ZIGBEE2MQTT: Final = re.compile(r"zigbee2mqtt_(0x[0-9a-f]{16})(_.*)?")

# https://www.home-assistant.io/integrations/mqtt/#supported-abbreviations-in-mqtt-discovery-messages
_ABBREVIATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "avty": "availability", "avty_mode": "availability_mode", "avty_t": "availability_topic",
        "avty_tpl": "availability_template", "cmps": "components", "dev": "device",
        "dev_cla": "device_class", "atype": "automation_type", "o": "origin", "obj_id": "object_id",
        "p": "platform", "pl": "payload", "pl_avail": "payload_available",
        "pl_not_avail": "payload_not_available", "pl_off": "payload_off", "pl_on": "payload_on",
        "stat_t": "state_topic", "stype": "subtype", "t": "topic", "uniq_id": "unique_id",
        "unit_of_meas": "unit_of_measurement", "val_tpl": "value_template",
        "evt_typ": "event_types",
    }
)  # fmt: skip
_DEVICE_ABBREVIATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"cns": "connections", "ids": "identifiers", "mf": "manufacturer", "mdl": "model",
     "mdl_id": "model_id", "sn": "serial_number", "sw": "sw_version"}
)  # fmt: skip


class DiscoveryError(ValueError):
    """A config message that cannot be read; the message names the field."""


@dataclass(frozen=True, slots=True)
class DeviceBlock:
    """Who it is. `zigbee`: the Zigbee2MQTT device it stands for, if any."""

    device_id: str
    name: str
    vendor: str
    model: str
    zigbee: str | None = None


@dataclass(frozen=True, slots=True)
class Availability:
    """A topic that says whether the device is there; `words`: 1 is not there."""

    topic: str
    template: str
    words: dict[str, float]


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing a device measures. `binding` None: nothing of ours, or `unusable` says why not."""

    device: DeviceBlock
    topic: str
    binding: Binding | None
    availability: tuple[Availability, ...]
    origin: str | None = None
    unusable: str | None = None


def entities_of(topic: str, payload: bytes) -> dict[str, Entity]:
    """By key of the entity; empty: what the topic told of is gone. Raises DiscoveryError."""
    match = _CONFIG.fullmatch(topic)
    if match is None:
        raise DiscoveryError("topic: is not prefix/component/[node/]object/config")
    if not payload:
        return {}
    component, object_id = match.groups()
    if component != "device" and component not in MEASURING:
        return {}
    if len(payload) > MAX_CONFIG_BYTES:
        raise DiscoveryError(f"{len(payload)} bytes; at most {MAX_CONFIG_BYTES}")
    try:
        raw = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DiscoveryError(str(error)) from error
    config = _spelled_out(raw)
    if component != "device":
        entity = _entity(component, object_id, config, config)
        return {topic: entity} if entity is not None else {}
    components = config.get("components")
    if not isinstance(components, dict) or len(components) > MAX_COMPONENTS:
        raise DiscoveryError(f"components: must be an object of at most {MAX_COMPONENTS}")
    found: dict[str, Entity] = {}
    for name, own in components.items():
        if not isinstance(own, dict):
            raise DiscoveryError(f"components.{name[:40]}: must be an object")
        part = {**config, **_spelled_out({**_base(raw), **own})}
        platform = part.get("platform")
        if platform in MEASURING and len(own) > 1:
            made = _entity(str(platform), f"{object_id}/{name}", part, config)
            if made is not None:
                found[f"{topic} {name}"] = made
    return found


def _base(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {"~": raw["~"]} if "~" in raw else {}


def _spelled_out(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Long names, and topics without `~`."""
    base = raw.get("~", "")
    if not isinstance(base, str):
        raise DiscoveryError("~: must be a text")
    config = {_ABBREVIATIONS.get(key, key): value for key, value in raw.items() if key != "~"}
    for key, value in config.items():
        if isinstance(value, str) and base and (key.endswith("_topic") or key == "topic"):
            config[key] = _with_base(value, base)
    if isinstance(config.get("availability"), list):
        config["availability"] = [
            _spelled_out({**_base(raw), **entry}) if isinstance(entry, dict) else entry
            for entry in config["availability"]
        ]
    device = config.get("device")
    if isinstance(device, dict):
        config["device"] = {_DEVICE_ABBREVIATIONS.get(k, k): v for k, v in device.items()}
    return config


def _with_base(topic: str, base: str) -> str:
    if topic.startswith("~"):
        return base + topic[1:]
    return topic[:-1] + base if topic.endswith("~") else topic


def _text(config: Mapping[str, Any], key: str, default: str = "") -> str:
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, str | int | float | bool):
        raise DiscoveryError(f"{key}: must be a text")
    return str(value)


def _entity(
    component: str, object_id: str, config: Mapping[str, Any], whole: Mapping[str, Any]
) -> Entity | None:
    is_trigger = component == "device_automation"
    topic = _text(config, "topic" if is_trigger else "state_topic")
    if not topic and component == "sensor" and not config:
        return None
    if not _TOPIC.fullmatch(topic):
        raise DiscoveryError(f"{'topic' if is_trigger else 'state_topic'}: no topic to listen to")
    device = _device(whole.get("device"), config, object_id)
    template = _text(config, "value_template")
    origin = config.get("yuyue_origin")
    unusable = None
    try:
        compiled(template)
        binding = _binding(component, config, object_id, template)
    except TemplateError as error:
        binding, unusable = None, f"value_template: {error}"
    availability = tuple(_availability(config))
    return Entity(device, topic, binding, availability, origin or None, unusable)


def _device(block: object, config: Mapping[str, Any], object_id: str) -> DeviceBlock:
    if not isinstance(block, dict):
        block = {"identifiers": _text(config, "unique_id", object_id), "name": config.get("name")}
    identifiers = block.get("identifiers")
    if isinstance(identifiers, str | int):
        identifiers = [identifiers]
    if not isinstance(identifiers, list) or not identifiers:
        connections = block.get("connections")
        pairs = connections if isinstance(connections, list) else []
        identifiers = [pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2]  # noqa: PLR2004
    first = str(identifiers[0]) if identifiers else ""
    if not first:
        raise DiscoveryError("device: has neither identifiers nor connections")
    zigbee = _ZIGBEE2MQTT.fullmatch(first)
    return DeviceBlock(
        device_id=device_id_of(first),
        name=str(block.get("name") or first)[:100],
        vendor=str(block.get("manufacturer") or "")[:100],
        model=str(block.get("model") or "")[:100],
        zigbee=zigbee.group(1) if zigbee else None,
    )


def device_id_of(identifier: str) -> str:
    """Ours for theirs. The prefix keeps anybody who may publish here from posing as a wearable."""
    plain = _ID_CHARS.sub("-", identifier)
    if len(PREFIX) + len(plain) <= _MAX_ID and plain == identifier:
        return PREFIX + plain
    digest = blake2b(identifier.encode(), digest_size=6).hexdigest()
    return f"{PREFIX}{plain[: _MAX_ID - len(PREFIX) - len(digest) - 1]}-{digest}"


def _availability(config: Mapping[str, Any]) -> Iterator[Availability]:
    entries = config.get("availability")
    if not isinstance(entries, list):
        entries = [
            {"topic": config.get("availability_topic"),
             "value_template": config.get("availability_template"),
             **{k: config[k] for k in ("payload_available", "payload_not_available")
                if k in config}}
        ]  # fmt: skip
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("topic"), str):
            continue
        template = _text(entry, "value_template")
        try:
            compiled(template)
        except TemplateError:
            continue
        if _TOPIC.fullmatch(entry["topic"]):
            words = {_text(entry, "payload_not_available", "offline").lower(): 1.0}
            words[_text(entry, "payload_available", "online").lower()] = 0.0
            yield Availability(entry["topic"], template, words)


def _binding(
    component: str, config: Mapping[str, Any], object_id: str, template: str
) -> Binding | None:
    name = f"{_text(config, 'name')} {object_id}".lower().replace("_", " ")
    device_class = _text(config, "device_class")
    if component == "device_automation":
        if _text(config, "automation_type") != "trigger":
            return None
        kind = _text(config, "type").lower()
        payload = _text(config, "payload").lower()
        if kind not in q.PRESS_WORDS and payload not in q.PRESS_WORDS:
            return None
        # Without a payload every message on the topic is a press.
        words = {payload: 1.0} if payload else dict(q.PRESS_WORDS)
        return Binding("sos", template, words, is_event=True)
    if component == "event":
        is_button = device_class in ("", "button")
        template = template or "{{ value_json.event_type }}"
        return Binding("sos", template, dict(q.PRESS_WORDS), is_event=True) if is_button else None
    if component == "binary_sensor":
        quantity = _binary_quantity(device_class, name)
        if quantity is None:
            return None
        words = {_text(config, "payload_on", "ON").lower(): 1.0}
        words[_text(config, "payload_off", "OFF").lower()] = 0.0
        return Binding(quantity, template, words)
    return _number_binding(device_class, name, _text(config, "unit_of_measurement"), template)


def _binary_quantity(device_class: str, name: str) -> str | None:
    named = next((quantity for pattern, quantity in q.BINARY_NAMES if pattern.search(name)), None)
    if named == "in_bed" and device_class not in ("", "occupancy", "presence"):
        named = None
    if named is not None and device_class in ("", "occupancy", "presence", "safety", "problem"):
        return named
    if device_class:
        return q.BINARY_CLASSES.get(device_class)
    return "presence" if q.PRESENCE_NAMES.search(name) else None


def _number_binding(device_class: str, name: str, unit: str, template: str) -> Binding | None:
    rule = q.SENSOR_CLASSES.get(device_class)
    quantity, above = (rule.quantity, rule.above) if rule is not None else ("", None)
    if rule is None:
        quantity = next(
            (
                named
                for pattern, named, units in q.SENSOR_NAMES
                if pattern.search(name) and unit in units
            ),
            "",
        )
    if device_class == "temperature" and q.BODY_NAMES.search(name):
        quantity = "body_temperature"
    if not quantity:
        return None
    own = "W" if above is not None else QUANTITIES[quantity].unit
    scale = q.UNITS.get((own, unit))
    if scale is None:
        return None
    return Binding(quantity, template, None, *scale, above)
