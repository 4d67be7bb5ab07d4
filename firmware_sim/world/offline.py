"""A world straight into the detectors, without a network: thousands of times real pace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from edge.bed.detector import BedDetector
from edge.coverage.detector import CoverageDetector
from edge.engine import Engine, default_detectors
from edge.events import Event
from edge.inactivity.detector import InactivityDetector
from edge.room.detector import RoomDetector
from edge.signals import NS_PER_S, FloatArray, Reading, Signal
from edge.subject import SensorRole, SubjectDetector
from edge.vitals.bank import VitalsBank
from edge.vitals.spot import VitalsDetector
from firmware_sim.world.raw_bed import RawBed
from firmware_sim.world.track import QUANTITY_CODE, Track, joined
from firmware_sim.world.world import Resident, World

# Time is moved on this often where nothing arrives, as a gateway's timer does.
_STEP_S: Final = 300.0
# What arrives later than this is too late to be put in order by a gateway (its settle time).
_SETTLE_S: Final = 10.0
# Raw motion of so many blocks goes through the bank in one step: it gives the same in any.
_BLOCKS_AT_ONCE: Final = 60


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of one resident."""

    elder: str
    event: Event


def listen(world: World, progress: Callable[[int, int], None] | None = None) -> list[Heard]:
    """All events of a world, in the order they were decided. `progress`: residents done, of all."""
    heard: list[Heard] = []
    ids = world.device_ids
    owner = np.array(
        [number for number, r in enumerate(world.residents) for _ in r.dwelling.sensors]
    )
    of_resident = owner[world.track.device]
    order = np.argsort(of_resident, kind="stable")
    borders = np.searchsorted(of_resident[order], np.arange(len(world.residents) + 1))
    raw = {bed.device_id: bed for bed in world.raw_beds}
    for number, resident in enumerate(world.residents):
        own = world.track.keep(order[borders[number] : borders[number + 1]])
        told = [raw[s.device_id] for s in resident.dwelling.sensors if s.device_id in raw]
        if told:
            own = joined([own, *(derived(bed, ids.index(bed.device_id)) for bed in told)])
        heard += _listen_to(world, resident, own)
        if progress is not None:
            progress(number + 1, len(world.residents))
    heard += feel(world)
    return sorted(heard, key=lambda one: (one.event.decided_ns, one.event.event_id))


def derived(bed: RawBed, number: int) -> Track:
    """What the hub's bank makes of a bed's raw motion; `number`: the device's in the track."""
    bank = VitalsBank()
    bank.open(bed.device_id)
    readings: list[Reading] = []
    blocks = bed.blocks()
    while together := list(islice(blocks, _BLOCKS_AT_ONCE)):
        readings += bank.process(together)
    times_s = np.array([(one.time_ns - bed.start_ns) / NS_PER_S for one in readings])
    return Track(
        times_s, times_s.copy(), np.full(len(readings), number, dtype=np.int64),
        np.array([QUANTITY_CODE[one.quantity] for one in readings], dtype=np.int64),
        np.array([one.value for one in readings], dtype=np.float64),
    )  # fmt: skip


def subject_detectors() -> list[SubjectDetector]:
    """Those that watch an elder through many devices, fresh."""
    return [
        InactivityDetector(), BedDetector(), RoomDetector(), VitalsDetector(), CoverageDetector(),
    ]  # fmt: skip


def _listen_to(world: World, resident: Resident, track: Track) -> Iterator[Heard]:
    """One resident after the other: what they share is nothing."""
    detectors = subject_detectors()
    for detector in detectors:
        detector.open(resident.key, resident.settings())
        detector.advance(resident.key, world.start_ns)
    # A gateway puts readings in order within its settle time.
    arrived_s = np.floor(track.sent_s / _SETTLE_S)
    track = track.keep(np.lexsort((track.time_s, arrived_s)))
    readings = list(track.readings(world.device_ids, world.start_ns))
    ends = np.arange(_STEP_S, world.duration_s + _STEP_S, _STEP_S)
    until_ns = [world.start_ns + round((end - _SETTLE_S) * NS_PER_S) for end in ends.tolist()]
    for detector in detectors:
        wanted, borders = _wanted(track, readings, detector.quantities, ends)
        begun = 0
        for border, until in zip(borders, until_ns, strict=True):
            for event in _advance(detector, resident.key, wanted[begun:border], until):
                yield Heard(resident.key, event)
            begun = border
    calls, borders = _wanted(track, readings, frozenset({"sos"}), ends)
    for event in _Buttons(resident).press(calls[: borders[-1]]):
        yield Heard(resident.key, event)


def _wanted(
    track: Track, readings: Sequence[Reading], quantities: Collection[str], ends: FloatArray
) -> tuple[list[Reading], list[int]]:
    """The readings of some quantities, and how many of them have come by each of the ends."""
    codes = [QUANTITY_CODE[name] for name in quantities]
    rows = np.flatnonzero(np.isin(track.quantity, codes))
    borders = np.searchsorted(track.sent_s[rows], ends, side="left")
    return [readings[row] for row in rows.tolist()], borders.tolist()


def _advance(
    detector: SubjectDetector, key: str, wanted: Sequence[Signal], until_ns: int
) -> list[Event]:
    events = detector.process(key, wanted) if wanted else []
    return events + detector.advance(key, until_ns)


class _Buttons:
    """Calls go through the engine of devices, as in the gateway."""

    def __init__(self, resident: Resident) -> None:
        self._engine = Engine(default_detectors())
        self._ids = {
            sensor.device_id
            for sensor in resident.dwelling.sensors
            if sensor.role is SensorRole.BUTTON
        }
        for device_id in self._ids:
            self._engine.open(device_id, None)

    def press(self, readings: Sequence[Reading]) -> list[Event]:
        return self._engine.process(
            [one for one in readings if one.quantity == "sos" and one.device_id in self._ids]
        )


def feel(world: World) -> list[Heard]:
    """Falls that wearables feel: their blocks through the fall detector."""
    engine = Engine(default_detectors())
    heard: list[Heard] = []
    for _, make in world.falls():
        blocks = make()
        device_id = blocks[0].device_id
        resident = world.resident_of_device[device_id]
        engine.open(device_id, resident.position)
        for block in blocks:
            heard += [Heard(resident.key, event) for event in engine.process([block])]
    return heard
