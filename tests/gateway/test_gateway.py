"""The gateway as a process between a real broker and a real HTTP server."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from edge.events import EventKind
from edge.signals import Reading
from edge.wire import Lane, RejectedFrame
from gateway.outbox import Group
from tests.gateway.blocks import Block
from tests.gateway.cloud_double import registered, registry_of
from tests.gateway.conftest import World
from tests.support.processes import REPOSITORY, wait_until

STEPS = "steps"
DAY_NS = 86_400_000_000_000


def steps(n: int) -> list[dict[str, Any]]:
    return [{"n": STEPS, "v": n}]


def step_values(world: World) -> list[float]:
    return [r.reading.value for r in world.cloud.of(Lane.BULK) if r.reading is not None]


def block_numbers(world: World) -> list[int]:
    records = world.cloud.of(Lane.BULK)
    return [r.waveform.sequence_number for r in records if r.waveform is not None]


def rejected(world: World) -> list[RejectedFrame]:
    return [r.rejected for r in world.cloud.of(Lane.BULK) if r.rejected is not None]


def one_second(number: int, start_ns: int | None = None) -> bytes:
    start_ns = time.time_ns() - 10**9 if start_ns is None else start_ns
    return Block(
        sequence_number=number, start_ns=start_ns, counts=(0, 0, 8192) * 50, flags=5
    ).encode()


def test_a_call_and_the_data_reach_the_cloud(world: World) -> None:
    gateway = world.start_inside()
    device = world.publisher()
    device.publish("yuyue/v1/w-1/waveform", one_second(0))
    pressed_s = time.monotonic()
    device.senml("w-1", [{"n": "sos", "vb": True}])
    arrived_s = world.wait_urgent(1)
    world.wait_bulk(2)
    (urgent,) = world.cloud.of(Lane.URGENT)
    assert urgent.event is not None
    assert urgent.event.kind is EventKind.SOS
    assert urgent.event.device_id == "w-1"
    assert arrived_s - pressed_s < 1.0
    (block,) = [r.waveform for r in world.cloud.of(Lane.BULK) if r.waveform]
    assert (block.sequence_number, block.origin, block.channels) == (0, "simulated", 3)
    beat = world.cloud.heartbeats[0]
    assert beat.registry_version in {0, 1}
    assert beat.software_version
    gateway.stop()
    (cold, *_) = world.cloud.heartbeats
    assert cold.urgent.pending == 0


def test_stop_is_clean_and_the_next_start_needs_no_cloud(world: World) -> None:
    world.start_gateway()
    world.publisher().senml("w-1", steps(1))
    world.wait_bulk(1)
    assert world.gateway.stop() == 0
    world.cloud.stop()
    world.start_gateway()
    world.publisher().senml("w-1", steps(2))
    wait_until(lambda: world.stored(Lane.BULK) == 2, "stored without the cloud")
    world.cloud.start()
    world.wait_bulk(2)
    assert step_values(world) == [1.0, 2.0]
    wait_until(lambda: "uplink_up" in world.log(), "healing is told")
    assert world.log().count('"call": "ingest_bulk", "reason"') <= 1


NOW = time.time_ns()
BAD_INPUT = [
    ("waveform", one_second(0)[:-40], "truncated"),
    ("waveform", one_second(0) + b"x", "trailing_bytes"),
    ("waveform", Block(rate_mhz=0).encode(), "bad_rate_hz"),
    ("waveform", Block(scale_nano=0).encode(), "bad_scale"),
    ("waveform", one_second(0)[:-1] + b"\0", "bad_crc"),
    ("waveform", Block(boot_id=0).encode(), "bad_boot_id"),
    ("waveform", Block(start_ns=NOW + DAY_NS).encode(), "future_time"),
    ("waveform", b"", "truncated"),
    ("senml", b'[{"n":"heart_rate","u":"1/min","v":NaN}]', "not_senml"),
    ("senml", b'{"hello": "world"}', "not_senml"),
    ("senml", b"\x00\xff", "not_senml"),
    ("senml", b'[{"n":"heart_rate","u":"1/min","v":900}]', "bad_value"),
    ("senml", b'[{"n":"steps","v":1},{"n":"steps","v":-1}]', "bad_value"),
    ("senml", b'[{"n":"steps","v":1,"t":3600}]', "future_time"),
    ("senml", b'[{"n":"mood","v":1}]', "unknown_quantity"),
    ("senml", b'[{"n":"heart_rate","u":"Hz","v":1}]', "bad_unit"),
    ("senml", b'[{"n":"w-2/steps","v":1}]', "wrong_device"),
    ("senml", b'[{"n":"steps","v":1,"x_":1}]', "must_understand"),
    ("telegram", b"?", "bad_topic"),
]


def test_bad_input_is_quarantined_counted_and_changes_nothing_else(world: World) -> None:
    gateway = world.start_inside()
    device = world.publisher()
    device.publish("yuyue/v1/w-1/waveform", replace(Block(), boot_id=7).encode())
    for kind, payload, _ in BAD_INPUT:
        device.publish(f"yuyue/v1/w-1/{kind}", payload)
    device.publish("yuyue/v1/w-1/waveform", replace(Block(), boot_id=6).encode())
    device.publish("yuyue/v1/stranger/waveform", one_second(0))
    device.senml("w-1", steps(5))
    world.wait_bulk(len(BAD_INPUT) + 4)
    rows = rejected(world)
    expected = [reason for _, _, reason in BAD_INPUT] + ["bad_boot_id", "unassigned_device"]
    assert [row.reason for row in rows] == expected
    for row, (kind, payload, _) in zip(rows, BAD_INPUT, strict=False):
        assert row.frame == payload[:512]
        assert row.source == f"mqtt:yuyue/v1/w-1/{kind}"
        assert row.detail
        assert row.device_id == (None if kind == "telegram" else "w-1")
    assert rows[-2].detail.startswith("boot_id 6, but the device was at 7")
    assert rows[-1].device_id == "stranger"
    assert step_values(world) == [5.0]
    assert len(block_numbers(world)) == 1
    assert world.cloud.of(Lane.URGENT) == []
    gateway.stop()
    with_outbox = world.outbox()
    assert sum(with_outbox.rejected_counts().values()) == len(expected)
    with_outbox.close()


def test_a_flood_of_a_stranger_is_counted_but_writes_one_row(world: World) -> None:
    gateway = world.start_inside()
    device = world.publisher()
    device.publish_many([("yuyue/v1/stranger/waveform", one_second(n)) for n in range(50)])
    device.senml("w-1", steps(1))
    world.wait_bulk(2)
    assert [row.reason for row in rejected(world)] == ["unassigned_device"]
    gateway.stop()
    outbox = world.outbox()
    assert outbox.rejected_counts() == {"unassigned_device": 50}
    batch = outbox.read(Lane.BULK, 10, 10**6)
    outbox.close()
    # At the end what was held back is written, with how many it stands for.
    assert batch is not None
    assert [r.rejected.detail.endswith("stands for 49 frames)") for r in batch.records
            if r.rejected] == [True]  # fmt: skip


def test_a_stranger_that_is_assigned_flows_within_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.uplink.REGISTRY_MIN_INTERVAL_S", 0.5)
    world.start_inside()
    device = world.publisher()
    world.cloud.registry = registry_of("w-1", "w-2", version=2)
    device.senml("w-2", steps(1))
    wait_until(lambda: world.cloud.registry_calls.count(200) == 2, "it looks for a registry")
    wait_until(lambda: world.said("registry_applied"), "and takes it over")
    device.senml("w-2", steps(2))
    wait_until(lambda: step_values(world) == [2.0], "its data flows")


def test_a_device_without_an_owner_never_reaches_the_engine(world: World) -> None:
    registry = registry_of("w-1")
    world.cloud.registry = replace(registry, devices=[registered("w-1", elder_id=None)])
    world.start_inside()
    world.publisher().senml("w-1", [{"n": "sos", "v": 1}])
    world.wait_bulk(1)
    assert [row.reason for row in rejected(world)] == ["unassigned_device"]
    assert world.stored(Lane.URGENT) == 0


def test_without_any_registry_the_broker_keeps_everything(world: World) -> None:
    world.cloud.stop()
    world.start_inside(wait=False)
    wait_until(lambda: world.said("waiting_for_registry"), "it waits")
    # The session must exist before anything can be kept for it: as after a lost data directory.
    world.cloud.start()
    wait_until(lambda: world.said("mqtt_up"), "the sources open")
    world.publisher().senml("w-1", steps(1))
    world.wait_bulk(1)
    assert rejected(world) == []


def test_killed_before_the_commit_the_broker_sends_again(world: World) -> None:
    world.start_gateway()
    device = world.publisher()
    # The commit cannot end while another process holds the write lock.
    with sqlite3.connect(world.data_dir / "outbox.sqlite3", isolation_level=None) as db:
        db.execute("BEGIN IMMEDIATE")
        device.senml("w-1", [{"n": "sos", "v": 1}])
        device.publish("yuyue/v1/w-1/waveform", one_second(0))
        time.sleep(0.5)
        assert world.stored(Lane.BULK) == 0
        world.gateway.kill_9()
        db.execute("ROLLBACK")
    db.close()
    world.start_gateway()
    world.wait_urgent(1)
    world.wait_bulk(2)
    time.sleep(0.3)
    assert len(world.cloud.of(Lane.URGENT)) == 1
    assert len(world.cloud.of(Lane.BULK)) == 2


def test_killed_between_outbox_and_uplink(world: World) -> None:
    world.start_gateway()
    world.cloud.hang_before_commit = True
    device = world.publisher()
    device.senml("w-1", [{"n": "sos", "v": 1}])
    wait_until(lambda: world.stored(Lane.URGENT) == 1, "the outbox holds the call")
    world.gateway.kill_9()
    world.cloud.hang_before_commit = False
    world.start_gateway()
    world.wait_urgent(1)
    world.wait_bulk(1)
    time.sleep(0.3)
    assert len(world.cloud.of(Lane.URGENT)) == 1
    assert [r.seq for r in world.cloud.of(Lane.BULK)] == [1]


def test_killed_again_and_again_nothing_is_lost_and_nothing_doubled(world: World) -> None:
    chance = random.Random(5)  # noqa: S311
    device = world.publisher()
    world.start_gateway()
    total = 120
    for number in range(total):
        device.publish_many(
            [
                ("yuyue/v1/w-1/waveform", one_second(number)),
                ("yuyue/v1/w-1/senml", json.dumps(steps(number)).encode()),
            ]
        )
        if number in {30, 60, 90}:
            time.sleep(chance.uniform(0, 0.05))
            world.gateway.kill_9()
            if number == 60:
                world.broker.restart()
                device = world.publisher()
            world.start_gateway()
    wait_until(
        lambda: len(block_numbers(world)) >= total and len(step_values(world)) >= total,
        f"all of it is in the cloud\n{world.gateway.log_tail()}",
    )
    assert sorted(block_numbers(world)) == list(range(total))
    assert sorted(step_values(world)) == [float(number) for number in range(total)]
    assert [r.seq for r in world.cloud.of(Lane.BULK)] == list(range(1, 2 * total + 1))


def test_a_killed_broker_is_told_once_and_found_again(world: World) -> None:
    world.start_inside()
    world.publisher().senml("w-1", steps(1))
    world.wait_bulk(1)
    world.broker.kill_9()
    wait_until(lambda: world.said("mqtt_down"), "the loss is told")
    time.sleep(1.5)
    assert world.said("mqtt_down") == 1
    world.broker.start()
    wait_until(lambda: world.said("mqtt_up") == 2, "it is found again")
    world.publisher().senml("w-1", steps(2))
    world.wait_bulk(2)
    assert step_values(world) == [1.0, 2.0]


def test_a_repeated_block_is_held_once(world: World) -> None:
    world.start_inside()
    device = world.publisher()
    payload = one_second(3)
    device.publish_many([("yuyue/v1/w-1/waveform", payload)] * 5)
    device.senml("w-1", steps(1))
    world.wait_bulk(2)
    assert block_numbers(world) == [3]


def test_the_same_press_twice_is_two_readings(world: World) -> None:
    world.start_inside()
    device = world.publisher()
    device.senml("w-1", steps(4))
    device.senml("w-1", steps(4))
    world.wait_bulk(2)
    assert step_values(world) == [4.0, 4.0]


def test_a_retained_copy_is_no_measurement(world: World) -> None:
    device = world.publisher()
    device.publish("yuyue/v1/w-1/senml", b'[{"n":"sos","v":1}]', retain=True)
    world.start_inside()
    world.wait_bulk(1)
    assert [row.reason for row in rejected(world)] == ["retained_message"]
    assert world.stored(Lane.URGENT) == 0


def test_urgent_passes_ten_thousand_waiting_records(world: World) -> None:
    outbox = world.outbox()
    reading = Reading("w-1", "steps", time.time_ns(), 1.0)
    outbox.commit(Group(signals=[reading] * 10_000))
    outbox.close()
    world.cloud.bulk_delay_s = 0.5
    world.start_inside()
    wait_until(lambda: len(world.cloud.of(Lane.BULK)) > 0, "bulk is being sent")
    device = world.publisher()
    pressed_s = time.monotonic()
    device.senml("w-1", [{"n": "sos", "v": 1}])
    took_s = world.wait_urgent(1) - pressed_s
    assert len(world.cloud.of(Lane.BULK)) < 10_000, "bulk was still waiting"
    assert took_s < 0.5
    world.cloud.bulk_delay_s = 0.0
    world.wait_bulk(10_001)


def test_a_gateway_that_wakes_up_in_the_past_takes_live_blocks(world: World) -> None:
    world.cloud.clock_ahead_s = 3600.0
    world.start_inside()
    wait_until(lambda: world.said("clock_wrong"), "the heartbeat shows it")
    live_ns = time.time_ns() + 3599 * 10**9
    world.publisher().publish("yuyue/v1/w-1/waveform", one_second(0, live_ns))
    world.wait_bulk(1)
    assert block_numbers(world) == [0]
    assert rejected(world) == []


def test_the_cloud_hears_soon_of_a_lost_broker(world: World) -> None:
    world.start_inside()
    wait_until(lambda: world.cloud.heartbeats[-1].sources == {"mqtt": True}, "it is up")
    world.broker.kill_9()
    wait_until(lambda: world.cloud.heartbeats[-1].sources == {"mqtt": False}, "it is down", 8)


def test_a_wrong_broker_password_is_told_and_nothing_crashes(world: World) -> None:
    gateway = world.start_inside(wait=False, mqtt_password="wrong")
    wait_until(lambda: world.said("mqtt_down"), "the refusal is told")
    wait_until(lambda: world.cloud.heartbeats, "the cloud hears of it")
    assert world.cloud.heartbeats[0].sources == {"mqtt": False}
    gateway.stop()


def yuyue(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "yuyue", "gateway", *arguments],
        capture_output=True, text=True, cwd=REPOSITORY, env={**environment, "COLUMNS": "120"},
        check=False, timeout=30,
    )  # fmt: skip


def test_status_beside_the_running_gateway_and_no_second_one(world: World) -> None:
    world.start_gateway()
    device = world.publisher()
    device.senml("w-1", [{"n": "mood", "v": 1}])
    world.wait_bulk(1)
    shown = yuyue("status", "--data-dir", str(world.data_dir))
    assert shown.returncode == 0, shown.stderr
    for words in ("urgent", "bulk", "unknown_quantity", "version 1", "试用养老院", "1 of 1"):
        assert words in shown.stdout
    assert world.gateway.running
    second = yuyue("run", **world.environment())
    assert second.returncode == 2
    assert "in use by another gateway" in second.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"YUYUE_GATEWAY_TOKEN": ""}, "YUYUE_GATEWAY_TOKEN: is empty or too short; make one"),
        ({"YUYUE_GATEWAY_CLOUD_URL": "hub"}, "YUYUE_GATEWAY_CLOUD_URL: must start with https://"),
        ({"YUYUE_GATEWAY_MQTT_PORT": "http"}, "YUYUE_GATEWAY_MQTT_PORT: Input should be"),
        ({"YUYUE_GATEWAY_MQTT_USERNAME": ""}, "YUYUE_GATEWAY_MQTT_USERNAME is not"),
    ],
)
def test_settings_that_cannot_work_say_what_to_do(
    change: dict[str, str], words: str, tmp_path: Any
) -> None:
    environment = {
        "YUYUE_GATEWAY_CLOUD_URL": "http://127.0.0.1:9",
        "YUYUE_GATEWAY_TOKEN": "made-up-gateway-token",
        "YUYUE_GATEWAY_MQTT_USERNAME": "yuyue",
        "YUYUE_GATEWAY_MQTT_PASSWORD": "x",
        "YUYUE_GATEWAY_DATA_DIR": str(tmp_path),
    }
    shown = yuyue("run", **(environment | change))
    assert shown.returncode == 2
    assert words in " ".join(shown.stderr.split())


def test_missing_settings_are_named_with_their_meaning() -> None:
    shown = yuyue("run")
    assert shown.returncode == 2
    assert "YUYUE_GATEWAY_CLOUD_URL is not set: address of the cloud" in shown.stderr
    assert "YUYUE_GATEWAY_TOKEN is not set" in shown.stderr
