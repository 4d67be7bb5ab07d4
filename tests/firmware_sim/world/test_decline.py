"""What people slowly lose, and what only looks like it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from firmware_sim.buildings.plan import build
from firmware_sim.people.persona import ROUTINE, draw_persona, stream
from firmware_sim.people.routine import live
from firmware_sim.scenarios.schema import BuildingKind, BuildingSpec, DeclineKind, PeopleSpec


@pytest.mark.parametrize("kind", DeclineKind)
def test_each_kind_of_decline_takes_what_it_says_and_nothing_else(kind: DeclineKind) -> None:
    spec = PeopleSpec(
        level_shares=(1.0, 0.0, 0.0, 0.0, 0.0), decline_per_week=0.2, declining_share=1.0,
        decline_kinds=(kind,), decline_from_day=7.0,
    )  # fmt: skip
    persona = draw_persona(spec, 3, 0)
    assert persona.left(7.0, kind) == 1.0
    assert persona.left(14.0, kind) == pytest.approx(0.8)
    others = [one for one in DeclineKind if one is not kind]
    assert persona.left(40.0, *others) == 1.0
    # Who declines in what way shifts nobody's habits.
    plain = draw_persona(PeopleSpec(level_shares=spec.level_shares), 3, 0)
    assert (plain.bed_time_h, plain.apnoea_per_h) == (persona.bed_time_h, persona.apnoea_per_h)


def test_colds_and_days_away_are_lived() -> None:
    spec = PeopleSpec(
        level_shares=(1.0, 0.0, 0.0, 0.0, 0.0), sick_spells_per_month=3.0, away_spells_per_month=2.0
    )
    (dwelling,) = build(BuildingSpec(kind=BuildingKind.HOMES, homes=1), [False])
    persona = draw_persona(spec, 5, 0)
    days = live(persona, dwelling, 6.0, 60 * 86_400.0, stream(5, 0, ROUTINE))
    assert any(stretch.outside and stretch.until_s - stretch.from_s > 86_000 for stretch in days)
    in_bed = [
        sum(
            stretch.until_s - stretch.from_s
            for stretch in days
            if stretch.in_bed and day * 86_400 <= stretch.from_s < (day + 1) * 86_400
        )
        / 3600
        for day in range(60)
    ]
    assert max(in_bed) > 16
    assert 7 < sorted(in_bed)[30] < 14
    assert all(a.until_s == b.from_s for a, b in pairwise(days))
