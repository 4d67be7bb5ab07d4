from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.signals import NS_PER_S, Reading, SignalError
from edge.subject import Sensor, SensorRole, SubjectDetector, SubjectSettings
from edge.vitals.bands import BANDS
from edge.vitals.reasons import REASONS
from edge.vitals.spot import VitalsDetector
from edge.vitals.trend import TRENDS
from tests.edge.bed.subjects import ELDER, Subject, assert_same_however_fed, at, codes, kinds

MAT = Sensor("mat", SensorRole.BED)
CUFF = Sensor("cuff", SensorRole.SPOT_VITALS)
DAY_NS = 86_400 * NS_PER_S


def person(**overrides: float) -> Subject:
    own = {name.replace("__", "."): value for name, value in overrides.items()}
    return Subject(VitalsDetector(), SubjectSettings(sensors=(MAT, CUFF), overrides=own))


def series(
    subject: Subject, quantity: str, values: list[float], every_s: int = 10, device: str = "mat"
) -> list[str]:
    said = []
    begin_ns = at("10:00") if subject_fresh(subject) else last_ns(subject) + every_s * NS_PER_S
    for number, value in enumerate(values):
        said += subject.say(device, quantity, value, begin_ns + number * every_s * NS_PER_S)
    return kinds(said)


def subject_fresh(subject: Subject) -> bool:
    assert isinstance(subject.detector, VitalsDetector)
    return not subject.detector.watch(ELDER).state.vitals


def last_ns(subject: Subject) -> int:
    assert isinstance(subject.detector, VitalsDetector)
    return subject.detector.watch(ELDER)._voice.now_ns


def test_it_is_a_subject_detector() -> None:
    assert isinstance(VitalsDetector(), SubjectDetector)


@pytest.mark.parametrize(
    ("quantity", "values", "expected"),
    [
        ("heart_rate", [115, 115, 115], []),  # 20 s
        ("heart_rate", [115, 115, 115, 115], ["vital_warning"]),  # 30 s
        ("heart_rate", [45] * 4, ["vital_warning"]),
        ("heart_rate", [135] * 4, ["vital_critical"]),
        ("heart_rate", [115, 115, 135, 115, 135, 115], ["vital_warning"]),
        ("heart_rate", [115] * 4 + [135] * 4, ["vital_warning", "vital_critical"]),
        ("heart_rate", [115] * 4 + [109] * 9, ["vital_warning"]),  # inside, not by the margin
        ("heart_rate", [115] * 4 + [100] * 4, ["vital_warning", "vital_warning_cleared"]),
        ("heart_rate", [115] * 4 + [100, 109, 100, 100], ["vital_warning"]),
        (
            "heart_rate",
            [135] * 4 + [100] * 4,
            ["vital_critical", "vital_critical_eased"],
        ),
        ("respiration_rate", [26] * 6, []),  # 50 s
        ("respiration_rate", [26] * 7, ["vital_warning"]),
        ("respiration_rate", [7] * 7, ["vital_critical"]),
        ("spo2", [87] * 4, ["vital_critical"]),
        ("spo2", [100] * 9, []),
        ("body_temperature", [38.0], ["vital_warning"]),
        ("body_temperature", [39.5], ["vital_critical"]),
        ("systolic_pressure", [80], ["vital_critical"]),
        ("blood_glucose", [2.8], ["vital_critical"]),
        ("blood_glucose", [3.5, 4.1, 4.4], ["vital_warning", "vital_warning_cleared"]),
        ("heart_rate", [10, 10, 70, 70], ["device_fault", "device_fault_cleared"]),
        ("spo2", [20], ["device_fault"]),
    ],
)
def test_bands_holds_and_hysteresis(
    quantity: str, values: list[float], expected: list[str]
) -> None:
    assert series(person(), quantity, values) == expected


def test_a_persons_own_band_replaces_the_default() -> None:
    assert series(person(heart_rate__warning_high=125), "heart_rate", [115] * 10) == []


def test_a_hole_in_the_series_restarts_the_hold() -> None:
    subject = person()
    assert series(subject, "heart_rate", [115, 115, 115]) == []
    assert subject.wait(last_ns(subject) + 100 * NS_PER_S) == []
    assert series(subject, "heart_rate", [115, 115, 115]) == []


def test_a_critical_value_followed_by_silence_is_not_lost() -> None:
    subject = person()
    assert series(subject, "heart_rate", [35]) == []
    (alarm,) = subject.wait(last_ns(subject) + 61 * NS_PER_S)
    assert alarm.kind == "vital_critical"
    assert codes(alarm) == ["heart_rate_low", "then_no_value"]


def test_a_mat_that_tells_a_value_a_minute_has_no_holes() -> None:
    """One low minute is no alarm, two are; its own interval is not silence."""
    slow = Sensor("slow", SensorRole.BED, report_interval_s=60.0)
    subject = Subject(VitalsDetector(), SubjectSettings(sensors=(slow,)))
    assert series(subject, "respiration_rate", [7.5, 15, 7.5, 15], every_s=61, device="slow") == []
    two = series(subject, "respiration_rate", [7.5, 7.5], every_s=61, device="slow")
    assert two == ["vital_critical"]


def test_a_slow_mat_that_falls_silent_after_a_critical_value_is_told() -> None:
    slow = Sensor("slow", SensorRole.BED, report_interval_s=60.0)
    subject = Subject(VitalsDetector(), SubjectSettings(sensors=(slow,)))
    assert series(subject, "respiration_rate", [15, 7.0], every_s=60, device="slow") == []
    assert subject.wait(last_ns(subject) + 170 * NS_PER_S) == []
    (alarm,) = subject.wait(last_ns(subject) + 11 * NS_PER_S)
    assert codes(alarm) == ["respiration_rate_low", "then_no_value"]


def test_one_spot_measurement_is_told_and_a_repeat_asked() -> None:
    subject = person()
    assert series(subject, "spo2", [90], device="cuff") == []
    (alarm,) = subject.wait(last_ns(subject) + 61 * NS_PER_S)
    assert alarm.kind == "vital_warning"
    assert codes(alarm) == ["spo2_low", "repeat_asked"]
    assert subject.wait(last_ns(subject) + DAY_NS) == []


def test_a_device_that_reads_well_does_not_hide_another() -> None:
    subject = person()
    said = []
    for number in range(5):
        time_ns = at("10:00") + number * 10 * NS_PER_S
        said += subject.say("mat", "heart_rate", 140, time_ns)
        said += subject.say("cuff", "heart_rate", 70, time_ns)
    assert kinds(said) == ["vital_critical"]


@pytest.mark.parametrize(("after", "expected"), [(80.0, ["vital_trend"]), (78.2, []), (84.0, [])])
def test_weight_that_falls_for_days_is_a_trend(after: float, expected: list[str]) -> None:
    subject = person()
    said = []
    usual = {80.0: 83.0, 78.2: 79.0, 84.0: 83.0}[after]
    for day in range(24):
        value = (usual if day < 20 else after) + 0.2 * (day % 3)
        said += subject.say("cuff", "body_weight", value, at("08:00", day=1) + day * DAY_NS)
    said += subject.wait(at("08:00", day=1) + 30 * DAY_NS)
    assert kinds(said) == expected
    if said:
        assert said[0].reasons[0].code == "body_weight_trend"
        assert said[0].reasons[0].values["usual"] == pytest.approx(83.2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("heart_rate.warning_low", 30),
        ("heart_rate.critical_high", 100),
        ("spo2.hold_s", -1),
        ("heart_rate.margin", 40),
    ],
)
def test_bands_that_cross_are_refused(name: str, value: float) -> None:
    with pytest.raises(SignalError) as caught:
        VitalsDetector().open(ELDER, SubjectSettings(overrides={name: value}))
    assert caught.value.field.startswith(name.split(".", maxsplit=1)[0])


def test_every_banded_quantity_can_be_told_in_words() -> None:
    for quantity in BANDS:
        for side in ("low", "high", "back", "impossible", "plausible_again"):
            assert f"{quantity}_{side}" in REASONS
    for quantity in TRENDS:
        assert f"{quantity}_trend" in REASONS


STEPS = st.tuples(
    st.sampled_from([0, 5, 10, 30, 59, 61, 4000, 80_000]),
    st.sampled_from(["mat", "cuff"]),
    st.sampled_from(["heart_rate", "spo2", "body_temperature"]),
    st.sampled_from([20.0, 35.2, 37.0, 39.5, 45.0, 60.0, 90.0, 95.0, 115.0]),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=60), cuts=st.lists(st.integers(0, 60)))
def test_any_history_gives_the_same_events_and_one_open_alarm_at_most(
    steps: list[tuple[int, str, str, float]], cuts: list[int]
) -> None:
    time_ns, readings = at("20:00"), []
    for wait_s, device, quantity, value in steps:
        if not (quantity == "body_temperature" and value > 46) and not (
            quantity == "spo2" and value > 100
        ):
            time_ns += wait_s * NS_PER_S
            readings.append(Reading(device, quantity, time_ns, value))
    events = assert_same_however_fed(
        VitalsDetector,
        SubjectSettings(sensors=(MAT, CUFF)),
        readings,
        cuts,
        time_ns + 2 * DAY_NS,
    )
    open_by: dict[tuple[str, str, str], str] = {}
    for event in events:
        for reason in event.reasons:
            assert REASONS[reason.code].zh.format(**reason.values)
        if event.kind.startswith("vital_"):
            quantity = event.reasons[0].code.rpartition("_")[0]
            level, _, ended = event.kind.value.removeprefix("vital_").partition("_")
            key = (event.device_id, quantity, level)
            assert (key in open_by) == bool(ended), event
            if ended:
                assert open_by.pop(key) == event.episode_id
            else:
                open_by[key] = event.episode_id
