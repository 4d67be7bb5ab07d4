from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.room.detector import RoomDetector
from edge.room.reasons import REASONS
from edge.room.zone import Zone
from edge.signals import NS_PER_S, Reading, SignalError
from edge.subject import Pause, RoomKind, Sensor, SensorRole, SubjectDetector, SubjectSettings
from tests.edge.bed.subjects import ELDER, Subject, assert_same_however_fed, at, codes, kinds

BATH_RADAR = Sensor("bath-radar", SensorRole.RADAR, "卫生间", RoomKind.BATHROOM)
BATH_PIR = Sensor("bath-pir", SensorRole.MOTION, "卫生间", RoomKind.BATHROOM)
KITCHEN_PIR = Sensor("kitchen-pir", SensorRole.MOTION, "厨房", RoomKind.KITCHEN)
LIVING_RADAR = Sensor("living-radar", SensorRole.RADAR, "客厅", RoomKind.LIVING)
DOOR = Sensor("door", SensorRole.OUTER_DOOR, "门厅", RoomKind.ENTRANCE)
FRIDGE = Sensor("fridge", SensorRole.DOOR, "厨房", RoomKind.KITCHEN)
TAG = Sensor("tag", SensorRole.LOCATOR)
CLIMATE = Sensor("climate", SensorRole.CLIMATE)
SMOKE = Sensor("smoke", SensorRole.SMOKE)
ALL = (BATH_RADAR, BATH_PIR, KITCHEN_PIR, LIVING_RADAR, DOOR, FRIDGE, TAG, CLIMATE, SMOKE)


def home(*, alone: bool = True, pauses: tuple[Pause, ...] = (), **overrides: float) -> Subject:
    own = {name.replace("__", "."): value for name, value in overrides.items()}
    return Subject(
        RoomDetector(),
        SubjectSettings(sensors=ALL, lives_alone=alone, overrides=own, pauses=pauses),
    )


def test_it_is_a_subject_detector() -> None:
    assert isinstance(RoomDetector(), SubjectDetector)


def test_a_long_stay_seen_by_motion_only() -> None:
    subject = home()
    subject.say("bath-pir", "motion", 1, at("10:00"))
    assert subject.wait(at("10:29:59")) == []
    (told,) = subject.wait(at("10:30"))
    assert (told.kind, told.time_ns) == ("bath_dwell", at("10:00"))
    assert codes(told) == ["in_bathroom_for", "no_sign_of_leaving"]
    (high,) = subject.wait(at("11:00"))
    assert (high.kind, high.episode_id) == ("bath_dwell_high", told.episode_id)
    assert subject.wait(at("13:00")) == []
    (cleared,) = subject.say("kitchen-pir", "motion", 1, at("13:00"))
    assert (cleared.kind, cleared.episode_id) == ("bath_dwell_cleared", told.episode_id)
    assert codes(cleared) == ["seen_elsewhere"]


def test_a_late_radar_adds_its_lateness_and_dates_the_leaving_back() -> None:
    subject = home()
    subject.say("bath-radar", "presence", 1, at("10:00"))
    # Left at 10:29:30, `empty` comes 40 s later: no alarm for a stay below the limit.
    assert subject.wait(at("10:30:10")) == []
    assert subject.say("bath-radar", "presence", 0, at("10:30:10")) == []
    subject.say("bath-radar", "presence", 1, at("11:00"))
    assert kinds(subject.wait(at("11:31"))) == ["bath_dwell"]
    (cleared,) = subject.say("bath-radar", "presence", 0, at("11:36"))
    assert cleared.reasons[0].values == {"minutes": 35}


def test_a_radar_that_repeats_occupied_elsewhere_does_not_end_a_stay() -> None:
    subject = home()
    subject.say("living-radar", "presence", 1, at("09:50"))
    subject.say("bath-pir", "motion", 1, at("10:00"))
    subject.say("living-radar", "presence", 1, at("10:00:30"))  # late to say `empty`
    subject.say("living-radar", "presence", 0, at("10:01"))
    assert kinds(subject.wait(at("10:30"))) == ["bath_dwell"]
    assert kinds(subject.say("living-radar", "presence", 1, at("10:40"))) == ["bath_dwell_cleared"]


def test_seen_elsewhere_while_the_radar_still_says_occupied_begins_a_new_stay() -> None:
    subject = home()
    subject.say("bath-radar", "presence", 1, at("10:00"))
    subject.say("kitchen-pir", "motion", 1, at("10:20"))
    # Went back in before the radar noticed: it never says `empty`.
    assert subject.wait(at("10:50:59")) == []
    (told,) = subject.wait(at("10:51"))
    assert (told.kind, told.time_ns) == ("bath_dwell", at("10:20"))


def test_where_others_live_too_motion_elsewhere_proves_nothing() -> None:
    subject = home(alone=False)
    subject.say("bath-radar", "presence", 1, at("10:00"))
    subject.say("kitchen-pir", "motion", 1, at("10:20"))
    assert kinds(subject.wait(at("10:31"))) == ["bath_dwell"]
    # Known by motion alone, a stay needs motion to go on.
    subject = home(alone=False)
    subject.say("bath-pir", "motion", 1, at("10:00"))
    assert subject.wait(at("12:00")) == []
    for minute in range(0, 31, 9):
        told = subject.say("bath-pir", "motion", 1, at("13:00") + minute * 60 * NS_PER_S)
    assert kinds(told + subject.wait(at("13:30"))) == ["bath_dwell"]


@pytest.mark.parametrize(
    ("device", "limit", "expected"),
    [
        ("door", {}, ["door_left_open"]),
        ("fridge", {}, []),
        ("fridge", {"room__door_left_open_s__fridge": 600.0}, ["door_left_open"]),
        ("door", {"room__door_left_open_s__door": 0.0}, []),
    ],
)
def test_door_left_open(device: str, limit: dict[str, float], expected: list[str]) -> None:
    subject = home(**limit)
    assert subject.say(device, "door_open", 1, at("10:00")) == []
    assert subject.wait(at("10:09:59")) == []
    assert kinds(subject.wait(at("11:00"))) == expected
    cleared = subject.say(device, "door_open", 0, at("11:00"))
    assert kinds(cleared) == [f"{kind}_cleared" for kind in expected]


def test_night_exit_and_seen_inside_again() -> None:
    subject = home()
    (told,) = subject.say("door", "door_open", 1, at("02:00"))
    assert told.kind == "night_exit"
    # One who pulls the door shut from outside may still trigger the sensor by the door.
    assert subject.say("kitchen-pir", "motion", 1, at("02:00:05")) == []
    assert subject.say("door", "door_open", 0, at("02:00:10")) == []
    assert subject.say("kitchen-pir", "motion", 1, at("02:00:15")) == []
    assert subject.say("door", "door_open", 1, at("02:40")) == []  # the same exit, coming back
    subject.say("door", "door_open", 0, at("02:40:10"))
    (cleared,) = subject.say("kitchen-pir", "motion", 1, at("02:41"))
    assert (cleared.kind, cleared.episode_id) == ("night_exit_cleared", told.episode_id)
    assert kinds(subject.say("door", "door_open", 1, at("03:00"))) == ["night_exit"]


def test_the_door_by_day_and_on_leave_is_no_night_exit() -> None:
    subject = home(pauses=(Pause(at("20:00"), at("20:00", day=11)),))
    assert subject.say("door", "door_open", 1, at("09:00")) == []
    assert subject.say("door", "door_open", 0, at("09:01")) == []
    assert subject.say("door", "door_open", 1, at("02:00", day=11)) == []


def test_where_others_live_too_each_exit_at_night_is_told() -> None:
    subject = home(alone=False)
    assert kinds(subject.say("door", "door_open", 1, at("02:00"))) == ["night_exit"]
    subject.say("door", "door_open", 0, at("02:01"))
    assert subject.say("door", "door_open", 1, at("02:05")) == []
    subject.say("door", "door_open", 0, at("02:06"))
    assert kinds(subject.say("door", "door_open", 1, at("02:30"))) == ["night_exit"]


def test_leaving_the_zone_waits_out_a_jumping_position_and_a_leave() -> None:
    subject = home(pauses=(Pause(at("14:00"), at("18:00")),))
    subject.say("tag", "in_zone", 0, at("10:00"))
    assert subject.say("tag", "in_zone", 1, at("10:00:30")) == []
    subject.say("tag", "in_zone", 0, at("10:05"))
    (told,) = subject.wait(at("10:06"))
    assert (told.kind, told.time_ns) == ("geofence", at("10:05"))
    assert kinds(subject.say("tag", "in_zone", 1, at("10:30"))) == ["geofence_cleared"]
    subject.say("tag", "in_zone", 0, at("15:00"))
    assert subject.wait(at("18:00:59")) == []
    assert kinds(subject.wait(at("18:01"))) == ["geofence"]


@pytest.mark.parametrize(
    ("cel", "code", "still", "back"), [(15, "too_cold", 16.5, 17), (33, "too_hot", 31.5, 31)]
)
def test_climate_holds_and_has_hysteresis(cel: float, code: str, still: float, back: float) -> None:
    subject = home()
    subject.say("climate", "air_temperature", cel, at("10:00"))
    assert subject.wait(at("10:29:59")) == []
    (told,) = subject.wait(at("10:30"))
    assert codes(told) == [code]
    assert subject.say("climate", "air_temperature", still, at("10:40")) == []
    (cleared,) = subject.say("climate", "air_temperature", back, at("10:50"))
    assert (cleared.kind, cleared.episode_id) == ("climate_cleared", told.episode_id)


@pytest.mark.parametrize("quantity", ["smoke", "gas", "water", "device_fault"])
def test_hazards_and_faults_pass_at_once_and_once(quantity: str) -> None:
    subject = home(pauses=(Pause(at("00:00"), at("23:00")),))
    (told,) = subject.say("smoke", quantity, 1, at("10:00"))
    assert (told.kind, told.decided_ns) == (quantity, at("10:00"))
    assert subject.say("smoke", quantity, 1, at("10:01")) == []
    (cleared,) = subject.say("smoke", quantity, 0, at("10:02"))
    assert (cleared.kind, cleared.episode_id) == (f"{quantity}_cleared", told.episode_id)
    assert kinds(subject.say("smoke", quantity, 1, at("10:03"))) == [quantity]


@pytest.mark.parametrize(
    ("name", "value"),
    [("room.bath_dwell_s", 1.0), ("room.climate_low_cel", 31.0), ("room.zone_hold_s", -1.0)],
)
def test_impossible_limits_are_named(name: str, value: float) -> None:
    with pytest.raises(SignalError) as caught:
        RoomDetector().open(ELDER, SubjectSettings(overrides={name: value}))
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("latitude", "longitude", "accuracy_m", "expected"),
    [
        (29.5005, 106.5005, 10, True),
        (29.5005, 106.5020, 10, False),
        (29.5005, 106.50101, 10, None),  # a metre over the line
        (29.5005, 106.5005, 80, None),  # the position is too rough for so small a zone
    ],
)
def test_zone(latitude: float, longitude: float, accuracy_m: float, expected: bool | None) -> None:
    # About 111 m by 97 m, not a place where anybody lives.
    zone = Zone(((29.5, 106.5), (29.5, 106.501), (29.501, 106.501), (29.501, 106.5)))
    assert zone.inside(latitude, longitude, accuracy_m) is expected


STEPS = st.tuples(
    st.sampled_from([0, 5, 30, 61, 700, 1800, 20_000]),
    st.sampled_from(
        [
            ("bath-radar", "presence"),
            ("bath-pir", "motion"),
            ("kitchen-pir", "motion"),
            ("living-radar", "presence"),
            ("door", "door_open"),
            ("tag", "in_zone"),
            ("climate", "air_temperature"),
            ("smoke", "smoke"),
            ("smoke", "device_fault"),
        ]
    ),
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=60), cuts=st.lists(st.integers(0, 60)), alone=st.booleans())
def test_any_history_gives_the_same_events_and_what_ends_had_begun(
    steps: list[tuple[int, tuple[str, str], bool]], cuts: list[int], alone: bool
) -> None:
    time_ns, readings = at("20:00"), []
    for wait_s, (device, quantity), on in steps:
        time_ns += wait_s * NS_PER_S
        value = (15.0 if on else 20.0) if quantity == "air_temperature" else float(on)
        readings.append(Reading(device, quantity, time_ns, value))
    events = assert_same_however_fed(
        RoomDetector,
        SubjectSettings(sensors=ALL, lives_alone=alone),
        readings,
        cuts,
        time_ns + 86_400 * NS_PER_S,
    )
    begun: dict[str, str] = {}
    for event in events:
        for reason in event.reasons:
            assert REASONS[reason.code].zh.format(**reason.values)
            assert REASONS[reason.code].en.format(**reason.values)
        if event.kind.endswith("_cleared"):
            assert begun.pop(event.episode_id) == event.kind.removesuffix("_cleared")
        elif event.kind == "bath_dwell_high":
            assert begun[event.episode_id] == "bath_dwell"
        else:
            begun[event.episode_id] = event.kind.value
