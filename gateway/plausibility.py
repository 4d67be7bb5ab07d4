"""What a frame cannot say about itself: its time against ours, its boot, whether we have it.

Pure: times are passed in, state goes out as rows and comes back as rows (the outbox keeps them).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from edge.signals import NS_PER_S, Signal, Waveform
from gateway.drivers import DriverError

# docs/devices.md. Wide enough for the drift of a wearable between two syncs, narrow enough that
# a wrong clock never hides a fall in the future of every screen.
FUTURE_LIMIT_S: Final = 5.0
_FUTURE_LIMIT_NS: Final = round(FUTURE_LIMIT_S * NS_PER_S)

# Blocks come in order, so one range is the rule and each gap (a lost block) adds one. Beyond
# this many the oldest gap is closed: a block missing for that long is not coming any more.
MAX_RANGES: Final = 64


class SequenceRanges:
    """A set of sequence numbers as sorted closed ranges, at most MAX_RANGES of them."""

    def __init__(self, bounds: Sequence[int] = ()) -> None:
        self._firsts = list(bounds[0::2])
        self._lasts = list(bounds[1::2])

    def bounds(self) -> list[int]:
        """first, last, first, last ...: what the constructor takes."""
        return [bound for pair in zip(self._firsts, self._lasts, strict=True) for bound in pair]

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self._firsts, number) - 1
        return index >= 0 and number <= self._lasts[index]

    def add(self, number: int) -> bool:
        """Whether the number is new; it is in the set afterwards."""
        index = bisect_right(self._firsts, number) - 1
        if index >= 0 and number <= self._lasts[index]:
            return False
        joins_left = index >= 0 and self._lasts[index] == number - 1
        joins_right = index + 1 < len(self._firsts) and self._firsts[index + 1] == number + 1
        if joins_left and joins_right:
            self._lasts[index] = self._lasts.pop(index + 1)
            del self._firsts[index + 1]
        elif joins_left:
            self._lasts[index] = number
        elif joins_right:
            self._firsts[index + 1] = number
        else:
            self._firsts.insert(index + 1, number)
            self._lasts.insert(index + 1, number)
            if len(self._firsts) > MAX_RANGES:
                self._lasts[0] = self._lasts.pop(1)
                del self._firsts[1]
        return True


class _DeviceState(msgspec.Struct):
    """What is remembered of one device: its present boot, and the blocks of it we hold."""

    boot_id: int
    held: dict[str, list[int]]


class Plausibility:
    """Judges decoded frames. Rows: device id -> opaque bytes, to be stored with the frames."""

    def __init__(self, rows: Mapping[str, bytes]) -> None:
        self._boot_ids: dict[str, int] = {}
        self._held: dict[str, dict[str, SequenceRanges]] = {}
        self._dirty: set[str] = set()
        for device_id, row in rows.items():
            state = msgspec.msgpack.decode(row, type=_DeviceState)
            self._boot_ids[device_id] = state.boot_id
            self._held[device_id] = {
                quantity: SequenceRanges(bounds) for quantity, bounds in state.held.items()
            }

    def admit(self, signals: Sequence[Signal], received_ns: int) -> list[Signal]:
        """The signals of one frame that are new: empty when the frame is a duplicate.

        Raises DriverError `future_time` or `bad_boot_id` before anything is remembered.
        """
        for signal in signals:
            _refuse_future(signal, received_ns)
            if isinstance(signal, Waveform):
                self._refuse_older_boot(signal)
        return [
            signal
            for signal in signals
            if not isinstance(signal, Waveform) or self._remember(signal)
        ]

    def forget(self, device_id: str) -> None:
        """A device that is nobody's any more: when it comes back, its boots count from anew."""
        self._boot_ids.pop(device_id, None)
        self._held.pop(device_id, None)
        self._dirty.discard(device_id)

    def take_dirty(self) -> dict[str, bytes]:
        """Rows that changed since this was last asked."""
        dirty, self._dirty = self._dirty, set()
        return {device_id: self._row(device_id) for device_id in sorted(dirty)}

    def _row(self, device_id: str) -> bytes:
        held = {quantity: r.bounds() for quantity, r in self._held[device_id].items()}
        return msgspec.msgpack.encode(_DeviceState(self._boot_ids[device_id], held))

    def _refuse_older_boot(self, block: Waveform) -> None:
        known = self._boot_ids.get(block.device_id, 0)
        if block.boot_id < known:
            raise DriverError(
                "bad_boot_id",
                f"boot_id {block.boot_id}, but the device was at {known} before; if its memory "
                "was reset, end its assignment and assign it again",
            )

    def _remember(self, block: Waveform) -> bool:
        device_id = block.device_id
        if block.boot_id > self._boot_ids.get(device_id, 0):
            self._boot_ids[device_id] = block.boot_id
            self._held[device_id] = {}
        ranges = self._held[device_id].setdefault(block.quantity, SequenceRanges())
        is_new = ranges.add(block.sequence_number)
        if is_new:
            self._dirty.add(device_id)
        return is_new


def _refuse_future(signal: Signal, received_ns: int) -> None:
    time_ns = signal.start_ns if isinstance(signal, Waveform) else signal.time_ns
    ahead_ns = time_ns - received_ns
    if ahead_ns > _FUTURE_LIMIT_NS:
        raise DriverError(
            "future_time",
            f"{signal.quantity} is dated {ahead_ns / NS_PER_S:.3f} s after its receipt; "
            f"{FUTURE_LIMIT_S:g} s are allowed",
        )
