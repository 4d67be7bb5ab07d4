"""A fleet against a real mosquitto: all of it arrives, in order, whatever happens to the broker."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.signals import Origin, Reading
from firmware_sim.fleet.fleet import MEMORY_MESSAGES, Fleet, FleetCounts, FleetPlan
from firmware_sim.fleet.readings import KINDS, fleet_payloads, fleet_topics
from firmware_sim.transports.mqtt import BrokerRefusedError, MqttSettings
from gateway.drivers.senml import decode_senml
from tests.support.mosquitto import Mosquitto


def numbered(device: int, message: int, time_s: float) -> bytes:
    """A payload by which a message is known again."""
    del time_s
    return b"%d %d" % (device, message)


class Listener:
    """Hears everything, with a session that survives the broker's restart."""

    def __init__(self, broker: Mosquitto) -> None:
        self.heard: dict[str, list[int]] = defaultdict(list)
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, "listener", clean_session=False, reconnect_on_failure=True
        )
        self._client.username_pw_set(broker.username, broker.password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = self._on_message
        subscribed = threading.Event()
        self._client.on_connect = lambda *_: self._client.subscribe("yuyue/v1/+/senml", 1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert subscribed.wait(10)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.heard[message.topic].append(int(message.payload.split()[1]))

    def wait_for(self, complete: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 20
        while not complete() and time.monotonic() < deadline_s:
            time.sleep(0.02)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def settings_of(broker: Mosquitto, password: str | None = None) -> MqttSettings:
    return MqttSettings("127.0.0.1", broker.port, broker.username, password or broker.password)


def first_times(numbers: list[int]) -> list[int]:
    seen: set[int] = set()
    return [n for n in numbers if not (n in seen or seen.add(n))]  # type: ignore[func-returns-value]


def test_everything_said_arrives_in_order(tmp_path: Path) -> None:
    topics = fleet_topics(200)
    with Mosquitto(tmp_path, autosave=False) as broker:
        listener = Listener(broker)
        counts = Fleet(settings_of(broker), FleetPlan(topics, 0.1), numbered).run(1.0)
        listener.wait_for(lambda: sum(map(len, listener.heard.values())) >= counts.said)
        listener.close()
    assert counts.said == counts.acknowledged > 200 * 5
    assert (counts.waiting, counts.dropped, counts.reconnects) == (0, 0, 0)
    assert set(listener.heard) == set(topics)
    for numbers in listener.heard.values():
        assert numbers == list(range(len(numbers)))


def test_a_broker_that_goes_and_comes_back_costs_nothing(tmp_path: Path) -> None:
    topics = fleet_topics(60)
    with Mosquitto(tmp_path) as broker:
        listener = Listener(broker)

        def stop_once(counts: FleetCounts) -> None:
            if counts.acknowledged > 300 and not counts.reconnects:
                # In order: mosquitto answers before it writes, a kill would cost what it had taken.
                broker.stop()
                threading.Timer(1.0, broker.start).start()
                counts.reconnects += 1  # this one is ours: the others come on top

        counts = Fleet(settings_of(broker), FleetPlan(topics, 0.1), numbered).run(
            4.0, on_progress=stop_once
        )
        assert counts.reconnects > len(topics) // 2
        assert (counts.waiting, counts.dropped) == (0, 0)
        assert counts.acknowledged == counts.said
        listener.wait_for(
            lambda: sum(len(set(one)) for one in listener.heard.values()) >= counts.said
        )
        listener.close()
    for numbers in listener.heard.values():
        assert first_times(numbers) == list(range(max(numbers) + 1))


def test_with_nobody_there_the_newest_are_kept_and_the_rest_is_counted(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, autosave=False)
    plan = FleetPlan(fleet_topics(2), 0.002)
    fleet = Fleet(settings_of(broker), plan, numbered)

    def come_when_full(counts: FleetCounts) -> None:
        if counts.dropped > 50 and not broker.running:
            broker.start()

    counts = fleet.run(0.2, on_progress=come_when_full)
    broker.stop()
    assert counts.dropped > 50
    assert counts.acknowledged + counts.dropped == counts.said
    assert counts.acknowledged >= 2 * MEMORY_MESSAGES


def test_wrong_credentials_end_it_with_a_reason(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, autosave=False) as broker:
        fleet = Fleet(settings_of(broker, "wrong"), FleetPlan(fleet_topics(3), 1.0), numbered)
        with pytest.raises(BrokerRefusedError, match="user name and password"):
            fleet.run(1.0)


@pytest.mark.parametrize("changes", [{"topics": ()}, {"period_s": 0.0}, {"connects_per_s": -1.0}])
def test_a_plan_that_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be|at least"):
        FleetPlan(**{"topics": ("a",), "period_s": 1.0, **changes})  # type: ignore[arg-type]


def test_readings_are_what_a_gateway_takes_and_marked_simulated() -> None:
    say = fleet_payloads(7)
    for device in range(len(KINDS)):
        for message in range(300):
            (reading,) = decode_senml("fleet-000001", say(device, message, 1.8e9), 0)
            assert isinstance(reading, Reading)
            assert reading.quantity == KINDS[device].quantity
            assert reading.origin is Origin.SIMULATED


def test_the_same_seed_says_the_same() -> None:
    one, same, other = fleet_payloads(3), fleet_payloads(3), fleet_payloads(4)
    said = [one(d, m, 1.8e9) for d in range(9) for m in range(40)]
    assert said == [same(d, m, 1.8e9) for d in range(9) for m in range(40)]
    assert said != [other(d, m, 1.8e9) for d in range(9) for m in range(40)]
