"""A world: everything a scenario and a seed make, before anything is sent. Pure.

    world = make_world(scenario, seed)

The same scenario and seed give the same people, incidents and readings, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

import numpy as np

from edge.signals import NS_PER_S, Origin, Position, Waveform
from edge.subject import Capability, Sensor, SensorRole, SubjectSettings
from firmware_sim.buildings.plan import Dwelling, build, with_meters
from firmware_sim.devices import health as health_kit
from firmware_sim.devices.sensors import Seen, felt_falls, report
from firmware_sim.devices.wearable import quantise, scale_nano_of
from firmware_sim.people.day import living
from firmware_sim.people.falls import Aftermath, FallKind
from firmware_sim.people.health import Health, draw_health
from firmware_sim.people.incidents import Incident, plan, work_in
from firmware_sim.people.persona import (
    INCIDENTS,
    METERS,
    ROUTINE,
    SENSORS,
    WAVEFORM,
    Persona,
    draw_persona,
    stream,
)
from firmware_sim.people.routine import Stretch, live
from firmware_sim.people.vital_signs import Vitals, vitals_of
from firmware_sim.people.wearer import Wearer
from firmware_sim.scenarios.schema import FaultKind, IncidentKind, Scenario, WatchSpec
from firmware_sim.world.faults import Outage, afflict
from firmware_sim.world.raw_bed import RawBed, sends_raw_motion
from firmware_sim.world.track import Track, joined

# Random streams of the world itself lie behind those of the people.
_WORLD: Final = 1_000_000
_FAULTS: Final = 0
RATE_HZ: Final = 50.0
FULL_SCALE_G: Final = 8.0
# A wearable that streams on suspicion only: this much before the impact, and after it.
_BEFORE_S: Final = 12.0
_AFTER_S: Final = 100.0
# The way from the first block to the impact at the longest: ordinary life, steps, the fall.
_LEAD_S: Final = 40.0
_WATCH: Final = WatchSpec()
# Defaults of this simulator: any way down, off a chair seldom; who stays down mostly tries to rise.
_WAYS_DOWN: Final = tuple(FallKind)
_WAY_SHARES: Final = (0.3, 0.3, 0.3, 0.1)
_STILL_SHARE: Final = 0.4
_POSITIONS: Final = (Position.WAIST, Position.WRIST, Position.CHEST)
_POSITION_SHARES: Final = (0.3, 0.6, 0.1)


@dataclass(frozen=True, slots=True)
class Resident:
    """One person with their place, days and troubles."""

    persona: Persona
    dwelling: Dwelling
    days: tuple[Stretch, ...]
    incidents: tuple[Incident, ...]
    position: Position
    watch: WatchSpec = _WATCH
    health: Health | None = None  # of whoever has meters at home

    @property
    def key(self) -> str:
        """Who they are in ground truth and reports; there is no such person."""
        return f"sim-elder-{self.persona.number:05d}"

    def settings(self) -> SubjectSettings:
        """What the hub would be told of them."""
        sensors = self.dwelling.sensors
        serves = {capability for sensor in sensors for capability in sensor.serves}
        return SubjectSettings(
            sensors=sensors,
            ability_level=self.persona.level,
            lives_alone=self.dwelling.lives_alone,
            requires=frozenset(serves & set(Capability)),
            timezone=self.watch.timezone,
            overrides=dict(self.watch.overrides),
        )


@dataclass(frozen=True)
class World:
    """What really happens, and what the devices say of it."""

    scenario: Scenario
    seed: int
    residents: tuple[Resident, ...]
    track: Track
    outages: tuple[Outage, ...]
    raw_beds: tuple[RawBed, ...] = ()

    @property
    def start_ns(self) -> int:
        """The first moment, UTC."""
        return round(self.scenario.starts_at.timestamp()) * NS_PER_S

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.scenario.duration_h * 3600.0

    @cached_property
    def sensors(self) -> tuple[Sensor, ...]:
        """All devices, in the order of their numbers in the track."""
        return tuple(s for resident in self.residents for s in resident.dwelling.sensors)

    @cached_property
    def device_ids(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(sensor.device_id for sensor in self.sensors)

    @cached_property
    def resident_of_device(self) -> dict[str, Resident]:
        """Whose device it is."""
        return {
            sensor.device_id: resident
            for resident in self.residents
            for sensor in resident.dwelling.sensors
        }

    def truth(self) -> list[dict[str, object]]:
        """What happened, one object per incident and outage, in order of time."""
        rows: list[dict[str, object]] = [
            {
                "kind": incident.kind.value, "incident": incident.key, "elder": resident.key,
                "place": resident.dwelling.label, "room": incident.room,
                "level": resident.persona.level,
                "from_ns": self._at(incident.from_s), "until_ns": self._at(incident.until_s),
                "gets_up": incident.gets_up,
                "pressed_ns": None if incident.presses_button_s is None
                else self._at(incident.presses_button_s),
            }
            | self._how(resident, incident)
            for resident in self.residents
            for incident in resident.incidents
        ]  # fmt: skip
        rows += [
            {
                "kind": f"device_{outage.kind.value}", "device": self.device_ids[outage.device],
                "elder": self.resident_of_device[self.device_ids[outage.device]].key,
                "from_ns": self._at(outage.from_s), "until_ns": self._at(outage.until_s),
            }
            for outage in self.outages
        ]  # fmt: skip
        rows += [
            {
                "kind": "breathing_pause", "effort": pause.effort.value, "device": bed.device_id,
                "elder": self.resident_of_device[bed.device_id].key,
                "from_ns": self._at(pause.from_s), "until_ns": self._at(pause.until_s),
            }
            for bed in self.raw_beds
            for pause in bed.pauses
        ]  # fmt: skip
        return sorted(rows, key=lambda row: (str(row["from_ns"]), json.dumps(row, sort_keys=True)))

    def truth_bytes(self) -> bytes:
        """The ground truth as JSON lines; equal for equal scenario and seed."""
        lines = (json.dumps(row, ensure_ascii=False, sort_keys=True) for row in self.truth())
        return "".join(line + "\n" for line in lines).encode()

    def falls(self) -> Iterator[tuple[float, Callable[[], list[Waveform]]]]:
        """Falls that a wearable feels: when its first block begins, and how to make the blocks."""
        silent = {
            (self.device_ids[outage.device], outage.from_s, outage.until_s)
            for outage in self.outages
            if outage.kind is not FaultKind.STUCK
        }
        for resident in self.residents:
            band = next(
                (s for s in resident.dwelling.sensors if s.role is SensorRole.WEARABLE), None
            )
            if band is None:
                continue
            for number, incident in enumerate(felt_falls(resident.incidents)):
                if any(
                    device == band.device_id and start <= incident.from_s < end
                    for device, start, end in silent
                ):
                    continue
                make = partial(self._blocks, resident, band.device_id, incident, number)
                yield incident.from_s - _LEAD_S, make

    def _how(self, resident: Resident, incident: Incident) -> dict[str, object]:
        """Of a fall: which way down, and what then. Of an apnoea: what the chest does."""
        if incident.kind is IncidentKind.APNOEA:
            return {"central_share": incident.central_share}
        falls = felt_falls(resident.incidents)
        if incident not in falls:
            return {}
        kind, aftermath = self._fall(resident, incident, falls.index(incident))
        return {"fall": kind.value, "then": aftermath.value}

    def _fall(
        self, resident: Resident, incident: Incident, number: int
    ) -> tuple[FallKind, Aftermath]:
        rng = stream(self.seed, resident.persona.number, WAVEFORM + 10 * (number + 1) + 1)
        kind = _WAYS_DOWN[int(rng.choice(len(_WAYS_DOWN), p=_WAY_SHARES))]
        lies = Aftermath.STILL if rng.random() < _STILL_SHARE else Aftermath.STRUGGLING
        return kind, Aftermath.GETTING_UP if incident.gets_up else lies

    def _at(self, seconds: float) -> int:
        return self.start_ns + round(seconds * NS_PER_S)

    def _blocks(
        self, resident: Resident, device_id: str, incident: Incident, number: int
    ) -> list[Waveform]:
        """One-second blocks around a fall, as docs/devices.md describes them."""
        rng = stream(self.seed, resident.persona.number, WAVEFORM + 10 * (number + 1))
        kind, aftermath = self._fall(resident, incident, number)
        wearer = Wearer(
            int(rng.integers(2**31)), resident.position, RATE_HZ,
            living(self.scenario.starts_at.hour + incident.from_s / 3600.0),
        )  # fmt: skip
        before = wearer.read(round(_BEFORE_S * RATE_HZ))
        impact_n = wearer.fall(kind, aftermath, _AFTER_S)
        samples = np.concatenate([before, wearer.read(round(_AFTER_S * RATE_HZ))])
        counts = quantise(samples, FULL_SCALE_G)
        block_n = round(RATE_HZ)
        first_s = incident.from_s - impact_n / RATE_HZ  # it hits the ground when the truth says
        return [
            Waveform(
                device_id, "acceleration", self._at(first_s + position), RATE_HZ,
                scale_nano_of(FULL_SCALE_G) * 1e-9, FULL_SCALE_G,
                counts[position * block_n : (position + 1) * block_n],
                position, number + 1, Origin.SIMULATED,
            )
            for position in range(len(counts) // block_n)
        ]  # fmt: skip


def make_world(
    scenario: Scenario, seed: int, progress: Callable[[int, int], None] | None = None
) -> World:
    """All of it. `progress` is told (residents done, of how many)."""
    count = scenario.building.people
    personas = [draw_persona(scenario.people, seed, number) for number in range(count)]
    kits = [draw_health(persona, scenario.people.spot_vitals_share, seed) for persona in personas]
    built = build(scenario.building, [persona.wears for persona in personas])
    dwellings = [
        _fitted(with_meters(dwelling, kit.meters) if kit is not None else dwelling, scenario)
        for dwelling, kit in zip(built, kits, strict=True)
    ]
    start = scenario.starts_at
    start_hour = start.hour + start.minute / 60.0
    duration_s = scenario.duration_h * 3600.0
    residents: list[Resident] = []
    parts: list[Track] = []
    lives: list[Vitals] = []
    first_device = 0
    for persona, dwelling, kit in zip(personas, dwellings, kits, strict=True):
        resident = replace(_resident(scenario, seed, persona, dwelling, start_hour), health=kit)
        numbers = {s.device_id: first_device + k for k, s in enumerate(dwelling.sensors)}
        first_device += len(numbers)
        vitals = vitals_of(persona, resident.incidents, start_hour)
        seen = Seen(
            persona, dwelling, resident.days, resident.incidents, vitals, start_hour, duration_s,
            scenario.climate,
        )  # fmt: skip
        parts.append(report(seen, numbers, stream(seed, persona.number, SENSORS)))
        if kit is not None:
            rng = stream(seed, persona.number, METERS)
            parts.append(health_kit.report(seen, kit, numbers, rng))
        residents.append(resident)
        lives.append(vitals)
        if progress is not None:
            progress(len(residents), count)
    sensors = [sensor for dwelling in dwellings for sensor in dwelling.sensors]
    track, outages = afflict(
        joined(parts), scenario.faults, sensors, duration_s, stream(seed, _WORLD, _FAULTS)
    )
    world = World(scenario, seed, tuple(residents), track.in_order(), outages)
    return _with_raw_beds(world, lives)


def _with_raw_beds(world: World, lives: Sequence[Vitals]) -> World:
    """Beds that send their motion say nothing else; all other devices say what they said."""
    bed_spec = world.scenario.devices.get(SensorRole.BED)
    spec = bed_spec.raw_motion if bed_spec is not None else None
    if spec is None:
        return world
    beds: dict[int, RawBed] = {}
    number_of = {device_id: number for number, device_id in enumerate(world.device_ids)}
    for resident, vitals in zip(world.residents, lives, strict=True):
        bed = next((s for s in resident.dwelling.sensors if s.role is SensorRole.BED), None)
        if bed is None or not sends_raw_motion(spec, world.seed, resident.persona.number):
            continue
        number = number_of[bed.device_id]
        outages = [outage for outage in world.outages if outage.device == number]
        stuck, silent = (
            tuple((o.from_s, o.until_s) for o in outages if (o.kind is FaultKind.STUCK) is is_stuck)
            for is_stuck in (True, False)
        )
        beds[number] = RawBed(
            bed.device_id, resident.days, vitals, world.seed, spec.rate_hz, world.start_ns,
            world.duration_s, silent, stuck,
        )  # fmt: skip
    others = ~np.isin(world.track.device, list(beds))
    return replace(world, track=world.track.keep(others), raw_beds=tuple(beds.values()))


def _resident(
    scenario: Scenario, seed: int, persona: Persona, dwelling: Dwelling, start_hour: float
) -> Resident:
    duration_s = scenario.duration_h * 3600.0
    rng = stream(seed, persona.number, INCIDENTS)
    position = _POSITIONS[int(rng.choice(len(_POSITIONS), p=_POSITION_SHARES))]
    days = live(persona, dwelling, start_hour, duration_s, stream(seed, persona.number, ROUTINE))
    wanted = plan(scenario.incidents, persona.number, scenario.building.people, duration_s, rng)
    lived, happened = work_in(days, wanted, persona, rng)
    return Resident(persona, dwelling, lived, happened, position, scenario.watch)


def _fitted(dwelling: Dwelling, scenario: Scenario) -> Dwelling:
    """With devices that repeat themselves as often as the scenario says."""
    specs = scenario.devices
    sensors = tuple(
        replace(sensor, report_interval_s=specs[sensor.role].report_s)
        if sensor.role in specs and specs[sensor.role].report_s is not None
        else sensor
        for sensor in dwelling.sensors
    )
    return replace(dwelling, sensors=sensors)
