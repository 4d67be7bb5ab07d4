"""What the staff found: one tap, and what it counts as. Only this is truth about a detector."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Verdict(StrEnum):
    """What a finding counts as."""

    TRUE = "true"
    FALSE = "false"
    UNCLEAR = "unclear"
    TEST = "test"


class Finding(StrEnum):
    """What it was. The first seven answer a fall alert; REAL and FALSE_ALARM any other."""

    REAL_FALL = "real_fall"
    LOWERED_SELF = "lowered_self"
    SAT_HARD = "sat_hard"
    DEVICE_DROPPED = "device_dropped"
    CARE_HANDLING = "care_handling"
    VISITOR = "visitor"
    REAL = "real"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    UNCLEAR = "unclear"


class Injury(StrEnum):
    """How badly somebody was hurt."""

    NONE = "none"
    MINOR = "minor"
    SERIOUS = "serious"
    HOSPITAL = "hospital"
    DEATH = "death"
    UNKNOWN = "unknown"


# Whoever lets themselves down to the floor on purpose has not fallen.
VERDICT_OF: Final[Mapping[Finding, Verdict]] = MappingProxyType(
    {
        Finding.REAL_FALL: Verdict.TRUE,
        Finding.REAL: Verdict.TRUE,
        Finding.LOWERED_SELF: Verdict.FALSE,
        Finding.SAT_HARD: Verdict.FALSE,
        Finding.DEVICE_DROPPED: Verdict.FALSE,
        Finding.CARE_HANDLING: Verdict.FALSE,
        Finding.VISITOR: Verdict.FALSE,
        Finding.FALSE_ALARM: Verdict.FALSE,
        Finding.TEST: Verdict.TEST,
        Finding.UNCLEAR: Verdict.UNCLEAR,
    }
)
