"""Home health kits: who has one, when it is used, and values that follow what happens."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.signals import FloatArray
from edge.subject import SensorRole
from edge.vitals.bands import BANDS
from firmware_sim.buildings.plan import Meter, meter_of
from firmware_sim.scenarios.load import find_scenario
from firmware_sim.scenarios.schema import (
    BuildingKind,
    BuildingSpec,
    DeclineKind,
    IncidentKind,
    IncidentSpec,
    PeopleSpec,
    Scenario,
)
from firmware_sim.world.track import QUANTITY_CODE, Track
from firmware_sim.world.world import World, make_world

FEVER = IncidentSpec(kind=IncidentKind.FEVER, at_h=40.0, person=0)


def scenario(
    share: float = 1.0, homes: int = 30, hours: float = 96.0, **people: object
) -> Scenario:
    return find_scenario("hundred-home-beds").model_copy(
        update={
            "building": BuildingSpec(kind=BuildingKind.HOMES, homes=homes),
            "people": PeopleSpec.model_validate({"spot_vitals_share": share, **people}),
            "incidents": (FEVER,),
            "faults": (),
            "duration_h": hours,
        }
    )


@cache
def homes() -> World:
    return make_world(scenario(), 3)


def of_meters(world: World) -> Track:
    numbers = [k for k, s in enumerate(world.sensors) if s.role is SensorRole.SPOT_VITALS]
    return world.track.keep(np.isin(world.track.device, numbers))


def values(track: Track, quantity: str) -> FloatArray:
    told: FloatArray = track.value[track.quantity == QUANTITY_CODE[quantity]]
    return told


def others(world: World) -> list[tuple[str, float, int, float]]:
    """What all other devices say, in an order of its own: ties stand as devices are numbered."""
    track = world.track
    rows = zip(
        track.device.tolist(), track.time_s.tolist(), track.quantity.tolist(),
        track.value.tolist(), strict=True,
    )  # fmt: skip
    return sorted(
        (world.device_ids[device], time_s, quantity, value)
        for device, time_s, quantity, value in rows
        if world.sensors[device].role is not SensorRole.SPOT_VITALS
    )


def test_without_a_kit_nothing_changes_and_with_one_nothing_else_does() -> None:
    without, some = make_world(scenario(0.0), 3), make_world(scenario(0.5), 3)
    assert all(resident.health is None for resident in without.residents)
    assert without.truth_bytes() == homes().truth_bytes() == some.truth_bytes()
    assert others(without) == others(some) == others(homes())
    # A share takes kits from people, and leaves the others theirs.
    for one, all_have in zip(some.residents, homes().residents, strict=True):
        assert one.health in (None, all_have.health)
    assert 5 < sum(resident.health is not None for resident in some.residents) < 25


def test_who_cannot_stand_has_no_scale_and_only_diabetics_a_glucose_meter() -> None:
    for resident in homes().residents:
        assert resident.health is not None
        kit = {
            meter_of(sensor)
            for sensor in resident.dwelling.sensors
            if sensor.role is SensorRole.SPOT_VITALS
        }
        assert kit >= {Meter.CUFF, Meter.THERMOMETER, Meter.OXIMETER}
        assert (Meter.GLUCOSE in kit) is resident.health.diabetes
        assert (Meter.SCALE in kit) is (resident.persona.level < 4)
    assert 8 < sum(r.health.hypertension for r in homes().residents if r.health) < 26


def test_people_measure_in_the_morning_and_before_bed_and_forget() -> None:
    world = homes()
    kit = of_meters(world)
    measured = kit.keep(kit.quantity == QUANTITY_CODE["systolic_pressure"])
    fevers = {r.key for r in world.residents if r.incidents}
    hours: list[float] = []
    for device, time_s in zip(measured.device.tolist(), measured.time_s.tolist(), strict=True):
        resident = world.resident_of_device[world.device_ids[device]]
        stretch = next(s for s in resident.days if s.from_s <= time_s < s.until_s)
        assert not stretch.outside
        if resident.key not in fevers:
            hours.append((world.scenario.starts_at.hour + time_s / 3600.0) % 24)
    assert all(4 <= hour < 13 or 17.5 <= hour < 24 for hour in hours)
    morning = sum(hour < 13 for hour in hours)
    assert morning > 0.4 * len(hours)
    # 30 people, four evenings and mornings: not everybody every time.
    assert 30 < len(hours) < 0.95 * 30 * 8


def test_values_are_of_living_people_and_mostly_within_their_bands() -> None:
    kit = of_meters(homes())
    for quantity, band in BANDS.items():
        told = values(kit, quantity)
        if quantity == "respiration_rate":  # no meter of a kit has it
            assert len(told) == 0
            continue
        assert all(band.plausible(value) for value in told.tolist()), quantity
        assert np.mean([band.outside_critical(value) for value in told.tolist()]) < 0.05, quantity
    systolic, diastolic = (values(kit, f"{name}_pressure") for name in ("systolic", "diastolic"))
    assert (systolic - diastolic >= 19.0).all()
    weights = {
        device: kit.value[(kit.quantity == QUANTITY_CODE["body_weight"]) & (kit.device == device)]
        for device in set(kit.device.tolist())
    }
    assert max(np.ptp(told) for told in weights.values() if len(told)) < 3.0


def test_a_fever_is_measured_and_seen() -> None:
    """Taken when it is felt; the same person without it is not hot."""
    world = make_world(scenario(homes=1), 3)
    kit = of_meters(world)
    (fever,) = world.residents[0].incidents
    during = (kit.time_s > fever.from_s) & (kit.time_s < fever.until_s)
    hot = values(kit.keep(during), "body_temperature")
    assert len(hot) >= 1
    assert hot.max() > 37.8
    assert values(kit.keep(~during), "body_temperature").max(initial=0.0) < 37.8


def test_a_weak_heart_shows_in_weight_and_oxygen() -> None:
    weeks = scenario(
        homes=1, hours=24 * 70.0, decline_per_week=0.06, declining_share=1.0,
        decline_kinds=(DeclineKind.BREATH,), level_shares=(1.0, 0.0, 0.0, 0.0, 0.0),
    )  # fmt: skip
    kit = of_meters(make_world(weeks.model_copy(update={"incidents": ()}), 8))
    early, late = kit.time_s < 14 * 86_400.0, kit.time_s > 56 * 86_400.0
    change = {
        quantity: values(kit.keep(late), quantity).mean() - values(kit.keep(early), quantity).mean()
        for quantity in ("body_weight", "spo2", "heart_rate")
    }
    assert change["body_weight"] > 1.0
    assert change["spo2"] < -1.5
    assert change["heart_rate"] > 4.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(2.0, 60.0), st.integers(0, 23))
def test_nothing_is_measured_outside_the_scenario(seed: int, hours: float, start: int) -> None:
    made = scenario(homes=2, hours=hours)
    made = made.model_copy(
        update={"incidents": (), "starts_at": made.starts_at.replace(hour=start)}
    )
    kit = of_meters(make_world(made, seed))
    assert ((kit.time_s >= 0.0) & (kit.time_s < hours * 3600.0)).all()
    assert (kit.sent_s == kit.time_s).all()
    assert np.isfinite(kit.value).all()


@pytest.mark.parametrize("name", ["home-bed-alone", "hundred-home-beds"])
def test_homes_of_the_gallery_have_kits(name: str) -> None:
    made = find_scenario(name)
    short = made.model_copy(update={"duration_h": 26.0, "incidents": (), "faults": ()})
    assert len(of_meters(make_world(short, 1))) > 0
