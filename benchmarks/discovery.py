"""How early active discovery finds a decline, and how often it lists somebody without one.

    python -m benchmarks.discovery [--elders 40] [--seeds 3] [--per-week 0.15] [--kinds frailty ...]

Simulated people in homes of their own live four months: with colds, days with their children,
feast days on which the family comes, visitors, sensors that fail. From day 70 on, those of a kind
of decline lose a share of it every week. Their devices' readings go, as hours, through the same
core as in the cloud (`cloud.care.discovery`), night by night.

- **found**: listed, at any night after the decline began, with points from what was measured.
- **days**: from the beginning of the decline to the first such night.
- **earlier**: days before the monthly visit would see it. Visits come every 30 days, at a phase
  drawn by the seed; a visit sees a loss once it is `--noticeable` or more (a quarter; 0: a visitor
  who sees the first day of it). One who was not found counts as found at the visit: 0 earlier.
- **false**: listings of elders without decline, one month apart at least (a person who dismissed
  one is not asked again before), per elder and month; without those for lost coverage alone,
  which say what is true and are counted apart.

Intervals: 95 % by bootstrap over elders, drawn within seeds.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from cloud.care.discovery.features import (
    QUANTITIES,
    Feature,
    FeatureDay,
    Placed,
    Slot,
    day_features,
    first_hour,
)
from cloud.care.discovery.need import Need, Person, need_of
from edge.subject import SensorRole
from firmware_sim.scenarios.schema import (
    BuildingKind,
    BuildingSpec,
    DeclineKind,
    FaultKind,
    FaultSpec,
    PeopleSpec,
    Scenario,
)
from firmware_sim.world.track import QUANTITY_CODE
from firmware_sim.world.world import Resident, World, make_world

START = datetime(2026, 1, 1, 6, tzinfo=timezone(timedelta(hours=8)))
DAYS = 126
ONSET = 70  # eight weeks of baseline and two of recent days before it
VISIT_EVERY = 30
ASK_AGAIN = 30
CHUNK = 4  # homes in memory at once
HOLIDAYS = (20, 47, 48, 49, 50, 80, 105)
NONE = "none"
_DAY_H = 24


@dataclass(frozen=True)
class Course:
    """What the core said of one elder: nights listed, and why the first time."""

    kind: str
    seed: int
    found_after: int | None  # days after the onset
    openings: int  # without decline: listings by what was measured or alerted
    blind_openings: int
    months: float
    by: tuple[str, ...]


def scenario(kind: str, homes: int, per_week: float, rng: np.random.Generator) -> Scenario:
    """Four months of homes; outages of bed sensors, motion sensors and whole homes."""
    faults = []
    for roles in ((SensorRole.BED,), (SensorRole.MOTION,), (SensorRole.WEARABLE,), ()):
        for _ in range(3):
            begin = float(rng.uniform(0, DAYS * _DAY_H - 80))
            faults.append(
                FaultSpec(
                    kind=FaultKind.BROKEN, from_h=begin,
                    until_h=begin + float(rng.choice([3.0, 10.0, 30.0, 72.0])),
                    devices_share=0.15 if roles else 0.1, roles=tuple(r.value for r in roles),
                )
            )  # fmt: skip
    declines = kind != NONE
    return Scenario(
        schema_version=1, key="discovery", title_zh="主动发现", title_en="Discovery", story_zh="",
        story_en="", starts_at=START, duration_h=DAYS * _DAY_H,
        building=BuildingSpec(kind=BuildingKind.HOMES, homes=homes),
        people=PeopleSpec(
            level_shares=(0.3, 0.35, 0.25, 0.1, 0.0), wearable_share=0.5,
            decline_per_week=per_week if declines else 0.0,
            declining_share=1.0 if declines else 0.0,
            decline_kinds=(DeclineKind(kind),) if declines else (DeclineKind.FRAILTY,),
            decline_from_day=ONSET, sick_spells_per_month=0.35, away_spells_per_month=0.15,
            holidays=HOLIDAYS,
        ),
        faults=tuple(faults),
    )  # fmt: skip


def days_of(world: World) -> dict[str, dict[date, FeatureDay]]:
    """Every resident's days, by the core's own features."""
    slots = _slots(world)
    found: dict[str, dict[date, FeatureDay]] = {}
    first = START.date()
    for resident in world.residents:
        devices = {
            sensor.device_id: Placed(sensor.role.value, sensor.room_kind.value)
            for sensor in resident.dwelling.sensors
        }
        blind = _blind(world, set(devices))
        by_day: dict[int, list[Slot]] = defaultdict(list)
        for device in devices:
            for slot in slots.get(device, ()):
                by_day[(slot.hour - first_hour(first)) // _DAY_H].append(slot)
        told: dict[date, FeatureDay] = {}
        for number in range(DAYS):
            day = first + timedelta(days=number)
            if not _is_away(resident, number):
                told[day] = day_features(devices, by_day[number], day, blind)
        found[resident.key] = told
    return found


def _is_away(resident: Resident, number: int) -> bool:
    """Out for most of a day: half of the families say so in the leave register, half do not."""
    if resident.persona.number % 2:
        return False
    begin, end = number * 86_400.0, (number + 1) * 86_400.0
    out = sum(
        min(end, stretch.until_s) - max(begin, stretch.from_s)
        for stretch in resident.days
        if stretch.outside and stretch.from_s < end and stretch.until_s > begin
    )
    return out > 12 * 3600


def _blind(world: World, devices: set[str]) -> dict[str, set[int]]:
    """Outages of three hours and more, as the gateway's watch over its devices tells them."""
    hours: dict[str, set[int]] = defaultdict(set)
    first = world.start_ns // 3_600_000_000_000
    for outage in world.outages:
        device = world.device_ids[outage.device]
        if device in devices:
            begin, end = int(outage.from_s // 3600), int(-(-outage.until_s // 3600))
            hours[device].update(range(first + begin, first + end))
    return hours


def _slots(world: World) -> dict[str, list[Slot]]:
    """The readings in hours, as the series store keeps them."""
    track = world.track
    codes = [QUANTITY_CODE[name] for name in QUANTITIES]
    names = dict(zip(codes, QUANTITIES, strict=True))
    track = track.keep(np.isin(track.quantity, codes))
    hour = (world.start_ns // 3_600_000_000_000) + (track.time_s // 3600).astype(np.int64)
    order = np.lexsort((track.time_s, hour, track.quantity, track.device))
    track, hour = track.keep(order), hour[order]
    time_ns = world.start_ns + (track.time_s * 1e9).astype(np.int64)
    new = np.r_[
        True,
        (np.diff(track.device) != 0) | (np.diff(track.quantity) != 0) | (np.diff(hour) != 0),
    ]
    begins = np.flatnonzero(new)
    ends = np.r_[begins[1:], len(hour)] - 1
    columns = zip(
        track.device[begins].tolist(), track.quantity[begins].tolist(), hour[begins].tolist(),
        (ends - begins + 1).tolist(), time_ns[begins].tolist(), time_ns[ends].tolist(),
        track.value[begins].tolist(), track.value[ends].tolist(),
        np.minimum.reduceat(track.value, begins).tolist(),
        np.maximum.reduceat(track.value, begins).tolist(),
        np.add.reduceat(track.value, begins).tolist(), strict=True,
    )  # fmt: skip
    found: dict[str, list[Slot]] = defaultdict(list)
    for device, quantity, *rest in columns:
        device_id = world.device_ids[device]
        found[device_id].append(Slot(device_id, names[quantity], *rest))
    return found


def run(kind: str, seed: int, chunk: int, homes: int, per_week: float) -> list[Course]:
    """One chunk of homes."""
    key = [seed, chunk, *(ord(letter) for letter in kind)]
    rng = np.random.default_rng(key)
    world = make_world(
        scenario(kind, homes, per_week, rng), int(np.random.SeedSequence(key).generate_state(1)[0])
    )
    days = days_of(world)
    return [course(kind, seed, resident, days[resident.key]) for resident in world.residents]


def course(kind: str, seed: int, resident: Resident, days: dict[date, FeatureDay]) -> Course:
    """Night after night, from the day on which eight weeks are known."""
    person = Person(
        age=resident.persona.age, level=resident.persona.level,
        living=frozenset({"lives_alone"}), economic="ordinary", watched_days=70,
    )  # fmt: skip
    first, found, by = START.date(), None, ()
    last_false = last_blind = -ASK_AGAIN
    false = blind = 0
    for number in range(ONSET, DAYS):
        today = first + timedelta(days=number)
        away = today not in days
        past = {day: row for day, row in days.items() if day <= today}
        need = need_of(past, Person(**{**_fields(person), "away": away}), (), today)
        measured = _by_measurement(need)
        if need.listed and measured and not any(reason.hard for reason in need.reasons):
            if kind != NONE and found is None:
                found, by = number - ONSET, measured
            if number - last_false >= ASK_AGAIN:
                false, last_false = false + 1, number
                if kind == NONE:
                    by = (*by, *measured)
        elif need.listed and number - last_blind >= ASK_AGAIN:
            blind, last_blind = blind + 1, number
    return Course(kind, seed, found, false, blind, (DAYS - ONSET) / 30.0, tuple(by))


def _fields(person: Person) -> dict[str, object]:
    return {name: getattr(person, name) for name in Person.__dataclass_fields__}


def _by_measurement(need: Need) -> tuple[str, ...]:
    return tuple(reason.kind for reason in need.reasons if reason.kind in set(Feature))


def visit_after(per_week: float, noticeable: float, rng: np.random.Generator) -> int:
    """Days after the onset at which a monthly visit sees the decline."""
    seen_from = 0.0 if noticeable == 0 else 7 * np.log(1 - noticeable) / np.log(1 - per_week)
    phase = int(rng.integers(VISIT_EVERY))
    while phase < seen_from:
        phase += VISIT_EVERY
    return phase


def interval(
    courses: Sequence[Course], figure: Callable[[Sequence[Course]], float]
) -> tuple[float, float, float]:
    """The figure and its 95 % interval."""
    rng = np.random.default_rng(1)
    by_seed: dict[int, list[Course]] = defaultdict(list)
    for one in courses:
        by_seed[one.seed].append(one)
    drawn = []
    for _ in range(400):
        sample = [
            group[index]
            for group in by_seed.values()
            for index in rng.integers(len(group), size=len(group))
        ]
        drawn.append(figure(sample))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return figure(courses), float(low), float(high)


def _said(figure: tuple[float, float, float], digits: int = 0) -> str:
    value, low, high = figure
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def report(courses: Sequence[Course], per_week: float, noticeable: float) -> None:
    """The tables, as benchmarks/README.md shows them."""
    by_kind: dict[str, list[Course]] = defaultdict(list)
    for one in courses:
        by_kind[one.kind].append(one)

    def days(sample: Sequence[Course], share: float) -> float:
        waits = [DAYS if c.found_after is None else c.found_after for c in sample]
        return float(np.quantile(waits, share))

    def earlier(sample: Sequence[Course], share: float, noticeable: float) -> float:
        rng = np.random.default_rng(7)
        ahead = []
        for one in sample:
            visit = visit_after(per_week, noticeable, rng)
            ahead.append(visit - min(visit, DAYS if one.found_after is None else one.found_after))
        return float(np.quantile(ahead, share))

    print(f"\n{per_week:.0%} lost a week; a visit sees a loss of {noticeable:.0%} or more\n")
    print(
        "| decline | elders | found in 8 weeks | days to found: median | p90"
        " | earlier than the visit: median | the tenth that gains least"
        " | median, perfect visitor | by |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for kind, sample in by_kind.items():
        if kind == NONE:
            continue
        share = interval(sample, lambda s: 100 * np.mean([c.found_after is not None for c in s]))
        median, p90 = (interval(sample, lambda s, q=q: days(s, q)) for q in (0.5, 0.9))
        ahead, least = (
            interval(sample, lambda s, q=q: earlier(s, q, noticeable)) for q in (0.5, 0.1)
        )
        perfect = interval(sample, lambda s: earlier(s, 0.5, 0.0))
        why: dict[str, int] = defaultdict(int)
        for one in sample:
            for reason in one.by:
                why[reason] += 1
        top = ", ".join(sorted(why, key=lambda name: -why[name])[:3])
        late = f"{median[0]:.0f}+" if median[0] >= DAYS else _said(median)
        print(
            f"| {kind} | {len(sample)} | {_said(share)} % | {late}"
            f" | {'not found' if p90[0] >= DAYS else _said(p90)} | {_said(ahead)}"
            f" | {_said(least)} | {_said(perfect)} | {top} |"
        )
    healthy = by_kind.get(NONE, [])
    if healthy:
        false = interval(healthy, lambda s: sum(c.openings for c in s) / sum(c.months for c in s))
        blind = interval(
            healthy, lambda s: sum(c.blind_openings for c in s) / sum(c.months for c in s)
        )
        months = sum(one.months for one in healthy)
        why = defaultdict(int)
        for one in healthy:
            for reason in one.by:
                why[reason] += 1
        print(
            f"\nwithout decline: {len(healthy)} elders, {months:.0f} elder-months: listed falsely"
            f" {_said(false, 3)} per elder-month; for lost coverage {_said(blind, 3)};"
            f" by {dict(sorted(why.items(), key=lambda item: -item[1]))}"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--elders", type=int, default=40, help="of each kind and seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--per-week", type=float, default=0.15)
    parser.add_argument("--noticeable", type=float, default=0.25)
    parser.add_argument("--kinds", nargs="*", default=[NONE, *DeclineKind])
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    jobs = [
        (str(kind), seed, chunk, min(CHUNK, given.elders - chunk * CHUNK), given.per_week)
        for kind in given.kinds
        for seed in range(given.first_seed, given.first_seed + given.seeds)
        for chunk in range(-(-given.elders // CHUNK))
    ]
    courses: list[Course] = []
    columns = ("elders", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar, ProcessPoolExecutor(given.workers) as pool:
        task = bar.add_task("elders", total=sum(job[3] for job in jobs))
        for done in as_completed([pool.submit(run, *job) for job in jobs]):
            courses += done.result()
            bar.advance(task, len(done.result()))
    print(datetime.now(UTC).date(), vars(given))
    report(sorted(courses, key=lambda c: (c.kind, c.seed)), given.per_week, given.noticeable)


if __name__ == "__main__":
    main()
