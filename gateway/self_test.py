"""The hourly proof that the whole path works: a marked call of a device that does not exist.

It is published to the broker like any sensor's message and comes back through source, driver,
registry, detector and outbox; the cloud hands it to a test recipient and alarms where it stays
away (dead man's switch, docs/alerts.md). Nothing here knows whether it arrived: that is the point.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from typing import Final

import aiomqtt
import structlog

from edge.marks import tagged_message
from edge.signals import Origin
from gateway.clock import Clock
from gateway.settings import Settings

log = structlog.get_logger(__name__)

# A broker that was away for a moment must not cost an hour.
RETRY_S: Final = 30.0
_LOOK_S: Final = 1.0
_TIMEOUT_S: Final = 10.0


def proof(topic: str, key: bytes | None) -> bytes:
    """A call, marked and tagged at its source: it can reach no real phone."""
    call = json.dumps([{"n": "sos", "v": 1, "origin": Origin.SIMULATED.value}]).encode()
    return call if key is None else tagged_message(key, topic, call)


class SelfTest:
    """Sends while settings name a device for it; the first proof goes out at once."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        clock: Clock,
        *,
        is_ready: Callable[[], bool],
        simulation_key: Callable[[], bytes | None],
    ) -> None:
        """`is_ready`: whether the sources listen; a proof nobody hears proves nothing."""
        self._simulation_key = simulation_key
        self._settings = settings
        self._clock = clock
        self._is_ready = is_ready
        self._sent_for: tuple[str, float] | None = None
        self._due_s = 0.0
        self._is_failing = False

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._step()
            await asyncio.sleep(_LOOK_S)

    async def _step(self) -> None:
        settings = self._settings()
        device_id, every_s = settings.self_test_device, settings.self_test_every_s
        if not device_id or not self._is_ready():
            return
        now_s = self._clock.monotonic_s()
        if self._sent_for == (device_id, every_s) and now_s < self._due_s:
            return
        self._sent_for = device_id, every_s
        try:
            topic = f"yuyue/v1/{device_id}/senml"
            await publish(settings, topic, proof(topic, self._simulation_key()))
        except (aiomqtt.MqttError, OSError) as error:
            self._due_s = now_s + min(RETRY_S, every_s)
            if not self._is_failing:
                log.warning("self_test_not_sent", why=str(error))
            self._is_failing = True
            return
        self._due_s = now_s + every_s
        self._is_failing = False
        log.info("self_test_sent", device_id=device_id)


async def publish(settings: Settings, topic: str, payload: bytes) -> None:
    """On a connection of its own, as a sensor would. Raises aiomqtt.MqttError, OSError."""
    ca_file = settings.mqtt_ca_file
    password = settings.mqtt_password
    client = aiomqtt.Client(
        settings.mqtt_host,
        settings.mqtt_port,
        username=settings.mqtt_username,
        password=None if password is None else password.get_secret_value(),
        identifier=f"{settings.mqtt_client_id}-self-test",
        protocol=aiomqtt.ProtocolVersion.V311,
        tls_context=None if ca_file is None else ssl.create_default_context(cafile=ca_file),
        timeout=_TIMEOUT_S,
    )
    async with client:
        await client.publish(topic, payload, qos=1)
