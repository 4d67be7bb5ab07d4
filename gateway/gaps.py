"""What was missed: while a source was down, and while the gateway itself did not run. Pure but for
one small file that remembers when the gateway was last alive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from edge.events import stable_id
from edge.gateway_wire import Gap, GapCause
from edge.signals import NS_PER_S

# Shorter ones are a reconnect: brokers keep messages, sensors say it again.
MIN_SOURCE_GAP_NS: Final = 3 * NS_PER_S
# `alive` is written every ALIVE_INTERVAL_S: what is shorter than two of these is a restart.
ALIVE_INTERVAL_S: Final = 5.0
MIN_GATEWAY_GAP_NS: Final = round(2 * ALIVE_INTERVAL_S * NS_PER_S)
# A source that stays down is told of in pieces, so that the cloud need not wait for its return.
PIECE_NS: Final = 300 * NS_PER_S


@dataclass(slots=True)
class _Alive:
    """What the file holds."""

    alive_ns: int
    down_since_ns: dict[str, int] = field(default_factory=dict)


class GapKeeper:
    """Turns the states of sources into gaps. Times are right time, ns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._down_since_ns: dict[str, int] = {}
        self._before = self._load()

    def at_start(self, now_ns: int) -> list[Gap]:
        """What was missed since the gateway was last alive; asked again until the clock is later
        than that (a machine without a battery clock starts in the past).
        """
        before = self._before
        if before is None or now_ns <= before.alive_ns:
            return []
        self._before = None
        gaps = [
            _gap(GapCause.SOURCE_DOWN, since_ns, before.alive_ns, name)
            for name, since_ns in before.down_since_ns.items()
            if before.alive_ns - since_ns >= MIN_SOURCE_GAP_NS
        ]
        if now_ns - before.alive_ns >= MIN_GATEWAY_GAP_NS:
            gaps.append(_gap(GapCause.GATEWAY_DOWN, before.alive_ns, now_ns, None))
        return gaps

    def observe(self, states: dict[str, bool], now_ns: int) -> list[Gap]:
        """Gaps that ended, or are long enough to be told of in part."""
        gaps = []
        for name in sorted(self._down_since_ns.keys() | states.keys()):
            is_up = states.get(name, True)  # no longer asked for: nothing is missed
            since_ns = self._down_since_ns.get(name)
            if since_ns is None:
                if not is_up:
                    self._down_since_ns[name] = now_ns
                continue
            long_enough = now_ns - since_ns >= (MIN_SOURCE_GAP_NS if is_up else PIECE_NS)
            if long_enough:
                gaps.append(_gap(GapCause.SOURCE_DOWN, since_ns, now_ns, name))
            if is_up:
                del self._down_since_ns[name]
            elif long_enough or now_ns < since_ns:
                self._down_since_ns[name] = now_ns
        return gaps

    def at_end(self, now_ns: int) -> list[Gap]:
        """What is still missing when the gateway stops."""
        down = {name for name, since_ns in self._down_since_ns.items() if now_ns > since_ns}
        return self.observe(dict.fromkeys(down, True), now_ns)

    def still_alive(self, now_ns: int) -> None:
        """Write it down. Raises OSError. No fsync: after a power cut it is a little older."""
        if self._before is not None:
            return  # what was there has not been told yet
        content = msgspec.json.encode(_Alive(now_ns, self._down_since_ns))
        temporary = self._path.with_name(self._path.name + ".new")
        temporary.write_bytes(content)
        temporary.replace(self._path)

    def _load(self) -> _Alive | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Alive)
        except (OSError, msgspec.DecodeError):
            return None


def _gap(cause: GapCause, from_ns: int, until_ns: int, source: str | None) -> Gap:
    return Gap(
        gap_id=stable_id("gap", cause, source or "", from_ns, until_ns),
        cause=cause,
        from_ns=from_ns,
        until_ns=until_ns,
        source=source,
    )
