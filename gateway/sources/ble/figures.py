"""What the Bluetooth source counts for Prometheus. Labels hold adapter names and codes only."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class BleFigures:
    """All figures of the source, beside those of the gateway."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"yuyue_gateway_ble_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"yuyue_gateway_ble_{name}", text, labels, registry=registry)

        self.advertisements = counter("advertisements", "Advertisements heard", "adapter")
        self.folded = counter("folded", "Repeated advertisements let go")
        self.dropped = counter("dropped_frames", "Frames dropped because nothing could be stored")
        self.restarts = counter(
            "scanner_restarts", "Scanner started again by the watchdog", "adapter"
        )
        self.recoveries = counter("adapter_recoveries", "Adapter switched off and on", "adapter")
        self.adapter_open = gauge("adapter_open", "Adapter scans and hears devices", "adapter")
        self.connections = counter("connections", "Connections tried", "result")
        self.connected = gauge("connected", "Devices connected now")
        self.heard = gauge("heard", "Addresses heard in the last minute")
        self.missing = gauge("missing", "Registered devices that missed their learned interval")
