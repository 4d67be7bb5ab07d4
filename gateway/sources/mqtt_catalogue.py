"""What bridges and devices have announced, and which topic therefore is whose.

Everything comes from retained messages: a broker that comes back tells it again. It is kept on
disk all the same, because a broker gives the messages it held for us before the retained ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from edge.wire import RegisteredDevice
from gateway.mqtt.discovery import DiscoveryError, Entity, entities_of
from gateway.mqtt.frames import Binding, Definition, encoded
from gateway.mqtt.zigbee2mqtt import OFFLINE, ZigbeeDevice, devices_of
from gateway.sources.strangers import Stranger, Transport

# A house of 1,000 devices with five entities each; more is somebody making them up.
MAX_ENTITIES: Final = 5000
LookUp = Callable[[str], RegisteredDevice | None]


@dataclass(frozen=True, slots=True)
class Route:
    """What a topic is for one device. `watched`: calls that are states, told again and again."""

    family: str
    device_id: str
    kind: str
    definition: bytes
    bindings: tuple[Binding, ...]
    watched: tuple[Binding, ...]
    origin: str | None
    about: Stranger


class _Saved(msgspec.Struct):
    """The messages themselves: a newer version may understand more of them."""

    zigbee2mqtt: dict[str, bytes] = {}
    discovery: dict[str, bytes] = {}


class Catalogue:
    """Announcements in, routes out. Raises ZigbeeListError, DiscoveryError: nothing changed."""

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._messages = _Saved()
        self._zigbee: dict[str, dict[str, ZigbeeDevice]] = {}
        self._entities: dict[str, dict[str, Entity]] = {}
        self.routes: dict[str, tuple[Route, ...]] = {}
        self.is_dirty = False
        self.generation = 0
        self._announced: dict[str, Stranger] = {}

    # -- announcements -----------------------------------------------------------------------

    def take_zigbee_list(self, base: str, payload: bytes) -> bool:
        """The devices of a Zigbee2MQTT; whether that was news."""
        if self._messages.zigbee2mqtt.get(base) == payload:
            return False
        self._zigbee[base] = devices_of(payload) if payload else {}
        self._messages.zigbee2mqtt[base] = payload
        self.is_dirty = True
        return True

    def take_config(self, topic: str, payload: bytes) -> bool:
        """A discovery message; whether that was news."""
        if self._messages.discovery.get(topic, b"") == payload:
            return False
        entities = entities_of(topic, payload)
        if entities:
            known = sum(len(own) for name, own in self._entities.items() if name != topic)
            if known + len(entities) > MAX_ENTITIES:
                raise DiscoveryError(f"more than {MAX_ENTITIES} entities")
            self._entities[topic] = entities
            self._messages.discovery[topic] = payload
        elif self._entities.pop(topic, None) is not None or topic in self._messages.discovery:
            self._messages.discovery.pop(topic, None)
        else:
            return False
        self.is_dirty = True
        return True

    def saved(self) -> bytes:
        """For the disk."""
        return msgspec.json.encode(self._messages)

    def load(self, content: bytes) -> None:
        """From the disk. Raises msgspec.DecodeError, ZigbeeListError or DiscoveryError."""
        saved = msgspec.json.decode(content, type=_Saved)
        for base, payload in saved.zigbee2mqtt.items():
            self.take_zigbee_list(base, payload)
        for topic, payload in saved.discovery.items():
            self.take_config(topic, payload)
        self.rebuild()
        self.is_dirty = False

    def keep(self, bases: Collection[str], is_config: Callable[[str], bool]) -> None:
        """Forget what was announced where nobody listens any more."""
        for base in self._zigbee.keys() - set(bases):
            del self._zigbee[base], self._messages.zigbee2mqtt[base]
            self.is_dirty = True
        for topic in [topic for topic in self._messages.discovery if not is_config(topic)]:
            self._entities.pop(topic, None)
            del self._messages.discovery[topic]
            self.is_dirty = True
        if self.is_dirty:
            self.rebuild()

    # -- routes ------------------------------------------------------------------------------

    def rebuild(self) -> None:
        """Routes as announced and registered now."""
        self._announced = {}
        routes: dict[str, list[Route]] = {}
        for topic, route in (*self._zigbee_routes(), *self._entity_routes()):
            routes.setdefault(topic, []).append(route)
        self.routes = {topic: tuple(own) for topic, own in routes.items()}
        self.generation += 1

    def counts(self) -> Mapping[str, int]:
        """Announced devices by kind."""
        entities = [entity for own in self._entities.values() for entity in own.values()]
        return {
            "zigbee2mqtt": sum(len(own) for own in self._zigbee.values()),
            "home_assistant": len({entity.device.device_id for entity in entities}),
        }

    def announced(self) -> list[Stranger]:
        """Every device that measures something, or would if its templates were simpler."""
        return list(self._announced.values())

    def _zigbee_routes(self) -> Iterator[tuple[str, Route]]:
        for base, devices in self._zigbee.items():
            for device in devices.values():
                bindings = self._as_accepted(device)
                about = Stranger(
                    device.device_id, Transport.MQTT, "zigbee2mqtt", device.name, device.vendor,
                    device.model, device.description, tuple(b.quantity for b in bindings),
                    {"mqtt_topic": f"{base}/{device.name}"},
                )  # fmt: skip
                self._announced[device.device_id] = about
                origin = device.definition.origin
                yield f"{base}/{device.name}", _route("zigbee2mqtt", bindings, origin, about)
                state = Binding("device_fault", "state", OFFLINE)
                yield (
                    f"{base}/{device.name}/availability",
                    _route("zigbee2mqtt", (state,), origin, about, "availability"),
                )

    def _as_accepted(self, device: ZigbeeDevice) -> tuple[Binding, ...]:
        """The role a device was given says what its occupancy is."""
        registered = self._look_up(device.device_id)
        wanted = registered.link.get("mqtt_occupancy") if registered is not None else None
        if wanted not in ("presence", "motion"):
            return device.definition.bindings
        return tuple(
            Binding(wanted, b.path, b.words) if b.path == "occupancy" else b
            for b in device.definition.bindings
        )

    def _entity_routes(self) -> Iterator[tuple[str, Route]]:
        own_devices = {name for devices in self._zigbee.values() for name in devices}
        by_device: dict[str, list[Entity]] = {}
        for entities in self._entities.values():
            for entity in entities.values():
                # Zigbee2MQTT announces its devices here too; its own list says more of them.
                if entity.device.zigbee not in own_devices:
                    by_device.setdefault(entity.device.device_id, []).append(entity)
        for device_id, own in by_device.items():
            about = _about(device_id, own)
            if about.quantities or about.problem:
                self._announced[device_id] = about
                yield from _device_routes(own, about)


def _about(device_id: str, entities: list[Entity]) -> Stranger:
    unusable = next((e.unusable for e in entities if e.unusable is not None), None)
    device = entities[0].device
    quantities = tuple(dict.fromkeys(e.binding.quantity for e in entities if e.binding))
    return Stranger(
        device_id, Transport.MQTT, "home_assistant", device.name, device.vendor, device.model,
        "", quantities, {"mqtt_topic": entities[0].topic},
        problem=None if quantities else unusable,
    )  # fmt: skip


def _device_routes(entities: list[Entity], about: Stranger) -> Iterator[tuple[str, Route]]:
    usable = [(e, e.binding) for e in entities if e.binding is not None]
    origin = next((e.origin for e in entities if e.origin is not None), None)
    by_topic: dict[str, list[Binding]] = {}
    for entity, binding in usable:
        by_topic.setdefault(entity.topic, []).append(binding)
    for topic, bindings in by_topic.items():
        yield topic, _route("homeassistant", tuple(bindings), origin, about)
    if usable:
        for way in dict.fromkeys((a.topic, a.template) for e in entities for a in e.availability):
            words = next(
                a.words for e in entities for a in e.availability if (a.topic, a.template) == way
            )
            state = Binding("device_fault", way[1], words)
            yield way[0], _route("homeassistant", (state,), origin, about, "availability")


def _route(
    family: str, bindings: tuple[Binding, ...], origin: str | None, about: Stranger,
    kind: str = "state",
) -> Route:  # fmt: skip
    watched = tuple(b for b in bindings if b.quantity == "sos" and not b.is_event)
    definition = encoded(Definition(bindings, origin))
    return Route(family, about.device_id, kind, definition, bindings, watched, origin, about)


def without(route: Route, old: frozenset[str]) -> bytes:
    """The route's definition less the calls that were told before."""
    left = tuple(b for b in route.bindings if b not in route.watched or b.path not in old)
    return encoded(Definition(left, route.origin))
