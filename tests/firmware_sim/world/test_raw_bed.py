"""Beds that send raw motion: only where asked, nothing else changed, one truth with the minutes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from edge.events import EventKind
from edge.signals import NS_PER_S, FloatArray, Origin, Waveform
from edge.subject import SensorRole
from firmware_sim.people.persona import VITALS, stream
from firmware_sim.scenarios.load import find_scenario
from firmware_sim.scenarios.schema import (
    BuildingSpec,
    DeviceSpec,
    FaultKind,
    FaultSpec,
    IncidentKind,
    IncidentSpec,
    RawMotionSpec,
    Scenario,
)
from firmware_sim.world.offline import derived, listen
from firmware_sim.world.scorecard import score
from firmware_sim.world.track import QUANTITY_CODE, Track
from firmware_sim.world.world import World, make_world

PLAIN = find_scenario("quiet-night").model_copy(
    update={
        "building": BuildingSpec(units=1, rooms_per_unit=3),
        "duration_h": 3.0,
        "incidents": (
            IncidentSpec(kind=IncidentKind.APNOEA, at_h=0.5, person=0, central_share=0.5),
        ),
    }
)


def raw(share: float = 1.0, rate_hz: float = 50.0, **more: object) -> Scenario:
    spec = DeviceSpec(raw_motion=RawMotionSpec(share=share, rate_hz=rate_hz))
    return PLAIN.model_copy(update={"devices": {SensorRole.BED: spec}, **more})


def values(track: Track, quantity: str) -> tuple[FloatArray, FloatArray]:
    rows = track.quantity == QUANTITY_CODE[quantity]
    return track.time_s[rows], track.value[rows]


def bytes_of(blocks: Iterable[Waveform]) -> bytes:
    return b"".join(block.counts.tobytes() for block in blocks)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(raw(), 3)


def test_same_seed_same_blocks_from_wherever_one_begins(world: World) -> None:
    again, other = make_world(raw(), 3), make_world(raw(), 4)
    ours, theirs = (list(w.raw_beds[0].blocks(0.0, 900.0)) for w in (world, again))
    assert bytes_of(ours) == bytes_of(theirs)
    assert bytes_of(ours) != bytes_of(other.raw_beds[0].blocks(0.0, 900.0))
    later = list(again.raw_beds[0].blocks(600.0, 900.0))
    assert [b.sequence_number for b in later] == list(range(60, 90))
    assert bytes_of(later) == bytes_of(ours[60:])
    assert world.truth_bytes() == again.truth_bytes()


def test_blocks_follow_each_other_and_are_marked(world: World) -> None:
    bed = world.raw_beds[1]
    blocks = list(bed.blocks(0.0, 120.0))
    assert len(blocks) == 12
    assert blocks[0].start_ns == world.start_ns
    for one, then in pairwise(blocks):
        assert then.start_ns == one.end_ns
        assert then.sequence_number == one.sequence_number + 1
    assert {b.origin for b in blocks} == {Origin.SIMULATED}
    assert {(b.quantity, b.rate_hz, b.counts.shape) for b in blocks} == {
        ("bed_motion", 50.0, (500, 1))
    }


def test_the_bed_says_nothing_else_and_everybody_else_what_they_said(world: World) -> None:
    plain = make_world(PLAIN, 3)
    beds = [k for k, sensor in enumerate(world.sensors) if sensor.role is SensorRole.BED]
    assert not np.isin(world.track.device, beds).any()
    others = plain.track.keep(~np.isin(plain.track.device, beds))
    assert others.to_bytes() == world.track.to_bytes()
    mine = [row for row in world.truth() if row["kind"] != "breathing_pause"]
    assert mine == plain.truth()
    assert plain.raw_beds == ()


def test_a_share_of_the_beds() -> None:
    many = BuildingSpec(units=1, rooms_per_unit=40)
    half = make_world(raw(0.5, duration_h=0.5, building=many), 1)
    assert 10 < len(half.raw_beds) < 30
    assert make_world(raw(0.0, duration_h=0.5), 1).raw_beds == ()
    told = {world_id for bed in half.raw_beds for world_id in [bed.device_id]}
    quiet = {half.device_ids[k] for k in np.unique(half.track.device).tolist()}
    assert not told & quiet


@pytest.mark.parametrize("number", [0, 1])
def test_the_minutes_tell_the_same_truth_as_the_beats(world: World, number: int) -> None:
    bed, vitals = world.raw_beds[number], world.raw_beds[number].vitals
    rng = stream(3, number, VITALS)
    lying = [one for one in bed.life.in_bed if not one.sits]
    times = np.concatenate([np.arange(s.from_s + 60, s.until_s, 60.0) for s in lying])
    heart, breath = vitals.at(times, rng)
    beats = [bed.life.beats.counted(t - 60.0, t) for t in times.tolist()]
    breaths = [bed.life.breaths.counted(t - 60.0, t) for t in times.tolist()]
    assert np.mean(beats) == pytest.approx(np.mean(heart), rel=0.03)
    # a pause takes breaths away in both, by chance in one, one by one in the other
    assert np.mean(breaths) == pytest.approx(np.mean(breath), rel=0.08)


def test_pauses_are_in_the_truth_and_in_their_stretch(world: World) -> None:
    (apnoea,) = (row for row in world.truth() if row["kind"] == "apnoea")
    assert apnoea["central_share"] == 0.5
    rows = [
        row
        for row in world.truth()
        if row["kind"] == "breathing_pause" and row["elder"] == apnoea["elder"]
    ]
    from_ns, until_ns = (int(str(apnoea[name])) for name in ("from_ns", "until_ns"))
    inside = [row for row in rows if from_ns <= int(str(row["from_ns"])) < until_ns]
    assert len(inside) > 0.7 * len(rows)
    assert 25 < len(inside) / 2.0 < 55  # an hour
    assert {row["effort"] for row in inside} == {"central", "obstructive"}


def test_who_sleeps_through_an_apnoea_presses_nothing() -> None:
    spec = IncidentSpec(kind=IncidentKind.APNOEA, at_h=0.5, person=0, presses_button_share=1.0)
    for seed in range(4):
        world = make_world(raw(incidents=(spec,)), seed)
        assert [i.presses_button_s for i in world.residents[0].incidents] == [None]


def test_the_hub_hears_breath_and_heart_and_who_lies_there(world: World) -> None:
    bed = world.raw_beds[1]  # nothing happens to this one
    said = derived(bed, 0)
    lying = [one for one in bed.life.in_bed if not one.sits]

    def asleep(times_s: FloatArray) -> npt.NDArray[np.bool_]:
        spans = [(times_s > s.from_s + 90) & (times_s < s.until_s) for s in lying]
        return np.asarray(np.any(spans, axis=0), dtype=np.bool_)

    for quantity, kept, limit in (
        ("respiration_rate", bed.life.breaths, 2.0), ("heart_rate", bed.life.beats, 5.0),
    ):  # fmt: skip
        times, told = values(said, quantity)
        inside = asleep(times)
        counted = np.array([kept.counted(t - 60.0, t) for t in times[inside].tolist()])
        assert inside.sum() > 100, quantity
        assert np.median(np.abs(told[inside] - counted)) < limit, quantity
    times, told = values(said, "in_bed")
    assert told[asleep(times)].mean() > 0.98
    heard = listen(world)
    assert any(one.event.kind is EventKind.COVERAGE_PROTECTED for one in heard)
    rows = {row.kind: row for row in score(world, heard).rows}
    assert rows["apnoea"].happened == 1


def test_what_mutes_a_device_mutes_its_motion_and_the_numbers_run_on() -> None:
    cut = FaultSpec(kind=FaultKind.LINK_CUT, from_h=0.1, until_h=0.2, roles=(SensorRole.BED,))
    world = make_world(raw(faults=(cut,)), 3)
    numbers = [b.sequence_number for b in world.raw_beds[0].blocks(0.0, 1800.0)]
    assert set(range(180)) - set(numbers) == set(range(36, 72))
    broken = FaultSpec(kind=FaultKind.BROKEN, from_h=0.1, roles=(SensorRole.BED,))
    world = make_world(raw(faults=(broken,)), 3)
    assert len(list(world.raw_beds[0].blocks())) == 36


def test_a_stuck_bed_says_the_same_for_ever() -> None:
    stuck = FaultSpec(kind=FaultKind.STUCK, from_h=0.1, roles=(SensorRole.BED,))
    world = make_world(raw(faults=(stuck,)), 3)
    blocks = list(world.raw_beds[0].blocks(0.0, 1000.0))
    assert len(blocks) == 100
    assert {b.counts.tobytes() for b in blocks[36:]} == {blocks[35].counts.tobytes()}
    assert blocks[-1].start_ns == world.start_ns + 990 * NS_PER_S


def test_only_beds_have_raw_motion() -> None:
    with pytest.raises(ValidationError, match=r"devices\.radar\.raw_motion"):
        Scenario.model_validate(
            {**PLAIN.model_dump(), "devices": {"radar": {"raw_motion": {"share": 1.0}}}}
        )
    with pytest.raises(ValidationError, match="rate_hz"):
        RawMotionSpec(rate_hz=2.0)


def test_the_apnoea_night_is_what_its_story_says() -> None:
    night = find_scenario("apnoea-night")
    world = make_world(night, 1)
    assert len(world.raw_beds) == night.building.people
    central, obstructive = (world.residents[k].incidents[0] for k in (0, 2))
    assert (central.kind, central.central_share) == (IncidentKind.APNOEA, 1.0)
    assert (obstructive.kind, obstructive.central_share) == (IncidentKind.APNOEA, 0.0)
