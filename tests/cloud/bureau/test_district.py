"""A simulated district through the real services: every indicator equals the simulator's truth."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any, Final

import pytest

from cloud.bureau.catalogue import CATALOGUE, Shape
from cloud.bureau.rehearsal import JOBS, Rehearsal
from cloud.settings import Settings
from firmware_sim.district.compare import Line, compare
from firmware_sim.district.diary import FULL, SMALL, District, Size, invent, setting_of, told
from firmware_sim.district.truth import Truth
from tests.cloud.world import World

SEED: Final = 31
# Prints what of the cloud comes with the truth.
_WHAT_IS_LOADED: Final = """
import sys
from firmware_sim.district import cli, compare, truth
print(*(name for name in sys.modules if name.split(".")[0] == "cloud"))
"""
FEW: Final = Size(houses=3, beds=1, home_beds=9, days=14)


async def live(
    world: World, made: District, jobs: int = 1
) -> tuple[Rehearsal, list[dict[str, Any]]]:
    rehearsal = Rehearsal(world.database, Settings(), jobs)
    return rehearsal, await rehearsal.live([setting_of(made), *told(made)])


def wrong(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.difference]


@pytest.mark.timeout(180)
async def test_a_small_district_equals_its_truth(world: World) -> None:
    made = invent(SEED, FEW)
    _, figures = await live(world, made)
    lines = compare(Truth(made).figures(), figures)
    assert wrong(lines) == []
    # What is not asked of the cloud is not checked: each indicator, each of its parts.
    assert {line.indicator for line in lines if line.told} == set(CATALOGUE)


def test_the_diary_holds_something_of_every_indicator() -> None:
    """A new one needs its truth: here it fails until it has one that something happens to."""
    truth = Truth(invent(SEED, FEW)).figures()
    assert {indicator for _, indicator, _ in truth} == set(CATALOGUE)
    for indicator in CATALOGUE.values():
        for kind in indicator.kinds or ("",):
            of_kind = [
                figure for (node, code, part), figure in truth.items()
                if node == "all" and code == indicator.code and kind in {"", part}
            ]  # fmt: skip
            assert any(figure["part"] for figure in of_kind), (indicator.code, kind)
            if indicator.shape in {Shape.SHARE, Shape.STOCK}:
                # One that is always all of it would equal a cloud that counts nothing.
                assert all(figure["part"] < figure["whole"] for figure in of_kind), indicator.code


def test_the_truth_knows_nothing_of_the_cloud() -> None:
    """Not by its imports, nor by theirs."""
    found = subprocess.run(
        [sys.executable, "-c", _WHAT_IS_LOADED],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert found.stdout.split() == []


# About 60,000 happenings: minutes, and several times as many where others want the cores too.
@pytest.mark.slow
@pytest.mark.timeout(2400)
async def test_a_district_of_twelve_houses_equals_its_truth(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    made = invent(1, FULL)
    begin_s = time.monotonic()
    rehearsal, figures = await live(world, made, JOBS)
    took_s = time.monotonic() - begin_s
    lines = compare(Truth(made).figures(), figures)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(made.people)} people, {len(made.lines)} happenings, "
            f"{rehearsal.rows.total()} rows, {len(lines)} numbers: {took_s:.0f} s\n"
        )
    assert wrong(lines) == []
    assert {line.indicator for line in lines if line.told} == set(CATALOGUE)


def test_the_same_seed_is_the_same_month() -> None:
    assert invent(3, SMALL).lines == invent(3, SMALL).lines
    assert invent(3, SMALL).lines != invent(4, SMALL).lines


def test_a_difference_is_a_difference() -> None:
    truth = {("all", "falls", ""): {"part": 3, "whole": 100}}
    said = [{"node": "all", "indicator": "falls", "kind": "", "part": 2, "whole": 100}]
    assert [line.field for line in wrong(compare(truth, said))] == ["part"]
    assert len(wrong(compare(truth, []))) == 2
