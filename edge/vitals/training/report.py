"""An HTML page with one plot a night: answers, reference, and where nothing was said."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.signals import FloatArray

_WIDTH: Final = 1000
_HEIGHT: Final = 160
_TOP_RATE: Final = 40.0
_S_PER_HOUR: Final = 3600


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """What is plotted, all (n,): window ends in s, answers, reference (NaN: none), moving 0/1."""

    record: str
    t_end_s: FloatArray
    answers: FloatArray
    reference: FloatArray
    moving: FloatArray


def write_report(path: Path, nights: list[Night]) -> None:
    """One self-contained page."""
    body = "\n".join(_plot(night) for night in nights)
    path.write_text(
        "<!doctype html><html lang='zh-CN'><meta charset='utf-8'><title>呼吸回测</title>"
        "<style>body{font-family:sans-serif;max-width:1040px;margin:auto}"
        "svg{border:1px solid #ccc}</style><h1>呼吸频率回测 / respiration backtest</h1>"
        "<p>蓝线：系统的值；灰点：两种方法一致的参考；红底：参考认为在体动；"
        "白处无蓝线：系统不给值。<br>Blue: what the hub says. Grey: the consensus reference. "
        "Red: moving, by the reference. No blue: the hub says no value. "
        f"Development data.</p>{body}</html>",
        encoding="utf-8",
    )


def _plot(night: Night) -> str:
    span_s = float(night.t_end_s[-1])
    x = night.t_end_s / span_s * _WIDTH
    width = 60 / span_s * _WIDTH

    def y(rate: float) -> float:
        return _HEIGHT * (1 - min(rate, _TOP_RATE) / _TOP_RATE)

    shapes = [
        f"<rect x='{at - width:.1f}' y='0' width='{width:.2f}' height='{_HEIGHT}' fill='#fdd'/>"
        for at in x[night.moving == 1]
    ]
    shapes += [
        f"<circle cx='{at:.1f}' cy='{y(rate):.1f}' r='1.5' fill='#888'/>"
        for at, rate in zip(x, night.reference, strict=True)
        if np.isfinite(rate)
    ]
    for start, end in _runs(np.isfinite(night.answers)):
        points = " ".join(f"{x[k]:.1f},{y(night.answers[k]):.1f}" for k in range(start, end))
        shapes.append(f"<polyline points='{points}' fill='none' stroke='#05c'/>")
    answered = np.isfinite(night.answers).mean()
    title = f"{html.escape(night.record)}: {span_s / _S_PER_HOUR:.1f} h, {answered:.0%}"
    return f"<h3>{title}</h3><svg width='{_WIDTH}' height='{_HEIGHT}'>{''.join(shapes)}</svg>"


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of true flags as [start, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
