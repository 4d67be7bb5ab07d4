"""The learned day of each home, and its alarms, as one HTML page that needs nothing else."""

from __future__ import annotations

from html import escape
from typing import Final

import numpy as np

from edge.events import EventKind
from edge.inactivity.limits import LEARNED_AFTER_DAYS, S_PER_DAY, S_PER_HOUR, SLOT_S, SLOTS, Context
from edge.inactivity.profile import ROOM_KINDS
from edge.inactivity.reasons import REASONS, ROOM_NAMES
from edge.inactivity.training.backtest import Result, iso
from edge.inactivity.watch import Watch
from edge.reasons import say
from edge.signals import NS_PER_S

_WIDTH: Final = 960
_COLOURS: Final = ("#4c78a8", "#72b7b2", "#f58518", "#54a24b", "#b279a2", "#9d755d", "#bab0ac")
_CONTEXT_NAMES: Final = {
    Context.ROOM: "房间 room",
    Context.BEDROOM: "卧室 bedroom",
    Context.BATHROOM: "卫生间 bathroom",
    Context.BED: "在床 in bed",
    Context.SEAT: "座椅 seat",
    Context.MAYBE_OUT: "可能外出 may be out",
    Context.OUT: "外出 out",
}
_RAISED: Final = {EventKind.INACTIVITY: "#d62728", EventKind.NO_RETURN: "#e377c2"}
_MAX_DAYS: Final = 400
_ROW_PX: Final = 4


def report(results: list[Result]) -> str:
    """The page."""
    body = "".join(_home(result) for result in results)
    style = (
        "body{font:15px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;margin:2em auto;"
        f"max-width:{_WIDTH + 40}px;color:#222}}svg{{display:block;margin:.5em 0 1.5em}}"
        "text{font-size:11px;fill:#555}li{margin:.2em 0}"
    )
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>长时间无活动 回测</title>'
        f"<style>{style}</style><h1>长时间无活动：学到的一天与报警</h1>"
        "<p>Inactivity backtest: the learned day and the alarms. "
        "Recorded homes, development data.</p>"
        f"{body}</html>"
    )


def _home(result: Result) -> str:
    return (
        f"<h2>{escape(result.home.name)}</h2>"
        "<h3>一天中各房间的活动 activity by room and time of day</h3>"
        f"{_rooms(result.watch)}"
        "<h3>此刻起无活动，多少小时后提醒 hours of silence until an alarm</h3>"
        f"{_limits(result.watch)}"
        "<h3>每日活动与报警 each day's activity and alarms</h3>"
        f"{_raster(result)}{_list(result)}"
    )


def _axis(height: float) -> str:
    return "".join(
        f'<line x1="{hour * _WIDTH / 24:.0f}" x2="{hour * _WIDTH / 24:.0f}" y1="0" '
        f'y2="{height:.0f}" stroke="#ddd"/>'
        f'<text x="{hour * _WIDTH / 24 + 2:.0f}" y="{height + 12:.0f}">{hour:02d}:00</text>'
        for hour in range(0, 24, 3)
    )


def _svg(height: float, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height + 16:.0f}" width="{_WIDTH}" '
        f'height="{height + 16:.0f}" role="img">{_axis(height)}{content}</svg>'
    )


def _legend(entries: list[tuple[str, str]]) -> str:
    return " ".join(f'<span style="color:{colour}">■</span> {name}' for name, colour in entries)


def _rooms(watch: Watch) -> str:
    use, height = watch.profile.room_use, 120.0
    top = float(use.sum(axis=1).max()) or 1.0
    bars, width = [], _WIDTH / len(use)
    for block, counts in enumerate(use):
        y = height
        for room, count in enumerate(counts):
            tall = height * float(count) / top
            y -= tall
            bars.append(
                f'<rect x="{block * width + 1:.1f}" y="{y:.1f}" width="{width - 2:.1f}" '
                f'height="{tall:.1f}" fill="{_COLOURS[room]}"/>'
            )
    seen = [
        (f"{ROOM_NAMES[kind][0]} {ROOM_NAMES[kind][1]}", _COLOURS[room])
        for room, kind in enumerate(ROOM_KINDS)
        if use[:, room].any()
    ]
    return _legend(seen) + _svg(height, "".join(bars))


def _limits(watch: Watch) -> str:
    if watch.profile.active_days < LEARNED_AFTER_DAYS:
        return "<p>仍在学习 still learning</p>"
    height, top_h = 160.0, 14.0
    lines, entries = [], []
    # Any Wednesday: weekdays differ by a factor that the picture leaves out.
    midnight = 6 * S_PER_DAY
    for context in Context:
        if not watch.profile.starts[context].any() and context is not Context.OUT:
            continue
        points = []
        for slot in range(SLOTS):
            start = float(midnight + slot * SLOT_S)
            limit_s = watch.profile.limit_at(
                context, start, watch.state.lived_ns / NS_PER_S,
                watch.limits.false_alarms_per_week,
            ) - start  # fmt: skip
            hours = min(max(limit_s, watch.limits.min_limit_s) / S_PER_HOUR, top_h)
            x, y = (slot + 0.5) * _WIDTH / SLOTS, height * (1 - hours / top_h)
            points.append(f"{x:.1f},{y:.1f}")
        colour = _COLOURS[context]
        entries.append((_CONTEXT_NAMES[context], colour))
        lines.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" '
            'stroke-width="2"/>'
        )
    for hours in (4, 8, 12):
        y = height * (1 - hours / top_h)
        lines.append(f'<line x1="0" x2="{_WIDTH}" y1="{y:.0f}" y2="{y:.0f}" stroke="#eee"/>')
        lines.append(f'<text x="2" y="{y - 2:.0f}">{hours} h</text>')
    return _legend(entries) + _svg(height, "".join(lines))


def _raster(result: Result) -> str:
    times = result.home.row_ns // NS_PER_S
    first_day = int(times[0]) // S_PER_DAY
    day = times // S_PER_DAY - first_day
    slots = np.unique(np.stack((day, times % S_PER_DAY // 300)), axis=1)
    slots = slots[:, slots[0] < _MAX_DAYS]
    height = float((int(slots[0].max()) + 1) * _ROW_PX)
    wide = _WIDTH * 300 / S_PER_DAY
    marks = [
        f'<rect x="{slot * wide:.1f}" y="{row * _ROW_PX}" width="{wide:.1f}" '
        f'height="{_ROW_PX - 1}" fill="#8aa"/>'
        for row, slot in slots.T.tolist()
    ]
    for finding in result.findings:
        colour = _RAISED.get(finding.kind)
        row = finding.time_ns // NS_PER_S // S_PER_DAY - first_day
        if colour is not None and row < _MAX_DAYS:
            x = finding.time_ns // NS_PER_S % S_PER_DAY * _WIDTH / S_PER_DAY
            marks.append(f'<circle cx="{x:.1f}" cy="{row * _ROW_PX + 2}" r="4" fill="{colour}"/>')
    names = [("无活动 inactivity", "#d62728"), ("外出未归 no return", "#e377c2")]
    return _legend(names) + _svg(height, "".join(marks))


def _list(result: Result) -> str:
    entries = [
        f"<li>{iso(f.time_ns)[:16]} {escape(f.kind)}: "
        + escape("；".join(say(REASONS, reason) for reason in f.reasons))
        + "<br>"
        + escape("; ".join(say(REASONS, reason, "en") for reason in f.reasons))
        + "</li>"
        for f in result.findings
        if f.kind in _RAISED
    ]
    return f"<ul>{''.join(entries)}</ul>"
