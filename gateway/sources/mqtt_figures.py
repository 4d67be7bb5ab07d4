"""What the MQTT source counts for Prometheus. Labels hold kinds only, never names."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class MqttFigures:
    """All figures of the source, beside those of the gateway."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(f"yuyue_gateway_mqtt_{name}", text, registry=registry)

        self.connections = counter("connections", "Connections to the broker that were made")
        self.retained = counter("retained_states", "Stored states of unknown age, not taken")
        self.unrouted = counter("unrouted", "Messages on topics that nobody announced any more")
        self.dropped = counter("dropped", "Messages of QoS 0 dropped: nothing could be stored")
        self.strangers = counter("stranger_frames", "States of devices that nobody has accepted")
        self.devices = Gauge(
            "yuyue_gateway_mqtt_announced_devices", "Devices that announced themselves", ["kind"],
            registry=registry,
        )  # fmt: skip
        self.bridge_open = Gauge(
            "yuyue_gateway_mqtt_bridge_open", "Zigbee2MQTT is online", ["base"], registry=registry
        )
