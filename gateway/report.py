"""How the gateway is doing: in its heartbeat, at /healthz, and in a file for `doctor`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.signals import NS_PER_S
from edge.wire import Heartbeat, Lane, LaneState
from gateway.clock import CorrectedClock
from gateway.config_sync import ConfigSync
from gateway.local_alarm.service import LocalAlarm
from gateway.machine import HEARD_WITHIN_S, Heard, Machine, disk_free_bytes
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.registry import Registry
from gateway.uplink import CloudState
from gateway.version import software_version


@dataclass(slots=True)
class Report:
    """Gathers it from those who know. `states`: each source, False also while nothing is stored."""

    data_dir: Path
    started_ns: int
    clock: CorrectedClock
    outbox: Outbox
    registry: Registry
    metrics: Metrics
    cloud: CloudState
    heard: Heard
    states: Callable[[], dict[str, bool]]
    config: ConfigSync
    details: Callable[[], dict[str, dict[str, float]]] = dict
    machine: Machine | None = None
    local_alarm: LocalAlarm | None = None

    def heartbeat(self) -> Heartbeat:
        """For the cloud; in a thread, since it reads the outbox."""
        power = None if self.machine is None else self.machine.power
        return Heartbeat(
            sent_ns=self.clock.now_ns(),
            started_ns=self.started_ns,
            software_version=software_version(),
            outbox_id=self.outbox.outbox_id,
            urgent=self.outbox.lane_state(Lane.URGENT),
            bulk=self.outbox.lane_state(Lane.BULK),
            rejected_total=sum(self.outbox.rejected_counts().values()),
            registry_version=self.registry.version,
            sources=self.states(),
            machine_clock_offset_s=self.clock.machine_offset_s,
            settings_version=self.config.version,
            settings_error=self.config.error,
            outbox_bytes=self.outbox.used_bytes(),
            disk_free_bytes=disk_free_bytes(self.data_dir),
            mains=None if power is None else power.mains,
            battery_percent=None if power is None else power.battery_percent,
            local_alarm="off" if self.local_alarm is None else self.local_alarm.state,
            devices_heard=self._devices_heard(),
            source_details=self.details(),
        )

    def health(self) -> dict[str, Any]:
        """For people and watchdogs beside the gateway."""
        beat = self.heartbeat()
        alarm = self.local_alarm
        ringing = 0 if alarm is None else sum(a.is_ringing for a in alarm.book.alarms())
        self.metrics.cloud_away_s.set(self.cloud.away_s)
        self.metrics.devices_heard.set(beat.devices_heard or 0)
        self.metrics.alarms_ringing.set(ringing)
        return {
            "status": "ok" if all(beat.sources.values()) else "degraded",
            "at_ns": beat.sent_ns,
            "pid": os.getpid(),
            "software_version": beat.software_version,
            "started_ns": beat.started_ns,
            "sources": beat.sources,
            "urgent": self._lane(beat.urgent, beat.sent_ns),
            "bulk": self._lane(beat.bulk, beat.sent_ns),
            "cloud_away_s": round(self.cloud.away_s, 1),
            "cloud_failing": self.cloud.failing,
            "clock_offset_s": beat.machine_clock_offset_s,
            "registry_version": beat.registry_version,
            "settings_version": beat.settings_version,
            "settings_error": beat.settings_error,
            "outbox_bytes": beat.outbox_bytes,
            "disk_free_bytes": beat.disk_free_bytes,
            "has_reserve": self.outbox.has_reserve,
            "mains": beat.mains,
            "battery_percent": beat.battery_percent,
            "local_alarm": beat.local_alarm,
            "local_ringing": ringing,
            "devices_assigned": len(self.registry.assigned()),
            "devices_heard": beat.devices_heard,
        }

    def situation(self) -> dict[str, Any]:
        """What the local page says above its list."""
        document = self.registry.document
        power = None if self.machine is None else self.machine.power
        return {
            "institution": "" if document is None else document.institution_name,
            "gateway": software_version(),
            "cloud_away_s": round(self.cloud.away_s, 1),
            "sources": self.states(),
            "mains": None if power is None else power.mains,
            "battery_percent": None if power is None else power.battery_percent,
        }

    def _devices_heard(self) -> int:
        return self.heard.within(HEARD_WITHIN_S, self.clock.monotonic_s())

    @staticmethod
    def _lane(state: LaneState, now_ns: int) -> dict[str, Any]:
        oldest = state.oldest_stored_ns
        age_s = None if oldest is None else round((now_ns - oldest) / NS_PER_S, 1)
        return {"pending": state.pending, "oldest_s": age_s}
