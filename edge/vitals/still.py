"""Is the sleeper still enough to be measured? A movement shows as a swing beyond the usual ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import FloatArray

# One swing (highest minus lowest) per 10 s; a window has six, the history eight hours of them:
# amplitudes drift with posture, and a night's median is what movements stand out from.
HOP_S: Final = 10.0
PER_WINDOW: Final = 6
HISTORY: Final = 2880
# Before a minute has passed nothing is usual yet.
MIN_HISTORY: Final = PER_WINDOW - 1
_RECENT: Final = 36
_CAP_DISAGREEMENT: Final = 3.0
_CAP_SPREAD: Final = 1.5
_TINY: Final = 1e-9

# Log-odds of movement: intercept and one weight for each of `features`, fitted on 27 belt nights by
# edge.vitals.training.fit_still (out-of-night figures in docs/models/vitals.md).
INTERCEPT: Final = 2.3314
WEIGHTS: Final = (
    3.8245,
    -0.3246,
    1.0457,
    0.3105,
    0.5668,
    -0.4812,
    -1.0685,
    -0.056,
    -0.1959,
    -1.2408,
)
# Chosen out of night so that 0.93 of the quiet windows are answered.
MOVING_FROM: Final = 0.08
# A history that was of an empty bed: breathing this regular, with swings this many times larger
# than the usual, begins it anew.
_TOOK_OVER: Final = 5.0
BREATHING_REGULARITY: Final = 0.6
_BREATHING_DISAGREEMENT: Final = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one 60 s window looks like, beside the history."""

    swings: FloatArray  # (6,), oldest first
    local: float  # largest over usual 5 s swing inside the window
    regularity: float
    disagreement: float
    spread: float

    @property
    def breathes(self) -> bool:
        """Breathing beyond doubt, whatever its size."""
        agreed = self.disagreement <= _BREATHING_DISAGREEMENT
        return agreed and self.regularity >= BREATHING_REGULARITY


class History:
    """The swings of up to eight hours."""

    def __init__(self) -> None:
        self.swings: npt.NDArray[np.float32] = np.zeros(HISTORY, dtype=np.float32)
        self.count = 0

    def add(self, swing: float) -> None:
        """The swing of 10 more seconds."""
        self.swings[self.count % HISTORY] = swing
        self.count += 1

    def forget(self) -> None:
        """Begin anew."""
        self.count = 0

    def recent(self, number: int) -> FloatArray:
        """The last `number` swings, fewer if there are not so many."""
        first = max(0, self.count - min(number, HISTORY))
        index = np.arange(first, self.count) % HISTORY
        return self.swings[index].astype(np.float64)

    def quantiles(self) -> tuple[float, float, float]:
        """0.15, 0.3 and 0.5 quantile."""
        known = self.swings[: min(self.count, HISTORY)]
        low, lower, middle = np.quantile(known, (0.15, 0.3, 0.5))
        return float(low) + _TINY, float(lower) + _TINY, float(middle) + _TINY

    def check_takeover(self, look: Look) -> None:
        """Drop a history of an empty bed once somebody plainly breathes in it."""
        if self.count < PER_WINDOW or not look.breathes:
            return
        ratio = float(np.median(look.swings)) / self.quantiles()[2]
        if ratio > _TOOK_OVER:
            self.forget()
            for swing in look.swings:
                self.add(float(swing))


def features(look: Look, history: History) -> FloatArray:
    """Ten numbers (10,) that tell movement from breathing."""
    low, lower, middle = history.quantiles()
    largest = float(look.swings.max()) + _TINY
    recent = float(np.median(history.recent(_RECENT))) + _TINY
    hours = max(history.count, 1)
    return np.array(
        [
            math.log(largest / middle),
            math.log(largest / lower),
            math.log(largest / low),
            math.log(largest / (float(np.median(look.swings)) + _TINY)),
            math.log(largest / (float(look.swings.min()) + _TINY)),
            math.log(recent / middle),
            look.regularity,
            min(look.disagreement, _CAP_DISAGREEMENT) + min(look.spread, _CAP_SPREAD),
            math.log(max(look.local, 1.0)),
            math.log(hours),
        ]
    )


def moving(look: Look, history: History) -> float:
    """Probability that somebody moved in the window."""
    if history.count < MIN_HISTORY:
        return 1.0
    log_odds = INTERCEPT + float(np.sum(np.array(WEIGHTS) * features(look, history)))
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, log_odds))))
