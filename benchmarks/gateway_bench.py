"""What the parts of the gateway's benchmark have in common: broker, publishers, the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import paho.mqtt.client as paho
import psutil

from edge.signals import Position
from edge.wire import Lane, RegisteredDevice, RegistryDocument
from gateway.outbox.status import read_status
from tests.support.mosquitto import Mosquitto
from tests.support.processes import REPOSITORY

CLIENT_ID = "yuyue-gateway"
TOKEN = "made-up-gateway-token"  # noqa: S105
TOPICS = "yuyue/v1/+/+"
# Outstanding messages a consumer may have: with mosquitto's 20 every group is one of 20 at most.
INFLIGHT = 1000
GRAVITY = np.array([0, 0, 1000])


@dataclass
class Row:
    work: str
    figures: dict[str, str]
    reach: str


@dataclass
class Bench:
    directory: Path
    broker: Mosquitto
    messages: int
    rows: list[Row] = field(default_factory=list)

    def add(self, work: str, reach: str, **figures: str) -> None:
        self.rows.append(Row(work, figures, reach))


def device_ids(n: int) -> list[str]:
    return [f"d-{k:04}" for k in range(n)]


def client(bench: Bench, name: str, *, clean: bool = True) -> paho.Client:
    made = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean)
    made.username_pw_set(bench.broker.username, bench.broker.password)
    made.max_inflight_messages_set(2000)
    made.connect("127.0.0.1", bench.broker.port)
    made.loop_start()
    return made


def leave(made: paho.Client) -> None:
    made.disconnect()
    made.loop_stop()


def reserve_queue(bench: Bench, name: str) -> None:
    """A session that the broker keeps messages for."""
    ready: list[int] = []
    made = client(bench, name, clean=False)
    made.on_subscribe = lambda *_: ready.append(1)
    made.subscribe(TOPICS, qos=1)
    while not ready:
        time.sleep(0.01)
    leave(made)


def publish(bench: Bench, messages: list[tuple[str, bytes]]) -> None:
    made = client(bench, "publisher")
    for start in range(0, len(messages), 1000):
        for info in [made.publish(t, b, qos=1) for t, b in messages[start : start + 1000]]:
            info.wait_for_publish(30)
    leave(made)


def registry(devices: list[str]) -> RegistryDocument:
    return RegistryDocument(
        1, "g-1", "试用养老院",
        [RegisteredDevice(d, "x", Position.WAIST, "e-1", "试用甲", None, 0) for d in devices],
    )  # fmt: skip


@contextmanager
def gateway(
    bench: Bench, devices: list[str], name: str, cloud_port: int = 9, *, one_core: bool = False,
    module: tuple[str, ...] = ("yuyue", "gateway", "run"), more: Mapping[str, str] | None = None,
) -> Iterator[tuple[psutil.Process, Path]]:  # fmt: skip
    data = bench.directory / name
    data.mkdir(exist_ok=True)
    (data / "registry.json").write_bytes(msgspec.json.encode(registry(devices)))
    environment = os.environ | {
        "YUYUE_GATEWAY_CLOUD_URL": f"http://127.0.0.1:{cloud_port}",
        "YUYUE_GATEWAY_TOKEN": TOKEN,
        "YUYUE_GATEWAY_MQTT_PORT": str(bench.broker.port),
        "YUYUE_GATEWAY_MQTT_USERNAME": bench.broker.username,
        "YUYUE_GATEWAY_MQTT_PASSWORD": bench.broker.password,
        "YUYUE_GATEWAY_DATA_DIR": str(data),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **(more or {}),
    }
    with (data / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=REPOSITORY, env=environment,
            stdout=log, stderr=log,
        )  # fmt: skip
    if one_core:
        os.sched_setaffinity(process.pid, {1})
    try:
        yield psutil.Process(process.pid), data
    finally:
        process.terminate()
        process.wait(30)


def stored(data: Path, lane: Lane = Lane.BULK) -> int:
    path = data / "outbox.sqlite3"
    if not path.exists():
        return 0
    try:
        status = read_status(path)
    except Exception:  # noqa: BLE001  # it is being created
        return 0
    return status.lanes[lane].pending + status.acknowledged_through[lane]


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def senml(value: float) -> bytes:
    return json.dumps([{"n": "heart_rate", "u": "1/min", "v": value}]).encode()


def drained(
    process: psutil.Process, data: Path, n: int, deadline_s: float = 120
) -> tuple[float, float, float]:
    """(records a second, CPU ms per 1,000, peak MB) from the first stored record to the last."""
    while stored(data) == 0:
        time.sleep(0.005)
    began_s, cpu_began_s, first = time.monotonic(), cpu_s(process), stored(data)
    peak = 0
    while (have := stored(data)) < n:
        peak = max(peak, process.memory_info().rss)
        if time.monotonic() - began_s > deadline_s:
            raise TimeoutError(f"{have} of {n}")
        time.sleep(0.02)
    took_s = time.monotonic() - began_s
    used_s = cpu_s(process) - cpu_began_s
    return (have - first) / took_s, used_s * 1e6 / (have - first), peak / 1e6


def forget(bench: Bench, name: str) -> None:
    made = client(bench, name, clean=True)
    time.sleep(0.1)
    leave(made)
