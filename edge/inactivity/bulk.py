"""A day's readings of one person as columns: the same as one by one, at a fraction of the work.

Ordinary activity (inside, at home, no door, no long silence) only moves "last seen" and counts
bins, so runs of it are taken at once. All else goes through `Watch` one by one. Should anything
fall due, the day is done again one by one from where it began: rare, and then exact.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.inactivity.devices import MOMENTARY, MOTION_COUNT, BoolArray, IntArray, Kind
from edge.inactivity.limits import BIN_S, S_PER_DAY, SILENCE_S, SLOT_S, Context
from edge.inactivity.state import NONE_NS, Finding, State
from edge.inactivity.watch import DeadlineReachedError, Watch
from edge.signals import NS_PER_S, FloatArray

# Below this a run is quicker one by one.
_MIN_RUN: Final = 4
_MIN_DAY: Final = 24
_BIN_NS: Final = BIN_S * NS_PER_S


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Many readings of one subject by time, as columns; entry k is a reading.

    `device` indexes the sensors of the settings, `quantity` ACTIVITY_QUANTITIES (-1: any other).
    """

    time_ns: IntArray
    device: IntArray
    quantity: IntArray
    value: FloatArray

    def part(self, start: int, stop: int) -> Block:
        """Readings `start` to `stop`."""
        cut = slice(start, stop)
        return Block(self.time_ns[cut], self.device[cut], self.quantity[cut], self.value[cut])


def days(watch: Watch, time_ns: IntArray) -> Iterator[tuple[int, int]]:
    """Index ranges of `time_ns` (sorted), each within one local day."""
    start, n = 0, len(time_ns)
    while start < n:
        day = watch.local.day(int(time_ns[start]))
        stop = int(np.searchsorted(time_ns, watch.local.utc_ns(day + 1, 0), side="left"))
        stop = max(stop, start + 1)
        yield start, stop
        start = stop


def take_day(watch: Watch, block: Block, findings: list[Finding]) -> None:
    """Readings within one local day, by time."""
    if _ordinary(watch, block):
        first = int(block.time_ns[0])
        watch.advance(first, findings)
        watch.begin_day(first)
        before = _checkpoint(watch)
        watch.bulk = True
        try:
            _take(watch, block)
        except DeadlineReachedError:
            _back_to(watch, before)
        else:
            watch.bulk = False
            watch.advance(int(block.time_ns[-1]), findings)  # keeps its deadline, as one by one
            return
        finally:
            watch.bulk = False
    columns = (block.device, block.quantity, block.value, block.time_ns)
    for device, quantity, value, time_ns in zip(*(c.tolist() for c in columns), strict=True):
        watch.take(device, quantity, value, time_ns, findings)


def _ordinary(watch: Watch, block: Block) -> bool:
    """Whether the short way is open at all."""
    state, time_ns = watch.state, block.time_ns
    first, last = int(time_ns[0]), int(time_ns[-1])
    return (
        len(time_ns) >= _MIN_DAY
        and state.last_ns != NONE_NS
        and not state.withheld
        and first >= state.frontier_ns
        and bool((time_ns[1:] >= time_ns[:-1]).all())
        and not (any(watch.devices.period_ns) and _counts(watch, block))
        and not any(p.from_ns <= last and state.last_ns < p.until_ns for p in watch.pauses)
        and watch.local.offset_s(first // NS_PER_S) == watch.local.offset_s(last // NS_PER_S)
    )


def _counts(watch: Watch, block: Block) -> bool:
    """Whether a device sums over a whole period here."""
    devices = watch.devices
    return bool((block.quantity == MOTION_COUNT).any()) or any(
        devices.counting_ns(k) for k in devices.ids.values()
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Checkpoint:
    state: State
    counts: FloatArray
    arrays: tuple[npt.NDArray[np.generic], ...]


def _checkpoint(watch: Watch) -> _Checkpoint:
    arrays = tuple(array.copy() for array in watch.devices.learned_arrays())
    return _Checkpoint(copy.copy(watch.state), watch.profile.data.copy(), arrays)


def _back_to(watch: Watch, before: _Checkpoint) -> None:
    watch.state = before.state
    watch.profile.data[:] = before.counts
    for mine, saved in zip(watch.devices.learned_arrays(), before.arrays, strict=True):
        mine[...] = saved


def _activities(
    watch: Watch, device: IntArray, quantity: IntArray, value: FloatArray
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Which readings are activities, which of them rise, and which came of the device's own accord;
    takes the last values along.
    """
    devices = watch.devices
    width = devices.kinds.shape[1]
    known = quantity >= 0
    cell = np.where(known, device * width + quantity, -1)
    order = np.argsort(cell, kind="stable")
    sorted_cell, sorted_value = cell[order], value[order]
    previous = np.empty_like(sorted_value)
    previous[1:] = sorted_value[:-1]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = sorted_cell[1:] != sorted_cell[:-1]
    last_value = devices.last_value.reshape(-1)
    previous[first] = last_value[sorted_cell[first]]
    before = np.empty_like(previous)
    before[order] = previous
    last_value[cell[known]] = value[known]  # in order: the last of each cell stays
    differs = value != before
    rises = known & (value > 0) & (differs | MOMENTARY[quantity])
    changes = known & (before > 0) & differs & devices.both_ways[device, quantity]
    telling = devices.kinds[device, quantity] != Kind.NONE
    prompted = known & telling & (differs | ((value > 0) & MOMENTARY[quantity]))
    return (rises | changes) & telling, rises, ~prompted


def _take(watch: Watch, block: Block) -> None:
    devices, state = watch.devices, watch.state
    if state.stage:
        raise DeadlineReachedError
    time_ns, device, quantity, value = block.time_ns, block.device, block.quantity, block.value
    active, rises, own = _activities(watch, device, quantity, value)
    index = np.flatnonzero(active)
    if len(index):
        at, who = time_ns[index], device[index]
        kind = devices.kinds[who, quantity[index]]
        rise = rises[index] | (kind <= Kind.DOOR)
        special = kind != Kind.INSIDE
        special[1:] |= (at[1:] - at[:-1] > SILENCE_S * NS_PER_S) | (kind[:-1] == Kind.DOOR)
        special[0] = True
        bouts = np.empty(len(index), dtype=np.int64)
        specials = [*np.flatnonzero(special).tolist(), len(index)]
        weights = value[index]
        k = 0
        following = 0
        while k < len(index):
            while specials[following] <= k:
                following += 1
            stop = specials[following]
            if special[k] or state.out or stop - k < _MIN_RUN:
                now = int(at[k])
                watch.advance(now, [])
                watch.activity(
                    int(who[k]), int(kind[k]), now, float(weights[k]), rise=bool(rise[k])
                )
                bouts[k] = state.bouts
                k += 1
            else:
                bouts[k:stop] = _run(watch, at[k:stop], who[k:stop], float(weights[stop - 1]))
                k = stop
        # Seen also counts for what stirred in an empty home, as it does one by one.
        devices.saw_many(who, bouts)
    devices.heard_many(device, time_ns, own)
    watch.advance(int(time_ns[-1]), [])
    state.frontier_ns = int(time_ns[-1])


def _run(watch: Watch, at: IntArray, who: IntArray, weight: float) -> IntArray:
    """Ordinary activity at home, each within SILENCE_S of the one before; returns the bouts."""
    devices, state = watch.devices, watch.state
    n = len(at)
    bins = at // _BIN_NS
    opens = np.empty(n, dtype=np.bool_)
    opens[0] = bins[0] != state.bin
    opens[1:] = bins[1:] != bins[:-1]
    rooms = devices.room[who]
    if state.beds:
        contexts = np.full(n, int(Context.BED))
    elif state.seats:
        contexts = np.full(n, int(Context.SEAT))
    else:
        contexts = devices.context[who]
    if opens[0]:
        watch.commit_bin()
    # A bin is counted by its last activity: those just before the next bin opens.
    closing = np.flatnonzero(opens[1:])
    if len(closing):
        offset_s = watch.local.offset_s(int(at[0]) // NS_PER_S)
        slots = (at[closing] // NS_PER_S + offset_s) % S_PER_DAY // SLOT_S
        watch.profile.saw_many(contexts[closing], slots, rooms[closing])
    state.lived_ns += int(at[-1]) - state.last_ns
    bouts = state.bouts + np.cumsum(opens)
    opened = int(bouts[-1]) - state.bouts
    state.bouts, state.day_bins = int(bouts[-1]), state.day_bins + opened
    state.bin, state.last_ns = int(bins[-1]), int(at[-1])
    state.last_device, state.room, state.weight = int(who[-1]), int(rooms[-1]), weight
    state.context, state.door_ns, state.unlearnable = int(contexts[-1]), NONE_NS, 0
    state.forget_deadline()
    return bouts
