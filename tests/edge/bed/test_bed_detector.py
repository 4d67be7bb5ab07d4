from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bed.detector import BedDetector
from edge.bed.reasons import REASONS
from edge.detector import SnapshotError
from edge.signals import NS_PER_S, Reading, SignalError
from edge.subject import Pause, Sensor, SensorRole, SubjectDetector, SubjectSettings
from tests.edge.bed.subjects import ELDER, Subject, assert_same_however_fed, at, codes, kinds

MAT = Sensor("mat", SensorRole.BED, report_interval_s=None)
RADAR = Sensor("radar", SensorRole.RADAR)


def bed(
    *sensors: Sensor, level: int = 0, pauses: tuple[Pause, ...] = (), **overrides: float
) -> Subject:
    own = {name.replace("__", "."): value for name, value in overrides.items()}
    return Subject(
        BedDetector(),
        SubjectSettings(
            sensors=sensors or (MAT,), ability_level=level, overrides=own, pauses=pauses
        ),
    )


def test_it_is_a_subject_detector() -> None:
    assert isinstance(BedDetector(), SubjectDetector)


@pytest.mark.parametrize(("level", "limit_min"), [(0, 20), (1, 20), (2, 10), (4, 10)])
def test_not_back_at_night_alarms_at_the_limit_of_the_ability_level(
    level: int, limit_min: int
) -> None:
    subject = bed(level=level, bed__turning_s=0)
    subject.say("mat", "in_bed", 1, at("23:00"))
    subject.say("mat", "in_bed", 0, at("23:30"))
    early = subject.wait(at("23:30") + limit_min * 60 * NS_PER_S - 1)
    assert kinds(early) == ["bed_exit"]
    (alarm,) = subject.wait(at("23:30") + limit_min * 60 * NS_PER_S)
    assert alarm.kind == "bed_exit_no_return"
    assert alarm.time_ns == at("23:30")
    assert alarm.episode_id == early[0].episode_id
    assert alarm.reasons[0].values == {"minutes": limit_min, "limit_min": limit_min}
    # Back: it clears, as the same episode, and never repeats.
    (cleared,) = subject.say("mat", "in_bed", 1, at("23:58")) + subject.wait(at("23:59"))
    assert cleared.kind == "bed_exit_cleared"
    assert cleared.episode_id == alarm.episode_id


def test_a_bounce_of_the_pad_is_no_exit() -> None:
    subject = bed()
    subject.say("mat", "in_bed", 1, at("23:00"))
    assert subject.say("mat", "in_bed", 0, at("23:30")) == []
    assert subject.say("mat", "in_bed", 1, at("23:30:09")) == []
    assert subject.wait(at("23:59")) == []


def test_rising_by_day_and_before_the_night_ends_is_no_alarm() -> None:
    subject = bed()
    subject.say("mat", "in_bed", 1, at("14:00"))
    subject.say("mat", "in_bed", 0, at("15:00"))
    assert subject.wait(at("18:00")) == []
    subject.say("mat", "in_bed", 1, at("22:30"))
    subject.say("mat", "in_bed", 0, at("05:50", day=11))
    assert kinds(subject.wait(at("09:00", day=11))) == ["bed_exit", "night_summary"]


def test_a_radar_tells_empty_late_so_the_absence_began_earlier() -> None:
    subject = bed(RADAR)
    subject.say("radar", "in_bed", 1, at("23:00"))
    subject.say("radar", "body_movement", 0.05, at("23:27"))
    # The last sign of a body is 3 min old: not 5 min, the radar's whole lateness.
    events = subject.say("radar", "in_bed", 0, at("23:30")) + subject.wait(at("23:46:59"))
    (told,) = events
    assert told.time_ns == at("23:27")
    assert codes(told) == ["left_bed", "empty_told_late"]
    assert told.reasons[1].values == {"minutes": 3.0}
    assert kinds(subject.wait(at("23:47"))) == ["bed_exit_no_return"]


def test_a_prompt_mat_outranks_a_late_radar() -> None:
    subject = bed(MAT, RADAR)
    for device in ("mat", "radar"):
        subject.say(device, "in_bed", 1, at("23:00"))
    subject.say("mat", "in_bed", 0, at("23:30"))
    (told,) = subject.wait(at("23:31"))
    assert (told.kind, told.time_ns, told.device_id) == ("bed_exit", at("23:30"), "mat")


def test_a_load_cell_needs_a_clear_step_and_shows_the_edge() -> None:
    subject = bed(bed__load_empty__mat=0, bed__load_lying__mat=60)
    subject.say("mat", "bed_load", 58, at("23:00"))
    subject.say("mat", "bed_load", 30, at("02:00", day=11))
    assert kinds(subject.wait(at("02:00:05", day=11))) == ["bed_edge"]
    subject.say("mat", "bed_load", 2, at("02:01", day=11))
    (told,) = subject.wait(at("02:02", day=11))
    assert codes(told) == ["left_bed", "sat_on_edge_before"]
    # A coat on the bed is nobody.
    subject.say("mat", "bed_load", 8, at("02:03", day=11))
    assert kinds(subject.wait(at("02:21", day=11))) == ["bed_exit_no_return"]


def test_a_load_cell_without_known_levels_learns_them() -> None:
    subject = bed()
    subject.say("mat", "bed_load", 100, at("21:00"))
    subject.say("mat", "bed_load", 800, at("22:30"))
    subject.say("mat", "bed_load", 790, at("01:00", day=11))
    subject.say("mat", "bed_load", 120, at("01:30", day=11))
    assert kinds(subject.wait(at("01:31", day=11))) == ["bed_exit"]


def test_no_turning_from_level_3_and_a_silent_mat_does_not_end_the_alarm() -> None:
    mat = Sensor("mat", SensorRole.BED, report_interval_s=60)
    subject = bed(mat, level=3)
    for minute in range(121):
        events = subject.say("mat", "in_bed", 1, at("08:00") + minute * 60 * NS_PER_S)
    assert kinds(events) == ["no_turning"]
    assert subject.wait(at("12:00")) == []  # silent since 10:00
    subject.say("mat", "in_bed", 1, at("12:00"))
    (cleared,) = subject.say("mat", "body_turn", 1, at("12:01"))
    assert cleared.kind == "no_turning_cleared"
    assert cleared.episode_id == events[0].episode_id


def test_a_big_movement_counts_as_a_turn_only_where_no_turns_are_reported() -> None:
    subject = bed(level=4)
    subject.say("mat", "in_bed", 1, at("08:00"))
    subject.say("mat", "body_movement", 0.5, at("09:00"))
    assert subject.wait(at("10:30")) == []
    subject.say("mat", "body_turn", 1, at("10:31"))
    subject.say("mat", "body_movement", 0.5, at("11:00"))
    assert kinds(subject.wait(at("12:31"))) == ["no_turning"]


def test_left_while_the_mat_was_silent_counts_from_the_silence() -> None:
    mat = Sensor("mat", SensorRole.BED, report_interval_s=60)
    subject = bed(mat)
    subject.say("mat", "in_bed", 1, at("23:00"))
    subject.say("mat", "in_bed", 1, at("23:01"))
    assert subject.wait(at("23:30")) == []
    events = subject.say("mat", "in_bed", 0, at("23:30")) + subject.wait(at("23:31"))
    assert kinds(events) == ["bed_exit", "bed_exit_no_return"]
    assert events[0].time_ns == at("23:04")


def test_restless_is_half_the_minutes_and_ends_below_a_third() -> None:
    subject = bed()
    subject.say("mat", "in_bed", 1, at("23:00"))
    events = []
    for minute in range(60):
        events += subject.say(
            "mat",
            "body_movement",
            0.2 if minute % 5 < 3 else 0.0,
            at("23:01") + minute * 60 * NS_PER_S,
        )
    assert kinds(events) == ["bed_restless"]
    events = []
    for minute in range(60):
        events += subject.say(
            "mat", "body_movement", 0.0, at("00:01", day=11) + minute * 60 * NS_PER_S
        )
    assert kinds(events) == ["bed_restless_cleared"]


def test_the_night_in_numbers_says_what_was_not_seen() -> None:
    mat = Sensor("mat", SensorRole.BED, report_interval_s=3600)
    subject = bed(mat, bed__no_return_s=3600)
    subject.say("mat", "in_bed", 1, at("22:30"))
    subject.say("mat", "in_bed", 0, at("01:00", day=11))
    subject.say("mat", "in_bed", 1, at("01:15", day=11))
    events = subject.wait(at("06:00", day=11))
    assert kinds(events) == ["night_summary"]
    numbers = events[0].reasons[0].values
    assert numbers["unknown_min"] == pytest.approx(
        30 + 105, abs=0.3
    )  # before 22:30, and silent from 04:15
    assert numbers["times_up"] == 1
    assert numbers["out_min"] == pytest.approx(15, abs=0.3)
    assert numbers["longest_out_min"] == 15
    assert numbers["in_bed_min"] == pytest.approx(150 + 180 - 0, abs=0.3)
    assert codes(events[0]) == ["night_in_numbers", "night_partly_unseen"]


def test_a_pause_is_quiet() -> None:
    subject = bed(pauses=(Pause(at("20:00"), at("12:00", day=11)),))
    subject.say("mat", "in_bed", 1, at("22:30"))
    subject.say("mat", "in_bed", 0, at("23:00"))
    assert subject.wait(at("11:00", day=11)) == []


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"bed.no_return_s": 0.0}, "bed.no_return_s"),
        ({"bed.night_from_h": 24.0}, "from_h"),
        ({"bed.night_from_h": 6.0}, "until_h"),
        ({"bed.load_empty.mat": 3.0}, "bed.load_lying.mat"),
        ({"bed.load_empty.mat": 3.0, "bed.load_lying.mat": 3.0}, "bed.load_lying.mat"),
    ],
)
def test_an_impossible_limit_is_named_and_nothing_opened(
    overrides: dict[str, float], field: str
) -> None:
    detector = BedDetector()
    with pytest.raises(SignalError) as caught:
        detector.open(ELDER, SubjectSettings(sensors=(MAT,), overrides=overrides))
    assert caught.value.field == field
    with pytest.raises(KeyError):
        detector.advance(ELDER, 0)


def test_a_damaged_or_foreign_snapshot_is_refused_and_changes_nothing() -> None:
    subject = bed()
    subject.say("mat", "in_bed", 1, at("23:00"))
    saved = subject.detector.snapshot(ELDER)
    for broken in (
        b"",
        saved[:-1],
        saved[:20] + b"x" + saved[21:],
        saved.replace(b"0.1.0", b"9.9.9"),
    ):
        with pytest.raises(SnapshotError):
            subject.detector.restore(ELDER, broken)
    assert subject.detector.snapshot(ELDER) == saved


def test_unknown_devices_and_older_readings_are_counted() -> None:
    detector = BedDetector()
    detector.open(ELDER, SubjectSettings(sensors=(MAT,)))
    detector.process(ELDER, [Reading("other", "in_bed", 5, 1.0), Reading("mat", "in_bed", 5, 1.0)])
    detector.process(ELDER, [Reading("mat", "in_bed", 4, 0.0)])
    assert detector.counters(ELDER) == {"unknown_device": 1, "out_of_order": 1}


STEPS = st.tuples(
    st.integers(0, 4000),  # s since the last
    st.sampled_from(["mat", "radar", "load"]),
    st.sampled_from(
        ["in_bed", "bed_load", "bed_edge", "body_turn", "body_movement", "battery_level"]
    ),
    st.sampled_from([0.0, 0.2, 0.5, 1.0]),
)


def as_readings(steps: list[tuple[int, str, str, float]]) -> list[Reading]:
    time_ns, readings = at("20:00"), []
    for wait_s, device, quantity, value in steps:
        time_ns += wait_s * NS_PER_S
        readings.append(Reading(device, quantity, time_ns, value))
    return readings


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(STEPS, max_size=60), cuts=st.lists(st.integers(0, 60)), level=st.integers(0, 4)
)
def test_any_history_gives_the_same_events_however_it_is_fed(
    steps: list[tuple[int, str, str, float]], cuts: list[int], level: int
) -> None:
    readings = as_readings(steps)
    sensors = (
        Sensor("mat", SensorRole.BED, report_interval_s=600),
        RADAR,
        Sensor("load", SensorRole.BED),
    )
    end_ns = at("20:00") + (len(steps) + 20) * 4000 * NS_PER_S
    events = assert_same_however_fed(
        BedDetector,
        SubjectSettings(sensors=sensors, ability_level=level),
        readings,
        cuts,
        end_ns,
    )
    alarms: dict[str, str] = {}
    for event in events:
        assert event.time_ns <= event.decided_ns
        for reason in event.reasons:
            text = REASONS[reason.code]
            assert text.zh.format(**reason.values)
            assert text.en.format(**reason.values)
        family, cleared = event.kind.value.removesuffix("_cleared"), event.kind.endswith("_cleared")
        if family in ("no_turning", "bed_restless"):
            # An alarm opens once and is cleared at most once, by its own episode.
            assert (family in alarms) == cleared
            if cleared:
                assert alarms.pop(family) == event.episode_id
            else:
                alarms[family] = event.episode_id
    nights = [event for event in events if event.kind == "night_summary"]
    for event in nights:
        numbers = event.reasons[0].values
        total = numbers["in_bed_min"] + numbers["out_min"] + numbers["unknown_min"]
        assert total == pytest.approx(480, abs=0.3)
        assert numbers["longest_out_min"] <= 480
