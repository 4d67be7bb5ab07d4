"""A week of sixty beds without a network into the engine: how many times real pace, at what cost.

One process. Example: python -m benchmarks.sim_week --beds 60 --days 7
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.cloud import show_machine
from firmware_sim.scenarios.load import find_scenario
from firmware_sim.scenarios.schema import BuildingSpec, Scenario
from firmware_sim.world.offline import listen
from firmware_sim.world.scorecard import score
from firmware_sim.world.world import make_world

AIM_TIMES: Final = 2000.0
_BEDS_PER_UNIT: Final = 20
console = Console()


def week(beds: int, days: float) -> Scenario:
    """The people and troubles of the busy night, for days: single rooms with all their devices."""
    scenario = find_scenario("busy-night")
    units, rest = divmod(beds, _BEDS_PER_UNIT)
    if rest:
        units, per_unit = 1, beds
    else:
        per_unit = _BEDS_PER_UNIT
    building = BuildingSpec(units=units, rooms_per_unit=per_unit)
    return scenario.model_copy(update={"building": building, "duration_h": days * 24.0})


def main() -> None:
    """Make it, listen to it, say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beds", type=int, default=60)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    scenario = week(given.beds, given.days)
    begun_s, begun_cpu_s, load = time.perf_counter(), time.process_time(), os.getloadavg()[0]
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(), console=console, transient=True,
    ) as progress:  # fmt: skip
        bar = progress.add_task("people made", total=given.beds)
        world = make_world(
            scenario, given.seed, lambda done, _: progress.update(bar, completed=done)
        )
        made_cpu_s = time.process_time() - begun_cpu_s
        bar = progress.add_task("listened to", total=given.beds)
        heard = listen(world, lambda done, _: progress.update(bar, completed=done))
    took_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - begun_cpu_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    card = score(world, heard)
    digest = hashlib.sha256(world.truth_bytes() + world.track.to_bytes())
    for one in heard:
        digest.update(f"{one.elder} {one.event.kind} {one.event.decided_ns}".encode())
    show_machine()
    found, happened = (
        sum(getattr(row, name) for row in card.rows) for name in ("found", "happened")
    )
    console.print(
        f"{given.beds} beds, {given.days:g} days: {len(world.track):,} readings, "
        f"{len(heard):,} events, {found} of {happened} incidents found\n"
        f"sha256 {digest.hexdigest()[:16]}\n"
        f"{world.duration_s / took_s:,.0f} times real time (aim {AIM_TIMES:,.0f}): {took_s:.1f} s\n"
        f"{world.duration_s / cpu_s:,.0f} times by processor time: {cpu_s:.1f} s, of which "
        f"{made_cpu_s:.1f} to make the world; {1e6 * cpu_s / len(world.track):.0f} us a reading\n"
        f"peak {peak_mb:,.0f} MB; load {load:.1f} before, {os.getloadavg()[0]:.1f} after"
    )


if __name__ == "__main__":
    main()
