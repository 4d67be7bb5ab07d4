"""Whether an elder's last days differ from their own usual ones. Pure.

Method: the median of the last 14 known days is compared with the median of the 8 weeks before
them; the spread is the scaled median absolute deviation of those weeks (1.4826 MAD, which is the
standard deviation where days are normal). Medians and MAD stand up to half of the days being odd
(Huber and Ronchetti, Robust Statistics, 2nd ed., ch. 5), so a feast, a visitor or three days in bed
with a cold change nothing. A quick change is found by the last 7 days: there five of seven must be
worse, since a cold of four days would move their median. The difference is told in two measures:

- `effect`: in spreads of single days (how large it is for this person);
- `score`: in standard errors of a difference of two medians, sqrt(pi/2 (1/n + 1/m)) spreads by the
  asymptotic variance of the median (how sure it is).

Both are needed: many days make a tiny difference sure, and few days make a chance one large.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Final

from cloud.care.discovery.features import FEATURES, Feature, FeatureDay

# A week holds every weekday once; two weeks find what is slow, a week later but surer.
RECENT_DAYS: Final = (7, 14)
# Which of the days, from the worst on, stands for them: half of 14, five of 7.
_WORSE_SHARE: Final = {7: 0.7, 14: 0.5}
_RECENT_KNOWN: Final = {7: 4, 14: 8}
# Eight weeks: long enough for a stable MAD, short enough that a season has not turned.
BASELINE_DAYS: Final = 56
# Fewer than two weeks of known days give a MAD with an error of a quarter and more: no judgement.
MIN_BASELINE_KNOWN: Final = 14
# How far back days are looked at in all.
HISTORY_DAYS: Final = max(RECENT_DAYS) + BASELINE_DAYS
# A cat, a bag: an hour of "in bed" with nobody moving anywhere is nobody.
_EMPTY_BED_H: Final = 1.0
_MAD_TO_SD: Final = 1.4826
# A spread below a tenth of the middle is a lucky stretch, not a property of a person (D).
_MIN_SHARE: Final = 0.10

# Points begin at `_SURE_FROM` standard errors and are full at `_SURE_FULL`. One feature of one
# person is looked at every night in 2 windows that overlap from night to night: some 60 windows
# that are nearly independent a year for each of about 10 features. At 3 (one-sided p 0.0013) that
# is about 0.8 chance beginnings a person-year, worth next to nothing each; at 5 none.
_SURE_FROM: Final = 3.0
_SURE_FULL: Final = 5.0
# Less than this many day-to-day spreads nobody would notice in the room (Cohen's large: 0.8).
_LARGE_FROM: Final = 0.8
_LARGE_FULL: Final = 1.6


@dataclass(frozen=True, slots=True)
class Change:
    """`strength` 0 .. 1: how much of the feature's points it earns."""

    feature: Feature
    recent: float
    usual: float
    low: float
    high: float
    days: int
    effect: float
    score: float
    strength: float


def known(
    days: Mapping[date, FeatureDay], feature: Feature, after: date, until: date
) -> list[float]:
    """Values of (after, until]; missing, None and what is not finite are left out alike.

    So are days on which nobody was there: they say nothing of how somebody lives.
    """
    length = (until - after).days
    told = (days.get(until - timedelta(days=back), {}) for back in range(length))
    found = (day.get(feature) for day in told if not without_trace(day))
    return [value for value in found if value is not None and math.isfinite(value)]


def without_trace(day: FeatureDay) -> bool:
    """Sensors that work saw nobody: no movement all day, and the bed as good as empty."""
    moved, lay = day.get(Feature.ACTIVITY), day.get(Feature.TIME_IN_BED)
    return moved == 0 and lay is not None and lay < _EMPTY_BED_H


def change_of(days: Mapping[date, FeatureDay], feature: Feature, today: date) -> Change | None:
    """The stronger of the two windows; None: too few days are known to say anything."""
    spec = FEATURES[feature]
    edge = today - timedelta(days=max(RECENT_DAYS))
    baseline = known(days, feature, edge - timedelta(days=BASELINE_DAYS), edge)
    if len(baseline) < MIN_BASELINE_KNOWN:
        return None
    usual = median(baseline)
    spread = _MAD_TO_SD * median(abs(value - usual) for value in baseline)
    chance = math.sqrt(max(usual, 1.0)) if spec.counts else 0.0
    spread = max(spread, spec.floor, chance, _MIN_SHARE * abs(usual) if spec.counts else 0.0)
    found = [
        _compare(feature, recent, usual, spread, len(baseline), length)
        for length in RECENT_DAYS
        if len(recent := known(days, feature, today - timedelta(days=length), today))
        >= _RECENT_KNOWN[length]
    ]
    return max(found, key=lambda one: (one.strength, one.score), default=None)


def _compare(  # noqa: PLR0917 - two samples and their spread
    feature: Feature, recent: list[float], usual: float, spread: float, baseline: int, length: int
) -> Change:  # fmt: skip
    middle = _stands_for(recent, FEATURES[feature].worse, _WORSE_SHARE[length])
    effect = FEATURES[feature].worse * (middle - usual) / spread
    score = effect / math.sqrt(math.pi / 2 * (1 / len(recent) + 1 / baseline))
    strength = min(_ramp(score, _SURE_FROM, _SURE_FULL), _ramp(effect, _LARGE_FROM, _LARGE_FULL))
    return Change(
        feature, middle, usual, usual - spread, usual + spread, length, effect, score, strength
    )


def _stands_for(recent: list[float], worse: int, share: float) -> float:
    """The value that this share of the days is as bad as, or worse."""
    from_worst = sorted(recent, reverse=worse > 0)
    place = share * (len(recent) - 1)
    low = math.floor(place)
    rest = place - low
    if not rest:
        return from_worst[low]
    return from_worst[low] * (1 - rest) + from_worst[low + 1] * rest


def _ramp(value: float, begin: float, full: float) -> float:
    return min(1.0, max(0.0, (value - begin) / (full - begin)))
