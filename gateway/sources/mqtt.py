"""MQTT 3.1.1 as a source: a session the broker keeps, acknowledged only after the commit."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiomqtt
import structlog
from paho.mqtt.enums import MessageType, MQTTErrorCode

from gateway.clock import Clock
from gateway.sources import Frame, FrameHandler
from gateway.sources.mqtt_catalogue import Catalogue
from gateway.sources.mqtt_figures import MqttFigures
from gateway.sources.mqtt_packets import PacketReader, Publish
from gateway.sources.mqtt_router import OWN, Router

log = structlog.get_logger(__name__)

SUBSCRIPTION: Final = OWN
# Topics in one SUBSCRIBE; brokers limit the packet, not the count.
_TOPICS_A_PACKET: Final = 100
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
# Messages of QoS 0 wait in memory while nothing can be stored; those of QoS 1 wait at the broker.
MAX_WAITING: Final = 20_000
# Acknowledging a message at once (not by Nagle's algorithm) keeps the broker's window open.
_SOCKET_OPTIONS: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


_PUBACK: Final = b"\x40\x02"
# One call to the system fetches a group's worth of messages.
_RECEIVE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where the broker is and who we are to it."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None


class _ManualAckClient(aiomqtt.Client):
    """aiomqtt acknowledges on arrival; here the owner says when.

    One client is one connection: a message id means nothing on the next one, and there the broker
    sends again whatever was not acknowledged. Messages are read here (see mqtt_packets.py), every
    other packet goes through paho, and so does all that is sent.
    """

    def __init__(self, source: str, clock: Clock, figures: MqttFigures, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._source = source
        self._figures = figures
        self._clock = clock
        self._client.manual_ack_set(True)
        self._reader = PacketReader()
        self._arrived = asyncio.Event()
        self._frames: deque[Frame] = deque()
        # Bytes of a packet that paho is to read next; None: read from the socket (at the start,
        # in the thread that connects).
        self._for_paho: bytes | None = None
        self._recv = self._client._sock_recv  # noqa: SLF001
        self._loop_read = self._client.loop_read
        self._client._sock_recv = self._give_to_paho  # type: ignore[method-assign]  # noqa: SLF001
        self._client.loop_read = self._read_all  # type: ignore[method-assign]

    def _give_to_paho(self, bufsize: int) -> bytes:
        """In the place of reading from the socket."""
        if self._for_paho is None:
            return self._recv(bufsize)
        if not self._for_paho:
            raise BlockingIOError
        given, self._for_paho = self._for_paho[:bufsize], self._for_paho[bufsize:]
        return given

    def _read_all(self, max_packets: int = 1) -> MQTTErrorCode:
        """In the place of paho's loop_read: everything that has come, up to a buffer's worth."""
        try:
            data = self._recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            data = b""
        if not data:
            self._for_paho = None
            return self._loop_read(max_packets)  # it meets the same, and does what is to be done
        result = MQTTErrorCode.MQTT_ERR_SUCCESS
        received_ns = self._clock.now_ns()
        for packet in self._reader.feed(data):
            if isinstance(packet, Publish):
                if packet.qos or len(self._frames) < MAX_WAITING:
                    self._frames.append(self._frame(packet, received_ns))
                else:
                    self._figures.dropped.inc()
            else:
                self._for_paho = packet
                while self._for_paho and result == MQTTErrorCode.MQTT_ERR_SUCCESS:
                    result = self._loop_read(1)
        if self._frames:
            self._arrived.set()
        return result

    def _frame(self, message: Publish, received_ns: int) -> Frame:
        return Frame(
            source=self._source,
            topic=message.topic,
            payload=message.payload,
            received_ns=received_ns,
            delivery_id=message.mid if message.qos else None,
            redelivered=message.dup,
            retained=message.retain,
        )

    async def next_group(self) -> list[Frame]:
        """What has come by now, at least one. Raises aiomqtt.MqttError when the line is cut."""
        while not self._frames:
            self._arrived.clear()
            arrived = asyncio.ensure_future(self._arrived.wait())
            try:
                waits: list[asyncio.Future[Any]] = [arrived, self._disconnected]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                arrived.cancel()
            if self._disconnected.done() and not self._frames:
                cause = self._disconnected.exception()
                raise aiomqtt.MqttError(str(cause) if cause else "disconnected")
        return [self._frames.popleft() for _ in range(min(len(self._frames), MAX_GROUP))]

    def acknowledge(self, frames: Sequence[Frame]) -> None:
        """PUBACK of all in one piece; on a connection that is gone it does nothing."""
        mids = [frame.delivery_id for frame in frames if frame.delivery_id is not None]
        if mids:
            acks = b"".join(_PUBACK + mid.to_bytes(2, "big") for mid in mids)
            self._client._packet_queue(MessageType.PUBACK, acks, mids[-1], 0)  # noqa: SLF001


class MqttMemory:
    """What was announced, on disk. A file that cannot be read is told of and begun anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, catalogue: Catalogue) -> None:
        """Never raises: the broker tells it again."""
        try:
            catalogue.load(self._path.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            log.warning("mqtt_memory_unreadable", why=str(error)[:300])

    def save(self, catalogue: Catalogue) -> None:
        """On disk before anything that depends on it is acknowledged."""
        temporary = self._path.with_name(self._path.name + ".new")
        try:
            temporary.write_bytes(catalogue.saved())
            temporary.replace(self._path)
        except OSError as error:
            log.warning("mqtt_memory_not_saved", why=str(error))
        catalogue.is_dirty = False


class MqttSource:
    """Frames from a broker, for as long as `run` runs."""

    def __init__(
        self,
        address: MqttAddress,
        clock: Clock,
        router: Router,
        figures: MqttFigures,
        memory_path: Path,
    ) -> None:
        self._address = address
        self._clock = clock
        self._router = router
        self._figures = figures
        self._memory = MqttMemory(memory_path)
        self._subscribed: set[str] = set()
        self._followed = -1
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

    @property
    def states(self) -> dict[str, bool]:
        """The connection, and every bridge behind it: without the broker none is reached."""
        bridges = self._router.bridges.items()
        return {
            self.name: self._connected,
            **{f"{self.name}:{base}": self._connected and is_up for base, is_up in bridges},
        }

    @property
    def details(self) -> dict[str, dict[str, float]]:
        """Connections made, and devices announced by kind."""
        counts = self._router.catalogue.counts()
        made = self._figures.connections._value.get()  # noqa: SLF001  # prometheus has no other way
        return {self.name: {"connections": made, **{f"{k}_devices": n for k, n in counts.items()}}}

    async def run(self, handle: FrameHandler) -> None:
        """For ever: connect, hand over, acknowledge; connect again when the line breaks."""
        attempt = 0
        await asyncio.to_thread(self._memory.load, self._router.catalogue)
        self._router.forget_others()
        while True:
            try:
                async with self._client() as client:
                    granted = await client.subscribe(SUBSCRIPTION, qos=_QOS)
                    self._check_granted(granted)
                    self._subscribed = set()
                    self._followed = -1
                    await self._subscribe_foreign(client, self._router.fixed())
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
            self.name,
            self._clock,
            self._figures,
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
        await self._follow(client)
        while True:
            group = await client.next_group()
            frames = self._router.take(group)
            if self._router.catalogue.is_dirty:
                await asyncio.to_thread(self._memory.save, self._router.catalogue)
            if frames:
                await handle(frames)
            client.acknowledge(group)
            await self._follow(client)

    async def _follow(self, client: _ManualAckClient) -> None:
        """Listen to what is announced now, and to nothing that was."""
        self._router.refresh()
        generation = self._router.catalogue.generation
        if generation == self._followed and not self._router.unwanted:
            return
        self._followed = generation
        wanted = self._router.wanted()
        gone = [*(self._subscribed - wanted), *self._router.unwanted]
        self._router.unwanted.clear()
        if gone:
            await client.unsubscribe(gone)
            self._subscribed -= set(gone)
        if new := sorted(wanted - self._subscribed):
            await self._subscribe_foreign(client, new)
            self._subscribed |= set(new)

    async def _subscribe_foreign(self, client: _ManualAckClient, topics: list[str]) -> None:
        """A topic the broker refuses is told; our own devices must not be lost by it."""
        for start in range(0, len(topics), _TOPICS_A_PACKET):
            part = topics[start : start + _TOPICS_A_PACKET]
            granted: Any = await client.subscribe([(topic, _QOS) for topic in part])
            codes = [code if isinstance(code, int) else code.value for code in granted]
            refused = [topic for topic, code in zip(part, codes, strict=False) if code > _QOS]
            if refused:
                log.warning("mqtt_subscription_refused", topics=refused[:10], n=len(refused))

    @staticmethod
    def _check_granted(granted: Any) -> None:
        """A broker may accept the connection and refuse the topics."""
        codes = [code if isinstance(code, int) else code.value for code in granted]
        if any(code > _QOS for code in codes):
            raise aiomqtt.MqttError(f"the broker refused the subscription to {SUBSCRIPTION}")

    def _went_up(self) -> None:
        self._connected = True
        self._figures.connections.inc()
        log.info("mqtt_up", host=self._address.host, port=self._address.port)
        self._was_down = False

    def _went_down(self, error: Exception) -> None:
        if not self._was_down:
            self._was_down = True
            log.warning(
                "mqtt_down", host=self._address.host, port=self._address.port, why=str(error)
            )
