"""Broker, cloud double and gateway as they run in production, on ports of their own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from edge.engine import Engine, default_detectors
from edge.gateway_wire import SettingValue
from edge.wire import Lane
from gateway.clock import Clock, SystemClock
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.runtime import Gateway
from gateway.settings import CLOUD_FIELDS, Settings, SettingsError
from tests.gateway.cloud_double import TOKEN, CloudDouble
from tests.support.mosquitto import Mosquitto
from tests.support.processes import Process, wait_until


class Publisher:
    """A device's MQTT client: QoS 1, and every publish waits for the broker's acknowledgement."""

    def __init__(self, broker: Mosquitto) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(broker.username, broker.password)
        self._client.max_inflight_messages_set(1000)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        info.wait_for_publish(10)

    def publish_many(self, messages: list[tuple[str, bytes]]) -> None:
        for info in [self._client.publish(topic, body, qos=1) for topic, body in messages]:
            info.wait_for_publish(20)

    def senml(self, device_id: str, pack: Any) -> None:
        self.publish(f"yuyue/v1/{device_id}/senml", json.dumps(pack).encode())

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class InnerGateway:
    """A gateway in a thread of this process: quick to start, and it cannot be killed."""

    def __init__(
        self, settings: Settings, clock: Clock | None = None, engine: Engine | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._engine = engine or Engine(default_detectors())
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="gateway")
        self._thread.start()
        assert self._ready.wait(10)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.metrics = Metrics()

        def load(wanted: Mapping[str, SettingValue]) -> Settings:
            """As `load_settings` does from the environment, which this gateway has none of."""
            values = {
                name: getattr(self._settings, name) for name in self._settings.model_fields_set
            }
            known = {name: value for name, value in wanted.items() if name in CLOUD_FIELDS}
            try:
                return Settings(**{**known, **values})
            except ValidationError as error:
                raise SettingsError(str(error)) from error

        gateway = Gateway(self._settings, self._engine, self._clock, self.metrics, load=load)
        self._ready.set()
        await gateway.run(self._stop)

    def stop(self) -> None:
        """As SIGTERM does."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)
        assert not self._thread.is_alive(), "the gateway did not stop"


class World:
    """Everything around one gateway."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data_dir = directory / "gateway"
        self.broker = Mosquitto(directory / "mosquitto")
        self.cloud = CloudDouble()
        self.gateway = Process("gateway", ["gateway", "run"], self.environment(), directory)
        self.inner: InnerGateway | None = None
        self.logs: list[Any] = []
        self.publishers: list[Publisher] = []

    def environment(self) -> dict[str, str]:
        return {
            "YUYUE_GATEWAY_CLOUD_URL": self.cloud.url,
            "YUYUE_GATEWAY_TOKEN": TOKEN,
            "YUYUE_GATEWAY_MQTT_PORT": str(self.broker.port),
            "YUYUE_GATEWAY_MQTT_USERNAME": self.broker.username,
            "YUYUE_GATEWAY_MQTT_PASSWORD": self.broker.password,
            "YUYUE_GATEWAY_DATA_DIR": str(self.data_dir),
        }

    def publisher(self) -> Publisher:
        publisher = Publisher(self.broker)
        self.publishers.append(publisher)
        return publisher

    def start_gateway(self) -> None:
        """Start it, and wait until it has subscribed."""
        before = self.log().count('"mqtt_up"')
        self.gateway.start()
        wait_until(
            lambda: self.log().count('"mqtt_up"') > before,
            f"the gateway subscribes\n{self.gateway.log_tail()}",
        )

    def start_inside(self, *, wait: bool = True, **settings: Any) -> InnerGateway:
        """Start it in a thread, and wait until it has subscribed."""
        values = {
            name.removeprefix("YUYUE_GATEWAY_").lower(): value
            for name, value in self.environment().items()
        }
        self.inner = InnerGateway(Settings(**(values | settings)))
        if wait:
            wait_until(lambda: self.said("mqtt_up"), f"the gateway subscribes\n{self.logs}")
        return self.inner

    def said(self, event: str) -> int:
        """How often the gateway inside has logged it."""
        return sum(entry["event"] == event for entry in self.logs)

    def log(self) -> str:
        path = self.gateway.log_path
        return path.read_text() if path.exists() else ""

    def outbox(self) -> Outbox:
        """The outbox, while no gateway has it open."""
        return Outbox(self.data_dir / "outbox.sqlite3", SystemClock())

    def stored(self, lane: Lane) -> int:
        """How many records were ever stored in a lane, read beside the running gateway."""
        with sqlite3.connect(self.data_dir / "outbox.sqlite3") as db:
            query = "SELECT last_seq FROM lane WHERE name = ?"
            ((n,),) = db.execute(query, (lane.value,)).fetchall()
        db.close()
        return int(n)

    def wait_bulk(self, n: int, timeout_s: float = 20.0) -> None:
        wait_until(
            lambda: len(self.cloud.of(Lane.BULK)) >= n,
            f"{n} bulk records in the cloud\n{self.gateway.log_tail()}",
            timeout_s,
        )

    def wait_urgent(self, n: int) -> float:
        """Returns when it came, in monotonic seconds."""
        wait_until(
            lambda: len(self.cloud.of(Lane.URGENT)) >= n,
            f"{n} urgent records in the cloud\n{self.gateway.log_tail()}",
        )
        return time.monotonic()

    def close(self) -> None:
        for publisher in self.publishers:
            publisher.close()
        if self.inner is not None:
            self.inner.stop()
        if self.gateway.running:
            self.gateway.kill_9()
        self.cloud.stop()
        self.broker.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    try:
        world.broker.start()
        world.cloud.start()
        with capture_logs() as world.logs:
            yield world
    finally:
        world.close()
