"""Announcements of made-up devices, laid out as the documentation of each bridge has them."""

from __future__ import annotations

import json
from typing import Any

from prometheus_client import CollectorRegistry

from edge.signals import Reading
from edge.wire import RegisteredDevice
from gateway.drivers import match_topic
from gateway.sources import Frame
from gateway.sources.mqtt_figures import MqttFigures
from gateway.sources.mqtt_router import MqttTopics, Router
from gateway.sources.strangers import Stranger

NOW_NS = 1_784_859_330 * 10**9
PIR, DOOR, BUTTON, RADAR = (f"0x00158d000000000{n}" for n in range(1, 5))


def zigbee(ieee: str, name: str, model: str, description: str, *exposes: Any) -> dict[str, Any]:
    """https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html, bridge/devices."""
    return {
        "ieee_address": ieee, "type": "EndDevice", "network_address": 29159, "supported": True,
        "disabled": False, "friendly_name": name, "description": "", "interview_completed": True,
        "definition": {"model": model, "vendor": "made up", "description": description,
                       "exposes": list(exposes), "options": []},
        "power_source": "Battery",
    }  # fmt: skip


def binary(name: str, on: object = True, off: object = False) -> dict[str, Any]:
    return {
        "type": "binary", "name": name, "property": name, "access": 1, "value_on": on,
        "value_off": off,
    }  # fmt: skip


def numeric(name: str, unit: str) -> dict[str, Any]:
    return {"type": "numeric", "name": name, "property": name, "access": 1, "unit": unit}


def enum(name: str, *values: str) -> dict[str, Any]:
    return {"type": "enum", "name": name, "property": name, "access": 1, "values": list(values)}


BATTERY = numeric("battery", "%")
COORDINATOR = {"ieee_address": "0x00124b00120144ae", "type": "Coordinator",
               "friendly_name": "Coordinator", "definition": None}  # fmt: skip
# The exposes of https://www.zigbee2mqtt.io/devices/RTCGQ11LM.html, MCCGQ11LM, WXKG01LM and
# MIR-HE200-TY_fall; ours are a part of each.
HOUSE = [
    COORDINATOR,
    zigbee(PIR, "203/bathroom", "RTCGQ11LM", "Aqara human body movement and illuminance sensor",
           BATTERY, binary("occupancy"), numeric("illuminance", "lx"),
           numeric("device_temperature", "°C"), numeric("linkquality", "lqi")),
    zigbee(DOOR, "front door", "MCCGQ11LM", "Aqara door and window contact sensor",
           BATTERY, binary("contact", False, True), numeric("voltage", "mV")),
    zigbee(BUTTON, "cord 203", "WXKG01LM", "Mi wireless switch", BATTERY,
           enum("action", "single", "double", "triple", "quadruple", "hold", "release")),
    zigbee(RADAR, "ceiling", "MIR-HE200-TY_fall", "Human presence sensor with fall function",
           numeric("illuminance", "lx"), binary("presence"), binary("occupancy"),
           enum("fall_down_status", "none", "maybe_fall", "fall"),
           {"type": "text", "name": "static_dwell_alarm", "property": "static_dwell_alarm",
            "access": 1}),
]  # fmt: skip


def devices(*entries: Any) -> bytes:
    return json.dumps(list(entries) or HOUSE).encode()


class House:
    """A router with a registry that tests fill."""

    def __init__(self, *accepted: str) -> None:
        self.registered: dict[str, RegisteredDevice] = {}
        self.version = 1
        self.simulation_key: bytes | None = None
        self.strangers: list[Stranger] = []
        self.figures = CollectorRegistry()
        for device_id in accepted:
            self.accept(device_id)
        self.router = Router(
            MqttTopics(("zigbee2mqtt",), "homeassistant"), self, MqttFigures(self.figures),
            self.strangers.append,
        )  # fmt: skip

    def device(self, device_id: str) -> RegisteredDevice | None:
        return self.registered.get(device_id)

    def accept(self, device_id: str, **link: str) -> None:
        self.registered[device_id] = RegisteredDevice(
            device_id, "m", None, "e-1", "试用甲", None, 0, link
        )
        self.version += 1

    def frames(self, topic: str, payload: Any, *, retained: bool = False) -> list[Frame]:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        frame = Frame("mqtt", topic, body, NOW_NS, delivery_id=7, retained=retained)
        return self.router.take([frame])

    def readings(self, topic: str, payload: Any) -> dict[str, float]:
        found: dict[str, float] = {}
        for frame in self.frames(topic, payload):
            device_id, driver = match_topic(frame.topic)
            for signal in driver(device_id, frame.payload, frame.received_ns):
                assert isinstance(signal, Reading)
                found[signal.quantity] = signal.value
        return found

    def count(self, name: str) -> float:
        return self.figures.get_sample_value(f"yuyue_gateway_mqtt_{name}") or 0.0
