"""What limit would have spared a person's false alarms and missed nothing: pure.

It rests on that person's own verdicts, each alert's windows decided anew by the detector of today.
A looser limit is never proposed to somebody who has had a confirmed fall, whatever the figures say:
they are few, and the next fall need not look like the last. It is tried on all confirmed falls of
the house as well, and on what staff could not judge: nothing of that may be missed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud.alerts.findings import Verdict
from edge.fall.limits import MOST_DECIDE_AT

# Fewer false alarms than this are a bad week and no habit. Defaults of ours, as is the margin: two
# per cent of probability, several times what the same fall gives in two positions of the samples.
MIN_SPARED: Final = 3
MARGIN: Final = 0.02
_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Case:
    """An alert that was judged. `chance`: the highest probability that the detector of today gives
    any of its windows; it is told where that reaches the limit. `alone`: nothing else raised it.
    """

    alert_id: uuid.UUID
    verdict: Verdict
    chance: float
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """A limit, and what it would have done."""

    proposed: float
    spared: tuple[Case, ...]
    missed: tuple[Case, ...]
    kept_true: int


def propose(own: Sequence[Case], house_falls: Sequence[Case], *, held: float) -> Proposal | None:
    """The lowest limit that spares all it can and misses nothing; None: nothing to propose.

    `held`: the limit in force. `house_falls`: confirmed falls of others, of the same kind of place
    on the body.
    """
    if any(case.verdict is Verdict.TRUE for case in own):
        return None
    could_be_real = [case.chance for case in own if case.verdict is Verdict.UNCLEAR]
    could_be_real += [case.chance for case in house_falls]
    ceiling = min([MOST_DECIDE_AT, *(chance - MARGIN for chance in could_be_real)])
    false_ones = [case for case in own if case.verdict is Verdict.FALSE and case.alone]
    below = [case.chance for case in false_ones if held <= case.chance < ceiling]
    if not below:
        return None
    proposed = round(min(ceiling, max(below) + MARGIN / 2), _DIGITS)
    spared = tuple(case for case in false_ones if held <= case.chance < proposed)
    if len(spared) < MIN_SPARED or proposed <= held:
        return None
    missed = tuple(
        case for case in own if case.verdict is Verdict.UNCLEAR and case.chance < proposed
    )
    return Proposal(proposed, spared, missed, len(house_falls))
