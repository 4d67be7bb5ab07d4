"""A simulated district through the real services: every indicator equals the simulator's truth."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.bureau.rehearsal import Rehearsal
from cloud.settings import Settings
from firmware_sim.district.compare import Line, compare
from firmware_sim.district.diary import FULL, SMALL, District, Size, invent, setting_of, told
from firmware_sim.district.truth import Truth
from tests.cloud.world import World


async def live(
    world: World, made: District, jobs: int = 1
) -> tuple[Rehearsal, list[dict[str, Any]]]:
    rehearsal = Rehearsal(world.database, Settings(), jobs)
    return rehearsal, await rehearsal.live([setting_of(made), *told(made)])


def wrong(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.difference]


@pytest.mark.timeout(180)
async def test_a_small_district_equals_its_truth(world: World) -> None:
    made = invent(18, Size(houses=3, beds=1, home_beds=6, days=14))
    _, figures = await live(world, made)
    lines = compare(Truth(made).figures(), figures)
    assert wrong(lines) == []
    seen = {line.indicator for line in lines if line.truth}
    assert {"answered_60_s", "answer_time", "falls", "rounds", "assessed", "coverage",
            "devices_online", "device_tests", "drills", "alerts"} <= seen  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_district_of_twelve_houses_equals_its_truth(world: World) -> None:
    made = invent(1, FULL)
    _, figures = await live(world, made)
    assert wrong(compare(Truth(made).figures(), figures)) == []


def test_the_same_seed_is_the_same_month() -> None:
    assert invent(3, SMALL).lines == invent(3, SMALL).lines
    assert invent(3, SMALL).lines != invent(4, SMALL).lines


def test_a_difference_is_a_difference() -> None:
    truth = {("all", "falls", ""): {"part": 3, "whole": 100}}
    said = [{"node": "all", "indicator": "falls", "kind": "", "part": 2, "whole": 100}]
    assert [line.field for line in wrong(compare(truth, said))] == ["part"]
    assert len(wrong(compare(truth, []))) == 2
