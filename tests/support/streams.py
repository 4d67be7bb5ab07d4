"""Readings of many devices sent to the broker in the order of time, as the devices would have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import paho.mqtt.client as paho

from edge.signals import NS_PER_S, QUANTITIES, Reading
from tests.support.stack import Stack

# One message holds what one device said within this: a gateway settles as much by itself.
TOGETHER_NS = 5 * NS_PER_S
_PACK = 500


class Broker:
    """A client that hands everything over and then waits until the broker has it all."""

    def __init__(self, stack: Stack) -> None:
        self._tagged = stack.tagged
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(stack.mosquitto.username, stack.mosquitto.password)
        self._client.max_inflight_messages_set(1000)
        self._client.connect("127.0.0.1", stack.mosquitto.port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, device_id: str, values: list[dict[str, Any]]) -> None:
        """SenML records of one device, marked simulated."""
        for sent in self._publish(device_id, values):
            sent.wait_for_publish(20)

    def _publish(
        self, device_id: str, values: list[dict[str, Any]]
    ) -> Iterator[paho.MQTTMessageInfo]:
        for start in range(0, len(values), _PACK):
            pack = values[start : start + _PACK]
            pack[0] = {**pack[0], "origin": "simulated"}
            topic = f"yuyue/v1/{device_id}/senml"
            said = self._tagged(topic, json.dumps(pack).encode())
            yield self._client.publish(topic, said, qos=1)

    def play(self, readings: Iterable[Reading]) -> None:
        """Readings sorted by time."""
        waiting = [
            sent
            for device_id, run in _runs(readings)
            for sent in self._publish(device_id, [_record(reading) for reading in run])
        ]
        for sent in waiting:
            sent.wait_for_publish(60)


def _record(reading: Reading) -> dict[str, Any]:
    return {
        "n": reading.quantity,
        "u": QUANTITIES[reading.quantity].unit,
        "v": reading.value,
        "t": reading.time_ns / NS_PER_S,
    }


def _runs(readings: Iterable[Reading]) -> Iterator[tuple[str, list[Reading]]]:
    chunk: dict[str, list[Reading]] = {}
    begin_ns = None
    for reading in readings:
        if begin_ns is None or reading.time_ns - begin_ns >= TOGETHER_NS:
            yield from chunk.items()
            chunk, begin_ns = {}, reading.time_ns
        chunk.setdefault(reading.device_id, []).append(reading)
    yield from chunk.items()
