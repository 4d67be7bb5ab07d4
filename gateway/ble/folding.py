"""The same advertisement over and over, from several adapters: let through once, and now and then.

A device repeats its advertisement many times a second. What repeats says only that the device is
alive, which is enough every few seconds. A pressed button that is repeated for half a minute was
pressed once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

# Repetitions within it are one: several times shorter than any limit for silence.
FOLD_S: Final = 5.0
# A button's repetition is one press until it was quiet for this long (Shelly and Xiaomi buttons
# repeat for under 10 s).
FOLD_MOMENTARY_S: Final = 15.0
# Strangers' phones change their address: the oldest are forgotten.
MAX_ADDRESSES: Final = 4096


class Folding:
    """Per address the last content, when it was let through, and when it was heard last."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[bytes, float, float]] = OrderedDict()
        self.folded = 0

    def is_news(
        self, address: str, service_data: Mapping[str, bytes], now_s: float, *, momentary: bool
    ) -> bool:
        """Whether to let it through. `momentary`: it tells of a moment, such as a press."""
        digest = _digest(service_data)
        known = self._seen.get(address)
        if known is not None and known[0] == digest:
            _, passed_s, heard_s = known
            since_s = now_s - (heard_s if momentary else passed_s)
            if since_s < (FOLD_MOMENTARY_S if momentary else FOLD_S):
                self._seen[address] = (digest, passed_s, now_s)
                self.folded += 1
                return False
        self._seen[address] = (digest, now_s, now_s)
        self._seen.move_to_end(address)
        if len(self._seen) > MAX_ADDRESSES:
            self._seen.popitem(last=False)
        return True


def _digest(service_data: Mapping[str, bytes]) -> bytes:
    hashed = blake2b(digest_size=8)
    for uuid in sorted(service_data):
        body = service_data[uuid]
        hashed.update(uuid.encode() + len(body).to_bytes(2, "little") + body)
    return hashed.digest()
