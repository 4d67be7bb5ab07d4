"""MQTT 3.1.1 as a source: a session the broker keeps, acknowledged only after the commit."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiomqtt
import paho.mqtt.client as paho
import structlog

from gateway.clock import Clock
from gateway.sources import Frame, FrameHandler

log = structlog.get_logger(__name__)

SUBSCRIPTION: Final = "yuyue/v1/+/+"
_QOS: Final = 1
# A half-open connection is noticed after at most 1.5 of these: well inside the 90 s after which
# a silent sensor must be told.
KEEPALIVE_S: Final = 15
CONNECT_TIMEOUT_S: Final = 10.0
RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 10.0
# One group is one fsync and one turn of the engine: large enough to catch up after an outage,
# small enough (a quarter second of a busy home) that no alarm waits for the group's end.
MAX_GROUP: Final = 256
# Acknowledging a message at once (not by Nagle's algorithm) keeps the broker's window open.
_SOCKET_OPTIONS: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where the broker is and who we are to it."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None


class _Delivery(aiomqtt.Message):
    """aiomqtt's message, when it came, and the mark that it may have come before."""

    received_ns: int = 0
    is_repeated: bool = False


class _ManualAckClient(aiomqtt.Client):
    """aiomqtt acknowledges on arrival; here the owner says when.

    One client is one connection: a message id means nothing on the next one, and there the broker
    sends again whatever was not acknowledged.
    """

    def __init__(self, clock: Clock, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._clock = clock
        self._client.manual_ack_set(True)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
            aiomqtt.Topic(topic)
        except ValueError:
            # Not UTF-8, or a wildcard: refused further on like any other topic that is not ours.
            topic = "invalid-topic"
        delivery = _Delivery(
            topic, bytes(message.payload), message.qos, message.retain, message.mid, None
        )
        delivery.received_ns = self._clock.now_ns()
        delivery.is_repeated = message.dup
        self._queue.put_nowait(delivery)

    async def next_group(self) -> list[_Delivery]:
        """What has come by now, at least one. Raises aiomqtt.MqttError when the line is cut."""
        messages = self.messages
        group: list[_Delivery] = []
        while not group or (len(messages) and len(group) < MAX_GROUP):
            message = await anext(messages)
            assert isinstance(message, _Delivery)  # noqa: S101  # _on_message puts nothing else
            group.append(message)
        return group

    def acknowledge(self, delivery: _Delivery) -> None:
        """PUBACK; on a connection that is gone it does nothing."""
        self._client.ack(delivery.mid, delivery.qos)


class MqttSource:
    """Frames from a broker, for as long as `run` runs."""

    def __init__(self, address: MqttAddress, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._connected = False
        self._was_down = False

    @property
    def name(self) -> str:
        """`mqtt`."""
        return "mqtt"

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and our subscription."""
        return self._connected

    async def run(self, handle: FrameHandler) -> None:
        """For ever: connect, hand over, acknowledge; connect again when the line breaks."""
        attempt = 0
        while True:
            try:
                async with self._client() as client:
                    granted = await client.subscribe(SUBSCRIPTION, qos=_QOS)
                    self._check_granted(granted)
                    self._went_up()
                    attempt = 0
                    await self._hand_over(client, handle)
            except (aiomqtt.MqttError, OSError) as error:
                self._went_down(error)
            finally:
                self._connected = False
            attempt += 1
            ceiling_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(attempt, 10))
            await asyncio.sleep(random.uniform(RETRY_FIRST_S / 2, ceiling_s))  # noqa: S311

    def _client(self) -> _ManualAckClient:
        address = self._address
        tls = ssl.create_default_context(cafile=address.ca_file) if address.ca_file else None
        return _ManualAckClient(
            self._clock,
            hostname=address.host,
            port=address.port,
            identifier=address.client_id,
            username=address.username,
            password=address.password,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=False,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_TIMEOUT_S,
            tls_context=tls,
            socket_options=_SOCKET_OPTIONS,
        )

    async def _hand_over(self, client: _ManualAckClient, handle: FrameHandler) -> None:
        """Groups of whatever has come by now; each acknowledged when it is safe."""
        while True:
            group = await client.next_group()
            await handle([self._frame(delivery) for delivery in group])
            for delivery in group:
                client.acknowledge(delivery)

    def _frame(self, delivery: _Delivery) -> Frame:
        return Frame(
            source=self.name,
            topic=str(delivery.topic),
            payload=bytes(delivery.payload),
            received_ns=delivery.received_ns,
            delivery_id=delivery.mid if delivery.qos else None,
            redelivered=delivery.is_repeated,
            retained=delivery.retain,
        )

    @staticmethod
    def _check_granted(granted: Any) -> None:
        """A broker may accept the connection and refuse the topics."""
        codes = [code if isinstance(code, int) else code.value for code in granted]
        if any(code > _QOS for code in codes):
            raise aiomqtt.MqttError(f"the broker refused the subscription to {SUBSCRIPTION}")

    def _went_up(self) -> None:
        self._connected = True
        log.info("mqtt_up", host=self._address.host, port=self._address.port)
        self._was_down = False

    def _went_down(self, error: Exception) -> None:
        if not self._was_down:
            self._was_down = True
            log.warning(
                "mqtt_down", host=self._address.host, port=self._address.port, why=str(error)
            )
