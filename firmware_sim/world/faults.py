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

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outage:
    """A device that could not be heard, `[from_s, until_s)`: part of the ground truth."""

    device: int
    kind: FaultKind
    from_s: float
    until_s: float


def afflict(
    track: Track, faults: Sequence[FaultSpec], sensors: Sequence[Sensor], duration_s: float,
    rng: np.random.Generator,
) -> tuple[Track, tuple[Outage, ...]]:  # fmt: skip
    """The readings as they arrive, and when which device could not be heard."""
    outages: list[Outage] = []
    for fault in faults:
        until_s = duration_s if fault.until_h is None else fault.until_h * _S_PER_H
        hit = _devices_hit(fault, sensors, rng)
        during = (
            (track.sent_s >= fault.from_h * _S_PER_H) & (track.sent_s < until_s) & hit[track.device]
        )
        track = _apply(track, fault, during, rng)
        if fault.kind in (FaultKind.BROKEN, FaultKind.LINK_CUT, FaultKind.POWER_CUT):
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
        case FaultKind.LINK_CUT:  # kept by the device and sent when the link is back
            end_s = float(track.sent_s[during].max(initial=0.0))
            sent_s = np.where(during, end_s + _COPY_LATE_S, track.sent_s)
            return _with(track, sent_s=sent_s)
        case FaultKind.CLOCK_SKEW:
            return _with(track, time_s=np.where(during, track.time_s + fault.amount, track.time_s))
        case FaultKind.LOW_BATTERY:
            low = during & (track.quantity == QUANTITY_CODE["battery_level"])
            return _with(track, value=np.where(low, _DEAD_BATTERY, track.value))


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
