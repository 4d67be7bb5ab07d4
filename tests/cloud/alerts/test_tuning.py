"""Thresholds from verdicts: proposed at night, approved by a person, taken back after a fall."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.alerts.findings import Verdict
from cloud.alerts.tuning.propose import MARGIN, MIN_SPARED, Case, propose
from cloud.alerts.tuning.service import propose_for_all
from cloud.identity.permissions import Role
from edge.events import Event
from edge.fall.detector import FallDetector
from edge.fall.limits import DECIDE_AT, MOST_DECIDE_AT
from edge.replay import Outcome, replay
from edge.signals import NS_PER_S, Position
from tests.cloud.world import World, alerts, move
from tests.edge.fall.conftest import _blocks, _fall_g

TRUE, FALSE, UNCLEAR = Verdict.TRUE, Verdict.FALSE, Verdict.UNCLEAR
RATE_HZ = 50.0


def windows(
    like_sitting: float,
    impact: float,
    *,
    own_limit: float = 0.0,
    device_id: str = "band-1",
    start_ns: int = 1_772_000_000 * NS_PER_S,
) -> list[Event]:
    """What the detector says of a made-up fall, watered down towards sitting down hard."""
    values_g, time_s = _fall_g(RATE_HZ).copy(), np.arange(-8, 25, 1 / RATE_HZ)
    near, later = np.abs(time_s) < 0.5, time_s > 0.4
    mean = values_g[near].mean(0)
    values_g[near] = mean + (values_g[near] - mean) * impact
    upright = np.array([0.0, -1.0, 0.05])
    values_g[later] = values_g[later] * (1 - like_sitting) + upright * like_sitting
    detector = FallDetector()
    detector.open(device_id, Position.WAIST)
    detector.set_limit(device_id, own_limit)
    counts = np.rint(1000 * values_g).astype(np.int16)
    return detector.process(_blocks(counts, RATE_HZ, device_id=device_id, start_ns=start_ns))


# With the committed weights: about 0.65, 0.71, 0.76 and 0.998.
HARD_SEATS = ((0.6, 0.35), (0.5, 0.35), (0.4, 0.35))
FALL = (0.0, 1.0)


def test_a_limit_of_ones_own_silences_the_weaker_and_the_same_again_from_the_evidence() -> None:
    (weak, *_) = windows(*HARD_SEATS[1])
    assert 0.6 < weak.confidence < 0.8
    assert windows(*HARD_SEATS[1], own_limit=0.85) == []
    told = windows(*FALL, own_limit=0.85)
    assert [event.kind.value for event in told] == ["fall_suspected", "fall_confirmed"]
    assert told[0].detector.settings["own_decide_at"] == 0.85
    assert replay(told[0]).outcome is Outcome.SAME


_CASE = st.builds(
    Case, st.uuids(), st.sampled_from([TRUE, FALSE, UNCLEAR]), st.floats(0.4, 1.0), st.booleans()
)


@given(st.lists(_CASE, max_size=30), st.lists(_CASE, max_size=10), st.floats(0.4, 0.8))
def test_what_is_proposed_misses_nothing(own: list[Case], house: list[Case], held: float) -> None:
    falls = [replace(case, verdict=TRUE) for case in house]
    found = propose(own, falls, held=held)
    if any(case.verdict is TRUE for case in own):
        assert found is None  # never looser after a confirmed fall
    if found is None:
        return
    assert held < found.proposed <= MOST_DECIDE_AT
    assert found.missed == ()
    assert len(found.spared) >= MIN_SPARED
    assert all(c.verdict is FALSE and c.alone and c.chance < found.proposed for c in found.spared)
    could_be_real = [case.chance for case in own if case.verdict is UNCLEAR]
    could_be_real += [case.chance for case in falls]
    assert all(chance >= found.proposed + MARGIN - 0.001 for chance in could_be_real)


async def judged(world: World, kind: tuple[float, float], finding: str) -> None:
    """A fall alert with real windows, resolved with that finding."""
    world.clock.advance(600)
    start_ns = world.clock.now_ns() - 60 * NS_PER_S
    gateway = world.gateway()
    gateway.outbox_id = f"outbox-{uuid.uuid4()}"
    await gateway.send(*windows(*kind, device_id=world.home.devices[0], start_ns=start_ns))
    desk = await world.desk()
    alert = next(a for a in await alerts(desk) if a["code"].startswith("fall"))
    answer = await move(desk, alert["id"], "resolve", finding=finding, note="看过")
    assert answer.status_code == 200, answer.text


async def nightly(world: World) -> int:
    async with world.database.tenant(world.home.institution_id) as scope:
        return await propose_for_all(scope, world.clock.now())


async def proposals(world: World) -> list[dict[str, Any]]:
    head = await world.as_role(Role.HEAD_NURSE)
    answer = await head.get("/api/v1/duty/tuning")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["proposals"])


async def override(world: World) -> float | None:
    manager = await world.as_role(Role.MANAGER)
    elder_id = world.home.elders[0]
    answer = await manager.get(f"/api/v1/elders/{elder_id}/watch-plan")
    assert answer.status_code == 200, answer.text
    value: float | None = answer.json()["overrides"].get(DECIDE_AT)
    return value


async def registry_override(world: World) -> float | None:
    answer = await world.gateway().client.get("/api/v1/gateway/registry")
    assert answer.status_code == 200, answer.text
    elder_id = str(world.home.elders[0])
    subject = next(s for s in answer.json()["subjects"] if s["subject_id"] == elder_id)
    value: float | None = subject["settings"]["overrides"].get(DECIDE_AT)
    return value


@pytest.mark.timeout(120)
async def test_from_verdicts_to_the_gateway_and_back_after_a_fall(world: World) -> None:
    for kind in (*HARD_SEATS, HARD_SEATS[0]):
        await judged(world, kind, "sat_hard")
    assert await nightly(world) == 1
    (made,) = await proposals(world)
    assert (made["spared"], made["missed"], made["judged"], made["state"]) == (4, 0, 4, "open")
    assert made["elder"] == "王秀兰"
    assert 0.56 == made["held"] < made["proposed"] <= MOST_DECIDE_AT
    assert await nightly(world) == 1  # the same proposal, not another one
    assert len(await proposals(world)) == 1

    duty = await world.desk()
    at = f"/api/v1/duty/tuning/{made['id']}"
    assert (await duty.post(at, json={"approve": True})).status_code == 403
    head = await world.as_role(Role.HEAD_NURSE)
    answer = await head.post(at, json={"approve": True, "note": "坐下重"})
    assert (answer.status_code, answer.json()["state"]) == (200, "approved")
    assert (await head.post(at, json={"approve": False})).status_code == 409
    assert await override(world) == await registry_override(world) == made["proposed"]
    assert await nightly(world) == 0  # nothing more to gain

    await judged(world, FALL, "real_fall")
    assert await override(world) is None
    assert await registry_override(world) is None
    (undone,) = await proposals(world)
    assert (undone["state"], undone["note"]) == ("undone", "a fall was confirmed")
    await nightly(world)
    assert [p["state"] for p in await proposals(world)] == ["undone"]


@pytest.mark.timeout(120)
async def test_a_fall_before_the_decision_withdraws_it(world: World) -> None:
    for kind in HARD_SEATS:
        await judged(world, kind, "sat_hard")
    assert await nightly(world) == 1
    await judged(world, FALL, "real_fall")
    (made,) = await proposals(world)
    assert made["state"] == "withdrawn"
    head = await world.as_role(Role.HEAD_NURSE)
    answer = await head.post(f"/api/v1/duty/tuning/{made['id']}", json={"approve": True})
    assert answer.status_code == 409
    assert await override(world) is None
