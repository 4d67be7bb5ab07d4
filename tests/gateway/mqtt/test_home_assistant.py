"""Home Assistant's MQTT discovery: the documentation's own messages, and those of firmware."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.signals import Origin, Reading
from gateway.drivers import DriverError, match_topic
from gateway.mqtt.discovery import DiscoveryError, device_id_of, entities_of
from tests.gateway.mqtt.house import NOW_NS, PIR, House, devices

# https://www.home-assistant.io/integrations/mqtt/#discovery-examples
# A motion detection device: the documentation's example with abbreviations and a base topic.
GARDEN = {"name": None, "dev_cla": "motion", "stat_t": "~/state", "uniq_id": "motion01ad",
          "~": "homeassistant/binary_sensor/garden",
          "dev": {"ids": ["01ad"], "name": "Garden"}}  # fmt: skip
# The device example with two sensors and one state.
BEDROOM = {
    "dev": {"ids": "ea334450945afc", "name": "Kitchen", "mf": "Bla electronics", "mdl": "xya",
            "sw": "1.0", "sn": "ea334450945afc", "hw": "1.0rev2"},
    "o": {"name": "bla2mqtt", "sw": "2.1", "url": "https://bla2mqtt.example.com/support"},
    "cmps": {
        "some_unique_component_id1": {"p": "sensor", "device_class": "temperature",
            "unit_of_measurement": "°C", "value_template": "{{ value_json.temperature}}",
            "unique_id": "temp01ae_t"},
        "some_unique_id2": {"p": "sensor", "device_class": "humidity",
            "unit_of_measurement": "%", "value_template": "{{ value_json.humidity}}",
            "unique_id": "temp01ae_h"},
    },
    "state_topic": "sensorBedroom/state", "qos": 2,
}  # fmt: skip
# OpenMQTTGateway (docs.openmqttgateway.com, main/config_mqttDiscovery.h): a thermometer heard by
# Bluetooth, and its boolean written with a capital.
OMG_DEVICE = {"ids": ["A4C138112233"], "name": "LYWSD03MMC-112233", "mdl": "LYWSD03MMC",
              "mf": "Xiaomi", "via_device": "OMG"}  # fmt: skip
OMG_TOPIC = "home/OMG/BTtoMQTT/A4C138112233"
OMG_TEMPERATURE = {"stat_t": "+/+/BTtoMQTT/A4C138112233"}
OMG = {"stat_t": OMG_TOPIC, "dev_cla": "temperature", "unit_of_meas": "°C", "name": "tempc",
       "uniq_id": "A4C138112233-tempc", "val_tpl": "{{ value_json.tempc | is_defined }}",
       "stat_cla": "measurement", "device": OMG_DEVICE}  # fmt: skip
OMG_DOOR = {"stat_t": OMG_TOPIC, "dev_cla": "door", "name": "open", "uniq_id": "x-open",
            "val_tpl": "{{ value_json.open | is_defined }}", "pl_on": "True", "pl_off": "False",
            "device": OMG_DEVICE}  # fmt: skip
# ESPHome (esphome.io/components/mqtt, esphome.io/components/seeed_mr60fda2): a ceiling radar.
ESP = {"ids": "ecda3bb4c8a0", "name": "radar-203", "sw": "2024.12.2", "mdl": "esp32-c6",
       "mf": "Espressif"}  # fmt: skip
ESP_PERSON = {"dev_cla": "occupancy", "name": "Person Information",
              "stat_t": "radar-203/binary_sensor/person_information/state",
              "avty_t": "radar-203/status", "uniq_id": "esp-person", "dev": ESP}  # fmt: skip
ESP_FALL = {"name": "Falling Detected", "avty_t": "radar-203/status", "uniq_id": "esp-fall",
            "stat_t": "radar-203/binary_sensor/falling_detected/state", "dev": ESP}  # fmt: skip
# Tasmota with SetOption19 (tasmota.github.io/docs/Home-Assistant): nested, in its own quotes.
TASMOTA = {"name": "AM2301 Humidity", "stat_t": "~tele/SENSOR", "avty_t": "~tele/LWT",
           "pl_avail": "Online", "pl_not_avail": "Offline", "uniq_id": "00AA11_SENSOR",
           "device": {"identifiers": ["00AA11"]}, "unit_of_meas": "%", "dev_cla": "humidity",
           "val_tpl": "{{value_json['AM2301']['Humidity']}}", "~": "tasmota/"}  # fmt: skip
# Device trigger (home-assistant.io/integrations/device_trigger.mqtt) and event entity (event.mqtt).
TRIGGER = {"automation_type": "trigger", "type": "button_short_press", "subtype": "button_1",
           "topic": "cord/action", "payload": "single", "device": {"ids": ["cord-7"]}}  # fmt: skip
EVENT = {"name": "Button", "device_class": "button", "event_types": ["press", "hold"],
         "state_topic": "desk/button", "unique_id": "b1", "device": {"ids": ["desk"]}}  # fmt: skip

CASES = [
    ("binary_sensor/garden", GARDEN, "homeassistant/binary_sensor/garden/state", "ON",
     ("ha-01ad", {"motion": 1})),
    ("device/0AFFD2", BEDROOM, "sensorBedroom/state", {"temperature": 23.2, "humidity": 43.7},
     ("ha-ea334450945afc", {"air_temperature": 23.2, "relative_humidity": 43.7})),
    ("sensor/A4C138112233-tempc", OMG, OMG_TOPIC, {"tempc": 21.5, "rssi": -60},
     ("ha-A4C138112233", {"air_temperature": 21.5})),
    ("sensor/A4C138112233-tempc", OMG, OMG_TOPIC, {"rssi": -60}, ("ha-A4C138112233", {})),
    ("binary_sensor/x", OMG_DOOR, OMG_TOPIC, {"open": True}, ("ha-A4C138112233", {"door_open": 1})),
    ("binary_sensor/radar-203/person", ESP_PERSON, ESP_PERSON["stat_t"], "ON",
     ("ha-ecda3bb4c8a0", {"presence": 1})),
    ("binary_sensor/radar-203/fall", ESP_FALL, ESP_FALL["stat_t"], "ON",
     ("ha-ecda3bb4c8a0", {"fall_reported": 1})),
    ("sensor/00AA11_AM2301", TASMOTA, "tasmota/tele/SENSOR",
     {"Time": "2026-07-24T01:00:00", "AM2301": {"Humidity": 61.2}},
     ("ha-00AA11", {"relative_humidity": 61.2})),
    ("device_automation/c/x", TRIGGER, "cord/action", "single", ("ha-cord-7", {"sos": 1})),
    ("device_automation/c/x", TRIGGER, "cord/action", "release", ("ha-cord-7", {})),
    ("event/desk/button", EVENT, "desk/button", {"event_type": "press"}, ("ha-desk", {"sos": 1})),
    ("sensor/hr", {"name": "Heart Rate", "stat_t": "bed/hr", "unit_of_meas": "bpm",
                   "dev": {"ids": ["bed"]}}, "bed/hr", "62", ("ha-bed", {"heart_rate": 62})),
    ("sensor/t", {"name": "Body temperature", "stat_t": "e/t", "dev_cla": "temperature",
                  "unit_of_meas": "°F", "dev": {"ids": ["ear"]}}, "e/t", "98.6",
     ("ha-ear", {"body_temperature": 37.0})),
    ("sensor/t", {"name": "t", "stat_t": "e/t", "dev_cla": "temperature", "unit_of_meas": "°C",
                  "dev": {"ids": ["ear"]}}, "e/t", "unavailable", ("ha-ear", {})),
    ("binary_sensor/bed", {"name": "Bed", "stat_t": "e/b", "dev_cla": "occupancy",
                           "dev": {"cns": [["mac", "02:00:00:00:00:0a"]]}}, "e/b", "ON",
     ("ha-02:00:00:00:00:0a", {"in_bed": 1})),
]  # fmt: skip


def text(payload: Any) -> bytes:
    return payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()


@pytest.mark.parametrize(("where", "config", "topic", "state", "expected"), CASES)
def test_a_device_is_read_as_it_announced_itself(
    where: str, config: Any, topic: str, state: Any, expected: tuple[str, dict[str, float]]
) -> None:
    device_id, readings = expected
    house = House(device_id)
    assert house.frames(f"homeassistant/{where}/config", config, retained=True) == []
    assert topic in house.router.wanted()
    assert house.readings(topic, text(state)) == pytest.approx(readings)


@pytest.mark.parametrize(
    ("state", "reason"),
    [("{", "not_json"), ("MAYBE", "bad_value"), ("", None), ("unknown", None)],
)
def test_a_state_that_is_none(state: str, reason: str | None) -> None:
    house = House("ha-01ad", "ha-A4C138112233")
    house.frames("homeassistant/binary_sensor/garden/config", GARDEN)
    house.frames("homeassistant/sensor/x/config", OMG)
    topic = OMG_TOPIC if reason == "not_json" else "homeassistant/binary_sensor/garden/state"
    if reason is None:
        assert house.readings(topic, text(state)) == {}
        return
    with pytest.raises(DriverError) as caught:
        house.readings(topic, text(state))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("where", "config"),
    [
        ("sensor/x", b"{"),
        ("sensor/x", b"[]"),
        ("sensor/x", {"name": "no topic", "dev": {"ids": ["x"]}}),
        ("sensor/x", {"stat_t": "a/#", "dev": {"ids": ["x"]}}),
        ("sensor/x", {"stat_t": "$SYS/uptime", "dev": {"ids": ["x"]}}),
        ("sensor/x", OMG_TEMPERATURE),
        ("sensor/x", {"stat_t": ["a"], "dev": {"ids": ["x"]}}),
        ("sensor/x", {"~": 5, "stat_t": "~a"}),
        ("device/x", {"dev": {"ids": ["x"]}, "cmps": []}),
        ("device/x", {"dev": {"ids": ["x"]}, "cmps": {"a": 1}}),
        ("sensor/x", {"stat_t": "a", "dev": {"ids": []}}),
    ],
)
def test_a_config_that_is_none_goes_to_the_quarantine(where: str, config: Any) -> None:
    (frame,) = House().frames(f"homeassistant/{where}/config", config)
    with pytest.raises(DriverError, match="bad_discovery"):
        match_topic(frame.topic)


def test_what_we_do_not_measure_is_left_alone() -> None:
    house = House()
    for where in ("switch/x", "light/x", "button/x", "climate/x"):
        assert house.frames(f"homeassistant/{where}/config", {"cmd_t": "a"}) == []
    power = {"name": "wifi", "stat_t": "a/b", "dev_cla": "signal_strength", "dev": {"ids": ["x"]}}
    assert house.frames("homeassistant/sensor/x/config", power) == []
    assert house.router.wanted() == set()


def test_a_template_out_of_reach_is_told_with_the_found_device() -> None:
    house = House()
    config = {**OMG, "val_tpl": "{% if value_json.x %}{{ 1 }}{% endif %}"}
    assert house.frames("homeassistant/sensor/x/config", config) == []
    (stranger,) = house.strangers
    assert stranger.problem is not None
    assert "template" in stranger.problem
    assert house.router.wanted() == set()


def test_entities_come_and_go() -> None:
    house = House("ha-ecda3bb4c8a0")
    person, fall = ESP_PERSON["stat_t"], ESP_FALL["stat_t"]
    house.frames("homeassistant/binary_sensor/radar-203/person/config", ESP_PERSON)
    house.frames("homeassistant/binary_sensor/radar-203/fall/config", ESP_FALL)
    assert house.router.wanted() == {person, fall, "radar-203/status"}
    house.frames("homeassistant/binary_sensor/radar-203/fall/config", b"")
    assert house.router.wanted() == {person, "radar-203/status"}
    moved = {**ESP_PERSON, "stat_t": "other/topic"}
    house.frames("homeassistant/binary_sensor/radar-203/person/config", moved)
    assert house.readings("other/topic", b"OFF") == {"presence": 0}


def test_a_component_taken_out_of_a_device() -> None:
    house = House("ha-ea334450945afc")
    house.frames("homeassistant/device/0AFFD2/config", BEDROOM)
    less = {**BEDROOM, "cmps": {**BEDROOM["cmps"], "some_unique_id2": {"p": "sensor"}}}  # type: ignore[dict-item]
    house.frames("homeassistant/device/0AFFD2/config", less)
    state = {"temperature": 20, "humidity": 50}
    assert house.readings("sensorBedroom/state", state) == {"air_temperature": 20}


def test_availability_of_a_device() -> None:
    house = House("ha-ecda3bb4c8a0")
    house.frames("homeassistant/binary_sensor/radar-203/person/config", ESP_PERSON)
    told = [
        house.readings("radar-203/status", payload)
        for payload in (b"online", b"offline", b"offline", b"online")
    ]
    assert told == [{"device_fault": 0}, {"device_fault": 1}, {}, {"device_fault": 0}]


def test_zigbee2mqtt_announces_here_too_and_is_heard_once() -> None:
    house = House(PIR)
    house.frames("zigbee2mqtt/bridge/devices", devices())
    config = {"stat_t": "zigbee2mqtt/203/bathroom", "dev_cla": "occupancy", "pl_on": True,
              "pl_off": False, "val_tpl": "{{ value_json.occupancy }}",
              "dev": {"ids": [f"zigbee2mqtt_{PIR}"]}}  # fmt: skip
    house.frames(f"homeassistant/binary_sensor/{PIR}/occupancy/config", config)
    assert house.readings("zigbee2mqtt/203/bathroom", {"occupancy": True}) == {"motion": 1}
    (frame,) = house.frames("zigbee2mqtt/203/bathroom", {"occupancy": True})
    assert frame.topic == f"zigbee2mqtt/v1/{PIR}/state"


def test_nobody_poses_as_a_device_of_ours() -> None:
    """A discovery message can name any topic and any identifier."""
    house = House("w-1")
    config = {"stat_t": "yuyue/v1/w-1/senml", "dev_cla": "motion", "dev": {"ids": ["w-1"]}}
    house.frames("homeassistant/binary_sensor/x/config", config)
    (own,) = house.frames("yuyue/v1/w-1/senml", b"[]")
    assert own.topic == "yuyue/v1/w-1/senml"
    assert own.payload == b"[]"
    assert {s.device_id for s in house.strangers} == {"ha-w-1"}


@pytest.mark.parametrize("identifier", ["x" * 80, "房间 3", "a b", "ok", "../../etc"])
def test_ids(identifier: str) -> None:
    made = device_id_of(identifier)
    match_topic(f"homeassistant/v1/{made}/state")
    assert made != device_id_of(identifier + "!")


def test_a_simulated_device_says_so_in_its_announcement() -> None:
    house = House("ha-01ad")
    config = {**GARDEN, "yuyue_origin": "simulated"}
    house.frames("homeassistant/binary_sensor/garden/config", config)
    (frame,) = house.frames("homeassistant/binary_sensor/garden/state", b"ON")
    device_id, driver = match_topic(frame.topic)
    (reading,) = driver(device_id, frame.payload, NOW_NS)
    assert isinstance(reading, Reading)
    assert reading.origin is Origin.SIMULATED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(["~", "stat_t", "dev", "cmps", "val_tpl", "avty", "dev_cla", "name", "p"])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["sensor", "device", "event"]), st.dictionaries(KEYS, JSON | st.just("a/b")))
def test_any_config_is_entities_or_a_refusal(component: str, config: dict[str, Any]) -> None:
    with suppress(DiscoveryError):
        entities_of(f"homeassistant/{component}/x/config", json.dumps(config).encode())
