"""The dead man's switch over the whole path: broker, gateway, cloud and a test recipient."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fake_phone import FakePhone
from tests.support.processes import wait_until
from tests.support.proxy import Line
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(180)


def test_a_marked_call_travels_from_the_broker_to_the_test_recipient(stack: Stack) -> None:
    """The cloud tells the gateway to send it; only the test recipient hears of it."""
    roles = [entry["role"] for entry in stack.seed["logins"]]
    device_id = stack.seed["devices"][-1]["device_id"]
    with FakePhone() as phone, stack.api(roles.index("manager")) as manager:
        point = manager.post(
            "/api/v1/contact-points",
            json={"channel": "apprise", "label": "proof", "address": phone.address("proof"),
                  "is_test": True},
        ).json()  # fmt: skip
        code = wait_until(lambda: phone.to("proof"), "the code arrives", 30)[0].body[:6]
        at = f"/api/v1/contact-points/{point['id']}/verify"
        assert manager.post(at, json={"code": code}).status_code == 200
        (gateway,) = manager.get("/api/v1/gateways").json()["gateways"]
        wanted = {"device_id": device_id, "point_id": point["id"], "gateway_id": gateway["id"],
                  "every_s": 60}  # fmt: skip
        answer = manager.put("/api/v1/duty/dead-switch", json=wanted)
        assert answer.status_code == 200, answer.text

        def proofs() -> list[Any]:
            return [m for m in phone.to("proof") if m.title == "[模拟] 报警链路自检"]

        wait_until(proofs, "the proof arrives", 60)
        switch = wait_until(
            lambda: _arrived(manager.get("/api/v1/duty/dead-switch").json()), "it is noted", 20
        )
        assert switch["last_event_at"] is not None
        assert stack.alerts() == []  # nobody was disturbed
        stack.proxy.set_line(Line.CUT)
        wait_until(lambda: stack.gateway.log_tail(400).count("self_test_sent") >= 2, "again", 90)
        count = len(proofs())
        stack.proxy.set_line(Line.UP)
        wait_until(lambda: len(proofs()) > count, "what was cut off arrives late", 60)


def _arrived(state: dict[str, Any]) -> dict[str, Any] | None:
    switch: dict[str, Any] = state["dead_switch"]
    return switch if switch["last_ok_at"] is not None else None
