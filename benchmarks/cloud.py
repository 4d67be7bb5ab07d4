"""The figures of the record side, each beside the plain way, in one run on one machine.

    python -m benchmarks.cloud --days 30        # some minutes; --only write | read | page

Ratios within the run tell more than the numbers. `write` needs and `read` uses Debian's
victoria-metrics for what stands for InfluxDB; without it those rows are left out.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import uvloop
from rich.table import Table

from benchmarks.cloud_page import pages
from benchmarks.cloud_work import BEDS, Bench, console, make
from tests.support.postgres import Postgres
from tests.support.victoria import PROGRAM, victoria_metrics

PARTS = ("write", "read", "page")


async def write(bench: Bench, victoria: str | None) -> None:
    table = Table(title="points/s, committed and queryable, summaries current")
    for column in ("", "batches of 500", "of 5,000"):
        table.add_column(column, justify="right" if column else "left")
    rows: dict[str, list[float]] = {}
    for index, size in enumerate((500, 5_000)):
        work = {
            "raw COPY into a bare table": bench.raw_copy(size),
            "FastAPI + pydantic + executemany": bench.plain_service(size),
            "our store: decode, segments, hours": bench.our_store(size, 25 + index),
            "our store, four connections": bench.our_store_parallel(size, 25 + index, 4),
            "our whole ingest by HTTP": bench.our_ingest(size, 27 + index),
        }
        if victoria is not None:
            work |= {
                "InfluxDB store, into VictoriaMetrics": bench.influx_store(victoria, size, 31),
                "the same, four at a time": bench.influx_store(victoria, size, 31, 4),
                "the same, days that are over": bench.influx_store(victoria, size, 25),
                "influxdb-client with Points, the same": bench.influx_client_alone(
                    victoria, size, 25
                ),
            }
        for name, timed in work.items():
            rows.setdefault(name, []).append(await timed)
        rows.setdefault("our lines alone, not sent", []).append(bench.lines_alone(size))
    for name, values in rows.items():
        table.add_row(name, *(f"{value:,.0f}" for value in values))
    console.print(table)
    copy, plain, ours, four, whole = list(rows.values())[:5]
    for index, size in enumerate((500, 5_000)):
        console.print(
            f"batches of {size}: store / COPY {ours[index] / copy[index]:.2f}, store / plain "
            f"{ours[index] / plain[index]:.2f}, four connections / plain "
            f"{four[index] / plain[index]:.2f}, whole ingest / COPY "
            f"{whole[index] / copy[index]:.2f}, / plain {whole[index] / plain[index]:.2f}"
        )


async def read(bench: Bench, victoria: str, days: int) -> None:
    took = await bench.load(days, victoria)
    points = days * 1440 * BEDS
    console.print(
        f"loaded {points:,} points: "
        + ", ".join(f"{name} {points / s:,.0f}/s" for name, s in took.items())
    )
    table = Table(title=f"one bed, {days} days of minutes to 500 points, ms")
    for column in ("", "median", "p95"):
        table.add_column(column, justify="right" if column else "left")
    p95 = {}
    for name, times in (await bench.reads(days, victoria)).items():
        low, p95[name] = np.percentile(times, [50, 95])
        table.add_row(name, f"{low:.1f}", f"{p95[name]:.1f}")
    console.print(table)
    for name in ("bare SQL", "VictoriaMetrics"):
        console.print(f"p95: ours / {name} {p95['ours'] / p95[name]:.2f}")
    sizes = await bench.storage()
    ours = sum(size for name, size in sizes.items() if name != "bare_read")
    for name, size in sizes.items():
        console.print(f"{name}: {size / points:.1f} bytes a point = {size / points:.1f} MB/million")
    console.print(f"ours together: {ours / points:.1f} bytes a point")


async def page(postgres: Postgres) -> None:
    with tempfile.TemporaryDirectory() as name:
        for workers in (1, 2):
            found = await pages(
                postgres, Path(name), workers=workers, per_s=50, seconds=20, points_per_s=6_000
            )
            middle, high, highest = np.percentile(found.times_ms, [50, 95, 99])
            console.print(
                "an elder's page (record, newest values, alerts, coverage), 50 a second while "
                f"{found.points_per_s:,.0f} points/s come, {workers} worker(s): median "
                f"{middle:.1f}, p95 {high:.1f}, p99 {highest:.1f} ms"
            )


async def main(days: int, only: str | None) -> None:
    with (
        Postgres(durable=True) as server,
        victoria_metrics() if PROGRAM else nullcontext(None) as victoria,
    ):
        bench = await make(server)
        show_machine()
        if only in (None, "write"):
            await write(bench, victoria)
        if only in (None, "read"):
            if victoria is None:
                raise SystemExit("read: needs victoria-metrics")
            await read(bench, victoria, days)
        if only in (None, "page"):
            await page(server)
        await bench.database.close()


def show_machine() -> None:
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.processor(),
    )  # fmt: skip
    load = Path("/proc/loadavg").read_text().split()[0]
    console.print(f"{model}, {platform.system()}, Python {platform.python_version()}, load {load}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--only", choices=PARTS)
    arguments = parser.parse_args()
    uvloop.run(main(arguments.days, arguments.only))  # as the hub itself runs
