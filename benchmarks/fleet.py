"""How many devices and messages one process of the simulator can be, beside aiomqtt.

Every message is a SenML reading at QoS 1 into mosquitto, on the other core, and counts when it is
acknowledged. Example: python -m benchmarks.fleet --devices 10000 --for-s 15
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import resource
import socket
import tempfile
import time
from pathlib import Path
from typing import Final

import aiomqtt
import numpy as np
from rich.console import Console

from benchmarks.cloud import show_machine
from firmware_sim.fleet.fleet import WINDOW, Fleet, FleetCounts, FleetPlan
from firmware_sim.fleet.readings import fleet_payloads, fleet_topics, tagged_payloads
from firmware_sim.transports.mqtt import MqttSettings
from tests.support.mosquitto import Mosquitto

console = Console()
# More than anything here can send: the rate is then what the process is able to.
_AS_FAST_AS_IT_CAN_PER_S: Final = 200_000.0
_FEW: Final = 100
# As against a hub: every message has its simulator's tag.
_KEY: Final = bytes(range(32))


def ours(broker: Mosquitto, devices: int, messages_per_s: float, for_s: float) -> tuple[float, str]:
    settings = MqttSettings("127.0.0.1", broker.port, broker.username, broker.password)
    plan = FleetPlan(fleet_topics(devices), devices / messages_per_s, 4000.0)
    fleet = Fleet(settings, plan, tagged_payloads(fleet_payloads(1), plan.topics, _KEY))
    seen: list[tuple[float, int]] = []  # from when all are connected until the last is sent

    def note(counts: FleetCounts) -> None:
        if counts.connected == devices:
            seen.append((time.monotonic(), counts.acknowledged))

    cpu_s = time.process_time()
    counts = fleet.run(for_s, on_progress=note)
    cpu_s = time.process_time() - cpu_s
    from_s, before = seen[0]
    until_s, after = max(one for one in seen if one[0] <= from_s + for_s)
    rate = (after - before) / (until_s - from_s)
    if counts.waiting:
        raise SystemExit(f"{counts.waiting} messages were not acknowledged")
    median, high = np.percentile(np.asarray(counts.round_trips_s), [50, 99]) * 1000.0
    return rate, (
        f"round trip median {median:.1f}, p99 {high:.1f} ms; {counts.dropped:,} dropped; "
        f"{1e6 * cpu_s / counts.said:.0f} us of processor each"
    )


async def with_aiomqtt(broker: Mosquitto, devices: int, for_s: float) -> float:
    """The obvious way: a client for each device, as many publishes in flight as ours."""
    topics = fleet_topics(devices)
    say = tagged_payloads(fleet_payloads(1), topics, _KEY)
    acknowledged = 0

    async def one(number: int, stop_s: float) -> None:
        nonlocal acknowledged
        nodelay = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, username=broker.username, password=broker.password,
            identifier=f"aiomqtt-{number}", socket_options=nodelay,
        ) as client:  # fmt: skip
            message = 0
            while time.monotonic() < stop_s:
                packs = [say(number, message + n, time.time()) for n in range(WINDOW)]
                await asyncio.gather(*(client.publish(topics[number], p, qos=1) for p in packs))
                message += WINDOW
                acknowledged += WINDOW

    begun_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(devices):
            group.create_task(one(number, begun_s + for_s))
    return acknowledged / (time.monotonic() - begun_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--for-s", type=float, default=15.0)
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * arguments.devices)), hard))
    logging.disable(logging.WARNING)  # aiomqtt warns of each publish above ten in flight
    show_machine()
    with (
        tempfile.TemporaryDirectory() as folder,
        Mosquitto(Path(folder), autosave=False) as broker,
    ):
        few = asyncio.run(with_aiomqtt(broker, _FEW, arguments.for_s))
        console.print(f"aiomqtt, {_FEW} clients, as fast as it can: {few:,.0f} messages/s")
        for devices, rate in (
            (arguments.devices, 25_000.0),
            (arguments.devices, _AS_FAST_AS_IT_CAN_PER_S),
            (_FEW, _AS_FAST_AS_IT_CAN_PER_S),
        ):
            got, how = ours(broker, devices, rate, arguments.for_s)
            asked = f"{rate:,.0f} asked" if rate < _AS_FAST_AS_IT_CAN_PER_S else "as fast as it can"
            times = f"{got:,.0f} messages/s = {got / few:.1f} x"
            console.print(f"ours, {devices:,} devices, {asked}: {times}; {how}")


if __name__ == "__main__":
    main()
