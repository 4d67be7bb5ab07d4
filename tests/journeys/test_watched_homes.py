"""Whole homes through the whole hub: a recorded one, and a simulated one; what the desk shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from edge.inactivity.devices import ACTIVITY_QUANTITIES
from edge.inactivity.training.homes import read_home
from edge.signals import NS_PER_S, Reading
from edge.subject import RoomKind, Sensor, SensorRole
from tests.support.one_home import one_home
from tests.support.processes import PATIENCE, REPOSITORY, wait_until
from tests.support.stack import Stack
from tests.support.streams import Broker

MANAGER = 4
DAY_NS = 86_400 * NS_PER_S
DATA = Path(os.environ.get("YUYUE_DATA", REPOSITORY.parent / "shared" / "data")) / "routine"
RECORDED, SIMULATED = "赵玉华", "刘德明"

# Up late, as this person is: the recording has no exit before ten.
RECORDED_PLAN = {
    "timezone": "UTC", "lives_alone": True, "requires": ["inactivity", "bed"],
    "overrides": {"bed.night_until_h": 11},
}  # fmt: skip
# Out of bed, and never seen again.
RECORDING_CUT_NS = round(datetime(2011, 12, 10, 9, 26, 18, tzinfo=UTC).timestamp()) * NS_PER_S

# The kit of the scenarios has no detectors of gas and water.
DETECTORS = (
    Sensor("sim-00000-smoke", SensorRole.SMOKE, "厨房", RoomKind.KITCHEN),
    Sensor("sim-00000-gas", SensorRole.GAS, "厨房", RoomKind.KITCHEN),
    Sensor("sim-00000-water", SensorRole.WATER, "卫生间", RoomKind.BATHROOM),
)


@pytest.fixture
def broker(stack: Stack) -> Iterator[Broker]:
    made = Broker(stack)
    yield made
    made.close()


def install(  # noqa: PLR0917  six plain things
    stack: Stack, broker: Broker, name: str, sensors: list[Sensor], plan: dict[str, Any],
    since: datetime,
) -> None:  # fmt: skip
    """Devices, what they are for, whose they are, how this person is watched; told the gateway."""
    with stack.api(MANAGER) as api:

        def done(answer: Any) -> Any:
            assert answer.status_code < 300, answer.text
            return answer.json() if answer.content else None

        elders = done(api.get("/api/v1/coverage"))["elders"]
        (elder_id,) = [e["elder_id"] for e in elders if e["elder_name"] == name]
        for sensor in sensors:
            done(api.post("/api/v1/devices", json={
                "id": sensor.device_id, "model": "journey", "kind": "other"}))  # fmt: skip
            done(api.put(f"/api/v1/devices/{sensor.device_id}/sensor", json={
                "role": sensor.role.value, "room": sensor.room[:40],
                "room_kind": sensor.room_kind.value,
                "report_interval_s": sensor.report_interval_s}))  # fmt: skip
            done(api.post(f"/api/v1/devices/{sensor.device_id}/assignments", json={
                "elder_id": elder_id, "at": since.isoformat()}))  # fmt: skip
        done(api.put(f"/api/v1/elders/{elder_id}/watch-plan", json=plan))
        # The last of all: when the gateway knows this one, it knows the others. It watches nobody,
        # so nobody's time moves on before the stream begins.
        probe = f"probe-{sensors[0].device_id}"
        done(api.post("/api/v1/devices", json={"id": probe, "model": "journey", "kind": "other"}))
        done(api.post(f"/api/v1/devices/{probe}/assignments", json={
            "elder_id": elder_id, "at": since.isoformat()}))  # fmt: skip

    def heard() -> bool:
        broker.send(probe, [{"n": "battery_level", "u": "%", "v": 90}])
        return stack.last_data_at(probe) is not None

    wait_until(heard, "the gateway knows the new sensors", 90)


def whole_days_ns(last_ns: int, ago_s: float) -> int:
    """By how much to move a stream so that it ends at least so long ago, at its own hour."""
    now_ns = round((datetime.now(UTC).timestamp() - ago_s) * NS_PER_S)
    return (now_ns - last_ns) // DAY_NS * DAY_NS


def shown(desk: Page, name: str, code: str) -> None:
    """As a card; or, where it was over by the time the hub heard of it, among what was."""
    card = desk.locator(f'[data-testid=alert-card][data-code="{code}"]').filter(has_text=name)
    row = desk.locator(f'[data-testid=recent-row][data-code="{code}"]').filter(has_text=name)
    expect(card.or_(row).first).to_be_visible(timeout=90_000 * PATIENCE)


def device_name(recorded: str) -> str:
    return "rec-" + recorded.replace("/", "-")


@pytest.mark.browser
@pytest.mark.recordings
@pytest.mark.slow
@pytest.mark.timeout(480 * PATIENCE)
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the recorded data (YUYUE_DATA)")
def test_a_recorded_home_that_falls_silent_is_seen_at_the_desk(
    stack: Stack, broker: Broker, open_desk: Callable[[int], Page]
) -> None:
    home = read_home(DATA / "ordonez_A_sensors.csv")
    sensors = [
        replace(sensor, device_id=device_name(sensor.device_id)) for sensor in home.settings.sensors
    ]
    shift_ns = whole_days_ns(RECORDING_CUT_NS, ago_s=14 * 3600)
    readings = [
        Reading(sensors[device].device_id, ACTIVITY_QUANTITIES[quantity], time_ns + shift_ns, value)
        for time_ns, device, quantity, value in zip(
            home.time_ns.tolist(), home.device.tolist(), home.quantity.tolist(),
            home.value.tolist(), strict=True,
        )
        if time_ns <= RECORDING_CUT_NS
    ]  # fmt: skip
    since = datetime.fromtimestamp(readings[0].time_ns / NS_PER_S, UTC) - timedelta(hours=1)
    install(stack, broker, RECORDED, sensors, RECORDED_PLAN, since)
    desk = open_desk(0)
    broker.play(readings)
    # Fourteen days of one person, then a morning without anybody after the bed.
    for code in ("bed_exit_no_return", "inactivity", "bath_dwell"):
        shown(desk, RECORDED, code)
    # Sensors without a beat are silent with the person: which of them live, nobody knows.
    for alert in stack.alerts():
        if (alert.get("elder") or {}).get("name") == RECORDED and alert["code"] == "inactivity":
            assert alert["late_s"] > 0
            break
    else:
        pytest.fail("no inactivity among the open alerts")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(480 * PATIENCE)
def test_a_simulated_home_with_all_its_troubles_is_seen_at_the_desk(
    stack: Stack, broker: Broker, open_desk: Callable[[int], Page]
) -> None:
    world = one_home()
    (resident,) = world.residents
    sensors = [s for s in resident.dwelling.sensors if s.role is not SensorRole.SMOKE]
    end_ns = world.start_ns + round(world.duration_s * NS_PER_S)
    shift_ns = whole_days_ns(end_ns, ago_s=60)
    readings = [
        replace(reading, time_ns=reading.time_ns + shift_ns)
        for reading in world.track.readings(world.device_ids, world.start_ns)
    ]
    trouble_ns = end_ns + shift_ns - 1800 * NS_PER_S
    silent = {sensor.device_id for sensor in DETECTORS}  # theirs are made here
    readings = [
        reading
        for reading in readings
        if reading.device_id not in silent and not reading.quantity.endswith("_quality")
    ]
    readings += [
        Reading(sensor.device_id, sensor.role.value, trouble_ns + at_s * NS_PER_S, value)
        for sensor in DETECTORS
        for at_s, value in ((-3600, 0.0), (0, 1.0))
    ]
    readings.sort(key=lambda reading: reading.time_ns)
    plan = {"lives_alone": True, "requires": ["inactivity", "bed", "vitals", "exit"]}
    readings = [
        r for r in readings if r.device_id != DETECTORS[0].device_id or r.time_ns <= trouble_ns
    ]
    since = datetime.fromtimestamp(readings[0].time_ns / NS_PER_S, UTC) - timedelta(hours=1)
    install(stack, broker, SIMULATED, [*sensors, *DETECTORS], plan, since)
    desk = open_desk(1)
    broker.play(readings)
    for code in (
        "inactivity", "bed_exit_no_return", "bath_dwell", "night_exit", "vital_warning", "smoke",
        "gas", "water",
    ):  # fmt: skip
        shown(desk, SIMULATED, code)
    # The stream has ended: first devices, then everything of this person is silent. (What the cloud
    # holds of the moment is newer than this past; test_seen_and_unseen.py walks that in real time.)
    shown(desk, SIMULATED, "coverage_blind")
