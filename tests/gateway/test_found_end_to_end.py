"""Broker or radio, gateway and cloud as processes: a device never seen becomes an elder's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.signals import Origin
from firmware_sim.transports.bluez import BluezPeripheral
from firmware_sim.transports.bridges import (
    BridgePublisher,
    DiscoveredDevice,
    Message,
    ZigbeeBridge,
    ZigbeeDevice,
)
from firmware_sim.transports.mqtt import MqttSettings
from gateway.ble import uuids
from tests.support.bluez_bus import ADDRESS_VARIABLE, BluezBus
from tests.support.processes import wait_until
from tests.support.stack import Stack, stack_directory

HEAD_NURSE = 3  # of the demo's logins
IEEE = "0x00158d00000000e2"
# "Within seconds": the gateway asks for news by long poll; the rest is this machine's load.
ACCEPTED_WITHIN_S = 20


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BluezBus]:
    with BluezBus(tmp_path_factory.mktemp("bus")) as running:
        yield running


@pytest.fixture(scope="module")
def hub(bus: BluezBus) -> Iterator[Stack]:
    asyncio.run(bus.add_adapter(0))
    radio = {ADDRESS_VARIABLE: bus.address, "YUYUE_GATEWAY_BLE_ADAPTERS": "hci0"}
    with stack_directory() as directory, Stack(directory, gateway_environment=radio) as running:
        yield running


def elder_named(client: httpx.Client, name: str) -> str:
    answer = client.get("/api/v1/elders", params={"q": name})
    assert answer.status_code == 200, answer.text
    return next(str(e["id"]) for e in answer.json()["elders"] if e["name"] == name)


def found(client: httpx.Client, device_id: str) -> dict[str, Any] | None:
    devices = client.get("/api/v1/found-devices").json()["devices"]
    return next((one for one in devices if one["id"] == device_id), None)


def accepted_for(
    hub: Stack, device_id: str, elder: str, role: str, ready: Callable[[dict[str, Any]], bool],
    **more: Any,
) -> str:  # fmt: skip
    """Wait until it is found and says so much of itself, accept it; the elder's id."""
    with hub.api(HEAD_NURSE) as client:

        def is_found() -> bool:
            one = found(client, device_id)
            return one is not None and one["suggested_role"] == role and ready(one)

        wait_until(is_found, f"{device_id} is found: {found(client, device_id)}", 40)
        elder_id = elder_named(client, elder)
        answer = client.post(
            f"/api/v1/found-devices/{device_id}/accept",
            json={"role": role, "elder_id": elder_id, **more},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["elder_name"] == elder
        assert found(client, device_id) is None
    return elder_id


def lines(hub: Stack, elder_id: str, quantity: str, device_id: str) -> list[dict[str, Any]]:
    with hub.api(HEAD_NURSE) as client:
        answer = client.get(
            f"/api/v1/elders/{elder_id}/series",
            params={"quantity": quantity, "from": "2020-01-01T00:00:00Z",
                    "to": "2099-01-01T00:00:00Z"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        return [one for one in answer.json()["lines"] if one["device_id"] == device_id]


def publish(hub: Stack, name: str, *messages: Message) -> None:
    broker = hub.mosquitto

    async def run() -> None:
        key = bytes.fromhex(hub.seed["simulation_key"])
        settings = MqttSettings("127.0.0.1", broker.port, broker.username, broker.password, key)
        async with BridgePublisher(settings, name) as publisher:
            await publisher.send(messages)

    asyncio.run(run())


@pytest.mark.timeout(180)
def test_a_zigbee_motion_sensor(hub: Stack) -> None:
    bridge = ZigbeeBridge({IEEE: ZigbeeDevice(IEEE, "203/卫生间", ("motion", "battery_level"))})
    publish(hub, "zigbee", *bridge.announce())

    def shown(one: dict[str, Any]) -> bool:
        publish(hub, "zigbee", *bridge.state(IEEE, motion=1, battery_level=88))
        return one["quantities"] == {"motion": 1.0, "battery_level": 88.0}

    elder_id = accepted_for(hub, IEEE, "刘德明", "motion", shown)

    def measured() -> bool:
        publish(hub, "zigbee", *bridge.state(IEEE, motion=0, battery_level=87))
        return bool(lines(hub, elder_id, "motion", IEEE))

    wait_until(measured, "its movement is on the elder's series", ACCEPTED_WITHIN_S)
    (line,) = lines(hub, elder_id, "motion", IEEE)
    assert line["origin"] == Origin.SIMULATED
    assert set(line["values"]) == {0.0}, "what it measured as a stranger is nobody's"


@pytest.mark.timeout(180)
def test_a_device_that_announces_itself(hub: Stack) -> None:
    device = DiscoveredDevice("sim-climate-1", "温湿度", ("air_temperature", "relative_humidity"))
    publish(hub, "esp", *device.announce(), *device.availability(online=True))
    device_id = "ha-sim-climate-1"
    elder_id = accepted_for(hub, device_id, "陈淑珍", "climate", lambda _: True)

    def measured() -> bool:
        publish(hub, "esp", *device.state(air_temperature=22.5, relative_humidity=41))
        return bool(lines(hub, elder_id, "air_temperature", device_id))

    wait_until(measured, "its temperature is on the elder's series", ACCEPTED_WITHIN_S)


@pytest.mark.timeout(180)
async def test_a_bluetooth_thermometer(
    hub: Stack, bus: BluezBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS_VARIABLE, bus.address)
    adapter = await bus.add_adapter(1)
    address = bus.address_of(1)
    # https://bthome.io/format/: 25.06 Cel and 50.55 %; then 23.73 Cel and 97 % battery.
    first, second = bytes.fromhex("4002ca0903bf13"), bytes.fromhex("40016102 4509")
    data = {uuids.BTHOME: first}
    async with BluezPeripheral(adapter, "thermometer", service_data=data) as device:
        elder_id = await asyncio.to_thread(
            accepted_for, hub, address, "杨永福", "climate",
            lambda one: one["quantities"].get("air_temperature") == 25.06,
        )  # fmt: skip
        async with asyncio.timeout(90):
            # bluezoo reports an advertisement when it changes, and only then.
            while not await asyncio.to_thread(lines, hub, elder_id, "air_temperature", address):
                for data in (second, first):
                    device.advertise({uuids.BTHOME: data})
                    await asyncio.sleep(1.5)


def test_the_heartbeat_tells_of_each_source(hub: Stack, tmp_path: Path) -> None:
    del tmp_path

    def told() -> bool:
        with hub.api(HEAD_NURSE) as client:
            (gateway,) = client.get("/api/v1/status").json()["gateways"]
        return "scanner_restarts" in gateway["source_details"].get("ble:hci0", {}) and (
            gateway["source_details"]["mqtt"]["connections"] >= 1
        )

    wait_until(told, "the figures are in the status", 45)
