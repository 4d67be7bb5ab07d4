"""Messages the broker sends again because our acknowledgement did not reach it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b

from gateway.outbox.groups import DELIVERY_KEY_BYTES, MAX_DELIVERIES
from gateway.sources import Frame


class RecentDeliveries:
    """The last messages that were committed, by message id and content.

    Single readings without a time of their own can be told from their repetition only so. Both
    the repetition mark and the message id must agree: a second press of the same button is the
    same bytes, and must never be taken for the first.
    """

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        self._keys: OrderedDict[bytes, None] = OrderedDict.fromkeys(keys)

    def is_repeated(self, frame: Frame) -> bool:
        """Whether this very delivery is held already."""
        return frame.redelivered and delivery_key(frame) in self._keys

    def add(self, frame: Frame) -> bytes | None:
        """Remember it; the key to store with the frame, if it has one."""
        key = delivery_key(frame)
        if key is not None:
            self._keys[key] = None
            self._keys.move_to_end(key)
            while len(self._keys) > MAX_DELIVERIES:
                self._keys.popitem(last=False)
        return key


def delivery_key(frame: Frame) -> bytes | None:
    """What names a delivery: source, message id, topic and payload. None without an id."""
    if frame.delivery_id is None:
        return None
    # The lengths keep the parts apart; the payload is last and needs none.
    head = (
        f"{len(frame.source)} {frame.source} {frame.delivery_id} {len(frame.topic)} {frame.topic} "
    )
    return blake2b(head.encode() + frame.payload, digest_size=DELIVERY_KEY_BYTES).digest()
