"""What the gateway counts for Prometheus. Labels hold codes only, never names or device ids."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """All figures of one gateway, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._parts: dict[str, CollectorRegistry] = {}

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"yuyue_gateway_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"yuyue_gateway_{name}", text, labels, registry=self.registry)

        self.frames = counter("frames", "Frames received", "source")
        self.rejected = counter("rejected_frames", "Frames refused", "reason")
        self.duplicates = counter("duplicate_frames", "Frames held already")
        self.signals = counter("signals", "Signals stored", "quantity")
        self.without_consent = counter("without_consent", "Signals not agreed to", "quantity")
        self.events = counter("events", "New events stored", "kind")
        self.engine_faults = counter("engine_faults", "Streams begun anew after a detector fault")
        self.snapshots_refused = counter("snapshots_refused", "Snapshots of another version")
        self.commit_s = Histogram(
            "yuyue_gateway_group_seconds",
            "From a group of frames to its commit",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        self.commit_failures = counter("commit_failures", "Commits that failed and were repeated")
        self.pending = gauge("outbox_pending", "Records the cloud has not acknowledged", "lane")
        self.outbox_bytes = gauge("outbox_bytes", "Bytes of the disk budget in use")
        self.outbox_reserve = gauge("outbox_reserve", "Room for a full disk is held (1) or not")
        self.uplink_failures = counter("uplink_failures", "Calls that failed", "call", "reason")
        self.uplink_records = counter("uplink_records", "Records acknowledged", "lane")
        self.cloud_lost = counter("cloud_lost_records", "Lost by the cloud, not held here", "lane")
        self.found_devices = gauge("found_devices", "Devices heard that nobody has accepted")
        self.source_connected = gauge("source_connected", "Source is connected", "source")
        self.clock_offset_s = gauge("clock_offset_seconds", "Clock of the cloud minus ours")
        self.registry_version = gauge("registry_version", "Version of the registry in use")
        self.cloud_away_s = gauge("cloud_away_seconds", "For how long the cloud is out of reach")
        self.devices_heard = gauge("devices_heard", "Devices heard in the last minute")
        self.alarms_ringing = gauge("local_alarms_ringing", "Local alarms nobody has answered")
        self.gaps = counter("gaps", "Gaps told", "cause")

    def part(self, name: str) -> CollectorRegistry:
        """A registry for the figures of one source; a later one of the same name replaces it."""
        before = self._parts.pop(name, None)
        if before is not None:
            self.registry.unregister(before)
        part = self._parts[name] = CollectorRegistry()
        self.registry.register(part)
        return part
