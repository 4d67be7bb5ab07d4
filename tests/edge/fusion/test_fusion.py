"""Several sensors, one person: what is told once, what outranks, and what proves nothing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.detector import SnapshotError
from edge.events import DetectorInfo, Event, EventKind, Reason, stable_id
from edge.signals import NS_PER_S, Reading, Signal
from edge.subject import RoomKind, Sensor, SensorRole, Subject, SubjectSettings
from edge.subjects import SubjectEngine
from edge.words import explain_event

ZONE = ZoneInfo("Asia/Shanghai")
ELDER = "elder-1"
MIN = 60
SENSORS = (
    Sensor("band", SensorRole.WEARABLE),
    Sensor("radar", SensorRole.RADAR, "卧室", RoomKind.BEDROOM),
    Sensor("mat", SensorRole.BED, "卧室", RoomKind.BEDROOM),
    Sensor("pir-kitchen", SensorRole.MOTION, "厨房", RoomKind.KITCHEN),
    Sensor("pir-hall", SensorRole.MOTION, "走廊", RoomKind.HALL),
    Sensor("pir-bath", SensorRole.MOTION, "卫生间", RoomKind.BATHROOM),
    Sensor("door", SensorRole.OUTER_DOOR, "门口", RoomKind.ENTRANCE),
)
SETTINGS = SubjectSettings(sensors=SENSORS)
NOT_ALONE = SubjectSettings(sensors=SENSORS, lives_alone=False)
WEARABLE = DetectorInfo("fall", "1")


def at(clock: str, day: int = 10) -> int:
    parts = [int(part) for part in clock.split(":")]
    return round(datetime(2026, 3, day, *parts, tzinfo=ZONE).timestamp()) * NS_PER_S


def engine(changed: SubjectSettings = SETTINGS, shared: tuple[Sensor, ...] = ()) -> SubjectEngine:
    made = SubjectEngine()
    made.open(Subject(ELDER, ELDER, changed, shared))
    return made


def say(device_id: str, quantity: str, clock_ns: int, value: float = 1.0) -> Reading:
    return Reading(device_id, quantity, clock_ns, value)


def fall(kind: EventKind, clock_ns: int, *, episode: str = "w", late_s: float = 5) -> Event:
    decided_ns = clock_ns + round(late_s * NS_PER_S)
    return Event(
        stable_id(kind, clock_ns, late_s), episode, kind, "band", clock_ns, decided_ns, 0.9,
        (Reason("impact", {"peak_g": 3.0}),), WEARABLE, origin=Reading("x", "sos", 0, 1.0).origin,
    )  # fmt: skip


def of(events: Sequence[Event], *wanted: EventKind) -> list[Event]:
    return [event for event in events if event.kind in wanted]


FALLS = (EventKind.FALL_SUSPECTED, EventKind.FALL_CONFIRMED, EventKind.FALL_RECOVERED)
FALL_NS = at("14:00")


@pytest.mark.parametrize(("apart_s", "episodes"), [(0, 1), (29, 1), (31, 2)])
@pytest.mark.parametrize("radar_first", [True, False])
def test_one_fall_seen_by_radar_and_wearable_is_one_finding(
    apart_s: int, episodes: int, radar_first: bool
) -> None:
    other_ns = FALL_NS + apart_s * NS_PER_S
    radar_ns, band_ns = (FALL_NS, other_ns) if radar_first else (other_ns, FALL_NS)
    made = engine()
    radar, band = (
        say("radar", "fall_reported", radar_ns),
        fall(EventKind.FALL_SUSPECTED, band_ns, late_s=0),
    )
    if radar_first:
        told = made.process(ELDER, [radar]) + made.process(ELDER, [], [band])
    else:
        told = made.process(ELDER, [], [band]) + made.process(ELDER, [radar])
    found = of(told, *FALLS)
    assert len(found) == 2
    assert len({event.episode_id for event in found}) == episodes
    assert {event.device_id for event in found} == {"radar", "band"}
    # The wearable's own detector is asked by its device; the radar's finding names the elder.
    assert {event.device_id: event.subject_id for event in found} == {"radar": ELDER, "band": None}
    also = [reason.code for event in found for reason in event.reasons]
    assert ("also_seen_by_other" in also) == (episodes == 1)
    if episodes == 1:
        later = made.process(ELDER, [], [fall(EventKind.FALL_CONFIRMED, band_ns, late_s=60)])
        assert of(later, *FALLS)[0].episode_id == found[0].episode_id


def test_a_radar_that_repeats_itself_tells_one_fall() -> None:
    made = engine()
    reports = [say("radar", "fall_reported", FALL_NS + k * 10 * NS_PER_S) for k in range(5)]
    assert len(of(made.process(ELDER, reports), *FALLS)) == 1


def after_fall(
    readings: Sequence[Signal], *, kind: EventKind = EventKind.FALL_SUSPECTED,
    changed: SubjectSettings = SETTINGS, where: str | None = "pir-hall",
) -> list[Event]:  # fmt: skip
    made = engine(changed)
    if where:
        made.process(ELDER, [say(where, "motion", FALL_NS - 60 * NS_PER_S)])
    made.process(ELDER, [], [fall(kind, FALL_NS)])
    return of(made.process(ELDER, readings), EventKind.FALL_RECOVERED)


def later(device: str, seconds: float, quantity: str = "motion") -> Reading:
    return say(device, quantity, FALL_NS + round(seconds * NS_PER_S))


def test_motion_in_the_kitchen_after_a_fall_is_recovered_and_the_check_stays_due() -> None:
    (event,) = after_fall([later("pir-kitchen", 240)])
    assert event.episode_id == "w"
    assert [reason.code for reason in event.reasons] == ["moves_in_other_room", "fall_check_due"]
    assert explain_event(event)[1] == "仍需到场查看"
    assert "{" not in "".join(explain_event(event) + explain_event(event, "en"))


@pytest.mark.parametrize(
    ("readings", "more"),
    [
        pytest.param([later("pir-hall", 240)], {}, id="same-room"),
        pytest.param([later("pir-kitchen", 5)], {}, id="at-once"),
        pytest.param(
            [later("door", 100, "door_open"), later("pir-kitchen", 240)], {}, id="visitor"
        ),
        pytest.param([later("pir-kitchen", 240)],
                     {"changed": NOT_ALONE}, id="not-alone"),
        pytest.param([later("pir-kitchen", 240)], {"kind": EventKind.FALL_CONFIRMED},
                     id="one-blink-against-a-wearable-that-confirmed"),
        pytest.param([later("pir-kitchen", 240)], {"where": None}, id="place-unknown"),
    ],
)  # fmt: skip
def test_what_does_not_prove_that_somebody_got_up(readings, more) -> None:
    assert after_fall(readings, **more) == []


@pytest.mark.parametrize(
    "more", [{"kind": EventKind.FALL_CONFIRMED}, {"where": None}], ids=["confirmed", "unknown"]
)
def test_two_sightings_do(more) -> None:
    readings = [later("pir-kitchen", 240), later("pir-bath", 300)]
    assert len(after_fall(readings, **more)) == 1


def night(
    *readings: Signal, until: str = "02:40", changed: SubjectSettings = SETTINGS
) -> list[Event]:
    """In bed from 22:00, up at 02:00; the hall sensor lives."""
    made = engine(changed)
    told = made.process(ELDER, [
        say("pir-hall", "motion", at("21:30")), say("mat", "in_bed", at("22:00")),
        say("mat", "in_bed", at("02:00", 11), 0.0), *readings,
    ])  # fmt: skip
    told += made.advance(ELDER, at(until, 11))
    return of(
        told, EventKind.BED_EXIT_NO_RETURN, EventKind.BED_EXIT_NO_RETURN_HIGH,
        EventKind.BED_EXIT_CLEARED,
    )  # fmt: skip


def test_a_night_exit_followed_by_silence_outranks_either_alone() -> None:
    first, second = night()
    assert first.kind is EventKind.BED_EXIT_NO_RETURN_HIGH
    assert second.kind is EventKind.BED_EXIT_NO_RETURN
    assert first.episode_id == second.episode_id
    # Half of the 20 minutes that the bed alone allows.
    assert abs((first.decided_ns - at("02:10", 11)) / NS_PER_S) < 60
    assert "均无动静" in explain_event(first)[0]


def test_who_moves_about_is_only_out_of_bed() -> None:
    steps = [say("pir-hall", "motion", at(f"02:{m:02d}", 11)) for m in range(1, 39, 3)]
    assert [event.kind for event in night(*steps)] == [EventKind.BED_EXIT_NO_RETURN]


def test_who_sits_in_the_bathroom_is_left_to_its_own_limit() -> None:
    told = night(say("pir-bath", "motion", at("02:02", 11)), until="02:19")
    assert told == []


def test_back_in_bed_ends_it() -> None:
    told = night(say("mat", "in_bed", at("02:14", 11)), until="03:00")
    assert [event.kind for event in told] == [
        EventKind.BED_EXIT_NO_RETURN_HIGH, EventKind.BED_EXIT_CLEARED,
    ]  # fmt: skip
    assert len({event.episode_id for event in told}) == 1


def test_dead_room_sensors_prove_no_silence() -> None:
    only_mat = SubjectSettings(sensors=tuple(s for s in SENSORS if s.device_id == "mat"))
    assert [event.kind for event in night(changed=only_mat)] == [EventKind.BED_EXIT_NO_RETURN]


DEVICES = [
    ("pir-kitchen", "motion"), ("pir-hall", "motion"), ("radar", "presence"), ("mat", "in_bed"),
    ("radar", "fall_reported"), ("door", "door_open"), ("mat", "heart_rate"),
]  # fmt: skip
steps = st.lists(
    st.tuples(st.sampled_from(DEVICES), st.integers(1, 1500), st.booleans()),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.lists(st.integers(0, 40), max_size=4))
def test_live_equals_replay_however_it_is_cut(plan, cuts) -> None:
    readings: list[Signal] = []
    now_ns = at("23:00")
    for (device, quantity), wait_s, on in plan:
        now_ns += wait_s * NS_PER_S
        value = (70.0 if on else 140.0) if quantity == "heart_rate" else float(on)
        readings.append(say(device, quantity, now_ns, value))
    end_ns = now_ns + 3 * 3600 * NS_PER_S
    whole = engine()
    expected = whole.process(ELDER, readings) + whole.advance(ELDER, end_ns)

    pieces, found = engine(), []
    edges = sorted({0, len(readings), *(cut % (len(readings) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        found += pieces.process(ELDER, readings[begin:end])
        if end < len(readings):
            found += pieces.advance(ELDER, readings[end - 1].time_ns)  # type: ignore[union-attr]
        saved = pieces.snapshot(ELDER)
        pieces = engine()
        assert pieces.restore(ELDER, saved) == []
        assert pieces.snapshot(ELDER) == saved
    found += pieces.advance(ELDER, end_ns)
    assert found == expected
    assert len({event.event_id for event in found}) == len(found)
    for event in found:
        assert "{" not in "".join(explain_event(event) + explain_event(event, "en"))


def test_falls_of_somebody_who_has_nothing_but_a_wearable_are_forgotten_in_time() -> None:
    made = engine()
    for day in range(3):
        made.process(ELDER, [], [fall(EventKind.FALL_SUSPECTED, at("14:00", 10 + day),
                                      episode=f"w{day}")])  # fmt: skip
    made.advance(ELDER, at("15:00", 12))
    assert len(made._fusion.watch(ELDER).state.falls) == 1
    made.advance(ELDER, at("17:00", 12))
    assert made._fusion.watch(ELDER).state.falls == []


def test_a_part_of_another_version_begins_anew_and_the_rest_is_kept() -> None:
    made = engine()
    made.process(ELDER, [say("pir-hall", "motion", at("21:30"))])
    saved = made.snapshot(ELDER)
    newer = engine()
    newer._fusion.info.__class__  # noqa: B018
    object.__setattr__(newer._bed.info, "version", "next")
    assert newer.restore(ELDER, saved) == ["bed"]
    assert newer.inactivity.deadline(ELDER) == made.inactivity.deadline(ELDER)
    with pytest.raises(SnapshotError):
        newer.restore(ELDER, saved[:-3])


def test_what_hangs_in_a_shared_room_is_told_of_the_room_alone() -> None:
    smoke = Sensor("smoke", SensorRole.SMOKE, "203", report_interval_s=600.0)
    two = SubjectEngine()
    two.open(Subject("a", "a", SubjectSettings(sensors=(SENSORS[0],)), (smoke,)))
    two.open(Subject("b", "b", SubjectSettings(lives_alone=False), (smoke,)))
    two.open(Subject("room", None, SubjectSettings(sensors=(smoke,), lives_alone=False)))
    assert sorted(two.watching("smoke")) == ["a", "b", "room"]
    alarm = say("smoke", "smoke", at("10:00"))
    told = [event for name in two.watching("smoke") for event in two.process(name, [alarm])]
    assert [(e.kind, e.subject_id) for e in told if e.kind is EventKind.SMOKE] == [
        (EventKind.SMOKE, "room")
    ]
    silent = [e for name in ("a", "b", "room") for e in two.advance(name, at("13:00", 12))]
    offline = [e for e in silent if e.kind is EventKind.DEVICE_OFFLINE]
    assert {(e.device_id, e.subject_id) for e in offline} == {("smoke", "room"), ("band", "a")}
    about = (EventKind.COVERAGE_BLIND, EventKind.COVERAGE_DEGRADED, EventKind.COVERAGE_PROTECTED)
    assert {e.subject_id for e in silent if e.kind in about} == {"a", "b"}


def test_a_time_nobody_listened_is_no_silence_of_anybody() -> None:
    made = engine()
    now_ns = at("06:00")
    for _ in range(3 * 24 * 12):  # three days, something every five minutes
        now_ns += 300 * NS_PER_S
        seen = [say(f"pir-{room}", "motion", now_ns) for room in ("kitchen", "hall", "bath")]
        alive = [say(s.device_id, "battery_level", now_ns, 90.0) for s in SENSORS]
        made.process(ELDER, [*seen, *alive])
    dark_ns = now_ns + 14 * 3600 * NS_PER_S
    made.missed(ELDER, dark_ns)
    told = made.advance(ELDER, dark_ns + 60 * NS_PER_S)
    # Last seen in the bathroom, and nobody knows how it went on: that is asked about at once.
    assert {event.kind for event in told} == {EventKind.BATH_DWELL, EventKind.BATH_DWELL_HIGH}
    kinds = {event.kind for event in made.advance(ELDER, dark_ns + 14 * 3600 * NS_PER_S)}
    assert EventKind.COVERAGE_BLIND in kinds  # a silence we did hear is told


def test_sensors_that_fall_silent_together_leave_one_word_blind() -> None:
    made = engine()
    now_ns = at("08:00")
    for _ in range(60):
        now_ns += 20 * NS_PER_S
        made.process(ELDER, [say(s.device_id, "battery_level", now_ns, 90.0) for s in SENSORS])
    told = made.advance(ELDER, now_ns + 600 * NS_PER_S)
    words = [event.kind for event in told if event.kind.value.startswith("coverage_")]
    assert words == [EventKind.COVERAGE_BLIND]
    assert len(of(told, EventKind.DEVICE_OFFLINE)) == len(SENSORS)
