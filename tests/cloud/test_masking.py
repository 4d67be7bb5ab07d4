"""No masked count can be worked out: by subtraction, by several sums, by a group's own sum."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.bureau.masking import SMALL, Sum, is_small, masked_cells

Cells = dict[str, tuple[int, ...]]
COUNTS = st.one_of(st.integers(0, 6), st.integers(0, 60))


@st.composite
def published(draw: st.DrawFn) -> tuple[Cells, list[Sum]]:
    """Districts of institutions, by kind, with totals both ways; a second count in each cell."""
    districts = draw(st.integers(1, 3))
    houses = [f"d{d}/h{h}" for d in range(districts) for h in range(draw(st.integers(1, 4)))]
    kinds = [f"k{k}" for k in range(draw(st.integers(1, 3)))]
    cells: Cells = {}
    for house, kind in product(houses, kinds):
        cells[f"{house}:{kind}"] = (draw(COUNTS), draw(COUNTS))
    sums: list[Sum] = []

    def total(name: str, parts: list[str]) -> None:
        cells[name] = tuple(int(n) for n in np.sum([cells[part] for part in parts], axis=0))
        sums.append(Sum(name, tuple(parts)))

    for kind in kinds:
        for d in range(districts):
            total(f"d{d}:{kind}", [f"{h}:{kind}" for h in houses if h.startswith(f"d{d}/")])
        total(f"city:{kind}", [f"d{d}:{kind}" for d in range(districts)])
    for node in [*houses, *(f"d{d}" for d in range(districts)), "city"]:
        total(f"{node}:all", [f"{node}:{kind}" for kind in kinds])
    return cells, sums


@settings(max_examples=150, deadline=None)
@given(published())
def test_nothing_masked_can_be_worked_out(made: tuple[Cells, list[Sum]]) -> None:
    cells, sums = made
    hidden = masked_cells(cells, sums)
    assert all(key in hidden for key, counts in cells.items() if is_small(counts))
    order = sorted(hidden)
    rows = np.array([[_sign(each, key) for key in order] for each in sums], dtype=float)
    # Who knows every shown cell and every sum: is a masked one fixed?
    for number in range(len(order)):
        unit = np.zeros(len(order))
        unit[number] = 1.0
        with_it = np.vstack([rows, unit])
        assert np.linalg.matrix_rank(with_it) > np.linalg.matrix_rank(rows), order[number]
    for each in sums:
        masked = [part for part in each.parts if part in hidden]
        if masked and each.total not in hidden:
            together = np.sum([cells[part] for part in masked], axis=0)
            assert not is_small([int(n) for n in together]), each


def _sign(each: Sum, key: str) -> int:
    return (key in each.parts) - (key == each.total)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8))
def test_without_small_counts_nothing_is_masked(counts: list[int]) -> None:
    counts = [count if count == 0 or count >= SMALL else count + SMALL for count in counts]
    cells = {f"h{n}": (count,) for n, count in enumerate(counts)}
    parts = tuple(cells)
    cells["city"] = (sum(counts),)
    assert masked_cells(cells, [Sum("city", parts)]) == frozenset()


def test_one_small_count_takes_the_smallest_beside_it_along() -> None:
    cells = {"a": (3,), "b": (40,), "c": (9,), "d": (0,), "city": (52,)}
    assert masked_cells(cells, [Sum("city", ("a", "b", "c", "d"))]) == {"a", "c"}


def test_two_small_counts_whose_sum_is_small_are_not_enough() -> None:
    cells = {"a": (1,), "b": (1,), "c": (30,), "city": (32,)}
    assert masked_cells(cells, [Sum("city", ("a", "b", "c"))]) == {"a", "b", "c"}


def test_where_all_parts_are_masked_and_few_the_total_goes_too() -> None:
    cells = {"a": (2,), "b": (0,), "city": (2,)}
    assert "city" in masked_cells(cells, [Sum("city", ("a", "b"))])
