"""Simulated devices behind other people's bridges: what Zigbee2MQTT and Home Assistant's discovery
would publish for them.

Everything is marked `yuyue_origin: simulated`, which no real bridge sends: it travels with every
reading to the desk.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Self

import aiomqtt

from firmware_sim.transports.mqtt import MqttSettings

ORIGIN: Final = {"yuyue_origin": "simulated"}
_NODELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass(frozen=True, slots=True)
class Message:
    """One publication."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """How one quantity looks on the two bridges.

    `name`: the property; `on` and `off`: for two states, as Zigbee2MQTT writes them; `component`,
    `device_class` and `label`: as Home Assistant has them.
    """

    name: str
    component: str
    device_class: str | None
    label: str
    unit: str = ""
    on: Any = True
    off: Any = False


_BINARY: Final = "binary_sensor"
SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        "motion": Shape("occupancy", _BINARY, "motion", "Motion"),
        "presence": Shape("presence", _BINARY, "occupancy", "Presence"),
        "fall_reported": Shape("fall_down_status", _BINARY, None, "Fall", on="fall", off="none"),
        "door_open": Shape("contact", _BINARY, "door", "Door", on=False, off=True),
        "water": Shape("water_leak", _BINARY, "moisture", "Leak"),
        "smoke": Shape("smoke", _BINARY, "smoke", "Smoke"),
        "gas": Shape("gas", _BINARY, "gas", "Gas"),
        "sos": Shape("sos", _BINARY, "safety", "SOS"),
        "air_temperature": Shape("temperature", "sensor", "temperature", "Temperature", "°C"),
        "relative_humidity": Shape("humidity", "sensor", "humidity", "Humidity", "%"),
        "battery_level": Shape("battery", "sensor", "battery", "Battery", "%"),
        "appliance_on": Shape("power", "sensor", "power", "Power", "W", on=1000, off=0),
    }
)


def _encoded(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def _plain(shape: Shape, value: float) -> Any:
    """The value as the property has it."""
    is_two = shape.component == _BINARY or shape.name == "power"
    return (shape.on if value >= 1 else shape.off) if is_two else value


@dataclass(frozen=True, slots=True)
class ZigbeeDevice:
    """One device; `name` is what its owner calls it."""

    ieee_address: str
    name: str
    quantities: tuple[str, ...]
    model: str = "SIM-1"
    description: str = "Simulated sensor"

    def entry(self) -> dict[str, Any]:
        """Its place in the device list."""
        return {
            "ieee_address": self.ieee_address,
            "type": "EndDevice",
            "supported": True,
            "disabled": False,
            "friendly_name": self.name,
            "interview_completed": True,
            "definition": {
                "model": self.model,
                "vendor": "Yuyue",
                "description": self.description,
                "exposes": [_expose(SHAPES[quantity]) for quantity in self.quantities],
            },
            **ORIGIN,
        }


def _expose(shape: Shape) -> dict[str, Any]:
    common = {"name": shape.name, "property": shape.name, "access": 1}
    if shape.component == "sensor":
        return {"type": "numeric", "unit": shape.unit, **common}
    if isinstance(shape.on, str):
        return {"type": "enum", "values": [shape.off, shape.on], **common}
    return {"type": "binary", "value_on": shape.on, "value_off": shape.off, **common}


@dataclass(slots=True)
class ZigbeeBridge:
    """A Zigbee2MQTT with some devices. Change `devices` and announce again."""

    devices: dict[str, ZigbeeDevice]
    base: str = "zigbee2mqtt"
    _states: dict[str, dict[str, Any]] = field(default_factory=dict)

    def announce(self) -> list[Message]:
        """What it publishes when it starts and when a device comes, goes or is renamed."""
        coordinator = {"ieee_address": "0x00124b00ffffffff", "type": "Coordinator",
                       "friendly_name": "Coordinator", "definition": None}  # fmt: skip
        listed = [coordinator, *(device.entry() for device in self.devices.values())]
        return [
            Message(f"{self.base}/bridge/state", _encoded({"state": "online"}), retain=True),
            Message(f"{self.base}/bridge/devices", _encoded(listed), retain=True),
        ]

    def goodbye(self) -> list[Message]:
        """Its last will."""
        return [Message(f"{self.base}/bridge/state", _encoded({"state": "offline"}), retain=True)]

    def state(
        self, ieee_address: str, link_quality: int = 120, last_seen: str | None = None,
        **values: float,
    ) -> list[Message]:  # fmt: skip
        """A report of a device: the bridge repeats what it remembers of the rest."""
        device = self.devices[ieee_address]
        known = self._states.setdefault(ieee_address, {})
        known |= {SHAPES[q].name: _plain(SHAPES[q], value) for q, value in values.items()}
        seen = {} if last_seen is None else {"last_seen": last_seen}
        content = {**known, "linkquality": link_quality, **seen, **ORIGIN}
        return [Message(f"{self.base}/{device.name}", _encoded(content))]

    def availability(self, ieee_address: str, *, online: bool) -> list[Message]:
        """Whether the bridge reaches it."""
        name = self.devices[ieee_address].name
        state = {"state": "online" if online else "offline"}
        return [Message(f"{self.base}/{name}/availability", _encoded(state), retain=True)]


@dataclass(frozen=True, slots=True)
class DiscoveredDevice:
    """A device that announces itself to Home Assistant, and then tells JSON on one topic."""

    identifier: str
    name: str
    quantities: tuple[str, ...]
    model: str = "SIM-2"
    prefix: str = "homeassistant"

    @property
    def _base(self) -> str:
        return f"yuyue-sim/{self.identifier}"

    def announce(self, *, bundle: bool = True) -> list[Message]:
        """One message for the device, or (as older firmware does) one for each entity."""
        common = {
            "dev": {"ids": [self.identifier], "name": self.name, "mf": "Yuyue", "mdl": self.model},
            "~": self._base,
            "avty_t": "~/status",
            **ORIGIN,
        }
        if bundle:
            content = {**common, "o": {"name": "yuyue-sim"}, "stat_t": "~/state",
                       "cmps": {q: self._entity(q) for q in self.quantities}}  # fmt: skip
            topic = f"{self.prefix}/device/{self.identifier}/config"
            return [Message(topic, _encoded(content), retain=True)]
        return [
            Message(
                f"{self.prefix}/{SHAPES[q].component}/{self.identifier}/{q}/config",
                _encoded({**common, "stat_t": "~/state", **self._entity(q)}),
                retain=True,
            )
            for q in self.quantities
        ]

    def _entity(self, quantity: str) -> dict[str, Any]:
        shape = SHAPES[quantity]
        entity: dict[str, Any] = {
            "p": shape.component,
            "name": shape.label,
            "uniq_id": f"{self.identifier}-{quantity}",
            "val_tpl": f"{{{{ value_json.{quantity} | is_defined }}}}",
        }
        if shape.device_class:
            entity["dev_cla"] = shape.device_class
        return entity | ({"unit_of_meas": shape.unit} if shape.component == "sensor" else {})

    def state(self, **values: float) -> list[Message]:
        """A report."""
        content: dict[str, Any] = {}
        for quantity, value in values.items():
            shape = SHAPES[quantity]
            if shape.component == _BINARY:
                content[quantity] = "ON" if value >= 1 else "OFF"
            else:
                content[quantity] = _plain(shape, value)
        return [Message(f"{self._base}/state", _encoded({**content, **ORIGIN}))]

    def availability(self, *, online: bool) -> list[Message]:
        """Its birth message and its last will."""
        return [Message(f"{self._base}/status", b"online" if online else b"offline", retain=True)]


class BridgePublisher:
    """A connection of a bridge. Use as `async with`; raises aiomqtt.MqttError."""

    def __init__(self, settings: MqttSettings, identifier: str) -> None:
        self._settings = settings
        self._client = aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=settings.password,
            identifier=identifier,
            protocol=aiomqtt.ProtocolVersion.V311,
            socket_options=[_NODELAY],
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def send(self, messages: Iterable[Message]) -> None:
        """All of them, each acknowledged by the broker."""
        for message in messages:
            payload = self._settings.tagged(message.topic, message.payload)
            await self._client.publish(message.topic, payload, qos=1, retain=message.retain)
