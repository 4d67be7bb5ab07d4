"""What properties and device classes of other people's devices are in our vocabulary.

The tables are the whole knowledge. Names of Zigbee2MQTT: its `exposes`
(https://www.zigbee2mqtt.io/guide/usage/exposes.html, and the pages of devices); device classes of
Home Assistant: https://www.home-assistant.io/integrations/sensor and .../binary_sensor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# A socket in standby draws a watt or two (EU 2023/826: 2 W at most with a network); a kettle, a
# rice cooker or a television draws more than 20. Between the two nothing that people use is lost.
APPLIANCE_ON_W: Final = 5.0

# Presses of any button, however the maker calls them. A button that was given to an elder or hung
# in a place is a call button: every way to press it calls, letting go of it does not.
_PRESS: Final = (
    "single", "double", "triple", "quadruple", "many", "hold", "long", "press", "pressed", "click",
    "on", "off", "toggle", "emergency", "sos", "panic", "call", "single_press", "double_press",
    "triple_press", "long_press", "short_press", "button_short_press", "button_long_press",
    "button_double_press", "button_triple_press", "1_single", "1_double", "1_hold", "short", "push",
)  # fmt: skip
PRESS_WORDS: Final[Mapping[str, float]] = MappingProxyType(dict.fromkeys(_PRESS, 1.0))
ON_OFF: Final[Mapping[str, float]] = MappingProxyType(
    {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
)
_CLOSED: Final[Mapping[str, float]] = MappingProxyType({"true": 0.0, "false": 1.0})


@dataclass(frozen=True, slots=True)
class Rule:
    """How one property becomes a quantity; as in frames.Binding."""

    quantity: str
    words: Mapping[str, float] | None = None
    above: float | None = None
    is_event: bool = False


# By the property's name. `occupancy` is decided by the device, see below.
ZIGBEE2MQTT: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "temperature": Rule("air_temperature"),
        "humidity": Rule("relative_humidity"),
        "battery": Rule("battery_level"),
        "occupancy": Rule("motion", ON_OFF),
        "presence": Rule("presence", ON_OFF),
        "moving": Rule("motion", ON_OFF),
        # Radars that tell still from moving (Tuya ZY-M100 and its kin).
        "motion_state": Rule(
            "motion",
            MappingProxyType(
                {
                    "none": 0.0,
                    "static": 0.0,
                    "still": 0.0,
                    "presence": 0.0,
                    "small": 1.0,
                    "medium": 1.0,
                    "large": 1.0,
                    "move": 1.0,
                    "moving": 1.0,
                    "active": 1.0,
                }
            ),
        ),
        "presence_state": Rule(
            "presence",
            MappingProxyType({"none": 0.0, "presence": 1.0, "move": 1.0, "moving": 1.0}),
        ),
        # https://www.zigbee2mqtt.io/devices/MIR-HE200-TY_fall.html: maybe_fall comes before a
        # fall, also for somebody who sits down; it is no report of a fall.
        "fall_down_status": Rule(
            "fall_reported", MappingProxyType({"none": 0.0, "maybe_fall": 0.0, "fall": 1.0})
        ),
        "fall": Rule("fall_reported", ON_OFF),
        "fall_detected": Rule("fall_reported", ON_OFF),
        "tumble_alarm": Rule("fall_reported", ON_OFF),
        "contact": Rule("door_open", _CLOSED),
        "water_leak": Rule("water", ON_OFF),
        "smoke": Rule("smoke", ON_OFF),
        "gas": Rule("gas", ON_OFF),
        "carbon_monoxide": Rule("gas", ON_OFF),
        "power": Rule("appliance_on", above=APPLIANCE_ON_W),
        "heart_rate": Rule("heart_rate"),
        "heartbeat": Rule("heart_rate"),
        "breathing_rate": Rule("respiration_rate"),
        "respiratory_rate": Rule("respiration_rate"),
        "sos": Rule("sos", ON_OFF),
        "emergency": Rule("sos", ON_OFF),
        "panic": Rule("sos", ON_OFF),
        "action": Rule("sos", PRESS_WORDS, is_event=True),
    }
)

# `occupancy` is an infrared sensor's movement, or a radar's presence. What the product says of
# itself decides; the role given at acceptance decides over it (link `mqtt_occupancy`).
_RADAR: Final = re.compile(
    r"radar|mmwave|milli|presence|microwave|occupancy sensor|24 ?ghz|60 ?ghz"
)


def is_radar(description: str, properties: frozenset[str]) -> bool:
    """Whether its occupancy is presence."""
    if "presence" in properties:
        return False  # it has both: then occupancy is the movement
    return _RADAR.search(description.lower()) is not None


# -- Home Assistant --------------------------------------------------------------------------

SENSOR_CLASSES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "temperature": Rule("air_temperature"),
        "humidity": Rule("relative_humidity"),
        "battery": Rule("battery_level"),
        "weight": Rule("body_weight"),
        "blood_glucose_concentration": Rule("blood_glucose"),
        "power": Rule("appliance_on", above=APPLIANCE_ON_W),
    }
)
BINARY_CLASSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "motion": "motion",
        "moving": "motion",
        "occupancy": "presence",
        "presence": "presence",
        "door": "door_open",
        "opening": "door_open",
        "smoke": "smoke",
        "gas": "gas",
        "carbon_monoxide": "gas",
        "moisture": "water",
        "problem": "device_fault",
    }
)
# Where no device class says it, the entity's name does. First match counts.
SENSOR_NAMES: Final[tuple[tuple[re.Pattern[str], str, frozenset[str]], ...]] = (
    (re.compile(r"heart|pulse|心率"), "heart_rate", frozenset({"bpm", "1/min", "beats/min"})),
    (
        re.compile(r"breath|respir|呼吸"), "respiration_rate",
        frozenset({"bpm", "1/min", "rpm", "br/min", "breaths/min"}),
    ),
    (re.compile(r"spo2|oxygen|血氧"), "spo2", frozenset({"%"})),
    (re.compile(r"systolic|收缩压"), "systolic_pressure", frozenset({"mmHg"})),
    (re.compile(r"diastolic|舒张压"), "diastolic_pressure", frozenset({"mmHg"})),
    (re.compile(r"\bsteps?\b|步数"), "steps", frozenset({"steps", ""})),
)  # fmt: skip
BINARY_NAMES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"fall|tumble|跌倒"), "fall_reported"),
    (re.compile(r"\bsos\b|emergency|panic|call button|呼叫|求助"), "sos"),
    (re.compile(r"\bbed\b|mattress|在床"), "in_bed"),
)
PRESENCE_NAMES: Final = re.compile(r"presence|person|people|has target|occupied|有人")
BODY_NAMES: Final = re.compile(r"body|体温|ear|forehead")
# To the unit that the quantity is stored in: factor, offset.
UNITS: Final[Mapping[tuple[str, str], tuple[float, float]]] = MappingProxyType(
    {
        ("Cel", "°C"): (1.0, 0.0),
        ("Cel", "C"): (1.0, 0.0),
        ("Cel", "°F"): (5 / 9, -32 * 5 / 9),
        ("Cel", "F"): (5 / 9, -32 * 5 / 9),
        ("%RH", "%"): (1.0, 0.0),
        ("%", "%"): (1.0, 0.0),
        ("kg", "kg"): (1.0, 0.0),
        ("kg", "g"): (0.001, 0.0),
        ("kg", "lb"): (0.45359237, 0.0),
        ("mmol/l", "mmol/L"): (1.0, 0.0),
        # Glucose: 180.16 g/mol.
        ("mmol/l", "mg/dL"): (10 / 180.16, 0.0),
        ("mmHg", "mmHg"): (1.0, 0.0),
        ("count", "steps"): (1.0, 0.0),
        ("count", ""): (1.0, 0.0),
        ("W", "W"): (1.0, 0.0),
        ("W", "kW"): (1000.0, 0.0),
        **{("1/min", unit): (1.0, 0.0) for unit in
           ("bpm", "1/min", "beats/min", "rpm", "br/min", "breaths/min")},
    }
)  # fmt: skip
