"""A device that nobody has accepted: what a source can say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.sources import Frame


class Transport(StrEnum):
    """How it is heard."""

    BLE = "ble"
    MQTT = "mqtt"


@dataclass(frozen=True, slots=True)
class Stranger:
    """Heard, or announced by its bridge. `frame` None: it has said nothing itself yet.

    `format`: whose format it speaks. `quantities`: what its definition says it measures. `link`:
    how it would be reached (docs/devices.md). `problem`: why it cannot be used, as far as known.
    """

    device_id: str
    transport: Transport
    format: str
    name: str = ""
    vendor: str = ""
    model: str = ""
    description: str = ""
    quantities: tuple[str, ...] = ()
    link: dict[str, str] = field(default_factory=dict)
    rssi_dbm: int | None = None
    link_quality: int | None = None
    problem: str | None = None
    frame: Frame | None = None


OnStranger = Callable[[Stranger], None]
