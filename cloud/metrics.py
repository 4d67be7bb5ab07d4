"""Counters for Prometheus. Labels never hold names of people, devices or institutions."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """All of them, in a registry of their own: two applications in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter(
            "yuyue_ingest_records_total", "Records taken, by lane and kind",
            ["lane", "kind"], registry=self.registry,
        )  # fmt: skip
        self.skipped = Counter(
            "yuyue_ingest_skipped_total", "Records already held, by lane",
            ["lane"], registry=self.registry,
        )  # fmt: skip
        self.quarantined = Counter(
            "yuyue_ingest_quarantined_total", "Records and frames that could not be used",
            ["reason", "found_by"], registry=self.registry,
        )  # fmt: skip
        self.refused = Counter(
            "yuyue_ingest_refused_total", "Batches refused whole, by code",
            ["code"], registry=self.registry,
        )  # fmt: skip
        self.ingest_s = Histogram(
            "yuyue_ingest_seconds", "Time to take a batch, commit included, by lane",
            ["lane"], registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
        )  # fmt: skip
        self.moves = Counter(
            "yuyue_alert_moves_total", "Moves of alerts", ["move"], registry=self.registry
        )
        self.live_clients = Gauge(
            "yuyue_live_clients", "Screens on the live stream now", registry=self.registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.live_sent = Counter(
            "yuyue_live_events_total", "Events sent to screens, by kind",
            ["kind"], registry=self.registry,
        )  # fmt: skip
        self.task_failures = Counter(
            "yuyue_task_failures_total", "Failures of background tasks",
            ["task"], registry=self.registry,
        )  # fmt: skip
        self.request_s = Histogram(
            "yuyue_request_seconds", "Time until an answer begins, by route and status",
            ["method", "route", "status"], registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
        )  # fmt: skip
        self.bulk_working = Gauge(
            "yuyue_ingest_bulk_working", "Bulk batches being worked now",
            registry=self.registry, multiprocess_mode="livesum",
        )  # fmt: skip
        self.leads = Gauge(
            "yuyue_leads", "1: a worker of this machine does the housekeeping",
            registry=self.registry, multiprocess_mode="livemax",
        )  # fmt: skip
        self.connections = Gauge(
            "yuyue_database_connections", "Database connections in use",
            registry=self.registry, multiprocess_mode="livesum",
        )  # fmt: skip
