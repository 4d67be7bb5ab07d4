"""The life of an incident in the register: reported, reviewed by the head nurse, closed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class IncidentState(StrEnum):
    """Where an incident is."""

    REPORTED = "reported"
    REVIEWED = "reviewed"
    CLOSED = "closed"
    VOIDED = "voided"


class IncidentStep(StrEnum):
    """What may be done to it."""

    CHANGE = "change"
    REVIEW = "review"
    RETURN = "return"
    CLOSE = "close"
    REOPEN = "reopen"
    VOID = "void"


_S, _D = IncidentState, IncidentStep
STEPS: Final[Mapping[tuple[IncidentState, IncidentStep], IncidentState]] = MappingProxyType(
    {
        (_S.REPORTED, _D.CHANGE): _S.REPORTED,
        (_S.REPORTED, _D.REVIEW): _S.REVIEWED,
        (_S.REPORTED, _D.VOID): _S.VOIDED,
        # Who changes what was reviewed takes the review away.
        (_S.REVIEWED, _D.CHANGE): _S.REPORTED,
        (_S.REVIEWED, _D.RETURN): _S.REPORTED,
        (_S.REVIEWED, _D.CLOSE): _S.CLOSED,
        (_S.CLOSED, _D.REOPEN): _S.REPORTED,
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """What must be there before it goes on."""

    injury: str | None
    cause: str | None
    measure: str | None
    follow_up: str = ""
    follow_up_on: date | None = None


def lacks(step: IncidentStep, told: Told, words: str) -> list[tuple[str, str]]:
    """Fields that are still missing for a step, with why."""
    missing: list[tuple[str, str]] = []
    if step in (_D.REVIEW, _D.CLOSE):
        for field, name in (("injury", "伤情"), ("cause", "原因"), ("measure", "措施")):
            if not getattr(told, field):
                missing.append((field, f"还没有填{name}"))
        if told.injury == "unknown" and step is _D.CLOSE:
            missing.append(("injury", "伤情还不清楚，不能结案"))
    if step is _D.CLOSE and told.follow_up_on is not None and not words.strip():
        missing.append(("words", "有后续事项，结案要写明结果"))
    if step in (_D.RETURN, _D.REOPEN, _D.VOID) and not words.strip():
        missing.append(("words", "请写明理由"))
    return missing


def after(state: IncidentState, step: IncidentStep) -> IncidentState | None:
    """The state that follows; None: not from here."""
    return STEPS.get((state, step))
