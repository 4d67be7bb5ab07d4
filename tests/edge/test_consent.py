"""Every quantity has its purpose, and what saves a life needs none."""

from __future__ import annotations

import pytest

from edge.consent import KIND_OF, DataKind, may_pass
from edge.signals import QUANTITIES


def test_every_quantity_has_a_purpose() -> None:
    assert set(KIND_OF) == set(QUANTITIES)


@pytest.mark.parametrize("quantity", ["sos", "smoke", "gas", "device_fault", "battery_level"])
def test_what_saves_a_life_needs_no_consent(quantity: str) -> None:
    assert may_pass(quantity, frozenset())


@pytest.mark.parametrize(
    ("quantity", "kind"),
    [("acceleration", DataKind.SAFETY), ("in_bed", DataKind.SAFETY),
     ("heart_rate", DataKind.VITALS), ("in_zone", DataKind.LOCATION)],
)  # fmt: skip
def test_the_rest_needs_its_own(quantity: str, kind: DataKind) -> None:
    assert not may_pass(quantity, frozenset({k.value for k in DataKind} - {kind.value}))
    assert may_pass(quantity, frozenset({kind.value}))
    assert may_pass(quantity, None)


def test_what_is_not_known_is_not_let_through() -> None:
    assert not may_pass("mood", frozenset({"vitals"}))
