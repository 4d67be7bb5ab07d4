"""One person's own limit of the fall detector: from which probability on it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edge.signals import SignalError

# By this name in `SubjectSettings.overrides`.
DECIDE_AT: Final = "fall.decide_at"
# A default of ours: beyond it a detector is as good as off, whoever approves it.
MOST_DECIDE_AT: Final = 0.9


def own_limit(overrides: Mapping[str, float]) -> float:
    """The person's own limit, 0.0 where there is none. It can only ask for more than the model's.

    Raises SignalError.
    """
    value = overrides.get(DECIDE_AT)
    if value is None:
        return 0.0
    if not 0.0 < value <= MOST_DECIDE_AT:
        raise SignalError(DECIDE_AT, f"{value:g} is not above 0 and at most {MOST_DECIDE_AT:g}")
    return value
