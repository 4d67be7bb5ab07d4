"""Meters and straps on the air: the gateway's own drivers read what the world measured."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.signals import NS_PER_S, Origin, Reading, Waveform
from edge.subject import SensorRole
from firmware_sim.buildings.plan import Meter
from firmware_sim.live import air, gatt_health, polar
from firmware_sim.live.shapes import LiveDevice, live_devices
from firmware_sim.live.wire import Parcel, Stage, Voices, line_of, parcels, senml
from firmware_sim.scenarios.load import find_scenario
from firmware_sim.scenarios.schema import (
    BuildingKind,
    BuildingSpec,
    FaultKind,
    FaultSpec,
    IncidentKind,
    IncidentSpec,
    PeopleSpec,
    Scenario,
    Shape,
)
from firmware_sim.transports.bluez import Characteristic
from firmware_sim.world.world import World, make_world
from gateway.ble import polar_control, record_access, uuids
from gateway.ble.frames import StreamBlock, notification_frame, stream_frame
from gateway.drivers import match_topic
from gateway.sources.ble.profiles import PROFILES

SHANGHAI_S = 8 * 3600
ZONE = timezone(timedelta(seconds=SHANGHAI_S))
AT = datetime(2026, 7, 24, 10, 15, 30, tzinfo=ZONE)
AT_NS = round(AT.timestamp()) * NS_PER_S
DATE = gatt_health.date_time(AT_NS + 7, ZONE)
HOMES = find_scenario("home-bed-alone").model_copy(
    update={
        "building": BuildingSpec(kind=BuildingKind.HOMES, homes=4),
        "people": PeopleSpec(
            level_shares=(0.0, 1.0, 0.0, 0.0, 0.0), wearable_share=1.0, spot_vitals_share=1.0
        ),
        "duration_h": 48.0,
        "incidents": (
            IncidentSpec(kind=IncidentKind.FALL, at_h=30.0, person=0, gets_up_share=0.0),
            IncidentSpec(kind=IncidentKind.FALL, at_h=31.0, person=1, gets_up_share=0.0),
        ),
    }
)

# Two of its four have diabetes, and both who should do fall.
SEED = 4


def decoded(kind: str, value: bytes, received_ns: int = AT_NS) -> dict[str, float]:
    _, driver = match_topic(f"ble-sim/v1/d/{kind}")
    signals = driver("d", notification_frame(value, SHANGHAI_S), received_ns)
    assert all(isinstance(s, Reading) and s.time_ns == AT_NS for s in signals)
    assert {s.origin for s in signals} == {Origin.SIMULATED}
    return {s.quantity: s.value for s in signals if isinstance(s, Reading)}


whole = st.integers(20, 250).map(float)
tenths = st.integers(200, 460).map(lambda n: n / 10)


@given(whole, whole, st.integers(25, 250).map(float))
def test_a_cuff_is_read_as_it_was_written(one: float, other: float, pulse: float) -> None:
    high, low = max(one, other), min(one, other)
    value = gatt_health.blood_pressure(high, low, pulse, DATE)
    assert decoded("blood_pressure", value, AT_NS + 30 * NS_PER_S) == {
        "systolic_pressure": high, "diastolic_pressure": low, "heart_rate": pulse,
    }  # fmt: skip


@given(tenths)
def test_a_thermometer_is_read_as_it_was_written(celsius: float) -> None:
    value = gatt_health.temperature(celsius, DATE)
    assert decoded("thermometer", value) == {"body_temperature": celsius}


@given(st.integers(50, 100).map(float), st.integers(25, 250).map(float))
def test_an_oximeter_is_read_as_it_was_written(spo2: float, pulse: float) -> None:
    value = gatt_health.oximeter_spot(spo2, pulse, DATE)
    assert decoded("oximeter_spot", value) == {"spo2": spo2, "heart_rate": pulse}


@given(st.integers(200, 3200).map(lambda n: n / 10))
def test_a_scale_is_read_as_it_was_written(kilograms: float) -> None:
    assert decoded("weight", gatt_health.weight(kilograms, DATE)) == {
        "body_weight": pytest.approx(kilograms, abs=1e-9)
    }


@given(st.integers(0, 2**16 - 1), st.integers(10, 350).map(lambda n: n / 10))
def test_a_glucose_record_is_read_as_it_was_written(number: int, mmol: float) -> None:
    value = gatt_health.glucose(number, mmol, DATE)
    assert record_access.sequence_number(value) == number
    assert decoded("glucose", value) == {"blood_glucose": pytest.approx(mmol, abs=1e-9)}


def test_bytes_as_the_specifications_have_them() -> None:
    date = "ea0707180a0f1e"  # 2026-07-24 10:15:30
    assert DATE.hex() == date
    pressure = gatt_health.blood_pressure(120.0, 81.0, 72.0, DATE)
    assert pressure.hex() == f"0678005100{'5e00'}{date}4800"  # mean 94
    assert gatt_health.temperature(36.6, DATE).hex() == f"066e0100ff{date}03"
    assert gatt_health.oximeter_spot(97.0, 66.0, DATE).hex() == f"0161004200{date}"
    assert gatt_health.weight(70.5, DATE).hex() == f"021437{date}"
    assert gatt_health.glucose(7, 5.5, DATE).hex() == f"060700{date}37c011"
    with pytest.raises(ValueError, match="medfloat16"):
        gatt_health.sfloat(3000.0, 0)


# -- the record access control point ---------------------------------------------------------------

RECORDS = {n: gatt_health.glucose(n, 5.0 + n / 10, DATE) for n in (3, 4, 9)}


class FakeRadio:
    """What was notified; everything is subscribed to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.hung_up = 0

    def notify(self, characteristic: Characteristic, value: bytes) -> None:
        self.told.append((characteristic.uuid, value))

    def hang_up(self) -> None:
        self.hung_up += 1


async def asked(*requests: bytes) -> list[tuple[str, str]]:
    """(record number or `answer`, its bytes) of a meter of RECORDS."""
    radio = FakeRadio()
    measured, access = Characteristic("m", ["notify"]), Characteristic("a", ["write", "indicate"])
    memory = gatt_health.GlucoseMemory(radio, measured, access)
    for record in RECORDS.values():
        memory.put(record)
    assert radio.hung_up == 3
    assert access.on_write is not None
    for request in requests:
        access.on_write(request)
        await asyncio.sleep(0.2)
    memory.close()
    return [
        (str(record_access.sequence_number(value)) if uuid == "m" else "answer", value.hex())
        for uuid, value in radio.told
    ]


@pytest.mark.parametrize(
    ("request_hex", "numbers", "answer"),
    [
        (record_access.report_records().hex(), ["3", "4", "9"], "06000101"),
        (record_access.report_records(4).hex(), ["4", "9"], "06000101"),
        (record_access.report_records(10).hex(), [], "06000106"),
        ("0105", ["3"], "06000101"),
        ("0106", ["9"], "06000101"),
        ("0401", [], "05000300"),
        ("0403010900", [], "05000100"),
        ("0403010a00", [], "05000000"),
        ("03", [], "06000301"),
        ("02", [], "06000202"),
        ("0102010400", [], "06000104"),
        ("01030204", [], "06000109"),
        ("010101", [], "06000105"),
        ("", [], "06000002"),
    ],
)
async def test_a_meter_gives_its_memory(request_hex: str, numbers: list[str], answer: str) -> None:
    told = await asked(bytes.fromhex(request_hex))
    assert [name for name, _ in told[:-1]] == numbers
    assert told[-1] == ("answer", answer)
    assert {value for _, value in told[:-1]} <= {record.hex() for record in RECORDS.values()}


@given(st.binary(max_size=8))
def test_no_request_is_too_odd_for_an_answer(request: bytes) -> None:
    found = gatt_health.chosen_records(request, RECORDS)
    assert found in range(1, 10) if isinstance(found, int) else set(found) <= RECORDS.keys()


def test_what_was_measured_alone_is_kept_and_given_one_by_one() -> None:
    radio, value = FakeRadio(), Characteristic("m", ["indicate"])
    kept = gatt_health.Kept(radio, value)

    async def live() -> None:
        assert value.on_subscribed is not None
        assert value.on_confirmed is not None
        kept.put(b"1")
        kept.put(b"2")
        assert radio.told == []
        value.subscribed.set()
        value.on_subscribed()
        value.subscribed.clear()  # gone before it could confirm
        kept.put(b"3")
        value.subscribed.set()
        value.on_subscribed()
        for _ in range(3):
            value.on_confirmed()
        kept.put(b"4")
        value.on_confirmed()
        value.on_confirmed()  # of nothing

    asyncio.run(live())
    assert [told for _, told in radio.told] == [b"1", b"1", b"2", b"3", b"4"]


# -- Polar -----------------------------------------------------------------------------------------


def test_the_gateway_gets_its_stream_from_the_control_point() -> None:
    control = polar.Control()
    _, status, offered = polar_control.parse_response(
        control.answer(polar_control.SETTINGS_REQUEST)
    )
    chosen = polar_control.choose(offered)
    assert (status, chosen.rate_hz, chosen.range_g) == (0, 50, 8)
    start = polar_control.start_request(chosen)
    assert not control.is_streaming
    assert control.answer(start).hex() == "f002020000"
    assert control.is_streaming
    assert control.answer(start).hex() == "f002020600"
    assert control.answer(bytes.fromhex("0302")).hex() == "f003020000"
    assert not control.is_streaming
    control.answer(start)
    control.begin()
    assert control.answer(start).hex() == "f002020000"


@pytest.mark.parametrize(
    ("request_hex", "answer"),
    [
        ("0902", "f009020100"),  # no such operation
        ("0100", "f001000200"),  # no electrocardiogram in it
        ("0202000134000101100002010800", "f002020500"),  # 52 Hz
        ("", "f000000100"),
    ],
)
def test_a_strap_says_why_not(request_hex: str, answer: str) -> None:
    assert polar.Control().answer(bytes.fromhex(request_hex)).hex() == answer


@given(st.binary(max_size=20))
def test_every_request_gets_an_answer_that_can_be_read(request: bytes) -> None:
    operation, status, _ = polar_control.parse_response(polar.Control().answer(request))
    assert operation == (request[0] if request else 0)
    assert 0 <= status <= 6


# -- a home on the air -----------------------------------------------------------------------------


def aired(scenario: Scenario, seed: int, n_adapters: int) -> tuple[World, tuple[LiveDevice, ...]]:
    world = make_world(scenario, seed)
    adapters = [f"hci{number}" for number in range(1, n_adapters + 1)]
    return world, air.on_air(live_devices(world, (Shape.OURS,)), adapters)


def test_one_of_each_kind_goes_first_and_wearables_take_turns() -> None:
    _, devices = aired(HOMES, SEED, 20)
    by_adapter = {d.adapter: d for d in devices if d.shape is Shape.BLUETOOTH}
    in_order = [by_adapter[f"hci{number}"] for number in range(1, 21)]
    kinds = [
        ("strap" if d.is_strap else "band")
        if d.sensor.role is SensorRole.WEARABLE
        else d.sensor.device_id.split("-", 2)[2].partition("-")[0]
        for d in in_order
    ]
    once = [
        "band", "motion", "outer", "cuff", "strap", "oximeter", "thermometer", "scale", "glucose",
    ]  # fmt: skip
    assert kinds == [*once, *once, "motion", "outer"]
    bands = [d.sensor.device_id for d in in_order if d.sensor.role is SensorRole.WEARABLE]
    assert bands == [f"sim-0000{number}-band" for number in range(4)]
    profiles = dict(zip(kinds, map(air.profiles_of, in_order), strict=True))
    assert profiles["motion"] == profiles["outer"] == ""
    assert profiles["strap"] == "heart_rate,battery,polar"
    assert profiles["glucose"] == "glucose,battery"
    named = {name for value in profiles.values() for name in value.split(",") if name}
    assert named <= PROFILES.keys()


def played(world: World, devices: tuple[LiveDevice, ...], boot_id: int = 1) -> list[Parcel]:
    stage = Stage(0.0, world.duration_s, lambda _: boot_id)
    return list(parcels(world, Voices(world, devices, stage.boot_id_of), stage))


def test_what_meters_measured_is_read_by_the_drivers_at_its_time() -> None:
    world, devices = aired(HOMES, SEED, 9)
    meters = {
        line_of(d): d
        for d in devices
        if d.shape is Shape.BLUETOOTH and d.sensor.role is SensorRole.SPOT_VITALS
    }
    assert {d.meter for d in meters.values()} == set(Meter)
    heard: list[tuple[str, str, int, float]] = []
    for parcel in played(world, devices):
        device = meters.get(parcel.line)
        if device is None:
            continue
        kind = parcel.message.topic
        if kind == air.MEASUREMENT:
            kind = gatt_health.PROFILES[device.meter].name
        _, driver = match_topic(f"ble-sim/v1/{device.hub_id}/{kind}")
        at_ns = world.start_ns + round(parcel.at_s * NS_PER_S)
        frame = notification_frame(parcel.message.payload, SHANGHAI_S)
        for signal in driver(device.hub_id, frame, at_ns):
            assert isinstance(signal, Reading)
            # A battery is as of now; their clocks show seconds.
            is_battery = signal.quantity == "battery_level"
            at = at_ns if is_battery else at_ns // NS_PER_S * NS_PER_S
            assert signal.time_ns == at
            heard.append((device.hub_id, signal.quantity, at, round(signal.value, 6)))
    ids = {d.hub_id for d in meters.values()}
    wanted = [
        (r.device_id, r.quantity, r.time_ns if r.quantity == "battery_level"
         else r.time_ns // NS_PER_S * NS_PER_S, r.value)
        for r in world.track.readings(tuple(d.hub_id for d in devices), world.start_ns)
        if r.device_id in ids
    ]  # fmt: skip
    assert len(wanted) > 30
    assert sorted(heard) == sorted(wanted)


@pytest.mark.parametrize("meter", Meter)
def test_a_found_meter_would_be_connected_for_what_it_has(meter: Meter) -> None:
    service, _ = gatt_health.meter_service(meter)
    assert service.is_advertised
    found = uuids.SERVICE_PROFILES[service.uuid].split(",")
    assert gatt_health.PROFILES[meter].name in found
    assert PROFILES[gatt_health.PROFILES[meter].name].characteristic in {
        characteristic.uuid for characteristic in service.characteristics
    }


def test_a_measurement_without_a_part_is_none() -> None:
    assert gatt_health.measurement(Meter.CUFF, {"systolic_pressure": 120.0}, DATE, 0) is None
    assert gatt_health.measurement(Meter.GLUCOSE, {"battery_level": 9.0}, DATE, 0) is None


def test_records_go_on_counting_from_run_to_run() -> None:
    world, devices = aired(HOMES, SEED, 9)
    (meter,) = (
        d for d in devices if d.shape is Shape.BLUETOOTH and d.sensor.device_id.endswith("glucose")
    )

    def numbers(boot_id: int) -> list[int | None]:
        return [
            record_access.sequence_number(p.message.payload)
            for p in played(world, devices, boot_id)
            if p.line == line_of(meter) and p.message.topic == air.MEASUREMENT
        ]

    first, second = numbers(1), numbers(2)
    assert first == list(range(64, 64 + len(first)))
    assert second == list(range(128, 128 + len(first)))
    assert len(first) > 1


def test_a_meter_keeps_what_a_cut_link_held() -> None:
    cut = FaultSpec(kind=FaultKind.LINK_CUT, from_h=0.0, until_h=47.0)
    world, devices = aired(HOMES.model_copy(update={"faults": (cut,)}), SEED, 9)
    lines = {line_of(d) for d in devices if d.has_clock and d.shape is Shape.BLUETOOTH}
    assert len(lines) == 5
    told = [p for p in played(world, devices) if p.line in lines]
    cuffs = [p for p in told if p.message.topic == air.MEASUREMENT]
    assert len(cuffs) > 3


def test_a_straps_fall_is_the_worlds_fall() -> None:
    world, devices = aired(HOMES, SEED, 9)
    strap = next(d for d in devices if d.is_strap)
    assert strap.sensor.device_id == "sim-00001-band"
    frames = [p for p in played(world, devices) if p.line == line_of(strap)]
    rates = [p for p in frames if p.message.topic == air.HEART_RATE]
    frames = [p for p in frames if p.message.topic == polar.POLAR]
    assert rates
    (blocks,) = (
        blocks
        for _, make in world.falls()
        for blocks in [make()]
        if blocks[0].device_id == strap.sensor.device_id
    )
    assert len(frames) == 2 * len(blocks)
    _, driver = match_topic("ble-sim/v1/strap/polar")
    for number, parcel in enumerate(frames):
        body = parcel.message.payload
        sent_ns = world.start_ns + round(parcel.at_s * NS_PER_S)
        device_ns = int.from_bytes(body[1:9], "little")
        in_utc = datetime(2000, 1, 1, tzinfo=UTC).timestamp() * 1e9 + device_ns
        assert in_utc == pytest.approx(sent_ns, abs=2000)
        stream = StreamBlock(body, 50.0, 8.0, 1.0, sent_ns, 0.0, number, 1)
        (block,) = driver("strap", stream_frame(stream), 0)
        assert isinstance(block, Waveform)
        assert block.origin is Origin.SIMULATED
        world_block = blocks[number // 2]
        meant = world_block.values()[25 * (number % 2) :][:25]
        assert np.abs(block.values() - meant).max() <= 0.5e-3 + 1e-9
        assert block.start_ns == pytest.approx(
            world_block.start_ns + (number % 2) * NS_PER_S / 2, abs=2000
        )


def test_a_meter_of_ours_says_what_it_measured_in_senml() -> None:
    world = make_world(HOMES, SEED)
    devices = live_devices(world, tuple(Shape))
    cuff = next(d for d in devices if d.sensor.device_id.endswith("cuff"))
    assert cuff.shape is Shape.OURS
    said = [p.message for p in played(world, devices) if p.line == line_of(cuff)]
    assert said[0].topic == f"yuyue/v1/{cuff.hub_id}/senml"
    for quantity in ("systolic_pressure", "diastolic_pressure", "heart_rate", "battery_level"):
        assert f'"{quantity}"'.encode() in said[0].payload
    assert b"mmHg" in senml({"systolic_pressure": (AT_NS, 120.0)})
