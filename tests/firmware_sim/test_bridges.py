"""What the simulated bridges publish is what the gateway reads of real ones."""

from __future__ import annotations

import pytest

from edge.signals import Origin, Reading
from firmware_sim.transports.bridges import SHAPES, DiscoveredDevice, Message, ZigbeeBridge
from firmware_sim.transports.bridges import ZigbeeDevice as SimulatedZigbee
from gateway.drivers import match_topic
from tests.gateway.mqtt.house import NOW_NS, House

IEEE = "0x00158d00000000aa"
VALUES = {"air_temperature": 21.5, "relative_humidity": 48.0, "battery_level": 77.0}


def told(house: House, messages: list[Message]) -> list[Reading]:
    found: list[Reading] = []
    for message in messages:
        for frame in house.frames(message.topic, message.payload, retained=message.retain):
            device_id, driver = match_topic(frame.topic)
            signals = driver(device_id, frame.payload, NOW_NS)
            found += [signal for signal in signals if isinstance(signal, Reading)]
    return found


@pytest.mark.parametrize("quantity", sorted(SHAPES))
def test_a_zigbee_device_of_each_quantity(quantity: str) -> None:
    house = House(IEEE)
    bridge = ZigbeeBridge({IEEE: SimulatedZigbee(IEEE, "203/x", (quantity,))})
    assert told(house, bridge.announce()) == []
    value = VALUES.get(quantity, 1.0)
    (reading,) = told(house, bridge.state(IEEE, **{quantity: value}))
    assert (reading.quantity, reading.value) == (quantity, value)
    assert reading.origin is Origin.SIMULATED
    if quantity not in VALUES:
        (reading,) = told(house, bridge.state(IEEE, **{quantity: 0.0}))
        assert reading.value == 0


@pytest.mark.parametrize("bundle", [True, False])
@pytest.mark.parametrize("quantity", sorted(SHAPES))
def test_a_discovered_device_of_each_quantity(quantity: str, bundle: bool) -> None:
    house = House("ha-sim-1")
    device = DiscoveredDevice("sim-1", "仿真", (quantity, "battery_level"))
    assert told(house, device.announce(bundle=bundle)) == []
    value = VALUES.get(quantity, 1.0)
    (reading,) = told(house, device.state(**{quantity: value}))
    assert (reading.quantity, reading.value) == (quantity, value)
    assert reading.origin is Origin.SIMULATED


def test_reachability_of_both() -> None:
    house = House(IEEE, "ha-sim-1")
    bridge = ZigbeeBridge({IEEE: SimulatedZigbee(IEEE, "203/x", ("motion",))})
    device = DiscoveredDevice("sim-1", "仿真", ("motion",))
    told(house, bridge.announce() + device.announce())
    for messages in (bridge.availability(IEEE, online=False), device.availability(online=False)):
        (reading,) = told(house, messages)
        assert (reading.quantity, reading.value) == ("device_fault", 1)
    told(house, bridge.goodbye())
    assert house.router.bridges == {"zigbee2mqtt": False}
