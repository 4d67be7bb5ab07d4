"""A need finds the nearest with room and skill; every one left out says why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bureau.matching import Candidate, Need, distance_km, match
from cloud.geo import Point

HERE = Point(29.80, 106.40)
NEAR, FAR = Point(29.82, 106.42), Point(29.98, 106.60)
NEED = Need("nursing", HERE, 10.0, frozenset({"dementia_care"}), frozenset({"rehabilitation"}))
FITS = Candidate("a", "nursing", NEAR, frozenset({"dementia_care", "rehabilitation"}), 5, 10)


def codes(need: Need, one: Candidate) -> set[str]:
    (found,) = match(need, [one])
    return {reason.code for reason in found.reasons}


def test_who_fits_says_why() -> None:
    (found,) = match(NEED, [FITS])
    assert found.score is not None
    assert {"distance", "free", "load", "has_needed", "has_wished"} == codes(NEED, FITS)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"kind": "general"}, "other_kind"), ({"load": 10}, "full"),
        ({"skills": frozenset()}, "lacks_needed"), ({"where": None}, "place_unknown"),
        ({"where": FAR}, "too_far"),
    ],
)  # fmt: skip
def test_who_is_left_out_says_why(changed: dict[str, object], why: str) -> None:
    one = replace(FITS, **changed)  # type: ignore[arg-type]
    (found,) = match(NEED, [one])
    assert found.score is None
    assert why in codes(NEED, one)


def test_all_reasons_against_are_told() -> None:
    one = replace(FITS, kind="general", load=10, skills=frozenset(), where=FAR)
    assert codes(NEED, one) == {"other_kind", "full", "lacks_needed", "too_far"}


def test_a_degree_of_latitude() -> None:
    assert distance_km(Point(0, 0), Point(1, 0)) == pytest.approx(111.19, abs=0.05)
    assert distance_km(HERE, HERE) == 0


@given(st.integers(0, 10), st.integers(0, 10))
def test_more_room_never_ranks_lower(load: int, other: int) -> None:
    one, two = replace(FITS, key="a", load=load), replace(FITS, key="b", load=other)
    first = match(NEED, [one, two])[0].candidate
    if load != other:
        assert first.load == min(load, other)


@given(st.floats(0, 0.08), st.floats(0, 0.08))
def test_nearer_never_ranks_lower(first: float, second: float) -> None:
    ones = [
        replace(FITS, key=key, where=Point(HERE.lat + away, HERE.lon))
        for key, away in (("a", first), ("b", second))
    ]
    ranked = match(NEED, ones)
    assert ranked[0].distance_km <= ranked[1].distance_km + 0.02  # type: ignore[operator]
