"""The one gate to real phones: nothing simulated and no drill passes it. Promise 7 of the design.

Whoever sends needs an `Outgoing`, and only `admit` makes one. A test recipient (`is_test`) is the
only way that data which is not live can go.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Final

from cloud.alerts.notify.models import ContactPoint, Notice

LIVE: Final = "live"
_KEY: Final = object()


class BlockedError(Exception):
    """Data that is not live was about to reach a real phone."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way to one address. Made by `admit` and by nothing else."""

    channel: str
    address: str = field(repr=False)
    title: str
    body: str
    urgency: int
    notice_id: uuid.UUID
    opens: str
    key: object = field(repr=False)

    def __post_init__(self) -> None:
        if self.key is not _KEY:
            raise BlockedError("an Outgoing is made by cloud.alerts.notify.gate.admit only")


def may_pass(origin: str, point: ContactPoint) -> bool:
    """Whether data of this origin may go to this address."""
    return origin == LIVE or point.is_test


def is_usable_for(point: ContactPoint, origin: str) -> bool:
    """Whether a message could go there now."""
    alive = point.verified_at is not None and point.dead_at is None and point.removed_at is None
    return alive and may_pass(origin, point)


def admit(notice: Notice, point: ContactPoint, address: str) -> Outgoing:
    """The message, if it may go. Raises BlockedError."""
    if not may_pass(notice.origin, point):
        raise BlockedError(f"{notice.origin} data may not reach a real phone")
    return Outgoing(
        point.channel, address, notice.title, notice.body, notice.urgency, notice.id,
        opens_of(notice), _KEY,
    )  # fmt: skip


def opens_of(notice: Notice) -> str:
    """Which page of ours a tap on it leads to."""
    if notice.family_id is not None:
        return "/family"
    return "/account" if notice.alert_id is None else f"/duty?alert={notice.alert_id}"
