"""Zigbee2MQTT, Home Assistant's discovery and found devices, with a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from structlog.testing import capture_logs

from edge.subject import SensorRole
from edge.wire import Lane
from tests.gateway.cloud_double import registered, registry_of
from tests.gateway.conftest import Publisher, World
from tests.gateway.mqtt.house import BUTTON, DOOR, PIR, RADAR, binary, devices, zigbee
from tests.gateway.mqtt.test_home_assistant import BEDROOM, ESP_FALL
from tests.support.certificates import make_certificates
from tests.support.mosquitto import Mosquitto
from tests.support.processes import wait_until

ESP = "ha-ecda3bb4c8a0"
KITCHEN = "ha-ea334450945afc"
LIST = "zigbee2mqtt/bridge/devices"


def accept(world: World, *device_ids: str) -> None:
    world.cloud.registry = registry_of(*device_ids, version=world.cloud.registry.version + 1)


def readings(world: World) -> list[tuple[str, str, float]]:
    records = world.cloud.of(Lane.BULK)
    return [(r.reading.device_id, r.reading.quantity, r.reading.value) for r in records
            if r.reading is not None]  # fmt: skip


def wait_for(world: World, *expected: tuple[str, str, float]) -> None:
    wait_until(
        lambda: set(expected) <= set(readings(world)), f"{expected} of {readings(world)}", 20
    )


def tell(device: Publisher, topic: str, content: Any, *, retain: bool = False) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    device.publish(topic, body, retain=retain)


def follows(world: World, device: Publisher, topic: str, state: Any, *expected: Any) -> None:
    """States are listened to a moment after their announcement."""

    def told() -> bool:
        tell(device, topic, state)
        return set(expected) <= set(readings(world))

    wait_until(told, f"{expected} of {readings(world)}", 20)


def test_both_bridges_to_the_cloud_and_a_call_among_them(world: World) -> None:
    accept(world, PIR, BUTTON, ESP, KITCHEN)
    bridge = world.publisher()
    tell(bridge, LIST, devices(), retain=True)
    tell(bridge, "zigbee2mqtt/bridge/state", {"state": "online"}, retain=True)
    tell(bridge, "homeassistant/device/0AFFD2/config", BEDROOM, retain=True)
    tell(bridge, "homeassistant/binary_sensor/radar-203/fall/config", ESP_FALL, retain=True)
    world.start_inside()
    state = {"occupancy": True, "battery": 71}
    follows(world, bridge, "zigbee2mqtt/203/bathroom", state, (PIR, "motion", 1))
    follows(world, bridge, "sensorBedroom/state", {"temperature": 23.5, "humidity": 44},
            (KITCHEN, "air_temperature", 23.5))  # fmt: skip
    follows(world, bridge, ESP_FALL["stat_t"], b"ON", (ESP, "fall_reported", 1))
    tell(bridge, "zigbee2mqtt/cord 203", {"action": "hold"})
    world.wait_urgent(1)
    event = world.cloud.of(Lane.URGENT)[0].event
    assert event is not None
    assert (event.kind, event.device_id) == ("sos", BUTTON)
    wait_until(
        lambda: world.cloud.heartbeats[-1].sources.get("mqtt:zigbee2mqtt") is True, "bridge is up"
    )
    tell(bridge, "zigbee2mqtt/bridge/state", {"state": "offline"}, retain=True)
    wait_until(
        lambda: world.cloud.heartbeats[-1].sources.get("mqtt:zigbee2mqtt") is False, "is down", 15
    )
    details = world.cloud.heartbeats[-1].source_details["mqtt"]
    assert details["zigbee2mqtt_devices"] == 4
    assert details["connections"] == 1


def test_the_cloud_says_which_bridges_are_listened_to(world: World) -> None:
    accept(world, PIR, KITCHEN)
    bridge = world.publisher()
    for base in ("zigbee2mqtt", "z2m/upstairs"):
        tell(bridge, f"{base}/bridge/devices", devices(), retain=True)
    tell(bridge, "homeassistant/device/0AFFD2/config", BEDROOM, retain=True)
    world.start_inside()
    follows(world, bridge, "zigbee2mqtt/203/bathroom", {"battery": 71}, (PIR, "battery_level", 71))
    follows(world, bridge, "sensorBedroom/state", {"temperature": 23.5},
            (KITCHEN, "air_temperature", 23.5))  # fmt: skip
    world.cloud.settings = {"mqtt_zigbee2mqtt": "z2m/upstairs", "mqtt_discovery": ""}
    world.cloud.settings_version = 2
    follows(world, bridge, "z2m/upstairs/203/bathroom", {"battery": 70}, (PIR, "battery_level", 70))
    tell(bridge, "zigbee2mqtt/203/bathroom", {"battery": 11})
    tell(bridge, "sensorBedroom/state", {"temperature": 11})
    follows(world, bridge, "z2m/upstairs/203/bathroom", {"battery": 69}, (PIR, "battery_level", 69))
    assert not {value for _, _, value in readings(world)} & {11}

    def counts() -> tuple[float, float]:
        told = world.cloud.heartbeats[-1].source_details["mqtt"]
        return told["zigbee2mqtt_devices"], told["home_assistant_devices"]

    wait_until(lambda: counts() == (4, 0), f"the others are forgotten: {counts()}", 15)


def test_what_the_broker_held_is_not_lost_although_it_comes_before_the_definition(
    world: World,
) -> None:
    """A broker gives a session's messages first, retained ones only when we subscribe."""
    accept(world, PIR)
    bridge = world.publisher()
    tell(bridge, LIST, devices(), retain=True)
    gateway = world.start_inside()
    follows(world, bridge, "zigbee2mqtt/203/bathroom", {"battery": 50}, (PIR, "battery_level", 50))
    gateway.stop()
    for level in (49, 48, 47):
        tell(bridge, "zigbee2mqtt/203/bathroom", {"battery": level})
    world.broker.restart()
    world.start_inside()
    wait_for(world, *[(PIR, "battery_level", level) for level in (49, 48, 47)])


def test_rename_new_definition_and_broker_restart_without_ours(world: World) -> None:
    accept(world, PIR)
    bridge = world.publisher()
    made = zigbee(PIR, "old", "m", "PIR sensor", binary("occupancy"))
    tell(bridge, LIST, devices(made), retain=True)
    world.start_inside()
    follows(world, bridge, "zigbee2mqtt/old", {"occupancy": True}, (PIR, "motion", 1))
    made = zigbee(PIR, "new/name", "m", "PIR sensor", binary("occupancy"), binary("water_leak"))
    tell(bridge, LIST, devices(made), retain=True)
    state = {"occupancy": False, "water_leak": True}
    follows(world, bridge, "zigbee2mqtt/new/name", state, (PIR, "water", 1))
    before = world.said("mqtt_up")
    world.broker.kill_9()
    world.broker.start()
    wait_until(lambda: world.said("mqtt_up") > before, "connected again", 30)
    wait_until(bridge._client.is_connected, "the bridge is back", 30)
    follows(world, bridge, "zigbee2mqtt/new/name", {"water_leak": False}, (PIR, "water", 0))


def test_a_device_never_seen_before_is_found_and_accepted_without_a_restart(world: World) -> None:
    world.start_inside()
    bridge = world.publisher()
    tell(bridge, LIST, devices(), retain=True)
    wait_until(lambda: set(world.cloud.found) == {PIR, DOOR, BUTTON, RADAR}, "they are found")
    roles = {name: device.suggested_role for name, device in world.cloud.found.items()}
    assert roles == {
        PIR: SensorRole.MOTION, DOOR: SensorRole.DOOR, BUTTON: SensorRole.BUTTON,
        RADAR: SensorRole.RADAR,
    }  # fmt: skip
    assert world.cloud.found[PIR].messages == 0

    def shown() -> bool:
        tell(bridge, "zigbee2mqtt/203/bathroom", {"occupancy": True, "linkquality": 55})
        found = world.cloud.found[PIR]
        return found.quantities["motion"] == 1 and found.link_quality == 55

    wait_until(shown, "its values are shown", 20)
    assert (world.cloud.found[PIR].model, world.cloud.found[PIR].transport) == ("RTCGQ11LM", "mqtt")
    assert readings(world) == []
    accept(world, PIR)
    follows(world, bridge, "zigbee2mqtt/203/bathroom", {"occupancy": False}, (PIR, "motion", 0))
    wait_until(lambda: set(world.cloud.found) == {DOOR, BUTTON, RADAR}, "no stranger any more", 15)


def test_a_stranger_on_our_own_topics_is_found_too(world: World) -> None:
    world.start_inside()
    device = world.publisher()
    pack = [{"n": "heart_rate", "u": "1/min", "v": 64}]
    device.senml("watch-9", pack)
    wait_until(lambda: "watch-9" in world.cloud.found, "it is found")
    found = world.cloud.found["watch-9"]
    assert (found.format, found.quantities) == ("senml", {"heart_rate": 64})
    assert found.suggested_role is SensorRole.SPOT_VITALS


def test_bad_announcements_are_quarantined_and_the_good_go_on(world: World) -> None:
    accept(world, PIR)
    world.start_inside()
    bridge = world.publisher()
    tell(bridge, "homeassistant/sensor/x/config", b"{", retain=True)
    tell(bridge, LIST, b"[{}]", retain=True)
    tell(bridge, LIST, devices(), retain=True)
    follows(world, bridge, "zigbee2mqtt/203/bathroom", {"occupancy": True}, (PIR, "motion", 1))
    tell(bridge, "zigbee2mqtt/203/bathroom", b"not json")
    reasons = {"bad_discovery", "bad_device_list", "not_json"}

    def rows() -> dict[str, str]:
        records = world.cloud.of(Lane.BULK)
        return {r.rejected.reason: r.rejected.detail for r in records if r.rejected is not None}

    wait_until(lambda: reasons <= set(rows()), f"{rows()}", 15)
    assert "homeassistant/sensor/x/config" in rows()["bad_discovery"]


# Each device may write what is its own and read nothing; the gateway reads, and writes nothing.
ACL = """
user yuyue
topic read yuyue/v1/+/+
topic read zigbee2mqtt/#
topic read homeassistant/#
topic read home/#

user zigbee
topic write zigbee2mqtt/#

pattern write yuyue/v1/%u/#
"""
USERS = {"w-1": "made-up-1", "w-2": "made-up-2", "zigbee": "made-up-3"}


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[World]:
    """A broker that speaks TLS only, with a user and an access list for each device."""
    world = World(tmp_path)
    certificates = make_certificates(tmp_path / "tls")
    world.broker = Mosquitto(
        tmp_path / "tls-broker", users=USERS, acl=ACL, certificates=certificates
    )
    try:
        world.broker.start()
        world.cloud.start()
        with capture_logs() as world.logs:
            yield world
    finally:
        world.close()


class TlsPublisher(Publisher):
    """A device with its own credentials."""

    def __init__(self, world: World, username: str) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.tls_set(str(world.directory / "tls" / "ca.pem"))
        self._client.username_pw_set(username, USERS[username])
        self._client.connect("127.0.0.1", world.broker.port)
        self._client.loop_start()
        world.publishers.append(self)


def test_tls_with_credentials_and_an_access_list_for_each_device(sealed: World) -> None:
    world = sealed
    world.cloud.registry = registry_of("w-1", "w-2", PIR)
    world.start_inside(mqtt_ca_file=world.directory / "tls" / "ca.pem")
    one, two, bridge = (TlsPublisher(world, name) for name in ("w-1", "w-2", "zigbee"))
    one.senml("w-1", [{"n": "steps", "v": 1}])
    two.senml("w-2", [{"n": "steps", "v": 2}])
    # In another's name: the broker drops it, and mosquitto 2.0.11 the connection with it.
    for number, name in enumerate(("w-2", "zigbee")):
        intruder = TlsPublisher(world, name)
        with suppress(RuntimeError):
            intruder.senml("w-1", [{"n": "steps", "v": 666 + number}])
    tell(bridge, LIST, devices(), retain=True)
    follows(world, bridge, "zigbee2mqtt/203/bathroom", {"occupancy": True}, (PIR, "motion", 1))
    wait_for(world, ("w-1", "steps", 1), ("w-2", "steps", 2))
    assert not {value for _, _, value in readings(world)} & {666, 667}


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("trouble", ["other authority", "no TLS", "wrong password"])
def test_a_broker_that_is_not_ours_is_not_believed(
    sealed: World, tmp_path: Path, trouble: str
) -> None:
    other = make_certificates(tmp_path / "other").ca
    ca_file = world_ca = sealed.directory / "tls" / "ca.pem"
    settings: dict[str, Any] = {"mqtt_ca_file": ca_file}
    if trouble == "other authority":
        settings = {"mqtt_ca_file": other}
    elif trouble == "no TLS":
        settings = {"mqtt_ca_file": None}
    else:
        settings = {"mqtt_ca_file": world_ca, "mqtt_password": "guessed"}
    sealed.cloud.registry = registry_of(registered("w-1").device_id)
    sealed.start_inside(wait=False, **settings)
    wait_until(lambda: sealed.said("mqtt_down"), "it says so", 20)
    assert not sealed.said("mqtt_up")
    wait_until(lambda: bool(sealed.cloud.heartbeats), "a heartbeat")
    assert sealed.cloud.heartbeats[-1].sources["mqtt"] is False
