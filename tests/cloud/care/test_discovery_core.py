"""The core of active discovery: what a change is, what it earns, and what stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.care.discovery.change import HISTORY_DAYS, change_of
from cloud.care.discovery.features import (
    FEATURES,
    HOUR_NS,
    Feature,
    Placed,
    Slot,
    day_features,
    day_of,
    first_hour,
)
from cloud.care.discovery.need import (
    HARD,
    LIST_AT,
    Alerts,
    Answer,
    Need,
    Person,
    need_of,
)
from cloud.care.discovery.words import say
from cloud.clock import LOCAL_ZONE

TODAY = date(2026, 3, 1)
DAY = date(2026, 2, 28)
Days = Mapping[date, Mapping[Feature, float | None]]

values = st.lists(
    st.none() | st.floats(0, 500, allow_nan=False), min_size=HISTORY_DAYS, max_size=HISTORY_DAYS
)
features = st.sampled_from(sorted(FEATURES))


def days_of(feature: Feature, told: list[float | None]) -> dict[date, dict[Feature, float | None]]:
    """The last one is today's."""
    return {
        TODAY - timedelta(days=back): {feature: value} for back, value in enumerate(reversed(told))
    }


def steady(feature: Feature = Feature.ACTIVITY, usual: float = 100.0) -> list[float | None]:
    return [usual + (number % 5 - 2) * 4 for number in range(HISTORY_DAYS)]


def need(days: Days, person: Person = Person(), answers: tuple[Answer, ...] = ()) -> Need:  # noqa: B008
    return need_of(days, person, answers, TODAY)


@settings(deadline=None, max_examples=60)
@given(features, values, st.lists(st.floats(0, 100), min_size=14, max_size=14))
def test_days_that_get_worse_never_earn_less(
    feature: Feature, told: list[float | None], worse_by: list[float]
) -> None:
    worse: list[float | None] = list(told)
    for number, more in enumerate(worse_by, start=HISTORY_DAYS - 14):
        value = told[number]
        if value is not None:
            worse[number] = value + FEATURES[feature].worse * more
    before, after = need(days_of(feature, told)), need(days_of(feature, worse))
    assert after.score >= before.score
    assert after.listed >= before.listed


@settings(deadline=None, max_examples=60)
@given(features, values)
def test_a_missing_day_is_the_same_however_it_is_told(
    feature: Feature, told: list[float | None]
) -> None:
    as_none = days_of(feature, told)
    left_out = {day: row for day, row in as_none.items() if row[feature] is not None}
    empty = {
        day: {name: value for name, value in row.items() if value is not None}
        for day, row in as_none.items()
    }
    as_nan = {
        day: {name: float("nan") if value is None else value for name, value in row.items()}
        for day, row in as_none.items()
    }
    assert need(as_none) == need(left_out) == need(empty) == need(as_nan)


@settings(deadline=None, max_examples=60)
@given(features, values, st.integers(0, 13))
def test_too_few_known_days_are_unknown_and_earn_nothing(
    feature: Feature, told: list[float | None], kept: int
) -> None:
    sparse = [value if number < kept else None for number, value in enumerate(told)]
    said = need(days_of(feature, [*sparse[:-14], *told[-14:]]))
    assert FEATURES[feature].group.value in said.unknown
    assert said.score == 0
    assert change_of(days_of(feature, sparse), feature, TODAY) is None


def test_a_slow_loss_earns_points_and_two_days_in_bed_do_not() -> None:
    weaker = [*steady()[:-14], *[100.0 - 3.5 * number for number in range(14)]]
    (reason,) = need(days_of(Feature.ACTIVITY, weaker)).reasons
    assert reason.kind == "activity"
    assert reason.points > 1
    assert "白天活动减少" in say(reason)[0]
    ill: list[float | None] = [*steady()[:-3], 5.0, 5.0, 104.0]
    assert need(days_of(Feature.ACTIVITY, ill)).reasons == ()


def test_what_tells_of_the_same_legs_counts_once_and_a_half() -> None:
    drop: list[float | None] = [*steady()[:-14], *[30.0] * 14]
    alone = need(days_of(Feature.ACTIVITY, drop))
    many = [*steady(usual=4000.0)[:-14], *[400.0] * 14]
    both = {
        day: {**row, Feature.STEPS: steps}
        for (day, row), steps in zip(
            sorted(days_of(Feature.ACTIVITY, drop).items()), many, strict=True
        )
    }
    assert alone.score == FEATURES[Feature.ACTIVITY].weight
    assert need(both).score == pytest.approx(
        FEATURES[Feature.ACTIVITY].weight + FEATURES[Feature.STEPS].weight / 2
    )


def test_nobody_seen_is_a_reason_and_not_well() -> None:
    told = steady()
    told[-2:] = [None, None]
    said = need(days_of(Feature.ACTIVITY, told), Person(watched_days=70))
    assert [reason.kind for reason in said.reasons] == ["coverage_lost"]
    assert said.listed
    away = need(days_of(Feature.ACTIVITY, told), Person(watched_days=70, away=True))
    assert away.reasons == ()
    never = need({}, Person(watched_days=70))
    assert never.listed
    assert never.reasons[0].values["days"] == 56
    # Somebody fitted yesterday, or back since yesterday, has not been lost.
    assert not need({}, Person(watched_days=1)).listed
    assert need({}, Person()).unknown  # nobody watches, and nothing is known


def test_a_home_where_nobody_is_tells_nothing_of_how_they_live() -> None:
    days = {
        day: {**row, Feature.TIME_IN_BED: 9.0}
        for day, row in days_of(Feature.ACTIVITY, steady()).items()
    }
    for back in range(5):
        days[TODAY - timedelta(days=back)] = {Feature.ACTIVITY: 0.0, Feature.TIME_IN_BED: 0.2}
    said = need(days, Person(watched_days=70))
    assert [reason.kind for reason in said.reasons] == ["no_trace"]
    assert said.listed
    assert "请马上联系" in say(said.reasons[0])[0]


def test_a_cold_of_four_days_is_no_decline_and_a_week_is() -> None:
    for ill, found in ((4, False), (6, True)):
        told: list[float | None] = [*steady()[:-7], *[100.0] * (7 - ill), *[20.0] * ill]
        assert bool(need(days_of(Feature.ACTIVITY, told)).reasons) is found


def test_a_group_that_went_dark_is_said() -> None:
    days = {
        day: {**row, Feature.TIME_IN_BED: 9.0}
        for day, row in days_of(Feature.ACTIVITY, [*steady()[:-7], *[None] * 7]).items()
    }
    said = need(days, Person(watched_days=70))
    assert [reason.kind for reason in said.reasons] == ["unseen_movement"]
    assert not said.listed


@settings(deadline=None, max_examples=60)
@given(
    st.sets(st.sampled_from(["second_fall", "coverage_lost"])),
    st.lists(
        st.builds(
            Answer, st.sampled_from([*Feature, "alerts", *HARD]), st.just(value=False),
            st.dates(TODAY - timedelta(days=100), TODAY),
        )
    ),
)  # fmt: skip
def test_no_answer_hides_a_hard_signal(hard: set[str], answers: list[Answer]) -> None:
    told = steady()
    if "coverage_lost" in hard:
        told[-3:] = [None] * 3
    fell = TODAY if "second_fall" in hard else None
    person = Person(watched_days=70, second_fall_on=fell)
    said = need_of(days_of(Feature.ACTIVITY, told), person, answers, TODAY)
    assert {reason.kind for reason in said.reasons if reason.hard} == hard
    assert said.listed == bool(hard)
    assert all(reason.factor == 1.0 for reason in said.reasons if reason.hard)


def test_answers_weigh_on_the_same_kind_for_a_time() -> None:
    days = days_of(Feature.ACTIVITY, [*steady()[:-14], *[30.0] * 14])
    plain = need(days).score
    lately = TODAY - timedelta(days=10)
    dismissed = need(days, answers=(Answer("activity", confirmed=False, on=lately, why="探亲"),))
    assert dismissed.score == plain / 2
    assert "已排除过同类情况（探亲），计分减半" in say(dismissed.reasons[0])[0]
    confirmed = need(days, answers=(Answer("activity", confirmed=True, on=lately),))
    assert confirmed.score == plain * 1.25
    other = need(days, answers=(Answer("night_up", confirmed=False, on=lately),))
    old = Answer("activity", confirmed=False, on=TODAY - timedelta(days=61))
    assert other.score == need(days, answers=(old,)).score == plain
    newer = Answer("activity", confirmed=True, on=TODAY)
    first = Answer("activity", confirmed=False, on=lately)
    assert need(days, answers=(newer, first)).score == plain * 1.25


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 20), st.integers(0, 20), st.floats(0, 10))
def test_more_alerts_never_earn_less(fewer: int, more: int, usual: float) -> None:
    low, high = sorted((fewer, more))

    def score(recent: int) -> float:
        return need({}, Person(alerts={"sos": Alerts(recent, usual)})).score

    assert score(low) <= score(high)


def test_the_record_lists_only_whom_much_comes_together_for() -> None:
    usual = Person(age=85, level=2, living=frozenset({"lives_alone"}), economic="ordinary")
    assert need({}, usual).score == 2.0
    poor = Person(
        age=91, level=3, living=frozenset({"lives_alone", "no_kin"}), economic="tekun",
        never_assessed=True,
    )  # fmt: skip
    said = need({}, poor)
    assert said.listed
    assert said.score > LIST_AT
    assert all(zh and en for zh, en in map(say, said.reasons))


def test_unknown_facts_earn_nothing_and_are_told() -> None:
    said = need({}, Person())
    assert said.score == 0
    assert {"level", "economic", "movement"} <= set(said.unknown)


# --- a day from its hours ---

FIRST = first_hour(DAY)
BED = {"bed-1": Placed("bed", "bedroom")}


def slot(device: str, quantity: str, number: int, *readings: tuple[float, float]) -> Slot:
    """Readings as (minute, value) of hour `number` of the day; none: one 0 at its start."""
    told = readings or ((0.0, 0.0),)
    at = [(FIRST + number) * HOUR_NS + round(minute * 60e9) for minute, _ in told]
    said = [value for _, value in told]
    return Slot(
        device, quantity, FIRST + number, len(told), at[0], at[-1], said[0], said[-1],
        min(said), max(said), sum(said),
    )  # fmt: skip


def test_the_day_begins_at_six_in_the_house() -> None:
    assert date_time(28, 6) == FIRST * 3600
    assert day_of(from_local(28, 6)) == DAY
    assert day_of(from_local(28, 5)) == DAY - timedelta(days=1)


def from_local(day: int, hour: int) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=LOCAL_ZONE)


def date_time(day: int, hour: int) -> int:
    return round(from_local(day, hour).timestamp())


@pytest.mark.parametrize("repeats", [False, True])
def test_time_in_bed_is_the_same_told_at_changes_or_every_minute(repeats: bool) -> None:
    def state(minute: float) -> float:
        hour = minute / 60
        return float(hour >= 15.5)  # lies down at 21:30

    slots = []
    for number in range(24):
        minutes = [float(m) for m in range(60)] if repeats else []
        if number == 15 and not repeats:
            minutes = [0.0, 30.0]
        if number in {0, 8, 20} and not repeats:
            minutes = [0.0]
        if minutes:
            slots.append(
                slot("bed-1", "in_bed", number, *((m, state(number * 60 + m)) for m in minutes))
            )
    told = day_features(BED, slots, DAY)
    assert told[Feature.TIME_IN_BED] == pytest.approx(8.5, abs=0.3)
    assert told[Feature.NIGHT_UP] == 0


def test_up_at_night_counts_hours_in_which_the_bed_was_left() -> None:
    slots = [slot("bed-1", "in_bed", number, (0, 1), (30, 1)) for number in range(24)]
    for number in (18, 20):
        slots[number] = slot("bed-1", "in_bed", number, (0, 1), (20, 0), (30, 1))
    assert day_features(BED, slots, DAY)[Feature.NIGHT_UP] == 2


ABOUT = {"m-1": Placed("motion", "living"), "m-2": Placed("motion", "bathroom")}


def about(hours: range = range(24)) -> list[Slot]:
    return [slot(device, "motion", n, (5, 1), (6, 0)) for device in ABOUT for n in hours]


def test_activity_and_bathroom() -> None:
    told = day_features(ABOUT, about(), DAY)
    assert told[Feature.ACTIVITY] == 2 * 16
    assert told[Feature.BATHROOM_DAY] == 16
    assert told[Feature.BATHROOM_NIGHT] == 8


def test_a_dead_device_makes_the_day_unknown_not_quiet() -> None:
    dead = [one for one in about() if one.device_id != "m-2"]
    assert Feature.ACTIVITY not in day_features(ABOUT, dead, DAY)
    assert day_features(ABOUT, [], DAY) == {}
    died = [one for one in about() if one.device_id != "m-2" or one.hour < FIRST + 9]
    assert Feature.ACTIVITY not in day_features(ABOUT, died, DAY)


def test_short_blindness_is_scaled_and_long_is_unknown() -> None:
    gone = {"m-1": set(range(FIRST, FIRST + 4))}
    seen = [one for one in about() if one.hour not in gone.get(one.device_id, set())]
    told = day_features(ABOUT, seen, DAY, gone)
    assert told[Feature.ACTIVITY] == pytest.approx((12 + 16) / 0.75)
    longer = {"m-1": set(range(FIRST, FIRST + 5))}
    assert Feature.ACTIVITY not in day_features(ABOUT, seen, DAY, longer)


def test_a_band_in_a_drawer_tells_no_steps() -> None:
    band = {"w-1": Placed("wearable", "")}
    worn = [slot("w-1", "worn", n, (0, 1)) for n in range(12)]
    steps = [slot("w-1", "steps", n, (10, 120.0), (20, 80.0)) for n in range(2, 6)]
    told = day_features(band, [*worn, *steps], DAY)
    assert told[Feature.STEPS] == pytest.approx(800 * 16 / 12)
    assert told[Feature.PEAK_STEPS] == 200
    drawer = [slot("w-1", "worn", n, (0, 0.0)) for n in range(24)]
    assert day_features(band, drawer, DAY) == {}
