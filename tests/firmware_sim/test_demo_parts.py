"""The parts of the demo: ports, processes, the text desk, what it prints."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from firmware_sim.demo.broker import accepts_connections
from firmware_sim.demo.desk import _events
from firmware_sim.demo.screen import alert_line, true_fall_ns
from firmware_sim.demo.supervisor import (
    ChildDiedError,
    Supervisor,
    child_environment,
    free_port,
    stop_postgres_left_in,
)
from tests.firmware_sim.fake_clock import START_NS
from tests.support.processes import free_port as any_free_port

ALERT = {
    "id": "a1", "code": "fall_suspected", "priority": "medium", "state": "raised",
    "device_id": "wearable-0001", "happened_at": "2023-11-14T22:13:20.000Z", "count": 1,
    "elder": {"name": "王芳"}, "place": {"label": "203-1 床"}, "acknowledged_by": None,
}  # fmt: skip


def test_taken_port_gives_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = free_port(port)
        assert port < found < port + 100
    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))  # noqa: S104  a stranger listening on all addresses
        everywhere.listen()
        assert free_port(everywhere.getsockname()[1]) != everywhere.getsockname()[1]


def test_nobody_elses_settings_reach_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUYUE_CLOUD_DATABASE_URL", "postgresql://production")
    monkeypatch.setenv("YUYUE_GATEWAY_TOKEN", "a real one")
    monkeypatch.setenv("YUYUE_DATA", "/recordings")
    environment = child_environment({"YUYUE_CLOUD_PORT": "1"})
    assert {name for name in environment if name.startswith("YUYUE_")} == {
        "YUYUE_CLOUD_PORT",
        "YUYUE_DATA",
    }


async def test_child_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start("broker", ["sim", "broker"], {})  # no password
        with pytest.raises(ChildDiedError, match="broker ended with code 1") as death:
            await asyncio.wait_for(supervisor.watch(), 30)
    assert "needs a password" in death.value.tail


async def test_leaving_ends_every_child(tmp_path: Path) -> None:
    port = any_free_port()
    async with Supervisor(tmp_path) as supervisor:
        environment = {"YUYUE_SIM_MQTT_PASSWORD": "secret"}
        arguments = ["sim", "broker", "--port", str(port)]
        child = await supervisor.start("broker", arguments, environment)
        while not await asyncio.to_thread(accepts_connections, port):
            supervisor.check()
            await asyncio.sleep(0.1)
        assert psutil.pid_exists(child.pid)
    assert not psutil.pid_exists(child.pid)
    assert not accepts_connections(port)


async def test_failing_command_raises(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ChildDiedError, match="seed"):
            await supervisor.run("seed", ["sim", "no-such-command"], {})
        assert supervisor.children == ()


def test_strange_pid_files_end_nobody(tmp_path: Path) -> None:
    for name, content in (("own", str(os.getpid())), ("junk", "not a pid"), ("empty", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "postmaster.pid").write_text(content)
    assert stop_postgres_left_in(tmp_path) is None


async def test_event_stream_is_read_as_the_standard_says() -> None:
    async def lines() -> AsyncIterator[str]:
        for line in (
            ": comment", "event: alert", "id: 7", 'data: {"a":', "data: 1}", "",
            "event: ping", "data: {}", "", "id: 9", "", 'data:{"b":2}', "",
        ):  # fmt: skip
            yield line

    found = [(event.kind, event.data, position) async for event, position in _events(lines())]
    assert found == [("alert", {"a": 1}, 7), ("ping", {}, None), ("message", {"b": 2}, None)]


def test_line_of_an_alert_says_who_where_and_how_long_after() -> None:
    line = alert_line(ALERT, START_NS + 3_240_000_000, START_NS).plain
    assert "疑似跌倒" in line
    assert "王芳" in line
    assert "203-1 床" in line
    assert "3.2 s after the fall" in line
    acknowledged = {**ALERT, "state": "acknowledged", "acknowledged_by": "李护士"}
    line = alert_line(acknowledged, START_NS, START_NS).plain
    assert "已确认" in line
    assert "李护士" in line
    assert "after the fall" not in line


def test_fall_of_an_alert_is_the_nearest_of_that_device(tmp_path: Path) -> None:
    journal = tmp_path / "falls.jsonl"
    entries = [
        ("wearable-0001", START_NS - 60_000_000_000),
        ("wearable-0001", START_NS - 100_000_000),
        ("wearable-0002", START_NS),
    ]
    journal.write_text(
        "".join(json.dumps({"device_id": who, "impact_ns": when}) + "\n" for who, when in entries)
    )
    assert true_fall_ns(journal, ALERT) == START_NS - 100_000_000
    assert true_fall_ns(journal, {**ALERT, "device_id": "wearable-0003"}) is None
    assert true_fall_ns(journal, {**ALERT, "happened_at": "2023-11-14T23:00:00.000Z"}) is None
    assert true_fall_ns(tmp_path / "missing", ALERT) is None
