"""A scenario as it is watched: the same every time, in order, and nothing told before its time."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edge.simulated import TagError, open_line, tagged_line
from firmware_sim.scenarios.schema import BuildingSpec
from firmware_sim.world.stage import Many, Order, perform

# Two people, one bad night: calls, a fall, somebody stuck.
ORDER = Order(
    scenario="busy-night", seed=5, building=BuildingSpec(units=1, rooms_per_unit=2), carers=1
)
KEY = bytes(range(32))


def told(order: Order, waits: list[float] | None = None) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    perform(order, said.append, (waits if waits is not None else []).append)
    return said


@pytest.fixture(scope="module")
def night() -> list[dict[str, Any]]:
    return told(ORDER)


def looks(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [body for body in said if body["kind"] == "tick"]


def test_the_same_seed_is_the_same_night(night: list[dict[str, Any]]) -> None:
    assert told(ORDER) == night
    assert told(ORDER.model_copy(update={"seed": 6}))[-1] != night[-1]


def test_alerts_go_their_steps_and_tell_nothing_early(night: list[dict[str, Any]]) -> None:
    steps = ["open", "going", "there", "done"]
    last: dict[int, str] = {}
    for look in looks(night):
        for alert in look["alerts"]:
            before = last.get(alert["id"])
            assert before is None or steps.index(before) < steps.index(alert["state"])
            last[alert["id"]] = alert["state"]
            assert alert["at_s"] <= look["at_s"]
            if alert["state"] in ("open", "going"):
                assert alert["bedside_s"] is None
                assert alert["real"] is None or alert["state"] != "going"
    card = night[-1]
    assert set(last) == {alert["id"] for alert in card["alerts"]}
    assert card["bedside"]["calls"] == sum(alert["real"] for alert in card["alerts"])


def test_a_bed_is_in_alert_while_somebody_is_needed(night: list[dict[str, Any]]) -> None:
    beds: dict[int, str] = {}
    open_at: dict[int, set[int]] = {}
    for look in looks(night):
        beds.update(look["beds"])
        for alert in look["alerts"]:
            waiting = open_at.setdefault(alert["bed"], set())
            (waiting.discard if alert["state"] == "done" else waiting.add)(alert["id"])
        for bed, waiting in open_at.items():
            assert (beds[bed] == "alert") is bool(waiting)


def test_a_carer_is_in_one_place_and_comes_back(night: list[dict[str, Any]]) -> None:
    doing = {}
    for look in looks(night):
        for one in look["staff"]:
            assert one["carer"] == 1
            doing[one["carer"]] = one["doing"]
    assert {one["doing"] for look in looks(night) for one in look["staff"]} >= {"free", "round"}
    assert doing == {1: "free"}


def test_nobody_on_duty_is_told_as_nobody_came() -> None:
    card = told(ORDER.model_copy(update={"carers": 0}))[-1]
    assert card["bedside"]["nobody_came"] == card["bedside"]["calls"] > 0
    assert card["bedside"]["p95_s"] is None
    assert {alert["state"] for alert in card["alerts"]} == {"open"}


def test_speed_is_the_watchers_time() -> None:
    waits: list[float] = []
    said = told(ORDER.model_copy(update={"speed": 3600.0}), waits)
    assert sum(waits) == pytest.approx(12.0, abs=0.6)  # 12 h at an hour a second
    assert looks(said)[-1]["at_s"] == 12 * 3600


def test_a_what_if_tells_intervals_and_all_calls() -> None:
    order = ORDER.model_copy(update={"what_if": Many(carers=(2, 1), seeds=4)})
    one, two = told(order)[-1]["outcomes"]
    assert (one["carers"], two["carers"]) == (1, 2)
    assert one["p95_s"]["low"] <= one["p95_s"]["value"] <= one["p95_s"]["high"]
    assert sum(one["times"]) == one["calls"] == two["calls"]


def test_a_town_is_refused() -> None:
    with pytest.raises(ValidationError, match="at most 500 people"):
        Order(scenario="busy-night", building=BuildingSpec(units=50, rooms_per_unit=60))


def test_a_tag_holds_for_its_run_its_turn_and_its_words() -> None:
    line = tagged_line(KEY, "run", 3, '{"kind":"tick"}')
    assert open_line(KEY, "run", 3, line)[1] == '{"kind":"tick"}'
    for key, run, number, said in (
        (bytes(32), "run", 3, line),
        (KEY, "other", 3, line),
        (KEY, "run", 4, line),
        (KEY, "run", 3, line.replace("tick", "tock")),
        (KEY, "run", 3, "3 x"),
        (KEY, "run", 3, ""),
    ):
        with pytest.raises(TagError):
            open_line(key, run, number, said)
