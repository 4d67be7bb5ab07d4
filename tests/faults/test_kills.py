"""A fall is told exactly once, whoever is killed on the way (`kill -9`, real processes)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.processes import wait_until
from tests.support.proxy import Line
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(180)

DEVICE_ID = "wearable-0001"


def start_fall(stack: Stack, after_s: int = 6) -> None:
    """A simulated wearer who falls a few seconds from now and stays down."""
    stack.sim("wearable", "--device-id", DEVICE_ID, "--position", "waist", "--seed", "7",
              "--fall-after-s", str(after_s))  # fmt: skip


def the_alert_of_the_fall(stack: Stack) -> dict[str, Any]:
    """The one open alert; fails when there are two."""

    def look() -> list[dict[str, Any]]:
        return [alert for alert in stack.alerts() if alert["code"].startswith("fall")]

    (alert,) = wait_until(look, "the fall is on the desk", 60)
    return alert


def confirmed(stack: Stack) -> bool:
    """Whether the follow-up of the same fall arrived too."""
    return any(alert["code"] == "fall_confirmed" for alert in stack.alerts())


def test_gateway_killed_between_outbox_and_uplink(stack: Stack) -> None:
    stack.proxy.set_line(Line.CUT)
    start_fall(stack)
    wait_until(lambda: "fall_suspected" in stack.gateway.log_tail(), "the fall is stored", 60)
    assert stack.urgent_pending() >= 1
    assert stack.alerts() == []
    stack.gateway.kill_9()
    stack.proxy.set_line(Line.UP)
    assert stack.alerts() == []
    stack.start_gateway()
    alert = the_alert_of_the_fall(stack)
    assert alert["elder"]["name"] == stack.device(DEVICE_ID)["elder"]
    wait_until(lambda: confirmed(stack), "the confirmation follows across the restart", 60)
    assert the_alert_of_the_fall(stack)["id"] == alert["id"]


def test_cloud_killed_before_it_answers(stack: Stack) -> None:
    # The first data say that the elder can be seen: that is an urgent event of its own.
    start_fall(stack, after_s=20)
    wait_until(
        lambda: "coverage_protected" in stack.gateway.log_tail() and stack.urgent_pending() == 0,
        "what the first data say is acknowledged",
        60,
    )
    stack.proxy.set_line(Line.HOLD_URGENT_ANSWERS)
    assert stack.proxy.urgent_answer_held.wait(60), "the cloud answered the urgent batch"
    (committed,) = stack.alerts()
    stack.cloud.kill_9()
    stack.proxy.set_line(Line.UP)
    stack.start_cloud()
    wait_until(lambda: confirmed(stack), "the gateway goes on", 60)
    assert the_alert_of_the_fall(stack)["id"] == committed["id"]
    wait_until(lambda: stack.urgent_pending() == 0, "the outbox is acknowledged", 30)
    assert len(stack.alerts()) == 1


def test_broker_killed_during_a_fall(stack: Stack) -> None:
    start_fall(stack)
    wait_until(lambda: "wearable" in stack_log(stack), "the wearable is publishing", 20)
    stack.mosquitto.kill_9()
    stack.mosquitto.start()
    alert = the_alert_of_the_fall(stack)
    wait_until(lambda: confirmed(stack), "the fall is confirmed after the cut", 90)
    assert the_alert_of_the_fall(stack)["id"] == alert["id"]


def stack_log(stack: Stack) -> str:
    """What the simulator has written so far."""
    path = stack.directory / "sim.log"
    return path.read_text(errors="replace") if path.exists() else ""
