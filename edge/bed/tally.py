"""Counting a night: minutes in bed, out of it, unknown; times up; movement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge.events import Reason
from edge.signals import NS_PER_S

_NS_PER_MINUTE: Final = 60 * NS_PER_S
_WINDOW_MINUTES: Final = 60
_WINDOW_MASK: Final = (1 << _WINDOW_MINUTES) - 1


@dataclass(slots=True)
class Tally:
    """One night from `start_ns` to `end_ns`, counted up to `counted_ns`."""

    start_ns: int = 0
    end_ns: int = 0
    counted_ns: int = 0
    in_bed_ns: int = 0
    out_ns: int = 0
    unknown_ns: int = 0
    times_up: int = 0
    longest_out_ns: int = 0
    first_in_ns: int | None = None
    last_in_ns: int | None = None
    movement_minutes: int = 0

    def begin(self, start_ns: int, end_ns: int, now_ns: int) -> None:
        """A new night; what passed before `now_ns` is unknown."""
        self.start_ns, self.end_ns = start_ns, end_ns
        self.counted_ns = max(start_ns, now_ns)
        self.unknown_ns = self.counted_ns - start_ns
        self.in_bed_ns = self.out_ns = self.times_up = self.longest_out_ns = 0
        self.first_in_ns = self.last_in_ns = None
        self.movement_minutes = 0

    def count(self, occupied: bool | None, until_ns: int) -> None:
        """The bed was `occupied` from what was counted last until `until_ns`."""
        until_ns = min(until_ns, self.end_ns)
        if until_ns <= self.counted_ns:
            return
        spent_ns = until_ns - self.counted_ns
        if occupied is None:
            self.unknown_ns += spent_ns
        elif occupied:
            self.in_bed_ns += spent_ns
            self.first_in_ns = self.counted_ns if self.first_in_ns is None else self.first_in_ns
            self.last_in_ns = until_ns
        else:
            self.out_ns += spent_ns
        self.counted_ns = until_ns

    def took_back(self, moved_ns: int) -> None:
        """The last `moved_ns` counted as in bed were already out of it (a late `empty`)."""
        moved_ns = max(0, min(moved_ns, self.in_bed_ns, self.counted_ns - self.start_ns))
        self.in_bed_ns -= moved_ns
        self.out_ns += moved_ns
        if self.last_in_ns is not None:
            self.last_in_ns -= moved_ns

    def was_out(self, from_ns: int, until_ns: int) -> None:
        """An absence between two times in bed, or up to the end of the night."""
        clipped_ns = min(until_ns, self.end_ns) - max(from_ns, self.start_ns)
        self.longest_out_ns = max(self.longest_out_ns, clipped_ns)

    def reasons(self) -> tuple[Reason, ...]:
        """The summary in numbers, minutes."""

        def minutes(time_ns: int) -> float:
            return round(time_ns / _NS_PER_MINUTE, 1)

        summary = {
            "in_bed_min": minutes(self.in_bed_ns),
            "out_min": minutes(self.out_ns),
            "unknown_min": minutes(self.unknown_ns),
            "times_up": float(self.times_up),
            "longest_out_min": minutes(self.longest_out_ns),
            "movement_min": float(self.movement_minutes),
        }
        reasons = [Reason("night_in_numbers", summary)]
        if self.unknown_ns:
            reasons.append(Reason("night_partly_unseen", {"unknown_min": summary["unknown_min"]}))
        return tuple(reasons)


@dataclass(slots=True)
class Movement:
    """Which of the last 60 minutes in bed had movement, one bit each, newest lowest."""

    minute: int = -1
    seen: int = 0
    moved: int = 0

    def mark(self, time_ns: int, moved: bool) -> bool:
        """A movement report; returns whether it is the first with movement in its minute."""
        minute = time_ns // _NS_PER_MINUTE
        if minute > self.minute:
            steps = min(minute - self.minute, _WINDOW_MINUTES) if self.minute >= 0 else 0
            self.seen = (self.seen << steps) & _WINDOW_MASK
            self.moved = (self.moved << steps) & _WINDOW_MASK
            self.minute = minute
        self.seen |= 1
        first = moved and not self.moved & 1
        self.moved |= 1 if moved else 0
        return first

    def share(self) -> float | None:
        """Share of minutes with movement; None before most of an hour was seen."""
        seen = self.seen.bit_count()
        return self.moved.bit_count() / seen if seen >= _WINDOW_MINUTES * 3 // 4 else None
