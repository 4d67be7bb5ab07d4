"""An open need matched to a free bed or a responder, by skill, distance and load. Pure.

Every candidate is told of with its reasons: why it stands where it does, or why it is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cloud.geo import Point, distance_m

# Design defaults (D): what a whole is made of. Near counts most, then room to spare; a skill that
# was only wished for counts least, since what is needed was a condition already.
_NEAR: Final = 0.5
_ROOM: Final = 0.3
_WISHES: Final = 0.2


@dataclass(frozen=True, slots=True)
class Need:
    """What is looked for. `kind`: of bed, or `responder`; `needs` are conditions, `wishes` not."""

    kind: str
    where: Point | None
    within_km: float
    needs: frozenset[str] = frozenset()
    wishes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, for the page to put into words: a code, with what it is about."""

    code: str
    value: float | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An institution with beds of a kind, or a responder. `load` of `capacity` is taken.

    `against` and `also`: what the caller knows besides, told with the reasons; one thing against
    leaves the candidate out.
    """

    key: str
    kind: str
    where: Point | None
    skills: frozenset[str]
    load: int
    capacity: int
    against: tuple[Reason, ...] = ()
    also: tuple[Reason, ...] = ()

    @property
    def free(self) -> int:
        """What is left."""
        return max(0, self.capacity - self.load)


@dataclass(frozen=True, slots=True)
class Matched:
    """A candidate with its score in 0..1 (None: left out) and the reasons."""

    candidate: Candidate
    score: float | None
    distance_km: float | None
    reasons: tuple[Reason, ...]


def distance_km(a: Point, b: Point) -> float:
    """Along the great circle."""
    return distance_m(a, b) / 1000


def match(need: Need, candidates: Iterable[Candidate]) -> list[Matched]:
    """The fitting ones by score, the nearer first among equals; then those left out."""
    found = [_weigh(need, one) for one in candidates]
    return sorted(
        found,
        key=lambda one: (
            one.score is None, -(one.score or 0.0), one.distance_km or 0.0, one.candidate.key,
        ),
    )  # fmt: skip


def _weigh(need: Need, one: Candidate) -> Matched:
    far = None
    if need.where is not None and one.where is not None:
        far = distance_km(need.where, one.where)
    against = (*one.against, *_against(need, one, far))
    if against:
        return Matched(one, None, far, against)
    near = 1.0 if need.where is None or far is None else max(0.0, 1 - far / need.within_km)
    room = one.free / one.capacity
    met = need.wishes & one.skills
    wished = len(met) / len(need.wishes) if need.wishes else 1.0
    reasons = [Reason("free", one.free), Reason("load", round(1 - room, 3))]
    if far is not None:
        reasons.insert(0, Reason("distance", round(far, 1)))
    if need.needs:
        reasons.append(Reason("has_needed", names=tuple(sorted(need.needs))))
    if met:
        reasons.append(Reason("has_wished", names=tuple(sorted(met))))
    if missed := need.wishes - met:
        reasons.append(Reason("lacks_wished", names=tuple(sorted(missed))))
    reasons += one.also
    score = round(_NEAR * near + _ROOM * room + _WISHES * wished, 4)
    return Matched(one, score, far, tuple(reasons))


def _against(need: Need, one: Candidate, far: float | None) -> Sequence[Reason]:
    found = []
    if one.kind != need.kind:
        found.append(Reason("other_kind", names=(one.kind,)))
    if one.free == 0:
        found.append(Reason("full"))
    if lacking := need.needs - one.skills:
        found.append(Reason("lacks_needed", names=tuple(sorted(lacking))))
    if need.where is not None and one.where is None:
        found.append(Reason("place_unknown"))
    if far is not None and far > need.within_km:
        found.append(Reason("too_far", round(far, 1)))
    return found
