"""What a run or a what-if says to a person: tables for the terminal, one HTML page to keep."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite
from types import MappingProxyType
from typing import Final

import numpy as np
from rich.table import Table

from firmware_sim.scenarios.schema import Scenario
from firmware_sim.world.scorecard import Scorecard
from firmware_sim.world.what_if import Estimate, Outcome

KIND_ZH: Final = MappingProxyType(
    {
        "fall": "跌倒",
        "slow_slide": "慢慢滑倒",
        "lying_still": "倒地不动",
        "bathroom_stuck": "困在卫生间",
        "wandering": "夜间走失",
        "no_return": "外出未归",
        "out_of_bed": "离床未归",
        "fever": "发热",
        "apnoea": "呼吸暂停",
        "sos": "呼叫",
    }
)
_WIDTH: Final = 860
_ROW_PX: Final = 46
_LEFT_PX: Final = 130
_MAX_S: Final = 900.0
_TICK_S: Final = 120


def scorecard_tables(card: Scorecard) -> list[Table]:
    """Found and missed by kind; false and technical alerts by code."""
    found = Table(title="真实发生的事 what really happened")
    for title in ("类型", "kind", "发生", "发现", "漏报", "延迟中位 s", "延迟 p95 s"):
        found.add_column(title, justify="left" if title in ("类型", "kind") else "right")
    for row in card.rows:
        found.add_row(
            KIND_ZH.get(row.kind, row.kind), row.kind, str(row.happened), str(row.found),
            str(row.missed), _number(row.delay_s(50)), _number(row.delay_s(95)),
        )  # fmt: skip
    false = Table(title=f"误报 false alerts ({card.person_days:.1f} person-days)")
    false.add_column("code")
    false.add_column("count", justify="right")
    false.add_column("per person-day", justify="right")
    for code, count in card.false_alerts.items():
        false.add_row(code, str(count), f"{count / card.person_days:.3f}")
    for code, count in card.technical_alerts.items():
        false.add_row(f"[dim]{code} (技术)", str(count), f"{count / card.person_days:.3f}")
    return [found, false]


def card_fields(card: Scorecard) -> dict[str, object]:
    """A scorecard as a file keeps it."""
    return {
        "person_days": card.person_days,
        "incidents": [
            {
                "kind": row.kind, "happened": row.happened, "found": row.found,
                "missed": row.missed, "delays_s": row.delays_s,
            }
            for row in card.rows
        ],
        "false_alerts": dict(card.false_alerts),
        "technical_alerts": dict(card.technical_alerts),
        "outages": card.outages,
    }  # fmt: skip


def outcome_table(outcomes: Sequence[Outcome], target_s: float) -> Table:
    """One row for each number of carers."""
    table = Table(title=f"到床边用时 time to the bedside (目标 target {target_s:.0f} s)")
    for title in ("护理员", "事件", "中位 s", "p95 s", "超目标 %", "忙碌 %", "巡查拖延 %"):
        table.add_column(title, justify="right")
    for outcome in outcomes:
        table.add_row(
            str(outcome.carers), str(outcome.calls), _interval(outcome.median_s),
            _interval(outcome.p95_s), _interval(outcome.missed_target_share, 100.0),
            _interval(outcome.busy_share, 100.0), _interval(outcome.rounds_late_share, 100.0),
        )  # fmt: skip
    return table


def what_if_page(scenario: Scenario, outcomes: Sequence[Outcome], seeds: int) -> str:
    """A page without scripts: each call of all nights as a mark, percentiles above them."""
    rows = "".join(_strip(k, outcome) for k, outcome in enumerate(outcomes))
    height = _ROW_PX * len(outcomes) + 30
    target = scenario.staff.target_bedside_s
    axis = "".join(
        f'<text x="{_x(tick)}" y="{height - 6}">{tick} s</text>'
        f'<line x1="{_x(tick)}" x2="{_x(tick)}" y1="0" y2="{height - 20}" stroke="#ddd"/>'
        for tick in range(0, int(_MAX_S) + 1, _TICK_S)
    )
    text = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(each))}</tr>" for each in outcomes
    )
    head = "".join(
        f"<th>{title}</th>"
        for title in ("护理员", "事件", "中位 (95%)", "p95 (95%)", "超目标 (95%)", "忙碌")
    )
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8">'
        f"<title>{escape(scenario.title_zh)} · 人手推演</title>"
        "<style>body{font:16px/1.6 system-ui,"
        "'Noto Sans CJK SC',sans-serif;max-width:900px;margin:2em auto;color:#1c2b29}"
        "td,th{padding:.3em .9em;border-bottom:1px solid #ccc;text-align:right}"
        "table{border-collapse:collapse}text{font-size:12px;fill:#444}</style>"
        f"<h1>{escape(scenario.title_zh)}：几个护理员够用？</h1><p>{escape(scenario.story_zh)}</p>"
        f"<p>{escape(scenario.story_en)}</p>"
        f"<p>同样的 {seeds} 夜，只变人数；目标 {target:.0f} 秒到床边。"
        f"Simulated people only; the same {seeds} nights for each number of carers.</p>"
        f"<table><tr>{head}</tr>{text}</table>"
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" '
        f'aria-label="time to the bedside">{axis}'
        f'<line x1="{_x(target)}" x2="{_x(target)}" y1="0" y2="{height - 20}" stroke="#c8102e"/>'
        f"{rows}</svg></html>"
    )


def _strip(number: int, outcome: Outcome) -> str:
    y = number * _ROW_PX + 24
    jitter = np.random.default_rng(number).uniform(-9, 9, len(outcome.times_s))
    marks = "".join(
        f'<circle cx="{_x(time_s)}" cy="{y + off:.0f}" r="2" fill="#0b6b62" opacity=".35"/>'
        for time_s, off in zip(outcome.times_s, jitter, strict=True)
    )
    p95 = outcome.p95_s.value
    line = (
        f'<line x1="{_x(p95)}" x2="{_x(p95)}" y1="{y - 14}" y2="{y + 14}" stroke="#111" '
        f'stroke-width="2"/><text x="{_x(p95) + 4}" y="{y - 8}">p95 {p95:.0f} s</text>'
        if isfinite(p95)
        else ""
    )
    return f'<text x="4" y="{y + 4}">{outcome.carers} 个护理员</text>{marks}{line}'


def _x(seconds: float) -> int:
    shown = min(seconds, _MAX_S) if isfinite(seconds) else _MAX_S
    return round(_LEFT_PX + shown / _MAX_S * (_WIDTH - _LEFT_PX - 20))


def _cells(outcome: Outcome) -> tuple[str, ...]:
    return (
        str(outcome.carers), str(outcome.calls), _interval(outcome.median_s),
        _interval(outcome.p95_s), _interval(outcome.missed_target_share, 100.0) + " %",
        f"{100 * outcome.busy_share.value:.0f} %",
    )  # fmt: skip


def _interval(estimate: Estimate, times: float = 1.0) -> str:
    if not isfinite(estimate.value):
        return "–"
    value, low, high = (times * part for part in (estimate.value, estimate.low, estimate.high))
    digits = 1 if times > 1.0 else 0
    return f"{value:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
