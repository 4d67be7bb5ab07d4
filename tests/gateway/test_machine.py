"""The gateway about itself: gaps, mains, settings from the cloud, token, health, doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.events import EventKind
from edge.gateway_wire import Gap, GapCause
from edge.wire import Lane
from gateway.gaps import MIN_GATEWAY_GAP_NS, PIECE_NS, GapKeeper
from gateway.identity import Identity, load_cloud_settings, load_identity, save_identity
from gateway.power import OFF_DELAY_NS, ON_DELAY_NS, PowerState, PowerWatch, read_power
from tests.gateway.cloud_double import TOKEN
from tests.gateway.conftest import World
from tests.gateway.makers import T0_NS, S
from tests.support.processes import REPOSITORY, free_port, wait_until

MINUTE = 60 * S


def brief(gaps: list[Gap]) -> list[tuple[str, str | None, int, int]]:
    return [
        (g.cause.value, g.source, (g.from_ns - T0_NS) // S, (g.until_ns - T0_NS) // S) for g in gaps
    ]


# -- gaps -------------------------------------------------------------------------------------


def test_a_source_that_was_down_left_a_gap(tmp_path: Path) -> None:
    gaps = GapKeeper(tmp_path / "alive.json")
    up, down = {"mqtt": True}, {"mqtt": False}
    assert gaps.observe(up, T0_NS) == []
    assert gaps.observe(down, T0_NS + 10 * S) == []
    assert gaps.observe(up, T0_NS + 12 * S) == []  # a reconnect
    assert gaps.observe(down, T0_NS + 20 * S) == []
    told = gaps.observe(up, T0_NS + 50 * S)
    assert brief(told) == [("source_down", "mqtt", 20, 50)]


def test_a_long_one_is_told_in_pieces_without_holes(tmp_path: Path) -> None:
    gaps = GapKeeper(tmp_path / "alive.json")
    told = []
    for second in range(0, 700, 10):
        told += gaps.observe({"ble:hci0": False}, T0_NS + second * S)
    told += gaps.at_end(T0_NS + 700 * S)
    ends = [(gap.from_ns, gap.until_ns) for gap in told]
    assert [until for _, until in ends[:-1]] == [begin for begin, _ in ends[1:]]
    assert (ends[0][0], ends[-1][1]) == (T0_NS, T0_NS + 700 * S)
    assert ends[0][1] - ends[0][0] == PIECE_NS


def test_a_source_that_is_no_longer_asked_for_leaves_no_gap_for_ever(tmp_path: Path) -> None:
    gaps = GapKeeper(tmp_path / "alive.json")
    gaps.observe({"ble:hci0": False}, T0_NS)
    assert len(gaps.observe({}, T0_NS + 100 * S)) == 1
    assert gaps.observe({}, T0_NS + 900 * S) == []


def test_the_time_that_the_gateway_did_not_run(tmp_path: Path) -> None:
    path = tmp_path / "alive.json"
    before = GapKeeper(path)
    before.observe({"mqtt": False}, T0_NS)
    before.still_alive(T0_NS + 60 * S)
    after = GapKeeper(path)
    assert after.at_start(T0_NS - MINUTE) == []  # a clock that starts in the past: asked again
    after.still_alive(T0_NS - MINUTE)  # and what was known is not overwritten
    assert brief(after.at_start(T0_NS + 3600 * S)) == [
        ("source_down", "mqtt", 0, 60),
        ("gateway_down", None, 60, 3600),
    ]
    assert after.at_start(T0_NS + 4000 * S) == []


def test_a_quick_restart_is_no_gap_and_a_damaged_file_no_reason_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "alive.json"
    GapKeeper(path).still_alive(T0_NS)
    assert GapKeeper(path).at_start(T0_NS + MIN_GATEWAY_GAP_NS - 1) == []
    path.write_bytes(b"\xa5" * 100)
    assert GapKeeper(path).at_start(T0_NS) == []


def test_a_broker_that_was_away_is_a_gap_in_the_cloud(world: World) -> None:
    world.start_inside()
    time.sleep(1.5)
    world.broker.stop()
    time.sleep(6)
    world.broker.start()
    gaps = wait_until(
        lambda: [r.gap for r in world.cloud.of(Lane.BULK) if r.gap] or None, "the gap comes", 25
    )
    assert gaps[0].cause is GapCause.SOURCE_DOWN
    assert gaps[0].source == "mqtt"
    assert 4 * S < gaps[0].until_ns - gaps[0].from_ns < 20 * S


# -- mains and battery ------------------------------------------------------------------------


def supply(directory: Path, name: str, **values: str) -> None:
    (directory / name).mkdir(parents=True, exist_ok=True)
    for key, value in values.items():
        (directory / name / key).write_text(value + "\n")


@pytest.mark.parametrize(
    ("supplies", "found"),
    [
        ({}, PowerState()),
        ({"AC": {"type": "Mains", "online": "1"}}, PowerState()),
        (
            {"AC": {"type": "Mains", "online": "0"}, "BAT0": {"type": "Battery", "capacity": "57"}},
            PowerState(False, 57.0),
        ),
        (
            {"BAT0": {"type": "Battery", "capacity": "90", "status": "Discharging"}},
            PowerState(False, 90.0),
        ),
        (
            {"mouse": {"type": "Battery", "capacity": "5", "scope": "Device"},
             "AC": {"type": "Mains", "online": "1"},
             "ups": {"type": "UPS", "capacity": "100"}},
            PowerState(True, 100.0),
        ),
        ({"BAT0": {"type": "Battery", "capacity": "?"}}, PowerState()),
    ],
)  # fmt: skip
def test_what_the_kernel_says(
    tmp_path: Path, supplies: dict[str, dict[str, str]], found: PowerState
) -> None:
    for name, values in supplies.items():
        supply(tmp_path, name, **values)
    assert read_power(tmp_path) == found


def test_a_dip_is_nothing_and_a_cut_is_one_finding_with_its_end() -> None:
    watch, kinds = PowerWatch(), []
    mains = [True] * 5 + [False] * 3 + [True] * 20 + [False] * 30 + [True] * 30
    for second, is_on in enumerate(mains):
        _, events = watch.step(PowerState(is_on, 80.0), "gateway-1", T0_NS + second * S)
        kinds += [(e.kind, (e.time_ns - T0_NS) // S, e.decided_ns - e.time_ns) for e in events]
    assert kinds == [
        (EventKind.MAINS_LOST, 28, ON_DELAY_NS),
        (EventKind.MAINS_LOST_CLEARED, 58, OFF_DELAY_NS),
    ]


def test_the_battery_has_a_dead_band() -> None:
    watch, kinds = PowerWatch(), []
    for second, percent in enumerate([50] * 3 + [19] * 9 + [21] * 20 + [31] * 20):
        _, events = watch.step(PowerState(True, percent), "gateway-1", T0_NS + second * S)
        kinds += [e.kind for e in events]
    assert kinds == [EventKind.BATTERY_LOW, EventKind.BATTERY_LOW_CLEARED]


def test_the_mains_reach_the_cloud_as_signals_and_as_an_event(world: World) -> None:
    power = world.directory / "power"
    supply(power, "AC", type="Mains", online="1")
    supply(power, "BAT0", type="Battery", capacity="88")
    world.start_inside(power_dir=power)
    wait_until(lambda: world.cloud.heartbeats[-1].mains is True, "the heartbeat says so", 20)
    world.wait_bulk(2)
    supply(power, "AC", type="Mains", online="0")
    events = wait_until(
        lambda: [r.event for r in world.cloud.of(Lane.URGENT) if r.event] or None, "told", 25
    )
    assert (events[0].kind, events[0].device_id) == (EventKind.MAINS_LOST, "gateway-g-1")
    found = wait_until(
        lambda: {
            (r.reading.quantity, r.reading.value)
            for r in world.cloud.of(Lane.BULK) if r.reading
        } if len(world.cloud.of(Lane.BULK)) >= 4 else None, "the readings come", 10,
    )  # fmt: skip
    assert {("mains_power", 1.0), ("mains_power", 0.0), ("battery_level", 88.0)} <= found


# -- settings and token -----------------------------------------------------------------------


def test_settings_of_the_cloud_apply_at_once_and_without_a_restart(world: World) -> None:
    """Here the most drastic one: another broker session name cannot be had, so another port."""
    values = world.environment()
    port = values.pop("YUYUE_GATEWAY_MQTT_PORT")
    world.environment = lambda: values  # type: ignore[method-assign]
    world.cloud.settings = {"mqtt_port": free_port()}
    world.start_inside(wait=False)
    wait_until(lambda: world.said("settings_applied"), "the first settings", 10)
    wait_until(lambda: world.said("mqtt_down"), "nobody is at that port", 10)
    began_s = time.monotonic()
    world.cloud.settings = {"mqtt_port": int(port), "from_a_newer_cloud": 1}
    world.cloud.settings_version = 2
    wait_until(lambda: world.said("mqtt_up"), "the source was exchanged", 10)
    assert time.monotonic() - began_s < 8
    assert load_cloud_settings(world.data_dir).version == 2
    assert world.said("settings_unknown") == 1
    wait_until(lambda: world.cloud.heartbeats[-1].settings_version == 2, "the cloud is told", 10)
    world.cloud.settings = {"mqtt_port": "nonsense"}
    world.cloud.settings_version = 3
    wait_until(lambda: world.cloud.heartbeats[-1].settings_error, "and why it was refused", 10)
    world.publisher().senml("w-1", [{"n": "steps", "v": 1}])
    world.wait_bulk(1)  # it goes on with what it had
    assert load_cloud_settings(world.data_dir).version == 2


def enrolled(world: World) -> dict[str, str]:
    """As after `yuyue gateway enroll`: cloud and token in the file, not in the environment."""
    save_identity(world.data_dir, Identity(world.cloud.url, "g-1", "网关", "试用养老院", TOKEN))
    environment = dict(world.environment())
    del environment["YUYUE_GATEWAY_TOKEN"], environment["YUYUE_GATEWAY_CLOUD_URL"]
    return environment


def test_a_token_is_renewed_on_disk_before_it_is_used(world: World) -> None:
    world.gateway._environment = {**os.environ, **enrolled(world)}
    world.start_gateway()
    world.cloud.rotate = True
    wait_until(lambda: '"token_renewed"' in world.log(), "renewed", 15)
    identity = load_identity(world.data_dir)
    assert identity is not None
    assert [identity.token] == world.cloud.further_tokens
    assert (world.data_dir / "identity.json").stat().st_mode & 0o077 == 0
    world.cloud.token = "the old one is void now"
    n = len(world.cloud.heartbeats)
    world.gateway.kill_9()
    world.start_gateway()
    wait_until(lambda: len(world.cloud.heartbeats) > n, "it is let in by the new one", 15)


# -- health and doctor ------------------------------------------------------------------------


def doctor(environment: dict[str, str]) -> tuple[int, dict[str, list[str]]]:
    shown = subprocess.run(
        [sys.executable, "-m", "yuyue", "gateway", "doctor", "--json"],
        capture_output=True, text=True, cwd=REPOSITORY, env=environment, check=False, timeout=40,
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for check in json.loads(shown.stdout):
        assert check["level"] == "ok" or check["found"]
        found.setdefault(check["name"], []).append(check["level"])
    return shown.returncode, found


def test_doctor_and_healthz_beside_a_running_gateway_and_after_it(world: World) -> None:
    port = free_port()
    environment = enrolled(world) | {"YUYUE_GATEWAY_METRICS_PORT": str(port)}
    world.gateway._environment = {**os.environ, **environment}
    world.start_gateway()
    world.publisher().senml("w-1", [{"n": "steps", "v": 1}])
    world.wait_bulk(1)
    health: dict[str, Any] = {}

    def is_heard() -> bool:
        health.update(httpx.get(f"http://127.0.0.1:{port}/healthz").json())
        return bool(health["devices_heard"] == 1 and health["clock_offset_s"] is not None)

    wait_until(is_heard, "it is well", 15)
    assert (health["status"], health["sources"]) == ("ok", {"mqtt": True})
    page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert "yuyue_gateway_devices_heard 1.0" in page
    assert "w-1" not in page
    assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 404
    time.sleep(6)  # the file that doctor reads is written every five seconds
    code, found = doctor(environment)
    assert found["process"] == found["cloud"] == found["broker"] == found["devices"] == ["ok"]
    assert (found["local alarm"], code) == (["warn"], 0)
    world.gateway.stop()
    world.broker.stop()
    world.cloud.stop()
    code, found = doctor(environment)
    assert code == 1
    assert found["process"] == found["cloud"] == found["broker"] == ["fail"]


def test_doctor_without_anything_says_how_to_enrol(tmp_path: Path) -> None:
    code, found = doctor({"YUYUE_GATEWAY_DATA_DIR": str(tmp_path)})
    assert (code, found) == (1, {"settings": ["fail"]})


def test_files_that_others_can_read_are_told(world: World) -> None:
    environment = enrolled(world)
    (world.data_dir / "identity.json").chmod(0o644)
    _, found = doctor(environment)
    assert found["permissions"] == ["fail"]
