"""The rules of visits without a database: when due, who counts, which group, which way."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.care.visits import catalogue
from cloud.care.visits.activity import find_drop
from cloud.care.visits.places import is_far
from cloud.care.visits.plan import (
    Done,
    Pull,
    Standing,
    end_of,
    fell_due,
    last_that_counts,
    next_due,
)
from cloud.care.visits.route import length_m, order
from cloud.care.visits.suggest import suggest
from cloud.clock import local_date
from cloud.geo import Point, distance_m

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 1)
moments = st.integers(-60 * 24, 60 * 24).map(lambda hours: NOW + timedelta(hours=hours))
pulls = st.lists(
    st.builds(
        lambda at, hours: Pull(at, at + timedelta(hours=hours), "alert"), moments,
        st.integers(1, 240),
    ),
    max_size=5,
)  # fmt: skip


def test_the_groups_of_the_domain_page() -> None:
    told = {key: (one.interval_days, one.mark) for key, one in catalogue.groups().items()}
    assert told == {
        "high_risk": (7, "V"), "key": (30, "V"), "hardship": (30, "U"), "general": (91, "V"),
    }  # fmt: skip
    assert catalogue.default_pull_forward_h() == 24
    assert not {"sensor", "warning"} & set(catalogue.ways())


def test_due_a_week_after_the_last_until_midnight() -> None:
    last = Done(NOW - timedelta(days=7), remote=False)
    due = next_due(last, TODAY, 7, [], NOW)
    assert due.due_at == datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # midnight in Chongqing
    assert due.standing is Standing.TODAY
    assert next_due(last, TODAY, 7, [], due.due_at).standing is Standing.OVERDUE
    assert next_due(last, TODAY, 10, [], NOW).standing is Standing.SOON
    assert next_due(last, TODAY, 11, [], NOW).standing is Standing.OK
    assert next_due(None, TODAY, 91, [], NOW).standing is Standing.TODAY


@given(moments, st.integers(1, 120), pulls)
def test_what_asks_for_a_visit_never_makes_it_later(
    last: datetime, interval: int, asking: list[Pull]
) -> None:
    done = Done(last, remote=False)
    due = next_due(done, TODAY, interval, asking, NOW)
    assert due.due_at <= due.regular_at
    assert all(pull.at > last for pull in due.pulls)
    if due.due_at < due.regular_at:
        assert due.pulls[0].due_at == due.due_at
    fewer = next_due(done, TODAY, interval, asking[1:], NOW)
    assert due.due_at <= fewer.due_at


@given(st.integers(1, 366), st.integers(1, 366))
def test_a_shorter_interval_is_never_later(a: int, b: int) -> None:
    last = Done(NOW, remote=False)
    short, long = sorted((a, b))
    assert (
        next_due(last, TODAY, short, [], NOW).due_at <= next_due(last, TODAY, long, [], NOW).due_at
    )


def test_one_call_counts_and_then_somebody_goes() -> None:
    went = Done(NOW - timedelta(days=30), remote=False)
    calls = [Done(NOW - timedelta(days=days), remote=True) for days in (20, 10)]
    assert last_that_counts([went, *calls], 1) == calls[0]
    assert last_that_counts([went, *calls], 2) == calls[1]
    assert last_that_counts([went, *calls], 0) == went
    assert last_that_counts(calls, 0) is None
    assert last_that_counts([], 1) is None


@pytest.mark.parametrize(
    ("age", "level", "facts", "group"),
    [
        (80, 0, {"lives_alone": True}, "high_risk"),
        (79, 0, {"lives_alone": True, "economic_status": "ordinary"}, "general"),
        (85, 2, {"lives_alone": False}, "key"),
        (62, None, {"economic_status": "tekun", "support_mode": "dispersed"}, "key"),
        (62, None, {"economic_status": "tekun"}, "hardship"),
        (85, None, {}, "general"),
        (80, 0, {"living": "alone"}, "high_risk"),
        (80, 0, {"living": "couple_only"}, "high_risk"),
        # Who looked says they do not live alone: the list's word does not stand against it.
        (80, 0, {"living": "alone", "lives_alone": False}, "general"),
    ],
)
def test_the_record_speaks_for_a_group(
    age: int, level: int | None, facts: dict[str, object], group: str
) -> None:
    assert suggest(age, level, facts).group == group


def test_dementia_on_record_speaks_for_monthly_visits() -> None:
    said = suggest(66, 0, {"economic_status": "ordinary"}, dementia=True)
    assert (said.group, said.reasons) == ("key", ("失智（档案诊断）",))


def test_what_is_not_known_is_said_and_never_taken_as_no() -> None:
    said = suggest(85, None, {"lives_alone": False})
    assert said.unknown == ("空巢", "留守", "能力等级", "经济状况")
    assert suggest(85, 0, {"lives_alone": True}).unknown == ()


points = st.lists(
    st.builds(Point, st.floats(29.4, 29.6), st.floats(106.4, 106.6)), min_size=1, max_size=7
)


@given(points)
def test_a_route_has_every_door_once_and_is_no_longer_than_nearest_first(
    doors: list[Point],
) -> None:
    start = Point(29.5, 106.5)
    way = order(doors, start)
    assert sorted(way) == list(range(len(doors)))
    left, here, nearest = set(range(len(doors))), start, []
    while left:
        step = min(left, key=lambda index, at=here: distance_m(at, doors[index]))  # type: ignore[misc]
        left.remove(step)
        nearest.append(step)
        here = doors[step]
    assert length_m(doors, way, start) <= length_m(doors, nearest, start) + 1


def test_a_route_undoes_crossings() -> None:
    start = Point(29.5, 106.5)
    doors = [Point(29.5 + dx / 1000, 106.5 + dy / 1000) for dx, dy in
             ((1, 0), (2, 3), (5, 1), (3, 6), (7, 2), (8, 8))]  # fmt: skip
    best = min(length_m(doors, way, start) for way in itertools.permutations(range(len(doors))))
    assert length_m(doors, order(doors, start), start) <= best * 1.1


def test_what_cannot_wait_is_walked_first() -> None:
    near, far = Point(29.501, 106.5), Point(29.55, 106.5)
    assert order([far, near], Point(29.5, 106.5), fixed=1) == [0, 1]
    assert order([far, near], Point(29.5, 106.5)) == [1, 0]


def test_distances() -> None:
    # One minute of latitude is one nautical mile: 1852 m (a sphere of 6371 km has 1853.2 m).
    assert distance_m(Point(29.0, 106.5), Point(29.0 + 1 / 60, 106.5)) == pytest.approx(1853, abs=2)
    assert is_far(500, 20)
    assert not is_far(500, 250)
    assert not is_far(None, None)


def test_the_end_of_a_day() -> None:
    assert end_of(TODAY) == datetime(2026, 3, 1, 16, 0, tzinfo=UTC)


def days(usual: float, lately: float, known: int = 7) -> dict[date, float]:
    return {
        TODAY - timedelta(days=ago): lately if ago <= 7 else usual
        for ago in range(1, 36)
        if not known < ago <= 7
    }


@pytest.mark.parametrize(
    ("held", "drops"),
    [
        (days(3000, 1400), True),
        (days(3000, 1600), False),
        (days(3000, 0), True),
        (days(3000, 1400, known=3), False),  # the band was hardly worn: not known is not less
        (days(150, 10), False),
        ({}, False),
    ],
)
def test_half_as_many_steps_is_a_drop(held: dict[date, float], drops: bool) -> None:
    assert (find_drop(held, TODAY) is not None) is drops


@given(st.floats(200, 20_000), st.floats(0, 1))
def test_one_busy_day_hides_no_drop_and_one_lazy_day_is_none(usual: float, share: float) -> None:
    for share_now, odd_day in ((0.3, 30_000.0), (1.0, usual * share)):
        held = days(usual, usual * share_now)
        held[TODAY - timedelta(days=3)] = odd_day
        assert (find_drop(held, TODAY) is not None) is (share_now < 0.5)


def day(number: int, hour: float = 10) -> datetime:
    """In March, by the house's clock."""
    return end_of(date(2026, 2, 28)) + timedelta(days=number - 1, hours=hour)


def told_of(
    visits: list[Done], asking: list[Pull] | None = None, calls: int = 1
) -> list[tuple[date, bool]]:
    """Weekly from the 1st on: days on which a visit fell due, and whether it was made."""
    found = fell_due(visits, date(2026, 3, 1), 7, asking or [], calls)
    return [(local_date(one.due_at - timedelta(microseconds=1)), one.met) for one in found]


def test_one_due_date_from_each_visit_to_the_next() -> None:
    visits = [Done(day(1), remote=False), Done(day(9), remote=False), Done(day(12), remote=False)]
    assert told_of(visits) == [
        (date(2026, 3, 1), True), (date(2026, 3, 8), False), (date(2026, 3, 16), True),
        (date(2026, 3, 19), False),
    ]  # fmt: skip


def test_a_call_too_many_meets_nothing() -> None:
    visits = [Done(day(1), remote=True), Done(day(6), remote=True), Done(day(10), remote=False)]
    assert told_of(visits)[:2] == [(date(2026, 3, 1), True), (date(2026, 3, 8), False)]


def test_what_was_pulled_forward_is_due_once_and_then_only() -> None:
    """The 8th never came: the visit that the 3rd asked for began a week anew."""
    asked = Pull(day(2), day(3), "alert")
    visits = [Done(day(1), remote=False), Done(day(4), remote=False)]
    assert told_of(visits, [asked]) == [
        (date(2026, 3, 1), True), (date(2026, 3, 3), False), (date(2026, 3, 11), False),
    ]  # fmt: skip
    # Sent late, of before the change: it answers what was due before.
    assert told_of([Done(day(1), remote=False), Done(day(1.5), remote=False)], [asked])[1:] == [
        (date(2026, 3, 8), True), (date(2026, 3, 3), False),
    ]  # fmt: skip


def test_what_was_taken_back_before_it_was_due_never_was() -> None:
    first = [Done(day(1), remote=False)]
    back = Pull(day(2), day(4), "person", ended_at=day(3))
    assert told_of(first, [back])[1:] == [(date(2026, 3, 8), False)]
    late = Pull(day(2), day(4), "person", ended_at=day(5))
    assert told_of(first, [late])[1:] == [(date(2026, 3, 4), False)]


def test_a_stricter_plan_makes_no_earlier_visit_late() -> None:
    visits = [Done(day(1), remote=False, interval_days=30), Done(day(20), remote=False,
              interval_days=30)]  # fmt: skip
    assert told_of(visits)[1:] == [(date(2026, 3, 31), True), (date(2026, 3, 27), False)]
