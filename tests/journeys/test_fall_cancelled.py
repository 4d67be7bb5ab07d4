"""The wearer cancels: from the button on the device to the alert in the cloud."""

from __future__ import annotations

import pytest

from tests.support.processes import wait_until
from tests.support.stack import Stack

DEVICE_ID = "wearable-0001"


@pytest.mark.recordings
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("recordings_dir")
def test_a_cancel_reaches_the_alert_and_is_kept(stack: Stack) -> None:
    elder = stack.device(DEVICE_ID)["elder"]
    replay = stack.replay(
        "sisfall/SA01/F03/R01/waist", DEVICE_ID, "--hold-s", "12", "--cancel-after-s", "7"
    )
    mine = [{}]

    def cancelled() -> bool:
        mine[:] = [a for a in stack.alerts() if a["elder"]["name"] == elder]
        return bool(mine) and mine[0]["recovered"]

    wait_until(cancelled, "the alert is cancelled by the wearer", 60)
    replay.wait(60)
    (alert,) = mine
    assert (alert["state"], alert["origin"]) == ("raised", "simulated")  # the check is still due
    with stack.api() as client:
        story = client.get(f"/api/v1/alerts/{alert['id']}").json()
    assert [move["move"] for move in story["moves"]] == ["raise", "cancel"]
    kinds = [event["kind"] for event in story["events"]]
    assert kinds == ["fall_suspected", "fall_cancelled"]
    (reason,) = story["events"][1]["reasons"]
    assert reason["code"] == "cancelled_by_wearer"
    assert reason["text_zh"].startswith("佩戴者本人")
    assert "same" in stack.run("replay", alert["id"])
    with stack.api() as client:  # leave the desk as it was
        answer = client.post(
            f"/api/v1/alerts/{alert['id']}/moves",
            json={"move": "resolve", "verdict": "false", "client_time": alert["raised_at"]},
        )
        answer.raise_for_status()
