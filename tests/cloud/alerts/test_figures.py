"""The figures, pure: what counts, what does not, and the numbers behind each share."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cloud.alerts.figures.compute import Around, Share, compute
from cloud.alerts.models import Alert

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
END = BEGIN + timedelta(weeks=1)
AROUND = Around(
    hours=100.0, beds=10, devices=20, at_home=frozenset(), shelved_now=0, stale=0, hops={}
)


def alert(minute: float, **more: Any) -> Alert:
    at = BEGIN + timedelta(minutes=minute)
    values: dict[str, Any] = {
        "id": uuid.uuid4(), "code": "fall_confirmed", "category": "person", "priority": "high",
        "state": "closed", "raised_at": at, "updated_at": at, "count": 1, "device_id": "w-1",
        "unit_id": None,
    }  # fmt: skip
    return Alert(**(values | more))


def s(minute: float, seconds: float) -> datetime:
    return BEGIN + timedelta(minutes=minute, seconds=seconds)


def test_what_nobody_was_told_of_is_counted_apart() -> None:
    low = {"code": "device_offline", "category": "technical", "priority": "low"}
    found = compute(
        [
            alert(0), alert(1, filed="history", **low), alert(2, filed="unheard", **low),
            alert(3, flood_id=uuid.uuid4(), **low),
        ],
        AROUND, BEGIN, END, now=END,
    )  # fmt: skip
    assert (found.alerts, found.history, found.unheard, found.folded) == (2, 1, 1, 1)
    assert found.per_duty_hour == 0.01  # a folded one asks nobody for anything
    assert found.priority_share["low"] == Share(1, 2, 80.0)
    assert found.technical_per_device_week == 0.05  # of all devices, not of those that spoke


def test_the_clocks_of_the_standards() -> None:
    home = alert(0, attending_at=s(0, 60), arrived_at=s(0, 60 + 50 * 60), acknowledged_at=s(0, 30),
                 closed_at=s(0, 7200))  # fmt: skip
    house = alert(10, attending_at=s(10, 5), arrived_at=s(10, 65), acknowledged_at=s(10, 200),
                  closed_at=s(10, 400))  # fmt: skip
    hops = {
        home.id: {"sensed": s(0, -2), "decided": s(0, -1), "committed": s(0, 0),
                  "shown": s(0, 1)},
        house.id: {"sensed": s(10, -9), "decided": s(10, -8), "committed": s(10, 0),
                   "shown": s(10, 12)},
    }  # fmt: skip
    around = replace(AROUND, at_home=frozenset({home.id}), hops=hops)
    found = compute([home, house], around, BEGIN, END, now=END)
    assert (found.on_spot_45_min.part, found.on_spot_45_min.whole) == (0, 1)
    assert (found.on_spot_60_min.part, found.on_spot_60_min.goal_percent) == (1, 100.0)
    assert (found.shown_10_s.part, found.shown_10_s.whole) == (1, 2)
    assert (found.cloud_5_s.part, found.cloud_5_s.whole) == (1, 2)
    assert (found.sensor_to_desk.median_s, found.sensor_to_desk.p99_s) == (12.0, 21.0)
    assert (found.closing.count, found.closing.p95_s) == (2, 7200.0)
    assert found.late_answers == [house.id]


def test_false_and_unclear_by_device_and_rule() -> None:
    found = compute(
        [
            alert(0, verdict="false"), alert(1, verdict="unclear"), alert(2, verdict="true"),
            alert(3, verdict="false", device_id="w-2", code="sos"), alert(4, device_id="w-2"),
        ],
        AROUND, BEGIN, END, now=END,
    )  # fmt: skip
    assert found.false_by_rule == {"fall_confirmed": Share(1, 3), "sos": Share(1, 1)}
    assert found.unclear_by_rule["fall_confirmed"] == Share(1, 3)
    assert [(d.device_id, d.alerts, d.false.whole) for d in found.devices] == [
        ("w-1", 3, 3), ("w-2", 2, 1),
    ]  # fmt: skip
    assert found.false_falls_per_bed_week == 0.1
    assert found.top_share == Share(5, 5, 5.0)


def test_floods_of_two_units_are_two() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    quiet = [alert(n / 10, unit_id=one) for n in range(10)]
    assert compute(quiet, AROUND, BEGIN, END, now=END).floods == 0
    both = [alert(n / 10, unit_id=unit) for n in range(11) for unit in (one, other)]
    assert compute(both, AROUND, BEGIN, END, now=END).floods == 2
