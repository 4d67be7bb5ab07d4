"""How often each device advertises, learned by listening."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

# As many gaps as show the rhythm of a device that skips one now and then.
MIN_GAPS: Final = 8
MAX_GAPS: Final = 16
# An advertisement is lost to noise often, three in a row hardly ever.
MISSED: Final = 3
_MAX_ADDRESSES: Final = 4096


class Intervals:
    """The longest gap among the last ones, per address."""

    def __init__(self) -> None:
        self._heard: OrderedDict[str, tuple[float, deque[float]]] = OrderedDict()

    def heard(self, address: str, now_s: float) -> None:
        """An advertisement, folded or not."""
        known = self._heard.get(address)
        if known is None:
            gaps: deque[float] = deque(maxlen=MAX_GAPS)
        else:
            last_s, gaps = known
            gaps.append(now_s - last_s)
        self._heard[address] = (now_s, gaps)
        self._heard.move_to_end(address)
        if len(self._heard) > _MAX_ADDRESSES:
            self._heard.popitem(last=False)

    def interval_s(self, address: str) -> float | None:
        """None until MIN_GAPS were seen."""
        known = self._heard.get(address)
        if known is None or len(known[1]) < MIN_GAPS:
            return None
        return max(known[1])

    def is_missing(self, address: str, now_s: float) -> bool:
        """Whether a device whose rhythm is known has missed MISSED advertisements."""
        interval_s = self.interval_s(address)
        return interval_s is not None and now_s - self._heard[address][0] > MISSED * interval_s

    def heard_within(self, window_s: float, now_s: float) -> int:
        """How many addresses were heard in the last `window_s`."""
        return sum(now_s - last_s <= window_s for last_s, _ in self._heard.values())
