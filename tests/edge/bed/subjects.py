"""A subject in tests: readings by local clock, and what every subject detector must keep."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.events import Event
from edge.signals import NS_PER_S, Reading
from edge.subject import SubjectDetector, SubjectSettings

ZONE = ZoneInfo("Asia/Shanghai")
ELDER = "elder-1"


def at(clock: str, day: int = 10) -> int:
    """UTC ns of `HH:MM[:SS]` on a day of March 2026 in Shanghai."""
    parts = [int(part) for part in clock.split(":")]
    local = datetime(2026, 3, day, *parts, tzinfo=ZONE)
    return round(local.timestamp()) * NS_PER_S


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.kind.value for event in events]


def codes(event: Event) -> list[str]:
    return [reason.code for reason in event.reasons]


class Subject:
    """One subject in one detector."""

    def __init__(self, detector: SubjectDetector, settings: SubjectSettings) -> None:
        self.detector = detector
        detector.open(ELDER, settings)

    def say(self, device_id: str, quantity: str, value: float, time_ns: int) -> list[Event]:
        reading = Reading(device_id, quantity, time_ns, value)
        return self.detector.process(ELDER, [reading])

    def wait(self, time_ns: int) -> list[Event]:
        return self.detector.advance(ELDER, time_ns)


def assert_same_however_fed(
    make: Callable[[], SubjectDetector],
    settings: SubjectSettings,
    readings: list[Reading],
    cuts: list[int],
    end_ns: int,
) -> list[Event]:
    """In one go, or in pieces with advances, snapshots and a restart between: the same events."""
    whole = make()
    whole.open(ELDER, settings)
    expected = whole.process(ELDER, readings) + whole.advance(ELDER, end_ns)

    pieces = make()
    pieces.open(ELDER, settings)
    found: list[Event] = []
    edges = sorted({0, len(readings), *(cut % (len(readings) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        found += pieces.process(ELDER, readings[begin:end])
        if end < len(readings):
            found += pieces.advance(ELDER, max(r.time_ns for r in readings[:end]))
        saved = pieces.snapshot(ELDER)
        pieces = make()
        pieces.open(ELDER, settings)
        pieces.restore(ELDER, saved)
        assert pieces.snapshot(ELDER) == saved
    found += pieces.advance(ELDER, end_ns)
    assert found == expected
    assert len({event.event_id for event in found}) == len(found)
    return [replace(event) for event in found]
