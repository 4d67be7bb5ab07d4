"""Many devices on one event loop: each its own connection, its own memory, its own reconnects.

An epoll loop of its own, not asyncio: a task or a transport for each of 10,000 connections costs
more than the message. Nothing is forgotten until the broker acknowledged it (QoS 1); what a full
memory drops is counted.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from firmware_sim.fleet.packets import (
    DISCONNECT,
    MAX_KEEPALIVE_S,
    MAX_PACKET_ID,
    PacketError,
    again,
    connect,
    publish,
    read_answers,
    topic_field,
)
from firmware_sim.transports.mqtt import BrokerRefusedError, MqttSettings

# Brokers' own default of messages in flight to one client; ours towards it.
WINDOW: Final = 20
# What a battery sensor keeps while it is cut off.
MEMORY_MESSAGES: Final = 240
_KEEPALIVE_FLOOR_S: Final = 60
_ANSWER_TIMEOUT_S: Final = 20.0
_BACKOFF_FIRST_S: Final = 0.5
_BACKOFF_MAX_S: Final = 15.0
_READ_BYTES: Final = 4096
_POLL_MAX_S: Final = 0.05
_PROGRESS_S: Final = 0.25
# At most so many devices speak between two looks at the answers.
_SENDS_AT_ONCE: Final = 2000
# Every how many-th message's way to the broker and back is timed.
_TIMED_EVERY: Final = 64
_IN_PROGRESS: Final = frozenset({0, errno.EINPROGRESS})
# CONNACK return codes 4 and 5: user name or password wrong, not authorized.
_REFUSED: Final = frozenset({4, 5})

# Makes the next payload of a device: f(number of the device, number of its message, time in s).
Say = Callable[[int, int, float], bytes]


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """Who speaks how often. `period_s` is between two messages of one device."""

    topics: tuple[str, ...]
    period_s: float
    connects_per_s: float = 1000.0
    client_prefix: str = "yuyue-sim-fleet"

    def __post_init__(self) -> None:
        if not self.topics:
            raise ValueError("a fleet needs at least one device")
        if self.period_s <= 0.0 or self.connects_per_s <= 0.0:
            raise ValueError("period_s and connects_per_s must be above 0")


@dataclass(slots=True)
class FleetCounts:
    """What happened so far. `round_trips_s`: of every 64th message, sent to acknowledged."""

    connected: int = 0
    said: int = 0
    acknowledged: int = 0
    waiting: int = 0
    dropped: int = 0
    reconnects: int = 0
    round_trips_s: deque[float] = field(default_factory=lambda: deque(maxlen=20_000))


@dataclass(slots=True, eq=False)
class _Link:
    """One device. `held` are made and not acknowledged, oldest first; the first `sent` of them went
    out on this connection."""

    number: int
    topic: bytes
    hello: bytes
    due_s: float
    socket: socket.socket | None = None
    up: bool = False
    heard: bytes = b""
    unsent: bytes = b""
    held: deque[tuple[int, bytes]] = field(default_factory=deque)
    sent: int = 0
    next_id: int = 1
    messages: int = 0
    tried: int = 0
    waiting_since_s: float = 0.0
    timed: tuple[int, float] | None = None


class Fleet:
    """`run` is the whole life: connect at a steady pace, speak, come back, say goodbye."""

    def __init__(self, settings: MqttSettings, plan: FleetPlan, say: Say) -> None:
        self._address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        self._plan = plan
        self._say = say
        self.counts = FleetCounts()
        self._epoll = select.epoll()
        self._by_fd: dict[int, _Link] = {}
        keepalive_s = min(MAX_KEEPALIVE_S, max(_KEEPALIVE_FLOOR_S, round(3 * plan.period_s)))
        begun_s = time.monotonic()
        count = len(plan.topics)
        self._links = [
            _Link(
                number,
                topic_field(topic),
                connect(
                    f"{plan.client_prefix}-{number:06d}",
                    settings.username,
                    settings.password,
                    keepalive_s,
                ),
                # evenly over the period: no two thousand devices speak in one millisecond
                begun_s + plan.period_s * number / count,
            )
            for number, topic in enumerate(plan.topics)
        ]
        # Same period for all, so the order of turns never changes.
        self._turns = deque(self._links)
        self._to_connect = [(begun_s, link.number) for link in self._links]  # a heap
        self._may_connect_s = begun_s
        self._jitter = np.random.default_rng(len(plan.topics))

    def run(
        self,
        for_s: float,
        drain_s: float = 30.0,
        on_progress: Callable[[FleetCounts], None] | None = None,
    ) -> FleetCounts:
        """Speak for `for_s` from when all are connected, then wait until all is acknowledged.

        Raises BrokerRefusedError where the broker does not take these credentials.
        """
        told_s = 0.0
        speaking_until_s: float | None = None
        try:
            while True:
                now_s = time.monotonic()
                if speaking_until_s is None and self.counts.connected == len(self._links):
                    speaking_until_s = now_s + for_s
                speaking = speaking_until_s is None or now_s < speaking_until_s
                if not speaking and (
                    self.counts.waiting == 0 or now_s > (speaking_until_s or 0.0) + drain_s
                ):
                    return self.counts
                self._connect_due(now_s)
                wait_s = self._speak_due(now_s) if speaking else _POLL_MAX_S
                self._answer(wait_s)
                if now_s - told_s >= _PROGRESS_S:
                    told_s = now_s
                    self._look_after_the_silent(now_s)
                    if on_progress is not None:
                        on_progress(self.counts)
        finally:
            self._close_all()

    def _connect_due(self, now_s: float) -> None:
        step_s = 1.0 / self._plan.connects_per_s
        self._may_connect_s = max(self._may_connect_s, now_s - 0.1)
        while self._to_connect and self._may_connect_s <= now_s:
            if self._to_connect[0][0] > now_s:
                return
            _, number = heapq.heappop(self._to_connect)
            self._may_connect_s += step_s
            self._connect(self._links[number], now_s)

    def _connect(self, link: _Link, now_s: float) -> None:
        family, kind, protocol, _, address = self._address
        link.socket = socket.socket(family, kind, protocol)
        link.socket.setblocking(False)
        link.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.heard, link.unsent = b"", link.hello
        link.waiting_since_s = now_s
        if link.socket.connect_ex(address) not in _IN_PROGRESS:
            self._lost(link, now_s)
            return
        fd = link.socket.fileno()
        self._by_fd[fd] = link
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLOUT)

    def _lost(self, link: _Link, now_s: float) -> None:
        """Give the connection up and come back later; what was in flight is sent again."""
        if link.socket is not None:
            if self._by_fd.pop(link.socket.fileno(), None) is not None:
                self._epoll.unregister(link.socket.fileno())
            link.socket.close()
            link.socket = None
        if link.up:
            link.up = False
            self.counts.connected -= 1
            self.counts.reconnects += 1
        link.timed = None
        for place in range(link.sent):
            packet_id, packet = link.held[place]
            link.held[place] = (packet_id, again(packet))
        link.sent = 0
        backoff_s = min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2.0 ** min(link.tried, 8))
        link.tried += 1
        due_s = now_s + backoff_s * self._jitter.uniform(0.5, 1.0)
        heapq.heappush(self._to_connect, (due_s, link.number))

    def _speak_due(self, now_s: float) -> float:
        """Let everybody speak whose turn it is; the seconds until the next turn."""
        period_s, now = self._plan.period_s, time.time()
        for _ in range(_SENDS_AT_ONCE):
            link = self._turns[0]
            if link.due_s > now_s:
                return min(link.due_s - now_s, _POLL_MAX_S)
            self._turns.rotate(-1)
            # who fell behind by more than a period does not shout to catch up
            link.due_s = max(link.due_s + period_s, now_s - period_s)
            self._keep(link, self._say(link.number, link.messages, now))
            if link.up and not link.unsent:
                self._send_held(link, now_s)
        return 0.0

    def _keep(self, link: _Link, payload: bytes) -> None:
        counts = self.counts
        link.messages += 1
        counts.said += 1
        if len(link.held) - link.sent >= MEMORY_MESSAGES:
            counts.dropped += 1
            del link.held[link.sent]
            counts.waiting -= 1
        packet_id = link.next_id
        link.next_id = packet_id + 1 if packet_id < MAX_PACKET_ID else 1
        link.held.append((packet_id, publish(link.topic, packet_id, payload)))
        counts.waiting += 1

    def _send_held(self, link: _Link, now_s: float) -> None:
        held, sent = link.held, link.sent
        take = min(len(held), WINDOW) - sent
        if take <= 0:
            return
        if sent == 0:
            link.waiting_since_s = now_s
        if take == 1:
            packet_id, data = held[sent]
        else:
            packets = [held[sent + n] for n in range(take)]
            packet_id = packets[0][0]
            data = b"".join(packet for _, packet in packets)
        if link.timed is None and self.counts.said % _TIMED_EVERY == 0:
            link.timed = (packet_id, now_s)
        link.sent = sent + take
        self._write(link, data, now_s)

    def _write(self, link: _Link, data: bytes, now_s: float) -> None:
        try:
            done = _open(link).send(data)
        except BlockingIOError:
            done = 0
        except OSError:
            self._lost(link, now_s)
            return
        if done < len(data):
            link.unsent = data[done:]
            self._epoll.modify(_open(link).fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _answer(self, wait_s: float) -> None:
        events = self._epoll.poll(wait_s, maxevents=len(self._links))
        now_s = time.monotonic()
        for fd, mask in events:
            link = self._by_fd.get(fd)
            if link is None:
                continue
            if mask & select.EPOLLOUT:
                self._flush(link, now_s)
            if fd in self._by_fd and mask & ~select.EPOLLOUT:  # the flush may have found it gone
                self._read(link, now_s)

    def _flush(self, link: _Link, now_s: float) -> None:
        data, link.unsent = link.unsent, b""
        self._epoll.modify(_open(link).fileno(), select.EPOLLIN)
        if data:
            self._write(link, data, now_s)

    def _read(self, link: _Link, now_s: float) -> None:
        try:
            data = _open(link).recv(_READ_BYTES)
            answers = read_answers(link.heard + data)
        except BlockingIOError:
            return
        except (OSError, PacketError):
            self._lost(link, now_s)
            return
        if not data:
            self._lost(link, now_s)
            return
        link.heard = answers.rest
        if answers.connack is not None and not self._welcomed(link, answers.connack, now_s):
            return
        if answers.acknowledged:
            self._acknowledged(link, answers.acknowledged, now_s)
        if link.up and not link.unsent and link.sent < len(link.held):
            self._send_held(link, now_s)

    def _welcomed(self, link: _Link, code: int, now_s: float) -> bool:
        if code in _REFUSED:
            raise BrokerRefusedError("the broker does not take this user name and password")
        if code != 0:
            self._lost(link, now_s)
            return False
        link.up, link.tried = True, 0
        self.counts.connected += 1
        return True

    def _acknowledged(self, link: _Link, packet_ids: list[int], now_s: float) -> None:
        held, counts = link.held, self.counts
        for packet_id in packet_ids:
            if not link.sent:
                return
            if held[0][0] == packet_id:  # a broker acknowledges in the order it was sent
                held.popleft()
            else:
                place = next((n for n in range(link.sent) if held[n][0] == packet_id), None)
                if place is None:
                    continue
                del held[place]
            link.sent -= 1
            counts.waiting -= 1
            counts.acknowledged += 1
            if link.timed is not None and link.timed[0] == packet_id:
                counts.round_trips_s.append(now_s - link.timed[1])
                link.timed = None
        link.waiting_since_s = now_s

    def _look_after_the_silent(self, now_s: float) -> None:
        """A connection that owes an answer for too long is given up."""
        for link in self._links:
            owes = link.sent > 0 or not link.up
            if (
                link.socket is not None
                and owes
                and now_s - link.waiting_since_s > _ANSWER_TIMEOUT_S
            ):
                self._lost(link, now_s)

    def _close_all(self) -> None:
        for link in self._links:
            if link.socket is not None:
                if link.up:
                    with contextlib.suppress(OSError):
                        link.socket.send(DISCONNECT)
                link.socket.close()
                link.socket = None
        self._by_fd.clear()
        self._epoll.close()


def _open(link: _Link) -> socket.socket:
    if link.socket is None:
        raise RuntimeError("a connection that was given up was used")
    return link.socket
