"""How much goes through: JSON readings, waveforms with fall detection."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.falls import DATA, joined
from benchmarks.gateway_bench import (
    CLIENT_ID,
    GRAVITY,
    Bench,
    client,
    cpu_s,
    device_ids,
    drained,
    forget,
    gateway,
    leave,
    publish,
    reserve_queue,
    senml,
    stored,
)
from edge.signals import NS_PER_S
from tests.gateway.blocks import Block
from tests.support.processes import REPOSITORY


def readings(bench: Bench) -> None:
    """JSON readings at QoS 1 from 200 devices against a bare aiomqtt consumer, twice each."""
    devices = device_ids(200)
    n = bench.messages
    messages = [(f"yuyue/v1/{devices[k % 200]}/senml", senml(60 + k % 40)) for k in range(n)]
    rates: dict[str, list[tuple[float, float, float]]] = {"bare": [], "ours": []}
    for turn in range(2):
        reserve_queue(bench, f"bare-{turn}")
        publish(bench, messages)
        out = subprocess.run(
            [sys.executable, "-m", "benchmarks.gateway", "--bare", f"bare-{turn}", str(n),
             str(bench.broker.port), bench.broker.username, bench.broker.password],
            cwd=REPOSITORY, check=True, capture_output=True, text=True,
        ).stdout.split()  # fmt: skip
        rates["bare"].append((float(out[0]), float(out[1]), float(out[2])))
        forget(bench, f"bare-{turn}")
        reserve_queue(bench, CLIENT_ID)
        publish(bench, messages)
        with gateway(bench, devices, f"readings-{turn}") as (process, data):
            rates["ours"].append(drained(process, data, n))
        forget(bench, CLIENT_ID)
    bare, ours = (max(rates[k]) for k in ("bare", "ours"))
    bench.add(
        "JSON readings, 200 devices", "0.6 of bare; stretch 25,000/s at 20 CPU-ms per 1,000",
        bare=f"{bare[0]:,.0f}/s, {bare[1]:.0f} CPU-ms per 1,000",
        ours=f"{ours[0]:,.0f}/s, {ours[1]:.0f} CPU-ms per 1,000, {ours[2]:.0f} MB",
        ratio=f"{ours[0] / bare[0]:.2f}",
        both=" ".join(f"{b[0]:,.0f}:{o[0]:,.0f}" for b, o in zip(*rates.values(), strict=True)),
    )  # fmt: skip


def daily_counts(devices: int, seconds: int) -> np.ndarray:
    """Shape (devices, seconds, 50, 3), milli-g: real daily life where there are recordings."""
    if DATA.exists():
        return joined(DATA, devices, seconds, with_falls=False).astype(np.int16)
    noise = np.random.default_rng(1).normal(0, 40, (devices, seconds, 50, 3))
    return (noise + GRAVITY).astype(np.int16)


def block_messages(
    devices: list[str], seconds: int, start_ns: int, first: int = 0
) -> Iterator[list[tuple[str, bytes]]]:
    """Per second, one block of each device."""
    counts = daily_counts(len(devices), seconds)
    for at in range(seconds):
        yield [
            (
                f"yuyue/v1/{device_id}/waveform",
                Block(
                    sequence_number=first + at, start_ns=start_ns + at * NS_PER_S, flags=5,
                    scale_nano=1_000_000, full_scale_milli=16_000,
                    counts=tuple(counts[k, at].reshape(-1).tolist()),
                ).encode(),
            )
            for k, device_id in enumerate(devices)
        ]  # fmt: skip


def waveforms(bench: Bench) -> None:
    """1,000 wearables with fall detection, the gateway held on one core; then real pace."""
    devices = device_ids(1000)
    seconds = 30
    reserve_queue(bench, CLIENT_ID)
    start_ns = time.time_ns() - 3600 * NS_PER_S
    for messages in block_messages(devices, seconds, start_ns):
        publish(bench, messages)
    with gateway(bench, devices, "waveforms", one_core=True) as (process, data):
        rate, cpu_ms, peak = drained(process, data, seconds * 1000)
        seconds_live = list(block_messages(devices, 15, start_ns + seconds * NS_PER_S, seconds))
        made = client(bench, "publisher")
        cpu_began_s, began_s = cpu_s(process), time.monotonic()
        behind = 0
        for at, messages in enumerate(seconds_live):
            for index, (topic, body) in enumerate(messages):
                made.publish(topic, body, qos=1)
                if index % 50 == 49:
                    due_s = began_s + at + index / 1000
                    time.sleep(max(0.0, due_s - time.monotonic()))
            behind = max(behind, (seconds + at) * 1000 - stored(data))
            peak = max(peak, process.memory_info().rss / 1e6)
        took_s = time.monotonic() - began_s
        used = (cpu_s(process) - cpu_began_s) / took_s
        leave(made)
    forget(bench, CLIENT_ID)
    bench.add(
        "waveforms, 1,000 wearables, fall detection, one core",
        "real time (1,000 blocks/s) on one core, under 300 MB",
        catch_up=f"{rate:,.0f} blocks/s, {rate / 1000:.1f} x real time, "
        f"{cpu_ms:.0f} CPU-ms per 1,000",
        live=f"{used * 100:.0f} % of one core, at most {max(0, behind)} blocks behind by a second",
        memory=f"{peak:.0f} MB",
    )  # fmt: skip
