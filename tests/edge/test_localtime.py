"""The wall clock of a home, through the changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given

from edge.localtime import LocalTime, local_time
from edge.signals import NS_PER_S, SignalError

ZONES = ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "UTC")


def ns(*moment: int) -> int:
    return round(datetime(*moment, tzinfo=UTC).timestamp()) * NS_PER_S  # type: ignore[misc,arg-type]


@given(st.sampled_from(ZONES), st.integers(0, 4_000_000_000))
def test_local_and_back(zone: str, time_s: int) -> None:
    local = local_time(zone)
    time_ns = time_s * NS_PER_S
    day, second = local.day(time_ns), local.second_of_day(time_ns)
    again = local.utc_ns(day, second)
    # In the hour that comes twice the first one is meant.
    assert again <= time_ns
    assert (local.day(again), local.second_of_day(again)) == (day, second)


@given(st.sampled_from(ZONES), st.integers(0, 40_000), st.integers(0, 86_399))
def test_a_local_time_is_that_time_or_the_next_the_clock_shows(
    zone: str, day: int, second: int
) -> None:
    local = local_time(zone)
    shown = local.local_s(local.utc_ns(day, second))
    assert 0 <= shown - (day * 86_400 + second) <= 3600


@pytest.mark.parametrize(
    ("moment", "day_s", "weekday"),
    [
        ((2026, 3, 29, 0, 59, 59), 7199, 6),  # 01:59:59 CET, the last second before the jump
        ((2026, 3, 29, 1, 0, 0), 10_800, 6),  # 03:00:00 CEST
        ((2026, 10, 25, 0, 30, 0), 9000, 6),  # 02:30 CEST
        ((2026, 10, 25, 1, 30, 0), 9000, 6),  # 02:30 CET, the second time
    ],
)
def test_berlin(moment: tuple[int, ...], day_s: int, weekday: int) -> None:
    local = LocalTime("Europe/Berlin")
    assert local.second_of_day(ns(*moment)) == day_s
    assert local.weekday(ns(*moment)) == weekday


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd"])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(SignalError, match="time zone"):
        LocalTime(name)
