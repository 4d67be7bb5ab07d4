"""A gateway whose clock is wrong goes by the cloud's."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from gateway.clock import CorrectedClock
from tests.gateway.makers import T0_NS, S


@dataclass
class Machine:
    wall_ns: int = T0_NS
    uptime_s: float = 100.0

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_s(self) -> float:
        return self.uptime_s

    def run(self, seconds: float) -> None:
        self.wall_ns += round(seconds * S)
        self.uptime_s += seconds


def test_a_right_clock_is_left_alone() -> None:
    machine = Machine()
    clock = CorrectedClock(machine)
    clock.observe(T0_NS + 2 * S, 0.0)
    clock.observe(T0_NS - 3 * S, 1.0)
    assert clock.now_ns() == T0_NS


def test_a_clock_in_the_past_is_put_right_and_told_once() -> None:
    machine = Machine()
    clock = CorrectedClock(machine)
    with capture_logs() as logs:
        clock.observe(T0_NS + 3600 * S, 0.05)
        assert clock.now_ns() == T0_NS + 3600 * S
        machine.run(30)
        clock.observe(T0_NS + 3630 * S, 0.05)
        assert clock.now_ns() == T0_NS + 3630 * S
        assert [entry["event"] for entry in logs] == ["clock_wrong"]
        # The machine learns the time by itself: no jump, neither now nor at the next heartbeat.
        machine.wall_ns += 3600 * S
        assert clock.now_ns() == T0_NS + 3630 * S
        clock.observe(T0_NS + 3630 * S, 0.05)
        assert clock.now_ns() == T0_NS + 3630 * S
        machine.run(1)
        assert clock.now_ns() == T0_NS + 3631 * S
    assert [entry["event"] for entry in logs] == ["clock_wrong", "clock_right_again"]


def test_a_clock_in_the_future_too() -> None:
    machine = Machine()
    clock = CorrectedClock(machine)
    clock.observe(T0_NS - 3600 * S, 0.0)
    machine.run(2)
    assert clock.now_ns() == T0_NS - 3598 * S
    assert clock.monotonic_s() == 102.0


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_step_of_the_machine_is_not_followed_once_the_cloud_agreed(hours: int) -> None:
    machine = Machine()
    clock = CorrectedClock(machine)
    with capture_logs() as logs:
        clock.observe(T0_NS, 0.05)
        machine.run(10)
        machine.wall_ns += hours * 3600 * S
        assert clock.now_ns() == T0_NS + 10 * S
        machine.run(20)
        clock.observe(T0_NS + 30 * S, 0.05)
        assert clock.now_ns() == T0_NS + 30 * S
        machine.wall_ns -= hours * 3600 * S
        clock.observe(T0_NS + 30 * S, 0.05)
        assert clock.now_ns() == T0_NS + 30 * S
    assert [entry["event"] for entry in logs] == ["clock_stepped", "clock_right_again"]


def test_without_a_cloud_the_machine_is_followed() -> None:
    machine = Machine()
    clock = CorrectedClock(machine)
    machine.wall_ns += 3600 * S
    assert clock.now_ns() == T0_NS + 3600 * S
