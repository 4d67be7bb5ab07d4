"""The day line, pure: what is not known is never shown as known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.clock import NS_PER_S
from cloud.records.day_line import (
    Seen,
    SensorSpan,
    Stretch,
    draw,
    inside,
    outside,
    totals,
)
from cloud.series.slots import Interval, Track, merged, slots_of_readings
from edge.signals import Origin
from edge.subject import SensorRole

MINUTE = 60 * NS_PER_S
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def track(device_id: str, said: Sequence[tuple[float, float]]) -> Track:
    """Single readings at hours of the day."""
    times = np.array([round(hour * HOUR) for hour, _ in said], np.int64)
    values = np.array([value for _, value in said])
    series = np.zeros(len(said), np.int64)
    return Track(device_id, Origin.LIVE, slots_of_readings(series, times, values))


def span(
    device_id: str = "mat", role: SensorRole = SensorRole.BED, *, until: int = DAY,
    room: str = "203", shared: bool = False,
) -> SensorSpan:  # fmt: skip
    return SensorSpan(device_id, -12 * HOUR, until, role, room, shared)


def beats(device_id: str, until_h: float = 24.0, begin_h: float = -12.0) -> Track:
    """A battery report every half hour."""
    hours = np.arange(begin_h, until_h, 0.5)
    return track(device_id, [(float(hour), 90.0) for hour in hours])


def a_day(
    spans: Sequence[SensorSpan], tracks: dict[str, list[Track]],
    *, silences: dict[str, list[Interval]] | None = None, away: Sequence[Interval] = (),
    now: int = DAY,
) -> Seen:  # fmt: skip
    return Seen(0, DAY, now, spans, tracks, silences or {}, away)


NIGHT = track("mat", [(-2.0, 1.0), (3.0, 0.0), (3.2, 1.0), (7.0, 0.0), (22.0, 1.0)])


def states(bed: list[Stretch] | None) -> list[tuple[str, float, float]]:
    assert bed is not None
    return [(s.state, s.from_ns / HOUR, s.until_ns / HOUR) for s in bed]


def test_a_night_is_told_with_its_ups() -> None:
    line = draw(a_day([span()], {"in_bed": [NIGHT], "battery_level": [beats("mat")]}))
    assert states(line.bed) == [
        ("in_bed", 0.0, 3.0), ("up", 3.0, 3.2), ("in_bed", 3.2, 7.0), ("up", 7.0, 22.0),
        ("in_bed", 22.0, 24.0),
    ]  # fmt: skip
    summed = totals(line.bed)
    assert (summed.in_bed_min, summed.up_times, summed.unseen_min) == (528, 2, 0)
    assert line.blind == []


def test_what_was_said_before_a_silence_says_nothing_after_it() -> None:
    """Dead from 01:00 to 05:00, told by the gateway's own watch; and alive again without a word."""
    words = track("mat", [(-2.0, 1.0), (7.0, 0.0), (22.0, 1.0)])
    alive = [beats("mat", 1.0), beats("mat", begin_h=5.0)]
    seen = a_day(
        [span()], {"in_bed": [words], "battery_level": alive},
        silences={"mat": [(1 * HOUR, 5 * HOUR)]},
    )  # fmt: skip
    line = draw(seen)
    assert states(line.bed)[:4] == [
        ("in_bed", 0.0, 1.0), ("unseen", 1.0, 7.0), ("up", 7.0, 22.0), ("in_bed", 22.0, 24.0),
    ]  # fmt: skip
    assert line.blind == [(1 * HOUR, 5 * HOUR)]


def test_a_sensor_that_just_stops_is_not_believed_for_long() -> None:
    """Nobody has said that it is dead: its own habit does, three half hours and no more."""
    tracks = {"in_bed": [track("mat", [(-2.0, 1.0)])], "battery_level": [beats("mat", 2.0)]}
    line = draw(a_day([span()], tracks))
    assert states(line.bed) == [("in_bed", 0.0, 3.0), ("unseen", 3.0, 24.0)]


def test_the_future_is_not_drawn() -> None:
    line = draw(a_day([span()], {"in_bed": [NIGHT], "battery_level": [beats("mat")]}, now=4 * HOUR))
    assert states(line.bed)[-1] == ("in_bed", 3.2, 4.0)


def test_a_device_of_another_elder_is_not_believed_after_it_was_given_away() -> None:
    tracks = {"in_bed": [track("mat", [(-2.0, 1.0)])], "battery_level": [beats("mat", 6.0)]}
    line = draw(a_day([span(until=6 * HOUR)], tracks))
    assert states(line.bed) == [("in_bed", 0.0, 6.0), ("unseen", 6.0, 24.0)]


def test_who_is_out_is_neither_up_nor_unseen() -> None:
    tracks = {"in_bed": [NIGHT], "battery_level": [beats("mat")]}
    line = draw(a_day([span()], tracks, away=[(9 * HOUR, 17 * HOUR)]))
    assert ("out", 9.0, 17.0) in states(line.bed)
    assert totals(line.bed).out_min == 480


def test_without_a_bed_sensor_there_is_no_bed_lane() -> None:
    wearable = span("band", SensorRole.WEARABLE)
    assert draw(a_day([wearable], {})).bed is None
    assert draw(a_day([wearable], {})).blind == [(0, DAY)]


def test_rooms_are_named_and_shared_ones_say_so() -> None:
    spans = [span("pir", SensorRole.MOTION, room="卫生间", shared=True)]
    moves = track("pir", [(6.0, 1.0), (6.05, 1.0), (9.0, 1.0)])
    line = draw(a_day(spans, {"motion": [moves], "battery_level": [beats("pir", 12.0)]}))
    (room,) = line.rooms
    assert (room.room, room.shared) == ("卫生间", True)
    assert [(round(a / HOUR, 3), round(b / HOUR, 3)) for a, b in room.active] == [
        (6.0, 6.067), (9.0, 9.017),
    ]  # fmt: skip
    assert room.unseen == [(13 * HOUR, DAY)]


def test_a_line_of_the_heart_breaks_where_nothing_was_measured_but_not_out_of_bed() -> None:
    minutes = [m / 60 for m in range(8 * 60) if not 120 <= m < 180]
    heart = track("mat", [(hour, 60.0 + hour) for hour in minutes])
    tracks = {"in_bed": [NIGHT], "heart_rate": [heart], "battery_level": [beats("mat")]}
    (lane,) = draw(a_day([span()], tracks)).vitals
    assert len(lane.at_ns) == len(minutes)
    holes = [(round(a / HOUR, 1), round(b / HOUR, 1)) for a, b in lane.unseen]
    assert holes == [(2.0, 3.0), (22.0, 24.0)]  # 7:00 to 22:00 nobody lies there to be measured


def test_a_band_on_the_table_sees_nothing() -> None:
    worn = track("band", [(-1.0, 1.0), (8.0, 0.0), (9.0, 1.0)])
    spans = [span("band", SensorRole.WEARABLE)]
    line = draw(a_day(spans, {"worn": [worn], "battery_level": [beats("band")]}))
    assert line.not_worn == [(8 * HOUR, 9 * HOUR)]


intervals = st.lists(
    st.tuples(st.integers(-DAY, 2 * DAY), st.integers(1, DAY)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=6,
)
words = st.lists(
    st.tuples(st.floats(-12, 23.9), st.sampled_from([0.0, 1.0])), min_size=1, max_size=40
)


@given(said=words, deaf=intervals, now_h=st.integers(1, 30))
def test_blind_is_never_a_state(
    said: list[tuple[float, float]], deaf: list[Interval], now_h: int
) -> None:
    """Whatever was said: nothing is known of a time that no word came of from the only sensor."""
    at = sorted(dict(said).items())
    line = draw(a_day([span()], {"in_bed": [track("mat", at)]}, silences={"mat": deaf},
                      now=now_h * HOUR))  # fmt: skip
    assert line.bed is not None
    end = min(DAY, now_h * HOUR)
    assert sum(s.until_ns - s.from_ns for s in line.bed) == end  # without holes or overlap
    silent = [(a, b) for a, b in merged(deaf) if not any(a <= round(h * HOUR) < b for h, _ in at)]
    for stretch in line.bed:
        if stretch.state != "unseen":
            assert inside((stretch.from_ns, stretch.until_ns), silent) == []


def test_what_a_cut_off_gateway_sends_later_is_seen_in_hindsight() -> None:
    tracks = {"in_bed": [NIGHT], "battery_level": [beats("mat")]}
    line = draw(a_day([span()], tracks, silences={"mat": [(HOUR, 6 * HOUR + 1)]}))
    assert [s[0] for s in states(line.bed)] == ["in_bed", "up", "in_bed", "up", "in_bed"]


@given(parts=intervals)
def test_what_is_outside_and_what_is_inside_is_the_whole(parts: list[Interval]) -> None:
    whole = (0, DAY)
    both = [*inside(whole, parts), *outside(whole, parts)]
    assert sum(b - a for a, b in both) == DAY
