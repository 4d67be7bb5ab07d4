"""The outbox: what must not be lost between a sensor and the cloud, and the engine's log."""

from gateway.outbox.groups import Committed, Group, StoredBatch
from gateway.outbox.room import DiskPolicy
from gateway.outbox.schema import OutboxDamagedError, OutboxError
from gateway.outbox.store import Outbox

__all__ = [
    "Committed",
    "DiskPolicy",
    "Group",
    "Outbox",
    "OutboxDamagedError",
    "OutboxError",
    "StoredBatch",
]
