"""Scorecard, staff and what-if: what was found is counted right, and more carers come sooner."""

from __future__ import annotations

import numpy as np
import pytest

from edge.events import DetectorInfo, Event, EventKind
from edge.signals import NS_PER_S, Origin
from firmware_sim.scenarios.load import find_scenario
from firmware_sim.scenarios.schema import BuildingSpec, IncidentKind, IncidentSpec, StaffSpec
from firmware_sim.world.offline import Heard, feel
from firmware_sim.world.scorecard import Row, Scorecard, score
from firmware_sim.world.staff import Call, Urgency, carers_at, respond
from firmware_sim.world.what_if import what_if
from firmware_sim.world.world import World, make_world

STAFF = StaffSpec(round_s_per_bed=40.0)
SMALL = find_scenario("quiet-night").model_copy(
    update={"building": BuildingSpec(units=1, rooms_per_unit=3), "duration_h": 14.0}
)


def a_world(*incidents: IncidentSpec) -> World:
    return make_world(SMALL.model_copy(update={"incidents": incidents}), 1)


def an_event(world: World, kind: EventKind, at_s: float, episode: str = "e1") -> Heard:
    at_ns = world.start_ns + round(at_s * NS_PER_S)
    event = Event(
        event_id=f"{episode}-{kind}", episode_id=episode, kind=kind, device_id="sim-x",
        time_ns=at_ns, decided_ns=at_ns, confidence=1.0, reasons=(), evidence=(),
        detector=DetectorInfo("test", "1", {}), origin=Origin.SIMULATED,
    )  # fmt: skip
    return Heard(world.residents[0].key, event)


def test_found_missed_and_false_are_told_apart() -> None:
    fall = IncidentSpec(kind=IncidentKind.FALL, at_h=11.0, person=0, gets_up_share=0.0)
    world = a_world(fall)
    (incident,) = world.residents[0].incidents
    nothing = score(world, [])
    assert [(row.kind, row.happened, row.missed) for row in nothing.rows] == [("fall", 1, 1)]
    found = score(
        world,
        [
            an_event(world, EventKind.BED_EXIT_NO_RETURN, 600.0, "early"),
            an_event(world, EventKind.FALL_SUSPECTED, incident.from_s + 3.0),
            an_event(world, EventKind.FALL_CONFIRMED, incident.from_s + 20.0),
            an_event(world, EventKind.DEVICE_OFFLINE, 700.0, "technical"),
        ],
    )
    assert [(row.found, row.delay_s(50)) for row in found.rows] == [(1, pytest.approx(3.0))]
    assert found.false_alerts == {"bed_exit_no_return": 1}
    assert found.technical_alerts == {"device_offline": 1}


def test_made_up_falls_are_found_by_the_real_detector_in_seconds() -> None:
    people = SMALL.people.model_copy(
        update={"wearable_share": 1.0, "level_shares": (0.5, 0.5, 0.0, 0.0, 0.0)}
    )
    falls = (IncidentSpec(kind=IncidentKind.FALL, per_person_day=3.0, gets_up_share=0.0),)
    world = make_world(SMALL.model_copy(update={"people": people, "incidents": falls}), 2)
    (row,) = score(world, feel(world)).rows
    # Not every made-up fall at a wrist is felt (the model card says how many real ones are).
    assert row.happened >= 4
    assert row.found >= 0.7 * row.happened
    assert (row.delay_s(95) or 0.0) < 4.0


def calls(count: int, seed: int = 1) -> list[Call]:
    rng = np.random.default_rng(seed)
    return [Call(float(at), Urgency.HIGH, real=True) for at in rng.uniform(0, 30_000, count)]


def test_every_call_is_answered_once_and_the_same_every_time() -> None:
    one, again = (
        respond(calls(40), STAFF, carers=2, beds=60, duration_s=43_200, seed=3) for _ in range(2)
    )
    assert one == again
    assert sorted(r.call.at_s for r in one.responses) == sorted(c.at_s for c in calls(40))
    assert all(response.bedside_s > 0 for response in one.responses)
    assert one.rounds_done > 0


def test_more_carers_come_sooner() -> None:
    times = [
        np.mean(respond(calls(80), STAFF, carers=n, beds=60, duration_s=43_200, seed=3).bedside_s())
        for n in (1, 2, 4)
    ]
    assert times[0] > times[1] >= times[2]


def test_a_high_call_goes_before_a_low_one_and_before_the_round() -> None:
    low = [Call(100.0 + k, Urgency.LOW, real=False) for k in range(20)]
    high = Call(130.0, Urgency.HIGH, real=True)
    shift = respond([*low, high], STAFF, carers=1, beds=60, duration_s=43_200, seed=1)
    order = [response.call for response in shift.responses]
    assert order.index(high) <= 2


def test_nobody_on_duty_is_never_somebody_slow() -> None:
    shift = respond(calls(3), STAFF, carers=0, beds=10, duration_s=43_200, seed=1)
    assert shift.bedside_s() == [float("inf")] * 3


@pytest.mark.parametrize(("hour", "carers"), [(21.9, 6), (22.0, 2), (3.0, 2), (6.0, 6), (26.0, 2)])
def test_who_is_on_duty_when(hour: float, carers: int) -> None:
    assert carers_at(StaffSpec(day_carers=6, night_carers=2), hour) == carers


def test_what_if_compares_the_same_nights() -> None:
    scenario = find_scenario("busy-night")
    reference = Scorecard(
        person_days=30.0,
        rows=(Row("fall", 4, 3, (10.0, 12.0, 20.0)), Row("sos", 8, 8, (1.0,) * 8)),
        false_alerts={"bed_exit_no_return": 10, "no_turning": 4},
        technical_alerts={},
        outages=0,
    )
    one, two = what_if(scenario, reference, [1, 2], 8)
    assert one.calls == two.calls > 0
    assert one.p95_s.value > two.p95_s.value
    for outcome in (one, two):
        assert outcome.p95_s.low <= outcome.p95_s.value <= outcome.p95_s.high
        assert 0.0 <= outcome.missed_target_share.value <= 1.0
