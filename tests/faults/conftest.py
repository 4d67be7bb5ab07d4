"""A hub of its own for each fault: faults must not see each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Broker, cloud and gateway, running; the gateway reaches the cloud through a proxy."""
    with Stack(tmp_path / "stack") as running:
        yield running
