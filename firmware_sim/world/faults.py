"""What goes wrong between a sensor and the gateway, worked into the readings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.subject import Sensor
from firmware_sim.scenarios.schema import FaultKind, FaultSpec
from firmware_sim.world.track import QUANTITY_CODE, Track, joined

_S_PER_H: Final = 3600.0
# A radio's second copy comes within seconds; a reordered message waits about as long.
_COPY_LATE_S: Final = 2.0
_REORDER_LATE_S: Final = 5.0
_DEAD_BATTERY: Final = 3.0
_S_PER_DAY: Final = 86_400.0
# A small radio boots and joins its network again within this time, and says nothing meanwhile.
_BOOT_S: Final = (8.0, 45.0)
_JOINED_AFTER_S: Final = 1.0
_STATES: Final = tuple(
    QUANTITY_CODE[name] for name in ("motion", "presence", "in_bed", "door_open", "worn")
)
_MUTE: Final = frozenset(
    {
        FaultKind.BROKEN, FaultKind.LINK_CUT, FaultKind.BROKER_AWAY, FaultKind.POWER_CUT,
        FaultKind.STUCK,
    }
)  # fmt: skip

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outage:
    """A device that could not be heard or believed, `[from_s, until_s)`: in the ground truth."""

    device: int
    kind: FaultKind
    from_s: float
    until_s: float


def afflict(
    track: Track, faults: Sequence[FaultSpec], sensors: Sequence[Sensor], duration_s: float,
    rng: np.random.Generator,
) -> tuple[Track, tuple[Outage, ...]]:  # fmt: skip
    """The readings as they arrive, and when which device could not be heard or believed."""
    outages: list[Outage] = []
    for fault in faults:
        until_s = duration_s if fault.until_h is None else fault.until_h * _S_PER_H
        hit = _devices_hit(fault, sensors, rng)
        if fault.kind is FaultKind.RESTART:
            track, boots = _restart(track, fault, hit, until_s, rng)
            outages += boots
            continue
        during = (
            (track.sent_s >= fault.from_h * _S_PER_H) & (track.sent_s < until_s) & hit[track.device]
        )
        if fault.kind is FaultKind.CLOCK_DRIFT:
            pace = rng.uniform(-fault.amount, fault.amount, len(sensors))[track.device]
            gone_s = pace * (track.time_s - fault.from_h * _S_PER_H) / _S_PER_DAY
            track = _with(track, time_s=np.where(during, track.time_s + gone_s, track.time_s))
        elif fault.kind is FaultKind.STUCK:
            track = _stuck(track, during)
        else:
            track = _apply(track, fault, during, rng)
        if fault.kind in _MUTE:
            outages += [
                Outage(int(device), fault.kind, fault.from_h * _S_PER_H, until_s)
                for device in np.flatnonzero(hit)
            ]
    return track, tuple(outages)


def _devices_hit(
    fault: FaultSpec, sensors: Sequence[Sensor], rng: np.random.Generator
) -> BoolArray:
    fits = np.array([not fault.roles or sensor.role in fault.roles for sensor in sensors])
    # A number for each device, fitting or not: the same ones are hit whatever roles are named.
    return np.asarray(fits & (rng.random(len(sensors)) < fault.devices_share), dtype=np.bool_)


def _apply(track: Track, fault: FaultSpec, during: BoolArray, rng: np.random.Generator) -> Track:
    chance = rng.random(len(track)) < fault.amount
    match fault.kind:
        case FaultKind.BROKEN | FaultKind.POWER_CUT:
            return track.keep(~during)
        case FaultKind.DROP:
            return track.keep(~(during & chance))
        case FaultKind.DUPLICATE:
            copies = _sent_later(track.keep(during & chance), _COPY_LATE_S, rng)
            return joined([track, copies])
        case FaultKind.REORDER:
            moved = during & chance
            return joined(
                [track.keep(~moved), _sent_later(track.keep(moved), _REORDER_LATE_S, rng)]
            )
        case FaultKind.LINK_CUT | FaultKind.BROKER_AWAY:  # kept, and sent later
            end_s = float(track.sent_s[during].max(initial=0.0))
            sent_s = np.where(during, end_s + _COPY_LATE_S, track.sent_s)
            return _with(track, sent_s=sent_s)
        case FaultKind.CLOCK_SKEW:
            return _with(track, time_s=np.where(during, track.time_s + fault.amount, track.time_s))
        case FaultKind.LOW_BATTERY:
            low = during & (track.quantity == QUANTITY_CODE["battery_level"])
            return _with(track, value=np.where(low, _DEAD_BATTERY, track.value))
        case _:
            raise AssertionError(fault.kind)


def _stuck(track: Track, during: BoolArray) -> Track:
    """Each quantity keeps the value it had when its sensor stuck; batteries go on."""
    value = track.value.copy()
    held = during & (track.quantity != QUANTITY_CODE["battery_level"])
    keys = track.device * len(QUANTITY_CODE) + track.quantity
    for key in np.unique(keys[held]).tolist():
        rows = np.flatnonzero(keys == key)
        rows = rows[np.argsort(track.time_s[rows], kind="stable")]
        first = int(np.argmax(held[rows]))
        value[rows[held[rows]]] = track.value[rows[max(0, first - 1)]]
    return _with(track, value=value)


def _restart(
    track: Track, fault: FaultSpec, hit: BoolArray, until_s: float, rng: np.random.Generator
) -> tuple[Track, list[Outage]]:
    """Devices that start anew by themselves: what falls into the boot is lost, states are told."""
    from_s = fault.from_h * _S_PER_H
    mean = fault.amount * (until_s - from_s) / _S_PER_DAY
    outages: list[Outage] = []
    lost = np.zeros(len(track), dtype=np.bool_)
    told: list[Track] = []
    for device in np.flatnonzero(hit).tolist():
        rows = np.flatnonzero(track.device == device)
        for begin_s in np.sort(rng.uniform(from_s, until_s, int(rng.poisson(mean)))).tolist():
            end_s = begin_s + float(rng.uniform(*_BOOT_S))
            outages.append(Outage(device, fault.kind, begin_s, end_s))
            sent_s = track.sent_s[rows]
            lost[rows[(sent_s >= begin_s) & (sent_s < end_s)]] = True
            told.append(_states_at(track.keep(rows), end_s + _JOINED_AFTER_S))
    return joined([track.keep(~lost), *told]), outages


def _states_at(own: Track, at_s: float) -> Track:
    """What a device that has just booted finds and says: each of its states as it is now."""
    last = [
        rows[np.argmax(own.time_s[rows])]
        for code in _STATES
        if len(rows := np.flatnonzero((own.quantity == code) & (own.time_s < at_s)))
    ]
    said = own.keep(np.array(last, dtype=np.int64))
    now = np.full(len(last), at_s)
    return _with(said, time_s=now, sent_s=now.copy())


def _sent_later(track: Track, by_s: float, rng: np.random.Generator) -> Track:
    return _with(track, sent_s=track.sent_s + rng.uniform(0.1, by_s, len(track)))


def _with(
    track: Track,
    *,
    time_s: npt.NDArray[np.float64] | None = None,
    sent_s: npt.NDArray[np.float64] | None = None,
    value: npt.NDArray[np.float64] | None = None,
) -> Track:
    return Track(
        track.time_s if time_s is None else time_s,
        track.sent_s if sent_s is None else sent_s,
        track.device,
        track.quantity,
        track.value if value is None else value,
    )
