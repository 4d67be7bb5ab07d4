"""From the last sample the decision needed to the alert drawn in a browser, over many real falls.

Real parts all the way: simulated wearables replay real recordings at real pace through mosquitto,
gateway, cloud and embedded PostgreSQL to headless Chromium. The clock starts when the block that
holds the last sample of the decision window reaches a second subscriber of the broker, and stops at
the animation frame in which the desk draws the card.

    python -m benchmarks.fall_to_desk --falls 50
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import struct
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from playwright.sync_api import Page
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.desk import hub_with_desk
from tests.support.processes import REPOSITORY, Process
from tests.support.stack import Stack

# Two falls of one person within the merge window would be one alert; leave it well behind.
ROUND_S = 40.0
HEADER = struct.Struct("<2sBBBBHIIqIIIHH")
MS = 1e-6


@dataclass
class BlockArrivals:
    """When each block of each device passed the broker: device -> [(start_ns, end_ns, at_ns)]."""

    blocks: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)

    def listen(self, stack: Stack) -> mqtt.Client:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="benchmark")
        client.username_pw_set(stack.mosquitto.username, stack.mosquitto.password)
        client.on_connect = lambda c, *_: c.subscribe("yuyue/v1/+/waveform", qos=0)
        client.on_message = self._on_message
        client.connect("127.0.0.1", stack.mosquitto.port)
        client.loop_start()
        return client

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        at_ns = time.time_ns()
        header = HEADER.unpack_from(message.payload)
        n_samples, start_ns, rate_mhz = header[5], header[8], header[9]
        end_ns = start_ns + round(n_samples * 1e12 / rate_mhz)
        self.blocks.setdefault(message.topic.split("/")[2], []).append((start_ns, end_ns, at_ns))

    def arrival_ns(self, device_id: str, sample_ns: int) -> int:
        """When the block holding the sample of this time arrived.

        Times of the API have milliseconds, samples are further apart: a time within the last
        millisecond before a block is that block's first sample.
        """
        holding = [
            at_ns
            for start_ns, end_ns, at_ns in self.blocks[device_id]
            if start_ns - 1_000_000 <= sample_ns < end_ns
        ]
        if not holding:
            raise LookupError(f"no block of {device_id} holds {sample_ns}")
        return holding[-1]


def fall_recordings(count: int) -> list[str]:
    """Real waist falls of many subjects and kinds, spread over the index."""
    directory = Path(os.environ.get("YUYUE_DATA", REPOSITORY.parent / "shared" / "data")) / "falls"
    with (directory / "index.csv").open(newline="") as file:
        falls = [
            row["rec_id"]
            for row in csv.DictReader(file)
            if row["dataset"] == "sisfall" and row["is_fall"] == "1" and float(row["dur_s"]) <= 16
        ]
    step = max(1, len(falls) // count)
    return falls[::step][:count]


def to_ns(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1e9)


def run_falls(stack: Stack, page: Page, count: int, progress: Progress) -> list[dict[str, float]]:
    arrivals = BlockArrivals()
    monitor = arrivals.listen(stack)
    recordings = fall_recordings(3 * count)
    waist = [entry["device_id"] for entry in stack.seed["devices"]]
    rows: list[dict[str, float]] = []
    seen: set[str] = set()
    task = progress.add_task("falls seen at the desk", total=count)
    while len(rows) < count and recordings:
        started_s = time.monotonic()
        replays: list[Process] = []
        for device_id in waist:
            if recordings:
                replays.append(stack.replay(recordings.pop(0), device_id))
                time.sleep(1.37)  # not all at once, and not in step with the one-second blocks
        for replay in replays:
            replay.wait(90)
        time.sleep(1.0)
        for alert in stack.alerts():
            if alert["id"] in seen or len(rows) >= count:
                continue
            seen.add(alert["id"])
            rows.append(measure(stack, page, alert["id"], arrivals))
            progress.update(task, completed=len(rows))
        with stack.api() as client:
            for alert in stack.alerts():
                for move in ({"move": "acknowledge"}, {"move": "resolve", "verdict": "test"}):
                    move["client_time"] = datetime.now().astimezone().isoformat()
                    client.post(f"/api/v1/alerts/{alert['id']}/moves", json=move)
        time.sleep(max(0.0, ROUND_S - (time.monotonic() - started_s)))
    monitor.loop_stop()
    return rows


def measure(stack: Stack, page: Page, alert_id: str, arrivals: BlockArrivals) -> dict[str, float]:
    """Milliseconds of each leg of one alert's way."""
    with stack.api() as client:
        detail: dict[str, Any] = client.get(f"/api/v1/alerts/{alert_id}").json()
    event = min(detail["events"], key=lambda entry: entry["decided_at"])
    published_ns = arrivals.arrival_ns(detail["device_id"], to_ns(event["decided_at"]))
    card = page.locator(f"[data-alert-id='{alert_id}']")
    shown_ns = float(card.get_attribute("data-shown-at", timeout=5000) or "nan") / MS
    hops = {hop["hop"]: to_ns(hop["at"]) for hop in reversed(detail["ledger"])}
    return {
        "published to stored": (hops["stored"] - published_ns) * MS,
        "stored to committed": (hops["committed"] - hops["stored"]) * MS,
        "committed to drawn": (shown_ns - hops["committed"]) * MS,
        "published to drawn": (shown_ns - published_ns) * MS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--falls", type=int, default=50)
    arguments = parser.parse_args()
    console = Console()
    with hub_with_desk() as (stack, page), Progress(console=console) as progress:
        rows = run_falls(stack, page, arguments.falls, progress)
    table = Table(
        title=f"{len(rows)} falls, milliseconds ({platform.machine()}, {os.cpu_count()} cores)"
    )
    for column in ("leg", "median", "p95", "p99", "max"):
        table.add_column(column, justify="left" if column == "leg" else "right")
    for leg in rows[0]:
        values = np.array([row[leg] for row in rows])
        table.add_row(
            leg,
            *(f"{np.percentile(values, q):.0f}" for q in (50, 95, 99)),
            f"{values.max():.0f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
