"""The gateway as a process, bleak's own BlueZ backend, simulated devices on a bus of their own."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from firmware_sim.transports.bluez import BluezPeripheral, Characteristic, GattService
from gateway.ble import uuids
from tests.gateway.ble.radio import SIMULATION_KEY, TIMEOUT_S, Radio, device
from tests.support.processes import PATIENCE

KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
PLAIN = bytes.fromhex("4002ca0903bf13")  # 25.06 Cel, 50.55 %


def sealed(address: str, counter: int, objects: str) -> bytes:
    """As https://bthome.io/encryption/ says."""
    mac = bytes.fromhex(address.replace(":", ""))
    count = counter.to_bytes(4, "little")
    body = AESCCM(KEY, tag_length=4).encrypt(
        mac + b"\xd2\xfc\x41" + count, bytes.fromhex(objects), None
    )
    return b"\x41" + body[:-4] + count + body[-4:]


async def test_advertised_thermometers_plain_and_sealed(radio: Radio) -> None:
    await radio.start(
        device(radio.address(1), "bath-thermometer"),
        device(radio.address(2), "bed-thermometer", ble_key=KEY.hex()),
        device(radio.address(3), "wrong-key", ble_key="00" * 16),
    )

    def data(number: int, counter: int, objects: str) -> dict[str, bytes]:
        return {uuids.BTHOME: sealed(radio.address(number), counter, objects)}

    plain = BluezPeripheral(await radio.adapter(1), "bath", service_data={uuids.BTHOME: PLAIN})
    closed = BluezPeripheral(
        await radio.adapter(2),
        "bed",
        service_data={uuids.BTHOME: sealed(radio.address(2), 700, "02ca09")},
    )
    wrong = BluezPeripheral(
        await radio.adapter(3),
        "odd",
        service_data={uuids.BTHOME: sealed(radio.address(3), 1, "02ca09")},
    )
    stranger = BluezPeripheral(
        await radio.adapter(4), "neighbour", service_data={uuids.BTHOME: PLAIN}
    )
    async with plain, closed, wrong, stranger:
        await radio.until(lambda: radio.readings("bath-thermometer"), "the plain one")
        await radio.until(lambda: radio.readings("bed-thermometer"), "the sealed one")
        assert radio.values("bath-thermometer", "air_temperature") == [25.06]
        assert radio.values("bath-thermometer", "relative_humidity") == [50.55]
        assert radio.values("bed-thermometer", "air_temperature") == [25.06]
        # Nobody else is heard, and it is told why.
        await radio.until(lambda: radio.refused("wrong_bind_key"), "the wrong key is told")
        await radio.until(lambda: radio.refused("unassigned_device"), "the stranger is found")
        assert radio.refused("wrong_bind_key") == ["wrong-key"]
        assert radio.refused("unassigned_device") == [radio.address(4)]
        # A recording played again, and a plain one in its name, are refused; the next counts.
        closed.advertise(data(2, 650, "021027"))
        await radio.until(lambda: radio.refused("replayed"), "a replay")
        closed.advertise({uuids.BTHOME: PLAIN})
        await radio.until(lambda: radio.refused("not_encrypted"), "no encryption")
        closed.advertise(data(2, 701, "02d409"))
        await radio.until(lambda: len(radio.readings("bed-thermometer")) > 1, "the next one")
        assert radio.values("bed-thermometer", "air_temperature") == [25.06, 25.16]
    beat = radio.world.cloud.heartbeats[-1]
    assert set(beat.sources) == {"mqtt", "ble:hci0"}


async def test_heart_rate_by_notification_and_battery_by_reading(radio: Radio) -> None:
    await radio.start(device(radio.address(1), "strap", ble_profiles="auto"))
    rate = Characteristic(uuids.HEART_RATE_MEASUREMENT, ["notify"])
    battery = Characteristic(uuids.BATTERY_LEVEL, ["read", "notify"], value=b"\x57")
    maker = Characteristic(uuids.MANUFACTURER_NAME, ["read"], value=b"Made-up Works")
    services = [
        GattService(uuids.uuid16(0x180D), [rate]),
        GattService(uuids.uuid16(0x180F), [battery]),
        GattService(uuids.uuid16(0x180A), [maker]),
    ]
    async with BluezPeripheral(
        await radio.adapter(1), "strap", services=services, key=SIMULATION_KEY
    ) as strap:
        async with asyncio.timeout(TIMEOUT_S * PATIENCE):
            await rate.subscribed.wait()
        for number in range(20):
            strap.notify(rate, bytes([0x06, 60 + number]))
            await asyncio.sleep(0.05)  # 20 notifications a second
        await radio.until(lambda: len(radio.values("strap", "heart_rate")) >= 20, "all rates")
        assert radio.values("strap", "heart_rate") == [60.0 + n for n in range(20)]
        assert set(radio.values("strap", "worn")) == {1.0}
        assert radio.live("strap") == set()
        # The real BlueZ keeps the battery service to itself and is asked a little later.
        await radio.until(lambda: radio.values("strap", "battery_level"), "the battery")
        assert radio.values("strap", "battery_level") == [87.0]
        await radio.until(lambda: "Made-up Works" in radio.world.log(), "the maker is told")


@pytest.mark.parametrize(
    ("key", "reason"), [(None, "untagged_origin"), (bytes(32), "bad_simulation_tag")]
)
async def test_a_simulated_strap_is_believed_by_its_key_only(
    radio: Radio, key: bytes | None, reason: str
) -> None:
    await radio.start(device(radio.address(1), "strap", ble_profiles="heart_rate"))
    rate = Characteristic(uuids.HEART_RATE_MEASUREMENT, ["notify"])
    services = [GattService(uuids.uuid16(0x180D), [rate])]
    async with BluezPeripheral(
        await radio.adapter(1), "strap", services=services, key=key
    ) as strap:
        async with asyncio.timeout(TIMEOUT_S * PATIENCE):
            await rate.subscribed.wait()
        strap.notify(rate, bytes([0x06, 60]))
        await radio.until(lambda: radio.refused(reason), "the strap is refused")
    assert radio.readings("strap") == []


async def test_blood_pressure_by_indication(radio: Radio) -> None:
    await radio.start(device(radio.address(1), "cuff", ble_profiles="blood_pressure"))
    pressure = Characteristic(uuids.BLOOD_PRESSURE_MEASUREMENT, ["indicate"])
    services = [GattService(uuids.uuid16(0x1810), [pressure])]
    async with BluezPeripheral(
        await radio.adapter(1), "cuff", services=services, key=SIMULATION_KEY
    ) as cuff:
        async with asyncio.timeout(TIMEOUT_S * PATIENCE):
            await pressure.subscribed.wait()
        cuff.notify(pressure, bytes.fromhex("04780050005d004800"))
        await radio.until(lambda: len(radio.readings("cuff")) >= 3, "the measurement")
        assert radio.values("cuff", "systolic_pressure") == [120.0]
        assert radio.values("cuff", "diastolic_pressure") == [80.0]
        assert radio.values("cuff", "heart_rate") == [72.0]
        await radio.until(lambda: pressure.confirmed, "the indication is confirmed")


@pytest.mark.slow
async def test_an_unplugged_adapter_is_told_and_taken_back(radio: Radio) -> None:
    await radio.start(device(radio.address(1), "thermometer"), device(radio.address(2), "second"))
    name = await radio.adapter(1)
    async with BluezPeripheral(name, "t", service_data={uuids.BTHOME: PLAIN}):
        await radio.until(lambda: radio.readings("thermometer"), "heard")
    await radio.simulated.remove_adapter(0)
    await radio.until(lambda: '"ble_down"' in radio.world.log(), "the loss is told")
    await radio.until(
        lambda: radio.world.cloud.heartbeats[-1].sources["ble:hci0"] is False, "the cloud knows"
    )
    await radio.simulated.add_adapter(0)
    await radio.until(lambda: radio.world.log().count('"ble_up"') == 2, "scanning again")
    assert radio.world.gateway.running
    name = await radio.adapter(2)
    async with BluezPeripheral(name, "t", service_data={uuids.BTHOME: PLAIN}):
        await radio.until(lambda: radio.readings("second"), "heard again")


@pytest.mark.slow
async def test_a_crashed_stack_is_waited_for(radio: Radio) -> None:
    await radio.start(device(radio.address(1), "thermometer"))
    radio.simulated.stop_stack()
    await radio.until(lambda: '"ble_down"' in radio.world.log(), "the loss is told")
    radio.simulated.start_stack()
    await radio.simulated.add_adapter(0)
    name = await radio.adapter(1)
    async with BluezPeripheral(name, "t", service_data={uuids.BTHOME: PLAIN}):
        await radio.until(lambda: radio.readings("thermometer"), "heard")
    assert radio.world.gateway.running
