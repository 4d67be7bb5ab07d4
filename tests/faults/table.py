"""The fault table: `python -m tests.faults.table [--kills 50] [--only NAME]`.

Real mosquitto, the gateway as a process (killed for real), a reader behind a line that can be cut.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
from rich.console import Console
from rich.table import Table
from starlette.responses import Response

from edge.engine import Engine, default_detectors
from edge.signals import Reading
from edge.wire import Batch, Lane
from gateway.clock import SystemClock
from gateway.outbox import Group
from gateway.outbox.schema import connect
from tests.faults.alone import alone_with_alarms, gateway_absent, radio_vanishing
from tests.faults.harness import (
    BACKLOG_FROM,
    DEVICES,
    FaultWorld,
    Load,
    Outcome,
    account,
    fault_world,
    restart_gateway,
    run_fault,
    settle,
    step_readings,
    watched,
)
from tests.gateway.blocks import Block
from tests.gateway.cloud_double import problem
from tests.gateway.conftest import InnerGateway
from tests.support.processes import wait_until
from tests.support.proxy import Line

_CHANCE = random.Random(11)  # noqa: S311
_DAY_RECORDS = 86_400  # ten devices, a reading every ten seconds


def gateway_killed(directory: Path, tries: int = 50) -> Outcome:
    """Every other time in the midst of its start, else while it works off what has waited."""
    working = 0

    def strike(world: FaultWorld, number: int) -> str:
        nonlocal working
        if number % 2 == 0:
            wait_until(lambda: world.log().count('"mqtt_up"') > working, "it works", 60)
        time.sleep(_CHANCE.uniform(0.05, 1.0))
        world.gateway.kill_9()
        working = world.log().count('"mqtt_up"')
        restart_gateway(world)
        return f"killed {working} times at work"

    return run_fault(directory, "gateway kill -9", tries, strike)


def broker_killed(directory: Path, tries: int = 3) -> Outcome:
    def strike(world: FaultWorld, number: int) -> None:
        time.sleep(1.5)
        world.broker.kill_9()
        time.sleep(0.3)
        world.broker.start()
        time.sleep(1.0)

    return run_fault(directory, "broker kill -9, restarted", tries, strike)


def network_cut(directory: Path, tries: int = 3) -> Outcome:
    def strike(world: FaultWorld, number: int) -> None:
        world.proxy.set_line(Line.CUT)
        time.sleep(_CHANCE.uniform(1, 3))
        world.proxy.set_line(Line.UP)
        time.sleep(1.5)

    return run_fault(directory, "network cut for seconds", tries, strike)


def day_of_backlog(directory: Path, tries: int = 1) -> Outcome:
    """A day's readings wait; live ones and calls come on top. The calls' delay is the note."""
    with fault_world(directory) as world:
        load = Load(world, rate_hz=50)
        outbox = world.outbox()
        day_ns = time.time_ns() - 86_400 * 10**9
        sent = {}
        for start in range(0, _DAY_RECORDS, 400):
            signals = []
            for k in range(start, start + 400):
                device_id, value = DEVICES[k % 10], BACKLOG_FROM + k // 10
                signals.append(Reading(device_id, "steps", day_ns + k * 10**9, float(value)))
                sent[device_id, value] = time.monotonic()
            outbox.commit(Group(signals=signals))
        outbox.close()
        world.start_gateway()
        load.start()
        load.sent.update(sent)
        with watched(world):
            settle(world, load, at_least_s=5)
            load.stop()
            settle(world, load)
            urgent_s = [
                world.cloud.called_at_s[key] - at_s
                for key, at_s in load.pressed.items() if key in world.cloud.called_at_s
            ]  # fmt: skip
        note = f"longest call {max(urgent_s):.2f} s"
        return account(world, load, "a day of backlog", tries, note)


def cloud_troubled(directory: Path, tries: int = 40) -> Outcome:
    """500 before the commit, 500 after it, nonsense, busy: every other call or so."""

    def trouble(cloud: object, batch: Batch) -> Response | None:
        kind = _CHANCE.choice(["ok", "500", "500 after", "nonsense after", "busy", "413"])
        if kind in {"500 after", "nonsense after"}:
            cloud._take(batch)  # type: ignore[attr-defined]
        answers = {
            "500": problem(500, "oops"),
            "500 after": problem(500, "oops"),
            "nonsense after": Response("<html>", media_type="text/html"),
            "busy": problem(503, "busy", headers={"Retry-After": "0"}),
            "413": problem(413, "batch_too_large"),
        }
        return answers.get(kind)

    def strike(world: FaultWorld, number: int) -> None:
        world.cloud.trouble = lambda batch: trouble(world.cloud, batch)
        time.sleep(0.25)
        if number == tries - 1:
            world.cloud.trouble = None

    return run_fault(directory, "cloud answers 500, nonsense, busy", tries, strike)


def cloud_slow(directory: Path, tries: int = 3) -> Outcome:
    def strike(world: FaultWorld, number: int) -> None:
        world.cloud.bulk_delay_s = 2.0
        time.sleep(3)
        world.cloud.bulk_delay_s = 0.0
        world.cloud.hang_after_commit = True
        time.sleep(1.0)
        world.cloud.hang_after_commit = False

    return run_fault(directory, "cloud slow, or silent after commit", tries, strike)


def half_an_answer(directory: Path, tries: int = 5) -> Outcome:
    def strike(world: FaultWorld, number: int) -> None:
        world.proxy.set_line(Line.HALF_ANSWERS)
        time.sleep(1.0)
        world.proxy.set_line(Line.UP)
        time.sleep(0.7)

    return run_fault(directory, "half an answer", tries, strike)


def duplicated_and_reordered(directory: Path, tries: int = 600) -> Outcome:
    """Blocks of one wearable, each up to three times, up to eight places out of order."""
    with fault_world(directory) as world:
        world.start_gateway()
        publisher = world.publisher()
        start_ns = time.time_ns() - tries * 10**9
        numbers = sorted(
            [n for n in range(tries) for _ in range(_CHANCE.randint(1, 3))],
            key=lambda n: n + _CHANCE.uniform(0, 8),
        )
        publisher.publish_many(
            [
                (
                    f"yuyue/v1/{DEVICES[0]}/waveform",
                    Block(
                        sequence_number=n, start_ns=start_ns + n * 10**9, counts=(0, 0, 8192) * 50
                    ).encode(),
                )
                for n in numbers
            ]
        )
        began_s = time.monotonic()

        def arrived() -> list[int]:
            records = world.cloud.of(Lane.BULK)
            return [r.waveform.sequence_number for r in records if r.waveform]

        wait_until(lambda: len(set(arrived())) == tries, "all blocks came", 30)
        took_s = time.monotonic() - began_s
        time.sleep(1)
        found = arrived()
        return Outcome(
            "duplicate and reordered delivery", len(numbers), tries, 0,
            tries - len(set(found)), len(found) - len(set(found)), 0, took_s,
            f"{len(numbers)} messages",
        )  # fmt: skip


def disk_full(directory: Path, tries: int = 2) -> Outcome:
    """A real file system of 24 MiB, filled by somebody else to the last byte, twice."""
    data = directory / "gateway"
    data.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(data)], check=True)
    rung_while_full = 0
    try:

        def strike(world: FaultWorld, number: int) -> str:
            nonlocal rung_while_full
            world.proxy.set_line(Line.CUT)
            time.sleep(1)
            hog = data / "hog"
            with hog.open("ab", buffering=0) as file:
                for size in (65536, 4096):
                    try:
                        while True:
                            file.write(b"x" * size)
                    except OSError:
                        continue
            before = len(world.cloud.of(Lane.URGENT))
            world.proxy.set_line(Line.UP)
            time.sleep(5)
            rung_while_full += len(world.cloud.of(Lane.URGENT)) - before
            hog.unlink()
            time.sleep(2.5)
            return f"{rung_while_full} calls rang while full"

        return run_fault(directory, "disk full", tries, strike)
    finally:
        subprocess.run(["umount", "-l", str(data)], check=True)


def corrupted_last_page(directory: Path, tries: int = 3) -> Outcome:
    def strike(world: FaultWorld, number: int) -> str:
        world.proxy.set_line(Line.CUT)
        time.sleep(1.5)
        world.gateway.kill_9()
        path = world.data_dir / "outbox.sqlite3"
        with_log = connect(path)
        with_log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with_log.close()
        with path.open("r+b") as file:
            file.seek(-4096, os.SEEK_END)
            file.write(b"\xa5" * 4096)
        world.proxy.set_line(Line.UP)
        restart_gateway(world)
        wait_until(lambda: '"outbox_salvaged"' in world.log() or number == 0, "salvaged", 15)
        time.sleep(1)
        return f"found {world.log().count('outbox_salvaged')} times"

    return run_fault(directory, "corrupted last page", tries, strike, sos_every=5)


class StepClock(SystemClock):
    """The machine's clock, stepped when somebody says so."""

    step_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.step_ns


def clock_stepped(directory: Path, tries: int = 4) -> Outcome:
    """An hour forth and back while readings come; inside this process, so that it can be done."""
    with fault_world(directory) as world:
        clock = StepClock()
        values = {
            k.removeprefix("YUYUE_GATEWAY_").lower(): v for k, v in world.environment().items()
        }
        from gateway.settings import Settings

        world.inner = InnerGateway(
            Settings(**values), clock=clock, engine=Engine(default_detectors())
        )
        wait_until(lambda: world.cloud.heartbeats, "it beats", 15)
        time.sleep(1)
        load = Load(world)
        load.start()
        with watched(world):
            for number in range(tries):
                clock.step_ns = (3600, 0, -3600, 0)[number % 4] * 10**9
                time.sleep(1.5)
            load.stop()
            settle(world, load)
            late_s = [
                abs(r.time_ns - load.sent_ns[r.device_id, int(r.value)]) / 1e9
                for r in step_readings(world)
            ]
        return account(
            world, load, "clock steps of an hour, both ways", tries,
            f"times off by at most {max(late_s):.2f} s",
        )  # fmt: skip


def flapping(directory: Path, tries: int = 1) -> Outcome:
    def strike(world: FaultWorld, number: int) -> None:
        time.sleep(5)

    return run_fault(directory, "10 devices flapping", tries, strike, flapping=True)


def flooding(directory: Path, tries: int = 1) -> Outcome:
    """One device sends as fast as the broker takes it; the others and their calls still come."""

    def strike(world: FaultWorld, number: int) -> str:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.username_pw_set(world.broker.username, world.broker.password)
        client.connect("127.0.0.1", world.broker.port)
        client.loop_start()
        body = json.dumps([{"n": "heart_rate", "u": "1/min", "v": 70}]).encode()
        n = 0
        until_s = time.monotonic() + 5
        while time.monotonic() < until_s:
            for _ in range(50):
                client.publish("yuyue/v1/w-0/senml", body, qos=0)
                n += 1
            time.sleep(0.02)
        client.disconnect()
        client.loop_stop()
        return f"{n} messages in 5 s"

    return run_fault(directory, "one device flooding", tries, strike, devices=DEVICES[1:])


FAULTS: dict[str, Callable[..., Outcome]] = {
    "gateway": gateway_killed,
    "broker": broker_killed,
    "cut": network_cut,
    "day": day_of_backlog,
    "trouble": cloud_troubled,
    "slow": cloud_slow,
    "half": half_an_answer,
    "order": duplicated_and_reordered,
    "disk": disk_full,
    "page": corrupted_last_page,
    "clock": clock_stepped,
    "flapping": flapping,
    "flooding": flooding,
    "radio": radio_vanishing,
    "alone": alone_with_alarms,
    "absent": gateway_absent,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", choices=FAULTS, action="append")
    arguments = parser.parse_args()
    console = Console(width=150)
    table = Table(title="Faults", show_lines=False)
    for column in ("fault", "tries", "events", "urgent", "lost", "doubled", "out of order",
                   "longest delay", "note"):  # fmt: skip
        table.add_column(column, justify="left" if column in {"fault", "note"} else "right")
    clean = True
    for name in arguments.only or FAULTS:
        with tempfile.TemporaryDirectory(prefix="yuyue-fault-") as directory:
            more = {"tries": arguments.kills} if name == "gateway" else {}
            began_s = time.monotonic()
            outcome = FAULTS[name](Path(directory), **more)
            console.print(f"{name}: {time.monotonic() - began_s:.0f} s {outcome}", style="dim")
        clean = clean and outcome.is_clean
        table.add_row(
            outcome.fault, str(outcome.tries), f"{outcome.events:,}", f"{outcome.urgent:,}",
            str(outcome.lost), str(outcome.doubled), str(outcome.disordered),
            f"{outcome.longest_delay_s:.2f} s", outcome.note,
        )  # fmt: skip
    console.print(table)
    return 0 if clean else 1


if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    sys.exit(main())
