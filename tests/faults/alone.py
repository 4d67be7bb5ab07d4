"""Faults around the gateway: the radio, the cloud while somebody calls, its own absence."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import httpx

from edge.gateway_wire import Gap, GapCause, LocalAction, LocalActionKind
from edge.wire import Lane
from tests.faults.harness import (
    FaultWorld,
    Load,
    Outcome,
    account,
    fault_world,
    restart_gateway,
    settle,
    watched,
)
from tests.support.bluez_bus import ADDRESS_VARIABLE, BluezBus
from tests.support.processes import free_port, wait_until
from tests.support.proxy import Line

PIN = "20481632"
DELAY_S = 2.0


def gaps(world: FaultWorld) -> list[Gap]:
    return [r.gap for r in world.cloud.of(Lane.BULK) if r.gap is not None]


def actions(world: FaultWorld) -> list[LocalAction]:
    return [r.local for r in world.cloud.of(Lane.URGENT) if r.local is not None]


def with_environment(world: FaultWorld, **more: str) -> None:
    world.gateway._environment = {**os.environ, **world.environment(), **more}


def radio_vanishing(directory: Path, tries: int = 3) -> Outcome:
    """The adapter unplugged, then the whole stack gone from the bus; MQTT must not notice, and the
    time in which nobody listened must be told.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with BluezBus(directory) as bus, fault_world(directory / "world") as world:
        asyncio.run(add_adapter(bus))
        with_environment(
            world, **{ADDRESS_VARIABLE: bus.address, "YUYUE_GATEWAY_BLE_ADAPTERS": "hci0"}
        )
        world.start_gateway()
        wait_until(lambda: is_up(world), "the adapter listens", 30)
        load = Load(world)
        load.start()
        told = []
        with watched(world):
            for number in range(tries):
                before = len(gaps(world))
                if number % 2:
                    bus.stop_stack()
                    time.sleep(9)
                    bus.start_stack()
                else:
                    asyncio.run(remove_adapter(bus))
                    time.sleep(9)
                asyncio.run(add_adapter(bus))
                wait_until(lambda: is_up(world), "it listens again", 60)
                told.append(wait_until(lambda b=before: len(gaps(world)) > b, "a gap", 30))
            load.stop()
            settle(world, load)
        sources = {gap.source for gap in gaps(world) if gap.cause is GapCause.SOURCE_DOWN}
        assert sources == {"ble:hci0"}, sources
        note = f"{len(told)} of {tries} outages told as gaps"
        return account(world, load, "adapter or D-Bus service vanishing", tries, note)


async def add_adapter(bus: BluezBus) -> None:
    await bus.add_adapter(0)


async def remove_adapter(bus: BluezBus) -> None:
    await bus.remove_adapter(0)


def is_up(world: FaultWorld) -> bool:
    beats = world.cloud.heartbeats
    return bool(beats) and beats[-1].sources.get("ble:hci0") is True


def alone_with_alarms(directory: Path, tries: int = 3) -> Outcome:
    """The line is cut while people call. Every call of the outage rings here, once; somebody
    acknowledges it; afterwards the cloud has the same event ids, late, with what was done.
    """
    port = free_port()
    with fault_world(directory) as world:
        with_environment(
            world,
            YUYUE_GATEWAY_LOCAL_ALARM_HOST="127.0.0.1",
            YUYUE_GATEWAY_LOCAL_ALARM_PORT=str(port),
            YUYUE_GATEWAY_LOCAL_ALARM_PIN=PIN,
            YUYUE_GATEWAY_LOCAL_ALARM_DELAY_S=str(DELAY_S),
        )
        world.start_gateway()
        load = Load(world, rate_hz=40)
        load.start()
        acknowledged: set[str] = set()
        with (
            watched(world),
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers={"X-Yuyue-Request": "1"}
            ) as phone,
        ):
            wait_until(lambda: '"local_page_on"' in world.log(), "the page", 15)
            assert phone.post("/api/login", json={"pin": PIN, "name": "张护士"}).status_code == 200
            for _ in range(tries):
                world.proxy.set_line(Line.CUT)
                time.sleep(DELAY_S + 4)
                for alarm in phone.get("/api/state").json()["alarms"]:
                    if alarm["is_ringing"]:
                        phone.post(f"/api/alarms/{alarm['alarm_id']}/acknowledge", json={})
                        acknowledged.update(alarm["event_ids"])
                world.proxy.set_line(Line.UP)
                time.sleep(2)
            load.stop()
            settle(world, load)
            wait_until(
                lambda: acknowledged <= heard(world, LocalActionKind.ACKNOWLEDGED),
                "what was done is told",
                30,
            )
        ids = [action.action_id for action in actions(world)]
        events = {r.event.event_id for r in world.cloud.of(Lane.URGENT) if r.event}
        raised = heard(world, LocalActionKind.RAISED)
        outcome = account(world, load, "calls while the cloud is away", tries, "")
        late = [
            at_s - load.pressed[key]
            for key, at_s in world.cloud.called_at_s.items()
            if at_s - load.pressed.get(key, at_s) > DELAY_S + 1
        ]
        unknown = len((raised | acknowledged) - events)
        doubled = outcome.doubled + len(ids) - len(set(ids))
        note = (
            f"{len(raised)} rang here, {len(acknowledged)} acknowledged here, all told; "
            f"{len(late)} late by {min(late, default=0):.0f} to {max(late, default=0):.0f} s"
        )
        assert raised, "nothing rang"
        assert len(raised) >= len(late), "a late call that did not ring here"
        return Outcome(
            outcome.fault, tries, outcome.events, outcome.urgent, outcome.lost + unknown, doubled,
            outcome.disordered, outcome.longest_delay_s, note,
        )  # fmt: skip


def heard(world: FaultWorld, kind: LocalActionKind) -> set[str]:
    return {action.event_id for action in actions(world) if action.kind is kind}


def gateway_absent(directory: Path, tries: int = 2) -> Outcome:
    """Killed, and not there for a while: the broker keeps what it can, and the gap is told."""
    with fault_world(directory) as world:
        world.start_gateway()
        load = Load(world, rate_hz=40)
        load.start()
        with watched(world):
            for number in range(tries):
                time.sleep(6)
                world.gateway.kill_9()
                time.sleep(12)
                restart_gateway(world)
                wait_until(
                    lambda n=number: sum(g.cause is GapCause.GATEWAY_DOWN for g in gaps(world)) > n,
                    "the gap is told",
                    30,
                )
            load.stop()
            settle(world, load)
        lengths = [(g.until_ns - g.from_ns) / 1e9 for g in gaps(world)]
        note = f"gaps of {min(lengths):.0f} to {max(lengths):.0f} s told"
        return account(world, load, "gateway away for 12 s", tries, note)
