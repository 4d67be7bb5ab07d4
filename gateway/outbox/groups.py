"""What goes into the outbox in one transaction, and what comes out in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.events import Event
from edge.gateway_wire import Gap, LocalAction
from edge.signals import Signal
from edge.wire import Lane, Record, RejectedFrame

# How many delivery keys are kept: as many as MQTT has message ids, so that whatever a broker may
# send again is known. A busy mosquitto was seen to repeat 2,300: it loses the acknowledgements
# that it had not read yet when a killed client's connection breaks.
MAX_DELIVERIES: Final = 65_535
DELIVERY_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Group:
    """What a group of frames became. Committed whole or not at all.

    `gaps` travel with the bulk data, `actions` behind the events they are about.
    `device_memory`: rows of Plausibility; `deliveries`: keys of RecentDeliveries;
    `rejected_counts`: refused frames by reason, also those that wrote no row.
    """

    signals: Sequence[Signal] = ()
    rejected: Sequence[RejectedFrame] = ()
    events: Sequence[Event] = ()
    device_memory: Mapping[str, bytes] = field(default_factory=dict)
    deliveries: Sequence[bytes] = ()
    rejected_counts: Mapping[str, int] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()
    actions: Sequence[LocalAction] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing in it to store."""
        return not (
            self.signals or self.rejected or self.events or self.device_memory
            or self.deliveries or self.rejected_counts or self.gaps or self.actions
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did: events that were not known before, and the last bulk number."""

    new_events: tuple[Event, ...]
    bulk_seq: int


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """The next records of a lane, with wire numbers, and the naming they are sent under."""

    outbox_id: str
    lane: Lane
    records: list[Record]

    @property
    def first_seq(self) -> int:
        """The wire number of the first record."""
        return self.records[0].seq
