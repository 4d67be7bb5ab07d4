"""The gateway's figures, side by side with a bare consumer, in one run on this machine.

    python -m benchmarks.gateway [--only readings --only waveforms ...] [--messages 30000]

The gateway is the real process (`yuyue gateway run`) between a real mosquitto and a sink that
speaks the cloud's side of the wire. Queued messages are taken by whoever connects next, so that no
publisher competes for the two cores while a rate is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import paho.mqtt.client as paho
import psutil
from rich.console import Console

from benchmarks.falls import DATA, joined
from edge.signals import NS_PER_S, Position, Reading, Waveform
from edge.wire import Lane, RegisteredDevice, RegistryDocument
from gateway.clock import SystemClock
from gateway.outbox import Group, Outbox
from gateway.outbox.status import read_status
from tests.gateway.blocks import Block
from tests.support.mosquitto import Mosquitto
from tests.support.processes import REPOSITORY, free_port

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
    module: tuple[str, ...] = ("yuyue", "gateway", "run"),
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


def forget(bench: Bench, name: str) -> None:
    made = client(bench, name, clean=True)
    time.sleep(0.1)
    leave(made)


async def bare(name: str, n: int, port: int, username: str, password: str) -> None:
    """What anybody writes first: aiomqtt, json.loads, and nothing kept."""
    import aiomqtt  # noqa: PLC0415

    got, began_s, began_cpu_s = 0, 0.0, 0.0
    async with aiomqtt.Client(
        "127.0.0.1", port, username=username, password=password, identifier=name,
        clean_session=False, protocol=aiomqtt.ProtocolVersion.V311,
    ) as connection:  # fmt: skip
        await connection.subscribe(TOPICS, qos=1)
        async for message in connection.messages:
            if not got:
                began_s, began_cpu_s = time.perf_counter(), time.process_time()
            json.loads(message.payload)
            got += 1
            if got == n:
                break
        took_s = time.perf_counter() - began_s
        used_s = time.process_time() - began_cpu_s
    print(n / took_s, used_s * 1e6 / n, psutil.Process().memory_info().rss / 1e6)


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


async def bare_times(out: Path, port: int, username: str, password: str) -> None:
    """When a bare consumer has parsed each message."""
    import aiomqtt  # noqa: PLC0415

    times: dict[str, int] = {}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def consume() -> None:
        async with aiomqtt.Client(
            "127.0.0.1", port, username=username, password=password
        ) as connection:
            await connection.subscribe(TOPICS, qos=1)
            async for message in connection.messages:
                record = json.loads(message.payload)[0]
                device_id = str(message.topic).split("/")[2]
                is_call = record["n"] == "sos"
                key = f"{device_id} {record['t'] * NS_PER_S}" if is_call else str(record["v"])
                times[key] = time.time_ns()

    task = asyncio.create_task(consume())
    await stop.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.to_thread(out.write_text, json.dumps(times))


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


def instrumented(out: Path) -> None:
    """The gateway as it is, noting when each commit returned."""
    from gateway.cli import app  # noqa: PLC0415

    times: dict[str, int] = {}
    commit = Outbox.commit

    def noting(self: Outbox, group: Group) -> object:
        committed = commit(self, group)
        now_ns = time.time_ns()
        for taken in group.signals:
            if isinstance(taken, Reading) and taken.quantity == "steps":
                times[str(int(taken.value))] = now_ns
        for event in group.events:
            times[f"{event.device_id} {event.time_ns}"] = now_ns
        return committed

    Outbox.commit = noting  # type: ignore[assignment, method-assign]
    try:
        app(["run"])
    finally:
        out.write_text(json.dumps(times))


class _Thin(msgspec.Struct):
    lane: str
    first_seq: int
    records: list[msgspec.Raw]


async def sink(port: int) -> None:
    """The cloud's side of the wire with nothing behind it: counts, acknowledges, notes times."""
    counts = {"urgent": 0, "bulk": 0}
    urgent_at: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (head := await reader.readline()) and head.strip():
            length, zipped = 0, False
            while line := (await reader.readline()).lower().strip():
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                zipped = zipped or line == b"content-encoding: gzip"
            body = await reader.readexactly(length)
            answer: dict[str, object] = {"received_ns": time.time_ns(), "registry_version": 1}
            if b"/ingest" in head:
                raw = gzip.decompress(body) if zipped else body
                batch = msgspec.json.decode(raw, type=_Thin)
                last = batch.first_seq + len(batch.records) - 1
                counts[batch.lane] = max(counts[batch.lane], last)
                if batch.lane == "urgent":
                    urgent_at.extend([time.time()] * len(batch.records))
                answer = {"acknowledged_through": last}
            elif b"/counts" in head:
                answer = {**counts, "urgent_at": urgent_at}
            text = json.dumps(answer).encode()
            status = b"304 Not Modified" if b"/registry" in head else b"200 OK"
            text = b"" if b"/registry" in head else text
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text))

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=2**20)
    await server.serve_forever()


@contextmanager
def sinking() -> Iterator[tuple[int, Callable[[], dict[str, object]]]]:
    import httpx  # noqa: PLC0415

    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway", "--sink", str(port)], cwd=REPOSITORY
    )
    http = httpx.Client(trust_env=False)

    def ask() -> dict[str, object]:
        return dict(http.get(f"http://127.0.0.1:{port}/counts").json())

    for _ in range(100):
        try:
            ask()
            break
        except httpx.TransportError:
            time.sleep(0.1)
    try:
        yield port, ask
    finally:
        http.close()
        process.terminate()
        process.wait(10)


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
    devices = device_ids(50)
    with sinking() as (port, _), gateway(bench, devices, "idle", port) as (process, data):
        time.sleep(4)
        made = client(bench, "publisher")
        for k in range(100):
            made.publish(f"yuyue/v1/{devices[k % 50]}/senml", senml(60), qos=1)
        time.sleep(6)
        leave(made)
        before_s = cpu_s(process)
        time.sleep(5)
        bench.add(
            "idle, 50 devices", "under 120 MB", memory=f"{process.memory_info().rss / 1e6:.0f} MB",
            cpu=f"{(cpu_s(process) - before_s) / 5 * 100:.1f} %", stored=str(stored(data)),
        )  # fmt: skip
    forget(bench, CLIENT_ID)


PARTS: dict[str, Callable[[Bench], None]] = {
    "readings": readings, "waveforms": waveforms, "latency": latency, "drain": drain, "idle": idle,
}  # fmt: skip


def machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    return (
        f"{model}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Python {platform.python_version()}, load before {load}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--messages", type=int, default=30_000)
    arguments = parser.parse_args()
    console = Console(width=160)
    console.print(machine())
    with tempfile.TemporaryDirectory(prefix="yuyue-bench-") as directory:
        broker = Mosquitto(Path(directory) / "mosquitto", max_inflight=INFLIGHT, autosave=False)
        with broker:
            bench = Bench(Path(directory), broker, arguments.messages)
            for name in arguments.only or PARTS:
                PARTS[name](bench)
                for row in bench.rows:
                    console.print(f"{row.work}: {row.figures}  (reach: {row.reach})")
                bench.rows.clear()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        asyncio.run(bare(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:7]))
    elif sys.argv[1:2] == ["--bare-times"]:
        asyncio.run(bare_times(Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6]))
    elif sys.argv[1:2] == ["--sink"]:
        asyncio.run(sink(int(sys.argv[2])))
    elif sys.argv[1:2] == ["--instrumented"]:
        instrumented(Path(sys.argv[2]))
    else:
        main()
