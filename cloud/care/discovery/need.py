"""From an elder's days, record and earlier answers to points, each with its reason. Pure.

Points (design defaults, D) order a list of people for a person to look at; they are no diagnosis.
What is measured earns points by how sure and how large the change is (`change.py`); what stands in
the record makes somebody who changes be listed sooner. What is not known earns nothing and is told
as unknown; that an elder cannot be seen any more is a reason of its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from cloud.care.discovery.change import BASELINE_DAYS, Change, change_of, known, without_trace
from cloud.care.discovery.features import FEATURES, Feature, FeatureDay, Group

# Somebody with nothing in the record needs two signs of full strength, or one and a repeated
# alarm; who lives alone at 85 with level 2 (2.0) needs one (measured: benchmarks/discovery.py).
LIST_AT: Final = 5.0
# Within a group the second strongest counts half, the third a quarter: steps and movement tell of
# the same legs.
_FURTHER: Final = 0.5
# Two whole days: a power cut of a night is mended before anybody goes there.
BLIND_DAYS: Final = 2
_UNSEEN_DAYS: Final = 7
_UNSEEN_KNOWN_BEFORE: Final = 14
_COVERAGE_LOST: Final = 6.0
_PARTLY_UNSEEN: Final = 2.0
_SECOND_FALL: Final = 8.0
_REFUSED: Final = MappingProxyType({1: 1.0, 2: 3.0})  # and more
# Three of one kind in a week is a pattern that staff would speak of.
_ALERTS_LEAST: Final = 3
_ALERTS_WEIGHT: Final = 3.0
# In standard deviations of a Poisson count above the usual week.
_ALERTS_FROM: Final = 1.0
_ALERTS_FULL: Final = 4.0

_LIVING: Final = MappingProxyType(
    {"lives_alone": 1.0, "no_kin": 1.5, "children_away": 0.5, "empty_nest": 0.5}
)
_ECONOMIC: Final = MappingProxyType(
    {"tekun": 1.5, "dibao": 1.0, "dibao_edge": 0.5, "expenditure_poor": 0.5}
)
_LEVEL: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_OLD: Final = ((90, 1.0), (80, 0.5))
_OVERDUE: Final = ((180, 1.0), (1, 0.5))
_NEVER_ASSESSED: Final = 1.0

# Earlier answers of a person to the same kind of reason, of the same elder.
DAMPED: Final = 0.5
RAISED: Final = 1.25
DAMPED_FOR: Final = timedelta(days=60)
RAISED_FOR: Final = timedelta(days=90)

# Never weighed down by an answer, and listed whatever the sum: what no opinion can make untrue.
HARD: Final = frozenset({"second_fall", "coverage_lost", "no_trace"})
# Not weighed down either: a sensor that is silent, visits that were refused, the record.
_ANSWERABLE_EXTRA: Final = frozenset({"alerts"})


@dataclass(frozen=True, slots=True)
class Alerts:
    """Person alerts of one code, without those found false: last 7 days, and a usual week."""

    recent: int
    usual: float


@dataclass(frozen=True, slots=True)
class Person:
    """What the record says. None: not known, which earns no points."""

    age: int | None = None
    level: int | None = None
    living: frozenset[str] = frozenset()
    economic: str | None = None
    never_assessed: bool = False
    overdue_days: int = 0
    second_fall_on: date | None = None
    alerts: Mapping[str, Alerts] = field(default_factory=dict)
    refused: int = 0
    # For how many days up to now there have been devices that should tell something of an elder
    # who was there; and whether the elder is known to be away.
    watched_days: int = 0
    away: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said of a kind of reason of this elder."""

    kind: str
    confirmed: bool
    on: date
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One kind of points. `values` are what the words are made of; `factor` by earlier answers."""

    kind: str
    group: str
    points: float
    values: Mapping[str, float | str] = field(default_factory=dict)
    factor: float = 1.0
    answered_on: date | None = None

    @property
    def hard(self) -> bool:
        """Whether it lists by itself and no answer weighs it down."""
        return self.kind in HARD


@dataclass(frozen=True, slots=True)
class Need:
    """`unknown`: what cannot be told of this elder now, by group; never to be read as well."""

    score: float
    listed: bool
    reasons: tuple[Reason, ...]
    unknown: tuple[str, ...]


def need_of(
    days: Mapping[date, FeatureDay], person: Person, answers: Sequence[Answer], today: date
) -> Need:
    """The points of one elder at the end of `today`."""
    changes = {feature: change_of(days, feature, today) for feature in FEATURES}
    reasons = [
        *_changes(change for change in changes.values() if change is not None),
        *_coverage(days, person, today),
        *_alerts(person),
        *_events(person),
        *_record(person),
    ]
    reasons = [_answered(reason, answers, today) for reason in reasons]
    reasons.sort(key=lambda reason: (not reason.hard, -reason.points, reason.kind))
    score = sum(reason.points for reason in reasons)
    return Need(
        round(score, 2),
        score >= LIST_AT or any(reason.hard for reason in reasons),
        tuple(reasons),
        _unknown(changes, person),
    )


def _changes(changes: Iterable[Change]) -> list[Reason]:
    groups: dict[Group, list[tuple[float, Change]]] = defaultdict(list)
    for change in changes:
        spec = FEATURES[change.feature]
        if change.strength > 0:
            groups[spec.group].append((spec.weight * change.strength, change))
    reasons = []
    for group, found in groups.items():
        found.sort(key=lambda one: (-one[0], one[1].feature))
        for place, (points, change) in enumerate(found):
            reasons.append(
                Reason(
                    change.feature.value, group.value, points * _FURTHER**place,
                    {
                        "recent": change.recent, "usual": change.usual, "low": change.low,
                        "high": change.high, "days": change.days, "effect": change.effect,
                        "score": change.score, "share": _FURTHER**place,
                    },
                )
            )  # fmt: skip
    return reasons


def _coverage(days: Mapping[date, FeatureDay], person: Person, today: date) -> list[Reason]:
    if not person.watched_days or person.away:
        return []
    blind = min(blind_days(days, today), person.watched_days)
    if blind >= BLIND_DAYS and any(
        without_trace(days.get(today - timedelta(days=back), {})) for back in range(BLIND_DAYS)
    ):
        return [Reason("no_trace", "coverage", _COVERAGE_LOST, {"days": blind})]
    if blind >= BLIND_DAYS:
        return [Reason("coverage_lost", "coverage", _COVERAGE_LOST, {"days": blind})]
    if person.watched_days < _UNSEEN_DAYS:
        return []
    reasons = []
    for group in Group:
        if group is Group.WEIGHT:  # spot measurements come when somebody comes
            continue
        features = [feature for feature, spec in FEATURES.items() if spec.group is group]
        edge = today - timedelta(days=_UNSEEN_DAYS)
        before = max(
            len(known(days, one, edge - timedelta(days=BASELINE_DAYS), edge)) for one in features
        )
        if before >= _UNSEEN_KNOWN_BEFORE and not any(
            known(days, one, edge, today) for one in features
        ):
            reasons.append(
                Reason(
                    f"unseen_{group.value}", "coverage", _PARTLY_UNSEEN,
                    {"days": _UNSEEN_DAYS},
                )
            )  # fmt: skip
    return reasons


def blind_days(days: Mapping[date, FeatureDay], today: date) -> int:
    """How many days up to today nobody was seen, at most those looked back on."""
    for back in range(BASELINE_DAYS):
        told = days.get(today - timedelta(days=back), {})
        seen = any(value is not None and math.isfinite(value) for value in told.values())
        if seen and not without_trace(told):
            return back
    return BASELINE_DAYS


def _alerts(person: Person) -> list[Reason]:
    reasons = []
    for code, count in person.alerts.items():
        if count.recent < _ALERTS_LEAST:
            continue
        above = (count.recent - count.usual) / max(count.usual, 1.0) ** 0.5
        strength = min(1.0, max(0.0, (above - _ALERTS_FROM) / (_ALERTS_FULL - _ALERTS_FROM)))
        if strength > 0:
            reasons.append(
                Reason(
                    "alerts", "alerts", _ALERTS_WEIGHT * strength,
                    {"code": code, "recent": count.recent, "usual": count.usual},
                )
            )  # fmt: skip
    reasons.sort(key=lambda reason: -reason.points)
    return [
        replace(reason, points=reason.points * _FURTHER**place)
        for place, reason in enumerate(reasons)
    ]


def _events(person: Person) -> list[Reason]:
    reasons = []
    if person.second_fall_on is not None:
        values = {"on": person.second_fall_on.isoformat()}
        reasons.append(Reason("second_fall", "falls", _SECOND_FALL, values))
    if person.refused:
        points = _REFUSED[min(person.refused, max(_REFUSED))]
        reasons.append(Reason("refused", "visits", points, {"count": person.refused}))
    return reasons


def _record(person: Person) -> list[Reason]:
    found: list[tuple[str, float, Mapping[str, float | str]]] = [
        (flag, _LIVING[flag], {}) for flag in _LIVING if flag in person.living
    ]
    if person.economic is not None and person.economic in _ECONOMIC:
        found.append(("economic", _ECONOMIC[person.economic], {"status": person.economic}))
    if person.level is not None and _LEVEL[person.level]:
        found.append(("level", _LEVEL[person.level], {"level": person.level}))
    if person.age is not None:
        old = next((points for age, points in _OLD if person.age >= age), 0.0)
        if old:
            found.append(("age", old, {"age": person.age}))
    if person.never_assessed:
        found.append(("never_assessed", _NEVER_ASSESSED, {}))
    else:
        late = next((points for least, points in _OVERDUE if person.overdue_days >= least), 0.0)
        if late:
            found.append(("overdue", late, {"days": person.overdue_days}))
    return [Reason(kind, "record", points, values) for kind, points, values in found]


def answerable(kind: str) -> bool:
    """Whether a person's answer counts for the next time this kind comes up."""
    return kind in FEATURES or kind in _ANSWERABLE_EXTRA


def _answered(reason: Reason, answers: Sequence[Answer], today: date) -> Reason:
    """The newest answer to this kind weighs; hard reasons and what is no estimate stay."""
    if not answerable(reason.kind):
        return reason
    newest = max(
        (one for one in answers if one.kind == reason.kind and one.on <= today),
        key=lambda one: one.on, default=None,
    )  # fmt: skip
    if newest is None:
        return reason
    lasts, factor = (RAISED_FOR, RAISED) if newest.confirmed else (DAMPED_FOR, DAMPED)
    if today > newest.on + lasts:
        return reason
    return replace(
        reason, points=reason.points * factor, factor=factor, answered_on=newest.on,
        values={**reason.values, "answered_why": newest.why},
    )  # fmt: skip


def _unknown(changes: Mapping[Feature, Change | None], person: Person) -> tuple[str, ...]:
    seen = {FEATURES[feature].group for feature, change in changes.items() if change is not None}
    unknown = [group.value for group in Group if group not in seen]
    if person.level is None:
        unknown.append("level")
    if person.economic is None:
        unknown.append("economic")
    return tuple(unknown)
