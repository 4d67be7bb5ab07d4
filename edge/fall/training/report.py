"""A page that draws missed falls and false alarms, so that a person can see why."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Final

import numpy as np

from edge.fall.decision import falls
from edge.fall.model import FallModel
from edge.fall.training.fit import recording_peaks, recording_windows
from edge.fall.training.recordings import PACK_SCALE_G, Packs, Recording
from edge.fall.training.score import Row, judge, wilson
from edge.signals import FloatArray

MOST_PLOTS: Final = 200
_WIDTH: Final = 760
_HEIGHT: Final = 190
_TOP_G: Final = 6.0  # the plot's upper end: beyond it an impact is simply high
_AROUND_S: Final = 8.0
_COLOURS: Final = ("#2563eb", "#16a34a", "#d97706")
_STYLE: Final = (
    "body{font:15px system-ui,sans-serif;margin:2em auto;max-width:820px;color:#222}"
    "table{border-collapse:collapse;font-size:13px}td,th{padding:3px 9px;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f4f4f4}"
    "h3{margin:1.4em 0 .2em;font-size:14px}svg{background:#fafafa;border:1px solid #ddd}"
)

_NOTE: Final = (
    "Scripted activities, many chosen to look like falls: false alarms per hour here are no rate "
    "of ordinary life. Grey: magnitude; colours: axes; red line: labelled impact; dots: "
    "candidates with the probability given to each."
)


def report(
    title: str,
    rows: list[Row],
    recordings: list[Recording],
    alarms: Mapping[str, list[float]],
    models: Mapping[str, FallModel],
) -> str:
    """The page as HTML, in one file without links. `models` is by rec_id: who judged it."""
    packs = Packs()
    plots: dict[str, list[str]] = {"Missed falls": [], "False alarms": []}
    for recording in recordings:
        verdict = judge(recording, alarms[recording.rec_id])
        missed = verdict.eligible and not verdict.hit
        moments = [recording.impact_s] if missed else []
        for heading, times in (("Missed falls", moments), ("False alarms", verdict.false_s)):
            for moment_s in times:
                if len(plots[heading]) < MOST_PLOTS:
                    model = models[recording.rec_id]
                    plots[heading].append(_plot(recording, packs, model, moment_s))
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>",
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>",
        f"<p>{_NOTE}</p>",
        _table(rows),
    ]
    for heading, drawn in plots.items():
        parts += [f"<h2>{heading} ({len(drawn)})</h2>", *drawn]
    return "\n".join(parts)


def _table(rows: list[Row]) -> str:
    head = "group,falls,sensitivity,95 % CI,activities,specificity,F1,false/h,median s,p95 s"
    lines = ["<table><tr>" + "".join(f"<th>{h}</th>" for h in head.split(",")) + "</tr>"]
    for row in rows:
        low, high = wilson(row.hits, row.falls)
        cells = (
            html.escape(row.group), row.falls, f"{row.sensitivity:.3f}", f"{low:.3f}-{high:.3f}",
            row.activities, f"{row.specificity:.3f}", f"{row.f1:.3f}", f"{row.false_per_hour:.2f}",
            f"{row.latency_s(50):.2f}", f"{row.latency_s(95):.2f}",
        )  # fmt: skip
        line = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append("<tr>" + line.replace("nan-nan", "-").replace("nan", "-") + "</tr>")
    return "".join(lines) + "</table>"


def _plot(recording: Recording, packs: Packs, model: FallModel, moment_s: float) -> str:
    values_g = packs.values_g(recording)
    time_s = np.arange(len(values_g)) / recording.rate_hz
    start_s = max(0.0, moment_s - _AROUND_S)
    end_s = min(float(time_s[-1]), moment_s + _AROUND_S)
    shown = (time_s >= start_s) & (time_s <= end_s)

    def x(at_s: FloatArray) -> FloatArray:
        return (at_s - start_s) / max(end_s - start_s, 1e-9) * _WIDTH

    def y(value_g: FloatArray) -> FloatArray:
        return _HEIGHT * (_TOP_G - np.clip(value_g, -3.0, _TOP_G)) / (_TOP_G + 3.0)

    magnitude = np.sqrt((values_g * values_g).sum(axis=1))
    lines = [_line(x(time_s[shown]), y(magnitude[shown]), "#888", 2.0)]
    for axis, colour in enumerate(_COLOURS):
        lines.append(_line(x(time_s[shown]), y(values_g[shown, axis]), colour, 0.8))
    if recording.is_fall:
        at = float(x(np.array([recording.impact_s]))[0])
        lines.append(f'<path d="M{at:.1f} 0V{_HEIGHT}" stroke="#dc2626"/>')
    peaks = recording_peaks(values_g, recording.rate_hz)
    windows = recording_windows(packs.counts(recording), recording.rate_hz, peaks)
    scale_g = np.full(len(peaks), PACK_SCALE_G)
    _, chances = falls(windows, scale_g, recording.rate_hz, model, recording.position)
    for peak, chance in zip(peaks, chances, strict=True):
        if shown[peak]:
            cx, cy = float(x(time_s[[peak]])[0]), float(y(magnitude[[peak]])[0])
            lines.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="3"/>')
            lines.append(
                f'<text x="{cx + 5:.1f}" y="{cy + 12:.1f}" font-size="11">{chance:.2f}</text>'
            )
    name = html.escape(recording.rec_id)
    drawing = "".join(lines)
    return (
        f"<h3>{name} at {moment_s:.1f} s</h3>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">{drawing}</svg>'
    )


def _line(x: FloatArray, y: FloatArray, colour: str, width: float) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
