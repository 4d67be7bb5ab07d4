"""A night on duty with fake phones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.alerts.night import Night, make_night
from tests.cloud.world import World
from tests.support.fake_phone import FakePhone


@pytest.fixture
def phone() -> Iterator[FakePhone]:
    """Listens on loopback."""
    with FakePhone() as made:
        yield made


@pytest.fixture
def night(world: World, phone: FakePhone, tmp_path: Path) -> Night:
    """The world with its workers."""
    return make_night(world, phone, tmp_path)
