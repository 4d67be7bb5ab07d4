"""Take a decision again from what an event carries: the test of every alert afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge.events import Event
from edge.fall.detector import NAME as FALL
from edge.fall.replay import ReplayError
from edge.fall.replay import replay as replay_fall


class Outcome(StrEnum):
    """What came of replaying an event."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True, slots=True)
class Replayed:
    """`outcome`, with a sentence for a person and what the detector decides today."""

    event: Event
    outcome: Outcome
    detail: str
    decided: tuple[Event, ...] = ()


def replay(event: Event) -> Replayed:
    """Feed the detector of `event` its evidence again. Same means same kind, instant and id."""
    if event.evidence is None:
        detail = "a call by a person carries no signal to decide again"
        return Replayed(event, Outcome.NOT_POSSIBLE, detail)
    if event.detector.name != FALL:
        detail = f"there is no detector named {event.detector.name} here"
        return Replayed(event, Outcome.NOT_POSSIBLE, detail)
    try:
        decided = tuple(replay_fall(event))
    except ReplayError as error:
        return Replayed(event, Outcome.NOT_POSSIBLE, str(error))
    if any(again.event_id == event.event_id for again in decided):
        return Replayed(event, Outcome.SAME, "the same decision", decided)
    found = ", ".join(again.kind.value for again in decided) or "nothing"
    return Replayed(event, Outcome.DIFFERENT, f"this time the detector says: {found}", decided)
