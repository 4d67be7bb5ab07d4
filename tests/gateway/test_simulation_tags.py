"""A mark mutes an alarm: a gateway that knows its institution's key takes none without a tag."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.engine import Engine
from edge.marks import air_tag, tagged_message
from edge.signals import NS_PER_S, Origin
from edge.wire import Lane
from firmware_sim.devices.wearable import FLAG_CLOCK_SET, FLAG_SIMULATED, Block, encode_block
from firmware_sim.live import air
from firmware_sim.transports.bridges import DiscoveredDevice, ZigbeeBridge, ZigbeeDevice
from gateway.ble import uuids
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.pipeline import Pipeline
from gateway.registry import Registry, RegistryError, decode_registry
from gateway.sources import Frame
from tests.gateway.ble.test_source_parts import Book, hear, source_of
from tests.gateway.cloud_double import registry_of
from tests.gateway.conftest import World
from tests.gateway.makers import T0_NS, HandClock
from tests.gateway.mqtt.house import House
from tests.support.processes import wait_until

KEY, OTHER = bytes(range(32)), bytes(32)
NOW_NS = T0_NS
IEEE = "0x0200000000000001"
DEVICES = ("w-1", IEEE, "ha-b1", "AA:00:00:00:00:01")


class Desk:
    """Router, Bluetooth source and pipeline of a gateway with a key: messages in, records out."""

    def __init__(self, directory: Path, key: bytes | None = KEY) -> None:
        registry = Registry(directory / "registry.json")
        text = "" if key is None else key.hex()
        registry.save(replace(registry_of(*DEVICES), simulation_key=text))
        clock = HandClock()
        self.outbox = Outbox(directory / "outbox.sqlite3", clock)
        self.pipeline = Pipeline(self.outbox, registry, Engine([]), Metrics(), clock)
        self.pipeline.start()
        self.house = House(*DEVICES)
        self.house.simulation_key = key

    def hear(self, topic: str, payload: bytes) -> set[tuple[str, str]]:
        """(quantity, origin) of what came of it."""
        return self.take(self.house.router.take([Frame("mqtt", topic, payload, NOW_NS)]))

    def take(self, frames: list[Frame]) -> set[tuple[str, str]]:
        prepared = self.pipeline.prepare(frames)
        self.pipeline.commit(prepared)
        return {(s.quantity, s.origin.value) for s in prepared.group.signals}

    def refused(self) -> dict[str, int]:
        return self.outbox.rejected_counts()


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made = Desk(tmp_path)
    yield made
    made.outbox.close()


def call(**more: Any) -> bytes:
    return json.dumps([{"n": "sos", "v": 1, "t": NOW_NS / NS_PER_S, **more}]).encode()


def block(flags: int) -> bytes:
    counts = np.full((50, 3), 8192, dtype=np.int16)
    return encode_block(Block(1, 0, NOW_NS, 50_000, 122_070, 4_000, counts, flags | FLAG_CLOCK_SET))


SENML, WAVEFORM = "yuyue/v1/w-1/senml", "yuyue/v1/w-1/waveform"
FORGED = {
    "senml": (SENML, call(origin="simulated")),
    "drill": (SENML, call(origin="drill")),
    # The same word, written so that no search for it finds it.
    "escaped": (SENML, call(origin="simulated").replace(b"simul", b"\\u0073imul")),
    "block": (WAVEFORM, block(FLAG_SIMULATED)),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_mark_without_a_tag_is_refused_and_told(desk: Desk, how: str) -> None:
    topic, payload = FORGED[how]
    assert desk.hear(topic, payload) == set()
    assert desk.refused() == {"untagged_origin": 1}


@pytest.mark.parametrize("how", [name for name in FORGED if name != "escaped"])
def test_a_tag_of_another_key_or_device_is_refused(desk: Desk, how: str) -> None:
    topic, payload = FORGED[how]
    assert desk.hear(topic, tagged_message(OTHER, topic, payload)) == set()
    moved = tagged_message(KEY, topic.replace("w-1", "w-2"), payload)
    assert desk.hear(topic, moved) == set()
    assert desk.refused() == {"bad_simulation_tag": 2}


@pytest.mark.parametrize("how", [name for name in FORGED if name != "escaped"])
def test_a_tagged_mark_is_taken(desk: Desk, how: str) -> None:
    topic, payload = FORGED[how]
    origin = "drill" if how == "drill" else "simulated"
    ((_, stated),) = desk.hear(topic, tagged_message(KEY, topic, payload))
    assert (stated, desk.refused()) == (origin, {})


def test_people_need_no_tag(desk: Desk) -> None:
    assert desk.hear(SENML, call()) == {("sos", "live")}
    assert desk.hear(WAVEFORM, block(0)) == {("acceleration", "live")}


def test_a_mark_taken_off_leaves_the_tag_behind(desk: Desk) -> None:
    said = tagged_message(KEY, WAVEFORM, block(FLAG_SIMULATED))
    bare = said[:3] + bytes([said[3] & ~FLAG_SIMULATED]) + said[4:]
    assert desk.hear(WAVEFORM, bare) == set()
    # A tag that stands where no driver looks for a mark makes the message simulated all the same.
    kept = tagged_message(KEY, SENML, call(yuyue_origin="simulated"))
    assert desk.hear(SENML, kept) == {("sos", "simulated")}


def test_a_gateway_without_a_key_takes_the_word(tmp_path: Path) -> None:
    desk = Desk(tmp_path, key=None)
    assert desk.hear(SENML, call(origin="simulated")) == {("sos", "simulated")}
    assert desk.hear(SENML, tagged_message(KEY, SENML, call(origin="drill"))) == {("sos", "drill")}
    desk.outbox.close()


def bridges() -> tuple[ZigbeeBridge, DiscoveredDevice]:
    zigbee = ZigbeeBridge({IEEE: ZigbeeDevice(IEEE, "hall", ("motion", "battery_level"))})
    return zigbee, DiscoveredDevice("b1", "bath", ("motion",))


@pytest.mark.parametrize("key", [KEY, None, OTHER], ids=["own", "none", "other"])
def test_bridged_devices_are_believed_by_their_tags(desk: Desk, key: bytes | None) -> None:
    zigbee, found = bridges()
    heard: set[tuple[str, str]] = set()
    for message in [
        *zigbee.announce(), *found.announce(), *zigbee.state(IEEE, battery_level=80.0),
        *found.state(motion=1.0), *found.availability(online=False),
    ]:  # fmt: skip
        payload = message.payload
        tagged = payload if key is None else tagged_message(key, message.topic, payload)
        heard |= desk.hear(message.topic, tagged)
    if key == KEY:
        assert heard == {("motion", "simulated"), ("battery_level", "simulated"),
                         ("device_fault", "simulated")}  # fmt: skip
        assert desk.refused() == {}
    else:
        assert heard == set()
        assert set(desk.refused()) == {"untagged_origin" if key is None else "bad_simulation_tag"}


def test_a_forged_announcement_leaves_the_real_device_as_it_was(desk: Desk) -> None:
    zigbee, _ = bridges()
    listed = zigbee.announce()[1]
    assert listed.topic == "zigbee2mqtt/bridge/devices"
    real = listed.payload.replace(b', "yuyue_origin": "simulated"', b"")
    assert b"origin" not in real
    desk.hear(listed.topic, real)
    desk.hear(listed.topic, listed.payload)
    assert desk.refused() == {"untagged_origin": 1}
    assert desk.hear("zigbee2mqtt/hall", b'{"occupancy": true}') == {("motion", "live")}


@pytest.mark.parametrize(
    ("tag", "expected", "refused"),
    [
        (lambda a, b: air.tagged(KEY, a, b), {("motion", "simulated")}, {}),
        (lambda a, b: b, set(), {"untagged_origin": 1}),
        (lambda a, b: air.tagged(OTHER, a, b), set(), {"bad_simulation_tag": 1}),
        (lambda a, b: air.tagged(KEY, "AA:00:00:00:00:02", b), set(), {"bad_simulation_tag": 1}),
    ],
    ids=["tagged", "untagged", "other key", "other address"],
)
async def test_an_advertisement_is_believed_by_its_tag(
    desk: Desk,
    tmp_path: Path,
    tag: Callable[[str, bytes], bytes],
    expected: set[tuple[str, str]],
    refused: dict[str, int],
) -> None:
    address = "AA:00:00:00:00:01"
    book = Book(**{address.replace(":", "_"): {"ble_address": address}})
    book.simulation_key = KEY
    source = source_of(book, tmp_path)
    hear(source, address, {uuids.BTHOME: tag(address, air.bthome(1, {"motion": 1.0}))})
    assert desk.take(await source._queue.next_group()) == expected
    assert desk.refused() == refused


def test_a_tag_fits_into_an_advertisement() -> None:
    body = air.tagged(KEY, "AA:00:00:00:00:01", air.bthome(1, {"motion": 1.0, "battery_level": 9}))
    assert len(air_tag(KEY, "AA:00:00:00:00:01", body)) == air.AIR_TAG_BYTES
    assert 3 + 4 + len(body) <= 31  # flags, and the head of service data


def test_a_registry_with_a_key_that_is_none_is_refused() -> None:
    broken = replace(registry_of("w-1"), simulation_key="zz")
    with pytest.raises(RegistryError, match="simulation_key"):
        decode_registry(msgspec.json.encode(broken))


def test_a_forged_mark_cannot_mute_a_real_call(world: World) -> None:
    """With a real broker: what the forger sends is refused, what the person sends is an alarm."""
    world.cloud.registry = replace(registry_of("w-1"), simulation_key=KEY.hex())
    sender = world.publisher()
    world.start_inside()
    said = {"n": "sos", "v": 1}
    sender.senml("w-1", [{**said, "origin": "simulated"}])
    wait_until(
        lambda: any(r.rejected for r in world.cloud.of(Lane.BULK)), "the forgery is told", 20
    )
    (told,) = [r.rejected for r in world.cloud.of(Lane.BULK) if r.rejected]
    assert (told.reason, told.device_id) == ("untagged_origin", "w-1")
    assert "simulation-key" in told.detail
    assert world.cloud.of(Lane.URGENT) == []
    sender.senml("w-1", [said])
    world.wait_urgent(1)
    event = world.cloud.of(Lane.URGENT)[0].event
    assert event is not None
    assert (event.kind, event.origin) == ("sos", Origin.LIVE)
