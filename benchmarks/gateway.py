"""The gateway's figures, side by side with a bare consumer, in one run on this machine.

    python -m benchmarks.gateway [--only readings --only waveforms ...] [--messages 30000]

The gateway is the real process (`yuyue gateway run`) between a real mosquitto and a sink that
speaks the cloud's side of the wire. Queued messages are taken by whoever connects next, so that no
publisher competes for the two cores while a rate is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks.gateway_bench import INFLIGHT, Bench
from benchmarks.gateway_ble import advertisements
from benchmarks.gateway_far_ends import bare, bare_times, instrumented, sink
from benchmarks.gateway_rates import readings, waveforms
from benchmarks.gateway_waits import drain, idle, latency
from tests.support.mosquitto import Mosquitto

PARTS: dict[str, Callable[[Bench], None]] = {
    "readings": readings, "waveforms": waveforms, "latency": latency, "drain": drain, "idle": idle,
    "advertisements": advertisements,
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
