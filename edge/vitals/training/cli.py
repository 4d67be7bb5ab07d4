"""`yuyue backtest vitals`: the bank on recorded belts, and on simulated bed motion."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from edge.signals import NS_PER_S, FloatArray, Int16Array, Reading
from edge.vitals.bank import VitalsBank
from edge.vitals.training.ballistocardiogram import mean_rate, simulate
from edge.vitals.training.recordings import (
    BELT_RATE_HZ,
    BeltNight,
    belt_nights,
    blocks,
    rr_nights,
)
from edge.vitals.training.report import Night, write_report

WINDOW_S: Final = 60
SNR_DB: Final = (10.0, 5.0, 0.0, -5.0)
SIMULATED_RATE_HZ: Final = 100.0
# An hour of each night, from its middle: asleep, and long enough for every sleep stage's variation.
_SIMULATED_BEATS: Final = 3600
_SEED: Final = 20260301

backtest_vitals_app = typer.Typer(help="Vital signs from bed motion, on recordings.")


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Answers against a reference, both (n,), NaN where there is none."""

    answers: FloatArray
    reference: FloatArray
    moving: FloatArray

    @property
    def coverage(self) -> float:
        """Share of the reference windows that were answered."""
        known = np.isfinite(self.reference)
        return float(np.isfinite(self.answers)[known].mean())

    @property
    def mean_error(self) -> float:
        """Mean absolute difference, 1/min."""
        return float(np.nanmean(np.abs(self.answers - self.reference)))

    def within(self, limit: float) -> float:
        """Share of the answers at most this far off."""
        apart = np.abs(self.answers - self.reference)
        return float((apart[np.isfinite(apart)] <= limit).mean())

    @property
    def answered_while_moving(self) -> float:
        """Share of the moving windows that were answered: each is an answer too many."""
        moving = self.moving == 1
        return float(np.isfinite(self.answers)[moving].mean()) if moving.any() else 0.0


def run_bank(record: str, counts: Int16Array, rate_hz: float) -> list[Reading]:
    """All readings of one recording."""
    bank = VitalsBank()
    bank.open(record)
    readings: list[Reading] = []
    for block in blocks(record, counts, rate_hz):
        readings += bank.process([block])
    return readings


def at_window_ends(readings: list[Reading], quantity: str, ends_s: FloatArray) -> FloatArray:
    """The value given at the end of each 60 s window (n,), NaN for none."""
    given = {r.time_ns: r.value for r in readings if r.quantity == quantity}
    return np.array([given.get(round(end * NS_PER_S), np.nan) for end in ends_s])


def mean_over_windows(readings: list[Reading], quantity: str, ends_s: FloatArray) -> FloatArray:
    """Mean of the two values that cover a 60 s window (n,), each over its last 30 s."""
    half = at_window_ends(readings, quantity, ends_s - WINDOW_S / 2)
    return (half + at_window_ends(readings, quantity, ends_s)) / 2


def belt_agreement(nights: list[BeltNight]) -> tuple[Agreement, list[Night], list[list[str]]]:
    """Respiration on the belt, what the report plots, and rows `record,t_end,hr,rr`."""
    answers, plots, rows = [], [], []
    for night in track(nights, description="belt nights", console=Console(stderr=True)):
        readings = run_bank(night.record, night.counts, BELT_RATE_HZ)
        rate = at_window_ends(readings, "respiration_rate", night.t_end_s)
        answers.append(rate)
        plots.append(Night(night.record, night.t_end_s, rate, night.rate, night.moving))
        rows += [
            [night.record, f"{end:.1f}", "", "" if np.isnan(value) else f"{value:.2f}"]
            for end, value in zip(night.t_end_s, rate, strict=True)
        ]
    agreement = Agreement(
        np.concatenate(answers),
        np.concatenate([night.rate for night in nights]),
        np.concatenate([night.moving for night in nights]),
    )
    return agreement, plots, rows


def heart_agreement(nights: dict[str, FloatArray], snr_db: float) -> Agreement:
    """Heart rate on simulated bed motion with the nights' own beats, at one noise level."""
    answers, reference = [], []
    for number, rr_s in enumerate(nights.values()):
        start = max(0, (len(rr_s) - _SIMULATED_BEATS) // 2)
        simulated = simulate(
            rr_s[start : start + _SIMULATED_BEATS], SIMULATED_RATE_HZ, snr_db, _SEED + number
        )
        readings = run_bank("bed", simulated.counts, SIMULATED_RATE_HZ)
        # The first minute only fills the window.
        ends_s = np.arange(2 * WINDOW_S, len(simulated.counts) / SIMULATED_RATE_HZ, WINDOW_S)
        answers.append(mean_over_windows(readings, "heart_rate", ends_s))
        reference.append(
            np.array([mean_rate(simulated.beats_s, end - WINDOW_S, end) for end in ends_s])
        )
    known = np.concatenate(reference)
    return Agreement(np.concatenate(answers), known, np.zeros(len(known)))


@backtest_vitals_app.command()
def backtest_vitals(
    data: Annotated[Path, typer.Option(help="Folder with the vitals recordings.", exists=True)],
    out: Annotated[Path | None, typer.Option(help="CSV: record,t_end,hr,rr.")] = None,
    plot: Annotated[Path | None, typer.Option(help="HTML report with a plot a night.")] = None,
    *,
    heart: Annotated[bool, typer.Option(help="Also the simulated bed motion.")] = True,
) -> None:
    """Agreement of respiration with the belt's consensus; heart rate on simulated bed motion.

    Example: yuyue backtest vitals --data ../shared/data/vitals --plot report.html
    """
    try:
        nights = belt_nights(data)
        beats = rr_nights(data) if heart else {}
    except (OSError, KeyError, ValueError) as error:
        raise typer.BadParameter(f"{data}: {error}", param_hint="--data") from error
    agreement, plots, rows = belt_agreement(nights)
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["record", "t_end", "hr", "rr"])
            writer.writerows(rows)
    typer.echo(
        f"respiration, belt, agreement with a two-method consensus on the same signal "
        f"(development data, not accuracy): answered {agreement.coverage:.3f}, "
        f"mean difference {agreement.mean_error:.3f} /min, within 1 {agreement.within(1):.3f}, "
        f"moving windows answered {agreement.answered_while_moving:.4f}"
    )
    for snr_db in SNR_DB if beats else ():
        result = heart_agreement(beats, snr_db)
        typer.echo(
            f"heart rate, SIMULATED bed motion with real R-R intervals, {snr_db:+.0f} dB "
            f"(unproven on people): answered {result.coverage:.3f}, "
            f"mean error {result.mean_error:.2f} /min, within 2 {result.within(2):.3f}, "
            f"within 5 {result.within(5):.3f}"
        )
    if plot is not None:
        write_report(plot, plots)
        typer.echo(f"report: {plot}")
