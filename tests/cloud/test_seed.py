"""The made-up house: believable, the same for a seed, nobody real; not in production."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from typer.testing import CliRunner

from cloud.care.homebed.service import all_beds
from cloud.care.visits.service import due_rows
from cloud.cli import app
from cloud.clock import ns_from_datetime
from cloud.coverage.service import coverage_of_all
from cloud.database import Database
from cloud.devices import register
from cloud.identity.shift_models import Duty
from cloud.people.citizen_number import parse_citizen_number
from cloud.people.occupancy import place_tree
from cloud.people.risks import open_risks
from cloud.seed_home_beds import WAITING_AT
from cloud.seed_house import HOME_BEDS, UNITS, seed_house
from cloud.seed_people import people
from cloud.series.postgres import PostgresSeries
from cloud.series.service import Wanted, elder_series
from tests.cloud.records import KEYRING
from tests.cloud.world import START
from tests.support.postgres import Postgres

TODAY = date(2026, 3, 1)
START_NS = ns_from_datetime(START)
DAY_NS = 86_400 * 10**9


def test_people_are_the_same_for_the_same_seed_and_nobody() -> None:
    def first(seed: int) -> list[object]:
        return list(itertools.islice(people(seed, TODAY, at_home=False), 200))

    assert first(1) == first(1)
    assert first(1) != first(2)
    numbers = [person.record.citizen_number for person in first(1)]  # type: ignore[attr-defined]
    assert len(set(numbers)) == 200
    assert all(parse_citizen_number(number, TODAY).is_impossible for number in numbers)


async def test_a_house_of_sixty_beds(postgres: Postgres) -> None:
    name = postgres.clone()
    database = Database(postgres.app_url(name))
    store = PostgresSeries(database)
    document = await seed_house(database, KEYRING, 1, START, store)
    roles = {login["role"] for login in document["logins"]}
    assert {"manager", "head_nurse", "duty", "assessor", "operator", "admin", "family"} <= roles
    (institution_id,) = await database.institutions()
    async with database.tenant(institution_id) as scope:
        tree = await place_tree(scope, START, with_names=True)
        waiting = await open_risks(scope, START)
        due = await register.due_for_test(scope, START, 500)
        faults = await register.open_faults(scope)
        seen = await coverage_of_all(scope, START)
        roster = list(await scope.session.scalars(scope.select(Duty)))
        visits, home_beds = await due_rows(scope, START), await all_beds(scope, ())
        some = next(line for line in seen.elders if line.cause != "no_devices")
        wanted = Wanted("heart_rate", START_NS - 3 * DAY_NS, START_NS, 500)
        chart = await elder_series(scope, store, some.elder_id, wanted, START_NS)
    counts = tree.counts
    # One home is being fitted: a bed nobody is in yet.
    assert (counts.beds, counts.home_beds) == (60, HOME_BEDS + 1)
    assert counts.home_beds_occupied == HOME_BEDS
    assert {row.due.standing.value for row in visits} == {"ok", "soon", "today", "overdue"}
    assert {bed.step for bed in home_beds} == {*(step.value for step in WAITING_AT), "in_service"}
    assert (counts.occupied, counts.free) == (54, 6)
    assert 0 < len(waiting) <= 66
    assert 0 < len(due) < 40
    assert [fault.stopgap_due_at is not None for fault in faults] == [True]
    # Nobody's gateway was ever heard: a new house is blind, and says so.
    assert {line.state for line in seen.elders} == {"blind"}
    on_duty = [row for row in roster if row.starts_at <= START < row.ends_at]
    assert {row.duty_as for row in on_duty} == {"duty", "head_nurse", "manager"}
    assert len({row.unit_id for row in on_duty if row.unit_id}) == len(UNITS)
    assert len(chart.lines) == 1
    assert 100 < len(chart.lines[0].points) <= 500
    await database.close()
    postgres.drop(name)


def test_never_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.cli._settings", lambda: type("S", (), {"environment": "production"}))
    monkeypatch.setattr("cloud.cli.Environment", type("E", (), {"PRODUCTION": "production"}))
    result = CliRunner().invoke(app, ["seed"])
    assert result.exit_code == 1
