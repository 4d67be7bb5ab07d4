"""What a live run sends is what the gateway reads: in every shape the readings of the world."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge.signals import NS_PER_S, Origin, Reading, Signal, Waveform
from edge.subject import SensorRole
from firmware_sim.live import air
from firmware_sim.live.air import on_air
from firmware_sim.live.run import played, starting_now
from firmware_sim.live.shapes import CARRIES, LiveDevice, ShapeError, live_devices
from firmware_sim.live.wire import Parcel, Stage, Voices, parcels
from firmware_sim.scenarios.load import find_scenario
from firmware_sim.scenarios.schema import (
    BuildingKind,
    BuildingSpec,
    DeviceSpec,
    FaultKind,
    FaultSpec,
    IncidentKind,
    IncidentSpec,
    RawMotionSpec,
    Scenario,
    Shape,
)
from firmware_sim.world.track import QUANTITY_NAMES
from firmware_sim.world.world import World, make_world
from gateway.ble import uuids
from gateway.ble.frames import (
    StreamBlock,
    advertisement_frame,
    notification_frame,
    stream_frame,
)
from gateway.drivers import match_topic
from tests.gateway.mqtt.house import House

ALL = (Shape.OURS, Shape.ZIGBEE2MQTT, Shape.HOME_ASSISTANT)
HOME = find_scenario("quiet-night").model_copy(
    update={
        "building": BuildingSpec(kind=BuildingKind.HOMES, homes=1),
        "duration_h": 6.0,
        "incidents": (
            IncidentSpec(kind=IncidentKind.FALL, at_h=0.5, person=0, gets_up_share=0.0),
            IncidentSpec(kind=IncidentKind.SOS, at_h=0.1, person=0),
        ),
    }
)
HOME = HOME.model_copy(update={"people": HOME.people.model_copy(update={"wearable_share": 1.0})})


def falling() -> World:
    """The first seed whose person is up to fall."""
    worlds = (make_world(HOME, seed) for seed in range(50))
    return next(world for world in worlds if len(list(world.falls())) == 1)


BRIDGED = sorted(CARRIES[Shape.ZIGBEE2MQTT])
STAGE = Stage(0.0, 6 * 3600.0, lambda _: 7)


def with_shape(shape: Shape, **changes: object) -> Scenario:
    """Everything that can speak so does."""
    specs = {role: DeviceSpec(shape=shape) for role in BRIDGED}
    return HOME.model_copy(update={"devices": specs, **changes})


def devices_of(world: World) -> tuple[LiveDevice, ...]:
    return live_devices(world, ALL)


def sent(world: World, stage: Stage = STAGE) -> list[Parcel]:
    return list(parcels(world, Voices(world, devices_of(world), stage.boot_id_of), stage))


class Gateway:
    """The gateway's own router and drivers, with everything accepted."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.devices = devices_of(world)
        self.house = House(*(device.hub_id for device in self.devices))
        voices = Voices(world, self.devices, STAGE.boot_id_of)
        for _, message in voices.announce():
            self.hear(message.topic, message.payload, world.start_ns, retained=message.retain)

    def hear(
        self, topic: str, payload: bytes, at_ns: int, *, retained: bool = False
    ) -> list[Signal]:
        found: list[Signal] = []
        for frame in self.house.frames(topic, payload, retained=retained):
            device_id, driver = match_topic(frame.topic)
            found += driver(device_id, frame.payload, at_ns)
        return found

    def hear_all(self, told: list[Parcel]) -> list[list[Signal]]:
        return [
            self.hear(
                parcel.message.topic, parcel.message.payload,
                self.world.start_ns + round(parcel.at_s * NS_PER_S),
                retained=parcel.message.retain,
            )
            for parcel in told
        ]  # fmt: skip


def worlds_own(world: World) -> list[Reading]:
    ids = tuple(device.hub_id for device in devices_of(world))
    return list(world.track.readings(ids, world.start_ns))


@pytest.mark.parametrize("shape", ALL)
def test_every_reading_of_the_world_arrives_as_it_is(shape: Shape) -> None:
    world = make_world(with_shape(shape), 4)
    heard = Gateway(world).hear_all(sent(world))
    readings = [s for group in heard for s in group if isinstance(s, Reading)]
    assert {s.origin for group in heard for s in group} == {Origin.SIMULATED}
    roles = {device.hub_id: device for device in devices_of(world)}
    for wanted in worlds_own(world):
        # A bridge dates what it hears to the millisecond, and rounds nothing else.
        slack_ns = 0 if roles[wanted.device_id].has_clock else 1_000_000
        assert any(
            abs(one.time_ns - wanted.time_ns) <= slack_ns
            and (one.device_id, one.quantity) == (wanted.device_id, wanted.quantity)
            and one.value == pytest.approx(wanted.value, abs=1e-9)
            for one in by_quantity(readings).get((wanted.device_id, wanted.quantity), [])
        ) or is_call_let_go(wanted), wanted


def by_quantity(readings: list[Reading]) -> dict[tuple[str, str], list[Reading]]:
    if id(readings) not in _INDEX:
        _INDEX.clear()
        index: dict[tuple[str, str], list[Reading]] = {}
        for one in readings:
            index.setdefault((one.device_id, one.quantity), []).append(one)
        _INDEX[id(readings)] = index
    return _INDEX[id(readings)]


_INDEX: dict[int, dict[tuple[str, str], list[Reading]]] = {}


def is_call_let_go(wanted: Reading) -> bool:
    """A button that is let go is no news on a bridge."""
    return wanted.quantity == "sos" and wanted.value == 0.0


@pytest.mark.parametrize("shape", ALL)
def test_a_shape_adds_nothing_that_the_world_did_not_say(shape: Shape) -> None:
    world = make_world(with_shape(shape), 4)
    states: dict[tuple[str, str], float] = {}
    told = {(r.device_id, r.quantity) for r in worlds_own(world)}
    own = iter(sent(world))
    gateway = Gateway(world)
    for parcel in own:
        for signal in gateway.hear_all([parcel])[0]:
            if not isinstance(signal, Reading):
                continue
            assert (signal.device_id, signal.quantity) in told
            states[signal.device_id, signal.quantity] = signal.value
    last = {(r.device_id, r.quantity): r.value for r in worlds_own(world)}
    for key, value in states.items():
        if key[1] != "sos":
            assert value == pytest.approx(last[key]), key


def test_a_fall_arrives_block_by_block() -> None:
    world = falling()
    ((_, make),) = world.falls()
    heard = Gateway(world).hear_all(sent(world))
    blocks = [s for group in heard for s in group if isinstance(s, Waveform)]
    wanted = make()
    assert len(blocks) == len(wanted) > 100
    for one, other in zip(blocks, wanted, strict=True):
        assert (one.counts == other.counts).all()
        assert (one.start_ns, one.rate_hz, one.boot_id) == (other.start_ns, other.rate_hz, 7)
        assert one.scale == pytest.approx(other.scale)
        assert one.origin is Origin.SIMULATED
    assert [b.sequence_number - a.sequence_number for a, b in pairwise(blocks)] == [1] * (
        len(blocks) - 1
    )


def test_raw_bed_motion_arrives_block_by_block() -> None:
    spec = DeviceSpec(raw_motion=RawMotionSpec(rate_hz=50.0))
    scenario = HOME.model_copy(update={"devices": {SensorRole.BED: spec}, "incidents": ()})
    world = make_world(scenario, 5)
    stage = Stage(600.0, 1200.0, lambda _: 7)
    told = sent(world, stage)
    assert [p.at_s for p in told] == sorted(p.at_s for p in told)
    blocks = [s for g in Gateway(world).hear_all(told) for s in g if isinstance(s, Waveform)]
    (bed,) = world.raw_beds
    wanted = list(bed.blocks(600.0, 1200.0))
    assert len(blocks) == len(wanted) == 60
    for one, other in zip(blocks, wanted, strict=True):
        assert (one.quantity, one.counts.tobytes()) == ("bed_motion", other.counts.tobytes())
        assert (one.start_ns, one.rate_hz, one.scale) == (other.start_ns, 50.0, 1.0)
        assert (one.boot_id, one.sequence_number) == (7, other.sequence_number)
        assert one.origin is Origin.SIMULATED


def test_same_seed_and_moment_same_bytes_on_the_wire() -> None:
    def on_the_wire(seed: int, now_ns: int) -> list[tuple[float, str, str, bytes]]:
        world = make_world(starting_now(with_shape(Shape.ZIGBEE2MQTT), 0.0, now_ns), seed)
        return [(p.at_s, p.line, p.message.topic, p.message.payload) for p in sent(world)]

    now_ns = 1_790_000_000 * NS_PER_S
    first = on_the_wire(5, now_ns)
    assert first == on_the_wire(5, now_ns)
    assert first != on_the_wire(6, now_ns)
    assert first != on_the_wire(5, now_ns + 3600 * NS_PER_S)
    assert [p[0] for p in first] == sorted(p[0] for p in first)


def test_nothing_is_dated_after_it_was_sent() -> None:
    skew = FaultSpec(kind=FaultKind.CLOCK_SKEW, amount=0.0)
    world = make_world(HOME.model_copy(update={"faults": (skew,)}), 4)
    for parcel, group in zip(sent(world), Gateway(world).hear_all(sent(world)), strict=True):
        at_ns = world.start_ns + round(parcel.at_s * NS_PER_S)
        for signal in group:
            ends_ns = signal.end_ns if isinstance(signal, Waveform) else signal.time_ns
            assert ends_ns <= at_ns + NS_PER_S // 50


def test_bridged_devices_lose_what_a_cut_link_held_and_ours_keep_it() -> None:
    cut = FaultSpec(kind=FaultKind.LINK_CUT, from_h=1.0, until_h=3.0)
    world = make_world(with_shape(Shape.HOME_ASSISTANT, faults=(cut,)), 4)
    readings = [
        s for group in Gateway(world).hear_all(sent(world)) for s in group
        if isinstance(s, Reading) and s.quantity != "device_fault"
    ]  # fmt: skip
    bed = [r for r in readings if r.device_id.endswith("-bed") and r.quantity == "in_bed"]
    radar = [r for r in readings if r.device_id.endswith("-radar")]

    def during(ones: list[Reading]) -> int:
        since = [(r.time_ns - world.start_ns) / NS_PER_S for r in ones]
        return sum(3600.0 <= at < 3 * 3600.0 - 60.0 for at in since)

    assert during(bed) > 100
    assert during(radar) == 0
    last = [r for r in radar if r.time_ns >= world.start_ns + (3 * 3600 - 60) * NS_PER_S]
    assert last  # and the state it came back with


def test_a_bridge_says_that_a_device_is_gone_and_back() -> None:
    cut = FaultSpec(kind=FaultKind.POWER_CUT, from_h=1.0, until_h=3.0, roles=("radar",))
    for shape, after_s in ((Shape.HOME_ASSISTANT, 90.0), (Shape.ZIGBEE2MQTT, 600.0)):
        world = make_world(with_shape(shape, faults=(cut,)), 4)
        told = sent(world)
        faults = [
            (parcel.at_s, signal.value)
            for parcel, group in zip(told, Gateway(world).hear_all(told), strict=True)
            for signal in group
            if isinstance(signal, Reading) and signal.quantity == "device_fault"
        ]
        assert faults == [(3600.0 + after_s, 1.0), (3 * 3600.0, 0.0)]


def test_on_the_air_a_fall_a_heart_and_doors_are_read_by_the_bluetooth_drivers() -> None:
    world = falling()
    devices = on_air(devices_of(world), ("hci1", "hci2", "hci3"))
    aired = {air.AIR + d.adapter: d for d in devices if d.shape is Shape.BLUETOOTH}
    assert sorted(d.sensor.role.value for d in aired.values()) == [
        "motion", "outer_door", "wearable",
    ]  # fmt: skip
    told: dict[tuple[str, str], list[float]] = {}
    packets: list[bytes] = []
    for parcel in parcels(world, Voices(world, devices, STAGE.boot_id_of), STAGE):
        device = aired.get(parcel.line)
        if device is None:
            continue
        kind, payload = parcel.message.topic, parcel.message.payload
        if kind == air.INERTIAL:
            packets.append(payload)
            continue
        frame = (
            advertisement_frame("00:00:5E:00:53:01", "s", {uuids.BTHOME: payload})
            if kind == air.ADVERTISEMENT
            else notification_frame(payload, 0)
        )
        # An advertisement carries its mark itself, a connection has a service for it.
        family = "ble" if kind == air.ADVERTISEMENT else "ble-sim"
        _, driver = match_topic(f"{family}/v1/{device.hub_id}/{kind}")
        for signal in driver(device.hub_id, frame, world.start_ns):
            assert isinstance(signal, Reading)
            assert signal.origin is Origin.SIMULATED
            told.setdefault((signal.device_id, signal.quantity), []).append(signal.value)
    names = tuple(d.hub_id for d in devices)
    wanted: dict[tuple[str, str], list[float]] = {}
    number = {d.hub_id: d for d in aired.values()}
    for one in world.track.readings(names, world.start_ns):
        if one.device_id in number:
            wanted.setdefault((one.device_id, one.quantity), []).append(one.value)
    for (device_id, quantity), values in wanted.items():
        if quantity == "steps":
            continue
        heard = told[device_id, quantity]
        if quantity in ("heart_rate", "worn") or device_id.endswith("-band"):
            assert heard == pytest.approx(values, abs=0.51)
        else:  # a state is said again with every report of another
            assert heard[-1] == values[-1]
            assert set(heard) == set(values)
    ((_, make),) = world.falls()
    blocks = make()
    blocks = blocks[:50]  # a frame holds a minute at most
    body = b"".join(packets[: 50 * 50])
    stream = StreamBlock(body, 50.0, 16.0, 0.0, blocks[-1].end_ns, 0.0, 0, 1)
    _, driver = match_topic("ble-sim/v1/band/witmotion")
    acceleration = driver("band", stream_frame(stream), 0)[0]
    assert isinstance(acceleration, Waveform)
    assert acceleration.origin is Origin.SIMULATED
    meant = np.concatenate([b.counts * b.scale for b in blocks])
    assert np.abs(acceleration.counts * acceleration.scale - meant).max() < 16.0 / 32_768


def test_a_run_that_begins_in_the_middle_opens_with_the_states() -> None:
    world = make_world(HOME, 4)
    from_s = 3 * 3600.0
    told = sent(world, Stage(from_s, from_s + 600.0, lambda _: 1))
    opening = [p for p in told if p.at_s == from_s]
    beds = [r for g in Gateway(world).hear_all(opening) for r in g if isinstance(r, Reading)]
    state = {r.device_id: r.value for r in beds if r.quantity == "in_bed"}
    before = world.track.keep(world.track.sent_s < from_s)
    names = [QUANTITY_NAMES[q] for q in before.quantity.tolist()]
    (last,) = {
        number: value
        for number, name, value in zip(before.device, names, before.value, strict=True)
        if name == "in_bed"
    }.values()
    assert state == {"sim-00000-bed": last}
    assert all(from_s <= p.at_s < from_s + 600.0 for p in told)


def test_only_incidents_that_were_played_are_judged() -> None:
    world = falling()
    incidents = world.residents[0].incidents
    assert len(incidents) > 1
    judged = played(world, 0.0, incidents[0].from_s + 1.0)
    assert judged.residents[0].incidents == incidents[:1]
    assert judged.duration_s == pytest.approx(incidents[0].from_s + 1.0)
    assert judged.track.sent_s.max() < judged.duration_s


def test_a_mat_cannot_be_a_zigbee_device_and_the_field_is_named() -> None:
    specs = {SensorRole.BED: DeviceSpec(shape=Shape.ZIGBEE2MQTT)}
    world = make_world(HOME.model_copy(update={"devices": specs}), 1)
    with pytest.raises(ShapeError, match=r"devices\.bed\.shape"):
        live_devices(world, ALL)


def test_shapes_that_are_not_allowed_speak_ours_and_ids_are_nobodys() -> None:
    world = make_world(HOME, 1)
    assert {d.shape for d in live_devices(world, (Shape.OURS,))} == {Shape.OURS}
    zigbee = [d.hub_id for d in live_devices(world, ALL) if d.shape is Shape.ZIGBEE2MQTT]
    assert len(set(zigbee)) == len(zigbee) > 3
    assert all(int(name[2:4], 16) & 0b10 for name in zigbee)
    others = {d.hub_id for d in live_devices(world, ALL, prefix="b-")}
    assert others.isdisjoint(d.hub_id for d in live_devices(world, ALL))
