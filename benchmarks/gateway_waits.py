"""How long things take: to the outbox, out of a backlog; and what waiting costs."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.gateway_bench import (
    CLIENT_ID,
    Bench,
    client,
    cpu_s,
    device_ids,
    forget,
    gateway,
    leave,
    senml,
    stored,
)
from benchmarks.gateway_far_ends import sinking
from benchmarks.gateway_rates import daily_counts
from edge.signals import NS_PER_S, Reading, Waveform
from gateway.clock import SystemClock
from gateway.outbox import Group, Outbox
from tests.support.bluez_bus import ADDRESS_VARIABLE, BluezBus
from tests.support.processes import REPOSITORY


def send_at_500(bench: Bench, devices: list[str]) -> dict[str, int]:
    """20 s of 500 messages a second, each tenth a call: key -> when it was handed to the client."""
    sent: dict[str, int] = {}
    made = client(bench, "publisher")
    # Calls within 10 s of each other would be one: these are of the days before.
    base_s = int(time.time()) - 200_000
    began_s = time.monotonic()
    for k in range(10_000):
        device_id, key, pack = devices[k % 200], str(k), [{"n": "steps", "v": k}]
        if k % 10 == 3:
            pack = [{"n": "sos", "v": 1, "t": base_s + 11 * k}]
            key = f"{device_id} {(base_s + 11 * k) * NS_PER_S}"
        body = json.dumps(pack).encode()
        sent[key] = time.time_ns()
        made.publish(f"yuyue/v1/{device_id}/senml", body, qos=1)
        time.sleep(max(0.0, began_s + k / 500 - time.monotonic()))
    time.sleep(2)
    leave(made)
    return sent


def latency(bench: Bench) -> None:
    """500 messages a second; publish to commit returned, beside a bare consumer that has parsed."""
    devices = device_ids(200)
    out = bench.directory / "times.json"
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway", "--bare-times", str(out),
         str(bench.broker.port), bench.broker.username, bench.broker.password], cwd=REPOSITORY,
    ) as process:  # fmt: skip
        time.sleep(2)
        sent = send_at_500(bench, devices)
        process.terminate()
    times = json.loads(out.read_text())
    bare_ms = [(times[k] - at) / 1e6 for k, at in sent.items() if k in times]
    module = ("benchmarks.gateway", "--instrumented", str(out))
    with gateway(bench, devices, "latency", module=module) as (_, data):
        while not (data / "log").exists() or "mqtt_up" not in (data / "log").read_text():
            time.sleep(0.05)
        sent = send_at_500(bench, devices)
    forget(bench, CLIENT_ID)
    times = json.loads(out.read_text())
    for kind, is_urgent in (("bulk", False), ("urgent", True)):
        took_ms = [(times[k] - at) / 1e6 for k, at in sent.items() if (" " in k) == is_urgent]
        bench.add(
            f"message in to {kind} in the outbox, 500/s", "p99 5 ms" if is_urgent else "p99 20 ms",
            p50=f"{statistics.median(took_ms):.1f} ms",
            p99=f"{np.percentile(took_ms, 99):.1f} ms", n=str(len(took_ms)),
            bare=f"p50 {statistics.median(bare_ms):.1f} p99 {np.percentile(bare_ms, 99):.1f} ms",
            fsync="p50 {:.1f} p99 {:.1f} ms".format(*fsync_ms(bench.directory)),
        )  # fmt: skip


def fsync_ms(directory: Path) -> tuple[float, float]:
    """What one small durable append costs here: the floor under every figure of latency."""
    took = []
    with (directory / "fsync").open("ab", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            began_s = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began_s) * 1e3)
    return statistics.median(took), float(np.percentile(took, 99))


def drain(bench: Bench) -> None:
    """A backlog goes out while calls come in: rate, and the calls' whole way."""
    devices = device_ids(1000)
    for kind, total, per_s in (("blocks", 120_000, 1000.0), ("readings", 400_000, 100.0)):
        data = bench.directory / f"drain-{kind}"
        data.mkdir()
        start_ns = time.time_ns() - 86_400 * NS_PER_S
        outbox = Outbox(data / "outbox.sqlite3", SystemClock())
        counts = daily_counts(1000, 20).reshape(-1, 50, 3)
        for start in range(0, total, 500):
            signals: list[Reading | Waveform] = []
            for k in range(start, start + 500):
                device_id, at_ns = devices[k % 1000], start_ns + k // 1000 * NS_PER_S
                if kind == "blocks":
                    signals.append(
                        Waveform(device_id, "acceleration", at_ns, 50.0, 0.001, 16.0,
                                 counts[k % len(counts)], k // 1000, 1)
                    )  # fmt: skip
                else:
                    signals.append(Reading(device_id, "heart_rate", at_ns, 60.0 + k % 40))
            outbox.commit(Group(signals=signals))
        outbox.save_snapshots(total, {})
        size_mb = outbox.used_bytes() / 1e6
        outbox.close()
        with (
            sinking() as (port, ask),
            gateway(bench, devices, f"drain-{kind}", port) as (process, _),
        ):
            while not ask()["bulk"]:
                time.sleep(0.02)
            began_s, first = time.monotonic(), ask()["bulk"]
            made = client(bench, "publisher")
            pressed: list[float] = []
            while (have := ask()["bulk"]) < total:  # type: ignore[operator]
                pressed.append(time.time())
                body = json.dumps(
                    [{"n": "sos", "v": 1, "t": int(time.time()) - 10**5 + 11 * len(pressed)}]
                )
                made.publish(f"yuyue/v1/{devices[7]}/senml", body.encode(), qos=1).wait_for_publish(
                    10
                )
                time.sleep(0.1)
            took_s = time.monotonic() - began_s
            peak = process.memory_info().rss / 1e6
            time.sleep(1)
            arrived = ask()["urgent_at"]
            leave(made)
        forget(bench, CLIENT_ID)
        took = [b - a for a, b in zip(pressed, arrived, strict=True)]  # type: ignore[arg-type]
        rate = (have - first) / took_s  # type: ignore[operator]
        bench.add(
            f"backlog of {kind} drains, calls meanwhile", "20 x real time; a call under 1 s",
            rate=f"{rate:,.0f}/s = {rate / per_s:.0f} x real time of 1,000 devices",
            calls=f"{len(took)}: p50 {statistics.median(took) * 1e3:.0f} ms, "
            f"longest {max(took) * 1e3:.0f} ms",
            disk=f"{size_mb:.1f} MB for {total:,}", memory=f"{peak:.0f} MB",
        )  # fmt: skip


def idle(bench: Bench) -> None:
    """50 devices that have told something, then silence; without Bluetooth and with an adapter."""
    devices = device_ids(50)
    with BluezBus(bench.directory) as bus, sinking() as (port, _):
        asyncio.run(_add_adapter(bus))
        radio = {ADDRESS_VARIABLE: bus.address, "YUYUE_GATEWAY_BLE_ADAPTERS": "hci0"}
        for name, more in (("idle", {}), ("idle-ble", radio)):
            with gateway(bench, devices, name, port, more=more) as (process, data):
                made = client(bench, "publisher")
                while '"mqtt_up"' not in (data / "log").read_text():
                    time.sleep(0.1)
                for k in range(100):
                    made.publish(f"yuyue/v1/{devices[k % 50]}/senml", senml(60), qos=1)
                while stored(data) < 100:
                    time.sleep(0.1)
                leave(made)
                time.sleep(6)
                before_s = cpu_s(process)
                time.sleep(5)
                bench.add(
                    "idle, 50 devices" + (", Bluetooth scanning" if more else ""), "under 120 MB",
                    memory=f"{process.memory_info().rss / 1e6:.0f} MB",
                    own=f"{process.memory_full_info().uss / 1e6:.0f} MB",
                    cpu=f"{(cpu_s(process) - before_s) / 5 * 100:.1f} %",
                )  # fmt: skip
            forget(bench, CLIENT_ID)


async def _add_adapter(bus: BluezBus) -> None:
    await bus.add_adapter(0)
