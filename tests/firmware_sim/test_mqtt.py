"""The simulated radio against a real mosquitto: in order, nothing lost, memory bounded."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import aiomqtt
import numpy as np
import pytest
from rich.console import Console

from firmware_sim.clock import SystemClock
from firmware_sim.runner import ArraySource
from firmware_sim.session import Device, Surroundings, progress_bars, run_devices
from firmware_sim.transports.mqtt import (
    BrokerRefusedError,
    MqttPublisher,
    MqttSettings,
    waveform_topic,
)
from tests.support.mosquitto import Mosquitto

DEVICE_ID = "wearable-0001"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    yield broker
    broker.stop()


def settings_of(broker: Mosquitto) -> MqttSettings:
    return MqttSettings("127.0.0.1", broker.port, broker.username, broker.password)


class Listener:
    """Collects what arrives on the device's topic, as the gateway would."""

    def __init__(self, broker: Mosquitto, topic: str = "") -> None:
        self._topic = topic or waveform_topic(DEVICE_ID)
        self.payloads: list[bytes] = []
        self._client = aiomqtt.Client(
            "127.0.0.1", broker.port, username=broker.username, password=broker.password
        )
        self._subscribed = asyncio.Event()

    async def start(self, done: Callable[[list[bytes]], bool]) -> asyncio.Task[None]:
        """Subscribe, and collect until `done` with what is there."""
        task = asyncio.create_task(self._collect(done))
        await asyncio.wait_for(self._subscribed.wait(), 10)
        return task

    async def _collect(self, done: Callable[[list[bytes]], bool]) -> None:
        async with self._client as client:
            await client.subscribe(self._topic, qos=1)
            self._subscribed.set()
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                self.payloads.append(message.payload)
                if done(self.payloads):
                    return


async def test_a_press_of_cancel_follows_the_block_it_falls_in(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    listener = Listener(mosquitto, topic="yuyue/v1/+/+")
    collecting = await listener.start(lambda payloads: len(payloads) == 6)
    source = ArraySource(np.ones((250, 3)), 50.0)
    started_ns: list[int] = []
    device = Device(
        DEVICE_ID, source, 8.0, duration_s=5.0, on_start=started_ns.append, cancels_s=[2.5]
    )
    around = Surroundings(settings_of(mosquitto), tmp_path, SystemClock(), speed=10.0)
    with progress_bars(Console(quiet=True)) as progress:
        await run_devices([device], around, progress)
    await asyncio.wait_for(collecting, 10)
    assert [payload[:2] == b"YW" for payload in listener.payloads] == [True] * 3 + [False] + [
        True
    ] * 2
    (record,) = json.loads(listener.payloads[3])
    assert (record["n"], record["vb"], record["origin"]) == ("fall_cancel", True, "simulated")
    assert record["t"] - started_ns[0] / 1e9 == pytest.approx(2.5, abs=1e-5)


async def test_recording_arrives_whole_and_in_order(mosquitto: Mosquitto, tmp_path: Path) -> None:
    listener = Listener(mosquitto)
    collecting = await listener.start(lambda payloads: len(payloads) == 21)
    samples_g = np.random.default_rng(1).uniform(-3, 3, (1030, 3))
    around = Surroundings(settings_of(mosquitto), tmp_path / "sim", SystemClock(), speed=50.0)
    device = Device(DEVICE_ID, ArraySource(samples_g, 50.0), 8.0, duration_s=1030 / 50.0)
    (sent,) = await run_devices([device], around, progress_bars(Console(quiet=True)))
    await asyncio.wait_for(collecting, 10)
    assert (sent.acknowledged, sent.dropped, sent.waiting) == (21, 0, 0)
    assert [struct.unpack_from("<I", body, 12)[0] for body in listener.payloads] == list(range(21))
    counts = np.concatenate(
        [np.frombuffer(body[40:-4], "<i2").reshape(-1, 3) for body in listener.payloads]
    )
    assert np.abs(counts * 244_141e-9 - samples_g).max() < 1.3e-4


async def test_hurried_replay_waits_for_the_broker_and_drops_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    blocks = 5000  # more than the memory holds
    around = Surroundings(settings_of(mosquitto), tmp_path / "sim", SystemClock(), speed=10_000.0)
    source = ArraySource(np.zeros((blocks * 20, 3)), 20.0)
    device = Device(DEVICE_ID, source, 8.0, duration_s=source.duration_s)
    (sent,) = await run_devices([device], around, progress_bars(Console(quiet=True)))
    assert (sent.acknowledged, sent.dropped, sent.waiting) == (blocks, 0, 0)


async def test_what_was_measured_while_the_broker_was_away_comes_late(
    mosquitto: Mosquitto,
) -> None:
    async with MqttPublisher(settings_of(mosquitto), DEVICE_ID, SystemClock()) as radio:
        radio.send(b"one")
        await asyncio.wait_for(radio.drained(), 10)
        mosquitto.stop()
        for body in (b"two", b"three"):
            radio.send(body)
        await asyncio.sleep(1.0)
        assert radio.waiting == 2
        mosquitto.start()
        listener = Listener(mosquitto)
        collecting = await listener.start(lambda payloads: payloads[-1] == b"four")
        radio.send(b"four")
        await asyncio.wait_for(radio.drained(), 20)
        await asyncio.wait_for(collecting, 10)
        assert (radio.acknowledged, radio.dropped) == (4, 0)
        # what went out before this listener had subscribed again, only the broker has seen
        assert listener.payloads == [b"two", b"three", b"four"][-len(listener.payloads) :]


async def test_many_waiting_blocks_keep_their_order(mosquitto: Mosquitto) -> None:
    listener = Listener(mosquitto)
    collecting = await listener.start(lambda payloads: len(payloads) == 200)
    async with MqttPublisher(settings_of(mosquitto), DEVICE_ID, SystemClock()) as radio:
        for number in range(200):
            radio.send(bytes([number]))
        await asyncio.wait_for(radio.drained(), 10)
        await asyncio.wait_for(collecting, 10)
    assert listener.payloads == [bytes([number]) for number in range(200)]


async def test_full_memory_drops_the_oldest_and_counts(mosquitto: Mosquitto) -> None:
    settings = settings_of(mosquitto)
    mosquitto.stop()
    async with MqttPublisher(settings, DEVICE_ID, SystemClock(), backlog_blocks=3) as radio:
        for number in range(5):
            radio.send(bytes([number]))
        assert (radio.waiting, radio.dropped) == (3, 2)
        mosquitto.start()
        await asyncio.wait_for(radio.drained(), 20)
        assert radio.acknowledged == 3


async def test_wrong_password_is_an_error_not_a_loop(mosquitto: Mosquitto) -> None:
    wrong = MqttSettings("127.0.0.1", mosquitto.port, mosquitto.username, "not it")
    async with MqttPublisher(wrong, DEVICE_ID, SystemClock()) as radio:
        radio.send(b"x")
        with pytest.raises(BrokerRefusedError, match="YUYUE_SIM_MQTT_PASSWORD"):
            await asyncio.wait_for(radio.drained(), 10)


@pytest.mark.parametrize("device_id", ["", "a/b", "a b", "+", "#", "x" * 65, "腕表"])
def test_impossible_device_id(device_id: str) -> None:
    with pytest.raises(ValueError, match="device_id"):
        waveform_topic(device_id)
