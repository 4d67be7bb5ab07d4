"""Worlds: the same seed gives the same bytes; days are whole; devices behave like real ones."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.signals import Origin
from edge.subject import SensorRole
from firmware_sim.people.routine import Doing
from firmware_sim.scenarios.load import ScenarioError, find_scenario, gallery, read_scenario
from firmware_sim.scenarios.schema import (
    BuildingKind,
    BuildingSpec,
    FaultKind,
    FaultSpec,
    IncidentKind,
    IncidentSpec,
    Scenario,
)
from firmware_sim.world.track import QUANTITY_CODE
from firmware_sim.world.world import World, make_world

SMALL = find_scenario("quiet-night").model_copy(
    update={"building": BuildingSpec(units=1, rooms_per_unit=4), "duration_h": 12.0}
)


def scenario(**changes: object) -> Scenario:
    return SMALL.model_copy(update=changes)


def values(world: World, role: SensorRole, quantity: str) -> list[tuple[float, float]]:
    numbers = [k for k, sensor in enumerate(world.sensors) if sensor.role is role]
    track = world.track
    mask = np.isin(track.device, numbers) & (track.quantity == QUANTITY_CODE[quantity])
    return sorted(zip(track.time_s[mask].tolist(), track.value[mask].tolist(), strict=True))


@pytest.mark.parametrize("name", ["busy-night", "power-cut"])
def test_same_seed_same_bytes(name: str) -> None:
    first, again = (make_world(find_scenario(name), 5) for _ in range(2))
    other = make_world(find_scenario(name), 6)
    assert first.truth_bytes() == again.truth_bytes()
    assert first.track.to_bytes() == again.track.to_bytes()
    assert first.track.to_bytes() != other.track.to_bytes()
    ours, theirs = ([make()[12].counts.tobytes() for _, make in w.falls()] for w in (first, again))
    assert ours == theirs


def test_the_gallery_says_what_it_is_in_both_languages() -> None:
    scenarios = gallery()
    assert {
        "quiet-night", "busy-night", "power-cut", "flu-wave", "heat", "one-carer-short",
        "home-bed-alone", "hundred-home-beds",
    } <= set(scenarios)  # fmt: skip
    for each in scenarios.values():
        assert each.story_zh
        assert each.story_en


kinds = st.lists(
    st.builds(
        IncidentSpec, kind=st.sampled_from(list(IncidentKind)), per_person_day=st.floats(0.1, 6.0)
    ),
    max_size=4,
)
buildings = st.sampled_from(
    [
        BuildingSpec(units=1, rooms_per_unit=2),
        BuildingSpec(units=1, rooms_per_unit=1, beds_per_room=2),
        BuildingSpec(kind=BuildingKind.HOMES, homes=2),
    ]
)


@settings(max_examples=25, deadline=None)
@given(kinds, buildings, st.integers(0, 1000), st.floats(1.0, 80.0))
def test_days_have_no_holes_and_incidents_are_in_them(
    incidents: list[IncidentSpec], building: BuildingSpec, seed: int, hours: float
) -> None:
    world = make_world(
        scenario(incidents=tuple(incidents), building=building, duration_h=hours), seed
    )
    for resident in world.residents:
        days = resident.days
        assert days[0].from_s == 0.0
        assert days[-1].until_s == pytest.approx(world.duration_s)
        for before, after in pairwise(days):
            assert before.until_s == pytest.approx(after.from_s)
            assert before.until_s > before.from_s
        for incident in resident.incidents:
            assert 0.0 <= incident.from_s < incident.until_s <= world.duration_s + 1e-6 or (
                incident.kind in (IncidentKind.FEVER, IncidentKind.SOS)
            )
    assert (world.track.time_s >= 0).all()
    assert (world.track.time_s < world.duration_s).all()


def test_everything_is_marked_simulated() -> None:
    world = make_world(scenario(), 1)
    few = world.track.keep(np.arange(50))
    assert {r.origin for r in few.readings(world.device_ids, world.start_ns)} == {Origin.SIMULATED}


def test_a_radar_says_empty_late_and_occupied_at_once() -> None:
    world = make_world(scenario(building=BuildingSpec(units=1, rooms_per_unit=1)), 3)
    (resident,) = world.residents
    visits = [s for s in resident.days if s.room == "bathroom"]
    told = values(world, SensorRole.RADAR, "presence")
    changes = [told[0]] + [b for a, b in pairwise(told) if a[1] != b[1]]
    entered = [at for at, value in changes if value == 1.0]
    left = [at for at, value in changes if value == 0.0 and at > entered[0]]
    assert len(visits) >= len(entered) > 0
    assert min(at - visits[0].from_s for at in entered) <= 1.0
    for at in left:
        after = [at - visit.until_s for visit in visits if visit.until_s <= at]
        assert 60.0 <= min(after) <= 95.0


def test_the_bed_tells_who_lies_in_it() -> None:
    world = make_world(scenario(building=BuildingSpec(units=1, rooms_per_unit=1)), 3)
    told = values(world, SensorRole.BED, "in_bed")
    times = np.array([at for at, _ in told])
    for stretch in world.residents[0].days:
        middle = (stretch.from_s + stretch.until_s) / 2
        if stretch.until_s - stretch.from_s < 120 or stretch.doing is Doing.EDGE:
            continue
        state = told[int(np.searchsorted(times, middle)) - 1][1]
        assert bool(state) is stretch.in_bed


def test_a_broken_device_says_nothing_more_and_is_in_the_truth() -> None:
    broken = FaultSpec(kind=FaultKind.BROKEN, from_h=2.0, roles=("bed",))
    world = make_world(scenario(faults=(broken,)), 1)
    beds = [k for k, sensor in enumerate(world.sensors) if sensor.role is SensorRole.BED]
    of_beds = world.track.keep(np.isin(world.track.device, beds))
    assert of_beds.sent_s.max() < 2 * 3600.0
    rows = [row for row in world.truth() if row["kind"] == "device_broken"]
    assert {row["device"] for row in rows} == {world.device_ids[k] for k in beds}


def test_a_cut_link_delays_and_loses_nothing() -> None:
    plain = make_world(scenario(), 1)
    cut = FaultSpec(kind=FaultKind.LINK_CUT, from_h=1.0, until_h=2.0)
    late = make_world(scenario(faults=(cut,)), 1)
    assert len(late.track) == len(plain.track)
    during = (late.track.time_s >= 3600) & (late.track.time_s < 7200)
    assert (late.track.sent_s[during] >= 7190).all()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('key = "No Good"', "key"),
        ("duration_h = -1", "duration_h"),
        ('starts_at = "2026-03-02T20:00:00"', "needs its offset"),
        ("colour = 3", "colour"),
    ],
)
def test_a_bad_file_names_the_field(tmp_path: Path, line: str, problem: str) -> None:
    fields = {
        "key": 'key = "my-night"',
        "duration_h": "duration_h = 12",
        "starts_at": 'starts_at = "2026-03-02T20:00:00+08:00"',
    }
    fields[line.partition(" ")[0]] = line
    path = tmp_path / "mine.toml"
    texts = "".join(f'{name} = "x"\n' for name in ("title_zh", "title_en", "story_zh", "story_en"))
    path.write_text(
        "schema_version = 1\n" + texts + "\n".join(fields.values()) + "\n[building]\nunits = 1\n"
    )
    with pytest.raises(ScenarioError, match=problem):
        read_scenario(path)
    with pytest.raises(ScenarioError, match="there is no scenario 'mine'"):
        find_scenario("mine")
