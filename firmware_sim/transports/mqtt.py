"""The simulated wearable's radio: MQTT with credentials, and a memory for when it is cut off.

Blocks leave the memory only when the broker has acknowledged them (QoS 1), in order. What was
measured while the broker was away is sent late, with its own times, as a real device does.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections import deque
from dataclasses import dataclass
from typing import Final, Self

import aiomqtt
import numpy as np
import structlog
from paho.mqtt.reasoncodes import ReasonCode

from edge.marks import tagged_message
from firmware_sim.clock import Clock

log = structlog.get_logger(__name__)

# One hour of one-second blocks: about 1.2 MB at 50 Hz, what a cheap wearable's flash holds.
BACKLOG_BLOCKS: Final = 3600
# Without it an awaited QoS 1 publish waits some 40 ms for the other side's delayed TCP ack.
_NODELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
_KEEPALIVE_S: Final = 30
_PUBLISH_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.02
_BACKOFF_FIRST_S: Final = 0.5
_BACKOFF_MAX_S: Final = 15.0
# CONNACK codes 4 and 5 of MQTT 3.1.1 as paho names them: trying again cannot help.
_REFUSED: Final = frozenset({"Bad user name or password", "Not authorized"})

_DEVICE_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class BrokerRefusedError(RuntimeError):
    """The broker does not accept these credentials."""


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the broker is, and who we are to it.

    `simulation_key`: what messages are tagged with (`edge.marks`); a hub's gateway asks for it.
    """

    host: str
    port: int
    username: str | None
    password: str | None
    simulation_key: bytes | None = None

    def tagged(self, topic: str, payload: bytes) -> bytes:
        """A message as it leaves: with its tag, where there is a key."""
        key = self.simulation_key
        return payload if key is None else tagged_message(key, topic, payload)


def waveform_topic(device_id: str) -> str:
    """Topic of a device's waveform blocks. Raises ValueError for an impossible device id."""
    if not _DEVICE_ID.fullmatch(device_id):
        raise ValueError(f"device_id {device_id!r}: must be 1 to 64 of A-Z a-z 0-9 _ . : -")
    return f"yuyue/v1/{device_id}/waveform"


def readings_topic(device_id: str) -> str:
    """Topic of a device's single readings (SenML). Raises ValueError for an impossible id."""
    return waveform_topic(device_id).removesuffix("waveform") + "senml"


class MqttPublisher:
    """One device's connection. Use as `async with`; `send` never waits for the network.

    Its task ends early only when the broker refuses the credentials: `check` then raises.
    """

    def __init__(
        self,
        settings: MqttSettings,
        device_id: str,
        clock: Clock,
        backlog_blocks: int = BACKLOG_BLOCKS,
    ) -> None:
        self._settings = settings
        self._blocks_topic = waveform_topic(device_id)
        self._readings_topic = readings_topic(device_id)
        self._device_id = device_id
        self._clock = clock
        self._jitter = np.random.default_rng(list(device_id.encode()))
        self._waiting: deque[tuple[str, bytes, bool]] = deque()
        self._backlog_blocks = backlog_blocks
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.acknowledged = 0
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Blocks the broker has not acknowledged yet."""
        return len(self._waiting)

    def send(self, message: bytes) -> None:
        """Put a block into memory; when that is full the oldest goes, counted in `dropped`."""
        self._keep(self._blocks_topic, message)

    def send_reading(self, pack: bytes) -> None:
        """Put a SenML pack behind the blocks that were measured before it."""
        self._keep(self._readings_topic, pack)

    def send_to(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Put a message for any topic into memory: this line carries other devices too."""
        self._keep(topic, payload, retain=retain)

    def _keep(self, topic: str, message: bytes, *, retain: bool = False) -> None:
        if len(self._waiting) >= self._backlog_blocks:
            self._waiting.popleft()
            if self.dropped == 0:
                log.warning("memory_full", device_id=self._device_id, blocks=self._backlog_blocks)
            self.dropped += 1
        self._waiting.append((topic, self._settings.tagged(topic, message), retain))
        self._news.set()

    async def drained(self, to_blocks: int = 0) -> None:
        """Wait until at most so many blocks are not acknowledged. Raises BrokerRefusedError."""
        while len(self._waiting) > to_blocks:
            self.check()
            await self._clock.sleep(_POLL_S)

    def check(self) -> None:
        """Raise what ended the sending, if anything did."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=f"mqtt-{self._device_id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        task, self._task = self._task, None
        self._closing = True
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, BrokerRefusedError):
                await task

    async def _run(self) -> None:
        backoff_s = _BACKOFF_FIRST_S
        was_down = False
        while True:
            try:
                async with self._client() as client:
                    if was_down:
                        log.info("broker_back", device_id=self._device_id, waiting=self.waiting)
                        was_down = False
                    backoff_s = _BACKOFF_FIRST_S
                    await self._send_all(client)
            except aiomqtt.MqttError as error:
                if self._closing:  # the goodbye failed; a cancelled task must not go on
                    return
                _raise_if_refused(error, self._settings)
                if not was_down:
                    log.warning("broker_lost", device_id=self._device_id, error=str(error))
                    was_down = True
            # with jitter, or all devices of a home come back in the same instant
            await self._clock.sleep(backoff_s * self._jitter.uniform(0.5, 1.0))
            backoff_s = min(_BACKOFF_MAX_S, 2.0 * backoff_s)

    def _client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._settings.host,
            self._settings.port,
            username=self._settings.username,
            password=self._settings.password,
            identifier=f"wearable-{self._device_id}",
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,  # it only publishes: nothing for the broker to keep
            keepalive=_KEEPALIVE_S,
            timeout=_PUBLISH_TIMEOUT_S,
            socket_options=[_NODELAY],
        )

    async def _send_all(self, client: aiomqtt.Client) -> None:
        lost = asyncio.ensure_future(_until_disconnected(client))
        try:
            while True:
                while self._waiting:
                    oldest = self._waiting[0]
                    topic, message, retain = oldest
                    await client.publish(topic, message, qos=1, retain=retain)
                    self.acknowledged += 1
                    # the memory may have dropped it meanwhile, being full
                    if self._waiting and self._waiting[0] is oldest:
                        self._waiting.popleft()
                self._news.clear()
                news = asyncio.ensure_future(self._news.wait())
                try:
                    await asyncio.wait({news, lost}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    news.cancel()
                if lost.done():
                    lost.result()
        finally:
            lost.cancel()
            with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await lost


async def _until_disconnected(client: aiomqtt.Client) -> None:
    """Raises MqttError when the connection is lost; nothing is subscribed, so no message comes."""
    async for _ in client.messages:
        pass


def _raise_if_refused(error: aiomqtt.MqttError, settings: MqttSettings) -> None:
    code = getattr(error, "rc", None)
    if isinstance(code, ReasonCode) and code.getName() in _REFUSED:
        raise BrokerRefusedError(
            f"the broker at {settings.host}:{settings.port} refuses user "
            f"{settings.username or '(none)'}: {code.getName()}; set YUYUE_SIM_MQTT_USERNAME and "
            "YUYUE_SIM_MQTT_PASSWORD"
        ) from error
