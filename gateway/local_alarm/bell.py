"""Bells and lamps by MQTT (docs/gateway.md): a retained state, and an event for each change.

`yuyue/local/alarm/bell` is ON or OFF, for sockets and sirens that know nothing else;
`.../state` the same with numbers, as JSON; `.../event` (not retained) each alarm that rings,
is acknowledged or delivered; `.../online` is 1, and 0 by the broker's own will when we are gone.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Any, Final

import aiomqtt
import msgspec
import structlog

from gateway.local_alarm.book import Alarm
from gateway.local_alarm.words import RANK
from gateway.sources.mqtt import CONNECT_TIMEOUT_S, KEEPALIVE_S, MqttAddress

log = structlog.get_logger(__name__)

ROOT: Final = "yuyue/local/alarm"
_RETRY_S: Final = 2.0
# Said again now and then: a lamp that missed it catches up.
_REPEAT_S: Final = 60.0
_MAX_EVENTS: Final = 200


def state_of(alarms: list[Alarm]) -> dict[str, Any]:
    """What the lamps show."""
    ringing = [alarm for alarm in alarms if alarm.is_ringing]
    worst = max(ringing, key=lambda a: RANK.get(a.priority, 0), default=None)
    return {
        "ringing": len(ringing),
        "open": sum(alarm.delivered_ns is None and alarm.origin == "live" for alarm in alarms),
        "priority": None if worst is None else worst.priority,
        "since_ms": min((a.raised_ns // 1_000_000 for a in ringing), default=None),
    }


class Bell:
    """Publishes what it was last told. `run` lasts for ever; a broker that is away is retried."""

    def __init__(self, address: MqttAddress) -> None:
        self._address = address
        self._state: dict[str, Any] = state_of([])
        self._events: deque[dict[str, Any]] = deque(maxlen=_MAX_EVENTS)
        self._changed = asyncio.Event()

    def tell(self, alarms: list[Alarm], events: list[tuple[str, Alarm]]) -> None:
        """The alarms as they are, and what has just happened to some."""
        self._state = state_of(alarms)
        self._events.extend(
            {
                "what": what,
                "event_id": alarm.event_ids[-1],
                "kind": alarm.kind,
                "priority": alarm.priority,
                "origin": alarm.origin,
                "place": alarm.place,
                "happened_ms": alarm.happened_ns // 1_000_000,
                "by": alarm.acknowledged_by,
            }
            for what, alarm in events
        )
        self._changed.set()

    async def run(self) -> None:
        """For ever."""
        was_down = False
        while True:
            try:
                async with self._client() as client:
                    await client.publish(f"{ROOT}/online", b"1", qos=1, retain=True)
                    was_down = False
                    await self._publish(client)
            except (aiomqtt.MqttError, OSError) as error:
                if not was_down:
                    log.warning("bell_down", why=str(error))
                was_down = True
            await asyncio.sleep(_RETRY_S)

    async def _publish(self, client: aiomqtt.Client) -> None:
        while True:
            self._changed.clear()
            is_ringing = b"ON" if self._state["ringing"] else b"OFF"
            await client.publish(f"{ROOT}/bell", is_ringing, qos=1, retain=True)
            body = msgspec.json.encode(self._state)
            await client.publish(f"{ROOT}/state", body, qos=1, retain=True)
            while self._events:
                await client.publish(f"{ROOT}/event", msgspec.json.encode(self._events[0]), qos=1)
                self._events.popleft()
            try:
                async with asyncio.timeout(_REPEAT_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _client(self) -> aiomqtt.Client:
        address = self._address
        tls = ssl.create_default_context(cafile=address.ca_file) if address.ca_file else None
        return aiomqtt.Client(
            hostname=address.host,
            port=address.port,
            identifier=f"{address.client_id}-bell",
            username=address.username,
            password=address.password,
            protocol=aiomqtt.ProtocolVersion.V311,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_TIMEOUT_S,
            tls_context=tls,
            will=aiomqtt.Will(f"{ROOT}/online", b"0", qos=1, retain=True),
        )
