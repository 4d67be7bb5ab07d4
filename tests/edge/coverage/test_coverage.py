"""What the hub can see of an elder, and that a silent device is never taken for a quiet person."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from edge.coverage.detector import CoverageDetector
from edge.coverage.status import CoverageState, Level, whole
from edge.detector import SnapshotError
from edge.events import Event, EventKind
from edge.signals import NS_PER_S, Origin, Reading
from edge.subject import (
    Capability,
    RoomKind,
    Sensor,
    SensorRole,
    SubjectDetector,
    SubjectSettings,
)
from edge.words import explain

T0_NS = 1_790_553_600 * NS_PER_S
MINUTE_NS = 60 * NS_PER_S
HOUR_NS = 60 * MINUTE_NS
BEAT_NS = 10 * MINUTE_NS

SENSORS = (
    Sensor("pir-bedroom", SensorRole.MOTION, "卧室", RoomKind.BEDROOM),
    Sensor("pir-kitchen", SensorRole.MOTION, "厨房", RoomKind.KITCHEN),
    Sensor("button", SensorRole.BUTTON, "卧室", RoomKind.BEDROOM),
)
SETTINGS = SubjectSettings(
    timezone="UTC", sensors=SENSORS, requires=frozenset({Capability.INACTIVITY, Capability.SOS})
)
ALL = tuple(sensor.device_id for sensor in SENSORS)


def beat(device_id: str, time_ns: int, origin: Origin = Origin.LIVE) -> Reading:
    return Reading(device_id, "battery_level", time_ns, 90.0, origin)


def beats(until_ns: int, devices: tuple[str, ...] = ALL, from_ns: int = T0_NS) -> list[Reading]:
    times = range(from_ns, until_ns, BEAT_NS)
    return [
        beat(name, t + k * NS_PER_S) for t in times for k, name in enumerate(ALL) if name in devices
    ]


def opened(subject: SubjectSettings = SETTINGS) -> CoverageDetector:
    detector = CoverageDetector()
    detector.open("e1", subject)
    return detector


def kinds(events: list[Event]) -> list[tuple[EventKind, str]]:
    return [(event.kind, event.device_id) for event in events]


def test_it_is_a_subject_detector() -> None:
    assert isinstance(CoverageDetector(), SubjectDetector)


def test_unheard_is_blind_and_heard_is_protected() -> None:
    detector = opened()
    detector.advance("e1", T0_NS)
    assert detector.coverage("e1").state is CoverageState.BLIND
    events = detector.process("e1", beats(T0_NS + HOUR_NS))
    assert kinds(events) == [(EventKind.COVERAGE_PROTECTED, "e1")]
    assert detector.coverage("e1").state is CoverageState.PROTECTED


def test_what_a_bridge_says_of_a_device_is_no_sign_of_its_life() -> None:
    """Availability comes as `device_fault`: also `online` must not make the unheard look heard."""
    detector = opened()
    told = [Reading(name, "device_fault", T0_NS + n, 0.0) for n, name in enumerate(ALL)]
    assert detector.process("e1", told) == []
    detector.advance("e1", T0_NS + MINUTE_NS)
    assert detector.coverage("e1").state is CoverageState.BLIND


def test_nobody_heard_after_the_grace_is_said_aloud() -> None:
    detector = opened()
    detector.advance("e1", T0_NS)
    events = detector.advance("e1", T0_NS + HOUR_NS)
    assert kinds(events) == [(EventKind.COVERAGE_BLIND, "e1")]
    assert events[0].time_ns == T0_NS + 15 * MINUTE_NS


def test_one_motion_sensor_unplugged_is_degraded_all_of_them_blind_and_back() -> None:
    detector = opened()
    detector.process("e1", beats(T0_NS + 6 * HOUR_NS))
    cut_ns = T0_NS + 6 * HOUR_NS
    rest = tuple(name for name in ALL if name != "pir-kitchen")
    events = detector.process("e1", beats(cut_ns + 2 * HOUR_NS, rest, from_ns=cut_ns))
    assert kinds(events) == [
        (EventKind.DEVICE_OFFLINE, "pir-kitchen"),
        (EventKind.COVERAGE_DEGRADED, "e1"),
    ]
    # Three learned intervals (one bucket of 19 % wide) after the last report, not later.
    silent_ns = events[0].time_ns - (cut_ns - BEAT_NS + NS_PER_S)
    assert 3 * BEAT_NS <= silent_ns <= 3 * 1.2 * BEAT_NS
    coverage = detector.coverage("e1")
    assert coverage.state is CoverageState.DEGRADED
    inactivity = coverage.capabilities[0]
    assert (inactivity.capability, inactivity.level) == (Capability.INACTIVITY, Level.PARTIAL)
    assert inactivity.missing == ("pir-kitchen",)
    assert inactivity.since_ns == cut_ns - BEAT_NS + NS_PER_S
    assert "活动监测不完整" in explain("coverage", events[1].reasons[0])

    events = detector.advance("e1", cut_ns + 12 * HOUR_NS)
    assert kinds(events)[-1] == (EventKind.COVERAGE_BLIND, "e1")
    assert detector.coverage("e1").state is CoverageState.BLIND
    gaps = {gap.device_id: gap for gap in detector.gaps("e1")}
    assert gaps["pir-kitchen"].cause == "unknown"
    assert gaps["button"].cause == "everything_silent"
    assert gaps["button"].end_ns is None

    back_ns = cut_ns + 13 * HOUR_NS
    events = detector.process("e1", [beat(name, back_ns) for name in ALL])
    assert kinds(events)[-1] == (EventKind.COVERAGE_PROTECTED, "e1")
    ended = {gap.device_id: gap for gap in detector.gaps("e1")}
    assert ended["pir-kitchen"].end_ns == back_ns
    assert ended["pir-kitchen"].start_ns == cut_ns - BEAT_NS + NS_PER_S


def test_a_required_capability_nobody_serves_is_never_protected() -> None:
    detector = opened(replace(SETTINGS, requires=frozenset({Capability.SOS, Capability.FALL})))
    detector.process("e1", beats(T0_NS + HOUR_NS))
    coverage = detector.coverage("e1")
    assert coverage.state is CoverageState.DEGRADED
    assert [(s.capability, s.level) for s in coverage.capabilities] == [
        (Capability.FALL, Level.LOST),
        (Capability.SOS, Level.FULL),
    ]


@pytest.mark.parametrize(
    ("levels", "state"),
    [
        ([], CoverageState.BLIND),
        ([Level.LOST, Level.LOST], CoverageState.BLIND),
        ([Level.LOST, Level.FULL], CoverageState.DEGRADED),
        ([Level.PARTIAL], CoverageState.DEGRADED),
        ([Level.FULL, Level.FULL], CoverageState.PROTECTED),
    ],
)
def test_the_whole_from_its_capabilities(levels: list[Level], state: CoverageState) -> None:
    assert whole(levels) is state


def test_before_sixteen_intervals_the_makers_promise_or_a_day_and_a_half_counts() -> None:
    promised = replace(SENSORS[0], report_interval_s=3600.0)
    detector = opened(replace(SETTINGS, sensors=(promised, *SENSORS[1:])))
    detector.process("e1", [beat(name, T0_NS) for name in ALL])
    events = detector.advance("e1", T0_NS + 40 * HOUR_NS)
    offline = {e.device_id: e.time_ns for e in events if e.kind is EventKind.DEVICE_OFFLINE}
    assert offline["pir-bedroom"] == T0_NS + 3 * HOUR_NS
    assert offline["button"] == T0_NS + 36 * HOUR_NS


def test_a_meter_in_a_drawer_is_not_offline_but_one_that_promises_reports_is() -> None:
    """Used every morning for a month, its battery told each time, and then no more."""
    cuff = Sensor("cuff", SensorRole.SPOT_VITALS)
    patch = Sensor("patch", SensorRole.SPOT_VITALS, report_interval_s=3600.0)
    detector = opened(SubjectSettings(timezone="UTC", sensors=(cuff, patch)))
    day_ns = 24 * HOUR_NS
    told = [
        Reading(name, quantity, T0_NS + day * day_ns + n, value)
        for day in range(30)
        for n, (name, quantity, value) in enumerate(
            [
                ("cuff", "systolic_pressure", 130.0),
                ("cuff", "battery_level", 80.0),
                ("patch", "body_temperature", 36.5),
            ]
        )
    ]
    events = detector.process("e1", told)
    events += detector.advance("e1", T0_NS + 90 * day_ns)
    offline = [device for kind, device in kinds(events) if kind is EventKind.DEVICE_OFFLINE]
    assert set(offline) == {"patch"}
    # One that was never taken out is not missed either.
    unused = opened(SubjectSettings(timezone="UTC", sensors=(cuff,)))
    unused.advance("e1", T0_NS)
    told_of_it = kinds(unused.advance("e1", T0_NS + 10 * day_ns))
    assert EventKind.DEVICE_OFFLINE not in {kind for kind, _ in told_of_it}


def test_somebody_about_for_an_hour_is_not_the_beat_of_a_sensor() -> None:
    detector = opened()
    life = [
        Reading("pir-kitchen", "motion", T0_NS + k * 2 * MINUTE_NS + late_ns, value)
        for k in range(40)
        for late_ns, value in ((0, 1.0), (MINUTE_NS, 0.0))
    ]
    hourly = [beat("pir-kitchen", T0_NS + k * HOUR_NS) for k in range(12)]
    others = beats(T0_NS + 12 * HOUR_NS, ("pir-bedroom", "button"))
    readings = sorted([*life, *hourly, *others], key=lambda reading: reading.time_ns)
    told = detector.process("e1", readings)
    told += detector.advance("e1", T0_NS + 12 * HOUR_NS + 10 * MINUTE_NS)
    assert EventKind.DEVICE_OFFLINE not in {event.kind for event in told}
    # What has been seen through a night without any beat is known by its longest silence.
    assert detector.advance("e1", T0_NS + 48 * HOUR_NS)


def test_a_sensor_that_beats_but_sees_nothing_in_a_lived_in_home_is_a_fault() -> None:
    detector = opened()
    readings: list[Reading] = []
    time_ns = T0_NS
    for turn in range(400):  # a visit to the kitchen at every fifth bout, then never again
        time_ns += 6 * MINUTE_NS
        readings += [beat(name, time_ns) for name in ALL]
        seen = "pir-kitchen" if turn % 5 == 0 and turn < 200 else "pir-bedroom"
        readings.append(Reading(seen, "motion", time_ns, 1.0))
    events = detector.process("e1", readings)
    faults = [event for event in events if event.kind is EventKind.DEVICE_FAULT]
    assert [event.device_id for event in faults] == ["pir-kitchen"]
    bouts = faults[0].reasons[0].values["bouts"]
    assert 15 <= bouts <= 3 * 1.2 * 5
    last_seen_ns = T0_NS + (195 + 1) * 6 * MINUTE_NS
    assert detector.gaps("e1")[0].start_ns == last_seen_ns
    assert detector.coverage("e1").state is CoverageState.DEGRADED
    events = detector.process("e1", [Reading("pir-kitchen", "motion", time_ns + 1, 1.0)])
    assert (EventKind.DEVICE_FAULT_CLEARED, "pir-kitchen") in kinds(events)
    assert detector.coverage("e1").state is CoverageState.PROTECTED


def test_an_empty_battery_is_told_once_and_named_as_the_cause() -> None:
    detector = opened()
    detector.process("e1", beats(T0_NS + 6 * HOUR_NS))
    levels = (19.0, 18.0, 21.0, 4.0, 3.0)
    events = []
    for k, percent in enumerate(levels):
        at_ns = T0_NS + 6 * HOUR_NS + k * BEAT_NS
        events += detector.process(
            "e1",
            [
                Reading("button", "battery_level", at_ns, percent),
                *(beat(name, at_ns + NS_PER_S) for name in ALL if name != "button"),
            ],
        )
    assert kinds(events) == [(EventKind.BATTERY_LOW, "button")] * 2
    last_ns = T0_NS + 6 * HOUR_NS + len(levels) * BEAT_NS
    detector.process(
        "e1", beats(last_ns + 3 * HOUR_NS, tuple(n for n in ALL if n != "button"), last_ns)
    )
    assert [gap.cause for gap in detector.gaps("e1")] == ["battery"]
    events = detector.process("e1", [beat("button", last_ns + 4 * HOUR_NS)])
    assert (EventKind.BATTERY_LOW_CLEARED, "button") in kinds(events)


def test_a_device_taken_away_no_longer_counts() -> None:
    detector = opened()
    detector.process("e1", beats(T0_NS + 6 * HOUR_NS))
    detector.open("e1", replace(SETTINGS, sensors=SENSORS[1:]))
    rest = beats(T0_NS + 12 * HOUR_NS, ALL[1:], T0_NS + 6 * HOUR_NS)
    assert kinds(detector.process("e1", rest)) == []
    assert detector.coverage("e1").state is CoverageState.PROTECTED


def test_unknown_devices_are_counted_and_change_nothing() -> None:
    detector = opened()
    assert detector.process("e1", [beat("stranger", T0_NS)]) == []
    assert detector.unknown_devices == 1


@pytest.mark.parametrize("damage", [b"", b"YCO1", b"XXXX\0\0\0\0", b"YCO1\4\0\0\0null"])
def test_a_damaged_snapshot_is_refused(damage: bytes) -> None:
    detector = opened()
    with pytest.raises(SnapshotError):
        detector.restore("e1", damage)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(ALL),
        st.sampled_from(("motion", "battery_level")),
        st.integers(0, 40_000),
        st.sampled_from((0.0, 1.0)),
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(0, 80), st.integers(1, 9))
def test_chunks_advances_and_snapshots_change_nothing(
    steps: list[tuple[str, str, int, float]], cut: int, size: int
) -> None:
    readings = beats(T0_NS + 4 * HOUR_NS)
    time_ns = T0_NS + 4 * HOUR_NS
    for name, quantity, step_s, value in steps:
        time_ns += step_s * NS_PER_S
        readings.append(Reading(name, quantity, time_ns, value))
    whole_detector, other = opened(), opened()
    expected = whole_detector.process("e1", readings)
    expected += whole_detector.advance("e1", time_ns + 48 * HOUR_NS)
    events: list[Event] = []
    for start in range(0, len(readings), size):
        if start <= cut < start + size:
            resumed = opened()
            resumed.restore("e1", other.snapshot("e1"))
            other = resumed
        chunk = readings[start : start + size]
        events += other.process("e1", chunk)
        if start + size < len(readings):
            events += other.advance("e1", (chunk[-1].time_ns + readings[start + size].time_ns) // 2)
    events += other.advance("e1", time_ns + 48 * HOUR_NS)
    assert events == expected
    assert other.snapshot("e1") == whole_detector.snapshot("e1")
