"""What every detector of people keeps to, whatever it detects (edge/subject.py)."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

import edge
from edge.detector import SnapshotError
from edge.events import Event
from edge.signals import NS_PER_S, QUANTITIES, Origin, Reading
from edge.subject import SubjectDetector, SubjectSettings
from edge.words import explain
from tests.support.one_home import one_home

HOUR_NS = 3600 * NS_PER_S
Make = type[SubjectDetector]


def discover() -> list[Make]:
    """Every class in edge/ that is a detector of people when made without arguments."""
    found: list[Make] = []
    for module_info in pkgutil.walk_packages(edge.__path__, "edge."):
        if ".training" in module_info.name or module_info.name == "edge.subject":
            continue
        module = importlib.import_module(module_info.name)
        for _, cls in inspect.getmembers(module, inspect.isclass):
            wanted = all(hasattr(cls, name) for name in ("info", "quantities", "open", "advance"))
            is_whole = wanted and "detector" not in inspect.signature(cls).parameters
            if cls.__module__ == module.__name__ and is_whole and not _needs_arguments(cls):
                found.append(cls)
    return found


def _needs_arguments(cls: type) -> bool:
    return any(p.default is p.empty for p in inspect.signature(cls).parameters.values())


CLASSES = discover()


@pytest.fixture(params=CLASSES, ids=[cls.__name__ for cls in CLASSES])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


@pytest.fixture(scope="module")
def life() -> tuple[SubjectSettings, list[Reading]]:
    """A day and a half of one home, and what the hub knows of it."""
    world = one_home(36.0)
    (resident,) = world.residents
    readings = list(world.track.readings(world.device_ids, world.start_ns))
    settings = replace(
        resident.settings(),
        overrides={"inactivity.start_limit_s": 3 * 3600.0, "inactivity.min_limit_s": 3600.0},
    )
    return settings, readings


def told(
    detector: SubjectDetector, readings: Sequence[Reading], *, size: int = 10_000,
    between: bool = False, subject: str = "e1",
) -> list[Event]:  # fmt: skip
    """In chunks; `between`: time is moved on between them as well, as by a timer."""
    events: list[Event] = []
    for chunk, following in _chunks(detector, readings, size):
        events += detector.process(subject, chunk)
        if between and following is not None:
            events += detector.advance(subject, (chunk[-1].time_ns + following) // 2)
    return events + detector.advance(subject, readings[-1].time_ns + 30 * HOUR_NS)


def _chunks(
    detector: SubjectDetector, readings: Sequence[Reading], size: int
) -> Iterator[tuple[list[Reading], int | None]]:
    wanted = [reading for reading in readings if reading.quantity in detector.quantities]
    for start in range(0, len(wanted), size):
        rest = wanted[start + size :]
        yield wanted[start : start + size], rest[0].time_ns if rest else None


def opened(make: Make, settings: SubjectSettings, *subjects: str) -> SubjectDetector:
    detector = make()
    for subject in subjects or ("e1",):
        detector.open(subject, settings)
    return detector


def test_all_of_them_are_found() -> None:
    names = {cls().info.name for cls in CLASSES}
    assert names == {"inactivity", "bed", "room", "vitals", "coverage", "fusion"}


def test_it_says_who_it_is_and_what_it_wants(make: Make) -> None:
    detector = make()
    assert isinstance(detector, SubjectDetector)
    assert detector.info.name
    assert detector.info.version
    json.dumps(detector.info.settings)
    assert detector.quantities
    assert detector.quantities <= set(QUANTITIES)


def test_chunks_timers_and_a_restart_change_nothing(
    make: Make, life: tuple[SubjectSettings, list[Reading]]
) -> None:
    settings, readings = life
    straight = opened(make, settings)
    expected = told(straight, readings)
    timed = opened(make, settings)
    assert told(timed, readings, size=97, between=True) == expected
    assert timed.snapshot("e1") == straight.snapshot("e1")
    half = len(readings) // 2
    first, second = opened(make, settings), opened(make, settings)
    wanted = [reading for reading in readings if reading.quantity in first.quantities]
    half = len(wanted) // 2
    events = first.process("e1", wanted[:half])
    second.restore("e1", first.snapshot("e1"))
    events += told(second, wanted[half:])
    assert events == expected


def test_events_are_well_formed_and_speak_both_languages(
    make: Make, life: tuple[SubjectSettings, list[Reading]]
) -> None:
    settings, readings = life
    detector = opened(make, settings)
    events = told(detector, readings)
    assert len({event.event_id for event in events}) == len(events)
    known = {sensor.device_id for sensor in settings.sensors} | {"e1"}
    for event in events:
        assert (event.detector.name, event.detector.version) == (
            detector.info.name, detector.info.version,
        )  # fmt: skip
        assert event.device_id in known
        assert event.time_ns <= event.decided_ns
        assert 0 <= event.confidence <= 1
        assert event.origin is Origin.SIMULATED
        assert event.reasons
        for reason in event.reasons:
            said = explain(detector.info.name, reason), explain(detector.info.name, reason, "en")
            assert all(said)
            assert said[0] != said[1]
    assert [event.decided_ns for event in events] == sorted(event.decided_ns for event in events)


def test_one_person_does_not_touch_another(
    make: Make, life: tuple[SubjectSettings, list[Reading]]
) -> None:
    settings, readings = life
    alone, both = opened(make, settings), opened(make, settings, "e1", "e2")
    before = both.snapshot("e2")
    told(alone, readings)
    told(both, readings)
    assert both.snapshot("e1") == alone.snapshot("e1")
    assert both.snapshot("e2") == before


def test_strangers_are_ignored_and_nobody_is_watched_unopened(
    make: Make, life: tuple[SubjectSettings, list[Reading]]
) -> None:
    settings, readings = life
    detector = opened(make, settings)
    quantity = min(detector.quantities)
    assert detector.process("e1", [Reading("stranger", quantity, readings[0].time_ns, 1.0)]) == []
    some = readings[:1500]
    assert told(detector, some) == told(opened(make, settings), some)
    with pytest.raises(KeyError):
        detector.process("nobody", readings[:1])
    detector.close("e1")
    with pytest.raises(KeyError):
        detector.snapshot("e1")


@pytest.mark.parametrize("cut", [0, 3, 11, -1])
def test_a_damaged_snapshot_is_refused_and_changes_nothing(
    make: Make, life: tuple[SubjectSettings, list[Reading]], cut: int
) -> None:
    settings, readings = life
    detector = opened(make, settings)
    told(detector, readings[:400])
    good = detector.snapshot("e1")
    with pytest.raises(SnapshotError):
        detector.restore("e1", good[:cut])
    assert detector.snapshot("e1") == good


def test_what_it_keeps_does_not_grow(
    make: Make, life: tuple[SubjectSettings, list[Reading]]
) -> None:
    settings, readings = life
    detector = opened(make, settings)
    wanted = [reading for reading in readings if reading.quantity in detector.quantities]
    sizes = []
    for day in range(4):
        shift_ns = day * 48 * HOUR_NS
        chunk = [replace(reading, time_ns=reading.time_ns + shift_ns) for reading in wanted]
        detector.process("e1", chunk)
        sizes.append(len(detector.snapshot("e1")))
    assert sizes[-1] <= 1.5 * sizes[0] + 4096
