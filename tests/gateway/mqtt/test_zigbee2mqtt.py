"""Zigbee2MQTT: definitions from its device list, states by property."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.signals import Origin, Reading
from gateway.drivers import DriverError, match_topic
from gateway.mqtt.frames import Binding, Definition, encoded, state_frame
from gateway.mqtt.zigbee2mqtt import ZigbeeListError, devices_of
from tests.gateway.mqtt.house import (
    BUTTON,
    DOOR,
    NOW_NS,
    PIR,
    RADAR,
    House,
    binary,
    devices,
    enum,
    numeric,
    zigbee,
)

# States as the pages of the devices show them.
STATES = [
    ("203/bathroom", {"battery": 100, "voltage": 3025, "occupancy": True, "illuminance": 12,
                      "linkquality": 120}, {"battery_level": 100, "motion": 1}),
    ("203/bathroom", {"occupancy": False}, {"motion": 0}),
    ("front door", {"contact": False}, {"door_open": 1}),
    ("front door", {"contact": True, "battery": 87.5}, {"door_open": 0, "battery_level": 87.5}),
    ("cord 203", {"action": "single"}, {"sos": 1}),
    ("cord 203", {"action": "hold"}, {"sos": 1}),
    ("cord 203", {"action": "release"}, {}),
    ("cord 203", {"action": "", "battery": 9}, {"battery_level": 9}),
    ("cord 203", {"action": None}, {}),
    ("ceiling", {"presence": True, "occupancy": False}, {"presence": 1, "motion": 0}),
    ("ceiling", {"fall_down_status": "fall", "presence": True},
     {"fall_reported": 1, "presence": 1}),
    ("ceiling", {"fall_down_status": "maybe_fall"}, {"fall_reported": 0}),
    ("203/bathroom", {"linkquality": 3}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "state", "expected"), STATES)
def test_states(name: str, state: dict[str, Any], expected: dict[str, float]) -> None:
    house = House(PIR, DOOR, BUTTON, RADAR)
    house.frames("zigbee2mqtt/bridge/devices", devices())
    assert house.readings(f"zigbee2mqtt/{name}", state) == expected


MORE = [
    (binary("water_leak"), {"water_leak": True}, {"water": 1}),
    (binary("smoke"), {"smoke": True}, {"smoke": 1}),
    (binary("carbon_monoxide"), {"carbon_monoxide": True}, {"gas": 1}),
    (numeric("power", "W"), {"power": 3.1}, {"appliance_on": 0}),
    (numeric("power", "W"), {"power": 1800}, {"appliance_on": 1}),
    (numeric("temperature", "°F"), {"temperature": 77}, {"air_temperature": 25}),
    (enum("motion_state", "none", "small", "large"), {"motion_state": "large"}, {"motion": 1}),
    (binary("presence", "present", "absent"), {"presence": "present"}, {"presence": 1}),
    (numeric("temperature", "K"), {"temperature": 298}, {}),  # a unit we do not know
    ({**binary("smoke"), "access": 2}, {"smoke": True}, {}),  # can be set, is never told
    ({"type": "switch", "features": [binary("smoke")]}, {"smoke": True}, {"smoke": 1}),
]


@pytest.mark.parametrize(("expose", "state", "expected"), MORE)
def test_exposes(expose: Any, state: Any, expected: dict[str, float]) -> None:
    house = House(PIR)
    house.frames("zigbee2mqtt/bridge/devices", devices(zigbee(PIR, "x", "m", "thing", expose)))
    found = house.readings("zigbee2mqtt/x", state)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("description", "link", "quantity"),
    [
        ("Motion sensor", {}, "motion"),
        ("24G mmWave radar human presence motion sensor", {}, "presence"),
        ("Zigbee occupancy sensor", {}, "presence"),
        ("Motion sensor", {"mqtt_occupancy": "presence"}, "presence"),
        ("mmWave radar", {"mqtt_occupancy": "motion"}, "motion"),
    ],
)
def test_what_occupancy_is(description: str, link: dict[str, str], quantity: str) -> None:
    house = House()
    house.accept(PIR, **link)
    made = zigbee(PIR, "x", "m", description, binary("occupancy"))
    house.frames("zigbee2mqtt/bridge/devices", devices(made))
    assert house.readings("zigbee2mqtt/x", {"occupancy": True}) == {quantity: 1}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (b"\xff\x00", "not_json"),
        (b"[1]", "not_json"),
        (b'{"battery": "full"}', "bad_value"),
        (b'{"battery": 140}', "bad_value"),
        (b'{"occupancy": "maybe"}', "bad_value"),
        (b'{"occupancy": true, "yuyue_origin": "dream"}', "bad_value"),
    ],
)
def test_refused_whole(state: bytes, reason: str) -> None:
    house = House(PIR)
    house.frames("zigbee2mqtt/bridge/devices", devices())
    with pytest.raises(DriverError) as caught:
        house.readings("zigbee2mqtt/203/bathroom", state)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("last_seen", "age_s"),
    [
        ((NOW_NS - 3600 * 10**9) // 10**6, 3600),
        ("2026-07-24T01:15:30+00:00", 3600),
        ((NOW_NS - 10**9) // 10**6, 0),  # the message itself: its own delay is no age
        ("yesterday", 0),
        (None, 0),
    ],
)
def test_a_bridge_that_starts_tells_what_it_remembers(last_seen: Any, age_s: int) -> None:
    """https://www.zigbee2mqtt.io/guide/configuration/device-availability.html and last_seen."""
    house = House(PIR)
    house.frames("zigbee2mqtt/bridge/devices", devices())
    state = {"occupancy": True, "last_seen": last_seen}
    (frame,) = house.frames("zigbee2mqtt/203/bathroom", state)
    device_id, driver = match_topic(frame.topic)
    (reading,) = driver(device_id, frame.payload, NOW_NS)
    assert isinstance(reading, Reading)
    assert NOW_NS - reading.time_ns == age_s * 10**9


def test_simulated_is_marked_at_the_source() -> None:
    house = House(PIR)
    house.frames("zigbee2mqtt/bridge/devices", devices())
    state = {"occupancy": True, "yuyue_origin": "simulated"}
    (frame,) = house.frames("zigbee2mqtt/203/bathroom", state)
    device_id, driver = match_topic(frame.topic)
    (reading,) = driver(device_id, frame.payload, NOW_NS)
    assert reading.origin is Origin.SIMULATED


def test_a_renamed_device_and_a_changed_definition_need_no_restart() -> None:
    house = House(PIR)
    made = zigbee(PIR, "old", "m", "PIR sensor", binary("occupancy"))
    house.frames("zigbee2mqtt/bridge/devices", devices(made))
    assert house.readings("zigbee2mqtt/old", {"occupancy": True}) == {"motion": 1}
    made = zigbee(PIR, "new", "m", "PIR sensor", binary("occupancy"), numeric("battery", "%"))
    house.frames("zigbee2mqtt/bridge/devices", devices(made), retained=True)
    assert house.router.wanted() == {"zigbee2mqtt/new", "zigbee2mqtt/new/availability"}
    assert house.readings("zigbee2mqtt/new", {"battery": 50}) == {"battery_level": 50}
    assert house.readings("zigbee2mqtt/old", {"occupancy": True}) == {}
    assert house.count("unrouted_total") == 1


def test_a_call_that_is_a_state_is_told_again_and_is_one_call() -> None:
    """Zigbee2MQTT repeats the whole state with every message of the device."""
    house = House(BUTTON)
    made = zigbee(BUTTON, "cord", "m", "SOS button", binary("sos"), numeric("battery", "%"))
    house.frames("zigbee2mqtt/bridge/devices", devices(made))
    told = [
        house.readings("zigbee2mqtt/cord", {"sos": is_on, "battery": 90}).get("sos")
        for is_on in (True, True, False, False, True)
    ]
    assert told == [1, None, 0, None, 1]


def test_availability_is_told_when_it_changes_also_from_memory() -> None:
    house = House(PIR)
    house.frames("zigbee2mqtt/bridge/devices", devices())
    topic = "zigbee2mqtt/203/bathroom/availability"
    told = []
    for payload in (b'{"state":"online"}', b"online", b'{"state":"offline"}', b"offline", b"?"):
        frames = house.frames(topic, payload, retained=True)
        for frame in frames:
            device_id, driver = match_topic(frame.topic)
            told += [(s.quantity, s.value) for s in driver(device_id, frame.payload, NOW_NS)
                     if isinstance(s, Reading)]  # fmt: skip
    assert told == [("device_fault", 0), ("device_fault", 1)]


def test_a_stored_state_is_of_unknown_age() -> None:
    house = House(PIR)
    house.frames("zigbee2mqtt/bridge/devices", devices())
    assert house.frames("zigbee2mqtt/203/bathroom", {"occupancy": True}, retained=True) == []
    assert house.count("retained_states_total") == 1


@pytest.mark.parametrize("payload", [b'{"state":"offline"}', b"offline"])
def test_the_bridge_says_whether_it_works(payload: bytes) -> None:
    house = House()
    assert house.router.bridges == {}
    house.frames("zigbee2mqtt/bridge/state", b'{"state":"online"}', retained=True)
    assert house.router.bridges == {"zigbee2mqtt": True}
    house.frames("zigbee2mqtt/bridge/state", payload)
    assert house.router.bridges == {"zigbee2mqtt": False}


def test_strangers_are_found_and_nothing_of_them_goes_on() -> None:
    house = House()
    house.frames("zigbee2mqtt/bridge/devices", devices())
    assert {s.device_id for s in house.strangers} == {PIR, DOOR, BUTTON, RADAR}
    assert house.frames("zigbee2mqtt/front door", {"contact": False, "linkquality": 80}) == []
    last = house.strangers[-1]
    assert (last.device_id, last.model, last.link_quality) == (DOOR, "MCCGQ11LM", 80)
    assert last.frame is not None
    house.accept(DOOR)
    assert house.readings("zigbee2mqtt/front door", {"contact": False}) == {"door_open": 1}


@pytest.mark.parametrize("payload", [b"{}", b"[1]", b"\xff", b'[{"friendly_name": 1}]'])
def test_a_list_that_is_none_changes_nothing(payload: bytes) -> None:
    house = House(PIR)
    house.frames("zigbee2mqtt/bridge/devices", devices())
    (frame,) = house.frames("zigbee2mqtt/bridge/devices", payload)
    with pytest.raises(DriverError, match="bad_device_list"):
        match_topic(frame.topic)
    assert house.readings("zigbee2mqtt/203/bathroom", {"occupancy": True}) == {"motion": 1}


def test_names_that_are_no_topics_are_left_out() -> None:
    made = [zigbee(PIR, name, "m", "PIR", binary("occupancy")) for name in ("#", "a/+", "$SYS")]
    assert devices_of(json.dumps(made).encode()) == {}
    assert devices_of(devices({**made[0], "ieee_address": "w-1", "friendly_name": "x"})) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
DEFINITION = encoded(
    Definition(
        (Binding("motion", "occupancy", {"true": 1.0}), Binding("battery_level", "battery"),
         Binding("sos", "action", {"single": 1.0}, is_event=True))
    )
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["occupancy", "battery", "action", "last_seen"]), JSON))
def test_any_state_is_readings_or_a_refusal(state: dict[str, Any]) -> None:
    _, driver = match_topic("zigbee2mqtt/v1/0x1/state")
    with suppress(DriverError):
        driver("0x1", state_frame(json.dumps(state).encode(), DEFINITION), NOW_NS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON)
def test_any_list_is_devices_or_a_refusal(content: Any) -> None:
    with suppress(ZigbeeListError):
        devices_of(json.dumps(content).encode())
