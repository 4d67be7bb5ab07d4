"""What the inactivity detector tells apart, by example."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.detector import SnapshotError
from edge.events import Event, EventKind
from edge.inactivity.detector import InactivityDetector
from edge.inactivity.reasons import REASONS
from edge.localtime import LocalTime
from edge.signals import NS_PER_S, Origin, Reading, SignalError
from edge.subject import Pause, RoomKind, Sensor, SensorRole, SubjectSettings
from edge.words import explain
from tests.edge.inactivity.homes import (
    BATH,
    BEDROOM,
    DOOR,
    HOUR_NS,
    KITCHEN,
    MAT,
    RADAR,
    SENSORS,
    SETTINGS,
    at,
    motion,
    plain_day,
    plain_days,
)

LEARNED_DAYS = 21


def learned(settings: SubjectSettings = SETTINGS, days: int = LEARNED_DAYS) -> InactivityDetector:
    detector = InactivityDetector()
    detector.open("e1", settings)
    assert detector.process("e1", plain_days(days)) == []
    return detector


def morning(day: int, until: float) -> list[Reading]:
    return [reading for reading in plain_day(day) if reading.time_ns < at(day, until)]


def kinds(events: list[Event]) -> list[EventKind]:
    return [event.kind for event in events]


def test_silence_by_day_is_medium_then_high_then_cleared() -> None:
    detector = learned()
    detector.process("e1", [*morning(21, 9.0), motion(KITCHEN, at(21, 9.0))])
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.kind is EventKind.INACTIVITY
    assert at(21, 10.0) < deadline.time_ns < at(21, 12.0)
    assert [r.code for r in deadline.reasons] == [
        "usually_kitchen", "silent_since", "last_kitchen", "door_unused",
    ]  # fmt: skip
    assert explain("inactivity", deadline.reasons[0]).startswith("平时最迟 09:")
    events = detector.advance("e1", at(21, 16.0))
    assert kinds(events) == [EventKind.INACTIVITY, EventKind.INACTIVITY_HIGH]
    assert events[0].time_ns == deadline.time_ns
    limit_ns = deadline.time_ns - at(21, 9.0)
    assert events[1].time_ns == at(21, 9.0) + round(1.5 * limit_ns)
    assert events[0].device_id == KITCHEN
    cleared = detector.process("e1", [motion(BATH, at(21, 16.5))])
    assert kinds(cleared) == [EventKind.INACTIVITY_CLEARED]
    assert len({event.episode_id for event in events + cleared}) == 1
    assert len({event.event_id for event in events + cleared}) == 3


def test_the_night_in_bed_is_no_silence() -> None:
    detector = learned()
    detector.process("e1", plain_day(21))
    assert detector.advance("e1", at(22, 7.0)) == []


def test_not_getting_up_in_the_morning_is_noticed() -> None:
    detector = learned()
    detector.process("e1", plain_day(21))
    events = detector.advance("e1", at(22, 12.0))
    assert kinds(events)[0] is EventKind.INACTIVITY
    assert at(22, 7.0) < events[0].time_ns < at(22, 10.5)
    assert "in_bed" in [reason.code for reason in events[0].reasons]


def door(time_ns: int) -> list[Reading]:
    return [
        Reading(DOOR, "door_open", time_ns, 1.0),
        Reading(DOOR, "door_open", time_ns + 5 * NS_PER_S, 0.0),
    ]


def test_door_then_silence_is_out_and_becomes_no_return() -> None:
    detector = learned()
    detector.process("e1", [*morning(21, 13.9), *door(at(21, 14.0))])
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.kind is EventKind.NO_RETURN
    assert deadline.silent_since_ns == at(21, 14.0) + 5 * NS_PER_S
    assert [r.code for r in deadline.reasons] == ["out_since", "usually_back"]
    events = detector.advance("e1", at(22, 14.0))
    assert kinds(events) == [EventKind.NO_RETURN, EventKind.NO_RETURN_HIGH]
    assert at(21, 16.0) < events[0].time_ns < at(22, 2.0)


def test_door_then_somebody_inside_then_silence_is_inactivity() -> None:
    detector = learned()
    seen_ns = at(21, 14.0) + 60 * NS_PER_S
    detector.process("e1", [*morning(21, 13.9), *door(at(21, 14.0)), motion(KITCHEN, seen_ns)])
    events = detector.advance("e1", at(21, 20.0))
    assert kinds(events)[0] is EventKind.INACTIVITY
    assert "door_unused" in [reason.code for reason in events[0].reasons]


def test_a_blink_in_the_empty_home_is_nobody() -> None:
    detector = learned()
    detector.process("e1", [*morning(21, 13.9), *door(at(21, 14.0))])
    before = detector.deadline("e1")
    assert before is not None
    assert detector.process("e1", [motion(KITCHEN, at(21, 15.0))]) == []
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert (deadline.kind, deadline.time_ns) == (EventKind.NO_RETURN, before.time_ns)
    assert "stirred_while_out" in [reason.code for reason in deadline.reasons]


@pytest.mark.parametrize(
    "back",
    [
        [motion(KITCHEN, at(21, 15.0)), motion(BATH, at(21, 15.01))],
        [motion(KITCHEN, at(21, 15.0) + k * 20 * NS_PER_S) for k in range(3)],
        [*door(at(21, 15.0)), motion(KITCHEN, at(21, 15.01))],
        [Reading(MAT, "in_bed", at(21, 15.0), 1.0)],
    ],
    ids=["two rooms", "one room again and again", "door and room", "bed"],
)
def test_somebody_in_the_home_is_back(back: list[Reading]) -> None:
    detector = learned()
    detector.process("e1", [*morning(21, 13.9), *door(at(21, 14.0))])
    detector.process("e1", back)
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.kind is EventKind.INACTIVITY


def test_coming_back_late_clears_no_return() -> None:
    detector = learned()
    detector.process("e1", [*morning(21, 13.9), *door(at(21, 14.0))])
    raised = detector.advance("e1", at(22, 14.0))
    back = [*door(at(22, 15.0)), motion(KITCHEN, at(22, 15.01))]
    assert kinds(detector.process("e1", back)) == [EventKind.NO_RETURN_CLEARED]
    assert kinds(raised)[0] is EventKind.NO_RETURN


def test_a_radar_that_says_empty_late_is_not_the_person() -> None:
    detector = learned()
    detector.process(
        "e1",
        [
            *morning(21, 13.9),
            Reading(RADAR, "presence", at(21, 13.95), 1.0),
            *door(at(21, 14.0)),
            Reading(RADAR, "presence", at(21, 14.05), 0.0),
        ],
    )
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.kind is EventKind.NO_RETURN


def test_nobody_leaves_while_the_bed_is_occupied() -> None:
    detector = learned()
    visitor = [Reading(MAT, "in_bed", at(21, 13.0), 1.0), *door(at(21, 14.0))]
    detector.process("e1", [*morning(21, 13.0), *visitor])
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.kind is EventKind.INACTIVITY


def test_the_first_days_have_a_fixed_timer_that_says_so() -> None:
    detector = InactivityDetector()
    detector.open("e1", SETTINGS)
    assert detector.deadline("e1") is None
    detector.process("e1", morning(0, 12.0))
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.time_ns - deadline.silent_since_ns == 12 * HOUR_NS
    assert deadline.reasons[0].code == "still_learning"
    events = detector.advance("e1", at(3, 0.0))
    assert [event.confidence for event in events] == [0.3, 0.3]


def test_a_pause_neither_alarms_nor_teaches() -> None:
    pause = Pause(at(21, 9.0), at(24, 9.0), "hospital")
    detector = learned(replace(SETTINGS, pauses=(pause,)))
    detector.process("e1", morning(21, 9.0))
    silences = detector._watches["e1"].profile.scalars[1]
    assert detector.advance("e1", at(24, 9.0)) == []
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.time_ns > at(24, 9.0)
    detector.process("e1", [motion(KITCHEN, at(24, 9.5))])
    assert detector._watches["e1"].profile.scalars[1] == silences
    assert kinds(detector.advance("e1", at(24, 20.0)))[0] is EventKind.INACTIVITY


def test_ending_a_pause_early_takes_effect() -> None:
    detector = learned(replace(SETTINGS, pauses=(Pause(at(21, 9.0), at(28, 9.0)),)))
    detector.process("e1", morning(21, 9.0))
    detector.advance("e1", at(21, 9.5))
    detector.open("e1", replace(SETTINGS, pauses=(Pause(at(21, 9.0), at(21, 10.0)),)))
    assert kinds(detector.advance("e1", at(21, 20.0)))[0] is EventKind.INACTIVITY


def beats(from_ns: int, until_ns: int, every_s: int = 600) -> list[Reading]:
    step_ns = every_s * NS_PER_S
    return [
        Reading(sensor.device_id, "battery_level", time_ns, 90.0)
        for time_ns in range(from_ns, until_ns, step_ns)
        for sensor in SENSORS
    ]


def test_dead_sensors_are_not_a_quiet_person() -> None:
    detector = InactivityDetector()
    detector.open("e1", SETTINGS)
    readings = plain_days(7) + morning(7, 9.0) + beats(at(0, 7.0), at(7, 9.0))
    readings.sort(key=lambda reading: reading.time_ns)
    detector.process("e1", readings)
    assert detector.advance("e1", at(8, 9.0)) == []  # gateway cut: every beat has stopped
    back_ns = at(8, 9.0)
    assert detector.process("e1", beats(back_ns, back_ns + 600 * NS_PER_S)) == []
    # Watched again from here: silence counts anew, and does become an alarm.
    readings = beats(back_ns + 600 * NS_PER_S, back_ns + 14 * HOUR_NS)
    assert kinds(detector.process("e1", readings))[0] is EventKind.INACTIVITY


def test_sensors_kept_busy_by_a_person_are_not_dead_when_the_person_is_still() -> None:
    detector = InactivityDetector()
    detector.open("e1", SETTINGS)
    steady = [
        motion(name, at(0, 9.0) + (6 * k + n) * 20 * NS_PER_S)
        for k in range(90)
        for n, name in enumerate((KITCHEN, BATH, BEDROOM))
    ]
    assert detector.process("e1", steady) == []
    told = detector.advance("e1", at(0, 30.0))
    assert [event.kind for event in told][:1] == [EventKind.INACTIVITY]


def test_a_dead_mat_puts_the_alarm_off_to_the_fixed_limit() -> None:
    detector = InactivityDetector()
    detector.open("e1", SETTINGS)
    alive = [r for r in beats(at(0, 7.0), at(8, 9.0)) if r.device_id != MAT]
    mat = [r for r in beats(at(0, 7.0), at(7, 8.0)) if r.device_id == MAT]
    readings = plain_days(7) + morning(7, 9.0) + alive + mat
    readings.sort(key=lambda reading: reading.time_ns)
    last_ns = max(r.time_ns for r in readings if r.quantity != "battery_level")
    events = detector.process("e1", readings)
    assert kinds(events)[0] is EventKind.INACTIVITY
    assert events[0].time_ns == last_ns + 12 * HOUR_NS
    assert events[0].reasons[-1].code == "sensors_missing"


def test_living_sensors_and_no_motion_is_a_quiet_person() -> None:
    detector = InactivityDetector()
    detector.open("e1", SETTINGS)
    readings = plain_days(7) + morning(7, 9.0) + beats(at(0, 7.0), at(8, 9.0))
    readings.sort(key=lambda reading: reading.time_ns)
    assert kinds(detector.process("e1", readings))[0] is EventKind.INACTIVITY


def test_a_sensor_dead_for_days_widens_the_limit() -> None:
    detector = learned()
    days = [
        reading
        for day in range(LEARNED_DAYS, LEARNED_DAYS + 4)
        for reading in plain_day(day)
        if reading.device_id != KITCHEN
    ]
    assert detector.process("e1", days) == []
    day = LEARNED_DAYS + 4
    rest = [reading for reading in morning(day, 8.5) if reading.device_id != KITCHEN]
    detector.process("e1", [*rest, motion(BEDROOM, at(day, 9.0))])
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.time_ns == at(day, 21.0)
    assert deadline.reasons[-1].code == "sensors_missing"


# Days since 1970 of 2026-03-29 and 2026-10-25, when Berlin changes its clocks.
@pytest.mark.parametrize(("change_day", "hours"), [(20_541, 23), (20_751, 25)])
def test_the_morning_after_the_clock_change_follows_the_wall_clock(
    change_day: int, hours: int
) -> None:
    local = LocalTime("Europe/Berlin")
    settings = replace(SETTINGS, timezone="Europe/Berlin")
    # So lenient that the limit lies in the hour of getting up, with no cap in between.
    lenient = {"inactivity.false_alarms_per_week": 20.0}
    length_ns = local.utc_ns(change_day + 1, 0) - local.utc_ns(change_day, 0)
    assert length_ns == hours * HOUR_NS
    first = change_day - LEARNED_DAYS
    detector = InactivityDetector()
    detector.open("e1", settings)
    for k in range(LEARNED_DAYS):
        moved = [
            replace(
                reading,
                time_ns=local.utc_ns(first + k, (reading.time_ns - at(k, 0)) // NS_PER_S % 86_400),
            )
            for reading in plain_day(k)
        ]
        assert detector.process("e1", sorted(moved, key=lambda r: r.time_ns)) == []
    detector.open("e1", replace(settings, overrides=lenient))
    deadline = detector.deadline("e1")  # in bed since 22:00; clock changes in the night
    assert deadline is not None
    hour = local.second_of_day(deadline.time_ns) / 3600
    usual = learned()
    usual.open("e1", replace(SETTINGS, overrides=lenient))
    plain = usual.deadline("e1")
    assert plain is not None
    assert hour == pytest.approx((plain.time_ns // NS_PER_S % 86_400) / 3600, abs=0.6)


def test_absence_and_return_keep_what_was_learned() -> None:
    detector = learned()
    detector.process("e1", [*morning(21, 13.9), *door(at(21, 14.0))])
    detector.advance("e1", at(35, 9.0))
    before = detector._watches["e1"].profile.ends.copy()
    back = [*door(at(35, 9.0)), motion(KITCHEN, at(35, 9.01)), motion(BATH, at(35, 9.02))]
    detector.process("e1", back)
    after = detector._watches["e1"].profile
    assert after.active_days == LEARNED_DAYS + 1
    assert after.ends.sum() == pytest.approx(before.sum(), rel=0.05)
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert deadline.time_ns < at(35, 13.0)


HOURLY = SubjectSettings(
    timezone="UTC",
    sensors=(
        Sensor("kitchen", SensorRole.MOTION, "厨房", RoomKind.KITCHEN, report_interval_s=3600.0),
        Sensor("outer", SensorRole.OUTER_DOOR, "门", RoomKind.ENTRANCE, report_interval_s=3600.0),
    ),
)


def hourly(day: int, hour: int, kitchen: float, outer: float = 0.0) -> list[Reading]:
    return [
        Reading("kitchen", "motion_count", at(day, hour), kitchen),
        Reading("outer", "motion_count", at(day, hour), outer),
    ]


def test_hourly_reports_are_judged_only_when_the_hour_is_in() -> None:
    detector = InactivityDetector()
    detector.open("e1", HOURLY)
    for day in range(14):
        for hour in range(24):
            assert detector.process("e1", hourly(day, hour, 20.0 * (7 <= hour <= 21))) == []
    detector.process("e1", hourly(14, 9, 20.0))
    deadline = detector.deadline("e1")
    assert deadline is not None
    limit_h = (deadline.time_ns - at(14, 9)) // HOUR_NS
    assert deadline.time_ns == at(14, 9 + limit_h)  # a whole number of reports
    for hour in range(10, 9 + limit_h):
        assert detector.process("e1", hourly(14, hour, 0.0)) == []
    # The report that falls on the deadline itself shows life: no alarm.
    assert detector.process("e1", hourly(14, 9 + limit_h, 20.0)) == []


def test_hourly_door_then_silence_may_be_out() -> None:
    detector = InactivityDetector()
    detector.open("e1", HOURLY)
    for day in range(14):
        for hour in range(24):
            detector.process("e1", hourly(day, hour, 20.0 * (7 <= hour <= 21), 2.0 * (hour == 15)))
    detector.process("e1", hourly(14, 15, 20.0, 4.0))
    deadline = detector.deadline("e1")
    assert deadline is not None
    assert "maybe_out" in [reason.code for reason in deadline.reasons]


def test_origin_is_carried() -> None:
    detector = learned()
    detector.process("e1", [replace(motion(KITCHEN, at(21, 9.0)), origin=Origin.DRILL)])
    assert {event.origin for event in detector.advance("e1", at(22, 9.0))} == {Origin.DRILL}


def test_late_and_unknown_signals_are_counted_and_change_nothing() -> None:
    detector = learned()
    before = detector.deadline("e1")
    assert detector.process("e1", [motion("stranger", at(21, 1.0))]) == []
    assert detector.process("e1", [motion(KITCHEN, at(20, 9.0))]) == []
    assert (detector.unknown_devices, detector.late) == (1, 1)
    assert detector.deadline("e1") == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("inactivity.false_alarms_per_week", 0.0),
        ("inactivity.max_limit_s", -1.0),
        ("inactivity.min_limit_s", 90_000.0),
        ("inactivity.no_such_limit", 1.0),
        ("inactivity.start_limit_s", float("nan")),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(SignalError) as error:
        InactivityDetector().open("e1", replace(SETTINGS, overrides={name: value}))
    assert error.value.field == name


def test_limits_of_other_detectors_are_let_through() -> None:
    detector = InactivityDetector()
    detector.open("e1", replace(SETTINGS, overrides={"heart_rate.warning_low": 45.0}))


@pytest.mark.parametrize("cut", [0, 3, 7, 40, -1])
def test_a_damaged_snapshot_is_refused_and_changes_nothing(cut: int) -> None:
    detector = learned(days=2)
    good = detector.snapshot("e1")
    with pytest.raises(SnapshotError):
        detector.restore("e1", good[:cut])
    assert detector.snapshot("e1") == good


def test_a_snapshot_survives_a_change_of_sensors() -> None:
    first = learned()
    second = InactivityDetector()
    second.open("e1", replace(SETTINGS, sensors=SENSORS[1:]))
    second.restore("e1", first.snapshot("e1"))
    second.process("e1", [*(r for r in morning(21, 9.0) if r.device_id != SENSORS[0].device_id)])
    deadline = second.deadline("e1")
    assert deadline is not None
    assert deadline.time_ns - deadline.silent_since_ns < 6 * HOUR_NS


def test_every_reason_speaks_both_languages() -> None:
    for code, text in REASONS.items():
        fields = {"hour": 7, "minute": 5, "elapsed_h": 2.5, "days": 1, "limit_h": 12}
        fields |= {"count": 2, "factor": 1.5}
        assert text.zh.format(**fields), code
        assert text.en.format(**fields), code
