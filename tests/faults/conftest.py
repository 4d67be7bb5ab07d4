"""A hub of its own for each fault: faults must not see each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stack import Stack, stack_directory


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Broker, cloud and gateway, running; the gateway reaches the cloud through a proxy."""
    with stack_directory() as directory, Stack(directory) as running:
        failed_before = request.session.testsfailed
        yield running
        if request.session.testsfailed > failed_before:
            running.show_logs()
