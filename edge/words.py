"""The words of all detectors. Codes are a detector's own, so its name goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from edge.bed.reasons import REASONS as BED
from edge.coverage.reasons import REASONS as COVERAGE
from edge.events import Event, Reason
from edge.fall.reasons import REASONS as FALL
from edge.fusion.reasons import REASONS as FUSION
from edge.inactivity.reasons import REASONS as INACTIVITY
from edge.reasons import ReasonText, say
from edge.room.reasons import REASONS as ROOM
from edge.sos.reasons import REASONS as SOS
from edge.vitals.reasons import REASONS as VITALS

WORDS: Final[Mapping[str, Mapping[str, ReasonText]]] = MappingProxyType(
    {
        "fall": FALL,
        "sos": SOS,
        "bed": BED,
        "coverage": COVERAGE,
        "inactivity": INACTIVITY,
        "room": ROOM,
        "vitals": VITALS,
    }
)


def explain(detector: str, reason: Reason, language: str = "zh") -> str:
    """A reason of the detector of that name, in `zh` or `en`."""
    # Fusion adds its reasons to the events of others, so its table counts for all of them.
    texts = FUSION if reason.code in FUSION else WORDS.get(detector, FUSION)
    return say(texts, reason, language)


def explain_event(event: Event, language: str = "zh") -> list[str]:
    """All reasons of an event."""
    return [explain(event.detector.name, reason, language) for reason in event.reasons]
